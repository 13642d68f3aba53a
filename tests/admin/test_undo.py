"""Undo from the back office: what a toast offers, where it leads back to, and what stands in its way."""

from datetime import timedelta
from typing import Any

from cms.content.articles import article
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

JSON = {"Accept": "application/json"}


async def newest(installation: Installation) -> str:
    """The id of the change that was made last."""
    return str((await installation.rows("change_sets"))[-1]["id"])


async def undo(visitor: Visitor, change: str, **headers: str) -> Any:
    data = {"csrf_token": await visitor.token()}
    return await visitor.call("POST", f"/undo/{change}", data=data, headers=headers)


async def test_a_step_is_taken_back_from_its_toast_and_done_again(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(tag, name="Rope")
    await editor.post("/tag/bulk", action="delete", records=f"{made.id}:1")
    assert await installation.rows("tags") == []
    page = await editor.get("/tag/list?q=ro")
    assert "Deleted." in page.text
    back = await editor.send(page.undo)
    assert back.status == 303
    assert [row["id"] for row in await installation.rows("tags")] == [made.id]
    page = await editor.get("/tag/list")
    assert "Undone." in page.text
    await editor.send(page.undo)
    assert await installation.rows("tags") == []


async def test_saving_offers_to_take_it_back(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(tag, name="Rope")
    page = await editor.get(f"/tag/edit/{made.id}")
    await editor.send(page.edit, name="Knot")
    page = await editor.get(f"/tag/edit/{made.id}")
    await editor.send(page.undo)
    assert [row["name"] for row in await installation.rows("tags")] == ["Rope"]


async def test_one_comes_back_to_the_page_where_one_was(installation: Installation, editor: Visitor) -> None:
    kept = await installation.make(tag, name="Rope")
    for came, where in (
        ("/admin/tag/list?q=rope&page=2", "/admin/tag/list?q=rope&page=2"),
        (f"/admin/tag/edit/{kept.id}", f"/admin/tag/edit/{kept.id}"),
        ("/admin/poem/edit/00000000-0000-7000-8000-000000000000", "/admin/poem/list"),
        ("/admin/tag/bulk", "/admin/"),
        ("/api/v1/tags", "/admin/changes"),
    ):
        await installation.make(tag, name="Knot")
        answer = await undo(editor, await newest(installation), Referer=f"http://localhost{came}")
        assert answer.response.headers["location"] == where
    foreign = await installation.make(tag, name="Knot")
    answer = await undo(editor, await newest(installation), Referer=f"http://evil.example/admin/tag/edit/{foreign.id}")
    assert answer.response.headers["location"] == "/admin/changes"
    made = await installation.make(tag, name="Knot")
    there = f"http://localhost/admin/tag/edit/{made.id}"
    answer = await undo(editor, await newest(installation), Referer=there)
    assert answer.response.headers["location"] == "/admin/tag/list", "its record is not there any more"


async def test_a_script_is_told_where_to_go_on(installation: Installation, editor: Visitor) -> None:
    await installation.make(tag, name="Rope")
    answer = await undo(editor, await newest(installation), Referer="http://localhost/admin/tag/list", **JSON)
    assert answer.status == 200
    assert answer.response.json() == {"change": await newest(installation), "url": "/admin/tag/list"}
    assert "Undone." in (await editor.get("/tag/list")).text
    again = await undo(editor, await newest(installation), **JSON)
    assert again.status == 200


async def test_what_stands_in_the_way_is_named_and_led_to(installation: Installation, visit: Visit) -> None:
    editor, author = visit(Role.EDITOR), visit(Role.AUTHOR)
    made = await installation.make(article, Role.AUTHOR, title="Slow tides")
    first = await newest(installation)
    async with installation.work(Role.ADMIN) as work:
        service = work.service(article)
        await service.change(
            await service.get(made.id), {"title": "Quick tides", "published_at": utc_now() - timedelta(seconds=1)}
        )
    later = await newest(installation)
    refused = await undo(editor, first, Referer="http://localhost/admin/article/list")
    assert refused.status == 409
    assert "was published by Admin" in refused.text
    assert f"/admin/changes?change={later}" in refused.links
    assert "/admin/article/list" in refused.links
    told = await undo(editor, first, **JSON)
    assert (told.status, told.response.json()["later_change"]) == (409, later)
    own = await undo(author, first)
    assert own.status == 409
    assert not any("/admin/changes" in link for link in own.links), "the log is not for authors"
    assert [row["trashed_at"] for row in await installation.rows("articles")] == [None]


async def test_a12_nobody_takes_back_what_is_not_theirs(installation: Installation, visit: Visit) -> None:
    """A12: an author what others did, an editor what only administrators may see."""
    await installation.make(tag, name="Rope")
    author, editor = visit(Role.AUTHOR), visit(Role.EDITOR)
    assert (await undo(author, await newest(installation))).status == 403
    async with installation.work() as work:
        users = work.service(installation.registry.by_name("users"))
        await users.change(await users.get(installation.actor(Role.READER).id or ""), {"name": "Another"})
    assert (await undo(editor, await newest(installation))).status == 404
    for unknown in ("x", "00000000-0000-7000-8000-000000000000"):
        assert (await undo(editor, unknown)).status == 404
    assert (await editor.get(f"/undo/{await newest(installation)}")).status == 405
    assert len(await installation.rows("tags")) == 1
