"""The tables of a read plan: a type's own columns, the to-one relations joined to them, the to-many ones beside.

Each table carries the visibility predicate of its own content type, wherever it enters.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased, join, outerjoin

from cms.crud.conditions import SortKey, excludes_null, visible
from cms.crud.content_type import ContentType
from cms.crud.cursor import Sort
from cms.crud.nesting import nested_rows
from cms.crud.policy import Role
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.crud.uuids import readable

Item = dict[str, Any]
MAX_INCLUDED = 100
"""The most records that `include` adds to each record, in their usual order."""


class Node:
    """The columns of a content type in a plan: its own, those of joined to-one relations, and nodes of to-many ones.

    :param nests: whether related rows come inside each row, which spares PostgreSQL a statement and a transaction;
        otherwise they come from a statement of their own for all rows, which SQLite likes better.
    """

    def __init__(
        self,
        content_type: ContentType[Any],
        fields: tuple[str, ...],
        role: Role,
        registry: Registry,
        included: frozenset[str] = frozenset(),
        *,
        nests: bool,
    ) -> None:
        self.content_type = content_type
        self._nests = nests
        self.table: Any = aliased(content_type.model)
        self.columns: list[Any] = []
        self._places: dict[str, int] = {}
        self.place("id")
        self.joins: list[tuple[Any, Any]] = []
        self.children: list[tuple[str, Children]] = []
        self._members: list[tuple[str, int, tuple[str, ...] | None]] = []
        for name in fields:
            self._add(content_type.fields[name], role, registry, is_included=name in included)

    def place(self, name: str) -> int:
        """Where a field of this type stands in each row; it is added if it is not there yet."""
        if name not in self._places:
            self._places[name] = len(self.columns)
            self.columns.append(readable(getattr(self.table, name)))
        return self._places[name]

    def _add(self, info: FieldInfo, role: Role, registry: Registry, *, is_included: bool) -> None:
        if info.shape is Shape.TO_MANY:
            target = registry.target_of(info)
            names = target.short_fields if is_included else target.reference_fields
            node = Node(target, names, role, registry, nests=self._nests)
            self.children.append((info.name, Children(info, node, role, is_included)))
            self._members.append((info.name, -1, None))
        elif info.shape is Shape.TO_ONE:
            self._join(info, role, registry.target_of(info))
        else:
            self._members.append((info.name, self.place(info.name), None))

    def _join(self, info: FieldInfo, role: Role, target: ContentType[Any]) -> None:
        other = aliased(target.model)
        link = getattr(self.table, info.column.key)  # type: ignore[union-attr]  # a to-one relation has its key column
        self.joins.append((other, and_(link == other.id, *visible(target, other, role))))
        names = ("id", *(name for name in target.reference_fields if name != "id"))
        self._members.append((info.name, len(self.columns), names))
        self.columns.extend(readable(getattr(other, name)) for name in names)

    def select(self, *further: Any, through: tuple[Any, Any] | None = None) -> Select[Any]:
        """The statement of this node's rows, without conditions.

        :param through: an association table to join, and on what.
        """
        nested = [children.inside(self.table) for _, children in self.children] if self._nests else []
        source = self.table
        for other, on in self.joins:
            source = outerjoin(source, other, on)
        if through is not None:
            source = join(source, *through)
        return select(*self.columns, *nested, *further).select_from(source)

    def items(self, connection: Connection, rows: Sequence[Row[Any]], values: Mapping[str, Any]) -> list[Item]:
        """This node's rows as records."""
        items = [self.item(row) for row in rows]
        if rows and self.children and not self._nests:
            by_id: dict[UUID, list[Item]] = {}
            for row, item in zip(rows, items, strict=True):
                by_id.setdefault(row[0], []).append(item)  # related to several owners, a record comes several times
            for name, children in self.children:
                children.attach(connection, name, by_id, values)
        return items

    def item(self, row: Sequence[Any]) -> Item:
        """One row as a record; relations that do not come in the row are empty lists."""
        item: Item = {}
        for name, start, names in self._members:
            if names is not None:
                item[name] = (
                    None if row[start] is None else dict(zip(names, row[start : start + len(names)], strict=True))
                )
            else:
                item[name] = [] if start < 0 else row[start]
        if self._nests:
            for place, (name, children) in enumerate(self.children, len(self.columns)):
                item[name] = [children.node.item(related) for related in row[place]]
        return item


