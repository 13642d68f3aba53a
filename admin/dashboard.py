"""The first page: how much there is of what, what waits for somebody, and what was changed last."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from cms.crud.content_type import ContentType
from cms.crud.filters import Filter
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Actor
from cms.crud.query import Query
from cms.editorial.behaviours import Publishable, Status

RECENT = 6


class Count(NamedTuple):
    """How many records of a type there are; `parts` are those in each stage: value and number."""

    content_type: ContentType[Any]
    total: int
    parts: list[tuple[str, int]]


class Recent(NamedTuple):
    """A record that was changed lately."""

    content_type: ContentType[Any]
    item: Item
    title: str


class Board(NamedTuple):
    """What the first page shows."""

    counts: list[Count]
    recent: list[Recent]


def read_dashboard(connection: Connection, reader: Reader, types: Sequence[ContentType[Any]], actor: Actor) -> Board:
    """Counts and the latest changes of the types that the actor works on, as far as they may see them."""
    counts = [_count(connection, reader, content_type, actor) for content_type in types]
    recent = [item for content_type in types for item in _recent(connection, reader, content_type, actor)]
    recent.sort(key=lambda entry: entry.item["updated_at"], reverse=True)
    return Board(counts, recent[:RECENT])


def _count(connection: Connection, reader: Reader, content_type: ContentType[Any], actor: Actor) -> Count:
    stages: list[Status] = [Status.DRAFT, Status.SCHEDULED, Status.PUBLISHED]
    values: list[Any] = stages if issubclass(content_type.model, Publishable) else _waiting(content_type)
    parts = [(str(value), _total(connection, reader, content_type, actor, value)) for value in values]
    return Count(content_type, _total(connection, reader, content_type, actor), parts)


def _waiting(content_type: ContentType[Any]) -> list[Any]:
    """The first value of a status that people set: what nobody has decided about yet."""
    if "status" not in content_type.filter_fields or "status" not in content_type.write_fields:
        return []
    return list(content_type.fields["status"].python_type)[:1]


def _total(
    connection: Connection, reader: Reader, content_type: ContentType[Any], actor: Actor, status: Any = None
) -> int:
    filters = () if status is None else ((Filter("status", None, "eq"), status),)
    page = reader.page(connection, content_type, Query(("id",), filters=filters, limit=1), actor)
    return page.total or 0


def _recent(connection: Connection, reader: Reader, content_type: ContentType[Any], actor: Actor) -> list[Recent]:
    title = content_type.title_field
    query = Query(("id", title, "updated_at"), sort=(("updated_at", True),), limit=RECENT, total=False)
    page = reader.page(connection, content_type, query, actor)
    return [Recent(content_type, item, str(item[title] or "")) for item in page.items]
