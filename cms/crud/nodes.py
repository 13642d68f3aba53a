"""The tables of a read plan: a type's own columns, the to-one relations joined to them, the to-many ones beside.

Each table carries the visibility predicate of its own content type, wherever it enters.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from cms.crud.conditions import SortKey, excludes_null, visible
from cms.crud.content_type import ContentType
from cms.crud.cursor import Sort
from cms.crud.policy import Role
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.crud.uuids import readable

Item = dict[str, Any]
MAX_INCLUDED = 100
"""The most records that `include` adds to each record, in their usual order."""


class Node:
    """The columns of a content type in a plan: its own, those of joined to-one relations, and nodes of to-many ones."""

    def __init__(
        self,
        content_type: ContentType[Any],
        fields: tuple[str, ...],
        role: Role,
        registry: Registry,
        included: frozenset[str] = frozenset(),
    ) -> None:
        self.content_type = content_type
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
            self.children.append((info.name, Children(info, Node(target, names, role, registry), role, is_included)))
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

    def select(self, *further: Any) -> Select[Any]:
        """The statement of this node's rows, without conditions."""
        statement = select(*self.columns, *further).select_from(self.table)
        for other, on in self.joins:
            statement = statement.outerjoin(other, on)
        return statement

    def items(self, connection: Connection, rows: Sequence[Row[Any]], values: Mapping[str, Any]) -> list[Item]:
        """This node's rows as records."""
        items = [self._item(row) for row in rows]
        if rows and self.children:
            by_id = {row[0]: item for row, item in zip(rows, items, strict=True)}
            for name, children in self.children:
                children.attach(connection, name, by_id, values)
        return items

    def _item(self, row: Row[Any]) -> Item:
        item: Item = {}
        for name, start, names in self._members:
            if names is not None:
                item[name] = (
                    None if row[start] is None else dict(zip(names, row[start : start + len(names)], strict=True))
                )
            else:
                item[name] = [] if start < 0 else row[start]
        return item


class Children:
    """The related records of a to-many relation, for all records of a page in one statement."""

    def __init__(self, info: FieldInfo, node: Node, role: Role, is_included: bool) -> None:
        self._node = node
        owner, statement = _linked(info, node)
        statement = statement.where(
            owner.in_(bindparam("owner_ids", expanding=True)), *visible(node.content_type, node.table, role)
        )
        order = [key.ordered() for key in _child_order(node, is_included)]
        self._statement = _limited(statement, owner, order) if is_included else statement.order_by(*order)

    def attach(self, connection: Connection, name: str, by_id: Mapping[UUID, Item], values: Mapping[str, Any]) -> None:
        """Load the related records and put each into its owner's list."""
        rows = connection.execute(self._statement, {**values, "owner_ids": list(by_id)}).all()
        index = len(self._node.columns)
        for row, item in zip(rows, self._node.items(connection, rows, values), strict=True):
            by_id[row[index]][name].append(item)


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
    return owner, node.select(readable(owner)).join(relation.secondary, member == node.table.id)


def _limited(statement: Select[Any], owner: Any, order: list[Any]) -> Select[Any]:
    """At most so many rows for each owner, in order."""
    rank = func.row_number().over(partition_by=owner, order_by=order)
    numbered = statement.add_columns(rank.label("rank")).subquery()
    *columns, position = numbered.columns
    return select(*columns).where(position <= MAX_INCLUDED).order_by(position)
