"""Undo: what was there before is there again, or what stands in the way is named (D11, R42)."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text, update

from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.content.redirects import redirect
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.crud.schemas import create_schema
from cms.editorial.behaviours import Review
from cms.editorial.history import Revision
from cms.exchange.apply import apply
from cms.media.records import media
from tests.editorial.dumps import dump
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import SAMPLES, make_sample, picture

ANY = {"If-Match": "*"}


async def changes(installation: Installation, **wanted: Any) -> list[dict[str, Any]]:
    """The log as the administrator reads it."""
    listed = await installation.send("GET", "/changes", Role.ADMIN, params=wanted)
    assert listed.status_code == 200, listed.text
    items: list[dict[str, Any]] = listed.json()["items"]
    return items


async def undo(installation: Installation, change: str | None = None, role: Role = Role.ADMIN) -> httpx.Response:
    """Undo that change, or the newest."""
    change = change or (await changes(installation))[0]["id"]
    return await installation.send("POST", f"/changes/{change}/undo", role)


async def assert_undone(installation: Installation, do: Callable[[], Awaitable[Any]]) -> None:
    """Do something, undo it, undo that, and that too: there and back again."""
    before = await dump(installation)
    await do()
    after = await dump(installation)
    assert after != before
    for expected in (before, after, before):
        response = await undo(installation)
        assert response.status_code == 200, response.text
        assert await dump(installation) == expected


def sender(
    installation: Installation, method: str, path: str, role: Role = Role.EDITOR, **rest: Any
) -> Callable[[], Awaitable[None]]:
    """A request that has to succeed."""

    async def send() -> None:
        response = await installation.send(method, path, role, headers=ANY, **rest)
        assert response.status_code < 300, response.text

    return send


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in {"site", "users", "media"}])
async def test_whatever_was_done_to_a_record_is_undone(installation: Installation, name: str) -> None:
    """R42: of every type; deleted for good, a record comes back with its id and all that it was."""
    content_type = installation.registry.by_name(name)
    record = await make_sample(installation, content_type)
    path = f"/{name}/{record.id}"
    await assert_undone(installation, sender(installation, "PATCH", path, json=SAMPLES[name].change))
    await assert_undone(installation, sender(installation, "DELETE", path))


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in {"site", "users", "media", "comments"}])
async def test_what_was_made_is_taken_back(installation: Installation, name: str) -> None:
    before = await dump(installation)
    await sender(installation, "POST", f"/{name}", json=SAMPLES[name].create(1))()
    after = await dump(installation)
    assert after != before
    for expected in (before, after):
        response = await undo(installation, role=Role.EDITOR)
        assert response.status_code == 200, response.text
        assert await dump(installation) == expected


async def test_settings_and_what_describes_a_file_are_undone(installation: Installation) -> None:
    picture = await make_sample(installation, media)
    title, alt = {"title": "The Tide", "comments_max_links": 7}, {"alt": "A buoy", "focal_point": {"x": 0.1, "y": 0.9}}
    await assert_undone(installation, sender(installation, "PATCH", "/site", Role.ADMIN, json=title))
    await assert_undone(installation, sender(installation, "PATCH", f"/media/{picture.id}", json=alt))


async def test_an_import_is_undone(installation: Installation, tmp_path: Path) -> None:
    """What it changed is what it was, what it made is gone, links between them included."""
    await installation.make(tag, name="Rope")
    await installation.make(article, title="Slow tides", slug="slow-tides", content="Water waits.", tags=["rope"])
    by = "author: editor@example.org\n"
    files = {
        "categories/sea.yaml": "name: Sea\n",
        "articles/slow-tides.md": f"---\ntitle: Quick tides\n{by}category: sea\n---\nWater waits no more.\n",
        "articles/ebb.md": f"---\ntitle: Ebb\n{by}category: sea\ntags: [rope]\n---\nSand.\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    state = installation.app.state

    async def bring_in() -> None:
        report = await apply(state.database, state.registry, state.reader, state.storage, tmp_path)
        assert report.refused == []

    await assert_undone(installation, bring_in)


async def test_an_import_of_pictures_is_undone(installation: Installation, tmp_path: Path) -> None:
    """They go into the trash along with what shows them, which does not come back without them."""
    head = "---\ntitle: Ebb\nauthor: editor@example.org\n"
    files = {
        "articles/cover.md": f"{head}cover: buoy.png\n---\nSand.\n".encode(),
        "articles/text.md": f"{head}---\n![A buoy](media:buoy.png)\n".encode(),
        "media/buoy.png": picture(),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    state = installation.app.state

    async def bring_in() -> None:
        report = await apply(state.database, state.registry, state.reader, state.storage, tmp_path)
        assert report.refused == []

    await assert_undone(installation, bring_in)
    assert [row["trashed_at"] is None for row in await installation.rows("media")] == [False]
    ids = [row["id"] for row in await installation.rows("articles")]
    for record_id in ids:
        restored = await installation.send("POST", f"/articles/{record_id}/restore", Role.ADMIN)
        assert "restore the media “buoy.png” first" in assert_problem(restored, 409)["detail"]
    await sender(installation, "POST", f"/media/{(await installation.rows('media'))[0]['id']}/restore")()
    for record_id in ids:
        await sender(installation, "POST", f"/articles/{record_id}/restore")()


async def test_publishing_is_undone(installation: Installation) -> None:
    record = await installation.make(article, title="Tide")
    path = f"/articles/{record.id}"
    await assert_undone(installation, sender(installation, "POST", f"{path}/publish"))
    await sender(installation, "POST", f"{path}/publish")()
    await assert_undone(installation, sender(installation, "POST", f"{path}/unpublish"))


async def test_relations_come_back(installation: Installation) -> None:
    for name in ("Rope", "Knot", "Sail"):
        await installation.make(tag, name=name)
    await installation.make(category, name="News", slug="news")
    record = await installation.make(article, title="Tide", tags=["rope", "knot"], category="news")
    change = {"tags": ["sail", "rope"], "category": None, "content": "Other words.", "seo": {"title": "T"}}
    await assert_undone(installation, sender(installation, "PATCH", f"/articles/{record.id}", json=change))


async def test_an_excerpt_that_was_made_goes_on_being_made(installation: Installation) -> None:
    record = await installation.make(article, title="Tide", content="Water waits.")
    path = f"/articles/{record.id}"
    await assert_undone(installation, sender(installation, "PATCH", path, json={"content": "Water waits no more."}))
    await sender(installation, "PATCH", path, json={"content": "Sand."})()
    assert (await installation.send("GET", path, Role.EDITOR)).json()["excerpt"] == "Sand."


async def test_a_deleted_tag_comes_back_on_its_articles(installation: Installation) -> None:
    """R42: also on those that nobody sees."""
    rope = await installation.make(tag, name="Rope")
    for title in ("Tide", "Ebb"):
        await installation.make(article, title=title, tags=["rope"])
    trashed = await installation.make(article, title="Gone", tags=["rope"])
    await sender(installation, "DELETE", f"/articles/{trashed.id}")()
    await assert_undone(installation, sender(installation, "DELETE", f"/tags/{rope.id}"))
    assert len(await installation.rows("article_tags")) == 3


async def test_a_deleted_thread_comes_back(installation: Installation) -> None:
    host = await installation.make(article, title="Tide", published_at=utc_now())
    values: dict[str, Any] = {"article": str(host.id), "name": "Ann", "email": "ann@example.org"}
    values["status"] = CommentStatus.APPROVED
    root = await installation.make(comment, content="One.", **values)
    for said in ("Two.", "Three."):
        below = await installation.make(comment, content=said, parent=str(root.id), **values)
        await installation.make(comment, content=f"Re: {said}", parent=str(below.id), **values)
    await assert_undone(installation, sender(installation, "DELETE", f"/comments/{root.id}"))
    (row,) = await installation.rows("articles")
    assert row["comment_count"] == 5


async def test_a_comment_comes_back_as_nobodys(installation: Installation) -> None:
    """One whose writer's account is gone is not ascribed to who undoes."""
    host = await installation.make(article, title="Tide", published_at=utc_now())
    record = await installation.make(comment, article=str(host.id), name="Ann", email="a@example.org", content="One.")
    await sender(installation, "PATCH", f"/comments/{record.id}", json={"name": None, "author": None})()
    await assert_undone(installation, sender(installation, "DELETE", f"/comments/{record.id}"))


