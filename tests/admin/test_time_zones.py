"""Time zones: everybody's own clock over the same moments, in what the back office shows and in what it takes."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import update
from starlette.datastructures import FormData

from admin.cells import cell_of
from admin.clock import chosen_zone, end_of, local, read_moment, shown, start_of, use_zone, zone_name
from admin.comparing import shown_value
from admin.forms import ContentForm
from cms.auth.users import User
from cms.content import registry
from cms.content.articles import article
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.admin.chromium import opened, served
from tests.admin.test_editing import stored
from tests.admin.test_steps import step
from tests.installation import Installation

LISBON, KATHMANDU, TOKYO = "Europe/Lisbon", "Asia/Kathmandu", "Asia/Tokyo"
GAP = "2031-03-30T01:30"
"""A time that no clock of Lisbon shows."""
NO_GAP = f"There is no 01:30 on 2031-03-30 in {LISBON}: the clocks go forward. Choose another time."
AT = datetime(2031, 5, 6, 20, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_zone_is_left() -> Iterator[None]:
    """Each test begins and ends on the clock of nobody."""
    use_zone(None)
    yield
    use_zone(None)


async def choose(visitor: Visitor, zone: str) -> Page:
    """Name one's time zone in the profile."""
    return await visitor.send((await visitor.get("/profile")).form("/profile"), time_zone=zone)


def test_a_moment_is_shown_on_the_clock_that_was_set() -> None:
    assert (chosen_zone(), zone_name(), shown(AT)) == (None, "UTC", "2031-05-06 20:08 UTC")
    use_zone(LISBON)
    assert (chosen_zone(), shown(AT)) == (LISBON, "2031-05-06 21:08 WEST")
    assert shown(AT + timedelta(days=240)) == "2032-01-01 20:08 WET"
    use_zone(KATHMANDU)
    assert shown(AT, "%H:%M") == "01:53 UTC+0545", "a zone without letters of its own"
    for unknown in ("Mars/Olympus", "localtime", "Factory", ""):
        use_zone(unknown)
        assert zone_name() == "UTC", unknown


def test_values_are_shown_on_that_clock() -> None:
    use_zone(TOKYO)
    cell = cell_of(registry, article.fields["published_at"], AT)
    assert cell == ("time", "2031-05-07 05:08", "2031-05-06T20:08:00+00:00", "2031-05-07 05:08 JST")
    assert shown_value("2031-05-06T20:08:00Z", {}) == "2031-05-07 05:08 JST"


def test_the_ends_of_the_calendar_are_shown_and_are_not_taken() -> None:
    """East of Greenwich no local time is after the last moment in UTC, and west of it none before the first."""
    use_zone(TOKYO)
    last, first = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    assert shown(last) == "9999-12-31 23:59 UTC"
    with pytest.raises(ValueError, match=r"^Enter a date and a time\.$"):
        read_moment("0001-01-01T00:00")
    for edge, day in ((start_of, first.date()), (end_of, last.date())):
        with pytest.raises(ValueError, match=r"^That day is out of the calendar\.$"):
            edge(day)


