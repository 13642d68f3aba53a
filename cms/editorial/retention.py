"""History is not kept for ever: revisions that are too many, or too old, go; what is still stood on stays."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, null, or_, select, update
from sqlalchemy.orm import aliased

from cms.crud.fields import now
from cms.editorial.history import FIRST_DRAFT, ChangeSet, Revision
from cms.editorial.pending import Draft
from cms.events.outbox import Database

BATCH = 500
"""Revisions in one transaction, so that nobody waits for long."""


async def prune(database: Database, kept: int, older_than: timedelta | None) -> int:
    """Delete revisions beyond the newest `kept` of their record, and those that are older; 0 and None keep them.

    The newest of a record stays, which is what is published; so do the newest of its working draft, and the one that
    the draft was made from.

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
    limits: list[ColumnElement[bool]] = []
    newer = aliased(Revision)
    of_same = newer.record_id == Revision.record_id
    if kept:
        last = select(func.max(newer.number)).where(of_same).correlate(Revision).scalar_subquery()
        limits.append(Revision.number <= last - kept)
    if older_than is not None:
        limits.append(Revision.occurred_at < connection.execute(select(now())).scalar_one() - older_than)
    if not limits:
        return ()
    is_surpassed = exists().where(
        of_same, newer.version > Revision.version, or_(Revision.version >= FIRST_DRAFT, newer.version < FIRST_DRAFT)
    )
    is_base = exists().where(
        Draft.record_id == Revision.record_id, Draft.base_version == Revision.version, Draft.values.is_not(null())
    )
    outdated: Any = select(Revision.id).where(or_(*limits), is_surpassed, ~is_base).order_by(Revision.id).limit(BATCH)
    found: Sequence[int] = connection.execute(outdated).scalars().all()
    return found
