"""Revisions: every save of a record, for those who may edit it (A12, R42)."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert

from cms.content import registry
from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Door, Role
from cms.editorial.history import ChangeSet, Revision
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import SAMPLES, make_sample

ANY = {"If-Match": "*"}
STAFF = (Role.EDITOR, Role.ADMIN)


async def read(installation: Installation, path: str, role: Role = Role.EDITOR, **params: Any) -> Any:
    response = await installation.send("GET", path, role, **({"params": params} if params else {}))
    assert response.status_code == 200, response.text
    return response.json()


async def change(installation: Installation, path: str, **values: Any) -> httpx.Response:
    response = await installation.send("PATCH", path, Role.ADMIN, headers=ANY, json=values)
    assert response.status_code == 200, response.text
    return response


async def restore(
    installation: Installation, path: str, number: int, role: Role = Role.EDITOR, **body: Any
) -> httpx.Response:
    headers = {} if "version" in body else ANY
    address = f"{path}/revisions/{number}/restore"
    return await installation.send("POST", address, role, headers=headers, json=body)


async def record_old(installation: Installation, record_id: UUID, values: dict[str, Any]) -> None:
    """A revision such as an older release wrote it."""
    async with installation.database.session() as session:
        made = ChangeSet(door=Door.REST)
        session.add(made)
        await session.flush()
        row = {"change_set_id": made.id, "record_type": "articles", "record_id": record_id, "verb": "updated"}
        before = dict.fromkeys(values)
        await session.execute(insert(Revision).values(number=90, version=1, before=before, values=values, **row))


async def test_the_settings_of_the_site_have_a_history_without_a_key(installation: Installation) -> None:
    for title in ("The Tide", "The Ebb"):
        await change(installation, "/site", title=title)
    second, first, *_ = (await read(installation, "/site/revisions", Role.ADMIN))["items"]
    assert (first["fields"], second["fields"]) == (["title"], ["title"])
    numbers = first["number"], second["number"]
    assert (await read(installation, f"/site/revisions/{numbers[0]}", Role.ADMIN))["values"]["title"] == "The Tide"
    between = "/site/diff?from={}&to={}".format(*numbers)
    (difference,) = (await read(installation, between, Role.ADMIN))["fields"]
    assert difference["name"] == "title"
    restored = await restore(installation, "/site", numbers[0], Role.ADMIN)
    assert (restored.status_code, restored.json()["title"]) == (200, "The Tide")
    assert_problem(await installation.send("GET", "/site/revisions", Role.EDITOR), 403)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "site"])
async def test_every_save_is_a_revision(installation: Installation, name: str) -> None:
    content_type = registry.by_name(name)
    record = await make_sample(installation, content_type)
    path = f"/{name}/{record.id}"
    await change(installation, path, **SAMPLES[name].change)
    second, first = (await read(installation, f"{path}/revisions", Role.ADMIN))["items"]
    assert [first["number"], second["number"]] == [1, 2]
    assert [first["verb"], second["verb"]] == ["created", "updated"]
    assert second["actor"] == {"id": str(installation.actor(Role.ADMIN).id), "name": "Admin"}
    assert second["door"] == "rest"
    assert set(SAMPLES[name].change) <= set(second["fields"])
    whole = await read(installation, f"{path}/revisions/2", Role.ADMIN)
    assert whole["misfits"] == []
    assert SAMPLES[name].change.items() <= whole["values"].items()
    difference = await read(installation, f"{path}/diff?from=1&to=2", Role.ADMIN)
    assert {field["name"] for field in difference["fields"]} == set(second["fields"])
    assert difference["from"] == first
    restored = await restore(installation, path, 1, Role.ADMIN)
    assert restored.status_code == 200, restored.text
    assert restored.json()["left_alone"] == []
    assert restored.headers["etag"] == (await installation.send("GET", path, Role.ADMIN)).headers["etag"]
    now = await read(installation, f"{path}/revisions/3", Role.ADMIN)
    before = await read(installation, f"{path}/revisions/1", Role.ADMIN)
    assert now["values"] == before["values"]


async def test_pages_of_revisions(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    for number in range(2, 8):
        await change(installation, path, name=f"Rope {number}")
    first = await read(installation, f"{path}/revisions", limit=3)
    assert [item["number"] for item in first["items"]] == [7, 6, 5]
    assert first["total"] == 7
    assert first["previous"] is None
    second = await read(installation, f"{path}/revisions", limit=3, cursor=first["next"], total="none")
    assert [item["number"] for item in second["items"]] == [4, 3, 2]
    assert second["total"] is None
    last = await read(installation, f"{path}/revisions", limit=3, cursor=second["next"])
    assert [item["number"] for item in last["items"]] == [1]
    assert last["next"] is None
    back = await read(installation, f"{path}/revisions", limit=3, cursor=last["previous"])
    assert [item["number"] for item in back["items"]] == [4, 3, 2]
    front = await read(installation, f"{path}/revisions", limit=3, cursor=back["previous"])
    assert front["items"] == first["items"]
    assert front["previous"] is None
    skipped = await read(installation, f"{path}/revisions", limit=3, skip=5)
    assert [item["number"] for item in skipped["items"]] == [2, 1]
    assert skipped["previous"] is not None
    other = await installation.make(tag, name="Knot")
    foreign = await installation.send(
        "GET", f"/tags/{other.id}/revisions", Role.EDITOR, params={"cursor": first["next"]}
    )
    assert_problem(foreign, 400)


async def test_relations_are_shown_in_short_form_while_they_are_there(installation: Installation) -> None:
    rope = await installation.make(tag, name="Rope")
    knot = await installation.make(tag, name="Knot")
    news = await installation.make(category, name="News")
    record = await installation.make(article, title="Tide", tags=["rope", "knot"], category="news")
    path = f"/articles/{record.id}"
    await installation.send("DELETE", f"/tags/{rope.id}", Role.EDITOR, headers=ANY)
    values = (await read(installation, f"{path}/revisions/1"))["values"]
    assert values["category"] == {"id": str(news.id), "name": "News", "slug": "news"}
    shown = {"id": str(knot.id), "name": "Knot", "slug": "knot"}
    assert sorted(values["tags"], key=len) == [{"id": str(rope.id)}, shown]
    assert values["cover"] is None


async def test_history_is_for_those_who_may_edit(installation: Installation) -> None:
    """A12."""
    record = await installation.make(article, title="Tide", published_at=utc_now())
    hidden = await installation.make(article, title="Hidden")
    for tail in ("revisions", "revisions/1", "diff?from=1&to=1"):
        path = f"/articles/{record.id}/{tail}"
        for role, status in ((Role.ANONYMOUS, 401), (Role.READER, 403), (Role.AUTHOR, 403)):
            assert_problem(await installation.send("GET", path, role), status)
            assert_problem(await installation.send("GET", f"/articles/{hidden.id}/{tail}", role), 404)
        for role in STAFF:
            assert (await installation.send("GET", path, role)).status_code == 200
    for role, status in ((Role.ANONYMOUS, 401), (Role.READER, 403), (Role.AUTHOR, 403)):
        assert_problem(await restore(installation, f"/articles/{record.id}", 1, role), status)
        assert_problem(await restore(installation, f"/articles/{hidden.id}", 1, role), 404)
        assert_problem(await installation.send("GET", f"/users/{UUID(int=1)}/revisions", role), status)
    assert_problem(await installation.send("GET", f"/users/{UUID(int=1)}/revisions", Role.EDITOR), 403)


async def test_authors_read_the_history_of_what_is_theirs(installation: Installation) -> None:
    made = (await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    path = f"/articles/{made['id']}"
    await change(installation, path, title="Edited")
    assert [i["actor"]["name"] for i in (await read(installation, f"{path}/revisions", Role.AUTHOR))["items"]] == [
        "Admin",
        "Author",
    ]
    restored = await restore(installation, path, 1, Role.AUTHOR)
    assert restored.json()["title"] == "Mine"


async def test_restoring_neither_publishes_nor_unpublishes(installation: Installation) -> None:
    """B16: an author gains nothing by restoring what was public once."""
    made = (await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    path = f"/articles/{made['id']}"
    await installation.send("POST", f"{path}/publish", Role.EDITOR)
    await installation.send("POST", f"{path}/unpublish", Role.EDITOR)
    await change(installation, path, title="Edited")
    restored = await restore(installation, path, 2, Role.AUTHOR)
    assert restored.status_code == 200, restored.text
    assert restored.json()["title"] == "Mine"
    assert restored.json()["published_at"] is None
    refused = await restore(installation, path, 2, Role.AUTHOR, fields=["published_at"])
    assert_problem(refused, 422, "/fields/0")
    await installation.send("POST", f"{path}/publish", Role.EDITOR)
    kept = await restore(installation, path, 1)
    assert kept.json()["status"] == "published"


async def test_what_the_actor_may_not_set_is_left_alone(installation: Installation) -> None:
    record = await installation.make(article, title="Tide")
    path = f"/articles/{record.id}"
    await change(installation, path, title="Ebb", author=str(installation.actor(Role.AUTHOR).id))
    restored = await restore(installation, path, 1, Role.AUTHOR)
    assert restored.status_code == 200, restored.text
    assert restored.json()["title"] == "Tide"
    assert restored.json()["author"]["name"] == "Author"
    assert restored.json()["left_alone"] == [{"field": "author", "detail": "You may not set “author”."}]


async def test_restoring_needs_the_version(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    await change(installation, path, name="Knot")
    address = f"{path}/revisions/1/restore"
    assert_problem(await installation.send("POST", address, Role.EDITOR), 428)
    stale = await restore(installation, path, 1, version=1)
    assert_problem(stale, 412)
    assert stale.json()["current_version"] == 2
    form = {"Content-Type": "text/plain", **ANY}
    assert_problem(await installation.send("POST", address, Role.EDITOR, headers=form, content="{}"), 415)
    assert (await installation.send("POST", address, Role.EDITOR, headers=ANY)).json()["name"] == "Rope"
    assert_problem(await restore(installation, path, 9), 404)


async def test_only_some_fields(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    await change(installation, path, name="Knot", slug="knot")
    restored = await restore(installation, path, 1, version=2, fields=["name"])
    assert (restored.json()["name"], restored.json()["slug"]) == ("Rope", "knot")
    unknown = await restore(installation, path, 1, fields=["nam"])
    assert_problem(unknown, 422, "/fields/0")
    assert "Did you mean “name”?" in unknown.text


async def test_restoring_what_is_there_changes_nothing(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    assert (await restore(installation, path, 1)).json()["version"] == 1
    assert (await read(installation, f"{path}/revisions"))["total"] == 1


async def test_a_slug_that_is_taken_by_now_is_told(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    await change(installation, path, slug="knot")
    await installation.make(tag, name="Other", slug="rope")
    assert_problem(await restore(installation, path, 1), 409, "/slug")


async def test_revisions_outlive_the_fields_they_hold(installation: Installation) -> None:
    """Written before fields were added, renamed, removed or narrowed: read, compared and restored all the same."""
    record = await installation.make(article, title="Tide", content="Water.")
    path = f"/articles/{record.id}"
    gone = str(uuid4())
    old = {
        "title": "Old",
        "body": "What is now called content.",
        "excerpt": "x" * 501,
        "category": gone,
        "tags": [gone],
        "cover": "not even an id",
        "seo": {"headline": "Renamed"},
        "published_at": "yesterday",
    }
    await record_old(installation, record.id, old)
    whole = await read(installation, f"{path}/revisions/90")
    assert whole["values"] == {**old, "category": {"id": gone}, "tags": [{"id": gone}]}
    assert whole["actor"] is None
    named = {misfit["field"]: misfit["detail"] for misfit in whole["misfits"]}
    assert named.keys() == {"body", "excerpt", "seo", "published_at"}
    assert named["body"] == "There is no field “body” any more."
    difference = await read(installation, f"{path}/diff?from=90&to=1")
    told = {field["name"]: field["change"] for field in difference["fields"]}
    assert told["body"] == "removed"
    assert told["content"] == "added"
    assert told["title"] == "changed"
    restored = await restore(installation, path, 90)
    assert restored.status_code == 200, restored.text
    left = {misfit["field"] for misfit in restored.json()["left_alone"]}
    assert left == {"body", "excerpt", "category", "tags", "cover", "seo"}
    assert restored.json()["title"] == "Old"
    assert restored.json()["content"] == "Water."
    nothing = await restore(installation, path, 90, fields=["body"])
    assert_problem(nothing, 409, "/body")


async def test_what_is_in_the_trash_has_its_history(installation: Installation) -> None:
    """R42: for those who may bring it back."""
    record = await installation.make(article, title="Tide", published_at=utc_now())
    path = f"/articles/{record.id}"
    await installation.send("DELETE", path, Role.EDITOR, headers=ANY)
    for role in STAFF:
        for key in (record.id, "tide"):
            assert (await read(installation, f"/articles/{key}/revisions", role))["items"][0]["verb"] == "trashed"
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR):
        assert_problem(await installation.send("GET", f"{path}/revisions", role), 404)
    assert_problem(await restore(installation, path, 1), 404)


async def test_what_is_gone_has_its_history(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    await installation.send("DELETE", path, Role.EDITOR, headers=ANY)
    items = (await read(installation, f"{path}/revisions"))["items"]
    assert [item["verb"] for item in items] == ["deleted", "created"]
    assert (await read(installation, f"{path}/revisions/2"))["values"] == {"name": "Rope", "slug": "rope"}
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR):
        assert_problem(await installation.send("GET", f"{path}/revisions", role), 404)
    for key in ("rope", uuid4()):
        assert_problem(await installation.send("GET", f"/tags/{key}/revisions", Role.ADMIN), 404)
    assert_problem(await installation.send("GET", f"/redirects/{record.id}/revisions", Role.ADMIN), 404)
    assert_problem(await installation.send("GET", "/redirects/rope/revisions", Role.ADMIN), 404)


async def test_a_comparison_has_two_sides(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}/diff"
    lacking = await installation.send("GET", path, Role.EDITOR, params={"from": 1})
    assert_problem(lacking, 400)
    assert lacking.json()["errors"][0]["parameter"] == "to"
    assert_problem(await installation.send("GET", path, Role.EDITOR, params={"from": 1, "to": 2}), 404)
    assert_problem(await installation.send("GET", path, Role.EDITOR, params={"from": "a", "to": 1}), 400)


async def test_restoring_a_working_draft_would_publish_it(installation: Installation) -> None:
    record = await installation.make(article, title="Tide", published_at=utc_now())
    path = f"/articles/{record.id}"
    await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, headers=ANY, json={"title": "Ebb"})
    newest = (await read(installation, f"{path}/revisions"))["items"][0]
    assert newest["is_draft"]
    assert newest["fields"] == ["title"]
    assert_problem(await restore(installation, path, newest["number"]), 409)


async def test_authors_of_what_is_public_read_its_history_and_change_nothing(installation: Installation) -> None:
    """A12: they may draft."""
    made = (await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    path = f"/articles/{made['id']}"
    await installation.send("POST", f"{path}/publish", Role.EDITOR)
    verbs = [item["verb"] for item in (await read(installation, f"{path}/revisions", Role.AUTHOR))["items"]]
    assert verbs == ["published", "created"]
    assert_problem(await restore(installation, path, 1, Role.AUTHOR), 403)
