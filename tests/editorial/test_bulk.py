"""Many records at once: all of them or none, each at the version that was seen, and every bad one named."""

import asyncio
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.content.redirects import redirect
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.editorial.tree import TreeService
from cms.media.sweeping import sweep
from tests.editorial.dumps import dump
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import make_sample
from tests.statements import recorded

FIFTY = 50


async def bulk(
    installation: Installation, action: str, items: Any, role: Role = Role.EDITOR, name: str = "articles", **more: Any
) -> Any:
    body = {"action": action, "items": items, **more}
    return await installation.send("POST", f"/{name}/bulk", role, json=body)


def item(record: Any, version: int | None = None) -> dict[str, Any]:
    return {"id": str(record.id), "version": record.version if version is None else version}


def named(answer: Any) -> list[dict[str, Any]]:
    """The records of an answer, to be named again."""
    return [{"id": result["id"], "version": result["version"]} for result in answer["items"]]


async def articles(installation: Installation, count: int, **values: Any) -> list[Any]:
    return [await installation.make(article, title=f"Tide {number}", **values) for number in range(count)]


async def done(installation: Installation, action: str, items: Any, *args: Any, **more: Any) -> Any:
    response = await bulk(installation, action, items, *args, **more)
    assert response.status_code == 200, response.text
    return response.json()


async def refused(installation: Installation, status: int, action: str, items: Any, *args: Any, **more: Any) -> Any:
    """The errors of a refusal, by place; nothing has changed."""
    before, versions = await dump(installation), await installation.rows("revisions")
    problem = assert_problem(await bulk(installation, action, items, *args, **more), status)
    assert await dump(installation) == before
    assert await installation.rows("revisions") == versions
    return {error["pointer"]: error for error in problem.get("errors", [])}


@pytest.mark.parametrize("action", ["publish", "trash"])
async def test_a_bad_id_among_good_ones_stops_all_and_is_named(installation: Installation, action: str) -> None:
    """D13."""
    made = await articles(installation, 3)
    unknown = {"id": str(uuid4()), "version": 1}
    items = [item(made[0]), item(made[1]), unknown, item(made[2])]
    errors = await refused(installation, 404, action, items)
    assert list(errors) == ["/items/2"]
    assert unknown["id"] in errors["/items/2"]["detail"]
    assert errors["/items/2"]["status"] == 404


@pytest.mark.parametrize("name", ["tags", "articles"])
async def test_a_bad_id_among_good_ones_stops_deleting_for_good(installation: Installation, name: str) -> None:
    """D13: of what has no trash, and of what is in it."""
    if name == "tags":
        items = [item(await installation.make(tag, name=f"Rope {number}")) for number in range(3)]
    else:
        items = named(await done(installation, "trash", [item(record) for record in await articles(installation, 3)]))
    unknown = {"id": str(uuid4()), "version": 1}
    errors = await refused(installation, 404, "delete", [*items[:2], unknown, items[2]], Role.ADMIN, name=name)
    assert list(errors) == ["/items/2"]
    assert unknown["id"] in errors["/items/2"]["detail"]
    assert len(await installation.rows(name)) == 3


async def test_what_goes_public_is_named_by_the_version_of_its_draft(installation: Installation) -> None:
    (made,) = await articles(installation, 1, published_at=utc_now())
    path, headers = f"/articles/{made.id}?draft=true", {"If-Match": "*"}
    versions = []
    for title in ("Ebb", "Flow"):
        saved = await installation.send("PATCH", path, Role.EDITOR, json={"title": title}, headers=headers)
        versions.append(saved.json()["version"])
    errors = await refused(installation, 412, "publish", [item(made, versions[0])])
    assert errors["/items/0"]["current_version"] == versions[1]
    await refused(installation, 412, "publish", [item(made)])
    await refused(installation, 412, "unpublish", [item(made, versions[1])])
    await done(installation, "publish", [item(made, versions[1])])
    assert (await installation.send("GET", f"/articles/{made.id}")).json()["title"] == "Flow"


async def test_every_bad_record_is_named(installation: Installation) -> None:
    made = await articles(installation, 4, published_at=utc_now())
    await installation.make(article, title="Draft")
    draft = (await installation.send("GET", "/articles/draft", Role.EDITOR)).json()
    items = [item(made[0]), item(made[1], 7), {"id": draft["id"], "version": 1}, item(made[2]), item(made[3], 8)]
    errors = await refused(installation, 409, "unpublish", items)
    assert {pointer: error["status"] for pointer, error in errors.items()} == {
        "/items/1": 412,
        "/items/2": 409,
        "/items/4": 412,
    }
    assert errors["/items/1"]["current_version"] == 1
    stale = await refused(installation, 412, "unpublish", [item(made[0], 3), item(made[1], 4), item(made[2])])
    assert list(stale) == ["/items/0", "/items/1"]


