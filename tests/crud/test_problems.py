"""Problems: every failure of an application leaves as one, and says no more than it should."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel

from cms.crud.problem_handler import add_problem_handler
from cms.crud.problems import (
    BadQuery,
    Conflict,
    ContentTooLarge,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
    invalid_from,
    responses,
    suggestion,
)
from tests.problems import assert_problem


class Engine(BaseModel):
    """A body with a field that is named like the place of bodies."""

    body: int


class OutOfFuel(Exception):
    """What another room may raise."""


def application() -> FastAPI:
    app = FastAPI()
    add_problem_handler(app, {OutOfFuel: Unavailable})

    @app.middleware("http")
    async def number(request: Request, call_next: Any) -> Any:
        request.state.request_id = "request-1"
        return await call_next(request)

    @app.get("/problem")
    async def problem() -> None:
        raise PreconditionFailed("It moved.", errors=[FieldError("Old.", "/version")], current_version=4)

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError("the password is swordfish, SELECT * FROM secrets")

    @app.get("/http/{status}")
    async def http(status: int) -> None:
        raise HTTPException(status, "Said so.", {"X-Why": "because"})

    @app.get("/fuel")
    async def fuel() -> None:
        raise OutOfFuel("There is no fuel. Come back later.")

    @app.post("/engine")
    async def engine(data: Annotated[Engine, Body()]) -> None: ...

    @app.get("/speed")
    async def speed(warp: Annotated[int, Query(le=9)], x_crew: Annotated[int, Header()] = 1) -> None: ...

    return app


@pytest.fixture
async def ship() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_problem_has_the_shape_of_rfc_9457(ship: httpx.AsyncClient) -> None:
    response = await ship.get("/problem")
    assert response.status_code == 412
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Precondition Failed",
        "status": 412,
        "detail": "It moved.",
        "errors": [{"detail": "Old.", "pointer": "/version"}],
        "current_version": 4,
        "request_id": "request-1",
    }


async def test_an_unexpected_failure_says_nothing_of_itself(ship: httpx.AsyncClient) -> None:
    """H13: a constant body."""
    response = await ship.get("/crash")
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong on our side. Nothing was changed.",
        "request_id": "request-1",
    }
    assert response.headers["content-type"] == "application/problem+json"
    assert "swordfish" not in str(response.headers)


@pytest.mark.parametrize(
    ("status", "detail", "headers"),
    [
        (400, "The request could not be read: send well-formed JSON (or the form that this route takes).", {}),
        (401, "Said so.", {"www-authenticate": "Bearer"}),
        (403, "Said so.", {}),
        (404, "There is nothing at /http/404.", {}),
        (409, "Said so.", {}),
        (413, "Said so.", {}),
        (415, "Said so.", {}),
        (418, "Said so.", {"x-why": "because"}),
        (429, "Said so.", {"x-why": "because"}),
        (503, "Said so.", {"x-why": "because"}),
    ],
)
async def test_failures_of_the_framework_are_problems_too(
    ship: httpx.AsyncClient, status: int, detail: str, headers: dict[str, str]
) -> None:
    response = await ship.get(f"/http/{status}")
    problem = assert_problem(response, status)
    assert (problem["detail"], problem["title"]) == (detail, HTTPStatus(status).phrase)
    assert headers.items() <= dict(response.headers).items()


async def test_a_failure_of_another_room_keeps_its_sentence(ship: httpx.AsyncClient) -> None:
    response = await ship.get("/fuel")
    assert assert_problem(response, 503)["detail"] == "There is no fuel. Come back later."
    assert response.headers["retry-after"] == "2"


async def test_a_field_of_any_name_is_pointed_at(ship: httpx.AsyncClient) -> None:
    assert_problem(await ship.post("/engine", json={"body": "x"}), 422, "/body")
    assert_problem(await ship.post("/engine", json={}), 422, "/body")
    assert_problem(await ship.post("/engine", json=[]), 422, "")


async def test_json_that_the_framework_could_not_read_has_no_field_at_fault(ship: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    problem = assert_problem(await ship.post("/engine", content=b'{"body": ', headers=headers), 422)
    assert problem["detail"] == "The body is not well-formed JSON."
    assert "errors" not in problem
    problem = assert_problem(await ship.post("/engine", headers=headers), 422)
    assert problem["detail"] == "This needs a JSON body: send one with Content-Type: application/json."


async def test_a_parameter_that_cannot_be_read_is_named(ship: httpx.AsyncClient) -> None:
    problem = assert_problem(await ship.get("/speed?warp=10"), 400, parameter="warp")
    assert problem["detail"] == "The parameter “warp” can't be read: Input should be less than or equal to 9."
    response = await ship.get("/speed?warp=1", headers={"X-Crew": "many"})
    assert_problem(response, 400, parameter="x-crew")


async def test_a_method_that_is_not_possible(ship: httpx.AsyncClient) -> None:
    response = await ship.delete("/speed")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (BadQuery("x."), 400),
        (Unauthorized(), 401),
        (Forbidden("x."), 403),
        (NotFound("x."), 404),
        (Conflict("x."), 409),
        (PreconditionFailed("x."), 412),
        (ContentTooLarge("x."), 413),
        (UnsupportedMedia("x."), 415),
        (Invalid("x."), 422),
        (PreconditionRequired("x."), 428),
        (TooManyRequests("x.", retry_after=9), 429),
        (Unavailable("x."), 503),
        (Problem("x."), 500),
    ],
)
def test_each_problem_has_its_status(problem: Problem, status: int) -> None:
    assert problem.body(None)["status"] == status
    assert str(problem) == problem.detail


def test_problems_that_pass_say_when_to_come_back() -> None:
    assert TooManyRequests("x.", retry_after=9).headers == {"Retry-After": "9"}
    assert Unavailable("x.", retry_after=1).headers == {"Retry-After": "1"}
    assert Unauthorized().headers == {"WWW-Authenticate": "Bearer"}


def test_routes_document_their_problems() -> None:
    documented = responses(NotFound, Invalid)
    assert set(documented) == {404, 422}
    assert documented[404]["description"] == "There is nothing of that name that the caller may see."
    assert documented[404]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


@pytest.mark.parametrize(
    ("word", "known", "sentence"),
    [
        ("titel", ["title", "slug"], " Did you mean “title”?"),
        ("xyz", ["b", "a"], " Known are: a, b."),
        ("xyz", [], ""),
        ("xyz", [f"name{n}" for n in range(41)], ""),
    ],
)
def test_a_suggestion_names_the_nearest_or_the_few(word: str, known: list[str], sentence: str) -> None:
    assert suggestion(word, known) == sentence


def test_what_pydantic_found_outside_of_a_request_is_told_alike() -> None:
    """The back office and files validate by themselves."""
    from_form: list[Any] = []
    for values in ({"body": "x"}, {}, {"body": 1.5}):
        with pytest.raises(ValueError, match="body") as caught:
            Engine.model_validate(values)
        from_form.append(invalid_from(caught.value, Engine.model_fields))  # type: ignore[arg-type]  # a ValidationError is one
    assert [problem.errors[0].pointer for problem in from_form] == ["/body"] * 3
