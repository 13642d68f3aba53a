"""The preview screen: a draft in a frame of its own, links that are made and revoked, and who may do that (A13)."""

import re

import pytest

from admin.pages import preview
from admin.security import POLICY
from cms.content.articles import article
from cms.content.pages import page
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

ANY = {"If-Match": "*"}
JSON = {"Accept": "application/json"}


def address_of(shown: Page) -> str:
    """The address of the link that a page shows once."""
    found = re.search(r'value="(http[^"]*/preview/[^"]+)"', shown.html)
    assert found is not None
    return found[1]


async def test_the_frame_shows_the_draft_and_only_there_it_may(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides", content="Text.", published_at=utc_now())
    body = {"title": "Quick tides"}
    await installation.send("PATCH", f"/articles/{made.id}?draft=true", Role.EDITOR, headers=ANY, json=body)
    screen = await editor.get(f"/preview/article/{made.id}")
    assert screen.status == 200
    assert screen.response.headers["content-security-policy"] == f"{POLICY}; frame-src 'self'"
    assert screen.response.headers["x-frame-options"] == "DENY"
    assert f'src="/admin/preview/article/{made.id}/page"' in screen.html
    framed = await editor.get(f"/preview/article/{made.id}/page")
    assert "Quick tides" in framed.text
    assert "Slow tides" not in framed.text
    policy = framed.response.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert framed.response.headers["x-frame-options"] == "SAMEORIGIN"
    assert framed.response.headers["cache-control"] == "no-store"
    for path in ("/article/list", f"/article/edit/{made.id}", f"/history/article/{made.id}"):
        other = (await editor.get(path)).response.headers["content-security-policy"]
        assert "frame-src" not in other, path
        assert "frame-ancestors 'none'" in other, path


async def test_a_link_is_made_shown_once_and_revoked(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(page, title="About", content="Us.")
    here = f"/preview/page/{made.id}"
    screen = await editor.get(here)
    assert "No link shows this draft" in screen.text
    assert screen.form(str(made.id)).fields["days"] == ["7"], "unless one says otherwise"
    shared = await editor.send(screen.form(str(made.id)), days="30")
    address = address_of(shared)
    assert address.startswith("http://localhost/preview/")
    assert "About" in (await installation.client.get(address)).text
    again = await editor.get(here)
    assert address.rpartition("/")[2] not in again.html
    assert "in 30 days" in again.text
    assert "made just now" in again.text
    assert (await editor.send(again.form("/revoke"))).status == 303
    after = await editor.get(here)
    assert "The link shows nothing any more." in after.text
    assert "No link shows this draft" in after.text
    gone = await installation.client.get(address)
    assert gone.status_code == 410
    assert "About" not in gone.text


async def test_a_link_shows_what_the_draft_says_now_or_later_changes_too(
    installation: Installation, editor: Visitor
) -> None:
    """A13: the first, unless one says otherwise."""
    made = await installation.make(page, title="About", content="Us.")
    here = f"/preview/page/{made.id}"
    form = (await editor.get(here)).form(str(made.id))
    bound = address_of(await editor.send(form))
    shared = await editor.send(form, shows="latest", days="30")
    assert [shared.form(str(made.id)).fields[name] for name in ("shows", "days")] == [["latest"], ["30"]]
    along = address_of(shared)
    await installation.send("PATCH", f"/pages/{made.id}", Role.EDITOR, headers=ANY, json={"title": "Us"})
    assert "<h1>About</h1>" in (await installation.client.get(bound)).text
    assert "<h1>Us</h1>" in (await installation.client.get(along)).text
    screen = await editor.get(here)
    assert screen.text.count("shows the draft as it was when made") == 1
    assert screen.text.count("shows the draft with later changes; made") == 1


async def test_a_script_makes_and_revokes_links(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    here, token = f"/preview/article/{made.id}", await editor.token()
    answer = await editor.call("POST", here, data={"csrf_token": token}, headers=JSON)
    assert answer.status == 201
    link = answer.response.json()
    assert (await installation.client.get(link["url"])).status_code == 200
    form = {"csrf_token": token, "link": link["id"]}
    revoked = await editor.call("POST", f"{here}/revoke", data=form, headers=JSON)
    assert revoked.response.json() == {"id": link["id"]}
    assert (await installation.client.get(link["url"])).status_code == 410


async def test_what_makes_no_sense_is_refused(
    installation: Installation, editor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await installation.make(article, title="Slow tides")
    other = await installation.make(article, title="Other")
    rope = await installation.make(tag, name="Rope")
    here = f"/preview/article/{made.id}"
    for days in ("0", "365", "-1", "x", ""):
        assert (await editor.post(here, days=days)).status == 422, days
    for shows in ("", "x", "Latest"):
        assert (await editor.post(here, shows=shows)).status == 422, shows
    assert await installation.rows("preview_links") == []
    await editor.post(here)
    link = str((await installation.rows("preview_links"))[0]["id"])
    for wrong in ("", "x", str(other.id)):
        assert (await editor.post(f"{here}/revoke", link=wrong)).status == 404
    assert (await editor.post(f"/preview/article/{other.id}/revoke", link=link)).status == 404, "of another record"
    for nothing in (f"/preview/tag/{rope.id}", f"/preview/article/{rope.id}", "/preview/article/x", "/preview/x/y"):
        assert (await editor.get(nothing)).status == 404
    monkeypatch.setattr(preview, "MAKING", preview.MAKING._replace(times=1))
    assert [(await editor.post(here)).status for _ in range(2)] == [200, 429]


async def test_a13_who_may_not_edit_a_record_has_no_preview_of_it(installation: Installation, visit: Visit) -> None:
    """A13: another author, a reader; and authors share their own."""
    hidden = await installation.make(article, title="Hidden")
    public = await installation.make(article, title="Public", published_at=utc_now())
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    author, reader = visit(Role.AUTHOR), visit(Role.READER)
    for made, status in ((hidden, 404), (public, 403), (mine, 200)):
        for path in (f"/preview/article/{made.id}", f"/preview/article/{made.id}/page"):
            assert (await author.get(path)).status == status
            assert (await reader.get(path)).status == 303
        assert (await author.post(f"/preview/article/{made.id}")).status == status
    assert [row["record_id"] for row in await installation.rows("preview_links")] == [mine.id]