async def test_versions_of_what_comes_back_count_on(installation: Installation) -> None:
    """R05: or who holds an old one would overwrite what he never saw."""
    record = await installation.make(tag, name="Rope")
    path = f"/tags/{record.id}"
    await sender(installation, "PATCH", path, json={"name": "Knot"})()
    await sender(installation, "DELETE", path)()
    assert (await undo(installation)).status_code == 200
    assert (await installation.send("GET", path)).json()["version"] > 2
    late = await installation.send("PATCH", path, Role.EDITOR, headers={"If-Match": '"v1"'}, json={"name": "Late"})
    assert_problem(late, 412)
    revisions = (await installation.send("GET", f"{path}/revisions", Role.EDITOR)).json()["items"]
    assert [item["verb"] for item in revisions] == ["created", "deleted", "updated", "created"]


async def test_a_tree_is_trashed_and_comes_back(installation: Installation) -> None:
    root = await installation.make(page, title="About")
    below = await installation.make(page, title="Team", parent=str(root.id))
    await installation.make(page, title="Ann", parent=str(below.id))
    await installation.make(page, title="History", parent=str(root.id))
    await assert_undone(installation, sender(installation, "DELETE", f"/pages/{root.id}"))


async def test_what_is_above_and_was_trashed_later_stands_in_the_way(installation: Installation) -> None:
    root = await installation.make(page, title="About")
    below = await installation.make(page, title="Team", parent=str(root.id))
    for record in (below, root):
        await sender(installation, "DELETE", f"/pages/{record.id}")()
    later, first, *_ = await changes(installation)
    refused = await installation.send("POST", f"/changes/{first['id']}/undo", Role.EDITOR)
    problem = assert_problem(refused, 409)
    assert problem["later_change"] == later["id"]
    assert "“Team” needs the page “About”, which is not there: it was trashed" in problem["detail"]


