"""What every answer of the whole application carries, and what none does (H01, H13)."""

import httpx
import pytest
from sqlalchemy import text

from admin.assets import STATIC
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

PLACES = {
    "/api/v1/articles": 200,
    "/api/v1/articles?x=1": 400,
    "/api/v1/users/me": 401,
    "/api/v1/nothing": 404,
    "/media/00/00/none.png": 404,
    "/healthz": 200,
    "/openapi.json": 200,
    "/docs": 200,
    "/admin": 307,
    "/admin/": 303,
    "/admin/login": 200,
    "/admin/nothing": 404,
    f"/admin/static/{min(path.name for path in STATIC.iterdir())}": 200,
}


def assert_guarded(response: httpx.Response) -> None:
    headers = response.headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["permissions-policy"]
    assert headers["x-request-id"]
    assert "server" not in headers


@pytest.mark.parametrize("path", PLACES)
async def test_every_answer_is_guarded(installation: Installation, path: str) -> None:
    """H01."""
    response = await installation.client.get(path)
    assert response.status_code == PLACES[path]
    assert_guarded(response)
    assert_guarded(await installation.client.request("PURGE", path))


async def test_a_failure_nobody_foresaw_tells_nothing_of_itself(installation: Installation) -> None:
    """H13: neither over REST nor in the back office."""
    async with installation.database.session() as session:
        await session.execute(text("ALTER TABLE menus RENAME COLUMN title TO headline"))
    try:
        response = await installation.send("GET", "/menus")
        problem = assert_problem(response, 500)
        assert problem["detail"] == "Something went wrong on our side. Nothing was changed."
        assert problem["request_id"] == response.headers["x-request-id"]
        assert_guarded(response)
        cookie = {"Cookie": f"masthead={installation.people[Role.EDITOR].cookie}"}
        page = await installation.client.get("/admin/menu/list", headers=cookie)
        assert page.status_code == 500
        assert_guarded(page)
        for answer in (response.text, page.text):
            assert not {word for word in ("SELECT", "sqlalchemy", "Traceback", "headline", ".py") if word in answer}
    finally:
        async with installation.database.session() as session:
            await session.execute(text("ALTER TABLE menus RENAME COLUMN headline TO title"))
