"""The one flush listener: what a transaction did to records is written down in that transaction.

Services decide; the recorder records. A write that goes round a service is recorded all the same.
"""

from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, UOWTransaction

from cms.crud.models import Record
from cms.editorial.behaviours import Publishable, Trashable
from cms.events.outbox import emit


def record_changes(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Have every session of the factory write an event for each record that it creates, changes or deletes."""

    class RecordedSession(Session):
        """A session whose flushes leave events behind."""

    event.listen(RecordedSession, "after_flush", _record)
    sessions.configure(sync_session_class=RecordedSession)


def _record(session: Session, _: UOWTransaction) -> None:
    changed = [r for r in session.dirty if isinstance(r, Record) and session.is_modified(r)]
    events = [
        *(_event(session, record, "created") for record in session.new if isinstance(record, Record)),
        *(_event(session, record, _verb(record)) for record in changed),
        *(_event(session, record, "deleted") for record in session.deleted if isinstance(record, Record)),
    ]
    emit(session.connection(), events)


def _event(session: Session, record: Record, verb: str) -> dict[str, Any]:
    singular = type(record).__name__.lower()
    return {
        "kind": f"{singular}.{verb}",
        "record_type": record.__tablename__,
        "record_id": record.id,
        "version": record.version,
        "actor_id": session.info.get("actor_id"),
    }


def _verb(record: Record) -> str:
    if isinstance(record, Trashable) and (history := inspect(record).attrs.trashed_at.history).has_changes():
        return "trashed" if any(history.added) else "restored"
    if isinstance(record, Publishable) and (history := inspect(record).attrs.published_at.history).has_changes():
        return "published" if any(history.added) else "unpublished"
    return "updated"
