"""Who else has a record open."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import update

from cms.auth.presence import FRESH, Presence
from cms.content.articles import article
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served
from tests.admin.conftest import Visit
from tests.installation import Installation


async def tell(visitor: Visitor, pk: Any, tab: str, **more: str) -> Any:
    page = await visitor.post(f"/presence/article/{pk}", tab=tab, **more)
    assert page.status == 200
    return [person["name"] for person in page.response.json()["people"]]


async def test_people_hear_of_each_other_until_they_leave(installation: Installation, visit: Visit) -> None:
    made, other = [await installation.make(article, title=title) for title in ("Slow", "Other")]
    editor, admin = visit(Role.EDITOR), visit(Role.ADMIN)
    mine, second, theirs = (str(uuid4()) for _ in range(3))
    assert await tell(editor, made.id, mine) == []
    assert await tell(admin, made.id, theirs) == ["Editor"]
    assert await tell(editor, made.id, mine) == ["Admin"]
    assert await tell(editor, other.id, second) == []
    assert await tell(editor, made.id, second) == ["Admin", "Editor"], "one's own other page is told as well"
    assert await tell(admin, made.id, theirs, leaving="1") == []
    assert await tell(editor, made.id, mine) == ["Editor"]
    assert await tell(admin, made.id, mine, leaving="1") == [], "nobody closes the page of somebody else"
    assert await tell(editor, made.id, second) == ["Editor"]


async def test_who_is_not_heard_of_any_more_is_gone(installation: Installation, visit: Visit) -> None:
    made = await installation.make(article, title="Slow")
    editor, admin = visit(Role.EDITOR), visit(Role.ADMIN)
    await tell(admin, made.id, str(uuid4()))
    for ago, left in ((FRESH * 1.5, 1), (FRESH * 4, 0)):
        async with installation.database.session() as session:
            await session.execute(update(Presence).values(seen_at=utc_now() - ago))
        mine = str(uuid4())
        assert await tell(editor, made.id, mine) == []
        assert len(await installation.rows("presences")) == 1 + left
        await tell(editor, made.id, mine, leaving="1")


async def test_what_one_may_not_see_tells_nobody(installation: Installation, visit: Visit) -> None:
    hidden = await installation.make(article, title="Hidden")
    author = visit(Role.AUTHOR)
    assert (await author.post(f"/presence/article/{hidden.id}", tab=str(uuid4()))).status == 404
    assert (await author.post(f"/presence/tag/{hidden.id}", tab=str(uuid4()))).status == 403
    for path in (f"/presence/nothing/{hidden.id}", "/presence/article/x"):
        assert (await visit(Role.EDITOR).post(path, tab=str(uuid4()))).status == 404
    assert (await visit(Role.EDITOR).post(f"/presence/article/{hidden.id}", tab="x")).status == 422
    assert await installation.rows("presences") == []


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_two_see_each_other_within_ten_seconds(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as mine:
        first = await mine.open(f"article/edit/{made.id}")
        async with opened(chromium, installation, url, Role.ADMIN) as theirs:
            second = await theirs.open(f"article/edit/{made.id}")
            await expect(second.locator("[data-presence]")).to_contain_text("Also open: Editor")
            await expect(first.locator("[data-presence]")).to_contain_text("Also open: Admin", timeout=10_000)
            await second.goto("/admin/article/list")
            await expect(first.locator("[data-presence]")).to_be_empty(timeout=10_000)
