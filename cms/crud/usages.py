"""What refers to a record: what would be left dangling without it, and what goes with it."""

from collections.abc import Collection, Iterable, Iterator, Set
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.policy import Actor
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape

NAMED = 5
"""How many users of a record are named; the rest are counted."""


class Use(NamedTuple):
    """Where records of a type use a record of some type.

    :param content_type: the type. :param where: a condition over its model.
    :param fields: the fields by which they do; empty where any may be it.
    :param place: how to name the place before a record, such as `the text of`.
    :param is_draft: whether not the records but their working drafts do.
    """

    content_type: ContentType[Any]
    where: ColumnElement[bool]
    fields: tuple[str, ...] = ()
    place: str = ""
    is_draft: bool = False

    def aside_from(self, ids: Collection[UUID]) -> "Use":
        """The same by other records than these."""
        return self._replace(where=and_(self.where, self.content_type.model.id.not_in(ids))) if ids else self


def find_uses(registry: Registry, content_type: ContentType[Any], record: Any) -> list[Use]:
    """The foreign keys that forbid the deletion of a record."""
    return [
        Use(other, getattr(other.model, info.column.key) == record.id, (info.name,))  # type: ignore[union-attr]  # a to-one relation has its key column
        for other in registry
        for info in other.fields.values()
        if _refers(info, content_type, {None, "RESTRICT", "NO ACTION"})
    ]


async def name_uses(session: AsyncSession, uses: Iterable[Use], actor: Actor) -> list[str]:
    """Who uses a record.

    :returns: a phrase for each use that there is, such as `article “Slow tides” and 2 more`; titles only of what the
        actor may see. Empty where nothing uses it.
    """
    return [
        f"{use.place} {phrase}".lstrip()
        for use in uses
        for phrase in await name_records(session, use.content_type, use.where, actor)
    ]


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
    aside = content_type.policy.aside(model, actor.role)
    aside = false() if aside is None else aside
    seen = or_(and_(true(), *visible(content_type, model, actor.role)), aside)
    shown = select(getattr(model, content_type.title_field), aside).where(where, seen).limit(NAMED)
    found = await session.execute(shown, {"actor_id": actor.id})
    titles = [f"“{title}”{' (in the trash)' if is_aside else ''}" for title, is_aside in found]
    label = content_type.label.lower()
    more = total - len(titles)
    if not titles:
        return [f"{total} {label}{'s' if total > 1 else ''} that you can't see"]
    return [f"{label} {', '.join(titles)}" + (f" and {more} more" if more else "")]


def hanging_on(registry: Registry, content_type: ContentType[Any]) -> Iterator[tuple[ContentType[Any], Any]]:
    """The types whose records the database deletes along with those that they refer to, and the columns that do."""
    return _columns_to(registry, content_type, "CASCADE")


def outliving(registry: Registry, content_type: ContentType[Any]) -> Iterator[tuple[ContentType[Any], Any]]:
    """The types whose records stay without those that they refer to, and the columns that the database empties."""
    return _columns_to(registry, content_type, "SET NULL")


def _columns_to(
    registry: Registry, content_type: ContentType[Any], on_delete: str
) -> Iterator[tuple[ContentType[Any], Any]]:
    for other in registry:
        for info in other.fields.values():
            if _refers(info, content_type, {on_delete}):
                yield other, getattr(other.model, info.column.key)  # type: ignore[union-attr]  # as above


def _refers(info: FieldInfo, content_type: ContentType[Any], on_delete: Set[str | None]) -> bool:
    """Whether a field is a foreign key to the type that says one of these about deletion."""
    if info.shape is not Shape.TO_ONE or info.python_type is not content_type.model or info.column is None:
        return False
    return all(key.ondelete in on_delete for key in info.column.foreign_keys)
