"""Inviting in real browsers: a link from one, an account in another, and devices that are signed out from afar."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.crud.policy import Role
from tests.admin.chromium import opened, served, started
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

PASSWORD = "velvet gravel teapot"  # noqa: S105 - of a test
MENUS = {
    Role.AUTHOR: ({"Articles", "Trash"}, {"Comments", "Menus", "Users", "Invitations"}),
    Role.EDITOR: ({"Articles", "Comments", "Menus"}, {"Users", "Invitations"}),
    Role.ADMIN: ({"Articles", "Comments", "Menus", "Users", "Invitations"}, set[str]()),
}
"""What stands in the menu of a role, and what does not."""


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with started() as browser:
        yield browser


@pytest.mark.parametrize("role", MENUS)
async def test_who_is_invited_works_in_that_role_and_signs_other_devices_out(
    chromium: Browser, installation: Installation, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.ADMIN) as host,
        opened(chromium, installation, url, viewport={"width": 390, "height": 844}) as phone,
        opened(chromium, installation, url) as desk,
    ):
        page = await host.open("user/list")
        await page.get_by_role("link", name="Invite", exact=True).click()
        await page.get_by_label("E-mail").fill("new@example.org")
        await page.get_by_label("Role").select_option(role)
        await page.get_by_role("button", name="Invite").click()
        link = await page.get_by_label("The link for new@example.org").input_value()
        page = await phone.open(link.partition("/admin/")[2])
        await page.get_by_label("Your name").fill("Newcomer")
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_label("The password again").fill(PASSWORD)
        await page.get_by_role("button", name="Make my account").click()
        await expect(page.get_by_text("Welcome. Your account is made")).to_be_visible()
        theirs = await desk.open("login")
        await theirs.get_by_label("E-mail").fill("new@example.org")
        await theirs.get_by_label("Password").fill(PASSWORD)
        await theirs.get_by_role("button", name="Sign in").click()
        await theirs.wait_for_url("**/admin/")
        labels = set(await theirs.locator(".side .nav-label").all_inner_texts())
        wanted, hidden = MENUS[role]
        assert wanted <= labels
        assert not hidden & labels
        await theirs.goto("/admin/profile")
        await theirs.get_by_role("button", name="Sign out everywhere else").click()
        await expect(theirs.get_by_text("All your other devices are signed out.")).to_be_visible()
        await page.goto("/admin/profile")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert host.noise + phone.noise + desk.noise == []