def test_a_typed_time_is_of_the_zone_beside_it() -> None:
    assert read_moment("2031-05-06T21:08", LISBON) == AT
    use_zone(TOKYO)
    assert read_moment("2031-05-07T05:08:30") == AT
    for text, zone, sentence in (
        (GAP, LISBON, NO_GAP),
        ("soon", LISBON, "Enter a date and a time."),
        ("2031-05-06T21:08", "Mars/Olympus", "“Mars/Olympus” is no time zone; name one such as Europe/Lisbon."),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            read_moment(text, zone)


def test_of_a_time_that_comes_twice_the_first_is_taken() -> None:
    """On 2031-10-26 Lisbon's clocks show 01:30 in summer time, and again an hour later."""
    assert read_moment("2031-10-26T01:30", LISBON) == datetime(2031, 10, 26, 0, 30, tzinfo=UTC)


def test_a_day_begins_and_ends_on_that_clock() -> None:
    use_zone(LISBON)
    day = date(2031, 3, 30)
    assert start_of(day) == datetime(2031, 3, 30, tzinfo=UTC)
    assert end_of(day) == datetime(2031, 3, 30, 22, 59, 59, 999999, tzinfo=UTC), "a day of 23 hours"


def test_a_form_means_the_zone_that_it_was_drawn_in() -> None:
    use_zone(LISBON)
    drawn = ContentForm(article, registry, ("published_at",), {"published_at": AT})
    field: Any = drawn.content_fields["published_at"]
    assert (field.data, field.zone, field.shown) == ("2031-05-06T21:08", LISBON, f"2031-05-06 21:08 {LISBON}")
    use_zone(TOKYO)
    for typed, changed in (("2031-05-06T21:08", []), ("2031-05-06T21:09", ["published_at"])):
        sent = FormData([("published_at", typed), ("published_at.zone", LISBON)])
        form = ContentForm(article, registry, ("published_at",), sent=sent)
        assert form.changed_since(drawn.base) == changed
    right = ContentForm(article, registry, ("published_at",), sent=FormData([("published_at", GAP)]))
    assert right.content_fields["published_at"].process_errors == [], "Tokyo has no such gap"
    sent = FormData([("published_at", GAP), ("published_at.zone", LISBON)])
    wrong = ContentForm(article, registry, ("published_at",), sent=sent)
    assert wrong.content_fields["published_at"].process_errors == [NO_GAP]
    assert wrong.content_fields["published_at"].payload == GAP


async def test_two_people_see_and_set_the_same_moment(
    installation: Installation, editor: Visitor, admin: Visitor
) -> None:
    assert (await choose(editor, TOKYO)).status == (await choose(admin, LISBON)).status == 303
    made = await installation.make(article, title="Later")
    path = f"/article/edit/{made.id}"
    page = await editor.get(path)
    assert page.edit.fields["_zone"] == [TOKYO]
    assert f"In the time zone {TOKYO} ." in page.text
    done = await editor.send(page.edit, _then="schedule", _at="2031-05-07T05:08")
    assert done.status == 303
    assert (await stored(installation, "articles", made.id))["published_at"] == AT
    seen, there = await admin.get(path), await editor.get(path)
    assert ("2031-05-06 21:08 WEST" in seen.text, "2031-05-07 05:08 JST" in there.text) == (True, True)
    assert f'data-timezone="{LISBON}"' in seen.html
    listed = (await admin.get("/article/list?status=scheduled")).html
    assert '<time datetime="2031-05-06T20:08:00+00:00" title="2031-05-06 21:08 WEST">2031-05-06 21:08</time>' in listed
    assert (await admin.send(seen.edit, _then="schedule", _at="2031-05-06T21:09")).status == 303
    assert (await stored(installation, "articles", made.id))["published_at"] == AT + timedelta(minutes=1)
    assert "2031-05-07 05:09 JST" in (await editor.get(path)).text


async def test_each_request_has_the_clock_of_who_sent_it(
    installation: Installation, editor: Visitor, admin: Visitor, author: Visitor
) -> None:
    await choose(editor, TOKYO)
    await choose(admin, KATHMANDU)
    pages = await asyncio.gather(*(visitor.get("/profile") for visitor in (editor, admin, author) * 3))
    zones = [
        next((zone for zone in (TOKYO, KATHMANDU) if f'data-timezone="{zone}"' in page.html), "") for page in pages
    ]
    assert zones == [TOKYO, KATHMANDU, ""] * 3
    await editor.get("/")
    assert "data-timezone" not in (await Visitor(installation.client).get("/login")).html


async def test_a_time_that_does_not_exist_is_told_at_its_field(installation: Installation, editor: Visitor) -> None:
    await choose(editor, LISBON)
    made = await installation.make(article, title="Later")
    page = await editor.get(f"/article/edit/{made.id}")
    for verb, control in (("schedule", "_at"), ("expire", "_until")):
        refused = await editor.send(page.edit, title="Kept", _then=verb, **{control: GAP})
        assert refused.status == 422
        assert f'<p class="field-errors" id="fault{control}">{NO_GAP}</p>' in refused.html
        assert refused.edit.fields[control] == [GAP]
        assert refused.edit.fields["title"] == ["Kept"]
    assert (await stored(installation, "articles", made.id))["title"] == "Later"


async def test_a_step_of_a_list_takes_the_zone_that_its_dialog_showed(
    installation: Installation, editor: Visitor
) -> None:
    await choose(editor, TOKYO)
    made = await installation.make(article, title="Later")
    refused = (await step(editor, made, "schedule", at=GAP, zone=LISBON)).response.json()
    assert refused["errors"] == [{"detail": NO_GAP, "pointer": "/at"}]
    done = (await step(editor, made, "schedule", at="2031-05-07T05:08", zone=TOKYO)).response.json()
    assert (done["published_at"], done["published_text"]) == ("2031-05-06T20:08:00+00:00", "2031-05-07 05:08")


async def test_days_of_filters_are_those_of_who_asks(installation: Installation, editor: Visitor) -> None:
    """20:08 in UTC is the day after in Tokyo."""
    await installation.make(article, title="Later", published_at=AT)
    found = {}
    for zone in ("", TOKYO):
        await choose(editor, zone)
        for day in ("2031-05-06", "2031-05-07"):
            asked = f"/article/list?published_at__gte={day}&published_at__lte={day}"
            found[zone, day] = "Later" in (await editor.get(asked)).text
    assert found == {
        ("", "2031-05-06"): True,
        ("", "2031-05-07"): False,
        (TOKYO, "2031-05-06"): False,
        (TOKYO, "2031-05-07"): True,
    }
    assert (await editor.get("/article/list?published_at__gte=2031-99-99")).status == 400


async def test_the_calendar_and_the_log_are_on_that_clock(installation: Installation, editor: Visitor) -> None:
    await installation.make(article, title="Later", published_at=datetime(2031, 5, 6, 20, 8, tzinfo=UTC))
    await choose(editor, TOKYO)
    board = (await editor.get("/?month=2031-05")).html
    assert "by day in Asia/Tokyo" in board
    assert 'aria-label="7 May: 1 scheduled"' in board
    assert ">05:08 JST</time>" in board
    assert "From (Asia/Tokyo)" in (await editor.get("/changes")).text
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # the first and the last to have a day
        await choose(editor, zone)
        use_zone(zone)
        today = local(utc_now()).date()
        assert "Later" in (await editor.get(f"/changes?since={today}&until={today}")).text
        assert "Later" not in (await editor.get(f"/changes?since={today + timedelta(days=1)}")).text


async def test_a_name_that_is_no_zone_is_told_at_its_field(
    installation: Installation, author: Visitor, admin: Visitor
) -> None:
    sentence = "“Mars/Olympus” is no time zone; name one such as Europe/Lisbon."
    refused = await choose(author, "Mars/Olympus")
    assert (refused.status, refused.form("/profile").fields["time_zone"]) == (422, ["Mars/Olympus"])
    assert f'id="time_zone-errors">{sentence}</p>' in refused.html
    assert (await choose(author, "A" * 61)).status == 422
    pk = installation.actor(Role.AUTHOR).id
    theirs = await admin.get(f"/user/edit/{pk}")
    refused = await admin.send(theirs.edit, time_zone="Mars/Olympus")
    assert (refused.status, refused.html.count(sentence)) == (422, 2)
    over_rest = await installation.send(
        "PATCH", "/users/me", Role.AUTHOR, json={"time_zone": "Mars/Olympus"}, headers={"If-Match": "*"}
    )
    assert over_rest.status_code == 422
    assert over_rest.json()["errors"] == [{"pointer": "/time_zone", "detail": sentence}]


async def test_administrators_name_the_zone_of_others_who_may_take_it_back(
    installation: Installation, author: Visitor, editor: Visitor, admin: Visitor
) -> None:
    pk = installation.actor(Role.AUTHOR).id
    assert (await editor.get(f"/user/edit/{pk}")).status == 403
    theirs = await admin.get(f"/user/edit/{pk}")
    assert (await admin.send(theirs.edit, time_zone=TOKYO)).status == 303
    profile = await author.get("/profile")
    assert profile.form("/profile").fields["time_zone"] == [TOKYO]
    assert f'data-timezone="{TOKYO}"' in profile.html
    account = await installation.send("GET", "/users/me", Role.AUTHOR)
    assert account.json()["time_zone"] == TOKYO
    await choose(author, " ")
    assert (await stored(installation, "users", pk))["time_zone"] is None
    change = {"time_zone": LISBON}
    changed = await installation.send("PATCH", "/users/me", Role.AUTHOR, json=change, headers={"If-Match": "*"})
    assert changed.json()["time_zone"] == LISBON
    kept = await installation.send("PATCH", "/users/me", Role.AUTHOR, json={"name": "Ada"}, headers={"If-Match": "*"})
    assert kept.json()["time_zone"] == LISBON


async def test_a_zone_that_this_machine_does_not_know_is_as_none(installation: Installation, author: Visitor) -> None:
    async with installation.database.session() as session:
        changed = update(User).where(User.id == installation.actor(Role.AUTHOR).id).values(time_zone="Mars/Olympus")
        await session.execute(changed)
    page = await author.get("/profile")
    assert (page.status, "data-timezone" in page.html) == (200, False)


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_nine_in_the_morning_is_that_of_the_zone_shown(chromium: Browser, installation: Installation) -> None:
    """The browser is in Los Angeles, its editor in Kathmandu."""
    made = await installation.make(article, title="At nine")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR, timezone_id="America/Los_Angeles", locale="en-GB") as window,
    ):
        page = await window.open("profile")
        await page.get_by_label("Time zone", exact=True).fill(KATHMANDU)
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_text("Saved.")).to_be_visible()
        await page.goto(f"/admin/article/edit/{made.id}")
        await page.get_by_label("More about publishing").click()
        field = page.get_by_label("Publish at")
        await expect(field).to_have_accessible_description(f"In the time zone {KATHMANDU}.")
        await field.fill("2031-05-06T09:00")
        await page.get_by_role("button", name="Schedule", exact=True).click()
        await expect(page.locator("[data-stage]")).to_contain_text("6 May 2031, 09:00")
        row = await stored(installation, "articles", made.id)
        assert row["published_at"].isoformat() == "2031-05-06T03:15:00+00:00"
        await page.goto("/admin/article/list")
        await expect(page.locator("[data-field=published_at] time")).to_have_text("2031-05-06 09:00")
        await page.get_by_label("At nine").first.wait_for()
        await page.locator(".step-button").click()
        await page.get_by_role("menuitem", name="Schedule…").click()
        asked = page.get_by_label("Publish on")
        await expect(asked).to_have_accessible_description(f"In the time zone {KATHMANDU}.")
        await asked.fill("2031-05-07T09:00")
        await page.get_by_role("button", name="Schedule", exact=True).click()
        await expect(page.locator("[data-field=published_at] time")).to_have_text("2031-05-07 09:00")
        row = await stored(installation, "articles", made.id)
        assert row["published_at"].isoformat() == "2031-05-07T03:15:00+00:00"


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_a_dialog_says_that_a_time_does_not_exist(chromium: Browser, installation: Installation) -> None:
    await installation.make(article, title="At half past one")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR, timezone_id=LISBON) as window,
    ):
        page = await window.open("article/list")
        await page.locator(".step-button").click()
        await page.get_by_role("menuitem", name="Schedule…").click()
        field = page.get_by_label("Publish on")
        await field.fill(GAP)
        await page.get_by_role("button", name="Schedule", exact=True).click()
        await expect(field).to_have_accessible_description(f"{NO_GAP} In the time zone {LISBON}.")
        await field.fill("2031-05-06T09:00")
        await page.get_by_role("button", name="Schedule", exact=True).click()
        await expect(page.locator(".step-button")).to_contain_text("Scheduled")
