"""Trees in a real browser: dragged by mouse and by finger, moved by key, told, refused and taken back."""

from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cms.content.categories import category
from cms.content.pages import page as page_type
from cms.crud.policy import Action, Role
from cms.crud.schemas import update_schema
from tests.admin.chromium import Window, opened, served
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

LEVEL = 28
"""Pixels of a level."""


async def planted(installation: Installation, *names: str) -> list[Any]:
    return [await installation.make(category, name=name) for name in names]


async def paths(installation: Installation) -> list[str]:
    """The tree as rows have it: siblings by their positions, then by their names."""
    rows = {row["id"]: row for row in await installation.rows("categories")}

    def key(row: dict[str, Any]) -> list[tuple[int, str]]:
        above = key(rows[row["parent_id"]]) if row["parent_id"] else []
        return [*above, (row["position"], row["name"])]

    return [row["path"] for row in sorted(rows.values(), key=key)]


def handle(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Move “{name}”")


async def shown(page: Page) -> list[str]:
    return await page.locator(".tree-path").all_inner_texts()


async def middle(place: Locator) -> tuple[float, float]:
    box = await place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def test_a_category_is_dragged_below_another_and_taken_back(installation: Installation, window: Window) -> None:
    await planted(installation, "Ebb", "Flood", "Neap")
    page = await window.open("category/list")
    await page.get_by_role("link", name="Tree").click()
    x, y = await middle(handle(page, "Neap"))
    _, top = await middle(handle(page, "Ebb"))
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 4, y - 20, steps=3)
    await page.mouse.move(x + LEVEL, top + 12, steps=5)
    await expect(page.locator(".tree-line")).to_be_visible()
    await page.mouse.up()
    await expect(page.locator(".toast")).to_contain_text("“Neap” is moved: 1 of 1, below “Ebb”.")
    assert await shown(page) == ["/ebb", "/ebb/neap", "/flood"]
    assert await paths(installation) == ["/ebb", "/ebb/neap", "/flood"]
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("Undone.")
    assert await shown(page) == ["/ebb", "/flood", "/neap"]
    assert await paths(installation) == ["/ebb", "/flood", "/neap"]


async def test_a_drag_that_is_given_up_changes_nothing(installation: Installation, window: Window) -> None:
    await planted(installation, "Ebb", "Flood")
    page = await window.open("category/tree")
    x, y = await middle(handle(page, "Flood"))
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x, y - 90, steps=5)
    await page.keyboard.press("Escape")
    await page.mouse.up()
    await expect(page.locator(".tree-line")).to_have_count(0)
    assert await shown(page) == ["/ebb", "/flood"]
    assert {row["version"] for row in await installation.rows("categories")} == {1}


