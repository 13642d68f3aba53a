"""Every screen, by axe-core: nothing against WCAG 2.2 A and AA that a machine can find."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, Page, expect

from admin.site import BASE
from cms.content.articles import article
from cms.crud.policy import Role
from tests.admin.chromium import opened, served
from tests.admin.newsroom import furnish_newsroom
from tests.admin.screens import Screen, fetch, in_other_states, main_screens, opened_by_routes
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

# The menu and the bar are the same around every screen: they are examined on the dashboard.
# What stands in a frame is a screen of its own, and nothing that axe would read from the sheets is asked for.
RUN = """async () => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const where = location.pathname === "/admin/" ? document : { exclude: [[".side"], [".bar"]] };
  const how = { runOnly: tags, resultTypes: ["violations"], iframes: false, preload: false };
  const { violations } = await axe.run(where, how);
  return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id} (${help}): ${node.target} ${node.html}`));
}"""  # noqa: E501 - the line of a script
TABS = 2
"""How many screens are examined beside each other: each takes a core of its own."""

LOOKS: Mapping[str, Mapping[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
"""How a browser may show a screen."""

Opens = Callable[[Page], Awaitable[None]]


def keys(*pressed: str, shows: str) -> Opens:
    """Press keys until something shows."""

    async def opens(page: Page) -> None:
        for key in pressed:
            await page.keyboard.press(key)
        await expect(page.locator(shows)).to_be_visible()

    return opens


def clicks(*names: str, shows: str) -> Opens:
    """Click what is called so, one after the other, until something shows."""

    async def opens(page: Page) -> None:
        for name in names:
            await page.locator("button, summary, [role=menuitem]").filter(visible=True).get_by_text(name).first.click()
        await expect(page.locator(shows).first).to_be_visible()

    return opens


async def all_menus(page: Page) -> None:
    """Open whatever opens beside its button."""
    await page.evaluate("document.querySelectorAll('details').forEach((menu) => { menu.open = true; })")


async def first_file(page: Page) -> None:
    """Open the first picture of the library."""
    await page.locator(".media-open").first.click()
    await expect(page.locator(".focal")).to_be_visible()


OPENED: Mapping[str, tuple[str, Opens]] = {
    **{f"menus of {name}": (name, all_menus) for name in ("articles", "article", "moderation", "media-library")},
    "search": ("articles", keys("Control+k", "l", "i", "g", "h", "t", shows="#palette [role=option] >> nth=0")),
    "keys": ("articles", keys("?", shows="dialog[open]")),
    "peek": ("articles", keys("j", "v", shows=".peek:popover-open")),
    "steps": ("articles", clicks("Published", shows="[role=menuitem]")),
    "library": ("article", clicks("Choose from the library", shows=".media-picker")),
    "describing": ("article", clicks("Focal point, alt text", shows="dialog[open] .focal")),
    "file": ("media-library", first_file),
    "question": ("preview", clicks("Make a link", "Revoke", shows="dialog[open]")),
}
"""What is open on which screen."""


class Examiner:
    """Opens screens in a browser and has axe look at them."""

    def __init__(self, installation: Installation, browser: Browser, url: str) -> None:
        self._installation = installation
        self._browser = browser
        self._url = url
        self.faults: list[str] = []

    async def examine(self, screens: Iterable[Screen], look: str = "light") -> None:
        """Note what is wrong with each."""
        for role, theirs in groupby(sorted(screens, key=lambda screen: screen.role), lambda screen: screen.role):
            waiting = list(theirs)
            signed_in = role if role in self._installation.people else None
            options = {"reduced_motion": "reduce", **LOOKS[look]}
            async with opened(self._browser, self._installation, self._url, signed_in, **options) as window:
                tabs = [await window.context.new_page() for _ in range(TABS)]
                await asyncio.gather(*(self._examine_in(tab, waiting, look) for tab in tabs))
                # A form that came back with what is wrong asks before it is left: nothing of it is saved.
                window.noise = [noise for noise in window.noise if noise != "asked: beforeunload"]

    async def examine_opened(self, screens: Mapping[str, Screen]) -> None:
        """Note what is wrong with an editor's screens once something of them is open."""
        look = {"reduced_motion": "reduce"}
        async with opened(self._browser, self._installation, self._url, Role.EDITOR, **look) as window:
            for name, (screen, opens) in OPENED.items():
                page = await window.open(screens[screen].path[1:])
                await opens(page)
                await page.evaluate(AXE_SCRIPT)
                self.faults += [f"{name}: {fault}" for fault in await page.evaluate(RUN)]
                await page.close()

    async def _examine_in(self, tab: Page, waiting: list[Screen], look: str) -> None:
        while waiting:
            screen = waiting.pop()
            await self._show(tab, screen)
            await tab.evaluate(AXE_SCRIPT)
            self.faults += [f"{screen}, {look}: {fault}" for fault in await tab.evaluate(RUN)]

    async def _show(self, tab: Page, screen: Screen) -> None:
        address = self._url + BASE + screen.path
        if screen.action is None:
            await tab.goto(address)
            return
        answer = await fetch(self._installation, screen)
        page = {"status": answer.status, "body": answer.html, "content_type": "text/html"}
        await tab.route(address, lambda route: route.fulfill(**page))
        await tab.goto(address)
        await tab.unroute(address)


@pytest.fixture
async def examiner(installation: Installation, chromium: Browser) -> AsyncIterator[Examiner]:
    """Somebody who looks at the screens of the installation."""
    async with served(installation.app) as url:
        yield Examiner(installation, chromium, url)


async def test_axe_finds_nothing_on_what_routes_open(installation: Installation, examiner: Examiner) -> None:
    await furnish_newsroom(installation)
    await examiner.examine(await opened_by_routes(installation))
    assert not examiner.faults, "\n".join(examiner.faults)


async def test_axe_finds_nothing_in_other_states(installation: Installation, examiner: Examiner) -> None:
    await examiner.examine(await on_an_empty_site(installation))
    await furnish_newsroom(installation)
    await examiner.examine(await in_other_states(installation))
    assert not examiner.faults, "\n".join(examiner.faults)


async def test_axe_finds_nothing_in_the_dark(installation: Installation, examiner: Examiner) -> None:
    await furnish_newsroom(installation)
    await examiner.examine((await main_screens(installation)).values(), "dark")
    assert not examiner.faults, "\n".join(examiner.faults)


@pytest.mark.long
@pytest.mark.parametrize("look", ["dark", "phone"])
async def test_axe_finds_nothing_however_screens_look(
    installation: Installation, examiner: Examiner, look: str
) -> None:
    """All of them, where a short run looks at the main ones."""
    await examiner.examine(await on_an_empty_site(installation), look)
    await furnish_newsroom(installation)
    await examiner.examine(await opened_by_routes(installation), look)
    await examiner.examine(await in_other_states(installation), look)
    assert not examiner.faults, "\n".join(examiner.faults)


async def test_axe_finds_nothing_in_what_opens(installation: Installation, examiner: Examiner) -> None:
    """Menus, dialogs and panels: what stands before one when a button was pressed."""
    await furnish_newsroom(installation)
    await examiner.examine_opened(await main_screens(installation))
    assert not examiner.faults, "\n".join(examiner.faults)


async def on_an_empty_site(installation: Installation) -> list[Screen]:
    """Screens with nothing on them: those of one type speak for all."""
    others = tuple(f"/{t.singular}/" for t in installation.registry if t is not article)
    return [screen for screen in await opened_by_routes(installation) if not screen.path.startswith(others)]
