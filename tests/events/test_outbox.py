"""The outbox: events in the order in which they happened, and none for nothing."""

from uuid import UUID

from sqlalchemy import Connection

from cms.crud.fields import utc_now
from cms.events.outbox import Event, emit
from tests.installation import Installation


async def test_events_are_written_in_their_order(installation: Installation) -> None:
    before, known = utc_now(), len(await installation.rows("events"))
    facts = [
        {"kind": kind, "record_type": "tags", "record_id": UUID(int=5), "version": 1, "actor_id": None}
        for kind in ("tag.created", "tag.deleted")
    ]

    def write(connection: Connection) -> None:
        emit(connection, facts)
        emit(connection, [])

    async with installation.database.session() as session:
        await (await session.connection()).run_sync(write)
    written = (await installation.rows(Event.__tablename__))[known:]
    assert [row["kind"] for row in written] == ["tag.created", "tag.deleted"]
    assert written[0]["id"] < written[1]["id"]
    assert all(before <= row["occurred_at"] <= utc_now() for row in written)