async def test_what_makes_no_sense_is_refused_before_anything_is_read(installation: Installation) -> None:
    (made,) = await articles(installation, 1)
    one = [item(made)]
    for pointer, body in {
        "/items/1/id": {"action": "publish", "items": one * 2},
        "/items": {"action": "publish", "items": []},
        "/changes": {"action": "update", "items": one},
        "/changes/version": {"action": "update", "items": one, "changes": {"version": 1}},
        "/changes/title": {"action": "update", "items": one, "changes": {"title": ""}},
        "/at": {"action": "trash", "items": one, "at": "2030-01-01T00:00:00Z"},
        "/items/0/version": {"action": "trash", "items": [{"id": str(made.id), "version": 0}]},
        "/items/0/id": {"action": "trash", "items": [{"id": "tide", "version": 1}]},
        "/stuff": {"action": "trash", "items": one, "stuff": 1},
    }.items():
        response = await installation.send("POST", "/articles/bulk", Role.EDITOR, json=body)
        assert_problem(response, 422, pointer)
    assert "/changes" in await refused(installation, 422, "publish", one, changes={"title": "X"})
    many = [{"id": str(UUID(int=number)), "version": 1} for number in range(101)]
    assert "/items" in await refused(installation, 422, "publish", many)
    unseen = await refused(installation, 428, "publish", [{"id": str(made.id)}])
    assert list(unseen) == ["/items/0/version"]
    assert_problem(await installation.send("POST", "/articles/bulk?at=now", Role.EDITOR, json={}), 400, parameter="at")


async def test_an_action_that_a_type_does_not_know_is_refused_naming_those_it_does(installation: Installation) -> None:
    made = await installation.make(tag, name="Rope")
    for action in ("publish", "trash", "restore", "explode"):
        errors = await refused(installation, 422, action, [item(made)], name="tags")
        assert "'delete' or 'update'" in errors["/action"]["detail"]


async def test_fifty_articles_go_and_come_back_in_one_request_each(installation: Installation) -> None:
    """R42."""
    made = await articles(installation, FIFTY, published_at=utc_now())
    before = await dump(installation)
    with recorded() as statements:
        gone = await done(installation, "trash", [item(record) for record in made])
    assert len(statements) <= 12 + 8 * FIFTY, len(statements)
    assert {result["status"] for result in gone["items"]} == {"trashed"}
    assert [result["id"] for result in gone["items"]] == [str(record.id) for record in made]
    assert (await installation.send("GET", "/articles")).json()["total"] == 0
    items = named(gone)
    with recorded() as statements:
        back = await done(installation, "restore", items)
    assert len(statements) <= 12 + 10 * FIFTY, len(statements)
    assert {result["status"] for result in back["items"]} == {"published"}
    assert await dump(installation) == before
    sets = await installation.rows("revisions")
    assert sum(str(row["change_set_id"]) == gone["change_set"] for row in sets) == FIFTY
    assert sum(str(row["change_set_id"]) == back["change_set"] for row in sets) == FIFTY


async def test_one_undo_takes_a_bulk_request_back(installation: Installation) -> None:
    made = await articles(installation, 3)
    before = await dump(installation)
    gone = await done(installation, "trash", [item(record) for record in made])
    undone = await installation.send("POST", f"/changes/{gone['change_set']}/undo", Role.EDITOR)
    assert undone.status_code < 300, undone.text
    assert await dump(installation) == before


async def test_publishing_and_taking_back_now_and_later(installation: Installation) -> None:
    made = await articles(installation, 2)
    later = (utc_now() + timedelta(days=1)).isoformat()
    first = await done(installation, "publish", [item(made[0]), item(made[1])], at=later)
    assert {result["status"] for result in first["items"]} == {"scheduled"}
    now = await done(installation, "publish", named(first))
    assert {result["status"] for result in now["items"]} == {"published"}
    items = named(now)
    again = await done(installation, "publish", items)
    assert again["change_set"] is None
    assert [result["version"] for result in again["items"]] == [result["version"] for result in now["items"]]
    back = await done(installation, "unpublish", items)
    assert {result["status"] for result in back["items"]} == {"draft"}


