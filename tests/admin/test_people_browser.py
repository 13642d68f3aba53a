"""People in real browsers: a link from one, an account in another, and devices that are signed out from afar."""

import pytest
from playwright.async_api import Browser, Page, expect

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.users import User
from cms.content.articles import article
from cms.crud.policy import Role
from tests.admin.chromium import opened, served
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

PASSWORD = "velvet gravel teapot"  # noqa: S105 - of a test
MENUS = {
    Role.AUTHOR: ({"Articles", "Trash"}, {"Comments", "Menus", "Users", "Invitations"}),
    Role.EDITOR: ({"Articles", "Comments", "Menus"}, {"Users", "Invitations"}),
    Role.ADMIN: ({"Articles", "Comments", "Menus", "Users", "Invitations"}, set[str]()),
}
"""What stands in the menu of a role, and what does not."""


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
        await sign_in(theirs, "new@example.org")
        await theirs.wait_for_url("**/admin/")
        labels = set(await theirs.locator(".side .nav-label").all_inner_texts())
        wanted, hidden = MENUS[role]
        assert wanted <= labels
        assert not hidden & labels
        await theirs.goto("/admin/profile")
        await theirs.get_by_role("button", name="Sign out everywhere else").click()
        await theirs.get_by_role("dialog").get_by_role("button", name="Sign out everywhere else").click()
        await expect(theirs.get_by_text("All your other devices are signed out.")).to_be_visible()
        await page.goto("/admin/profile")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert host.noise + phone.noise + desk.noise == []


async def sign_in(page: Page, email: str) -> None:
    """Fill in the form that stands there."""
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def give_password(installation: Installation, role: Role) -> None:
    """Have the one of that role sign in with what can be typed."""
    async with installation.database.session() as session:
        account = await session.get_one(User, installation.actor(role).id)
        account.password = await passwords.hash_password(PASSWORD)


async def test_who_is_signed_out_by_an_administrator_loses_nothing(
    chromium: Browser, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    made = await installation.make(article, title="Slow", content="Old.")
    await give_password(installation, Role.EDITOR)
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.ADMIN) as host,
        opened(chromium, installation, url, Role.EDITOR) as desk,
    ):
        theirs = await desk.open(f"article/edit/{made.id}")
        await theirs.get_by_label("Content", exact=True).fill("Saved.")
        await expect(theirs.locator("[data-state]")).to_contain_text("Saved ")
        page = await host.open("user/list")
        await page.get_by_role("link", name="Editor", exact=True).click()
        await page.get_by_role("button", name="Sign out everywhere").click()
        await page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
        await expect(page.get_by_role("status").last).to_contain_text("Signed out everywhere.")
        await theirs.get_by_label("Content", exact=True).fill("Typed when it was over.")
        await expect(theirs.locator("[data-state]")).to_contain_text("Not saved")
        await theirs.get_by_role("link", name="Articles", exact=True).first.click()
        await theirs.wait_for_url("**/admin/login?next=/admin/article/list")
        await expect(theirs.get_by_text("Your session has ended")).to_be_visible()
        assert desk.noise == ["asked: beforeunload"]
        desk.noise.clear()
        await sign_in(theirs, "editor@example.org")
        await theirs.wait_for_url("**/admin/article/list")
        await theirs.get_by_role("link", name="Slow", exact=True).click()
        await expect(theirs.locator("#field-content")).to_have_value("Saved.")
        await theirs.get_by_role("button", name="Bring it back").click()
        await expect(theirs.locator("#field-content")).to_have_value("Typed when it was over.")
        await expect(theirs.locator("[data-state]")).to_contain_text("Saved ")
    (row,) = await installation.rows("articles")
    assert row["content"] == "Typed when it was over."
