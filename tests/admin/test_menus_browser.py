"""Menus in a real browser: filled in as a tree, linked by searching, kept as they always were."""

from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cms.content.articles import article
from cms.content.menus import menu
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.chromium import Window, opened, served
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

LEVEL = 28
"""Pixels of a level."""


def link(label: str, url: str | None, *items: dict[str, Any]) -> dict[str, Any]:
    return {"label": label, "url": url, "items": list(items)}


async def stored(installation: Installation) -> Any:
    (row,) = await installation.rows("menus")
    return row["items"]


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


async def save(page: Page, button_name: str = "Save", says: str = "Saved.") -> None:
    await button(page, button_name).click()
    await expect(page.locator(".toast")).to_contain_text(says)


async def test_a_menu_is_made_without_a_word_of_yaml(installation: Installation, window: Window) -> None:
    await installation.make(article, title="How slow tides are", published_at=utc_now())
    await installation.make(article, title="Tides to come")
    page = await window.open("menu/create")
    await page.get_by_label("Title").fill("Main")
    await expect(page.get_by_text("This menu has no items yet.")).to_be_visible()
    await button(page, "Add an item").click()
    await page.keyboard.type("Home")
    await page.keyboard.press("Tab")
    await page.keyboard.type("/")
    await page.keyboard.press("Enter")  # which adds the next one
    await page.keyboard.press("Tab")
    await page.keyboard.type("tides")
    coming = page.get_by_role("option", name="Tides to come")
    await expect(coming).to_contain_text("not public yet")
    await coming.click(force=True)  # there is no address to take
    await page.get_by_role("option", name="How slow tides are").click()
    await expect(page.get_by_label("Label").nth(1)).to_have_value("How slow tides are")
    await page.get_by_label("Label").nth(1).fill("Tides")
    await button(page, "Add after “Tides”").click()
    await page.keyboard.type("About")
    await button(page, "Move in “About”").click()
    await expect(page.locator("#announcer")).to_have_text("“About” is 1 of 1, below “Tides”.")
    await save(page, "Create", "Created.")
    tides = link("Tides", "/articles/how-slow-tides-are", link("About", None))
    assert await stored(installation) == [link("Home", "/"), tides]


async def test_an_item_leads_to_what_was_typed_last(installation: Installation, window: Window) -> None:
    for title in ("Neap tides", "Slow ebb"):
        await installation.make(article, title=title, published_at=utc_now())
    page = await window.open("menu/create")
    await page.get_by_label("Title").fill("Main")
    await button(page, "Add an item").click()
    address = page.get_by_role("combobox")
    await address.press_sequentially("neap")
    await expect(page.get_by_role("option", name="Neap tides")).to_be_visible()
    await address.press("Control+a")
    await page.keyboard.insert_text("slow ebb")
    await address.press("Enter")  # before anything was found for that
    await expect(address).to_have_value("/articles/slow-ebb")
    await save(page, "Create", "Created.")


async def test_items_are_dragged_moved_by_key_and_removed(installation: Installation, window: Window) -> None:
    items = [link("Ebb", "/ebb"), link("Flood", "/flood", link("Neap", "/neap")), link("Spring", "/spring")]
    made = await installation.make(menu, title="Main", items=items)
    page = await window.open(f"menu/edit/{made.id}")
    grip = await button(page, "Move “Spring”").bounding_box()
    goal = await button(page, "Move “Ebb”").bounding_box()
    assert grip is not None
    assert goal is not None
    await page.mouse.move(grip["x"] + 9, grip["y"] + 9)
    await page.mouse.down()
    await page.mouse.move(grip["x"] + 9 + LEVEL, goal["y"] + 30, steps=6)
    await page.mouse.up()
    await button(page, "Move “Neap”").focus()
    await page.keyboard.press("Alt+ArrowLeft")
    await button(page, "Remove “Flood”").click()
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await button(page, "Remove “Neap”").click()
    await save(page)
    expected = [link("Ebb", "/ebb", link("Spring", "/spring")), link("Flood", "/flood")]
    assert await stored(installation) == expected
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(page.locator(".toast")).to_contain_text("Undone.")
    assert await stored(installation) == items


async def test_opening_a_menu_changes_nothing_and_what_is_taken_back_neither(
    installation: Installation, window: Window
) -> None:
    items = [link("Ebb", "/ebb", link("Neap", None))]
    made = await installation.make(menu, title="Main", items=items)
    page = await window.open(f"menu/edit/{made.id}")
    await page.get_by_label("Label").first.fill("Ebbing")
    await page.get_by_label("Label").first.fill("Ebb")
    await page.get_by_role("link", name="Dashboard").click()  # nobody asks whether to leave
    await page.wait_for_url("**/admin/")
    await page.goto(f"/admin/menu/edit/{made.id}")
    await save(page, says="Nothing was changed")
    assert (await installation.rows("menus"))[0]["version"] == 1


async def test_what_is_wrong_stands_beside_its_part_and_nothing_typed_is_lost(
    installation: Installation, window: Window
) -> None:
    made = await installation.make(menu, title="Main", items=[link("Ebb", "/ebb", link("Neap", "/neap"))])
    page = await window.open(f"menu/edit/{made.id}")
    await page.get_by_label("Leads to").nth(1).fill("somewhere")
    await page.get_by_label("Label").first.fill("")
    await button(page, "Save").click()
    rows = page.locator("[data-row]")
    await expect(rows.first).to_contain_text("Fill this in.")
    await expect(rows.nth(1)).to_contain_text("An http(s) address, or a path of this site such as /about.")
    await expect(page.get_by_label("Leads to").nth(1)).to_have_value("somewhere")
    await page.get_by_label("Leads to").nth(1).fill("/somewhere")
    await expect(rows.nth(1)).not_to_contain_text("An http(s) address")
    await page.get_by_label("Label").first.fill("Ebb")
    await save(page)
    assert await stored(installation) == [link("Ebb", "/ebb", link("Neap", "/somewhere"))]


async def test_no_item_goes_deeper_than_a_menu_may(installation: Installation, window: Window) -> None:
    deep = link("A", "/a", link("B", "/b", link("C", "/c", link("D", "/d"), link("E", "/e"))))
    made = await installation.make(menu, title="Main", items=[deep])
    page = await window.open(f"menu/edit/{made.id}")
    await button(page, "Move in “E”").click()
    await expect(page.locator("#announcer")).to_have_text("“E” can't go further in.")
    await button(page, "Move out “E”").click()
    await save(page)
    assert await stored(installation) == [
        link("A", "/a", link("B", "/b", link("C", "/c", link("D", "/d")), link("E", "/e")))
    ]


async def test_without_scripts_a_menu_is_typed(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(menu, title="Main", items=[link("Ebb", "/ebb")])
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR, java_script_enabled=False) as window,
    ):
        page = await window.open(f"menu/edit/{made.id}")
        await page.get_by_label("Items").fill("- label: Flood\n  url: /flood")
        await save(page)
        await page.close()
    assert await stored(installation) == [link("Flood", "/flood")]


async def test_a_phone_shows_all_of_it(installation: Installation, chromium: Browser) -> None:
    deep = link("A" * 90, "/a", link("B", "/b", link("C", "/c", link("D", "/d"))))
    made = await installation.make(menu, title="Main", items=[deep])
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR, **phone) as window:
        page = await window.open(f"menu/edit/{made.id}")
        await expect(page.get_by_label("Label")).to_have_count(4)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        box = await page.get_by_label("Leads to").nth(3).bounding_box()
        assert box is not None
        assert box["width"] > 120
