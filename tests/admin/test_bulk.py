"""Steps over many records: done to all or to none, and taken back; asked about first where they can't be."""

from datetime import timedelta
from typing import Any

import pytest

from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import comment
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.installation import Installation
from tests.samples import make_sample


async def drafts(installation: Installation, count: int) -> list[Any]:
    return [await installation.make(article, title=f"Draft {number}") for number in range(count)]


def named(records: list[Any]) -> list[str]:
    return [f"{record.id}:{record.version}" for record in records]


async def test_publishing_many_is_done_at_once_and_undone_at_once(installation: Installation, editor: Visitor) -> None:
    records = named(await drafts(installation, 3))
    done = await editor.post("/article/bulk", action="publish", records=records)
    assert done.status == 303
    assert all(row["published_at"] for row in await installation.rows("articles"))
    page = await editor.get("/article/list")
    assert "3 records: published" in page.text
    await editor.send(page.undo)
    assert [row["published_at"] for row in await installation.rows("articles")] == [None] * 3


async def test_many_are_taken_back_from_readers_and_given_to_somebody_else(
    installation: Installation, editor: Visitor
) -> None:
    records = [await installation.make(article, title=f"No {number}", published_at=utc_now()) for number in range(3)]
    await editor.post("/article/bulk", action="unpublish", records=named(records))
    assert [row["published_at"] for row in await installation.rows("articles")] == [None] * 3
    await editor.send((await editor.get("/article/list")).undo)
    assert all(row["published_at"] for row in await installation.rows("articles"))
    versions = [f"{row['id']}:{row['version']}" for row in await installation.rows("articles")]
    person = installation.actor(Role.AUTHOR).id
    await editor.post("/article/bulk", action="set-author", records=versions, **{"to.author": str(person)})
    assert {row["author_id"] for row in await installation.rows("articles")} == {person}
    await editor.send((await editor.get("/article/list")).undo)
    assert {row["author_id"] for row in await installation.rows("articles")} == {installation.actor(Role.ADMIN).id}


async def test_what_can_not_be_taken_back_is_asked_about_first(installation: Installation, admin: Visitor) -> None:
    """Of an account no password is kept, so nobody could give it back."""
    record = await make_sample(installation, installation.registry.by_name("users"))
    count = len(await installation.rows("users"))
    asked = await admin.post("/user/bulk", action="delete", records=named([record]))
    assert asked.status == 200
    assert "This can't be undone." in asked.text
    assert record.name in asked.text
    assert len(await installation.rows("users")) == count
    assert (await admin.send(asked.form("/bulk"))).status == 303
    assert len(await installation.rows("users")) == count - 1
    page = await admin.get("/user/list")
    assert "Deleted." in page.text
    assert "/undo/" not in page.html


async def test_all_or_none(installation: Installation, editor: Visitor) -> None:
    """One of three was changed meanwhile: none is published, and the page names it."""
    records = await drafts(installation, 3)
    page = await editor.get(f"/article/edit/{records[1].id}")
    await editor.send(page.edit, title="Changed meanwhile")
    refused = await editor.post("/article/bulk", action="publish", confirmed="yes", records=named(records))
    assert refused.status == 412
    assert "Nothing was changed" in refused.text
    assert "“Changed meanwhile”" in refused.text
    assert [row["published_at"] for row in await installation.rows("articles")] == [None] * 3
    events = [event["kind"] for event in await installation.rows("events")]
    assert "article.published" not in events


@pytest.mark.parametrize("action", ["delete", "publish"])
async def test_d13_a_bad_id_among_good_ones_stops_all_and_is_named(
    installation: Installation, editor: Visitor, action: str
) -> None:
    """D13: 4xx, and neither those before the bad one nor those after it are touched."""
    first, second, third = named(await drafts(installation, 3))
    unknown, before = "00000000-0000-7000-8000-000000999999", await installation.rows("articles")
    records, told = [first, second, f"{unknown}:1", third], len(await installation.rows("events"))
    refused = await editor.post("/article/bulk", action=action, confirmed="yes", records=records)
    assert refused.status == 404
    assert "Nothing was changed" in refused.text
    assert f"There is no article “{unknown}”." in refused.text
    assert await installation.rows("articles") == before
    assert len(await installation.rows("events")) == told


