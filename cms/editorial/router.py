"""Routes of the verbs: publishing, reviewing, restoring; for every content type whose records know them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, Field

from cms.crud.answers import written
from cms.crud.conditional import ANY_VERSION, check_version, expected_version
from cms.crud.content_type import ContentType
from cms.crud.doors import (
    VERSION_PROBLEMS,
    WRITE_PROBLEMS,
    Doors,
    Handler,
    IfMatch,
    json_router,
    key_parameter,
    only_parameters,
    require_json,
    require_json_if_any,
    typed,
)
from cms.crud.fields import SLUG_PATTERN, Matching, Model, Time, refuse_unstorable
from cms.crud.filters import Parameter
from cms.crud.policy import Action
from cms.crud.problems import NotFound, PreconditionFailed, Problem, responses
from cms.crud.schemas import read_schema, refuse_id
from cms.crud.service import UnitOfWork
from cms.crud.values import one_of
from cms.editorial.behaviours import Publishable, Reviewable, Trashable
from cms.editorial.trash import NO_SLUGS, TrashingService
from cms.editorial.workflow import EditorialService

NO_PARAMETERS: Mapping[str, Parameter] = {}
OF = Parameter(
    "of",
    one_of(("publication", "end")),
    {"type": "string", "enum": ["publication", "end"]},
    "What is called off: the publication that waits, or the end of what is public. Left out, it is whatever waits, "
    "the publication first; who may come too late for that says so, or the end is dropped instead.",
    example="publication",
)


class Moment(Model):
    """When a change of visibility takes effect."""

    at: Time | None = Field(
        None, description="A time with a zone; now, if left out.", examples=["2027-01-01T08:00:00Z"]
    )


class ReturnNote(Model):
    """Why something is returned to its author."""

    note: Annotated[str, AfterValidator(refuse_unstorable)] = Field(
        min_length=1, max_length=2000, description="What is to be done.", examples=["Name your sources."]
    )


_Slug = Annotated[
    str,
    Field(min_length=1, max_length=120),
    Matching(SLUG_PATTERN, "Lower-case letters, digits and hyphens."),
    AfterValidator(refuse_id),
]


class Place(Model):
    """Where something that comes out of the trash is found."""

    slug: _Slug | None = Field(
        None, description="The slug that it has from now on; its own, if left out.", examples=["slow-tides-2"]
    )
    slugs: dict[UUID, _Slug] = Field(
        {}, max_length=1_000, description="The same for those below it that come along, by their ids."
    )


def build_workflow_router(content_type: ContentType[Any], doors: Doors) -> APIRouter:
    """The workflow routes of a content type; none where its records are neither published nor trashed."""
    routes = WorkflowRoutes(content_type, doors)
    if issubclass(content_type.model, Publishable):
        for verb in ("publish", "unpublish"):
            routes.add("POST", verb, routes.at_a_moment(verb), [Depends(require_json_if_any)])
        routes.add("DELETE", "schedule", routes.drop("schedule"), parameters={"of": OF})
        routes.add("DELETE", "draft", routes.drop("draft"))
    if issubclass(content_type.model, Reviewable):
        routes.add("POST", "submit", routes.submit())
        routes.add("POST", "approve", routes.at_a_moment("approve"), [Depends(require_json_if_any)])
        routes.add("POST", "return", routes.return_(), [Depends(require_json)])
    if issubclass(content_type.model, Trashable):
        routes.add("POST", "restore", routes.restore(), [Depends(require_json_if_any)])
    return routes.router


class WorkflowRoutes:
    """The handlers of the verbs, for one content type."""

    def __init__(self, content_type: ContentType[Any], doors: Doors) -> None:
        self.router = json_router(content_type, doors)
        self._content_type = content_type
        self._doors = doors

    def add(
        self,
        method: str,
        verb: str,
        handler: Handler,
        dependencies: Sequence[Any] = (),
        parameters: Mapping[str, Parameter] = NO_PARAMETERS,
    ) -> None:
        """A route that acts on one record."""
        content_type, drops = self._content_type, method == "DELETE"
        name = f"{_DROPS[verb]}_{content_type.singular}_{verb}" if drops else f"{verb}_{content_type.singular}"
        done = name.partition("_")[0].capitalize()
        self.router.add_api_route(
            f"/{{key}}/{verb}",
            handler,
            methods=[method],
            status_code=HTTPStatus.NO_CONTENT if drops else HTTPStatus.OK,
            operation_id=name,
            summary=f"{done} {content_type.label.lower()}{f' {verb}' if drops else ''}",
            response_model=None if drops else read_schema(content_type, self._doors.registry),
            responses=responses(*WRITE_PROBLEMS, *self._problems(method, verb)),
            dependencies=[Depends(only_parameters(parameters)), *dependencies],
            openapi_extra={"parameters": [parameter.document() for parameter in parameters.values()]},
        )

    @staticmethod
    def _problems(method: str, verb: str) -> tuple[type[Problem], ...]:
        if method == "DELETE":
            return VERSION_PROBLEMS
        return (NotFound,) if verb == "restore" else (NotFound, PreconditionFailed)

    def at_a_moment(self, verb: str) -> Handler:
        """Publish, unpublish or approve: now, or at a time."""
        content_type = self._content_type

        async def change_visibility(
            key: str, work: UnitOfWork, moment: Moment | None = None, if_match: str | None = None
        ) -> Response:
            service = _service(work, content_type)
            record = await service.get(key, Action.PUBLISH)
            if verb == "unpublish":
                check_version(_expected(if_match), record.version)
            else:
                await service.check_seen(record, _expected(if_match))
            change = {"publish": service.publish, "unpublish": service.unpublish, "approve": service.approve}[verb]
            await change(record, moment.at if moment else None)
            return await written(work, content_type, record.id)

        return self._keyed(change_visibility, if_match=IfMatch)

    def submit(self) -> Handler:
        """Ask for a review."""
        content_type = self._content_type

        async def submit_record(key: str, work: UnitOfWork, if_match: str | None = None) -> Response:
            service = _service(work, content_type)
            record = await service.get(key, Action.DRAFT)
            await service.check_seen(record, _expected(if_match))
            await service.submit(record)
            return await written(work, content_type, record.id)

        return self._keyed(submit_record, if_match=IfMatch)

    def return_(self) -> Handler:
        """Give something back to its author."""
        content_type = self._content_type

        async def return_record(key: str, work: UnitOfWork, note: ReturnNote, if_match: str | None = None) -> Response:
            service = _service(work, content_type)
            record = await service.get(key, Action.PUBLISH)
            await service.check_seen(record, _expected(if_match))
            await service.return_(record, note.note)
            return await written(work, content_type, record.id)

        return self._keyed(return_record, if_match=IfMatch)

    def drop(self, what: str) -> Handler:
        """Call a schedule off, or discard a working draft."""
        content_type, action = self._content_type, Action.PUBLISH if what == "schedule" else Action.DRAFT

        async def drop_pending(request: Request, key: str, work: UnitOfWork, if_match: str | None = None) -> Response:
            service = _service(work, content_type)
            record = await service.get(key, action)
            expected = expected_version(if_match)
            if what == "schedule":
                await service.cancel_schedule(record, expected, request.query_params.get("of"))
            else:
                await service.discard_draft(record, expected)
            return Response(status_code=HTTPStatus.NO_CONTENT)

        return self._keyed(drop_pending, if_match=IfMatch)

    def restore(self) -> Handler:
        """Take something out of the trash."""
        content_type = self._content_type

        async def restore_record(key: str, work: UnitOfWork, place: Place | None = None) -> Response:
            service = work.service(content_type)
            assert isinstance(service, TrashingService)  # noqa: S101 - as in `_service`
            record = await service.restore(key, place.slug if place else None, place.slugs if place else NO_SLUGS)
            return await written(work, content_type, record.id, HTTPStatus.OK)

        return self._keyed(restore_record)

    def _keyed(self, handler: Handler, **annotations: Any) -> Handler:
        return typed(handler, key=key_parameter(self._content_type), work=self._doors.work, **annotations)


_DROPS = {"schedule": "cancel", "draft": "discard"}


def _expected(if_match: str | None) -> int:
    """The version that a verb is meant for; any, where the header is left out."""
    return ANY_VERSION if if_match is None else expected_version(if_match)


def _service(work: UnitOfWork, content_type: ContentType[Any]) -> EditorialService[Any]:
    service = work.service(content_type)
    assert isinstance(service, EditorialService)  # noqa: S101 - types of such behaviours declare such a service
    return service