async def test_a_change_of_all_is_checked_for_each(installation: Installation) -> None:
    made = await articles(installation, 3)
    await installation.make(category, name="Sea")
    await installation.make(tag, name="Rope")
    items = [item(record) for record in made]
    changed = await done(installation, "update", items, changes={"category": "sea", "tags": ["rope"]})
    assert [result["version"] for result in changed["items"]] == [2, 2, 2]
    found = (await installation.send("GET", "/articles?category=sea&tags=rope", Role.EDITOR)).json()
    assert found["total"] == 3
    items = named(changed)
    errors = await refused(installation, 422, "update", items, changes={"tags": ["none"]})
    assert len(errors) == 3
    taken = await refused(installation, 409, "update", items, changes={"slug": "same"})
    assert list(taken) == ["/items/1", "/items/2"]
    assert "already has the slug “same”" in taken["/items/1"]["detail"]


async def test_each_role_may_what_it_may_singly(installation: Installation) -> None:
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    public = await installation.make(article, title="Public", published_at=utc_now(), author=str(UUID(int=2)))
    hidden = await installation.make(article, title="Hidden")
    items = [item(mine), item(public), item(hidden)]
    for role, status in ((Role.ANONYMOUS, 401), (Role.READER, 403)):
        for action in ("publish", "trash", "restore", "delete", "update", "explode"):
            assert_problem(await bulk(installation, action, items, role), status)
    for action in ("publish", "unpublish", "delete"):
        assert_problem(await bulk(installation, action, items, Role.AUTHOR), 403)
    errors = await refused(installation, 409, "trash", items, Role.AUTHOR)
    assert {pointer: error["status"] for pointer, error in errors.items()} == {"/items/1": 403, "/items/2": 404}
    errors = await refused(installation, 403, "trash", items[:2], Role.AUTHOR)
    assert "ask an editor" in errors["/items/1"]["detail"]
    gone = await done(installation, "trash", [item(mine)], Role.AUTHOR)
    theirs = await done(installation, "trash", [item(hidden)])
    both = named(gone) + named(theirs)
    assert list(await refused(installation, 404, "restore", both, Role.AUTHOR)) == ["/items/1"]
    await done(installation, "restore", both[:1], Role.AUTHOR)
    assert_problem(await bulk(installation, "delete", both[1:], Role.EDITOR), 403)


async def test_authors_bring_nothing_back_to_the_public(installation: Installation) -> None:
    """What an editor took down is theirs to restore: each record is asked about, as the single route does."""
    mine = await installation.make(article, Role.AUTHOR, title="Mine")
    await done(installation, "publish", [item(mine)])
    (row,) = await installation.rows("articles")
    taken = named(await done(installation, "trash", [{"id": str(mine.id), "version": row["version"]}]))
    assert list(await refused(installation, 403, "restore", taken, Role.AUTHOR)) == ["/items/0"]
    assert_problem(await installation.send("POST", f"/articles/{mine.id}/restore", Role.AUTHOR), 403)
    await done(installation, "restore", taken)


async def test_deleting_for_good_is_from_the_trash(installation: Installation) -> None:
    made = await articles(installation, 2)
    errors = await refused(installation, 409, "delete", [item(record) for record in made], Role.ADMIN)
    assert [error["status"] for error in errors.values()] == [409, 409]
    gone = await done(installation, "trash", [item(record) for record in made])
    items = named(gone)
    deleted = await done(installation, "delete", items, Role.ADMIN)
    assert deleted["items"] == items
    assert await installation.rows("articles") == []


async def test_a_branch_named_in_part_goes_as_one(installation: Installation) -> None:
    """Whichever order its pages are named in, they go, come back and are deleted together."""
    above = await installation.make(page, title="A")
    below = await installation.make(page, title="B", parent=str(above.id))
    items = [item(below), item(above)]
    for action in ("trash", "restore", "trash"):
        answer = await done(installation, action, items, name="pages")
        items = named(answer)
    await done(installation, "delete", items, Role.ADMIN, name="pages")
    assert await installation.rows("pages") == []