class Children:
    """The related records of a to-many relation: inside each row, or for all rows of a page in one statement."""

    def __init__(self, info: FieldInfo, node: Node, role: Role, is_included: bool) -> None:
        self.node = node
        self._is_included = is_included
        self._owner, linked = _linked(info, node)
        self._linked = linked.where(*visible(node.content_type, node.table, role))
        self._order = [key.ordered() for key in _child_order(node, is_included)]
        of_owners = self._linked.where(self._owner.in_(bindparam("owner_ids", expanding=True)))
        self._statement = (
            _limited(of_owners, self._owner, self._order) if is_included else of_owners.order_by(*self._order)
        )

    def inside(self, table: Any) -> ColumnElement[Any]:
        """The related rows as one value of a row of `table`; PostgreSQL alone knows arrays of rows."""
        statement = self._linked.where(self._owner == table.id).order_by(*self._order)
        if self._is_included:
            statement = statement.limit(MAX_INCLUDED)
        return nested_rows(statement.correlate(table))

    def attach(
        self, connection: Connection, name: str, by_id: Mapping[UUID, list[Item]], values: Mapping[str, Any]
    ) -> None:
        """Load the related records and put each into its owners' lists."""
        rows = connection.execute(self._statement, {**values, "owner_ids": list(by_id)}).all()
        index = len(self.node.columns)
        for row, item in zip(rows, self.node.items(connection, rows, values), strict=True):
            for owner in by_id[row[index]]:
                owner[name].append(item)


def default_sort(content_type: ContentType[Any]) -> Sort:
    """The usual order of a type: its first sort field."""
    first = content_type.sort_fields[0]
    return ((first.lstrip("-"), first.startswith("-")),)


def sort_keys(
    content_type: ContentType[Any],
    table: Any,
    sort: Sort,
    where: Sequence[ColumnElement[bool]] = (),
    *,
    backwards: bool = False,
) -> list[SortKey]:
    """The columns of an order, with the id last so that ties have one.

    :param where: the conditions that the ordered rows meet.
    """
    keys = []
    for name, descending in sort:
        column, is_nullable = getattr(table, name), content_type.fields[name].nullable
        has_nulls = is_nullable and not excludes_null(where, column)
        keys.append(SortKey(column, descending != backwards, is_nullable, has_nulls))
    last = sort[-1][1] if sort else False
    return [*keys, SortKey(table.id, last != backwards, is_nullable=False, has_nulls=False)]


def _child_order(node: Node, is_included: bool) -> list[SortKey]:
    if is_included:
        return sort_keys(node.content_type, node.table, default_sort(node.content_type))
    return sort_keys(node.content_type, node.table, ((node.content_type.title_field, False),))


def _linked(info: FieldInfo, node: Node) -> tuple[Any, Select[Any]]:
    """The column that holds the owner's id, and the statement of the related rows with that column added."""
    relation = info.relation
    assert relation is not None  # noqa: S101 - a to-many field is a relation
    ((_, owner),) = relation.synchronize_pairs
    if relation.secondary is None:
        column = getattr(node.table, str(owner.key))
        return column, node.select(readable(column))
    ((_, member),) = relation.secondary_synchronize_pairs or ()
    return owner, node.select(readable(owner), through=(relation.secondary, member == node.table.id))


def _limited(statement: Select[Any], owner: Any, order: list[Any]) -> Select[Any]:
    """At most so many rows for each owner, in order."""
    rank = func.row_number().over(partition_by=owner, order_by=order)
    # Every column by a name of its own, since those of joined tables have the same.
    named = [column.label(f"column_{place}") for place, column in enumerate(statement.selected_columns)]
    numbered = statement.with_only_columns(*named, rank.label("rank")).subquery()
    *columns, position = numbered.columns
    return select(*columns).where(position <= MAX_INCLUDED).order_by(position)
