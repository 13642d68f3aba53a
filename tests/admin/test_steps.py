"""Steps from a list: a status changed in place, what a row is on a closer look, relations given to many at once."""

from datetime import timedelta
from typing import Any

from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.admin.test_bulk import drafts, named
from tests.admin.test_lists import ticked
from tests.installation import Installation

JSON = {"Accept": "application/json"}


async def step(visitor: Visitor, record: Any, name: str, version: int | None = None, **values: str) -> Page:
    """Take a step from the list, as its script does."""
    data = {"csrf_token": await visitor.token(), "version": str(version or record.version), **values}
    return await visitor.call("POST", f"/article/step/{record.id}?step={name}", data=data, headers=JSON)


async def test_a_status_changes_in_place_with_its_version(installation: Installation, editor: Visitor) -> None:
    (made,) = await drafts(installation, 1)
    out = (await step(editor, made, "publish")).response.json()
    assert (out["status"], out["label"], out["version"], out["steps"]) == ("published", "Published", 2, ["unpublish"])
    assert (await installation.send("GET", f"/articles/{made.id}")).status_code == 200
    stale = await step(editor, made, "unpublish", version=1)
    assert stale.status == 412
    assert stale.response.headers["content-type"] == "application/problem+json"
    back = (await step(editor, made, "unpublish", version=2)).response.json()
    assert (back["status"], back["published_at"]) == ("draft", None)
    assert (await editor.post(f"/undo/{back['change']}")).status == 303
    assert (await installation.send("GET", f"/articles/{made.id}")).status_code == 200


async def test_a_time_has_to_come_and_can_be_called_off(installation: Installation, editor: Visitor) -> None:
    (made,) = await drafts(installation, 1)
    for wrong in ("", "tomorrow", "2020-01-01T00:00:00Z", "2036-01-01T00:00"):
        refused = await step(editor, made, "schedule", at=wrong)
        assert refused.status == 422, wrong
        assert refused.response.json()["errors"][0]["pointer"] == "/at"
    at = (utc_now() + timedelta(days=2)).isoformat()
    later = (await step(editor, made, "schedule", at=at)).response.json()
    assert (later["status"], later["steps"]) == ("scheduled", ["publish", "schedule", "unschedule"])
    assert later["published_at"] == at
    off = (await step(editor, made, "unschedule", version=later["version"])).response.json()
    assert off["status"] == "draft"


async def test_authors_submit_and_editors_return(installation: Installation, author: Visitor, editor: Visitor) -> None:
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    page = await author.get("/article/list")
    assert 'data-steps="submit"' in page.html
    assert (await step(author, mine, "publish")).status == 403
    sent = (await step(author, mine, "submit")).response.json()
    assert (sent["status"], sent["steps"]) == ("in_review", [])
    assert ticked(await editor.get("/article/list?status=in_review")) == ["Mine"]
    assert (await step(editor, mine, "return", version=sent["version"], why=" ")).status == 422
    back = await step(editor, mine, "return", version=sent["version"], why="Name your sources.")
    assert back.response.json()["status"] == "draft"
    (row,) = await installation.rows("articles")
    assert row["review_note"] == "Name your sources."


async def test_there_is_no_step_but_those_that_fit(
    installation: Installation, author: Visitor, editor: Visitor
) -> None:
    theirs = await installation.make(article, title="Theirs")
    assert (await step(author, theirs, "submit")).status == 404, "an author does not even see it"
    assert (await step(editor, theirs, "explode")).status == 404
    assert (await step(editor, theirs, "unpublish")).status == 409
    assert (await editor.post("/article/step/nonsense?step=publish", version="1")).status == 404


async def test_a_closer_look_tells_what_the_actor_may_see(
    installation: Installation, author: Visitor, editor: Visitor
) -> None:
    made = await installation.make(article, title="Slow tides", content="The sea waits.", excerpt="All about it.")
    found = (await editor.get(f"/article/peek/{made.id}")).response.json()
    assert (found["title"], found["text"], found["changed_by"]) == ("Slow tides", "All about it.", "Admin")
    assert ["Status", "Draft"] in found["facts"]
    assert found["url"] == f"/admin/article/edit/{made.id}"
    assert (await author.get(f"/article/peek/{made.id}")).status == 404
    await step(editor, made, "publish")
    seen = (await author.get(f"/article/peek/{made.id}")).response.json()
    assert seen["changed_by"] is None, "who changed what is for those who may edit it"
    assert "/details/" in seen["url"]
    assert (await editor.get("/article/peek/nonsense")).status == 404


async def test_many_get_a_category_an_author_and_tags_beside_their_own(
    installation: Installation, editor: Visitor, author: Visitor
) -> None:
    rope, sea = [await installation.make(tag, name=name) for name in ("Rope", "Sea")]
    tides = await installation.make(category, name="Tides")
    records = [await installation.make(article, title=f"No {number}", tags=["rope"]) for number in range(3)]
    done = await editor.post(
        "/article/bulk",
        action="set-tags",
        records=named(records),
        back="?q=no",
        **{"to.tags": [str(sea.id), str(rope.id)]},
    )
    assert done.response.headers["location"] == "/admin/article/list?q=no"
    page = await editor.get("/article/list?q=no")
    links = await installation.rows("article_tags")
    assert len(links) == 6
    versions = [f"{row['id']}:{row['version']}" for row in await installation.rows("articles")]
    await editor.post("/article/bulk", action="set-category", records=versions, **{"to.category": str(tides.id)})
    assert {row["category_id"] for row in await installation.rows("articles")} == {tides.id}
    again = await editor.send(page.undo)
    assert again.status == 303, "the tags are taken back, though the category came later"
    assert len(await installation.rows("article_tags")) == 3
    nothing = await editor.post("/article/bulk", action="set-category", records=named(records))
    assert nothing.status == 422
    assert "Choose something first" in nothing.text
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    person = str(installation.actor(Role.ADMIN).id)
    taken = await author.post("/article/bulk", action="set-author", records=named([mine]), **{"to.author": person})
    assert taken.status == 403


async def test_all_that_matches_is_as_much_as_one_step_may_change(installation: Installation, editor: Visitor) -> None:
    for number in range(104):
        await installation.make(tag, name=f"Tag {number:03}")
    found = (await editor.get("/tag/matching?q=tag")).response.json()
    assert (len(found["records"]), found["total"], found["is_all"]) == (100, 104, False)
    few = (await editor.get("/tag/matching?q=tag+10")).response.json()
    assert (len(few["records"]), few["is_all"]) == (5, True)  # 010 and 100 to 103
    done = await editor.post("/tag/bulk", action="delete", records=few["records"])
    assert done.status == 303
    assert len(await installation.rows("tags")) == 99


async def test_the_trash_is_a_tab_that_gives_back(installation: Installation, editor: Visitor, author: Visitor) -> None:
    records = await drafts(installation, 2)
    await editor.post("/article/bulk", action="delete", records=named(records))
    page = await editor.get("/article/list?status=trashed")
    assert sorted(ticked(page)) == ["Draft 0", "Draft 1"]
    assert "Publish" not in [button.get("value") for form in page.forms for button in form.buttons]
    assert ticked(await author.get("/article/list?status=trashed")) == []
    targets = (await editor.get("/article/matching?status=trashed")).response.json()["records"]
    done = await editor.post("/article/bulk", action="restore", records=targets)
    assert done.status == 303
    assert [row["trashed_at"] for row in await installation.rows("articles")] == [None, None]
    assert "2 records: restored" in (await editor.get("/article/list")).text
