"""Related records: by the keys that bodies name them by, and loaded with the records that have them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from cms.crud.conditions import visible
from cms.crud.content_type import ContentType, M
from cms.crud.policy import Action, Actor
from cms.crud.registry import Registry
from cms.crud.structure import Shape
from cms.crud.usages import outliving
from cms.crud.values import is_uuid


async def find_related(
    session: AsyncSession, target: ContentType[Any], actor: Actor, keys: list[str]
) -> list[Any | None]:
    """The records of these keys, in their order; None for each that the actor can't see.

    A natural key finds a record only where it is public, or the actor may read the type: nobody learns by trying
    which e-mail addresses have accounts.

    :param keys: ids or natural keys.
    """
    if not keys:
        return []
    model: Any = target.model
    matches = [model.id.in_([UUID(key) for key in keys if is_uuid(key)])]
    key_field = target.key_field
    if key_field is not None and (key_field in target.reference_fields or target.policy.can(actor, Action.READ)):
        matches.append(getattr(model, key_field).in_([key for key in keys if not is_uuid(key)]))
    statement = select(model).where(or_(*matches), *visible(target, model, actor.role))
    found = (await session.execute(statement, {"actor_id": actor.id})).scalars().all()
    by_key = {str(record.id): record for record in found}
    if key_field is not None:
        by_key |= {getattr(record, key_field): record for record in found}
    return [by_key.get(key.lower() if is_uuid(key) else key) for key in keys]


def to_many_loads(content_type: ContentType[Any]) -> list[Any]:
    """To-many relations are compared before they are written, so they are loaded with their record."""
    fields = (content_type.fields[name] for name in content_type.write_fields)
    return [selectinload(getattr(content_type.model, f.name)) for f in fields if f.shape is Shape.TO_MANY]


async def lock_records(
    session: AsyncSession, content_type: ContentType[M], actor: Actor, *where: ColumnElement[bool]
) -> Sequence[M]:
    """The records that meet conditions, locked: in the order of their ids, so that no two writers wait crosswise."""
    model: Any = content_type.model
    statement = select(model).options(*to_many_loads(content_type)).where(*where).order_by(model.id)
    found = await session.execute(statement.with_for_update(of=model), {"actor_id": actor.id})
    return found.scalars().all()


async def release(
    session: AsyncSession, registry: Registry, content_type: ContentType[M], record: M, actor: Actor
) -> None:
    """Take a record that is about to go out of those that stay without it, so that whoever listens sees each change."""
    for other, column in outliving(registry, content_type):
        for holder in await lock_records(session, other, actor, column == record.id):
            setattr(holder, column.key, None)
    await session.flush()
