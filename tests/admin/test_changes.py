"""The change log: who did what, old and new values, filters, and undo of each change-set."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.crud.schemas import create_schema
from cms.editorial.history import ChangeSet
from tests.admin.browsing import Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation
from tests.statements import recorded

ANY = {"If-Match": "*"}


async def newest(installation: Installation) -> str:
    """The id of the change that was made last."""
    return str((await installation.rows("change_sets"))[-1]["id"])


async def test_the_log_tells_who_did_what_with_both_values(installation: Installation, editor: Visitor) -> None:
    rope = await installation.make(tag, name="Rope")
    made = await installation.make(article, title="Slow tides")
    change = {"title": "Quick tides", "tags": [str(rope.id)]}
    await installation.send("PATCH", f"/articles/{made.id}", Role.EDITOR, headers=ANY, json=change)
    page = await editor.get("/changes")
    assert page.status == 200
    for told in ("Changed title and tags : article “Quick tides”", "Editor, through the API", "Slow tides", "just now"):
        assert told in page.text, told
    assert "<del>Slow tides</del>" in page.html
    assert "<ins>Quick tides</ins>" in page.html
    assert "<ins>Rope</ins>" in page.html, "a related record is told by its title"
    assert f"/admin/history/article/{made.id}?to=2" in page.links


async def test_a_change_of_many_is_one_line(installation: Installation, editor: Visitor) -> None:
    async with installation.work(Role.EDITOR) as work:
        for number in range(3):
            await work.service(tag).create(create_schema(tag)(name=f"Rope {number}"))
        await work.service(category).create(create_schema(category)(name="Boats"))
    made = await installation.make(article, title="Slow tides")
    await editor.post("/article/bulk", action="publish", records=f"{made.id}:1")
    page = await editor.get("/changes")
    assert "Created 3 tags and created 1 category" in page.text
    assert "Published : article “Slow tides”" in page.text
    page = await editor.get("/changes")
    assert [form.action for form in page.forms].count(f"/admin/undo/{await newest(installation)}") == 1


async def test_filters_narrow_and_pages_keep_them(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    for number in range(25):
        await installation.make(tag, Role.EDITOR, name=f"Rope {number}")
    person, today = installation.actor(Role.EDITOR).id, utc_now().date()
    tags = await editor.get("/changes?type=tags&actor=&door=&since=&until=")
    assert "Slow tides" not in tags.text
    older = next(link for link in tags.links if "cursor=" in link)
    assert "type=tags" in older
    assert "“Rope 0”" in (await editor.get(older)).text
    assert "Slow tides" in (await editor.get(f"/changes?record={made.id}")).text
    for query, shows in (
        (f"actor={installation.actor(Role.ADMIN).id}", True),
        (f"actor={person}", False),
        ("door=system&type=articles", True),
        ("door=files", False),
        (f"since={today}&until={today}&type=articles", True),
        (f"until={today - timedelta(days=1)}", False),
        (f"since={today + timedelta(days=1)}", False),
    ):
        page = await editor.get(f"/changes?{query}")
        assert page.status == 200
        assert ("Slow tides" in page.text) is shows, query
    assert "Nothing was changed like that" in page.text
    for wrong in ("actor=x", "since=yesterday", "door=window", "cursor=x", "colour=blue", "until=9999-12-31"):
        refused = await editor.get(f"/changes?{wrong}")
        assert refused.status in {200, 400}, wrong
        assert "Slow tides" not in refused.text or refused.status == 200


async def test_a_change_is_undone_in_the_log_and_both_are_led_to(installation: Installation, editor: Visitor) -> None:
    await installation.make(tag, name="Rope")
    made = await newest(installation)
    page = await editor.get("/changes")
    back = await editor.call(
        "POST",
        f"/undo/{made}",
        data=page.form(f"/undo/{made}").fields,
        headers={"Referer": "http://localhost/admin/changes?type=tags"},
    )
    assert back.response.headers["location"] == "/admin/changes?type=tags"
    assert await installation.rows("tags") == []
    page = await editor.get("/changes?type=tags")
    undone = await newest(installation)
    assert f"/admin/changes?change={undone}" in page.links
    assert "Undo: deleted for good" in page.text
    only = await editor.get(f"/changes?change={undone}")
    assert f"/admin/changes?change={made}" in only.links
    assert len([form for form in only.forms if form.action.startswith("/admin/undo/")]) >= 1


async def test_what_is_too_old_says_so(installation: Installation, editor: Visitor) -> None:
    await installation.make(tag, name="Rope")
    async with installation.database.session() as session:
        await session.execute(update(ChangeSet).values(is_pruned=True))
    page = await editor.get("/changes")
    assert "Too old to undo" in page.text
    assert not [form for form in page.forms if form.action.startswith("/admin/undo/")]


async def test_a12_d12_editors_see_nothing_of_accounts_and_nobody_a_password(
    installation: Installation, visit: Visit
) -> None:
    """A12, D12."""
    person = installation.actor(Role.READER).id
    body = {"name": "Renamed", "password": "another velvet teapot"}
    await installation.send("PATCH", f"/users/{person}", Role.ADMIN, headers=ANY, json=body)
    change = await newest(installation)
    editor, admin, author = visit(Role.EDITOR), visit(Role.ADMIN), visit(Role.AUTHOR)
    assert "Renamed" not in (await editor.get("/changes")).text
    assert (await editor.get(f"/changes?change={change}")).status == 404
    assert (await editor.get("/changes?change=x")).status == 404
    assert (await author.get("/changes")).status == 403
    page = await admin.get("/changes")
    assert "Changed name and password" in page.text
    assert "***" in page.text
    hashes = [row["hashed_password"] for row in await installation.rows("users") if row["id"] == person]
    for secret in (*hashes, "velvet"):
        assert secret not in page.html


async def test_a_screen_asks_as_much_however_much_there_is(installation: Installation, admin: Visitor) -> None:
    """At most fifteen statements for each of these screens, with one record and with many."""
    made = await installation.make(article, title="Slow tides", tags=[str((await installation.make(tag, name="A")).id)])
    record = f"article/{made.id}"
    paths = ("/changes", f"/changes?record={made.id}", "/trash", f"/history/{record}", f"/preview/{record}")

    async def count() -> list[int]:
        counts = []
        for path in paths:
            with recorded() as statements:
                assert (await admin.get(path)).status == 200
            counts.append(len(statements))
        return counts

    few = await count()
    for number in range(6):
        await installation.send("PATCH", f"/articles/{made.id}", Role.ADMIN, headers=ANY, json={"title": f"T {number}"})
        other = await installation.make(article, title=f"Other {number}")
        await installation.send("DELETE", f"/articles/{other.id}", Role.ADMIN, headers=ANY)
    many = await count()
    assert max(*few, *many) <= 15, (few, many)
    assert [n - m for n, m in zip(many, few, strict=True)] == pytest.approx([0] * len(paths), abs=2), (few, many)


async def test_the_log_tells_the_first_records_of_very_many(installation: Installation, editor: Visitor) -> None:
    async with installation.work(Role.EDITOR) as work:
        for number in range(25):
            await work.service(tag).create(create_schema(tag)(name=f"Rope {number}"))
    page = await editor.get("/changes")
    assert "… and 5 more records." in page.text


async def test_an_empty_log_says_what_will_stand_there(editor: Visitor) -> None:
    assert "Nothing has been changed yet" in (await editor.get("/changes")).text