async def test_a_record_in_use_says_where_and_takes_the_others_with_it(
    installation: Installation, editor: Visitor
) -> None:
    used, unused = [await installation.make(category, name=name) for name in ("Used", "Unused")]
    await installation.make(article, title="Slow tides", category=str(used.id))
    refused = await editor.post("/category/bulk", action="delete", confirmed="yes", records=named([used, unused]))
    assert refused.status == 409
    assert "article “Slow tides”" in refused.text
    assert len(await installation.rows("categories")) == 2
    done = await editor.post("/category/bulk", action="delete", confirmed="yes", records=named([unused]))
    assert done.status == 303
    assert [row["name"] for row in await installation.rows("categories")] == ["Used"]


async def test_the_trash_gives_back(installation: Installation, editor: Visitor) -> None:
    (made,) = await drafts(installation, 1)
    await editor.post("/article/bulk", action="delete", confirmed="yes", records=named([made]))
    page = await editor.get("/article/list")
    assert "Moved to the trash." in page.text
    assert (await editor.get(f"/article/edit/{made.id}")).status == 404
    back = await editor.send(page.undo)
    assert back.status == 303
    assert (await installation.rows("articles"))[0]["trashed_at"] is None
    assert "Moved to the trash." not in (await editor.get("/article/list")).text, "a notice is shown once"


async def test_what_has_no_trash_is_not_restored(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(tag, name="Rope")
    assert (await editor.post(f"/tag/restore/{made.id}")).status == 404
    assert (await editor.post(f"/tag/publish/{made.id}", _version="1")).status == 404
    assert (await editor.post("/tag/bulk", action="publish", confirmed="yes", records=named([made]))).status == 403


async def test_authors_trash_their_own_and_nobody_elses(installation: Installation, author: Visitor) -> None:
    theirs = await installation.make(article, title="Theirs", published_at=utc_now() - timedelta(hours=1))
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    both = await author.post("/article/bulk", action="delete", confirmed="yes", records=named([theirs, mine]))
    assert both.status == 403
    assert [row["trashed_at"] for row in await installation.rows("articles")] == [None, None]
    assert (await author.post("/article/bulk", action="publish", records=named([mine]))).status == 403
    assert (await author.post("/article/bulk", action="delete", confirmed="yes", records=named([mine]))).status == 303


async def test_moderators_decide_by_one_button(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow tides", published_at=utc_now() - timedelta(hours=1))
    comments = [
        await installation.make(comment, Role.READER, article=str(made.id), content=f"Comment {number}")
        for number in range(3)
    ]
    page = await editor.get("/comment/list")
    (first, second, third) = comments
    await editor.send(page.form("/comment/bulk"), only=f"approve {first.id}:{first.version}")
    await editor.send(page.form("/comment/bulk"), action="spam", records=named([second, third]))
    rows = {row["id"]: row["status"] for row in await installation.rows("comments")}
    assert rows == {first.id: "approved", second.id: "spam", third.id: "spam"}
    assert (await installation.rows("articles"))[0]["comment_count"] == 1
    stale = await editor.send(page.form("/comment/bulk"), only=f"reject {first.id}:{first.version}")
    assert stale.status == 412


async def test_a_step_needs_records_and_not_too_many(installation: Installation, editor: Visitor) -> None:
    nothing = await editor.post("/article/bulk", action="publish")
    assert nothing.status == 303
    assert "Tick at least one record" in (await editor.get("/article/list")).text
    ids = [f"00000000-0000-7000-8000-{number:012}:1" for number in range(101)]
    assert (await editor.post("/article/bulk", action="publish", records=ids)).status == 400
    assert (await editor.post("/article/bulk", action="publish", records="abc:1")).status == 404
    assert (await editor.post("/article/bulk", action="explode", records=ids[:1])).status == 403
    gone = await editor.post("/article/bulk", action="publish", confirmed="yes", records=ids[:1])
    assert gone.status == 404
