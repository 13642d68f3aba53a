"""The history of a record, for those who may edit it: its revisions in pages, one of them whole, and the way back.

What was recorded when its type had other fields is told as it was; what does not fit any more is named.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, func, select
from sqlalchemy.orm import Session

from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.cursor import Cursors
from cms.crud.models import Record
from cms.crud.nodes import Item
from cms.crud.policy import Action, Actor
from cms.crud.problems import NotFound
from cms.crud.query import Query
from cms.crud.registry import Registry
from cms.crud.rights import refusal
from cms.crud.values import is_uuid
from cms.editorial.behaviours import Trashable
from cms.editorial.history import FIRST_DRAFT, QUIET, ChangeSet, Revision
from cms.editorial.snapshots import Values, revive

_HEAD = (
    Revision.change_set_id,
    Revision.number,
    Revision.version,
    Revision.verb,
    Revision.occurred_at,
    ChangeSet.actor_id,
    ChangeSet.door,
    ChangeSet.undoes_id,
    # Of what was created or deleted, every field changed.
    case((Revision.verb.in_(("created", "deleted")), Revision.values), else_=Revision.before).label("changed"),
)


@dataclass(frozen=True, slots=True)
class Histories:
    """Reads histories; each method is a function that reads, over the connection that comes first.

    :param registry: the content types.
    :param people: the content type of those who act.
    :param cursors: makes and reads the cursors of pages.
    """

    registry: Registry
    people: ContentType[Any]
    cursors: Cursors

    def page(
        self, connection: Connection, content_type: ContentType[Any], key: str, actor: Actor, query: Query
    ) -> Item:
        """One page of a record's revisions, the newest first."""
        record_id = edited_id(connection, content_type, key, actor)
        of_record = _revisions_of(content_type, record_id).where(Revision.verb.not_in(QUIET))
        rows, edges = newest_first(
            connection, of_record, Revision.number, query, (self.cursors, f"revisions of {record_id}"), int
        )
        is_all = query.cursor is None and not query.skip and edges["next"] is None
        count = select(func.count()).select_from(of_record.subquery())
        total = (len(rows) if is_all else connection.scalar(count)) if query.total else None
        names = name_actors(connection, self.people, (row.actor_id for row in rows))
        return {"items": [_head(row, names) for row in rows], "total": total, **edges}

    def one(self, connection: Connection, content_type: ContentType[Any], key: str, actor: Actor, number: int) -> Item:
        """One revision with all that it holds: related records by id, and in short form where the actor sees them."""
        record_id = edited_id(connection, content_type, key, actor)
        (row,) = self._found(connection, content_type, record_id, [number])
        _, misfits = revive(content_type, row.values)
        return {
            **_head(row, name_actors(connection, self.people, [row.actor_id])),
            "values": self._told(connection, content_type, actor, row.values),
            "misfits": [{"field": name, "detail": detail} for name, detail in misfits.items()],
        }

    def pair(
        self, connection: Connection, content_type: ContentType[Any], key: str, actor: Actor, numbers: Sequence[int]
    ) -> tuple[list[Item], list[Values]]:
        """Some revisions, to be compared: what is told of each, and its values as they were recorded."""
        record_id = edited_id(connection, content_type, key, actor)
        rows = self._found(connection, content_type, record_id, numbers)
        names = name_actors(connection, self.people, (row.actor_id for row in rows))
        return [_head(row, names) for row in rows], [row.values for row in rows]

    def newest(
        self, connection: Connection, content_type: ContentType[Any], key: str, actor: Actor, before: int | None = None
    ) -> int | None:
        """The number of a record's newest revision, or of the newest one before another; None if there is none."""
        told = _revisions_of(content_type, edited_id(connection, content_type, key, actor))
        of_record = told.where(Revision.verb.not_in(QUIET)).subquery()
        statement = select(func.max(of_record.c.number))
        if before is not None:
            statement = statement.where(of_record.c.number < before)
        number: int | None = connection.scalar(statement)
        return number

    def _found(
        self, connection: Connection, content_type: ContentType[Any], record_id: UUID, numbers: Sequence[int]
    ) -> list[Row[Any]]:
        statement = _revisions_of(content_type, record_id).add_columns(Revision.values)
        found = {row.number: row for row in connection.execute(statement.where(Revision.number.in_(numbers)))}
        for number in numbers:
            if number not in found:
                raise no_revision(content_type, number)
        return [found[number] for number in numbers]

    def _told(
        self, connection: Connection, content_type: ContentType[Any], actor: Actor, values: Values
    ) -> dict[str, Any]:
        told: dict[str, Any] = dict(values)
        for name, value in values.items():
            info = content_type.fields.get(name)
            if info is None or not info.is_relation:
                continue
            related = value if isinstance(value, list) else [value]
            ids = [one for one in related if isinstance(one, str) and is_uuid(one)]  # it may have been something else
            forms = {one: {"id": one} for one in ids}
            forms |= _short_forms(connection, self.registry.target_of(info), ids, actor)
            shown = [forms.get(one, one) if isinstance(one, str) else one for one in related]
            told[name] = shown if isinstance(value, list) else shown[0]
        return told


def no_revision(content_type: ContentType[Any], number: int) -> NotFound:
    """What to say where a record has no revision of that number, or has it no more."""
    return NotFound(
        f"This {content_type.label.lower()} has no revision {number}; there was none, or it was too old to be kept."
    )


def may_edit(content_type: ContentType[Any], actor: Actor, record: Any = None) -> bool:
    """Whether the actor may read what a record was, which is for those who may change what it is, or a draft of it."""
    return any(content_type.policy.can(actor, action, record) for action in (Action.UPDATE, Action.DRAFT))


