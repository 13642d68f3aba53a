"""An editor's way through history in a real browser: compare, restore, undo from the toast, share a draft (A13)."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from admin.pages.history import PER_PAGE
from cms.content.articles import article
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.chromium import opened, served
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

ANY = {"If-Match": "*"}


async def edit(installation: Installation, record: Any, query: str = "", **values: str) -> None:
    path = f"/articles/{record.id}{query}"
    answer = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json=values)
    assert answer.status_code == 200, answer.text


async def press(page: Page, name: str, says: str) -> None:
    """Press a button, and wait for what the page then says."""
    await page.get_by_role("button", name=name, exact=True).click()
    await expect(page.locator(".toast")).to_contain_text(says)


async def test_an_editor_compares_restores_and_takes_it_back(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow tides", content="The sea waits.")
    await edit(installation, made, content="The sea does not wait.")
    await edit(installation, made, title="Quick tides")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"history/article/{made.id}")
        await expect(page.get_by_role("heading", name="Revision 2 → 3")).to_be_visible()
        timeline = page.get_by_role("form", name="Revisions")
        await expect(timeline.get_by_role("listitem")).to_have_count(3)
        await timeline.get_by_label("From revision 1").check()
        await timeline.get_by_role("button", name="Compare").click()
        change = page.get_by_role("region", name="Content", exact=True)
        await expect(change.get_by_role("deletion")).to_contain_text("waits")
        await expect(change.get_by_role("insertion").first).to_contain_text("does not wait")
        await page.get_by_role("link", name="Inline").click()
        await expect(page.get_by_role("region", name="Title", exact=True)).to_contain_text("Slow Quick tides")
        await press(page, "Restore revision 1", "Restored: this is a new revision")
        assert (await installation.rows("articles"))[0]["title"] == "Slow tides"
        await press(page, "Undo", "Undone.")
        assert (await installation.rows("articles"))[0]["title"] == "Quick tides"
        await page.goto("/admin/changes")
        first = page.locator(".log-item").first
        await first.locator("summary").press("Enter")
        await expect(first.get_by_role("deletion").first).to_be_visible()
        await first.get_by_role("button", name="Undo").click()
        await expect(page.locator(".toast")).to_contain_text("Undone.")
        assert (await installation.rows("articles"))[0]["title"] == "Slow tides"


async def test_any_two_of_a_long_history_are_compared(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow tides", content="The sea waits.")
    for number in range(PER_PAGE + 1):
        await edit(installation, made, content=f"The sea waits {number} days.")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"history/article/{made.id}")
        timeline = page.get_by_role("form", name="Revisions")
        await timeline.get_by_label(f"To revision {PER_PAGE}", exact=True).check()
        await timeline.get_by_role("button", name="Older").click()
        await expect(timeline.get_by_role("listitem")).to_have_count(2)
        await timeline.get_by_label("From revision 1", exact=True).check()
        await timeline.get_by_role("button", name="Compare").click()
        await expect(page.get_by_role("heading", name=f"Revision 1 → {PER_PAGE}")).to_be_visible()
        await expect(timeline.get_by_label("From revision 1", exact=True)).to_be_checked()
        await timeline.get_by_role("button", name="Newer").click()
        await expect(timeline.get_by_label(f"To revision {PER_PAGE}", exact=True)).to_be_checked()
        await expect(page.get_by_role("heading", name=f"Revision 1 → {PER_PAGE}")).to_be_visible()


async def test_a_draft_is_shown_to_somebody_without_an_account(installation: Installation, chromium: Browser) -> None:
    """A13: in a second browser, until the link is revoked."""
    made = await installation.make(article, title="Slow tides", content="Text.", published_at=utc_now())
    await edit(installation, made, "?draft=true", title="Quick tides")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR) as mine,
        opened(chromium, installation, url) as theirs,
    ):
        page = await mine.open(f"preview/article/{made.id}")
        await expect(page.frame_locator("iframe").get_by_role("heading", name="Quick tides")).to_be_visible()
        for name, width in (("Phone", 390), ("Tablet", 768), ("Desktop", 1200)):
            await page.get_by_role("button", name=name).click()
            frame = page.frames[1]
            assert await frame.evaluate("innerWidth") == width, name
        await page.get_by_role("button", name="Make a link").click()
        address = await page.get_by_label("The new link, shown this once").input_value()
        await page.reload()
        await expect(page.get_by_text("Links that work now")).to_be_visible()
        assert len(await installation.rows("preview_links")) == 1, "reloading makes no second one"
        guest = await theirs.context.new_page()
        await guest.goto(address)
        await expect(guest.get_by_role("heading", level=1)).to_have_text("Quick tides")
        for viewport in ({"width": 1440, "height": 900}, {"width": 390, "height": 844}):
            await guest.set_viewport_size(viewport)  # type: ignore[arg-type]  # it has both
            assert await guest.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await guest.emulate_media(color_scheme="dark")
        assert await guest.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 22)"
        await page.get_by_role("button", name="Revoke").click()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await page.keyboard.press("Enter")  # where one was before the question
        await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        await expect(page.locator(".toast")).to_contain_text("The link shows nothing any more.")
        await guest.reload()
        await expect(guest.locator("main")).to_contain_text("was withdrawn")
        assert "Quick tides" not in await guest.content()
