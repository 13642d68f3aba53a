"""The history of a record: its timeline, any two revisions compared, the way back, and who may read it (A12, D12)."""

from typing import Any
from urllib.parse import urlencode

from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.editorial.history import Revision
from tests.admin.browsing import Page, Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

ANY = {"If-Match": "*"}


async def patch(installation: Installation, record: Any, query: str = "", **values: Any) -> None:
    answer = await installation.send("PATCH", f"/articles/{record.id}{query}", Role.EDITOR, headers=ANY, json=values)
    assert answer.status_code == 200, answer.text


def changed(page: Page, tag_name: str) -> list[str]:
    """What stands in `<ins>` or `<del>`."""
    parts = page.html.split(f"<{tag_name}>")[1:]
    return [part.split(f"</{tag_name}>")[0].strip() for part in parts]


async def test_a_timeline_tells_who_did_what_when_and_how(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    await patch(installation, made, title="Quick tides", content="The sea.")
    await installation.send("POST", f"/articles/{made.id}/publish", Role.EDITOR)
    await patch(installation, made, "?draft=true", title="Quicker")
    await installation.send("POST", f"/articles/{made.id}/publish", Role.EDITOR, json={"at": "2036-01-01T08:00:00Z"})
    page = await editor.get(f"/history/article/{made.id}")
    assert page.status == 200
    for told in (
        "Created", "Changed title, excerpt and content", "Published", "Changed title in the working draft", "Scheduled",
        "Editor, through the API", "just now", "What readers see", "The working draft", "it goes public", "in 9 years",
    ):  # fmt: skip
        assert told in page.text, told
    assert f"/admin/article/edit/{made.id}" in page.links


async def test_any_two_revisions_are_compared_word_by_word(installation: Installation, editor: Visitor) -> None:
    rope, knot = [await installation.make(tag, name=name) for name in ("Rope", "Knot")]
    boats = await installation.make(category, name="Boats")
    made = await installation.make(article, title="Slow tides", content="The sea waits.\nIt is blue.", tags=["rope"])
    change: dict[str, Any] = {"tags": [str(knot.id)], "category": str(boats.id), "seo": {"title": "Tides"}}
    await patch(installation, made, content="The sea <waits> not.\nIt is blue.", **change)
    await patch(installation, made, title="Quick tides", seo={"title": "Tides", "description": "Wet."})
    here = f"/history/article/{made.id}"
    newest = await editor.get(here)
    assert (changed(newest, "del"), changed(newest, "ins")) == (["Slow"], ["Quick", "Wet."])
    for view in ("side", "inline"):
        whole = await editor.get(f"{here}?from=1&to=3&view={view}")
        assert set(changed(whole, "del")) >= {"Slow", "Rope"}
        assert {"Quick", "Knot", "Boats", "&lt;"} <= set(changed(whole, "ins"))
        assert "It is blue." in whole.text
        assert str(rope.id) not in whole.html
    first = await editor.get(f"{here}?to=1")
    assert "Slow tides" in changed(first, "ins")
    assert changed(first, "del") == []
    assert "Both hold the same." in (await editor.get(f"{here}?from=2&to=2")).text
    for wrong in ("from=x", "to=0", "from=99", "to=99999999999", "cursor=x"):
        assert (await editor.get(f"{here}?{wrong}")).status in {400, 404}, wrong


async def test_the_timeline_comes_in_pages(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    for number in range(30):
        await patch(installation, made, title=f"Title {number}")
    page = await editor.get(f"/history/article/{made.id}")

    def cursors(page: Page) -> set[str]:
        return {b["value"] for form in page.forms for b in form.buttons if b.get("name") == "cursor"}

    (older,) = cursors(page)
    last = await editor.get(f"/history/article/{made.id}?{urlencode({'cursor': older})}")
    assert "Created" not in page.text
    assert "Created" in last.text
    assert "Revision 31" in page.text
    assert all("cursor=" in link for link in last.links if "view=" in link), "whoever compares stays on the page"
    (newer,) = cursors(last) - {older}
    assert "Created" not in (await editor.get(f"/history/article/{made.id}?{urlencode({'cursor': newer})}")).text


async def test_what_readers_do_not_see_is_restored_at_once_and_undone(
    installation: Installation, editor: Visitor
) -> None:
    made = await installation.make(article, title="Slow tides")
    await patch(installation, made, title="Quick tides")
    page = await editor.get(f"/history/article/{made.id}")
    restored = await editor.send(page.form("/restore"))
    assert restored.response.headers["location"] == f"/admin/history/article/{made.id}"
    (row,) = await installation.rows("articles")
    assert (row["title"], row["version"]) == ("Slow tides", 3)
    page = await editor.get(f"/history/article/{made.id}")
    assert "Restored: this is a new revision" in page.text
    await editor.send(page.undo)
    assert (await installation.rows("articles"))[0]["title"] == "Quick tides"
    assert "Undo: changed title" in (await editor.get(f"/history/article/{made.id}")).text
    assert "Undo: changed title" in (await editor.get("/changes")).text
    assert "Undo: changed title" in (await editor.get("/")).text
    again = await editor.post(f"/history/article/{made.id}/restore", number="4", version="4")
    assert again.status == 303
    assert "Nothing was changed" in (await editor.get("/article/list")).text
    stale = await editor.post(f"/history/article/{made.id}/restore", number="1", version="1")
    assert stale.status == 412


async def test_what_readers_see_is_restored_for_them_or_into_the_draft(
    installation: Installation, editor: Visitor
) -> None:
    made = await installation.make(article, title="Slow tides", published_at=utc_now())
    await patch(installation, made, title="Quick tides")
    page = await editor.get(f"/history/article/{made.id}")
    drafting, live = [form for form in page.forms if form.action.endswith("/restore")]
    assert (await editor.send(drafting)).status == 303
    assert (await installation.rows("articles"))[0]["title"] == "Quick tides"
    assert (await installation.rows("drafts"))[0]["content"]["title"] == "Slow tides"
    assert "Put into the working draft" in (await editor.get("/article/list")).text
    anew = (await editor.get(f"/history/article/{made.id}?from=1&to=2")).form("/restore")
    again = await editor.send(anew)
    assert "Nothing was changed" in (await editor.get("/article/list")).text, again.text
    assert (await editor.send(live)).status == 303
    assert (await installation.rows("articles"))[0]["title"] == "Slow tides"
    await editor.send((await editor.get(f"/history/article/{made.id}")).undo)
    assert (await installation.rows("articles"))[0]["title"] == "Quick tides"


async def test_a_revision_of_a_draft_is_taken_into_the_draft(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides", published_at=utc_now())
    for title in ("First", "Second"):
        await patch(installation, made, "?draft=true", title=title)
    page = await editor.get(f"/history/article/{made.id}")
    taken = await editor.send(page.form("/restore"))
    assert taken.status == 303
    assert (await installation.rows("drafts"))[0]["content"]["title"] == "First"
    assert (await installation.rows("articles"))[0]["title"] == "Slow tides"
    stale = await editor.send(page.form("/restore"))
    assert stale.status == 412


async def test_fields_that_no_longer_fit_are_named(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    await patch(installation, made, title="Quick tides")
    async with installation.database.session() as session:
        first = await session.get(Revision, (await installation.rows("revisions"))[-2]["id"])
        assert first is not None
        first.values = {**first.values, "headline": "Old", "excerpt": "x" * 501}
    page = await editor.get(f"/history/article/{made.id}")
    assert "There is no field “headline” any more." in page.text
    restored = await editor.send(page.form("/restore"))
    assert restored.status == 200
    assert "There is no field “headline” any more." in restored.text
    assert (await installation.rows("articles"))[0]["title"] == "Slow tides"
    await editor.send(restored.undo)
    assert (await installation.rows("articles"))[0]["title"] == "Quick tides"


async def test_what_is_in_the_trash_keeps_its_history(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    await patch(installation, made, title="Quick tides")
    await installation.send("DELETE", f"/articles/{made.id}", Role.EDITOR, headers=ANY)
    page = await editor.get(f"/history/article/{made.id}")
    assert "is in the trash" in page.text
    assert not [form for form in page.forms if form.action.endswith("/restore")]


async def test_a12_history_is_for_those_who_may_edit(installation: Installation, visit: Visit) -> None:
    """A12: a reader, another author, of what is hidden and of what is public; and an author reads their own."""
    hidden = await installation.make(article, title="Hidden")
    public = await installation.make(article, title="Public", published_at=utc_now())
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    person = installation.actor(Role.ADMIN).id
    author, reader, editor, admin = (visit(role) for role in (Role.AUTHOR, Role.READER, Role.EDITOR, Role.ADMIN))
    for made, status in ((hidden, 404), (public, 403), (mine, 200)):
        assert (await author.get(f"/history/article/{made.id}")).status == status
        assert (await reader.get(f"/history/article/{made.id}")).status == 303
        form = {"number": "1", "version": str(made.version)}
        sent = await author.post(f"/history/article/{made.id}/restore", **form)
        assert sent.status == (303 if status == 200 else status)
    assert (await editor.get(f"/history/user/{person}")).status == 403
    assert (await admin.get(f"/history/user/{person}")).status == 200
    for wrong in (f"/history/poem/{mine.id}", "/history/article/x", f"/history/tag/{mine.id}"):
        assert (await admin.get(wrong)).status == 404


async def test_d12_a_password_stands_in_no_history_and_no_log(installation: Installation, admin: Visitor) -> None:
    """A12, D12: that it was changed is told, and nothing of what it was."""
    person = installation.actor(Role.READER).id
    body = {"password": "another velvet teapot"}
    await installation.send("PATCH", f"/users/{person}", Role.ADMIN, headers=ANY, json=body)
    hashes = [row["hashed_password"] for row in await installation.rows("users") if row["id"] == person]
    page = await admin.get(f"/history/user/{person}")
    assert "Changed password" in page.text
    for secret in (*hashes, "velvet"):
        assert secret not in page.html
