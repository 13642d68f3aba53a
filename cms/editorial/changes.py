"""The log of changes: who did what through which door, one change-set for each transaction, with old and new values.

Long texts are told by an excerpt around the first place where they differ; revisions hold the whole.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select
from sqlalchemy.orm import aliased

from cms.crud.content_type import ContentType
from cms.crud.cursor import Cursors
from cms.crud.filters import Parameter
from cms.crud.nodes import Item
from cms.crud.policy import Actor, Door
from cms.crud.problems import Forbidden, NotFound, Unauthorized
from cms.crud.query import Query, paging
from cms.crud.registry import Registry
from cms.crud.values import json_schema, one_of, scalar_parser
from cms.editorial.history import FIRST_DRAFT, QUIET, ChangeSet, Revision
from cms.editorial.revisions import may_edit, name_actors, newest_first
from cms.editorial.snapshots import Values

MOST_RECORDS = 100
"""How many records of one change-set are told; there can be tens of thousands, of files that were applied."""
USUAL_LIMIT = 20
EXCERPT = 300
"""The most characters of a text that are told of each side."""
BEFORE_EXCERPT = 60
"""How many of them stand before the first difference."""
LARGEST = 4_000
"""The most characters of JSON of any other value."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Reads the log.

    :param registry: the content types.
    :param people: the content type of those who act.
    :param cursors: makes and reads the cursors of pages.
    """

    registry: Registry
    people: ContentType[Any]
    cursors: Cursors

    def page(self, connection: Connection, actor: Actor, values: Mapping[str, Any]) -> Item:
        """One page of change-sets, the newest first, with what each did to records that the actor may edit.

        :param values: of the parameters, where they were given.
        """
        shown = self.types_for(actor)
        types = [values["type"]] if "type" in values else shown
        told = Revision.record_type.in_(set(types) & set(shown))
        if "record" in values:  # of which there are few revisions: they are found first
            of_record = select(Revision.change_set_id).where(Revision.record_id == values["record"], told)
            is_told: ColumnElement[bool] = ChangeSet.id.in_(of_record)
        else:
            is_told = exists().where(Revision.change_set_id == ChangeSet.id, told)
        statement = select(*ChangeSet.__table__.columns).where(is_told, *_wanted(values))
        query = Query(limit=values.get("limit", USUAL_LIMIT), cursor=values.get("cursor"))
        rows, edges = newest_first(connection, statement, ChangeSet.id, query, (self.cursors, "changes"), UUID)
        return {"items": self._told(connection, rows, shown), **edges}

    def one(self, connection: Connection, actor: Actor, change_set_id: UUID) -> Item:
        """One change-set, which is there."""
        statement = select(*ChangeSet.__table__.columns).where(ChangeSet.id == change_set_id)
        (item,) = self._told(connection, connection.execute(statement).all(), self.edited_types(actor))
        return item

    def types_for(self, actor: Actor) -> list[str]:
        """The names of the types whose changes the actor may read: those that the actor may edit.

        :raises Unauthorized: :raises Forbidden: for who is not of the staff.
        """
        require_staff(actor)
        return self.edited_types(actor)

    def edited_types(self, actor: Actor) -> list[str]:
        """The names of the types of which the actor may edit records, be it only their own."""
        return [content_type.name for content_type in self.registry if may_edit(content_type, actor)]

    def _told(self, connection: Connection, rows: Sequence[Row[Any]], types: list[str]) -> list[Item]:
        ids = [row.id for row in rows]
        names = name_actors(connection, self.people, (row.actor_id for row in rows))
        records, counts = self._records(connection, ids, types)
        undone = _undone_by(connection, ids)
        return [
            {
                "id": row.id,
                "actor": names.get(row.actor_id),
                "door": row.door,
                "request_id": row.request_id,
                "occurred_at": row.occurred_at,
                "undoes": row.undoes_id,
                "undone_by": undone.get(row.id),
                "is_pruned": row.is_pruned,
                "record_count": counts.get(row.id, 0),
                "records": records.get(row.id, []),
            }
            for row in rows
        ]

    def _records(
        self, connection: Connection, ids: list[UUID], types: list[str]
    ) -> tuple[dict[UUID, list[Item]], dict[UUID, int]]:
        records: dict[UUID, list[Item]] = {}
        counts: dict[UUID, int] = {}
        for row in connection.execute(_few_of_each(ids, types)):
            content_type = self.registry.by_name(row.record_type)
            records.setdefault(row.change_set_id, []).append(_record(content_type, row))
            counts[row.change_set_id] = row.record_count
        return records, counts


def parameters(registry: Registry) -> dict[str, Parameter]:
    """The query parameters of the log."""
    names = tuple(content_type.name for content_type in registry)
    kept = {p.name: p for p in paging()}
    limit = Parameter(
        "limit",
        kept["limit"].parse,
        {**kept["limit"].schema, "default": USUAL_LIMIT},
        "How many changes at the most.",
        example=USUAL_LIMIT,
    )
    listed = [
        Parameter("type", one_of(names), {"type": "string", "enum": list(names)}, "Changes of records of that type."),
        _parameter("record", UUID, "Changes of the record of that id."),
        _parameter("actor", UUID, "Changes by the user of that id."),
        _parameter("door", Door, "Changes that came in that way."),
        _parameter("since", datetime, "Changes from that time on."),
        _parameter("until", datetime, "Changes before that time."),
        limit,
        kept["cursor"],
    ]
    return {parameter.name: parameter for parameter in listed}


def require_staff(actor: Actor) -> None:
    """Let editors and administrators pass.

    :raises Unauthorized: for the anonymous. :raises Forbidden: for the others.
    """
    if actor.id is None:
        raise Unauthorized()
    if not actor.is_staff:
        raise Forbidden("The log of changes is for editors and administrators.")


def no_change(change_set_id: UUID) -> NotFound:
    """What to say where there is no such change-set, or none that the actor may know of."""
    return NotFound(f"There is no change “{change_set_id}”.")


def excerpts(old: Any, new: Any) -> Item:
    """An old and a new value as the log tells them."""
    start = _first_difference(old, new) if isinstance(old, str) and isinstance(new, str) else 0
    told = {"old": _excerpt(old, start), "new": _excerpt(new, start)}
    return {**told, "is_excerpt": told["old"] != old or told["new"] != new}


def _first_difference(old: str, new: str) -> int:
    """Where an excerpt of both begins."""
    common = next((i for i, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), 0)
    return max(0, (common or min(len(old), len(new))) - BEFORE_EXCERPT)


def _excerpt(value: Any, start: int) -> Any:
    if isinstance(value, str):
        if len(value) <= EXCERPT:
            return value
        return ("…" if start else "") + value[start : start + EXCERPT] + ("…" if start + EXCERPT < len(value) else "")
    return value if len(json.dumps(value)) <= LARGEST else None


def _record(content_type: ContentType[Any], row: Row[Any]) -> Item:
    before, after = _sides(row)
    return {
        "type": row.record_type,
        "id": row.record_id,
        "title": row.values.get(content_type.title_field),
        "verb": row.verb,
        "version": row.version,
        "number": row.number,
        "is_draft": row.version >= FIRST_DRAFT,
        "fields": {name: excerpts(before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))},
    }


def _sides(row: Row[Any]) -> tuple[Values, Values]:
    """The values before and after, of what changed."""
    if row.verb == "created":
        return {}, {name: value for name, value in row.values.items() if value not in (None, [], "")}
    if row.verb == "deleted":
        return {name: value for name, value in row.values.items() if value not in (None, [], "")}, {}
    return row.before, {name: row.values.get(name, value) for name, value in row.before.items()}


def _few_of_each(ids: Iterable[UUID], types: list[str]) -> Select[Any]:
    """The first revisions of some change-sets, with how many each has of types that the actor may edit."""
    of_change = Revision.change_set_id
    ranked = (
        select(
            Revision.id,
            func.row_number().over(partition_by=of_change, order_by=Revision.id).label("rank"),
            func.count().over(partition_by=of_change).label("record_count"),
        )
        .where(of_change.in_(list(ids)), Revision.record_type.in_(types), Revision.verb.not_in(QUIET))
        .subquery()
    )
    return (
        select(*Revision.__table__.columns, ranked.c.record_count)
        .join_from(Revision, ranked, ranked.c.id == Revision.id)
        .where(ranked.c.rank <= MOST_RECORDS)
        .order_by(Revision.id)
    )


def _undone_by(connection: Connection, ids: list[UUID]) -> dict[UUID, UUID]:
    """The newest change-set that reverses each."""
    later = aliased(ChangeSet)
    found = connection.execute(select(later.undoes_id, later.id).where(later.undoes_id.in_(ids)).order_by(later.id))
    return {undone: by for undone, by in found if undone is not None}


def _wanted(values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    conditions: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "actor": lambda value: ChangeSet.actor_id == value,
        "door": lambda value: ChangeSet.door == value,
        "since": lambda value: ChangeSet.occurred_at >= value,
        "until": lambda value: ChangeSet.occurred_at < value,
    }
    return [condition(values[name]) for name, condition in conditions.items() if name in values]


def _parameter(name: str, kind: Any, description: str) -> Parameter:
    return Parameter(name, scalar_parser(kind), json_schema(kind), description)
