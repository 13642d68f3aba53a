"""The error tree and its one handler: every failure leaves as `application/problem+json` (RFC 9457).

Problem
├── BadQuery 400             ├── Conflict 409              ├── Invalid 422
├── Unauthorized 401         ├── PreconditionFailed 412    ├── PreconditionRequired 428
├── Forbidden 403            ├── ContentTooLarge 413       ├── TooManyRequests 429
└── NotFound 404             └── UnsupportedMedia 415      └── Unavailable 503

The status stands on the class, the sentence for people in `str()`.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

PROBLEM_JSON = "application/problem+json"


class FieldError(NamedTuple):
    """One field at fault.

    :param detail: a sentence.
    :param pointer: where in the body, as a JSON pointer (RFC 6901) such as `/tags/2`.
    :param parameter: or which query parameter.
    :param status: where one of several records is at fault, the status that it would get by itself.
    :param current_version: and its version, where that is the fault.
    :param proposed: a value that would be accepted in its place.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    status: int | None = None
    current_version: int | None = None
    proposed: str | None = None


class Problem(Exception):
    """An error that the caller can understand and act on.

    :param detail: one or two sentences: what is wrong, and what to do.
    :param errors: the fields at fault, all of them at once.
    :param headers: headers of the answer.
    :param extensions: further members of the problem, such as `current_version`.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extensions = extensions

    def body(self, request_id: str | None) -> dict[str, Any]:
        """The problem as the JSON object that RFC 9457 describes."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        if self.errors:
            members["errors"] = [{k: v for k, v in e._asdict().items() if v is not None} for e in self.errors]
        return {**members, **self.extensions, "request_id": request_id}


class BadQuery(Problem):
    """A query parameter is unknown or has a value that can't be read."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(Problem):
    """Nobody is signed in, and this needs somebody."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, detail: str = "Sign in first: this needs a valid bearer token.", **options: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, **options)


class Forbidden(Problem):
    """Who is signed in may see this, but not do that."""

    status = HTTPStatus.FORBIDDEN


class NotFound(Problem):
    """There is nothing of that name that the caller may see."""

    status = HTTPStatus.NOT_FOUND


class Conflict(Problem):
    """The change contradicts something that is already there."""

    status = HTTPStatus.CONFLICT


class PreconditionFailed(Problem):
    """The caller's version is not the current one; `current_version` tells which is."""

    status = HTTPStatus.PRECONDITION_FAILED


class ContentTooLarge(Problem):
    """The body is larger than this route takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMedia(Problem):
    """The body is of a type that is not taken here."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Invalid(Problem):
    """The body can be read but not accepted; `errors` names each field."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionRequired(Problem):
    """A write came without the version it was made from (RFC 6585)."""

    status = HTTPStatus.PRECONDITION_REQUIRED


class TooManyRequests(Problem):
    """The caller has used up its share; `Retry-After` says when to come back, in seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, detail: str, *, retry_after: int, **options: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **options)


class Unavailable(Problem):
    """Something that is needed does not answer; nothing was changed, and the same request may work soon."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str, *, retry_after: int = 2, **options: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **options)


class FieldErrorDocument(BaseModel):
    """One field at fault: where, and what is wrong."""

    model_config = ConfigDict(title="FieldError")

    detail: str = Field(description="What is wrong, as a sentence.")
    pointer: str | None = Field(None, description="Where in the body (RFC 6901).", examples=["/title"])
    parameter: str | None = Field(None, description="Which parameter.", examples=["sort"])
    status: int | None = Field(None, description="Of one of several records: the status of its own.", examples=[412])
    current_version: int | None = Field(None, description="On 412, of one of several: the version that stands.")
    proposed: str | None = Field(None, description="What would be accepted in its place.", examples=["slow-tides-2"])


_PLAIN: Any = [{"type": kind} for kind in ("null", "boolean", "number", "string", "object")]
ANY_VALUE: dict[str, Any] = {"anyOf": [*_PLAIN, {"type": "array", "items": {"anyOf": _PLAIN}}]}
"""Any value that a field may have, said so that generators of typed clients understand it."""


class OverlapDocument(BaseModel):
    """A field that two sides changed, each in its way."""

    model_config = ConfigDict(title="Overlap")

    base: Any = Field(description="What both began with.", json_schema_extra=ANY_VALUE)
    mine: Any = Field(description="What this request, or the draft, makes of it.", json_schema_extra=ANY_VALUE)
    theirs: Any = Field(description="What it is now.", json_schema_extra=ANY_VALUE)


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 describes it."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="A URI that names the kind of problem.", examples=["about:blank"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong and what to do.", examples=["There is no article “slow-tides”."])
    errors: list[FieldErrorDocument] | None = Field(None, description="The fields at fault.")
    current_version: int | None = Field(None, description="On 412 and on a failed merge: the version that stands.")
    conflicts: dict[str, OverlapDocument] | None = Field(
        None, description="On 409, where a merge failed: the fields that both sides changed, by name."
    )
    request_id: str | None = Field(description="Quote it when you report this.", examples=["0f8fad5bd9cb469fa165"])


def responses(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI `responses` entries of the problems that a route can answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        int(problem.status): {
            "description": (problem.__doc__ or "").split("\n")[0],
            "content": {PROBLEM_JSON: {"schema": schema}},
        }
        for problem in problems
    }


def suggestion(word: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known word, or lists the known ones where none is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean “{near[0]}”?"
    return f" Known are: {', '.join(names)}." if 0 < len(names) <= 40 else ""


def invalid_from(error: ValidationError | RequestValidationError, model: type[BaseModel] | None = None) -> Invalid:
    """One `Invalid` that names every field a Pydantic validation found at fault.

    :param model: what was validated against; its field names are suggested in the place of unknown ones.
    """
    skipped = 1 if isinstance(error, RequestValidationError) else 0  # “body”
    errors = [_field_error(details, details["loc"][skipped:], model) for details in error.errors()]
    fields = ", ".join(dict.fromkeys(e.pointer or "the body" for e in errors))
    return Invalid(f"The request body was not accepted: see {fields}.", errors=errors)


def _field_error(
    details: ErrorDetails | dict[str, Any], where: Sequence[Any], model: type[BaseModel] | None
) -> FieldError:
    location = [str(part) for part in where]
    pointer = "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in location)
    if details["type"] == "extra_forbidden":
        known = _model_at(model, location[:-1])
        hint = suggestion(location[-1], known.model_fields) if known else ""
        return FieldError(f"There is no field “{location[-1][:100]}”.{hint}", pointer)
    return FieldError(sentence_of(details), pointer if location else "")


def _model_at(model: type[BaseModel] | None, path: Sequence[str]) -> type[BaseModel] | None:
    """The model that stands at a place inside another one."""
    for name in path:
        if model is not None and name in model.model_fields:
            model = _model_in(model.model_fields[name].annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is about, such as that of `list[MenuItem] | None`."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def sentence_of(details: ErrorDetails | dict[str, Any]) -> str:
    """What Pydantic found wrong, as a sentence."""
    if details["type"] == "too_short" and details.get("ctx", {}).get("field_type") == "Value":  # a secret text
        return f"At least {details['ctx']['min_length']} characters are needed."
    message = str(details["msg"]).removeprefix("Value error, ")
    return message if message.endswith((".", "?", "!")) else f"{message}."
