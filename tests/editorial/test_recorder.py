"""The recorder: one change is one event, written with it or not at all (D11)."""

from typing import Any

import pytest
from sqlalchemy import text

from cms.content.articles import Article, article
from cms.content.tags import Tag, tag
from cms.crud.policy import Door, Role
from cms.editorial import recorder
from cms.editorial.history import FIRST_DRAFT, ChangeSet
from cms.editorial.notes import Note
from tests.installation import Installation
from tests.problems import assert_problem


async def told(installation: Installation) -> list[tuple[Any, ...]]:
    rows = await installation.rows("events")
    return [(row["kind"], row["version"], row["actor_id"]) for row in rows if row["record_type"] == "tags"]


async def test_every_write_leaves_one_event(installation: Installation) -> None:
    ann = installation.actor(Role.EDITOR).id
    record = await installation.make(tag, Role.EDITOR, name="Rope")
    path, headers = f"/tags/{record.id}", {"If-Match": "*"}
    for name in ("Knot", "Knot"):
        await installation.send("PATCH", path, Role.EDITOR, headers=headers, json={"name": name})
    await installation.send("DELETE", path, Role.EDITOR, headers=headers)
    expected = [("tag.created", 1, ann), ("tag.updated", 2, ann), ("tag.deleted", 2, ann)]
    assert await told(installation) == expected


async def test_a_refused_change_leaves_none(installation: Installation) -> None:
    await installation.make(tag, name="Rope")
    before = await told(installation)
    taken = await installation.send("POST", "/tags", Role.EDITOR, json={"name": "X", "slug": "rope"})
    assert_problem(taken, 409, "/slug")
    assert await told(installation) == before


async def test_a_write_past_every_service_is_recorded_all_the_same(installation: Installation) -> None:
    async with installation.database.session() as session:
        session.add(Tag(name="Rope", slug="rope"))
    assert await told(installation) == [("tag.created", 1, None)]


async def test_what_can_not_be_recorded_is_not_done(installation: Installation) -> None:
    """D11: the change and its record are one transaction."""
    async with installation.database.session() as session:
        await session.execute(text("ALTER TABLE events RENAME TO lost"))
    try:
        response = await installation.send("POST", "/tags", Role.EDITOR, json={"name": "Rope"})
        assert response.status_code >= 500
        assert "events" not in response.text
        assert await installation.rows("tags") == []
    finally:
        async with installation.database.session() as session:
            await session.execute(text("ALTER TABLE lost RENAME TO events"))


async def test_events_hold_no_content(installation: Installation) -> None:
    await installation.make(tag, name="Zqcanary")
    assert "zqcanary" not in str(await installation.rows("events")).lower()


async def test_a_transaction_that_fails_later_takes_its_events_back(installation: Installation) -> None:

    async def fail_late() -> None:
        async with installation.work() as work:
            work.session.add(Tag(name="Rope", slug="rope"))
            await work.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()
    assert await told(installation) == []
    assert await installation.rows("tags") == []


async def written(installation: Installation, content_type: str = "tags") -> list[tuple[str, int, dict[str, Any]]]:
    """What the revisions of a type say was done: verb, version and former values."""
    rows = await installation.rows("revisions")
    return [(row["verb"], row["version"], row["before"]) for row in rows if row["record_type"] == content_type]


async def counts(installation: Installation) -> tuple[int, int, int]:
    """How many change-sets, revisions and events there are."""
    tables = [await installation.rows(name) for name in ("change_sets", "revisions", "events")]
    return len(tables[0]), len(tables[1]), len(tables[2])


