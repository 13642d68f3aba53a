"""The settings of the site: one form, in groups that leave no setting out."""

import re

import pytest
from playwright.async_api import expect

from admin.forms import ContentForm, Group
from admin.overrides import SiteView
from cms.content import registry
from cms.content.site import SITE_ID, site
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served, started
from tests.installation import Installation

EDIT = f"/site/edit/{SITE_ID}"


def test_each_setting_stands_in_one_group() -> None:
    names = [name for group in SiteView.groups for name in group.names]
    assert sorted(names) == sorted(site.write_fields)
    assert all(group.title and group.help.endswith(".") for group in SiteView.groups)


def test_what_no_group_names_stands_in_a_last_one() -> None:
    form = ContentForm(site, registry, ("title", "tagline", "language"))
    groups = (Group("First", "Of it.", ("tagline", "nothing")), Group("Empty", "Of nothing.", ("timezone",)))
    shown = [(group.title, [field.name for field in fields]) for group, fields in form.grouped(groups)]
    assert shown == [("First", ["tagline"]), ("More", ["title", "language"])]


async def test_settings_are_one_form_with_headings_and_help(installation: Installation, admin: Visitor) -> None:
    page = await admin.get(EDIT)
    legends = re.findall(r"<legend><h2>([^<]+)</h2></legend>", page.html)
    assert legends == ["General", "Language and time", "Reading", "Comments", "Spam"]
    assert "What the site is written in" in page.text
    assert set(site.write_fields) - page.edit.fields.keys() == set()
    refused = await admin.send(page.edit, timezone="Mars/Olympus", posts_per_page="0", tagline="Kept")
    assert refused.status == 422
    assert refused.edit.fields["tagline"] == ["Kept"]
    assert refused.edit.fields["timezone"] == ["Mars/Olympus"]
    saved = await admin.send(
        refused.edit, timezone="Europe/Lisbon", posts_per_page="12", comments_blocked_words="casino*"
    )
    assert saved.status == 303
    (row,) = await installation.rows("site")
    assert (row["timezone"], row["posts_per_page"], row["comments_blocked_words"]) == ("Europe/Lisbon", 12, "casino*")


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_time_zones_are_offered_by_name(installation: Installation) -> None:
    async with (
        started() as chromium,
        served(installation.app) as url,
        opened(chromium, installation, url, Role.ADMIN) as window,
    ):
        page = await window.open("site/list")
        group = page.get_by_role("group", name="Language and time")
        await expect(group).to_have_accessible_description("What the site is written in, and where its clocks go.")
        await group.get_by_label("Time zone").focus()
        await expect(page.locator("#time-zones option[value='Europe/Lisbon']")).to_have_count(1)
        await group.get_by_label("Time zone").fill("Europe/Lisbon")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast")).to_contain_text("Saved.")
