"""Changes that were made from an older version, merged into the present one: for every door alike."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud import problems
from cms.crud.conditional import ANY_VERSION
from cms.crud.content_type import ContentType, M
from cms.crud.policy import Action
from cms.crud.problems import FieldError, Invalid
from cms.crud.service import Service
from cms.crud.structure import Shape
from cms.editorial.disclosure import is_private
from cms.editorial.history import Revision
from cms.editorial.merge import Conflict, Merged, kinds_of, merge
from cms.editorial.snapshots import MASK, Values, plain, revive, snapshot


class Overlap(problems.Conflict):
    """Both sides changed the same, each in its way; somebody has to decide, and nothing was written.

    :param merged: what both sides made; its conflicts tell by field what both began with, what either made of it, and
        of long texts the regions.
    """

    def __init__(self, content_type: ContentType[Any], merged: Merged, current: int) -> None:
        self.merged = merged
        overlaps = merged.conflicts
        names = ", ".join(f"“{name}”" for name in overlaps)
        super().__init__(
            f"Somebody else changed {names} meanwhile, in another way. Nothing was saved; choose, and send it again.",
            errors=[FieldError(f"Both sides changed “{name}”.", f"/{name}") for name in overlaps],
            current_version=current,
            conflicts={name: _told(content_type, name, overlap) for name, overlap in overlaps.items()},
        )


def merge_values(
    content_type: ContentType[Any], base: Values, mine: Values, theirs: Values, *, current: int
) -> Mapping[str, Any]:
    """Combine two edits of a record.

    :param base: what both began with. :param mine: the fields that one side changed.
    :param theirs: what the other side made of all. :param current: the version of that, to tell.
    :returns: what is left to write.
    :raises Overlap: if both changed the same.
    """
    merged = merge(base, mine, theirs, kinds_of(content_type))
    if merged.conflicts:
        raise Overlap(content_type, merged, current)
    return merged.values


async def base_of(session: AsyncSession, content_type: ContentType[Any], record_id: UUID, version: int) -> Values:
    """What a record, or its working draft, was in that version.

    :raises Conflict: if no revision of it is kept.
    """
    of_version = select(Revision.values).where(Revision.record_id == record_id, Revision.version == version)
    found = (await session.execute(of_version.order_by(Revision.number.desc()).limit(1))).scalar_one_or_none()
    if found is None:
        raise problems.Conflict(
            f"Version {version} of this {content_type.label.lower()} is not kept any more, so nothing can be merged "
            "with it. Nothing was saved; read it again and apply your change to that."
        )
    return dict(found)


async def merge_change(service: Service[M], record: M, data: BaseModel, expected: int) -> None:
    """Change the fields that `data` names, though others may have changed the record since that version.

    :raises Overlap: if they changed the same, each in another way. :raises Conflict: if that version is not kept.
    """
    content_type, current = service.content_type, record.version
    if expected in {ANY_VERSION, current}:
        await service.update(record, data, expected)
        return
    service.require(Action.UPDATE, record)
    named = {name: getattr(data, name) for name in content_type.write_fields if name in data.model_fields_set}
    mine = await as_recorded(service, named)
    base = await base_of(service.session, content_type, record.id, expected)
    merged = merge_values(content_type, base, mine, await present(service, record), current=current)
    await service.change(record, as_written(content_type, merged))


async def present(service: Service[M], record: M) -> Values:
    """Every recorded value of a record, as JSON; relations that it does not hold are looked up."""
    return await service.session.run_sync(lambda _: snapshot(service.content_type, record))


async def as_recorded(service: Service[M], values: Mapping[str, Any]) -> Values:
    """Values of a body as JSON, relations by id.

    :raises Invalid: for relations to what is not there.
    """
    recorded, errors = Values(), list[FieldError]()
    for name, value in values.items():
        info = service.content_type.fields[name]
        if not info.is_relation:
            recorded[name] = plain(info, value)
            continue
        is_many = info.shape is Shape.TO_MANY
        keys = value if is_many else [value] if value is not None else []
        ids = [str(related.id) for related in await service.resolve(info, keys, errors, many=is_many) if related]
        recorded[name] = sorted(set(ids)) if is_many else next(iter(ids), None)
    if errors:
        raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)
    return recorded


def as_written(content_type: ContentType[Any], values: Mapping[str, Any]) -> Values:
    """Recorded values as a service takes them.

    :raises Invalid: for what does not fit, such as a text that merging made too long.
    """
    fitting, misfits = revive(content_type, dict(values))
    if misfits:
        errors = [FieldError(detail, f"/{name}") for name, detail in misfits.items()]
        raise Invalid(" ".join(misfits.values()), errors=errors)
    return fitting


def _told(content_type: ContentType[Any], name: str, overlap: Conflict) -> dict[str, Any]:
    """The three sides; of what is written but never read, that they differ."""
    sides = {"base": overlap.base, "mine": overlap.mine, "theirs": overlap.theirs}
    return dict.fromkeys(sides, MASK) if is_private(content_type, name) else sides