async def test_what_came_back_by_another_slug_goes_and_comes_back_by_it(installation: Installation) -> None:
    """Where others have taken its own, and that of what came along."""
    root = await installation.make(page, title="About")
    below = await installation.make(page, title="Team", parent=str(root.id))
    single = await installation.make(article, title="Tide")
    for path in (f"/pages/{root.id}", f"/articles/{single.id}"):
        await sender(installation, "DELETE", path)()
    await installation.make(article, title="Tide")
    await installation.make(page, title="About")
    places = {"slug": "about-us", "slugs": {str(below.id): "crew"}}
    await assert_undone(
        installation, sender(installation, "POST", f"/articles/{single.id}/restore", json={"slug": "ebb"})
    )
    await assert_undone(installation, sender(installation, "POST", f"/pages/{root.id}/restore", json=places))
    await undo(installation)
    rows = {row["slug"]: row["path"] for row in await installation.rows("pages") if row["trashed_at"] is None}
    assert rows == {"about": "/about", "about-us": "/about-us", "crew": "/about-us/crew"}


async def test_many_records_in_one_transaction(installation: Installation) -> None:
    made = [await installation.make(article, title=f"Tide {n}") for n in range(5)]

    async def change_all() -> None:
        async with installation.work(Role.EDITOR) as work:
            service = work.service(article)
            for number, record in enumerate(made):
                found = await service.get(record.id)
                await service.change(found, {"title": f"Ebb {number}"})
                if number % 2:
                    await service.delete(found, found.version)

    await assert_undone(installation, change_all)


async def test_parents_and_children_made_and_deleted_at_once(installation: Installation) -> None:
    async def make_all() -> None:
        async with installation.work(Role.EDITOR) as work:
            service = work.service(category)
            schema = create_schema(category)
            root = await service.create(schema(name="Sea"))
            below = await service.create(schema(name="Tides", parent=str(root.id)))
            await service.create(schema(name="Ebb", parent=str(below.id)))
            await service.change(root, {"description": "Deep."})

    await assert_undone(installation, make_all)


async def test_what_was_changed_since_stands_in_the_way(installation: Installation) -> None:
    record = await installation.make(article, Role.EDITOR, title="Tide")
    path = f"/articles/{record.id}"
    await sender(installation, "PATCH", path, json={"title": "Ebb"})()
    first = (await changes(installation))[0]["id"]
    await sender(installation, "PATCH", path, json={"excerpt": "Short."})()
    await sender(installation, "PATCH", path, json={"title": "Flow"})()
    second = (await changes(installation))[0]["id"]
    before = await dump(installation)
    refused = await undo(installation, first, Role.EDITOR)
    assert_problem(refused, 409, "/title")
    assert refused.json()["later_change"] == second
    assert "“Flow”" not in refused.text
    assert "“Ebb” is not what this change made of it" in refused.json()["detail"]
    assert "it was updated by Editor on 20" in refused.json()["detail"]
    assert await dump(installation) == before
    assert (await undo(installation, second)).status_code == 200
    assert (await undo(installation, first)).status_code == 200
    assert (await installation.send("GET", path, Role.EDITOR)).json()["title"] == "Tide"


