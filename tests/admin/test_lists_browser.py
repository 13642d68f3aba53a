"""Lists in a real browser, worked as an editor works: many at once and back, views, ranges, keys, files, a phone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.policy import Role
from cms.crud.schemas import update_schema
from tests.admin.chromium import Window, opened, served
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]


async def titled(installation: Installation, *titles: str, **values: Any) -> list[Any]:
    return [await installation.make(article, title=title, **values) for title in titles]


async def published(installation: Installation) -> int:
    return sum(1 for row in await installation.rows("articles") if row["published_at"])


async def ticked(page: Page) -> int:
    return await page.locator("input[name=records]:checked").count()


async def test_fifty_are_published_by_one_button_and_taken_back_by_another(
    installation: Installation, window: Window
) -> None:
    await titled(installation, *(f"Tide {number:02}" for number in range(50)))
    await titled(installation, "Rope")
    page = await window.open("article/list?q=tide")
    await page.get_by_label("Select all on this page").check()
    await page.get_by_role("button", name="Select all 50").click()
    await expect(page.locator("[data-bulk-count]")).to_have_text("50 selected")
    await page.get_by_role("button", name="Publish", exact=True).dblclick()
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("50 records: published")
    assert await published(installation) == 50
    assert page.url.endswith("/admin/article/list?q=tide"), "one is back where one was"
    await toast.get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("Undone.")
    assert await published(installation) == 0
    await page.reload()
    await expect(page.locator(".toast")).to_have_count(0)


async def test_filters_are_chips_and_a_saved_view_brings_them_back(installation: Installation, window: Window) -> None:
    tides = await installation.make(category, name="Tides")
    await titled(installation, "Ebb", "Flood", category=str(tides.id))
    await titled(installation, "Rope")
    page = await window.open("article/list")
    await page.get_by_text("Add filter").click()
    await page.locator(".filter-choice summary", has_text="Category").click()
    await page.get_by_role("combobox", name="Category", exact=True).fill("tid")
    await page.get_by_role("option", name="Tides").click()
    await expect(page.locator(".filter-chip")).to_contain_text("Category: Tides")
    await page.get_by_role("link", name="Title").click()
    await expect(page.locator(".row-link")).to_have_text(["Ebb", "Flood"])
    await page.get_by_text("Save view").click()
    await page.get_by_label("Name").fill("Of the sea")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator(".toast")).to_contain_text("saved")
    await page.goto("/admin/article/list")
    await expect(page.locator(".row-link")).to_have_count(3)
    await page.get_by_role("link", name="Of the sea").click()
    await expect(page.get_by_role("link", name="Of the sea")).to_have_attribute("aria-current", "page")
    await expect(page.locator(".row-link")).to_have_text(["Ebb", "Flood"])
    await page.get_by_role("link", name="Remove the filter Category").click()
    await expect(page.locator(".row-link")).to_have_count(3)
    await expect(page.locator(".dot")).to_be_visible()
    await page.locator("summary", has_text="Columns").click()
    await page.get_by_role("checkbox", name="Tags", exact=True).check()
    await page.get_by_role("button", name="Show these").click()
    await expect(page.locator("th", has_text="Tags")).to_be_visible()


async def test_a_view_is_renamed_moved_and_deleted(installation: Installation, window: Window) -> None:
    await titled(installation, "Ebb", "Flood")
    page = await window.open("article/list?q=ebb")
    for name in ("Of the sea", "Second"):
        await page.get_by_text("Save view").click()
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Name").press("Enter")
        await expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        if name == "Of the sea":
            await page.goto("/admin/article/list?q=ebb")
    menu = page.locator("details.menu", has=page.locator(".view-list"))
    await page.goto(page.url.replace("q=ebb", "q=flood"))
    await menu.locator("summary").click()
    await page.get_by_label("Name").fill("Of two seas")
    await page.get_by_label("Name").press("Enter")
    await expect(page.locator(".toast")).to_contain_text("has its new name")
    await page.get_by_role("link", name="Of two seas").click()
    await expect(page.locator(".row-link")).to_have_text(["Ebb"])  # and not what was looked at meanwhile
    await menu.locator("summary").click()
    await page.get_by_role("button", name="Move to the left").click()
    tabs = page.get_by_role("navigation").get_by_role("link", name=re.compile("sea"))
    await expect(tabs).to_have_text(["Of two seas", "Of the sea"])
    await menu.locator("summary").click()
    await page.get_by_role("button", name="Delete this view").click()
    await expect(page.locator(".toast")).to_contain_text("What it showed is still listed here, to be saved anew.")
    await expect(tabs).to_have_text(["Of the sea"])


async def test_a_range_is_ticked_by_shift_with_mouse_and_keys(installation: Installation, window: Window) -> None:
    await titled(installation, *(f"No {number}" for number in range(9)))
    page = await window.open("article/list?sort=title")
    boxes = page.locator("input[name=records]")
    await boxes.nth(1).click()
    await boxes.nth(4).click(modifiers=["Shift"])
    assert await ticked(page) == 4
    await boxes.nth(6).focus()
    await page.keyboard.press("Shift+Space")
    assert await ticked(page) == 6
    await page.keyboard.press("Escape")
    assert await ticked(page) == 0


async def test_a_status_is_changed_in_place_and_taken_back(installation: Installation, window: Window) -> None:
    (made,) = await titled(installation, "Slow tides")
    page = await window.open("article/list")
    status = page.get_by_role("button", name="Status of")
    await status.click()
    await page.get_by_role("menuitem", name="Publish now").click()
    await expect(status).to_contain_text("Published")
    assert (await installation.send("GET", f"/articles/{made.id}")).status_code == 200
    await status.click()
    await expect(page.get_by_role("menuitem")).to_have_text(["Unpublish"])
    await page.keyboard.press("Escape")
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("Undone.")
    await expect(status).to_contain_text("Draft")
    await status.click()
    await page.get_by_role("menuitem", name="Schedule").click()
    await page.get_by_label("Publish on").fill("2036-05-04T10:00")
    await page.get_by_role("button", name="Schedule", exact=True).click()
    await expect(status).to_contain_text("Scheduled")
    async with installation.work(Role.EDITOR) as work:
        record = await work.service(article).get(made.id)
        await work.service(article).update(record, update_schema(article)(title="Changed meanwhile"), record.version)
    await status.click()
    await page.get_by_role("menuitem", name="Publish now").click()
    await expect(page.get_by_role("alert")).to_contain_text("Somebody changed this meanwhile")
    await expect(status).to_contain_text("Scheduled")
    window.noise.clear()


async def test_many_are_tagged_filed_and_given_away_from_the_bar(installation: Installation, window: Window) -> None:
    rope, sea = await installation.make(tag, name="Rope"), await installation.make(category, name="Tides")
    made = await titled(installation, "Ebb", "Flood", tags=[str((await installation.make(tag, name="Sea")).id)])
    writer = installation.actor(Role.AUTHOR).id
    page = await window.open("article/list")
    for choice, field, typed, offered in (
        ("Add tags", "Tags", "rop", "Rope"), ("Set category", "Category", "tid", "Tides"),
        ("Set author", "Author", "auth", "Author"),
    ):  # fmt: skip
        await page.get_by_label("Select all on this page").check()
        bar = page.locator("[data-bulk-bar]")
        await bar.locator("summary", has_text=choice).click()
        await bar.get_by_role("combobox", name=field, exact=True).fill(typed)
        await page.get_by_role("option", name=offered).first.click()
        await bar.get_by_role("button", name="Add" if field == "Tags" else "Set", exact=True).click()
        await expect(page.locator(".toast")).to_contain_text("2 records")
    for record in made:
        shown = (await installation.send("GET", f"/articles/{record.id}", Role.EDITOR)).json()
        assert [one["name"] for one in shown["tags"]] == ["Rope", "Sea"]
        assert (shown["category"]["id"], shown["author"]["id"]) == (str(sea.id), str(writer))
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("Undone.")
    assert {row["author_id"] for row in await installation.rows("articles")} == {installation.actor(Role.ADMIN).id}
    assert rope.name == "Rope"


async def test_enter_in_the_bar_means_the_button_beside_it(installation: Installation, window: Window) -> None:
    """Not the form's first, which publishes."""
    await titled(installation, "Ebb", "Flood")
    await installation.make(tag, name="Rope")
    page = await window.open("article/list")
    await page.get_by_label("Select all on this page").check()
    await page.locator("input[name=records]").first.press("Enter")
    bar = page.locator("[data-bulk-bar]")
    await bar.locator("summary", has_text="Add tags").press("Enter")
    field = bar.get_by_role("combobox", name="Tags", exact=True)
    await field.fill("rop")
    await expect(page.get_by_role("option", name="Rope", selected=True)).to_be_visible()
    await field.press("Enter")
    await expect(page.locator("li[role=option]:visible")).to_have_count(0)
    await field.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("2 records")
    assert await published(installation) == 0
    assert len(await installation.rows("article_tags")) == 2


