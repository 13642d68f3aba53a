"""Taking a record that is about to go out of others that would hold it, although the same undo has them go, too."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from cms.crud.content_type import ContentType
from cms.crud.models import Record
from cms.crud.relations import to_many_loads
from cms.crud.service import UnitOfWork
from cms.crud.usages import find_uses
from cms.editorial.behaviours import Trashable


async def let_go(work: UnitOfWork, content_type: ContentType[Any], record: Record, made: frozenset[UUID]) -> None:
    """Empty the relations by which records in the trash hold one that is to be deleted.

    :param made: the records that one change made, of which alone this is done. They go into the trash when that is
        undone, where the database still forbids to delete what they refer to.
    """
    if issubclass(content_type.model, Trashable):
        return  # it only goes into the trash itself
    for use in find_uses(work.registry, content_type, record):
        model: Any = use.content_type.model
        (name,) = use.fields
        is_loose = use.content_type.fields[name].nullable and name in use.content_type.write_fields
        if not (is_loose and issubclass(model, Trashable)):
            continue
        held = await work.session.execute(select(model.id).where(use.where, model.trashed_at.is_not(None)))
        for holder_id in sorted(made.intersection(held.scalars())):
            (holder,) = (
                await work.session.execute(whole_records(use.content_type).where(model.id == holder_id))
            ).scalars()
            await work.service(use.content_type).change(holder, {name: None})


def whole_records(content_type: ContentType[Any]) -> Select[Any]:
    """Records with the relations that may be written, as they are in the database now; locked."""
    statement = select(content_type.model).options(*to_many_loads(content_type))
    return statement.with_for_update(of=content_type.model).execution_options(populate_existing=True)
