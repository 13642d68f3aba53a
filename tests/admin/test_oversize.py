"""Forms that are too large to be taken in: what is said of them, to whom, and where it leads."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cms.crud.policy import Role
from cms.outages import DatabaseUnavailable
from tests.admin.browsing import Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation


async def test_any_form_that_is_too_large_is_told_of_on_a_page(installation: Installation, editor: Visitor) -> None:
    page = await editor.post("/tag/create", name="x" * (2 * 1024 * 1024))
    assert page.status == 413
    assert "What you typed is larger than 2 MB" in page.text
    assert await installation.rows("tags") == []


@pytest.mark.parametrize("referer", ["https://evil.example/admin//x", "/admin/../api", "nothing"])
async def test_the_page_of_a_form_that_is_too_large_leads_nowhere_else(editor: Visitor, referer: str) -> None:
    headers = {"Referer": referer, "Content-Length": "3000000"}
    page = await editor.call("POST", "/tag/create", content=b"", headers=headers)
    assert page.status == 413
    assert "Back to the form" not in page.text


async def test_of_a_stranger_nothing_that_is_too_large_is_read(installation: Installation, visit: Visit) -> None:
    asked: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        asked.append(1)
        yield b"x"

    headers = {"Content-Length": "3000000"}
    page = await visit(Role.ANONYMOUS).call("POST", "/tag/create", content=pieces(), headers=headers)
    assert page.status == 413
    assert "Sign out" not in page.text
    assert asked == []


async def test_an_outage_does_not_keep_back_what_was_wrong(
    installation: Installation, editor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:

    def locked(*_: Any) -> Any:
        raise DatabaseUnavailable("The database is busy with another change.")

    monkeypatch.setattr(installation.app.state.database, "read", locked)
    page = await editor.call("POST", "/tag/create", data={"name": "x" * (2 * 1024 * 1024)})
    assert page.status == 413
    assert "What you typed is larger than 2 MB" in page.text