def edited_id(connection: Connection, content_type: ContentType[Any], key: str, actor: Actor) -> UUID:
    """The id of the record whose history the actor may read; it may be in the trash, or be deleted.

    :raises NotFound: if there is none, or none that the actor may see.
    :raises Unauthorized: :raises Forbidden: if the actor sees it, but may not edit it.
    """
    policy, model = content_type.policy, content_type.model
    if not policy.can(actor, Action.READ):
        raise refusal(actor, Action.READ, content_type)
    if (record := _find(connection, content_type, key, actor, *visible(content_type, model, actor.role))) is not None:
        if may_edit(content_type, actor, record):
            return record.id
        raise refusal(actor, Action.UPDATE, content_type, record)
    if issubclass(model, Trashable):
        trashed = _find(connection, content_type, key, actor, model.trashed_at.is_not(None))
        if trashed is not None and policy.can(actor, Action.DELETE, trashed):
            return trashed.id
    if is_uuid(key) and actor.is_staff and policy.can(actor, Action.DELETE) and _is_gone(connection, content_type, key):
        return UUID(key)
    raise NotFound(f"There is no {content_type.label.lower()} “{key[:200]}”.")


def _find(connection: Connection, content_type: ContentType[Any], key: str, actor: Actor, *where: Any) -> Record | None:
    model: Any = content_type.model
    by_id = is_uuid(key)
    if not by_id and content_type.key_field is None:
        return None
    named = model.id == UUID(key) if by_id else getattr(model, str(content_type.key_field)) == key
    statement = select(model).where(named, *where).order_by(model.updated_at.desc()).limit(1)
    session = Session(connection)
    found: Record | None = session.execute(statement, {"actor_id": actor.id}).scalar_one_or_none()
    return found


def _is_gone(connection: Connection, content_type: ContentType[Any], key: str) -> bool:
    model: Any = content_type.model
    record_id = UUID(key)
    is_there = select(model.id).where(model.id == record_id).exists()
    known = select(Revision.id).where(
        Revision.record_id == record_id, Revision.record_type == content_type.name, ~is_there
    )
    return connection.execute(known.limit(1)).first() is not None


def _revisions_of(content_type: ContentType[Any], record_id: UUID) -> Select[Any]:
    joined = select(*_HEAD).join_from(Revision, ChangeSet, ChangeSet.id == Revision.change_set_id)
    return joined.where(Revision.record_id == record_id, Revision.record_type == content_type.name)


def _head(row: Row[Any], names: Mapping[UUID, Item]) -> Item:
    return {
        "number": row.number,
        "version": row.version,
        "verb": row.verb,
        "is_draft": row.version >= FIRST_DRAFT,
        "fields": list(row.changed),
        "actor": names.get(row.actor_id),
        "door": row.door,
        "occurred_at": row.occurred_at,
        "change": row.change_set_id,
        "undoes": row.undoes_id,
    }


def name_actors(connection: Connection, people: ContentType[Any], ids: Iterable[UUID | None]) -> dict[UUID, Item]:
    """Who acted, by id, with the names they go by now; none for those whose account is gone."""
    model: Any = people.model
    wanted = {actor_id for actor_id in ids if actor_id is not None}
    if not wanted:
        return {}
    title = getattr(model, people.title_field)
    found = connection.execute(select(model.id, title).where(model.id.in_(wanted)))
    names: dict[UUID, str] = {row.id: row[1] for row in found}
    return {actor_id: {"id": actor_id, "name": names.get(actor_id)} for actor_id in wanted}


def _short_forms(
    connection: Connection, target: ContentType[Any], ids: Collection[str], actor: Actor
) -> dict[str, Item]:
    model: Any = target.model
    if not ids:
        return {}
    names = dict.fromkeys(("id", *target.reference_fields))
    wanted = [UUID(related) for related in ids]
    statement = select(*(getattr(model, name).label(name) for name in names)).where(
        model.id.in_(wanted), *visible(target, model, actor.role)
    )
    found = connection.execute(statement, {"actor_id": actor.id}).mappings()
    return {str(row["id"]): {**row, "id": str(row["id"])} for row in found}


def newest_first(
    connection: Connection,
    statement: Select[Any],
    column: Any,
    query: Query,
    signed: tuple[Cursors, str],
    read: Callable[[Any], Any],
) -> tuple[Sequence[Row[Any]], dict[str, str | None]]:
    """A page of rows in the descending order of a column that tells them apart, and the cursors beside it.

    :param signed: what signs the cursors, and what they are bound to.
    :param read: the column's value from a cursor's JSON.
    """
    cursors, name = signed
    sort = ((column.key, True),)
    position = cursors.decode(name, query.cursor) if query.cursor else None
    backwards = position is not None and position.backwards
    if position is not None:
        edge = read(position.values[0])
        statement = statement.where(column > edge if backwards else column < edge)
    ordered = statement.order_by(column.asc() if backwards else column.desc())
    rows = connection.execute(ordered.limit(query.limit + 1).offset(query.skip)).all()
    has_more, kept = len(rows) > query.limit, rows[: query.limit]
    if backwards:
        kept = kept[::-1]
    starts_inside = has_more if backwards else position is not None or query.skip > 0

    def cursor(row: Row[Any], *, backwards: bool) -> str:
        return cursors.encode(name, sort, [getattr(row, column.key)], backwards=backwards)

    return kept, {
        "next": cursor(kept[-1], backwards=False) if kept and (has_more or backwards) else None,
        "previous": cursor(kept[0], backwards=True) if kept and starts_inside else None,
    }