async def added(installation: Installation, before: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(now - then for now, then in zip(await counts(installation), before, strict=True))


async def test_a_transaction_is_one_change_set_however_often_it_flushes(installation: Installation) -> None:
    before = await counts(installation)
    async with installation.work(Role.EDITOR) as work:
        first, second = Tag(name="Rope", slug="rope"), Tag(name="Knot", slug="knot")
        work.session.add_all([first, second])
        for name in ("Ropes", "Sail", "Sails"):
            await work.session.flush()
            first.name = name
    assert await added(installation, before) == (1, 2, 2)
    assert await written(installation) == [("created", 4, {}), ("created", 1, {})]
    (change_set,) = (await installation.rows("change_sets"))[before[0] :]
    assert change_set["actor_id"] == installation.actor(Role.EDITOR).id
    assert change_set["door"] == "system"


async def test_what_changed_twice_is_told_once_from_first_to_last(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    async with installation.database.session() as session:
        found = await session.get(Tag, record.id)
        assert found is not None
        for name, slug in (("Knot", "rope"), ("Sail", "sail")):
            found.name, found.slug = name, slug
            await session.flush()
    verb, version, before = (await written(installation))[-1]
    assert (verb, version, before) == ("updated", 3, {"name": "Rope", "slug": "rope"})


async def test_what_was_made_and_deleted_at_once_never_was(installation: Installation) -> None:
    before = await counts(installation)
    async with installation.database.session() as session:
        record = Tag(name="Rope", slug="rope")
        session.add(record)
        await session.flush()
        await session.delete(record)
    assert await added(installation, before) == (0, 0, 0)


async def test_savepoints_that_are_undone_leave_nothing_and_kept_ones_all(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    before = await counts(installation)
    async with installation.database.session() as session:
        found = await session.get(Tag, record.id)
        assert found is not None
        async with session.begin_nested():
            session.add(Tag(name="Kept", slug="kept"))
            await session.flush()
            undone = await session.begin_nested()
            session.add(Tag(name="Undone", slug="undone"))
            found.name = "Undone"
            await session.flush()
            await undone.rollback()
        lost = await session.begin_nested()
        session.add(Tag(name="Lost", slug="lost"))
        async with session.begin_nested():
            session.add(Tag(name="Inner", slug="inner"))
        await lost.rollback()
        await session.refresh(found)
        found.slug = "knot"
    assert await added(installation, before) == (1, 2, 2)
    assert sorted(verb for verb, *_ in (await written(installation))[-2:]) == ["created", "updated"]
    assert (await written(installation))[-1][2] == {"slug": "rope"}
    assert sorted(row["slug"] for row in await installation.rows("tags")) == ["kept", "knot"]


async def test_a_slug_that_was_taken_leaves_one_revision(installation: Installation) -> None:
    """The service tries in savepoints of its own."""
    await installation.make(tag, name="Rope")
    before = await counts(installation)
    await installation.make(tag, name="Rope")
    assert await added(installation, before) == (1, 1, 1)


async def test_a_transaction_that_is_taken_back_leaves_nothing_for_the_next(installation: Installation) -> None:
    before = await counts(installation)
    async with installation.database.sessions() as session:
        session.add(Tag(name="Lost", slug="lost"))
        await session.flush()
        await session.rollback()
        session.add(Tag(name="Kept", slug="kept"))
        await session.commit()
        session.add(Tag(name="Later", slug="later"))
        await session.commit()
    assert await added(installation, before) == (2, 2, 2)
    first, second = (await installation.rows("revisions"))[-2:]
    assert (first["content"]["name"], second["content"]["name"]) == ("Kept", "Later")
    assert first["change_set_id"] != second["change_set_id"]


async def test_a_session_knows_what_its_last_transaction_left_behind(installation: Installation) -> None:
    """What the back office offers to undo is what was committed, and nothing else."""
    async with installation.database.sessions() as session:
        session.add(Tag(name="Kept", slug="kept"))
        assert recorder.change_left_by(session) is None
        await session.commit()
        assert recorder.change_left_by(session) == (await installation.rows("change_sets"))[-1]["id"]
        session.add(Tag(name="Lost", slug="lost"))
        await session.run_sync(recorder.write_notes)
        await session.rollback()
        assert recorder.change_left_by(session) is None
    async with installation.work() as work:
        async with work.session.begin_nested() as savepoint:
            work.session.add(Tag(name="Lost", slug="lost"))
            await work.session.flush()
            await savepoint.rollback()
        work.session.add(Tag(name="Later", slug="later"))
        await work.session.run_sync(recorder.write_notes)
    assert recorder.change_left_by(work.session) == (await installation.rows("change_sets"))[-1]["id"]
    async with installation.work() as idle:
        await idle.service(tag).get("later")
    assert recorder.change_left_by(idle.session) is None


@pytest.mark.parametrize("in_savepoints", [False, True])
async def test_very_many_records_are_one_change_set(installation: Installation, *, in_savepoints: bool) -> None:
    """Who does a lot writes notes down before they are too many to hold."""
    before = await counts(installation)
    async with installation.database.session() as session:
        for start in range(0, 60, 5):
            tags = [Tag(name=f"Rope {n}", slug=f"rope-{n}") for n in range(start, start + 5)]
            if in_savepoints:
                async with session.begin_nested():
                    session.add_all(tags)
            else:
                session.add_all(tags)
            if start % 20 == 0:
                assert await session.run_sync(recorder.write_notes)
    assert await added(installation, before) == (1, 60, 60)
    numbers = [row["number"] for row in (await installation.rows("revisions"))[before[1] :]]
    assert set(numbers) == {1}


async def test_what_was_written_early_goes_with_the_transaction(installation: Installation) -> None:
    """D11."""
    before = await counts(installation)

    async def fail_late() -> None:
        async with installation.work() as work:
            for number in range(5):
                work.session.add(Tag(name=f"Rope {number}", slug=f"rope-{number}"))
                await work.session.run_sync(recorder.write_notes)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()
    assert await added(installation, before) == (0, 0, 0)


async def test_relations_are_part_of_it(installation: Installation) -> None:
    names = {name: str((await installation.make(tag, name=name)).id) for name in ("Rope", "Knot", "Sail")}
    record = await installation.make(article, title="Tide", tags=["rope", "knot"])
    body = {"tags": ["sail", "rope"]}
    await installation.send("PATCH", f"/articles/{record.id}", Role.EDITOR, headers={"If-Match": "*"}, json=body)
    row = (await installation.rows("revisions"))[-1]
    assert row["before"] == {"tags": sorted([names["Rope"], names["Knot"]])}
    assert row["content"]["tags"] == sorted([names["Rope"], names["Sail"]])
    assert row["verb"] == "updated"


async def test_relations_that_were_not_loaded_are_looked_up(installation: Installation) -> None:
    rope = await installation.make(tag, name="Rope")
    record = await installation.make(article, title="Tide", tags=["rope"])
    async with installation.database.session() as session:
        found = await session.get(Article, record.id)
        assert found is not None
        found.title = "Ebb"
    row = (await installation.rows("revisions"))[-1]
    assert row["before"] == {"title": "Tide"}
    assert row["content"]["tags"] == [str(rope.id)]


async def test_a_note_by_hand_is_written_with_the_rest(installation: Installation) -> None:
    """For what no flush shows; a record and its working draft are told apart."""
    record = await installation.make(tag, name="Rope")
    before = await counts(installation)
    async with installation.work(Role.EDITOR) as work:
        for version in (FIRST_DRAFT + 1, FIRST_DRAFT + 2):
            noted = Note(tag, record.id, "drafted", version, {"name": version}, {"name": "Draft"})
            recorder.note(work.session.sync_session, noted)
        (await work.service(tag).get(record.id)).name = "Knot"
    assert await added(installation, before) == (1, 2, 2)
    drafted, updated = (await installation.rows("revisions"))[-2:]
    assert drafted["version"] == FIRST_DRAFT + 2
    assert drafted["before"] == {"name": FIRST_DRAFT + 1}
    assert (drafted["number"], updated["number"]) == (2, 3)


async def test_what_a_verb_is_called(installation: Installation) -> None:
    record = await installation.make(article, title="Tide")
    path, any_version = f"/articles/{record.id}", {"If-Match": "*"}
    for at in ("2126-01-01T00:00:00Z", None):
        await installation.send("POST", f"{path}/publish", Role.EDITOR, json={"at": at} if at else {})
    await installation.send("POST", f"{path}/unpublish", Role.EDITOR)
    await installation.send("DELETE", path, Role.EDITOR, headers=any_version)
    await installation.send("POST", f"{path}/restore", Role.EDITOR)
    verbs = [verb for verb, *_ in await written(installation, "articles")]
    assert verbs == ["created", "scheduled", "published", "unpublished", "trashed", "restored"]


async def test_what_a_deletion_takes_along_is_kept(installation: Installation) -> None:
    """So that it can be undone."""
    rope = await installation.make(tag, name="Rope")
    made = await installation.make(article, title="Tide", tags=["rope"])
    await installation.send("DELETE", f"/tags/{rope.id}", Role.EDITOR, headers={"If-Match": "*"})
    row = (await installation.rows("revisions"))[-1]
    assert row["verb"] == "deleted"
    assert row["before"]["links"] == {"articles.tags": [str(made.id)]}
    assert row["content"] == {"name": "Rope", "slug": "rope"}


@pytest.mark.parametrize("lost", ["change_sets", "revisions"])
async def test_without_its_history_nothing_is_changed(installation: Installation, lost: str) -> None:
    """D11."""
    async with installation.database.session() as session:
        await session.execute(text(f"ALTER TABLE {lost} RENAME TO lost"))
    try:
        response = await installation.send("POST", "/tags", Role.EDITOR, json={"name": "Rope"})
        assert response.status_code >= 500
        assert await installation.rows("tags") == []
    finally:
        async with installation.database.session() as session:
            await session.execute(text(f"ALTER TABLE lost RENAME TO {lost}"))


async def test_what_is_nobodys_content_is_not_recorded(installation: Installation) -> None:
    before = await counts(installation)
    async with installation.database.session() as session:
        row = ChangeSet(door=Door.REST)
        session.add(row)
        await session.flush()
        await session.delete(row)
    assert await added(installation, before) == (0, 0, 0)
