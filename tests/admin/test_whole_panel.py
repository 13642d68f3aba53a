"""The whole panel: what each role finds in it, that it is used without a mouse, and that it can keep still."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from admin.site import BASE
from cms.crud.policy import Role
from tests.admin.chromium import Window, opened, served
from tests.admin.newsroom import furnish_newsroom
from tests.admin.screens import Screen, main_screens, opened_by_routes
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

AUTHORS = ["Dashboard", "Articles", "Media", "Trash"]
EDITORS = [
    "Dashboard", "Articles", "Pages", "Categories", "Tags", "Media", "Comments", "Menus", "Redirects", "Change log",
    "Trash",
]  # fmt: skip
ADMINS = [*EDITORS[:9], "Site", "Users", "Invitations", *EDITORS[9:]]
MENUS = {Role.AUTHOR: AUTHORS, Role.EDITOR: EDITORS, Role.ADMIN: ADMINS}

# What a mouse could use, as far as it is shown: the members of a group that arrow keys move in count as one.
USABLE = """() => {
  const found = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex], [contenteditable=true]");
  const isUsable = (item) => item.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true })
    && !item.disabled && item.type !== "hidden" && !item.closest("[inert]");
  const inGroup = (item) => item.tabIndex < 0 || (item.type === "radio" && !item.checked && item.name);
  window.usable = [...found].filter((item) => isUsable(item) && !inGroup(item));
  window.reached = new Set();
  window.unseen = new Set();
  window.covered = new Map();
  return window.usable.length;
}"""  # noqa: E501 - the line of a script
# Where the focus is after a Tab, and whether that can be seen.
LOOK = """() => {
  const item = document.activeElement;
  if (item === document.body) return false;
  const isNew = !window.reached.has(item);
  window.reached.add(item);
  const marked = (around) => around && (({ outlineStyle, outlineWidth, boxShadow }) =>
    (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none")(getComputedStyle(around));
  const around = [item, item.closest(".md-editor, .picker-box"), item.closest("label"), item.labels?.[0]];
  if (!around.some(marked) && item.tagName !== "IFRAME") window.unseen.add(item);
  const { left, top, width, height } = item.getBoundingClientRect();
  const above = document.elementFromPoint(left + width / 2, top + Math.min(height, innerHeight / 2) / 2);
  const belongs = (one, other) => one?.contains(other) || other?.contains(one) || item.labels?.[0]?.contains(other);
  if (width > 1 && height > 1 && !belongs(item, above)) window.covered.set(item, above);
  return isNew;
}"""
MISSED = "() => window.usable.filter((item) => !window.reached.has(item)).map((item) => item.outerHTML.slice(0, 200))"
UNSEEN = "() => [...window.unseen].map((item) => item.outerHTML.slice(0, 200))"
COVERED = """() => [...window.covered].map(([item, above]) => (
  `${above?.cloneNode().outerHTML ?? "The edge of the window"} covers ${item.outerHTML.slice(0, 200)}`
))"""
MOVING = """() => [...document.querySelectorAll("*")].filter((item) => {
  const style = getComputedStyle(item), seconds = (list) => Math.max(...list.split(",").map(parseFloat));
  const isAnimated = style.animationName !== "none" && seconds(style.animationDuration) > 0.01;
  return isAnimated || seconds(style.transitionDuration) > 0.01 || style.scrollBehavior === "smooth";
}).map((item) => item.outerHTML.slice(0, 200))"""
TABS_OF_A_DATE = 8
"""A control for a date and a time has so many stops at the most; the focus does not leave it."""


WIDTHS = (1440, 1024, 390)
WIDER = "document.documentElement.scrollWidth - innerWidth"
SHIFT = """new Promise((resolve) => {
  let sum = 0;
  const add = (list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value; };
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => resolve(sum), 50));
})"""
MOST_SHIFT = 0.1
"""What web.dev calls good."""


@pytest.fixture
async def screens(installation: Installation) -> dict[str, Screen]:
    """The main ones, with a newsroom on them."""
    await furnish_newsroom(installation)
    return await main_screens(installation)


@pytest.fixture
async def url(installation: Installation) -> AsyncIterator[str]:
    """Where the installation is served."""
    async with served(installation.app) as url:
        yield url


@pytest.mark.parametrize("role", MENUS)
async def test_each_role_finds_what_it_may_use_and_nothing_else(
    installation: Installation, chromium: Browser, url: str, role: Role
) -> None:
    async with opened(chromium, installation, url, role) as window:
        page = await window.open("")
        menu = page.get_by_role("navigation", name="Main")
        labels = [text.strip() for text in await menu.locator(".nav-label").all_inner_texts()]
        assert labels == MENUS[role]
        for label in labels:
            await page.get_by_role("navigation", name="Main").get_by_role("link", name=label).click()
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            current = page.get_by_role("navigation", name="Main").locator("[aria-current=page]")
            await expect(current).to_contain_text(label)


@pytest.mark.parametrize("width", [1440, 390])
async def test_every_control_is_reached_by_keyboard_and_shows_the_focus(
    installation: Installation, chromium: Browser, url: str, screens: dict[str, Screen], width: int
) -> None:
    faults, look = [], {"reduced_motion": "reduce", "viewport": {"width": width, "height": 800}}
    for name, screen in screens.items():
        signed_in = screen.role if screen.role in installation.people else None
        async with opened(chromium, installation, url, signed_in, **look) as window:
            faults += [f"{name}: {fault}" for fault in await walked(await at(window, screen))]
    assert not faults, "\n".join(faults)


@pytest.mark.long
@pytest.mark.parametrize("width", [1440, 1024, 390])
async def test_so_is_every_control_of_every_other_screen(
    installation: Installation, chromium: Browser, url: str, screens: dict[str, Screen], width: int
) -> None:
    main = {screen.path for screen in screens.values()}
    found = [one for one in await opened_by_routes(installation) if one.role is Role.ADMIN and one.path not in main]
    faults, look = [], {"reduced_motion": "reduce", "viewport": {"width": width, "height": 800}}
    async with opened(chromium, installation, url, Role.ADMIN, **look) as window:
        for screen in found:
            page = await window.context.new_page()
            await page.goto(BASE + screen.path)
            await page.wait_for_load_state("networkidle")
            if (shift := await page.evaluate(SHIFT)) > MOST_SHIFT:
                faults.append(f"{screen} jumps by {shift}")
            faults += [f"{screen}: {item} moves" for item in await page.evaluate(MOVING)]
            faults += [f"{screen}: {fault}" for fault in await walked(page)]
            await page.close()
    assert not faults, "\n".join(faults)


async def at(window: Window, screen: Screen) -> Page:
    """A screen that has done what it does when it opens."""
    page = await window.open(screen.path.removeprefix("/"))
    assert page.url.startswith(f"{window.url}{BASE}{screen.path}")
    await page.wait_for_load_state("networkidle")
    return page


async def walked(page: Page) -> list[str]:
    """What somebody without a mouse would miss of a page."""
    await walk(page)
    return [
        *[f"Tab does not reach {item}" for item in await page.evaluate(MISSED)],
        *[f"nothing tells that the focus is on {item}" for item in await page.evaluate(UNSEEN)],
        *await page.evaluate(COVERED),
    ]


async def walk(page: Page) -> None:
    """Press Tab until the focus has been everywhere."""
    count = await page.evaluate(USABLE)
    assert count
    assert await page.evaluate(USABLE) == count, "it stands still"
    idle = 0
    for _ in range(3 * count + 30):
        await page.keyboard.press("Tab")
        idle = 0 if await page.evaluate(LOOK) else idle + 1
        if idle > TABS_OF_A_DATE:
            break


async def test_nothing_moves_where_the_system_asks_for_that(
    installation: Installation, chromium: Browser, url: str, screens: dict[str, Screen]
) -> None:
    faults = []
    for name, screen in screens.items():
        signed_in = screen.role if screen.role in installation.people else None
        async with opened(chromium, installation, url, signed_in, reduced_motion="reduce") as window:
            page = await at(window, screen)
            faults += [f"{name}: {item}" for item in await page.evaluate(MOVING)]
    assert not faults, "\n".join(faults)


async def test_every_screen_fits_its_window_and_keeps_its_place(
    installation: Installation, chromium: Browser, url: str
) -> None:
    """At the widths of a desk, a small laptop and a phone; and nothing jumps while a screen is being loaded."""
    await furnish_newsroom(installation)
    found = [screen for screen in await opened_by_routes(installation) if screen.role is Role.ADMIN]
    faults = []
    async with opened(chromium, installation, url, Role.ADMIN) as window:
        page = await window.context.new_page()
        for screen in found:
            await page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            await page.goto(BASE + screen.path)
            if (shift := await page.evaluate(SHIFT)) > MOST_SHIFT:
                faults.append(f"{screen} jumps by {shift}")
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                if (wider := await page.evaluate(WIDER)) > 0:
                    faults.append(f"{screen} is {wider} pixels wider than {width}")
    assert not faults, "\n".join(faults)