async def test_an_author_submits_and_an_editor_returns_from_the_list(
    installation: Installation, chromium: Browser, window: Window
) -> None:
    """The note is there for whoever wrote the text."""
    await installation.make(article, Role.AUTHOR, title="Mine")
    async with opened(chromium, installation, window.url, Role.AUTHOR) as authors:
        mine, theirs = await authors.open("article/list"), await window.open("article/list?status=in_review")
        await expect(theirs.locator(".row-link")).to_have_count(0)
        await mine.get_by_role("button", name="Status of").click()
        await expect(mine.get_by_role("menuitem")).to_have_text(["Submit for review"])
        await mine.get_by_role("menuitem").click()
        await expect(mine.locator("tr[data-row]")).to_contain_text("In review")
        await theirs.reload()
        await theirs.get_by_role("button", name="Status of").click()
        await theirs.get_by_role("menuitem", name="Return to the author").click()
        await theirs.get_by_role("button", name="Return", exact=True).click()
        await expect(theirs.locator("#step-why")).to_be_visible()  # nothing is returned without a word
        await theirs.get_by_label("What is missing").fill("Name your sources.")
        await theirs.get_by_role("button", name="Return", exact=True).click()
        await expect(theirs.locator(".toast")).to_contain_text("eturned")
        await mine.reload()
        await mine.locator(".row-link").click()
        await expect(mine.locator(".notice-box")).to_contain_text("Returned to you: Name your sources.")


