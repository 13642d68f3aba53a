"""History is not kept for ever: revisions that are too many, or too old, go; what is still stood on stays."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, null, or_, select, update
from sqlalchemy.orm import aliased

from cms.crud.fields import now
from cms.crud.policy import Door
from cms.editorial.history import FIRST_DRAFT, ChangeSet, Revision
from cms.editorial.pending import Draft
from cms.events.outbox import Database

BATCH = 500
"""Revisions in one transaction, so that nobody waits for long."""
_PAUSE: Final = timedelta(minutes=10)
"""Who writes in the back office is saved after each second of rest; saves that are closer than this are one to them."""
_FRESH: Final = timedelta(hours=1)
"""How long each of those stays nevertheless, without taking the place of another."""


async def prune(database: Database, kept: int, older_than: timedelta | None) -> int:
    """Delete what a record has more than `kept` revisions, and those that are older; 0 and None keep them.

    The newest of a record stays, which is what is published; so do the newest of its working draft, and the one that
    the draft was made from. Of too many those go first that were saved in passing, while somebody wrote on: or an
    afternoon of writing would take the place of all that was there before.

    :returns: how many went.
    """
    count = 0
    while ids := await database.read_soon(_outdated, kept, older_than):
        async with database.session() as session:
            # Those who undo lock the change-set first; they then find it as it was, or pruned.
            sets = select(Revision.change_set_id).where(Revision.id.in_(ids))
            marked = update(ChangeSet).where(ChangeSet.id.in_(sets)).values(is_pruned=True)
            for statement in (marked, delete(Revision).where(Revision.id.in_(ids))):
                await session.execute(statement, execution_options={"synchronize_session": False})
        count += len(ids)
    return count


def _outdated(connection: Connection, kept: int, older_than: timedelta | None) -> Sequence[int]:
    """The ids of some revisions that may go; a plain read, which takes no lock."""
    time: datetime = connection.execute(select(now())).scalar_one()
    if older_than is not None and (old := _older(connection, time - older_than)):
        return old
    return _surplus(connection, kept, time) if kept else ()


def _older(connection: Connection, time: datetime) -> Sequence[int]:
    old = select(Revision.id).where(Revision.occurred_at < time, _may_go()).order_by(Revision.id).limit(BATCH)
    found: Sequence[int] = connection.execute(old).scalars().all()
    return found


def _surplus(connection: Connection, kept: int, time: datetime) -> Sequence[int]:
    crowded = select(Revision.record_id).group_by(Revision.record_id).having(func.count() > kept)
    going: list[int] = []
    for record_id in connection.execute(crowded).scalars().all():
        going += _surplus_of(connection, record_id, kept, time)
        if len(going) >= BATCH:
            break
    return going[:BATCH]


def _surplus_of(connection: Connection, record_id: UUID, kept: int, time: datetime) -> list[int]:
    """The revisions of a record that it has too many, those first that were saved in passing, then the oldest."""
    columns: tuple[Any, ...] = (Revision.id, Revision.verb, Revision.occurred_at, ChangeSet.actor_id, ChangeSet.door)
    joined = select(*columns, _may_go().label("may_go")).join(ChangeSet, ChangeSet.id == Revision.change_set_id)
    rows = connection.execute(joined.where(Revision.record_id == record_id).order_by(Revision.number)).all()
    passing = [one for one, later in pairwise(rows) if _is_passing(one, later)]
    fresh = {row.id for row in passing if row.occurred_at >= time - _FRESH}
    first = {row.id for row in passing} - fresh
    counted = sorted((row for row in rows if row.id not in fresh), key=lambda row: row.id not in first)
    return [row.id for row in counted if row.may_go][: max(0, len(counted) - kept)]


def _is_passing(one: Any, later: Any) -> bool:
    """Whether who saved it wrote on."""
    is_same = (one.verb, one.actor_id, one.door) == (later.verb, later.actor_id, later.door)
    return is_same and one.door is Door.ADMIN and later.occurred_at - one.occurred_at < _PAUSE


def _may_go() -> ColumnElement[bool]:
    """That a revision is neither the newest of its record or draft, nor the one that the draft was made from."""
    newer = aliased(Revision)
    is_surpassed = exists().where(
        newer.record_id == Revision.record_id,
        newer.version > Revision.version,
        or_(Revision.version >= FIRST_DRAFT, newer.version < FIRST_DRAFT),
    )
    is_base = exists().where(
        Draft.record_id == Revision.record_id, Draft.base_version == Revision.version, Draft.values.is_not(null())
    )
    return and_(is_surpassed, ~is_base)
