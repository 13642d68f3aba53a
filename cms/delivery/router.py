"""The door of those who were sent a preview link: a page to read, or a plain one that says why there is none."""

from fastapi import APIRouter, Request, Response

from cms.auth.signing_in import client_address
from cms.auth.throttle import Limit
from cms.crud.problems import Problem
from cms.delivery.preview import PREVIEW_PATH, read_linked, show_preview, show_problem
from cms.outages import DatabaseUnavailable

VISITS = Limit(120, 60)
"""Previews from one address: far more than people open, far less than guessing would need."""


def build_preview_router() -> APIRouter:
    """`GET /preview/{token}`; no part of the API, so the document does not list it."""
    router = APIRouter()

    @router.get(PREVIEW_PATH + "{token}", include_in_schema=False)
    async def show(request: Request, token: str) -> Response:
        state = request.app.state
        try:
            await state.throttle.check(f"preview:{client_address(request)}", VISITS)
            return show_preview(await state.database.read(read_linked, state.reader, token))
        except Problem as problem:
            return show_problem(problem.status, problem.detail, problem.headers)
        except DatabaseUnavailable as error:
            return show_problem(503, str(error), {"Retry-After": "2"})

    return router
