"""Undo: a change-set reversed, all of it or nothing, by the same services that make any change.

What a change gave has to be there still; what a later change made of it is not overwritten, but named. The reversal
leaves a change-set of its own, so it can be undone in turn.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from cms.crud.problems import Conflict, Forbidden
from cms.crud.relations import lock_records
from cms.crud.service import UnitOfWork
from cms.editorial.changes import Changes, no_change, require_staff
from cms.editorial.history import FIRST_DRAFT, ChangeSet, Revision
from cms.editorial.notes import Note, Notes, gather
from cms.editorial.recorder import change_set_of, undoing, write_notes
from cms.editorial.reversals import Reversal
from cms.editorial.together import Together
from cms.editorial.trash import TrashingService


async def undo(work: UnitOfWork, changes: Changes, change_set_id: UUID) -> UUID:
    """Reverse a change-set.

    :param changes: the log, which says what the actor may know of.
    :returns: the id of the change-set that this became.
    :raises NotFound: if there is none, or none that the actor may know of.
    :raises Forbidden: for who may not do the reverse of something in it.
    :raises Conflict: if something stands in the way, naming it.
    """
    reversals = await _reversals(work, changes, change_set_id)
    undoing(work.session.sync_session, change_set_id)
    for reversal in reversals:
        await reversal.check()
    for reversal in _from_above(reversals):
        await reversal.run()
    if not await work.session.run_sync(write_notes):
        raise Conflict("All is as it was before this change; there is nothing to undo.")
    return change_set_of(work.session.sync_session)


def _from_above(reversals: list[Reversal]) -> list[Reversal]:
    """As they come, but of a tree the upper ones first: what is above brings along what was trashed with it."""
    moved = iter(sorted((one for one in reversals if one.depth), key=lambda one: one.depth))
    return [next(moved) if one.depth else one for one in reversals]


async def _reversals(work: UnitOfWork, changes: Changes, change_set_id: UUID) -> list[Reversal]:
    """What has to be done, for what was done last first."""
    # Locked, so that of two who undo the same the second finds what the first one did.
    found = await work.session.get(ChangeSet, change_set_id, with_for_update=True)
    if found is None or work.actor.id is None or found.actor_id != work.actor.id:
        require_staff(work.actor)  # what others did is for them alone; one's own anybody may take back
    types = changes.edited_types(work.actor)
    of_change = select(Revision).where(Revision.change_set_id == change_set_id).order_by(Revision.id)
    revisions = (await work.session.execute(of_change)).scalars().all()
    shown = [revision for revision in revisions if revision.record_type in types]
    if found is None or (revisions and not shown):
        raise no_change(change_set_id)
    if found.is_pruned or not revisions:
        raise Conflict("This change is too old to be undone: what was there before it is not kept any more.")
    if len(shown) < len(revisions):
        raise Forbidden("This change is also of records that you may not edit; ask an administrator to undo it.")
    notes: Notes = {}
    for revision in revisions:
        gather(notes, _note_of(changes, revision))
    await _lock(work, notes)
    together = Together.of(notes.values())
    last: dict[Any, int] = {(revision.record_id, revision.version): revision.id for revision in revisions}
    return [
        Reversal(work, changes, noted, last[noted.record_id, noted.version], _settled_beside(notes, noted), together)
        for noted in reversed(notes.values())
    ]


def _settled_beside(notes: Notes, noted: Note) -> frozenset[str]:
    """The fields of the record itself that were changed along with its working draft."""
    beside = notes.get((noted.record_id, False)) if noted.version >= FIRST_DRAFT else None
    return frozenset(beside.before if beside else ())


async def _lock(work: UnitOfWork, notes: Notes) -> None:
    """Lock all records at once, in the order in which everybody does, so that no two writers wait crosswise."""
    for content_type in work.registry:
        ids = [noted.record_id for noted in notes.values() if noted.content_type is content_type]
        service = work.service(content_type)
        if ids and isinstance(service, TrashingService):
            await service.hold()
        if ids:
            await lock_records(work.session, content_type, work.actor, content_type.model.id.in_(ids))


def _note_of(changes: Changes, revision: Revision) -> Note:
    return Note(
        changes.registry.by_name(revision.record_type),
        revision.record_id,
        revision.verb,
        revision.version,
        revision.before,
        revision.values,
    )
