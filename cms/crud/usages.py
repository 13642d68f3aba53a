"""Where a record is used: the records of other types that refer to it and would be left dangling."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.policy import Actor
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape

NAMED = 5
"""How many users of a record are named; the rest are counted."""


async def find_usages(
    session: AsyncSession, registry: Registry, content_type: ContentType[Any], record: Any, actor: Actor
) -> list[str]:
    """Who refers to the record by a foreign key that forbids its deletion.

    :returns: a phrase per referring type, such as `article “Slow tides” and 2 more`; titles only of what the actor
        may see. Empty where nothing refers to it.
    """
    phrases = []
    for other in registry:
        for info in other.fields.values():
            if _restricts(info, content_type):
                refers = getattr(other.model, info.column.key) == record.id  # type: ignore[union-attr]  # a to-one relation has its key column
                phrases += await name_records(session, other, refers, actor)
    return phrases


async def name_records(
    session: AsyncSession, content_type: ContentType[Any], where: ColumnElement[bool], actor: Actor
) -> list[str]:
    """The records that meet a condition, as one phrase, or none where none does.

    :param where: a condition over the type's model.
    :returns: such as `article “Slow tides” and 2 more`; titles only of what the actor may see.
    """
    model: Any = content_type.model
    total = (await session.execute(select(func.count()).select_from(model).where(where))).scalar_one()
    if not total:
        return []
    title = getattr(model, content_type.title_field)
    shown = select(title).where(where, *visible(content_type, model, actor.role)).limit(NAMED)
    titles = [f"“{title}”" for title in (await session.execute(shown, {"actor_id": actor.id})).scalars()]
    label = content_type.label.lower()
    more = total - len(titles)
    if not titles:
        return [f"{total} {label}{'s' if total > 1 else ''} that you can't see"]
    return [f"{label} {', '.join(titles)}" + (f" and {more} more" if more else "")]


def _restricts(info: FieldInfo, content_type: ContentType[Any]) -> bool:
    if info.shape is not Shape.TO_ONE or info.python_type is not content_type.model or info.column is None:
        return False
    return all(key.ondelete in {None, "RESTRICT", "NO ACTION"} for key in info.column.foreign_keys)
