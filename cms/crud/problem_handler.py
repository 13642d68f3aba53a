"""The one handler of failures: each leaves as `application/problem+json` (RFC 9457). The access log tells of them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.routing import Match

from cms.crud.idempotency import Replay
from cms.crud.problems import (
    PROBLEM_JSON,
    BadQuery,
    FieldError,
    Invalid,
    NotFound,
    Problem,
    TooManyRequests,
    Unavailable,
    invalid_from,
    sentence_of,
)


def respond(problem: Problem, request: Request) -> Response:
    """The problem as an HTTP answer."""
    request_id = getattr(request.state, "request_id", None)
    content = to_json(problem.body(request_id))
    return Response(content, int(problem.status), problem.headers, PROBLEM_JSON)


def add_problem_handler(app: FastAPI, translate: Mapping[type[Exception], type[Problem]] | None = None) -> None:
    """Make every failure of the application leave as a problem.

    :param translate: exceptions of other rooms and the problem that each is to the caller; its sentence is kept.
    """

    async def handle_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - narrows what the registration below guarantees
        return respond(error, request)

    async def handle_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
        return respond(_problem_from_request(error, request), request)

    async def handle_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as above
        return respond(_problem_from_http(error, request), request)

    async def handle_replay(_: Request, error: Exception) -> Response:
        assert isinstance(error, Replay)  # noqa: S101 - as above
        return error.response

    async def handle_unexpected(request: Request, _: Exception) -> Response:
        return respond(Problem("Something went wrong on our side. Nothing was changed."), request)

    app.add_exception_handler(Problem, handle_problem)
    app.add_exception_handler(RequestValidationError, handle_validation)
    app.add_exception_handler(HTTPException, handle_http)
    app.add_exception_handler(Replay, handle_replay)
    app.add_exception_handler(Exception, handle_unexpected)
    for source, target in (translate or {}).items():
        app.add_exception_handler(source, _translator(target))


def _translator(target: type[Problem]) -> Any:
    async def handle(request: Request, error: Exception) -> Response:
        return respond(target(str(error)), request)

    return handle


def _problem_from_request(error: RequestValidationError, request: Request) -> Problem:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return Invalid("The body is not well-formed JSON.")
    if first["loc"][:1] == ("body",) and len(first["loc"]) == 1 and first["type"] == "missing":
        return Invalid("This needs a JSON body: send one with Content-Type: application/json.")
    if first["loc"][:1] in {("query",), ("path",), ("header",)}:
        errors = [FieldError(sentence_of(d), parameter=str(d["loc"][-1])) for d in error.errors()]
        return BadQuery(f"The parameter “{errors[0].parameter}” can't be read: {errors[0].detail}", errors=errors)
    return invalid_from(error, _body_model(request))


def _body_model(request: Request) -> type[BaseModel] | None:
    """What the body of the request's route is validated against."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model = body and body.field_info.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _problem_from_http(error: HTTPException, request: Request) -> Problem:
    by_status: dict[int, type[Problem]] = {int(p.status): p for p in Problem.__subclasses__()}
    kind = by_status.get(error.status_code)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(f"There is nothing at {request.url.path}.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = ", ".join(_methods_at(request))
        return _of_status(error, f"{request.method} is not possible here; use {methods}.", {"Allow": methods})
    if isinstance(error.__cause__, Problem):  # FastAPI wraps whatever the reading of a body raises
        return error.__cause__
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return BadQuery("The request could not be read: send well-formed JSON (or the form that this route takes).")
    if kind is None or issubclass(kind, (TooManyRequests, Unavailable)):
        return _of_status(error, str(error.detail), error.headers)
    return kind(str(error.detail))


def _methods_at(request: Request) -> list[str]:
    """The methods of the resource at the request's path; Starlette names those of its first route alone."""
    # The first route that matches says which resource it is: “/users/me” also looks like “/users/{key}”.
    routes = [r for r in iter_route_contexts(request.app.routes) if r.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in routes if route.path == routes[0].path for method in route.methods or ()}
    return [method for method in ("GET", "POST", "PUT", "PATCH", "DELETE") if method in methods]


def _of_status(error: HTTPException, detail: str, headers: Mapping[str, str] | None) -> Problem:
    problem = Problem(detail, headers=headers)
    problem.status = HTTPStatus(error.status_code)  # type: ignore[misc]  # one answer of a status without a class
    return problem