async def test_what_was_made_and_changed_since_stays(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    made = (await changes(installation))[0]["id"]
    await sender(installation, "PATCH", f"/tags/{record.id}", json={"name": "Knot"})()
    assert_problem(await undo(installation, made), 409, "/name")
    await sender(installation, "DELETE", f"/tags/{record.id}")()
    gone = await undo(installation, made)
    assert_problem(gone, 409)
    assert "it was updated" in gone.json()["detail"] or "it was deleted" in gone.json()["detail"]


async def test_a_change_that_nobody_recorded_stands_in_the_way_too(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    change = (await changes(installation))[0]["id"]
    async with installation.database.engine.begin() as connection:
        await connection.execute(text("UPDATE tags SET name = 'Knot'"))
    refused = await undo(installation, change)
    assert_problem(refused, 409, "/name")
    assert refused.json()["detail"].endswith("Nothing was undone.")
    assert (await installation.send("GET", f"/tags/{record.id}")).status_code == 200


async def test_nothing_is_undone_by_half(installation: Installation) -> None:
    made = [await installation.make(article, title=f"Tide {n}") for n in range(3)]
    async with installation.work(Role.EDITOR) as work:
        service = work.service(article)
        for record in made:
            await service.change(await service.get(record.id), {"title": "Ebb"})
    bulk = (await changes(installation))[0]
    assert bulk["record_count"] == 3
    await sender(installation, "PATCH", f"/articles/{made[0].id}", json={"title": "Flow"})()
    before, log = await dump(installation), await changes(installation)
    assert_problem(await undo(installation, bulk["id"]), 409, "/title")
    assert await dump(installation) == before
    assert await changes(installation) == log


async def test_a_second_undo_finds_what_the_first_did(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    await sender(installation, "PATCH", f"/tags/{record.id}", json={"name": "Knot"})()
    change = (await changes(installation))[0]["id"]
    first = await undo(installation, change)
    assert first.json()["undoes"] == change
    second = await undo(installation, change)
    assert_problem(second, 409, "/name")
    assert second.json()["later_change"] == first.json()["id"]
    log = await changes(installation)
    assert [item["undone_by"] for item in log[:3]] == [None, first.json()["id"], None]


async def test_what_is_needed_and_gone_is_named(installation: Installation) -> None:
    rope = await installation.make(tag, name="Rope")
    record = await installation.make(article, title="Tide", tags=["rope"])
    await sender(installation, "PATCH", f"/articles/{record.id}", json={"tags": []})()
    change = (await changes(installation))[0]["id"]
    await sender(installation, "DELETE", f"/tags/{rope.id}")()
    deletion = (await changes(installation))[0]["id"]
    refused = await undo(installation, change)
    assert_problem(refused, 409)
    assert refused.json()["later_change"] == deletion
    assert "“Tide” needs the tag “Rope”, which is not there: it was deleted" in refused.json()["detail"]
    assert (await undo(installation, deletion)).status_code == 200
    assert (await undo(installation, change)).status_code == 200


async def test_what_is_deleted_for_good_is_gone(installation: Installation) -> None:
    record = await installation.make(article, title="Tide")
    path = f"/articles/{record.id}"
    await sender(installation, "DELETE", path)()
    gone = await installation.send("DELETE", f"{path}?permanent=true", Role.ADMIN, headers=ANY)
    assert gone.status_code == 204, gone.text
    refused = await undo(installation)
    assert_problem(refused, 409)
    assert "deleted for good" in refused.json()["detail"]


@pytest.mark.parametrize("name", ["users", "media"])
async def test_what_can_not_come_back_whole_does_not(installation: Installation, name: str) -> None:
    """D12: the password is not kept, nor are files."""
    record = await make_sample(installation, installation.registry.by_name(name))
    for query in ("", "?permanent=true") if name == "media" else ("",):
        gone = await installation.send("DELETE", f"/{name}/{record.id}{query}", Role.ADMIN, headers=ANY)
        assert gone.status_code == 204, gone.text
    refused = await undo(installation)
    assert_problem(refused, 409)
    assert ("can't be undone" if name == "media" else "can't come back") in refused.json()["detail"]


async def test_a_password_does_not_come_back(installation: Installation) -> None:
    """D12."""
    record = await make_sample(installation, installation.registry.by_name("users"))
    body = {"password": "another velvet teapot"}
    changed = await installation.send("PATCH", f"/users/{record.id}", Role.ADMIN, headers=ANY, json=body)
    assert changed.status_code == 200, changed.text
    refused = await undo(installation)
    assert_problem(refused, 409)
    assert "password" in refused.json()["detail"]


async def test_undoing_needs_the_right_to_do_the_reverse(installation: Installation) -> None:
    """A12: and who may not see a change is not told of it."""
    record = await installation.make(article, title="Tide")
    change = (await changes(installation))[0]["id"]
    assert_problem(await undo(installation, change, Role.ANONYMOUS), 401)
    for role in (Role.READER, Role.AUTHOR):
        assert_problem(await undo(installation, change, role), 403)
    assert_problem(await undo(installation, str(uuid4()), Role.EDITOR), 404)
    await make_sample(installation, installation.registry.by_name("users"))
    assert_problem(await undo(installation, (await changes(installation))[0]["id"], Role.EDITOR), 404)
    async with installation.work() as work:
        service = work.service(article)
        await service.change(await service.get(record.id), {"title": "Ebb"})
        users = work.service(installation.registry.by_name("users"))
        await users.change(await users.get(UUID(int=1)), {"name": "Another"})
    both = (await changes(installation))[0]
    assert both["record_count"] == 2
    assert_problem(await undo(installation, both["id"], Role.EDITOR), 403)
    assert (await undo(installation, both["id"])).status_code == 200


async def test_authors_take_back_what_they_did_themselves(installation: Installation) -> None:
    """A12: their own change, as long as the record is theirs to change; nobody else's."""
    record = await installation.make(article, Role.AUTHOR, title="Tide")
    path = f"/articles/{record.id}"
    body: dict[str, Any] = {"json": {"title": "Ebb"}}
    assert (await installation.send("PATCH", path, Role.AUTHOR, headers=ANY, **body)).status_code == 200
    renamed = (await changes(installation))[0]["id"]
    undone = await undo(installation, renamed, Role.AUTHOR)
    assert undone.status_code == 200, undone.text
    assert [(item["type"], item["title"]) for item in undone.json()["records"]] == [("articles", "Tide")]
    assert (await installation.send("DELETE", path, Role.AUTHOR, headers=ANY)).status_code == 204
    trashed = (await changes(installation))[0]["id"]
    assert_problem(await undo(installation, trashed, Role.READER), 403)
    assert (await undo(installation, trashed, Role.AUTHOR)).status_code == 200
    async with installation.work() as work:
        service = work.service(article)
        await service.change(await service.get(record.id), {"published_at": utc_now()})
    live = (await changes(installation))[0]["id"]
    assert_problem(await undo(installation, live, Role.AUTHOR), 403)
    assert_problem(await undo(installation, undone.json()["id"], Role.AUTHOR), 403)


async def test_authors_take_back_what_took_their_text_out_of_review(installation: Installation) -> None:
    """A12: it is submitted again by that, and never approved."""
    record = await installation.make(article, Role.AUTHOR, title="Tide")
    path = f"/articles/{record.id}"

    async def seen() -> tuple[str, str | None, str | None]:
        (row,) = await installation.rows("articles")
        return row["title"], row["review"], row["review_note"]

    await sender(installation, "POST", f"{path}/submit", Role.AUTHOR)()
    await sender(installation, "PATCH", path, Role.AUTHOR, json={"title": "Ebb"})()
    assert (await undo(installation, None, Role.AUTHOR)).status_code == 200
    assert await seen() == ("Tide", "submitted", None)
    await sender(installation, "POST", f"{path}/return", Role.EDITOR, json={"note": "Name your sources."})()
    await sender(installation, "POST", f"{path}/submit", Role.AUTHOR)()
    assert (await undo(installation, None, Role.AUTHOR)).status_code == 200
    assert await seen() == ("Tide", "returned", "Name your sources.")
    async with installation.work(Role.EDITOR) as work:
        (await work.service(article).get(record.id)).review = Review.APPROVED
    await sender(installation, "PATCH", path, Role.AUTHOR, json={"title": "Ebb"})()
    assert (await undo(installation, None, Role.AUTHOR)).status_code == 200
    assert await seen() == ("Tide", None, "Name your sources.")


async def test_a_change_that_came_to_nothing_leaves_nothing_to_undo(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    async with installation.work(Role.EDITOR) as work:
        service = work.service(tag)
        for name in ("Knot", "Rope"):
            await service.change(await service.get(record.id), {"name": name})
    assert_problem(await undo(installation), 409)


async def test_working_drafts_are_undone(installation: Installation) -> None:
    record = await installation.make(article, title="Tide", published_at=utc_now())
    path = f"/articles/{record.id}"

    async def draft() -> dict[str, Any] | None:
        (row,) = await installation.rows("drafts") or [{"content": None}]
        values: dict[str, Any] | None = row["content"]
        return values

    for title in ("Ebb", "Flow"):
        await sender(installation, "PATCH", f"{path}?draft=true", json={"title": title})()
    drafted = (await changes(installation))[0]["id"]
    assert (await undo(installation)).status_code == 200
    values = await draft()
    assert values is not None
    assert values["title"] == "Ebb"
    assert_problem(await undo(installation, drafted), 409, "/title")
    await sender(installation, "DELETE", f"{path}/draft")()
    assert await draft() is None
    assert (await undo(installation)).status_code == 200
    assert await draft() == values
    assert (await installation.send("GET", path)).json()["title"] == "Tide"


async def test_the_first_save_of_a_draft_is_undone(installation: Installation) -> None:
    record = await installation.make(article, title="Tide", published_at=utc_now())
    await sender(installation, "PATCH", f"/articles/{record.id}?draft=true", json={"title": "Ebb"})()
    assert (await undo(installation)).status_code == 200
    (row,) = await installation.rows("drafts")
    assert row["content"] is None


async def rewrite(installation: Installation, record_id: UUID, verb: str, **columns: Any) -> None:
    """Make a revision such as an older release wrote it."""
    async with installation.database.session() as session:
        of_record = Revision.record_id == record_id, Revision.verb == verb
        await session.execute(update(Revision).where(*of_record).values(columns))


async def test_values_that_do_not_fit_any_more_are_named(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    await sender(installation, "PATCH", f"/tags/{record.id}", json={"name": "Knot"})()
    await rewrite(installation, record.id, "updated", before={"name": "x" * 500})
    refused = await undo(installation)
    assert_problem(refused, 409)
    assert "“name” does not fit any more" in refused.json()["detail"]


async def test_what_lacks_a_field_that_is_required_by_now_stays_deleted(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    await sender(installation, "DELETE", f"/tags/{record.id}")()
    await rewrite(installation, record.id, "deleted", values={"slug": "rope"})
    refused = await undo(installation)
    assert_problem(refused, 409, "/name")
    assert await installation.rows("tags") == []


async def test_the_schedule_of_a_draft_is_undone(installation: Installation) -> None:
    record = (await installation.make(article, title="Tide")).id
    path = f"/articles/{record}"
    await sender(installation, "POST", f"{path}/publish")()
    await sender(installation, "PATCH", f"{path}?draft=true", json={"title": "Ebb"})()
    later = {"at": "2036-01-01T08:00:00Z"}
    await sender(installation, "POST", f"{path}/publish", json=later)()
    for expected in (None, "2036-01-01T08:00:00Z", None):
        response = await undo(installation)
        assert response.status_code == 200, response.text
        draft = (await installation.send("GET", f"{path}?version=draft", Role.EDITOR)).json()["draft"]
        assert draft["publish_at"] == expected
        assert len(await installation.rows("transitions")) == (expected is not None)


async def test_a_draft_s_review_is_undone_while_there_is_one(installation: Installation) -> None:
    record = (await installation.make(article, title="Tide")).id
    path = f"/articles/{record}"
    await sender(installation, "POST", f"{path}/publish")()
    await sender(installation, "PATCH", f"{path}?draft=true", json={"title": "Ebb"})()
    await sender(installation, "POST", f"{path}/submit")()
    await sender(installation, "POST", f"{path}/return", json={"note": "Shorter, please."})()
    returned = (await changes(installation))[0]["id"]
    assert (await undo(installation)).status_code == 200
    draft = (await installation.send("GET", f"{path}?version=draft", Role.EDITOR)).json()["draft"]
    assert (draft["review"], draft["review_note"]) == ("submitted", None)
    await sender(installation, "DELETE", f"{path}/draft")()
    assert_problem(await undo(installation, returned), 409)


LATER = {"at": "2036-01-01T08:00:00Z"}


@pytest.mark.parametrize(
    ("role", "method", "verb", "body"),
    [
        (Role.EDITOR, "POST", "/approve", LATER),
        (Role.EDITOR, "POST", "/unpublish", None),
        (Role.EDITOR, "DELETE", "/schedule", None),
        (Role.AUTHOR, "PATCH", "?draft=true", {"title": "Flow"}),
    ],
    ids=lambda value: str(value).strip("/?") if isinstance(value, str) else "",
)
async def test_what_moved_a_draft_on_is_told_and_undone(
    installation: Installation, role: Role, method: str, verb: str, body: Any
) -> None:
    """D11: its schedule and its review are what they were, whatever else the change was about."""
    record = (await installation.make(article, Role.AUTHOR, title="Tide")).id
    path = f"/articles/{record}"
    await sender(installation, "POST", f"{path}/publish")()
    await sender(installation, "PATCH", f"{path}?draft=true", Role.AUTHOR, json={"title": "Ebb"})()
    await sender(installation, "POST", f"{path}/submit", Role.AUTHOR)()
    if verb != "/approve":
        await sender(installation, "POST", f"{path}/approve", json=LATER)()

    async def standing() -> tuple[Any, ...]:
        draft = (await installation.send("GET", f"{path}?version=draft", Role.EDITOR)).json()
        waiting = len(await installation.rows("transitions"))
        return draft["title"], draft["status"], draft["draft"]["publish_at"], draft["draft"]["review"], waiting

    before = await standing()
    await sender(installation, method, f"{path}{verb}", role, **({"json": body} if body else {}))()
    after = await standing()
    assert before[2:] != after[2:]
    fields = {name for told in (await changes(installation))[0]["records"] for name in told["fields"]}
    assert fields >= {"published_at", "review"}
    if role is Role.AUTHOR:
        assert_problem(await undo(installation, role=role), 403)
    for expected in (before, after, before):
        response = await undo(installation, role=Role.EDITOR)
        assert response.status_code == 200, response.text
        assert await standing() == expected


async def test_a_schedule_whose_time_has_passed_does_not_come_back(installation: Installation) -> None:
    record = (await installation.make(article, title="Tide")).id
    path = f"/articles/{record}"
    await sender(installation, "POST", f"{path}/publish")()
    await sender(installation, "PATCH", f"{path}?draft=true", json={"title": "Ebb"})()
    await sender(installation, "POST", f"{path}/publish", json={"at": "2036-01-01T08:00:00Z"})()
    await sender(installation, "DELETE", f"{path}/schedule")()
    async with installation.database.session() as session:
        cancelled = (await session.execute(select(Revision).where(Revision.verb == "unscheduled"))).scalar_one()
        cancelled.before = {"published_at": "2026-01-01T08:00:00Z"}
    problem = assert_problem(await undo(installation), 409)
    assert "has passed" in problem["detail"]


async def test_what_was_put_below_a_record_since_is_not_taken_along(installation: Installation) -> None:
    above = await installation.make(page, title="Above")
    made = (await changes(installation))[0]["id"]
    below = await installation.make(page, title="Below", parent=str(above.id))
    problem = assert_problem(await undo(installation, made), 409)
    assert problem["later_change"] == (await changes(installation))[0]["id"]
    assert (await installation.send("GET", f"/pages/{below.id}", Role.EDITOR)).status_code == 200


async def test_a_slug_that_another_record_has_by_now_names_what_gave_it(installation: Installation) -> None:
    tide = await installation.make(article, title="Tide")
    await sender(installation, "PATCH", f"/articles/{tide.id}", json={"slug": "ebb"})()
    renamed = (await changes(installation))[0]["id"]
    other = await installation.make(article, title="Tide")
    taken = (await changes(installation))[0]["id"]
    await sender(installation, "PATCH", f"/articles/{other.id}", json={"title": "Another"})()
    problem = assert_problem(await undo(installation, renamed), 409, "/slug")
    assert problem["later_change"] == taken
    assert "“Tide” had a slug that another article has by now: it was created" in problem["detail"]
    await sender(installation, "DELETE", f"/articles/{other.id}")()
    assert (await undo(installation, renamed)).status_code == 200


async def test_what_took_the_slug_of_what_is_in_the_trash_is_named(installation: Installation) -> None:
    tide = await installation.make(article, title="Tide")
    await sender(installation, "DELETE", f"/articles/{tide.id}")()
    trashed = (await changes(installation))[0]["id"]
    other = await installation.make(article, title="Other")
    await sender(installation, "PATCH", f"/articles/{other.id}", json={"slug": "tide"})()
    taken = (await changes(installation))[0]["id"]
    problem = assert_problem(await undo(installation, trashed), 409, "/slug")
    assert (problem["later_change"], problem["proposed"]) == (taken, "tide-2")


async def test_whatever_else_is_unique_and_taken_is_named(installation: Installation) -> None:
    made = await make_sample(installation, redirect)
    await sender(installation, "DELETE", f"/redirects/{made.id}")()
    deleted = (await changes(installation))[0]["id"]
    body = {"source": made.source, "target": "/elsewhere"}
    await sender(installation, "POST", "/redirects", json=body)()
    taken = (await changes(installation))[0]["id"]
    assert assert_problem(await undo(installation, deleted), 409, "/source")["later_change"] == taken


async def test_what_a_deleted_tag_was_taken_off_names_the_deletion(installation: Installation) -> None:
    """Not whatever else was done to the article since."""
    rope = await installation.make(tag, name="Rope")
    record = await installation.make(article, title="Tide")
    await sender(installation, "PATCH", f"/articles/{record.id}", json={"tags": ["rope"]})()
    tagged = (await changes(installation))[0]["id"]
    await sender(installation, "DELETE", f"/tags/{rope.id}")()
    deletion = (await changes(installation))[0]["id"]
    await sender(installation, "PATCH", f"/articles/{record.id}", json={"excerpt": "Wet."})()
    problem = assert_problem(await undo(installation, tagged), 409)
    assert problem["later_change"] == deletion
    assert "“Tide” needs the tag “Rope”, which is not there" in problem["detail"]
    assert (await undo(installation, deletion)).status_code == 200
    await sender(installation, "PATCH", f"/articles/{record.id}", json={"tags": []})()
    assert_problem(await undo(installation, tagged), 409, "/tags")
    assert (await undo(installation)).status_code == 200
    assert (await undo(installation, tagged)).status_code == 200


async def test_what_took_the_slug_of_what_would_come_along_is_named(installation: Installation) -> None:
    root = await installation.make(page, title="About")
    below = await installation.make(page, title="Team", parent=str(root.id))
    await sender(installation, "DELETE", f"/pages/{root.id}")()
    trashed = (await changes(installation))[0]["id"]
    await installation.make(page, title="Team")
    taken = (await changes(installation))[0]["id"]
    problem = assert_problem(await undo(installation, trashed), 409, f"/slugs/{below.id}")
    assert problem["later_change"] == taken
    assert "“Team” had a slug that another page has by now: it was created" in problem["detail"]


async def test_what_uses_a_record_since_it_was_made_is_named(installation: Installation) -> None:
    record = await make_sample(installation, media)
    made = (await changes(installation, record=str(record.id)))[-1]["id"]
    show = {"content": f"![](media:{record.path})"}
    shown_by: tuple[tuple[str, dict[str, Any]], ...] = (
        ("", {"cover": str(record.id)}), ("", show), ("?draft=true", show), ("?draft=true", {"cover": str(record.id)}),
    )  # fmt: skip
    for query, change in shown_by:
        user = await installation.make(article, title="Tide", published_at=utc_now())
        await sender(installation, "PATCH", f"/articles/{user.id}{query}", json=change)()
        guilty = (await changes(installation))[0]["id"]
        if not query:
            await sender(installation, "PATCH", f"/articles/{user.id}", json={"title": "Ebb"})()
        problem = assert_problem(await undo(installation, made), 409)
        assert problem["later_change"] == guilty, change
        assert "is used by " in problem["detail"]
        if query:
            await sender(installation, "DELETE", f"/articles/{user.id}/draft")()
        else:
            await sender(installation, "PATCH", f"/articles/{user.id}", json={"cover": None, "content": ""})()
    assert (await undo(installation, made)).status_code == 200


async def test_what_was_made_along_with_its_user_goes_with_it(installation: Installation) -> None:
    """The article goes into the trash, from where it would hold its category."""

    async def make_both() -> None:
        async with installation.work() as work:
            tides = await work.service(category).create(create_schema(category)(name="Tides"))
            await work.service(article).create(create_schema(article)(title="Tide", category=str(tides.id)))

    await assert_undone(installation, make_both)
    (row,) = await installation.rows("articles")
    assert (row["trashed_at"] is None, row["category_id"]) == (False, None)


async def test_what_is_used_from_the_trash_by_something_else_stays(installation: Installation) -> None:
    """It would come out of there without what it had."""
    await installation.make(category, name="Tides")
    made = (await changes(installation))[0]["id"]
    user = await installation.make(article, title="Slow tides", category="tides")
    await sender(installation, "DELETE", f"/articles/{user.id}")()
    problem = assert_problem(await undo(installation, made), 409)
    assert "is used by article “Slow tides” (in the trash)" in problem["detail"]
    assert (await installation.rows("articles"))[0]["category_id"] is not None


async def test_replies_that_came_since_are_not_taken_along(installation: Installation) -> None:
    host = await make_sample(installation, article)
    first = await installation.make(comment, article=str(host.id), content="First.")
    made = (await changes(installation))[0]["id"]
    await installation.make(comment, article=str(host.id), parent=str(first.id), content="Second.")
    problem = assert_problem(await undo(installation, made), 409)
    assert "below it" in problem["detail"]
    assert len(await installation.rows("comments")) == 2


async def test_a_change_of_what_is_in_the_trash_by_now_is_not_undone(installation: Installation) -> None:
    """R42: that would take it out of there; what trashed it is named."""
    made = await installation.make(article, title="Tide")
    path = f"/articles/{made.id}"
    await installation.send("PATCH", path, Role.EDITOR, json={"title": "Ebb"}, headers={"If-Match": "*"})
    changes = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"]
    await installation.send("DELETE", path, Role.EDITOR, headers={"If-Match": "*"})
    trashed = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"][0]["id"]
    refused = await installation.send("POST", f"/changes/{changes[0]['id']}/undo", Role.EDITOR)
    assert assert_problem(refused, 409)["later_change"] == trashed
