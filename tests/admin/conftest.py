"""People at the back office, and the browsers of some."""

from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Browser

from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import Window, opened, served, started
from tests.installation import Installation

Visit = Callable[[Role], Visitor]


@pytest.fixture
def visit(installation: Installation) -> Visit:
    """Opens a browser in which the one of that role is signed in; for the anonymous, an empty one."""

    def visit(role: Role) -> Visitor:
        person = installation.people.get(role)
        return Visitor(installation.client, person.cookie if person else None)

    return visit


@pytest.fixture
def admin(visit: Visit) -> Visitor:
    """An administrator's browser."""
    return visit(Role.ADMIN)


@pytest.fixture
def editor(visit: Visit) -> Visitor:
    """An editor's browser."""
    return visit(Role.EDITOR)


@pytest.fixture
def author(visit: Visit) -> Visitor:
    """An author's browser."""
    return visit(Role.AUTHOR)


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A real browser, without a window."""
    async with started() as browser:
        yield browser


@pytest.fixture
async def window(chromium: Browser, installation: Installation) -> AsyncIterator[Window]:
    """An editor's window of it."""
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        yield window
