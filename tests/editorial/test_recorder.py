"""The recorder: one change is one event, written with it or not at all (D11)."""

from typing import Any

import pytest
from sqlalchemy import text

from cms.content.tags import Tag, tag
from cms.crud.policy import Role
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
