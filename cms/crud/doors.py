"""What every route is made of: how it reaches the application, what its parameters look like, what it refuses first."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

from fastapi import APIRouter, Body, Depends, Header, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

from cms.crud.bodies import JsonRoute
from cms.crud.conditional import TAG_PATTERN
from cms.crud.content_type import ContentType
from cms.crud.fields import Matching
from cms.crud.filters import Parameter
from cms.crud.policy import Action, Actor
from cms.crud.problems import (
    BadQuery,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)
from cms.crud.query import parse
from cms.crud.registry import Registry
from cms.crud.rights import refusal
from cms.crud.service import UnitOfWork

T = TypeVar("T")
Handler = Callable[..., Coroutine[Any, Any, Response]]
# A header can't be null: it is there or it is not. `SkipJsonSchema` keeps the null that stands for its absence out.
IfMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(
        description='The ETag that the change was made from, `"v<version>"`, or `*`.',
        examples=['"v3"'],
        max_length=500,
        json_schema_extra={"pattern": TAG_PATTERN},
    ),
]
IfNoneMatch = Annotated[
    str | SkipJsonSchema[None],
    Header(description="An ETag that the caller holds.", examples=['"v3-00ff"'], max_length=2000),
]

READ_PROBLEMS = (BadQuery, Unauthorized, Forbidden, Unavailable)
WRITE_PROBLEMS = (*READ_PROBLEMS, Invalid, Conflict, UnsupportedMedia, TooManyRequests)
VERSION_PROBLEMS = (NotFound, PreconditionFailed, PreconditionRequired)


class PlainParameter(Generic[T]):
    """A parameter that a handler reads from its request: FastAPI's own reading is a thirtieth of an answer's cost.

    :param name: as the path or the header has it.
    :param annotation: what FastAPI would take for a parameter of the handler.
    """

    def __init__(self, name: str, place: Literal["path", "header"], annotation: Any) -> None:
        self._name = name
        self._place = place
        self._adapter: TypeAdapter[T] = TypeAdapter(annotation)

    def document(self) -> dict[str, Any]:
        """The parameter as an OpenAPI parameter object."""
        schema = self._adapter.json_schema()
        description = schema.pop("description")
        required = self._place == "path"
        return {
            "name": self._name,
            "in": self._place,
            "required": required,
            "schema": schema,
            "description": description,
        }

    def read(self, request: Request) -> T:
        """What the request has there; None stands for a header that is not sent.

        :raises RequestValidationError: if it can't be that.
        """
        received: Mapping[str, Any] = request.path_params if self._place == "path" else request.headers
        value = received.get(self._name)
        if value is None:
            return None  # type: ignore[return-value]  # T has None where it may be missing: only a header can be
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            place = (self._place, self._name)
            raise RequestValidationError([{**fault, "loc": place} for fault in error.errors()]) from None


class Database(Protocol):
    """What routes need of a database: a way to run a function that reads a little."""

    async def read_soon(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run `function(connection, *args)`."""


@dataclass(frozen=True, slots=True)
class Doors:
    """How a request is connected to the rest of the application.

    :param registry: the content types.
    :param get_actor: who is asking, by the request; a FastAPI dependency, too.
    :param get_work: a FastAPI dependency: the request's unit of work; it commits before the answer leaves.
    :param prefix: the path that all routes lie under.
    :param security: what documents who is asking, of routes that find it out by themselves (OpenAPI).
    """

    registry: Registry
    get_actor: Callable[[Request], Awaitable[Actor]]
    get_work: Callable[..., Any]
    prefix: str = ""
    security: Sequence[Mapping[str, list[str]]] = ()

    @property
    def actor(self) -> Any:
        """The annotation of a handler's parameter that takes the actor."""
        return Annotated[Actor, Depends(self.get_actor)]

    @property
    def work(self) -> Any:
        """The annotation of a handler's parameter that takes the unit of work."""
        return Annotated[UnitOfWork, Depends(self.get_work, scope="function")]


def json_router(content_type: ContentType[Any], doors: Doors, dependencies: Sequence[Any] = ()) -> APIRouter:
    """An empty router where the routes of a content type lie; they read JSON strictly."""
    return APIRouter(
        prefix=f"{doors.prefix}/{content_type.name}",
        tags=[content_type.name],
        route_class=JsonRoute,
        dependencies=dependencies,
    )


def typed(handler: Handler, **annotations: Any) -> Handler:
    """Give a handler the annotations that only run time knows, for FastAPI; type checkers see the declared ones."""
    handler.__annotations__.update(annotations)
    return handler


def require_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON, before reading it.

    :raises UnsupportedMedia: for any other type, and for none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMedia("Send the body as JSON, with Content-Type: application/json.")


async def require_json_if_any(request: Request) -> None:
    """Refuse a body that is not declared as JSON, where there is one.

    :raises UnsupportedMedia: for any other type, and for none.
    """
    if await request.body():
        require_json(request)


def only_parameters(parameters: Mapping[str, Parameter]) -> Handler:
    """A dependency that refuses all query parameters but these."""

    async def check_parameters(request: Request) -> Any:
        parse(request.query_params.multi_items(), parameters)

    return check_parameters


def refuse_parameters(request: Request) -> None:
    """Refuse query parameters where a route has none.

    :raises BadQuery: naming them.
    """
    parse(request.query_params.multi_items(), {})


def json_body(schema: Any) -> Any:
    """The annotation of a parameter that takes the JSON body."""
    return Annotated[schema, Body()]


def gate(content_type: ContentType[Any], doors: Doors, action: Action) -> Any:
    """A dependency: who may not do that to any record is told so before the body is looked at."""

    async def pass_gate(actor: Actor) -> None:
        if not content_type.policy.can(actor, action):
            raise refusal(actor, action, content_type)

    pass_gate.__annotations__["actor"] = doors.actor
    return Depends(pass_gate)


def key_parameter(content_type: ContentType[Any]) -> Any:
    """The annotation of the path parameter that names a record."""
    by = f"or its {content_type.key_field}" if content_type.key_field else "of the record"
    return Annotated[
        str,
        Path(description=f"The id {by}.", min_length=1, max_length=254),
        Matching(r"[^\x00/]+", "No record goes by such a name."),
    ]
