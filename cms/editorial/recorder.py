"""The one flush listener: what a transaction does to records is written down in that transaction.

Services decide; the recorder records. A write that goes round a service is recorded all the same. Each flush adds what
it changed to the notes of the innermost transaction; notes of a savepoint that is undone are dropped, those of one that
is kept go to the transaction around it, and are written before that commits: one change-set, and for each record a
revision and an event.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, event, func, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, SessionTransaction, UOWTransaction, object_session
from uuid_utils.compat import uuid7

from cms.crud.content_type import ContentType
from cms.crud.fields import parse_time
from cms.crud.models import Record
from cms.crud.policy import Origin
from cms.crud.registry import Registry
from cms.editorial.behaviours import Publishable, Reviewable, Trashable
from cms.editorial.history import FIRST_DRAFT, QUIET, ChangeSet, Revision
from cms.editorial.notes import Note, Notes, gather
from cms.editorial.pending import Kind, Plan, forget_pending, overdue, plan_transitions, transaction_time
from cms.editorial.snapshots import CREATED_AT, LINKS, Values, as_text, former_values, links_to, snapshot
from cms.events.outbox import emit


@dataclass(slots=True)
class Recorder:
    """Listens to the sessions of an application.

    :param registry: the content types; other rows are nobody's content, and are not recorded.
    """

    registry: Registry
    _types: dict[type[Any], ContentType[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._types = {content_type.model: content_type for content_type in self.registry}

    def before_flush(self, session: Session, *_: Any) -> None:
        """Look who refers to what is about to be deleted, while it can still be seen."""
        for record in session.deleted:
            if isinstance(record, Record) and (content_type := self._types.get(type(record))):
                found = links_to(session, self.registry, content_type, record.id)
                session.info.setdefault(_LINKS, {})[record.id] = found

    def after_flush(self, session: Session, _: UOWTransaction) -> None:
        """Note what the flush did to records."""
        changed = [r for r in session.dirty if type(r) in self._types and session.is_modified(r)]
        for verb, records in (("created", session.new), ("", changed), ("deleted", session.deleted)):
            for record in records:
                if isinstance(record, Record) and (content_type := self._types.get(type(record))):
                    note(session, _noted(content_type, record, verb))

    def before_commit(self, session: Session) -> None:
        """Write the notes of the whole transaction; those of a savepoint wait."""
        if not session.in_nested_transaction():
            session.flush()
            _write(session, _notes(session))

    def after_rollback(self, session: Session) -> None:
        """Drop the notes of what was undone, before its transaction ends."""
        _notes(session).clear()
        if not session.in_nested_transaction():
            session.info.pop(_WRITTEN, None)

    def after_end(self, session: Session, transaction: SessionTransaction) -> None:
        """Hand the notes of a savepoint on to the transaction around it."""
        notes = _held(session).pop(transaction, None)
        if transaction.parent is None:
            session.info[_LEFT] = session.info.pop(_WRITTEN, None)
            for name in (_CHANGE_SET, _UNDOES, _LINKS):
                session.info.pop(name, None)
        if notes and transaction.nested and transaction.parent is not None:
            outer = _held(session).setdefault(transaction.parent, {})
            for later in notes.values():
                gather(outer, later)


def record_changes(sessions: async_sessionmaker[AsyncSession], registry: Registry) -> None:
    """Have every session of the factory record what it does to the content of that registry."""

    class RecordedSession(Session):
        """A session whose transactions leave a change-set behind."""

    recorder = Recorder(registry)
    event.listen(RecordedSession, "before_flush", recorder.before_flush)
    event.listen(RecordedSession, "after_flush", recorder.after_flush)
    event.listen(RecordedSession, "before_commit", recorder.before_commit)
    event.listen(RecordedSession, "after_rollback", recorder.after_rollback)
    event.listen(RecordedSession, "after_transaction_end", recorder.after_end)
    sessions.configure(sync_session_class=RecordedSession)


def note(session: Session, noted: Note) -> None:
    """Add to what the transaction at hand did; for what no flush shows, such as a working draft that was saved."""
    gather(_notes(session), noted)


def is_noted(session: Session, record_id: UUID) -> bool:
    """Whether the transaction at hand has changed that record, since its notes were last written."""
    return any((record_id, False) in notes for notes in _held(session).values())


def change_set_of(session: Session) -> UUID:
    """The id of the change-set that the transaction at hand leaves, or would leave, behind."""
    change_set_id: UUID = session.info.setdefault(_CHANGE_SET, uuid7())
    return change_set_id


def change_left_by(session: AsyncSession) -> UUID | None:
    """The id of the change-set that the session's last transaction left behind, now that it is committed.

    :returns: None where it changed nothing, or was rolled back.
    """
    change_set_id: UUID | None = session.info.get(_LEFT)
    return change_set_id


def undoing(session: Session, change_set_id: UUID) -> None:
    """Say that the transaction at hand reverses another one."""
    session.info[_UNDOES] = change_set_id


def write_notes(session: Session) -> bool:
    """Write what the transaction at hand has done so far, for who has to read it before the commit, or does a lot.

    :returns: whether it did anything.
    """
    session.flush()
    _write(session, _notes(session))
    return bool(session.info.get(_WRITTEN) == change_set_of(session))


_CHANGE_SET, _WRITTEN, _UNDOES, _HELD = "change_set_id", "change_set_written", "undoes_id", "notes"
_LINKS, _LEFT = "links_of_deleted", "change_set_left"


def _held(session: Session) -> dict[SessionTransaction, Notes]:
    held: dict[SessionTransaction, Notes] = session.info.setdefault(_HELD, {})
    return held


def _notes(session: Session) -> Notes:
    transaction = session.get_nested_transaction() or session.get_transaction()
    assert transaction is not None  # noqa: S101 - somebody flushes or commits it
    return _held(session).setdefault(transaction, {})


def _noted(content_type: ContentType[Any], record: Record, verb: str) -> Note:
    values = snapshot(content_type, record)
    before: Values = {} if verb else former_values(content_type, record)
    if verb == "deleted":
        links = object_session(record).info[_LINKS].pop(record.id)  # type: ignore[union-attr]  # it is being flushed
        before = {CREATED_AT: as_text(record.created_at), LINKS: links}
    return Note(content_type, record.id, verb or _verb(record), record.version, before, values)


def _verb(record: Record) -> str:
    if isinstance(record, Trashable) and (history := inspect(record).attrs.trashed_at.history).has_changes():
        return "trashed" if any(history.added) else "restored"
    if isinstance(record, Publishable) and inspect(record).attrs.published_at.history.has_changes():
        return "updated"  # what that is called, `_by_time` says
    if isinstance(record, Reviewable):
        (review,) = inspect(record).attrs.review.history.added or (None,)
        return str(review or "updated")
    return "updated"


def _write(session: Session, notes: Notes) -> None:
    if not notes:
        return
    origin: Origin = session.info.get("origin", Origin())
    connection, change_set_id = session.connection(), change_set_of(session)
    if session.info.get(_WRITTEN) != change_set_id:
        undoes = session.info.pop(_UNDOES, None)
        members = {"id": change_set_id, "actor_id": origin.actor_id, "door": origin.door}
        connection.execute(insert(ChangeSet), {**members, "request_id": origin.request_id, "undoes_id": undoes})
        session.info[_WRITTEN] = change_set_id
    crossings = _keep_time(session, notes.values())
    connection.execute(_INSERT_REVISION, [_revision(change_set_id, noted) for noted in notes.values()])
    told = [noted.event(origin.actor_id) for noted in notes.values() if noted.verb not in QUIET]
    emit(connection, told + [noted.event(origin.actor_id, verb) for noted, verb in crossings])
    notes.clear()


def _keep_time(session: Session, notes: Collection[Note]) -> list[tuple[Note, str]]:
    """Tell what is public from what will be, by the database's clock, and plan what happens by itself from now on.

    :returns: what went public, or was taken from it, by something that has another name: with what is told besides.
    """
    connection = session.connection()
    timed, applied = [n for n in notes if _moves(n)], [n for n in notes if n.verb == "published"]
    if gone := [noted.record_id for noted in notes if noted.verb == "deleted"]:
        forget_pending(connection, gone)
    if not (timed or applied):
        return []
    time = transaction_time(session)
    for noted in applied:  # a draft, to what may be public only later
        published_at, _ = _times_of(noted.values)
        noted.verb = "published" if published_at is not None and published_at <= time else "scheduled"
    return _plan(connection, timed, time) if timed else []


def _plan(connection: Connection, timed: Collection[Note], time: datetime) -> list[tuple[Note, str]]:
    _tell_overdue(connection, timed, time)
    plans, crossings = [], list[tuple[Note, str]]()
    for noted in timed:
        published_at, unpublish_at = _times_of(noted.values)
        crossing = _crossing(noted, time)
        if noted.verb in {"updated", "published"}:
            noted.verb = crossing or _by_time(noted, time)
        elif crossing is not None:
            crossings.append((noted, crossing))
        is_out = published_at is not None and not noted.values.get("trashed_at")
        due = {Kind.PUBLISH: published_at, Kind.UNPUBLISH: unpublish_at}
        later = {kind: at if is_out and at is not None and at > time else None for kind, at in due.items()}
        plans.append(Plan(noted.content_type.name, noted.record_id, later))
    plan_transitions(connection, plans)
    return crossings


def _crossing(noted: Note, time: datetime) -> str | None:
    """Whether readers see from now on what they did not, or no longer what they did; None where neither.

    What comes out of the trash is told as it went there: its times may have come since.
    """
    if noted.values.get("trashed_at"):
        return None
    former = {**noted.values, **noted.before}
    trashed_at = former.get("trashed_at")
    was_out = noted.verb != "created" and _is_out(former, parse_time(trashed_at) if trashed_at else time)
    is_out = _is_out(noted.values, time)
    return None if was_out is is_out else "published" if is_out else "unpublished"


def _by_time(noted: Note, time: datetime) -> str:
    """What something is called that readers saw before as after, or at neither time."""
    published_at, _ = _times_of(noted.values)
    former, _ = _times_of({**noted.values, **noted.before})
    if published_at is not None and published_at > time and published_at != former:
        return "scheduled"
    if published_at is None and former is not None and former > time:
        return "unscheduled"
    return noted.verb if _is_out(noted.values, time) else "updated"


def _is_out(values: Values, time: datetime) -> bool:
    """Whether readers see a record with these times, the trash aside."""
    published_at, unpublish_at = _times_of(values)
    return published_at is not None and published_at <= time and (unpublish_at is None or unpublish_at > time)


def _times_of(values: Values) -> tuple[datetime | None, datetime | None]:
    """When a record is to be public, and when no longer."""
    published_at, unpublish_at = values["published_at"], values["unpublish_at"]
    return parse_time(published_at) if published_at else None, parse_time(unpublish_at) if unpublish_at else None


def _tell_overdue(connection: Connection, notes: Collection[Note], time: datetime) -> None:
    """What happened by itself just before is told now, since its transition is about to be planned anew."""
    told = {noted.record_id: noted for noted in notes}
    verbs = {Kind.PUBLISH: "published", Kind.UNPUBLISH: "unpublished"}
    late = [(told[record_id], verbs[kind]) for record_id, kind in overdue(connection, list(told), time)]
    emit(connection, [noted.event(None, verb) for noted, verb in late])


def _moves(noted: Note) -> bool:
    """Whether when the record is public may have changed."""
    if noted.version >= FIRST_DRAFT or "published_at" not in noted.values or noted.verb == "deleted":
        return False
    if noted.verb == "created":
        return any(noted.values[name] for name in ("published_at", "unpublish_at"))
    return any(name in noted.before for name in ("published_at", "unpublish_at", "trashed_at"))


_TAKEN = select(func.coalesce(func.max(Revision.number), 0)).where(Revision.record_id == bindparam("of_record"))
_INSERT_REVISION = insert(Revision).values(number=_TAKEN.scalar_subquery() + 1)


def _revision(change_set_id: UUID, noted: Note) -> dict[str, Any]:
    return {
        "change_set_id": change_set_id,
        "record_type": noted.content_type.name,
        "record_id": noted.record_id,
        "of_record": noted.record_id,
        "version": noted.version,
        "verb": noted.verb,
        "before": noted.before,
        "values": noted.values,
    }