async def test_what_a_failure_took_along_is_tried_by_itself(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = await installation.make(page, title="A")
    below = await installation.make(page, title="B", parent=str(above.id))
    gone = await done(installation, "trash", [item(above), item(below)], name="pages")

    async def usages(service: TreeService[Any], record: Any) -> list[str]:
        return ["a menu"] if record.title == "A" else []

    monkeypatch.setattr(TreeService, "usages", usages)
    items = named(gone)
    assert list(await refused(installation, 409, "delete", items, Role.ADMIN, name="pages")) == ["/items/0"]


async def test_a_branch_that_can_not_come_back_is_refused_page_by_page(installation: Installation) -> None:
    """Also where the failure of one has changed what is known of another."""
    deep: list[Any] = []
    for number in range(8):
        parent = {"parent": str(deep[-1].id)} if deep else {}
        deep.append(await installation.make(page, title=f"L{number}", **cast("Any", parent)))
    top = await installation.make(page, title="X")
    above = await installation.make(page, title="A", parent=str(top.id))
    below = await installation.make(page, title="B", parent=str(above.id))
    gone = await done(installation, "trash", [item(below), item(above)], name="pages")
    moved = {"parent": str(deep[-1].id)}
    path = f"/pages/{top.id}"
    assert (
        await installation.send("PATCH", path, Role.EDITOR, headers={"If-Match": "*"}, json=moved)
    ).status_code == 200
    errors = await refused(installation, 409, "restore", named(gone), name="pages")
    assert {pointer: error["status"] for pointer, error in errors.items()} == {"/items/0": 409, "/items/1": 422}


async def test_comments_are_moderated_and_counted(installation: Installation) -> None:
    host = await installation.make(article, title="Host", published_at=utc_now())
    made = [
        await installation.make(comment, article=str(host.id), name="Ann", content=f"Yes {number}.")
        for number in range(3)
    ]
    items = [item(record) for record in made]
    for status, count in ((CommentStatus.APPROVED, 3), (CommentStatus.SPAM, 0), (CommentStatus.APPROVED, 3)):
        answer = await done(installation, "update", items, name="comments", changes={"status": status})
        assert {result["status"] for result in answer["items"]} == {status}
        items = named(answer)
        assert (await installation.send("GET", "/articles/host")).json()["comment_count"] == count
    await done(installation, "delete", items[:2], name="comments")
    assert (await installation.send("GET", "/articles/host")).json()["comment_count"] == 1


async def test_types_without_a_status_answer_none(installation: Installation) -> None:
    made = await installation.make(tag, name="Rope")
    answer = await done(installation, "update", [item(made)], name="tags", changes={"name": "Line"})
    assert answer["items"] == [{"id": str(made.id), "version": 2}]
    way = await installation.make(redirect, source="/a", target="/b")
    answer = await done(installation, "update", [item(way)], name="redirects", changes={"target": "/c"})
    assert answer["items"] == [{"id": str(way.id), "version": 2}]


async def test_files_go_with_their_records(installation: Installation) -> None:
    made = [await make_sample(installation, installation.registry.by_name("media"), number) for number in range(2)]
    for record in made:
        assert (await installation.client.get(f"/media/{record.storage_key}")).status_code == 200
    trashed = await done(installation, "trash", [item(record) for record in made], name="media")
    await done(installation, "delete", named(trashed), Role.ADMIN, name="media")
    await sweep(installation.database, installation.app.state.storage)
    for record in made:
        assert (await installation.client.get(f"/media/{record.storage_key}")).status_code == 404


async def test_a_repeated_request_is_done_once(installation: Installation) -> None:
    made = await articles(installation, 2)
    body = {"action": "trash", "items": [item(record) for record in made]}
    answers = [
        await installation.send("POST", "/articles/bulk", Role.EDITOR, json=body, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


async def test_overlapping_requests_do_not_wait_for_each_other_in_a_circle(installation: Installation) -> None:
    """Whatever the order in which records are named: one is done, the others are told that they are late."""
    made = await articles(installation, 12)
    forwards = [item(record) for record in made]
    for number in range(3):
        answers = await asyncio.gather(
            bulk(installation, "update", forwards, changes={"title": f"A{number}"}),
            bulk(installation, "update", forwards[::-1], changes={"title": f"B{number}"}),
            bulk(installation, "update", forwards[4:] + forwards[:4], changes={"title": f"C{number}"}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
        (answer,) = (answer.json() for answer in answers if answer.status_code == 200)
        versions = {result["id"]: result["version"] for result in answer["items"]}
        forwards = [{"id": str(record.id), "version": versions[str(record.id)]} for record in made]


async def test_trees_are_changed_one_after_the_other(installation: Installation) -> None:
    """Moving a page locks those above it, trashing it those below: in no one order."""
    above = await installation.make(page, title="A")
    below = [await installation.make(page, title=f"B{number}", parent=str(above.id)) for number in range(6)]
    path = f"/pages/{above.id}"
    for number in range(3):
        answers = await asyncio.gather(
            installation.send("PATCH", path, Role.EDITOR, headers={"If-Match": "*"}, json={"slug": f"a{number}"}),
            *(
                installation.send(
                    "PATCH", f"/pages/{p.id}", Role.EDITOR, headers={"If-Match": "*"}, json={"position": number}
                )
                for p in below
            ),
            installation.send("DELETE", path, Role.EDITOR, headers={"If-Match": "*"}),
        )
        assert {answer.status_code for answer in answers} <= {200, 204, 404}
        assert (await installation.send("POST", f"{path}/restore", Role.EDITOR)).status_code == 200
