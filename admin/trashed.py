"""What is in the trash, of all types together: read for the one screen that shows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Select, func, literal, null, select, union_all

from cms.auth.users import user
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Actor
from cms.crud.registry import Registry
from cms.editorial.behaviours import Trashable
from cms.editorial.history import ChangeSet, Revision
from cms.editorial.revisions import name_actors

PER_PAGE = 50


class Trashed(NamedTuple):
    """A record in the trash.

    :param by: who moved it there, as far as that is known. :param days_left: until it goes for good; None for never.
    :param may_restore: whether the actor may take it out.
    """

    content_type: ContentType[Any]
    id: UUID
    title: str
    slug: str | None
    trashed_at: datetime
    by: str | None
    days_left: int | None
    may_restore: bool


class Trash(NamedTuple):
    """A page of the trash, what went there last first; `total` is of all pages."""

    items: list[Trashed]
    total: int


def trashable(registry: Registry, actor: Actor) -> list[ContentType[Any]]:
    """The types with a trash of which the actor may take something out."""
    return [t for t in registry if issubclass(t.model, Trashable) and t.policy.can(actor, Action.DELETE)]


def read_trash(
    connection: Connection,
    types: Sequence[ContentType[Any]],
    actor: Actor,
    term: str,
    page: int,
    keeps: timedelta | None,
) -> Trash:
    """A page of what the actor sees of the trash.

    :param term: what titles have to contain, in any case. :param keeps: how long the trash keeps what is in it.
    """
    parts = [part for t in types if (part := _of_type(t, actor, term)) is not None]
    if not parts:
        return Trash([], 0)
    found = union_all(*parts).subquery()
    bound = {"actor_id": actor.id}
    total = connection.scalar(select(func.count()).select_from(found), bound) or 0
    ordered = select(found).order_by(found.c.trashed_at.desc(), found.c.title, found.c.id)
    rows = connection.execute(ordered.limit(PER_PAGE).offset((page - 1) * PER_PAGE), bound).all()
    by = _who(connection, [row.id for row in rows])
    known = {content_type.name: content_type for content_type in types}
    return Trash([_trashed(known[row.type], row, actor, by, keeps) for row in rows], total)


def _of_type(content_type: ContentType[Any], actor: Actor, term: str) -> Select[Any] | None:
    model: Any = content_type.model
    aside = content_type.policy.aside(model, actor.role)
    if aside is None:
        return None
    title = getattr(model, content_type.title_field)
    own = content_type.policy.own
    statement = select(
        literal(content_type.name).label("type"),
        model.id.label("id"),
        title.label("title"),
        (model.slug if hasattr(model, "slug") else null()).label("slug"),
        model.trashed_at.label("trashed_at"),
        (model.published_at if hasattr(model, "published_at") else null()).label("published_at"),
        (getattr(model, own) if own else null()).label("owner"),
    ).where(aside)
    return statement.where(func.lower(title).contains(term.lower(), autoescape=True)) if term else statement


def _trashed(
    content_type: ContentType[Any], row: Any, actor: Actor, by: Mapping[UUID, str | None], keeps: timedelta | None
) -> Trashed:
    stood = SimpleNamespace(published_at=row.published_at, **{content_type.policy.own or "owner": row.owner})
    left = None if keeps is None else (row.trashed_at + keeps - utc_now()) / timedelta(days=1)
    return Trashed(
        content_type,
        row.id,
        str(row.title or content_type.label),
        row.slug,
        row.trashed_at,
        by.get(row.id),
        None if left is None else max(0, ceil(left)),
        content_type.policy.can(actor, Action.DELETE, stood),
    )


def _who(connection: Connection, ids: list[UUID]) -> dict[UUID, str | None]:
    """Who moved records to the trash, by their names now."""
    moved = (
        select(Revision.record_id, ChangeSet.actor_id)
        .join(ChangeSet, ChangeSet.id == Revision.change_set_id)
        .where(Revision.record_id.in_(ids), Revision.verb == "trashed")
        .order_by(Revision.id)
    )
    last = {row.record_id: row.actor_id for row in connection.execute(moved)}
    people = name_actors(connection, user, last.values())
    return {record_id: people[actor_id]["name"] for record_id, actor_id in last.items() if actor_id in people}
