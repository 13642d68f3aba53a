"""Texts that want to be scripts, where no form takes them: told by the database, by a file, by an error."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, expect
from sqlalchemy import select, update

from cms.auth.users import User
from cms.content.articles import Article, article
from cms.content.categories import Category, category
from cms.content.comments import comment
from cms.content.redirects import Redirect, redirect
from cms.content.site import Site
from cms.content.tags import Tag, tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.delivery.links import make_link
from cms.editorial.history import ChangeSet, Revision
from cms.media.records import Media
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served
from tests.admin.screens import opened_by_routes
from tests.installation import Installation

pytestmark = pytest.mark.browser

PAYLOAD = "'\"></title></textarea></option><img src=x onerror=window.hit=1><script>window.hit=1</script>"


def described_picture() -> bytes:
    """A JPEG whose EXIF data and comment hold the payload."""
    exif, target = Image.Exif(), BytesIO()
    exif[0x010E] = exif[0x013B] = exif[0x8298] = PAYLOAD
    Image.new("RGB", (8, 8), "teal").save(target, "JPEG", exif=exif, comment=PAYLOAD.encode())
    return target.getvalue()


async def poison(site: Installation) -> dict[str, str]:
    """Records with the payload where schemas refuse it: in slugs, addresses, names of files; and in the settings."""
    records: dict[str, Any] = {
        "category": await site.make(category, name="A"),
        "tag": await site.make(tag, name="A"),
        "article": await site.make(article, Role.EDITOR, title="A", category="a", tags=["a"]),
        "redirect": await site.make(redirect, source="/a", target="/b"),
    }
    for kind in (category, tag):
        await site.make(kind, name=PAYLOAD[:90])  # for pickers to offer beside what is chosen
    words: dict[str, Any] = {"name": PAYLOAD[:90], "email": "a@example.com", "content": PAYLOAD}
    records["comment"] = await site.make(comment, article=str(records["article"].id), **words)
    answer = await site.send("POST", "/media", Role.EDITOR, files={"file": (PAYLOAD, described_picture())})
    assert answer.status_code == 201, answer.text
    files = await site.client.get(answer.json()["url"])
    assert b"<script" not in files.content, "what a file says of itself is not kept"
    async with site.database.session() as session:
        for model in (Article, Category, Tag):
            one = update(model).where(model.id == records[model.__name__.lower()].id)
            await session.execute(one.values(slug=PAYLOAD[:100]))
        await session.execute(update(Article).values(title=PAYLOAD))
        await session.execute(update(Redirect).values(source=PAYLOAD, target=f"javascript:{PAYLOAD}"))
        await session.execute(update(Media).values(path=PAYLOAD, alt=PAYLOAD, caption=PAYLOAD))
        await session.execute(update(Site).values(title=PAYLOAD[:90], tagline=PAYLOAD))
        editor = update(User).where(User.id == site.actor(Role.EDITOR).id)
        await session.execute(editor.values(email=f"{PAYLOAD}@example.org", name=PAYLOAD[:90]))
    ids = {identity: str(record.id) for identity, record in records.items()}
    return {**ids, "media": answer.json()["id"], "user": str(site.actor(Role.EDITOR).id)}


async def poison_the_past(site: Installation, record: str) -> None:
    """The payload in revisions, their former values and the names of their fields, in the log, and in the trash."""
    await site.send("PATCH", f"/articles/{record}", Role.EDITOR, headers={"If-Match": "*"}, json={"title": "B"})
    trashed = await site.make(article, title="C")
    async with site.database.session() as session:
        for revision in (await session.execute(select(Revision))).scalars():
            texts = {
                "title": PAYLOAD,
                "content": f"{revision.number} {PAYLOAD}",
                PAYLOAD[:60]: [PAYLOAD, {"x": PAYLOAD}],
            }
            revision.values = {**revision.values, **texts}
            revision.before = {**revision.before, **texts, "title": f"{revision.number}{PAYLOAD}"}
        await session.execute(update(ChangeSet).values(request_id=PAYLOAD[:60]))
        await session.execute(update(Article).values(title=PAYLOAD, excerpt=PAYLOAD))
        await session.execute(update(Article).where(Article.id == trashed.id).values(trashed_at=utc_now()))


async def test_d05_no_screen_of_history_runs_what_was_stored(installation: Installation, chromium: Browser) -> None:
    """D05: the timeline, comparisons, the change log, the trash and its questions, the preview inside of its frame, and
    what a link shows: nothing runs, and no policy is broken."""
    record = (await poison(installation))["article"]
    await poison_the_past(installation, record)
    async with installation.work(Role.EDITOR) as work:
        link = await make_link(work, article, record, timedelta(days=1))
    async with served(installation.app) as url, opened(chromium, installation, url, Role.ADMIN) as mine:
        page = await mine.open("")
        history = f"/admin/history/article/{record}"
        for path in (
            history,
            f"{history}?from=1&to=2&view=inline",
            f"{history}?to=1",
            "/admin/changes",
            "/admin/trash",
            f"/admin/preview/article/{record}",
            f"/preview/{link.token}",
        ):
            answer = await page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            assert PAYLOAD.split("<script>")[1][:12] in await page.content(), f"the payload has to be there: {path}"
            for frame in page.frames:
                assert await frame.evaluate("window.hit") is None, path
        await page.goto("/admin/trash")
        for button in ("Delete", "Empty the trash", "Restore"):
            await page.goto("/admin/trash")
            await page.get_by_role("button", name=button).first.click()
            await page.get_by_role("heading", level=1).wait_for()
            assert await page.evaluate("window.hit") is None, button


async def test_d05_nothing_that_is_stored_runs_wherever_it_is_shown(
    installation: Installation, chromium: Browser
) -> None:
    """D05: slugs, e-mail addresses, EXIF, saved views and settings on every screen that opens, in questions, pickers,
    notices and the two versions of a conflict: nothing runs, and no policy is broken."""
    records = await poison(installation)
    admin = Visitor(installation.client, installation.people[Role.ADMIN].cookie)
    await admin.post("/article/views", verb="save", name=PAYLOAD[:60], query="status=draft")
    screens = [screen.path for screen in await opened_by_routes(installation) if screen.role is Role.ADMIN]
    async with served(installation.app) as url, opened(chromium, installation, url, Role.ADMIN) as mine:
        page = await mine.open("")
        for path in (*screens, "/search?q=img", "/moderation?status=approved", "/article/list?q=img"):
            answer = await page.goto(f"/admin{path}")
            assert answer is not None
            assert answer.status == 200, path
            assert await page.evaluate("window.hit") is None, path
        await page.goto(f"/admin/category/edit/{records['category']}")
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_role("heading", level=1).wait_for()
        assert await page.evaluate("window.hit") is None
        await page.goto("/admin/site/list")
        assert await page.evaluate("window.hit") is None
        await page.goto(f"/admin/article/edit/{records['article']}")
        for label in ("Author", "Category", "Tags", "Cover"):
            await page.get_by_label(label, exact=True).focus()
            await expect(page.get_by_role("listbox").get_by_role("option").first, label).to_be_visible()
            await page.keyboard.press("Escape")
        async with installation.database.session() as session:
            await session.execute(update(Article).values(version=Article.version + 1, content=PAYLOAD, slug="a"))
        await page.get_by_label("Content", exact=True).fill(f"mine {PAYLOAD}")
        await page.get_by_label("Slug", exact=True).fill("b")
        await page.get_by_role("button", name="Save").first.click()
        await page.get_by_role("heading", name="Somebody else saved this article").wait_for()
        assert await page.evaluate("window.hit") is None
