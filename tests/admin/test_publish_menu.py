"""The menu beside the large button of a form: what it offers, what its times begin with, and that it can be reached."""

from datetime import datetime, timedelta

import pytest
from playwright.async_api import Browser, expect

from cms.content.articles import article
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.admin.chromium import opened, served
from tests.installation import Installation

BEYOND = """() => {
  const menu = document.querySelector(".publish-menu").getBoundingClientRect();
  const within = ({ left, right, top, bottom }, box) => left >= box.left && right <= box.right + .5 && top >= box.top && bottom <= box.bottom;
  const screen = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
  return [...document.querySelectorAll(".publish-menu :is(input, button, textarea)")]
    .filter((one) => one.offsetParent && !(within(one.getBoundingClientRect(), menu) && within(one.getBoundingClientRect(), screen)))
    .map((one) => one.outerHTML);
}"""  # noqa: E501 - the lines of a script
"""What of the open menu sticks out of it, or out of the screen."""


def times(form: Page) -> list[datetime]:
    """What the controls for the beginning and the end say; people of tests live by UTC."""
    fields = form.edit.fields
    return [datetime.fromisoformat(f"{fields[name][0]}:00+00:00") for name in ("_at", "_until")]


def offered(form: Page) -> set[str]:
    """What can be done that is not hidden."""
    verbs = [part.partition('"')[0::2] for part in form.html.split('data-verb="')[1:]]
    return {verb for verb, rest in verbs if not rest.partition(">")[0].endswith(" hidden")}


async def test_times_begin_with_what_is_set_already(installation: Installation, editor: Visitor) -> None:
    hour = utc_now().replace(minute=0, second=0, microsecond=0)
    fresh = await installation.make(article, title="Fresh")
    begins, ends_at = times(await editor.get(f"/article/edit/{fresh.id}"))
    assert hour + timedelta(hours=1) <= begins <= hour + timedelta(hours=2), "the next full hour, and tests take time"
    assert ends_at == begins + timedelta(days=7)
    start, end = hour + timedelta(days=30), hour + timedelta(days=60)
    waits = await installation.make(article, title="Waits", published_at=start)
    form = await editor.get(f"/article/edit/{waits.id}")
    assert times(form) == [start, start + timedelta(days=7)]
    assert offered(form) == {"schedule", "expire", "unschedule"}, "what is not public yet can't be taken back from it"
    ends = await installation.make(article, title="Ends", published_at=hour, unpublish_at=end)
    form = await editor.get(f"/article/edit/{ends.id}")
    assert times(form)[1] == end
    assert offered(form) == {"expire", "endless", "unpublish"}
    await editor.send(form.edit, _then="endless")
    seen = (await installation.send("GET", f"/articles/{ends.id}")).json()
    assert (seen["status"], seen["unpublish_at"]) == ("published", None)


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)], ids=str)
async def test_all_of_it_is_on_the_screen(installation: Installation, chromium: Browser, size: tuple[int, int]) -> None:
    start = utc_now() + timedelta(days=2)
    made = await installation.make(article, title="Slow tides", published_at=start)
    viewport = dict(zip(("width", "height"), size, strict=True))
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR, viewport=viewport) as window,
    ):
        page = await window.open(f"article/edit/{made.id}")
        await page.get_by_label("More about publishing").click()
        await expect(page.get_by_label("Publish at")).to_be_visible()
        assert await page.evaluate(BEYOND) == []
        await page.get_by_role("button", name="Set the end").click()
        await expect(page.locator(".toast")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_enter_in_a_time_means_the_button_beside_it(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow tides")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        await page.get_by_label("More about publishing").click()
        await page.get_by_label("Publish at").fill("2999-01-01T08:00")
        await page.get_by_label("Publish at").press("Enter")
        await expect(page.locator(".toast")).to_contain_text("Scheduled")
        await page.get_by_label("More about publishing").click()
        await page.get_by_label("Readers see it until").fill("2999-02-01T08:00")
        await page.get_by_label("Readers see it until").press("Enter")
        await expect(page.locator(".toast")).not_to_contain_text("Scheduled")
        await expect(page.locator(".toast")).to_be_visible()
        seen = (await installation.send("GET", f"/articles/{made.id}", Role.EDITOR)).json()
        assert (seen["published_at"], seen["unpublish_at"]) == ("2999-01-01T08:00:00Z", "2999-02-01T08:00:00Z")


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_what_one_looks_for_is_no_mistake_yet(installation: Installation, chromium: Browser) -> None:
    """The rest is saved meanwhile; the button that is pressed complains of what was not chosen."""
    made = await installation.make(article, title="Slow tides")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        await page.get_by_label("Excerpt").fill("At the quay.")
        await page.get_by_label("Tags").fill("rope and tar")
        await expect(page.locator("[data-state]")).to_contain_text("Saved")
        await expect(page.get_by_label("Tags")).to_have_value("rope and tar")
        assert (await installation.rows("articles"))[0]["excerpt"] == "At the quay."
        await page.get_by_role("button", name="Publish", exact=True).click()
        await expect(page.get_by_text("Nothing is called “rope and tar”")).to_be_visible()
    assert (await installation.rows("articles"))[0]["published_at"] is None
