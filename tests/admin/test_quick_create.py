"""What a picker lacks is made from within the form that needs it, by those who may."""

import pytest
from playwright.async_api import Browser, expect

from cms.content.articles import article
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served
from tests.installation import Installation


async def test_a_tag_is_made_of_its_name(installation: Installation, editor: Visitor) -> None:
    page = await editor.post("/tag/quick-create", title="  High   water ")
    assert page.status == 201
    [row] = await installation.rows("tags")
    assert page.response.json()["label"] == row["name"] == "High water"
    assert row["slug"] == "high-water"


async def test_a_title_that_does_not_do_is_refused(installation: Installation, editor: Visitor) -> None:
    for title in ("", "   ", "x" * 5_000):
        assert (await editor.post("/tag/quick-create", title=title)).status == 422
    assert await installation.rows("tags") == []


async def test_who_may_not_make_tags_is_offered_none(
    installation: Installation, author: Visitor, editor: Visitor
) -> None:
    assert (await author.post("/tag/quick-create", title="Rope")).status == 403
    assert await installation.rows("tags") == []
    assert "tag/quick-create" not in (await author.get("/article/create")).html
    assert "tag/quick-create" in (await editor.get("/article/create")).html


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_a_tag_is_typed_and_entered(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as mine:
        page = await mine.open(f"article/edit/{made.id}")
        await page.locator("#field-tags").fill("Tide tables")
        await expect(page.get_by_role("option", name="Create “Tide tables”")).to_be_visible()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Remove Tide tables")).to_be_visible()
        await expect(page.locator("[data-state]")).to_contain_text("Saved")
        assert [row["name"] for row in await installation.rows("tags")] == ["Tide tables"]
        await page.reload()
        await expect(page.get_by_role("button", name="Remove Tide tables")).to_be_visible()
