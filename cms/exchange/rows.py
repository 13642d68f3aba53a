"""What the database holds of a type, as plain values to compare with files and to write into them.

A bounded number of statements for any number of records: one for the rows, one for each to-many relation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, select

from cms.crud.structure import FieldInfo, Shape
from cms.editorial.behaviours import Trashable
from cms.exchange.layout import CREATED_AT, Layout, Naming

T = TypeVar("T")
CHUNK = 1_000
"""Records that one statement asks for by name."""


@dataclass(slots=True)
class Row:
    """A record in the database.

    :param key: its natural key; the id where it has none.
    :param values: of the fields that files give; relations as ids.
    :param made: the fields whose values were derived, not chosen.
    """

    id: UUID
    key: str
    values: dict[str, Any]
    made: frozenset[str]
    created_at: datetime
    is_trashed: bool
    bytes: tuple[str, str] = ("", "")
    """Of a media file: its hash and its storage key."""


def rows_of(connection: Connection, layout: Layout, keys: Sequence[Any]) -> dict[str, Row]:
    """The records of these names, by name: ids where files are named by them, natural keys otherwise.

    One in the trash is found only where no other has its name.
    """
    if layout.naming is Naming.ONE:
        return {str(key): row for row in read_rows(connection, layout, None) for key in keys}
    column = _name_column(layout)
    by_name: dict[str, Row] = {}
    for where in _by_state(layout.content_type.model):
        for chunk in chunks([key for key in keys if str(key) not in by_name], CHUNK):
            for row in read_rows(connection, layout, and_(column.in_(chunk), *where)):
                by_name[str(row.id) if layout.naming is Naming.ID else row.key] = row
    return by_name


def _by_state(model: Any) -> list[list[ColumnElement[bool]]]:
    """Conditions under which names are unique, those that count most first; each has an index that knows it."""
    return [[model.trashed_at.is_(None)], [model.trashed_at.is_not(None)]] if issubclass(model, Trashable) else [[]]


def read_rows(connection: Connection, layout: Layout, where: ColumnElement[bool] | None) -> list[Row]:
    """The records for which a condition holds, with their to-many relations."""
    columns = _Columns(layout)
    statement = select(*columns.all)
    rows = connection.execute(statement if where is None else statement.where(where)).all()
    found = [columns.row(row) for row in rows]
    for info in layout.relations:
        if info.shape is Shape.TO_MANY and found:
            _attach(connection, layout, info, {row.id: row for row in found})
    return found


def is_same(info: FieldInfo, kept: Any, given: Any) -> bool:
    """Whether a value that the database holds and one that a file gives are the same."""
    if info.shape is Shape.TO_MANY:
        return kept == given if _has_order(info) else set(kept) == set(given)
    if isinstance(kept, str) and isinstance(given, str):
        return kept == given or with_plain_ends(kept) == with_plain_ends(given)
    return bool(kept == given)


def with_plain_ends(text: str) -> str:
    """A text with `\\n` at the end of its lines: forms send others, and files do not tell them apart."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def stored(info: FieldInfo, value: Any) -> Any:
    """A validated value as its column holds it, so that the two can be compared."""
    kind: Any = info.column.type if info.column is not None else None
    if value is None or info.is_relation or not hasattr(kind, "compare_values") or not hasattr(kind, "type_"):
        return value
    return kind.process_bind_param(value, None)


def chunks(items: Iterable[T], size: int) -> Iterable[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


class _Columns:
    """The columns that rows of a type are read by, and where each stands."""

    def __init__(self, layout: Layout) -> None:
        model: Any = layout.content_type.model
        self.all: list[Any] = [model.id, _key_column(layout), getattr(model, CREATED_AT)]
        self._values: list[tuple[str, int]] = []
        for name in layout.values:
            info = layout.content_type.fields[name]
            if info.shape is not Shape.TO_MANY:
                self._values.append((name, self._add(getattr(model, info.column.key))))  # type: ignore[union-attr]  # to-one relations have a key column
        self._trashed = self._add(model.trashed_at) if issubclass(model, Trashable) else None
        chosen = [name for name in layout.values if hasattr(model, f"has_own_{name}")]
        self._own = [(name, self._add(getattr(model, f"has_own_{name}"))) for name in chosen]
        bytes_ = (model.sha256, model.storage_key) if layout.naming is Naming.PATH else ()
        self._bytes = [self._add(column) for column in bytes_]

    def _add(self, column: Any) -> int:
        self.all.append(column)
        return len(self.all) - 1

    def row(self, row: Sequence[Any]) -> Row:
        """A result as a record."""
        return Row(
            row[0],
            str(row[1]),
            {name: row[index] for name, index in self._values},
            frozenset(name for name, index in self._own if not row[index]),
            row[2],
            self._trashed is not None and row[self._trashed] is not None,
            *([(row[self._bytes[0]], row[self._bytes[1]])] if self._bytes else []),
        )


def _key_column(layout: Layout) -> Any:
    return getattr(layout.content_type.model, layout.content_type.key_field or "id")


def _name_column(layout: Layout) -> Any:
    model: Any = layout.content_type.model
    return model.id if layout.naming is Naming.ID else _key_column(layout)


def _attach(connection: Connection, layout: Layout, info: FieldInfo, by_id: dict[UUID, Row]) -> None:
    """Put the ids of related records into the rows: in the relation's order, or in the order of their keys."""
    model: Any = layout.content_type.model
    target: Any = info.python_type
    order = list(info.relation.order_by or ()) if info.relation is not None else []
    order = order or [getattr(target, target.__natural_key__ or "id")]
    for row in by_id.values():
        row.values[info.name] = []
    statement = select(model.id, target.id).join(getattr(model, info.name)).order_by(*order)
    for chunk in chunks(by_id, CHUNK):
        for owner, related in connection.execute(statement.where(model.id.in_(chunk))):
            by_id[owner].values[info.name].append(related)


def _has_order(info: FieldInfo) -> bool:
    return info.relation is not None and bool(info.relation.order_by)