async def test_a_note_is_about_one_text(installation: Installation, window: Window) -> None:
    for title in ("Ebb", "Flood"):
        made = await installation.make(article, Role.AUTHOR, title=title)
        await installation.send("POST", f"/articles/{made.id}/submit", Role.AUTHOR)
    page = await window.open("article/list?status=in_review")
    note = page.get_by_label("What is missing")
    for title in ("Ebb", "Flood"):
        await page.get_by_role("button", name=f"Status of “{title}”").click()
        await page.get_by_role("menuitem", name="Return to the author").click()
        await expect(note).to_have_value("")
        await note.fill("Name your sources.")
        await page.get_by_role("button", name="Return", exact=True).click()
        await expect(page.locator("tr", has_text=title)).to_contain_text("Draft")


async def test_an_author_submits_and_an_editor_returns_from_the_form(
    installation: Installation, chromium: Browser, window: Window
) -> None:
    await installation.make(article, Role.AUTHOR, title="Mine")
    async with opened(chromium, installation, window.url, Role.AUTHOR) as authors:
        mine = await authors.open("article/list")
        await mine.locator(".row-link").click()
        await mine.get_by_role("button", name="Submit for review").click()
        await expect(mine.get_by_role("region", name="Publishing")).to_contain_text("An editor is to look at it.")
        theirs = await window.open("article/list?status=in_review")
        await theirs.locator(".row-link").click()
        await theirs.get_by_label("More about publishing").click()
        await theirs.get_by_label("Return it").fill("Shorter, please.")
        await theirs.get_by_role("button", name="Return", exact=True).click()
        await expect(theirs.locator(".toast")).to_contain_text("eturned")
        await mine.reload()
        await expect(mine.locator(".notice-box")).to_contain_text("Shorter, please.")


async def test_a_file_holds_what_was_ticked_as_rest_tells_it(
    installation: Installation, window: Window, tmp_path: Path
) -> None:
    await titled(installation, "=Ebb", "Flood", "Rope", content="Of the *sea*.")
    page = await window.open("article/list?sort=title&q=o")
    boxes = page.locator("input[name=records]")
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    files = {}
    for kind in ("JSON", "CSV"):
        await page.locator("[data-bulk-bar] summary", has_text="Export").click()
        async with page.expect_download() as started:
            await page.get_by_role("button", name=f"Export {kind}").click()
        download = await started.value
        assert download.suggested_filename.endswith(f".{kind.lower()}")
        await download.save_as(tmp_path / kind)
        files[kind] = (tmp_path / kind).read_bytes().decode("utf-8-sig")
    names = ",".join(article.read_fields)
    rest = (await installation.send("GET", f"/articles?sort=title&q=o&fields={names}", Role.EDITOR)).json()["items"]
    assert json.loads(files["JSON"]) == rest[:2]
    assert "'=Ebb" in files["CSV"]
    assert "Rope" not in files["CSV"]


async def test_all_of_it_by_keyboard(installation: Installation, window: Window) -> None:
    await titled(installation, *(f"No {number}" for number in range(5)), content="The sea waits.")
    page = await window.open("article/list")
    await page.keyboard.press("/")
    await page.keyboard.type("no")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**q=no*")
    for key in ("j", "j", "x", "j", "j", "Shift+X", "k"):
        await page.keyboard.press(key)
    assert await ticked(page) == 3
    await page.keyboard.press("v")
    await expect(page.locator(".peek")).to_contain_text("The sea waits.")
    await page.keyboard.press("Escape")
    await expect(page.locator(".peek")).to_be_hidden()
    focused = await page.evaluate("document.activeElement.textContent")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/article/edit/**")
    await expect(page.get_by_label("Title").first).to_have_value(focused)
    await page.go_back()
    await page.locator("[data-steps]").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-steps]").first).to_contain_text("In review")


async def test_a_phone_shows_all_of_a_list(installation: Installation, chromium: Browser) -> None:
    await titled(installation, "A title that is quite long, since titles are", "Rope")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR, viewport={"width": 390, "height": 844}) as window,
    ):
        page = await window.open("article/list?status=draft")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.locator("input[name=records]").first.check()
        await expect(page.get_by_role("button", name="Trash")).to_be_in_viewport()
        for number in range(6):
            await installation.make(tag, name=f"Rope {number}")
        await page.locator("[data-bulk-bar] summary", has_text="Add tags").click()
        await page.locator("[data-bulk-bar]").get_by_role("combobox", name="Tags", exact=True).fill("rop")
        await page.get_by_role("option", name="Rope 0").click()
        await expect(page.get_by_role("button", name="Add", exact=True)).to_be_in_viewport()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Select none").click()
        await page.get_by_text("Add filter").click()
        await page.locator(".filter-choice summary", has_text="Author").click()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.goto("/admin/")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
