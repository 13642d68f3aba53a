"""A public record that gets another address: the old one leads on, if its editor wants that."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from cms.content.articles import article
from cms.content.pages import page as page_type
from cms.content.redirects import redirect
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import Window
from tests.editorial.test_transitions import let_pass, office, soon
from tests.installation import Installation

ANY = {"If-Match": "*"}
SAVED = re.compile(r"^Saved \d")


async def redirects(installation: Installation) -> dict[str, tuple[str, int]]:
    """Where each old address leads, and how."""
    return {row["source"]: (row["target"], row["status"]) for row in await installation.rows("redirects")}


async def tide(installation: Installation) -> str:
    """The address of the form of an article that readers know as `/articles/tide`."""
    made = await installation.make(article, title="Tide", slug="tide", published_at=utc_now())
    return f"/article/edit/{made.id}"


async def publish(editor: Visitor, path: str, leads_on: bool = True, **changes: Any) -> None:
    choice = ["no", "yes"] if leads_on else ["no"]
    done = await editor.send((await editor.get(path)).edit, _then="publish", _leads_on=choice, **changes)
    assert done.status == 303, done.text


async def test_the_old_address_leads_to_the_new_one(installation: Installation, editor: Visitor) -> None:
    path = await tide(installation)
    page = await editor.get(path)
    assert "/articles/tide" in page.text
    assert page.edit.fields["_leads_on"] == ["no", "yes"]
    await editor.send(page.edit, slug="ebb")
    assert await redirects(installation) == {}, "readers find it where it was"
    await editor.send((await editor.get(path)).edit, _then="publish")
    assert (await installation.send("GET", "/articles/ebb")).status_code == 200
    (found,) = (await installation.send("GET", "/redirects?source=/articles/tide")).json()["items"]
    assert (found["target"], found["status"]) == ("/articles/ebb", 301)


async def test_who_does_not_want_that_says_so(installation: Installation, editor: Visitor) -> None:
    path = await tide(installation)
    await editor.send((await editor.get(path)).edit, slug="ebb", _leads_on="no")
    page = await editor.get(path)
    assert page.edit.fields["_leads_on"] == ["no"]
    await editor.send(page.edit, _then="publish")
    assert await redirects(installation) == {}


async def test_who_leaves_the_address_alone_gets_no_redirect(installation: Installation, editor: Visitor) -> None:
    path = await tide(installation)
    await publish(editor, path, title="Tides")
    assert await redirects(installation) == {}
    draft = await installation.make(article, title="Not public")
    assert "_leads_on" not in (await editor.get(f"/article/edit/{draft.id}")).edit.fields
    assert "_leads_on" not in (await editor.get("/category/create")).forms[0].fields


async def test_the_choice_is_kept_until_the_time_of_a_scheduled_change(
    installation: Installation, editor: Visitor
) -> None:
    path = await tide(installation)
    await editor.send((await editor.get(path)).edit, slug="ebb")
    at = await soon(installation)
    answer = await installation.send("POST", "/articles/tide/publish", Role.EDITOR, json={"at": at})
    assert answer.status_code == 200, answer.text
    await let_pass(installation)
    assert await office(installation).catch_up() == 1
    assert await redirects(installation) == {"/articles/tide": ("/articles/ebb", 301)}


async def test_what_is_changed_over_rest_is_left_to_its_client(installation: Installation, editor: Visitor) -> None:
    path = await tide(installation)
    await installation.send("PATCH", "/articles/tide?draft=true", Role.EDITOR, headers=ANY, json={"slug": "ebb"})
    assert (await editor.get(path)).edit.fields["_leads_on"] == ["no"]
    await installation.send("POST", "/articles/tide/publish", Role.EDITOR)
    assert await redirects(installation) == {}


async def test_no_redirect_leads_to_another_nor_away_from_what_is_there(
    installation: Installation, editor: Visitor
) -> None:
    path = await tide(installation)
    await installation.make(redirect, source="/old", target="/articles/tide", status=302)
    await installation.make(redirect, source="/articles/neap", target="/elsewhere")
    await publish(editor, path, slug="ebb")
    await publish(editor, path, slug="neap")
    assert await redirects(installation) == {
        "/old": ("/articles/neap", 302),
        "/articles/tide": ("/articles/neap", 301),
        "/articles/ebb": ("/articles/neap", 301),
    }
    await publish(editor, path, slug="tide")
    assert await redirects(installation) == {
        "/old": ("/articles/tide", 302),
        "/articles/ebb": ("/articles/tide", 301),
        "/articles/neap": ("/articles/tide", 301),
    }


async def test_pages_below_lead_on_too(installation: Installation, editor: Visitor) -> None:
    top = await installation.make(page_type, title="About", slug="about", published_at=utc_now())
    for title in ("Team", "Press"):
        await installation.make(page_type, title=title, parent=str(top.id), published_at=utc_now())
    await installation.make(page_type, title="Takeover", parent=str(top.id))  # which nobody is to learn of
    path = f"/page/edit/{top.id}"
    assert "/about" in (await editor.get(path)).text
    await publish(editor, path, slug="us")
    assert await redirects(installation) == {
        "/about": ("/us", 301),
        "/about/team": ("/us/team", 301),
        "/about/press": ("/us/press", 301),
    }


async def test_undo_takes_the_redirect_back(installation: Installation, editor: Visitor) -> None:
    path = await tide(installation)
    await editor.send((await editor.get(path)).edit, slug="ebb")
    await publish(editor, path)
    undone = await editor.send((await editor.get(path)).undo)
    assert undone.status == 303
    assert (await installation.send("GET", "/articles/tide")).status_code == 200
    assert await redirects(installation) == {}
    again = (await editor.get(path)).edit
    assert (again.fields["slug"], again.fields["_leads_on"]) == (["ebb"], ["no", "yes"]), "the choice is back, too"


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_the_offer_stands_beside_the_slug_as_soon_as_it_is_changed(
    window: Window, installation: Installation
) -> None:
    page = await window.open((await tide(installation)).removeprefix("/"))
    offer = page.get_by_role("checkbox", name="Redirect the old address")
    await expect(offer).to_be_hidden()
    slug = page.get_by_label("Slug")
    await slug.fill("ebb")
    await expect(offer).to_be_checked()
    await slug.fill("tide")
    await expect(offer).to_be_hidden()
    await slug.fill("ebb")
    await expect(page.locator("[data-state]")).to_have_text(SAVED)
    async with page.expect_response("**/autosave/**"):
        await offer.uncheck()
    await expect(page.locator("[data-state]")).to_have_text(SAVED)
    await page.reload()
    await expect(offer).not_to_be_checked()
    await offer.check()
    await page.get_by_role("button", name="Publish changes").click()
    await expect(page.get_by_role("status").filter(has_text="Published").first).to_be_visible()
    assert await redirects(installation) == {"/articles/tide": ("/articles/ebb", 301)}