async def test_a_finger_drags_on_a_phone(installation: Installation, chromium: Browser) -> None:
    await planted(installation, "Ebb", "Flood", "Neap")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR, **phone) as window:
        page = await window.open("category/tree")
        x, y = await middle(handle(page, "Ebb"))
        _, low = await middle(handle(page, "Neap"))
        touch = await window.context.new_cdp_session(page)

        async def point(kind: str, *at: float) -> None:
            points = [{"x": at[0], "y": at[1]}] if at else []
            await touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        await point("touchStart", x, y)
        for step in range(1, 6):
            await point("touchMove", x, y + (low + 15 - y) * step / 5)
        await point("touchEnd")
        await expect(page.locator(".toast")).to_contain_text("“Ebb” is moved: 3 of 3, at the top.")
        assert await paths(installation) == ["/flood", "/neap", "/ebb"]
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_all_of_it_by_keyboard(installation: Installation, window: Window) -> None:
    await planted(installation, "Ebb", "Flood", "Neap", "Spring")
    page = await window.open("category/tree")
    announcer = page.locator("#announcer")
    await handle(page, "Spring").focus()
    await page.keyboard.press("Enter")
    await expect(announcer).to_have_text(
        "“Spring” is taken up, 4 of 4, at the top. Arrows move it, Enter puts it down, Escape puts it back."
    )
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(announcer).to_have_text("2 of 4, at the top")
    await page.keyboard.press("ArrowRight")
    await expect(announcer).to_have_text("1 of 1, below “Ebb”")
    assert {row["version"] for row in await installation.rows("categories")} == {1}, "nothing is saved on the way"
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("“Spring” is moved: 1 of 1, below “Ebb”.")
    await expect(handle(page, "Spring")).to_be_focused()
    assert await paths(installation) == ["/ebb", "/ebb/spring", "/flood", "/neap"]
    await handle(page, "Neap").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Escape")
    await expect(announcer).to_contain_text("“Neap” is back where it was, 3 of 3, at the top.")
    await expect(handle(page, "Neap")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    assert await shown(page) == ["/ebb", "/ebb/spring", "/flood", "/neap"]


async def test_alt_and_arrows_move_at_once_and_one_after_the_other(installation: Installation, window: Window) -> None:
    await planted(installation, "Ebb", "Flood", "Neap", "Spring")
    page = await window.open("category/tree")
    await handle(page, "Spring").focus()
    for key in ("Up", "Up", "Up", "Right", "Down", "Right", "Left", "Up"):
        await page.keyboard.press(f"Alt+Arrow{key}")
    await expect(page.locator("[aria-busy]")).to_have_count(0)
    await expect(page.locator(".toast")).to_have_count(1)
    assert await shown(page) == await paths(installation)
    assert await shown(page) == ["/spring", "/ebb", "/flood", "/neap"]
    await page.keyboard.press("Alt+ArrowLeft")
    await expect(page.locator("#announcer")).to_have_text("“Spring” can't go further out.")
    assert page.url.endswith("/category/tree")


async def test_a_move_from_an_old_page_is_told_and_the_tree_goes_back(
    installation: Installation, window: Window
) -> None:
    ebb, flood = await planted(installation, "Ebb", "Flood")
    page = await window.open("category/tree")
    async with installation.work(Role.EDITOR) as work:
        record = await work.service(category).get(ebb.id, Action.UPDATE)
        await work.service(category).update(record, update_schema(category)(parent=str(flood.id)), record.version)
    await handle(page, "Flood").focus()
    await page.keyboard.press("Alt+ArrowRight")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("can't be placed below itself")
    await expect(page.locator(".tree > li")).to_have_count(2)
    await alert.get_by_role("button", name="Close").click()
    await handle(page, "Ebb").focus()
    await page.keyboard.press("Alt+ArrowDown")
    await expect(alert).to_contain_text("Somebody else changed this meanwhile, so nothing was moved.")
    assert await shown(page) == ["/ebb", "/flood"]
    await alert.get_by_role("link", name="Show the tree as it is now").click()
    await expect(page.locator(".tree > li")).to_have_count(1)
    assert await shown(page) == await paths(installation) == ["/flood", "/flood/ebb"]


async def test_pages_are_folded_and_moved_into_what_is_folded(installation: Installation, window: Window) -> None:
    about = await installation.make(page_type, title="About")
    await installation.make(page_type, title="Team", parent=str(about.id))
    await installation.make(page_type, title="Contact")
    page = await window.open("page/tree")
    await handle(page, "Contact").focus()
    await page.keyboard.press("Alt+ArrowUp")
    await page.get_by_role("button", name="What is below “About”").click()
    await expect(page.get_by_role("link", name="Team")).to_be_hidden()
    await page.keyboard.press("Tab")
    await handle(page, "Contact").focus()
    await page.keyboard.press("Alt+ArrowDown")
    await page.keyboard.press("Alt+ArrowRight")
    await expect(page.get_by_role("link", name="Team")).to_be_visible()
    await expect(page.locator("[aria-busy]")).to_have_count(0)
    assert await shown(page) == ["/about", "/about/team", "/about/contact"]
    rows = {row["slug"]: row["path"] for row in await installation.rows("pages")}
    assert rows["contact"] == "/about/contact"


async def test_five_hundred_stay_quick(installation: Installation, window: Window) -> None:
    names = [f"C{number:03}" for number in range(500)]
    async with installation.work(Role.EDITOR) as work:
        work.session.add_all(category.model(name=name, slug=name.lower(), path=f"/{name.lower()}") for name in names)
    page = await window.open("category/tree")
    await expect(page.locator("[data-handle]")).to_have_count(500)
    await handle(page, "C499").focus()
    x, y = await middle(handle(page, "C499"))
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x, 10, steps=4)
    while await page.evaluate("scrollY") > 15_000:
        await page.wait_for_timeout(50)
    await page.mouse.move(x, 400, steps=4)
    await page.mouse.up()
    await expect(page.locator(".toast")).to_contain_text("“C499” is moved")
    assert (await paths(installation)).index("/c499") < 420
