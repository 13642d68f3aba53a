"""The read plan: how a query becomes SQL, and rows become records. There is no other way to read for the public.

A plan is compiled once per shape of query and role, then run with values. It is one statement for the rows with
their to-one relations joined and their count, and one for each to-many relation; each table in it carries the
visibility predicate of its own content type. Nothing here knows an entity: rows go straight to answers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, or_, select

from cms.crud.conditions import Scope, SortKey, bind, bind_words, condition, matches_words, seek, visible
from cms.crud.content_type import ContentType
from cms.crud.cursor import Cursors, Position, Sort
from cms.crud.fields import parse_time
from cms.crud.filters import Filter
from cms.crud.nodes import Item, Node, default_sort, sort_keys
from cms.crud.policy import Actor, Role
from cms.crud.problems import BadQuery, FieldError
from cms.crud.query import Query
from cms.crud.registry import Registry
from cms.crud.values import is_uuid

PLANS = 1024
"""How many compiled plans are kept; far more shapes than a front end asks for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, as answered."""

    items: list[Item]
    total: int | None
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class PlanShape:
    """All that decides a plan's SQL: everything of a query but its values.

    :param key: the column that picks a single record; None for lists.
    :param nulls: for a page that starts at a cursor, which of its values are null.
    :param looks_aside: whether rows that are set aside, as in a trash, are asked for: beside the others, and of the
        listed type alone.
    :param nests: whether related rows come inside of rows.
    :param counts_up_to_a_bound: whether counting ends where a bound is passed, so that it costs the same however many.
    :param is_restricted: False for the answer to a write, which shows its author the very record.
    """

    name: str
    role: Role
    fields: tuple[str, ...]
    include: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    words: int = 0
    sort: Sort = ()
    nulls: tuple[bool, ...] | None = None
    backwards: bool = False
    counts: bool = False
    counts_up_to_a_bound: bool = False
    key: str | None = None
    is_restricted: bool = True
    looks_aside: bool = False
    nests: bool = False


class Reader:
    """Answers queries over a registry.

    :param registry: the content types.
    :param cursors: makes and reads the cursors of pages.
    """

    def __init__(self, registry: Registry, cursors: Cursors) -> None:
        self.registry = registry
        self.cursors = cursors
        self._plan: Callable[[PlanShape], Plan] = lru_cache(PLANS)(lambda shape: Plan(shape, registry))

    def page(self, connection: Connection, content_type: ContentType[Any], query: Query, actor: Actor) -> Page:
        """One page of the records that the actor may see.

        :raises BadQuery: for a cursor that does not fit.
        """
        position = self._position(content_type, query)
        sort = position.sort if position else query.sort or default_sort(content_type)
        plan = self._plan(
            PlanShape(
                content_type.name,
                actor.role,
                query.fields or content_type.short_fields,
                query.include,
                tuple(spec for spec, _ in query.filters),
                len(query.words),
                sort,
                tuple(value is None for value in position.values) if position else None,
                position.backwards if position else False,
                query.total,
                query.total and query.count_up_to is not None,
                looks_aside=content_type.policy.looks_aside(query.filters),
                nests=_nests(connection),
            )
        )
        values = _values(query, actor, position, content_type, sort)
        rows = plan.rows(connection, values)
        total = _known_total(query, rows) if plan.shape.counts_up_to_a_bound else None
        if query.total and total is None:
            total = plan.total(connection, rows, values)
        kept = rows[: query.limit]
        if plan.shape.backwards:
            kept = kept[::-1]
        items = plan.items(connection, kept, values)
        return Page(items, total, *self._cursors_of(plan, query, rows, kept))

    def one(  # noqa: PLR0913 - a record by its key, and the three ways to shape the answer
        self,
        connection: Connection,
        content_type: ContentType[Any],
        key: str | UUID,
        actor: Actor,
        *,
        fields: tuple[str, ...] | None = None,
        include: tuple[str, ...] = (),
        is_restricted: bool = True,
    ) -> tuple[Item, int] | None:
        """One record with its version, by id or natural key; None if there is none that the actor may see."""
        by_id = isinstance(key, UUID) or is_uuid(key)
        column = "id" if by_id else content_type.key_field
        if column is None:
            return None
        plan = self._plan(
            PlanShape(
                content_type.name,
                actor.role,
                fields or content_type.read_fields,
                include,
                sort=(("version", False),),
                key=column,
                is_restricted=is_restricted,
                nests=_nests(connection),
            )
        )
        values = {"actor_id": actor.id, "key": UUID(str(key)) if by_id else key}
        rows = plan.rows(connection, values)
        if not rows:
            return None
        (item,) = plan.items(connection, rows, values)
        version, _ = plan.edge(rows[0])
        return item, version

    def _position(self, content_type: ContentType[Any], query: Query) -> Position | None:
        if query.cursor is None:
            return None
        position = self.cursors.decode(content_type.name, query.cursor)
        is_known = {name for name, _ in position.sort} <= set(content_type.sort_names)
        if not is_known or query.sort not in {None, position.sort}:
            error = FieldError("This cursor belongs to another order; leave it out or keep “sort”.", parameter="cursor")
            raise BadQuery(error.detail, errors=[error])
        return position

    def _cursors_of(
        self, plan: "Plan", query: Query, rows: Sequence[Row[Any]], kept: Sequence[Row[Any]]
    ) -> tuple[str | None, str | None]:
        """The cursors of the pages after and before this one; None where there is nothing more."""
        if not kept:
            return None, None
        shape, has_more = plan.shape, len(rows) > query.limit
        starts_inside = shape.nulls is not None or query.skip > 0
        has_next = shape.backwards or has_more
        has_previous = has_more if shape.backwards else starts_inside

        def cursor(row: Row[Any], *, backwards: bool) -> str:
            return self.cursors.encode(shape.name, shape.sort, plan.edge(row), backwards=backwards)

        return (
            cursor(kept[-1], backwards=False) if has_next else None,
            cursor(kept[0], backwards=True) if has_previous else None,
        )


class Plan:
    """The statements of one shape of query, and how their rows become records."""

    def __init__(self, shape: PlanShape, registry: Registry) -> None:
        self.shape = shape
        content_type = registry.by_name(shape.name)
        names = tuple(dict.fromkeys((*shape.fields, *shape.include)))
        root = Node(content_type, names, shape.role, registry, frozenset(shape.include), nests=shape.nests)
        scope = Scope(content_type, root.table, shape.role, registry)
        where = _restrictions(content_type, root.table, shape)
        where += [condition(scope, spec, f"filter_{i}") for i, spec in enumerate(shape.filters)]
        where += matches_words(root.table, shape.words)
        keys = sort_keys(content_type, root.table, shape.sort, where, backwards=shape.backwards)
        self._root = root
        self._edge = [root.place(name) for name, _ in shape.sort] + [root.place("id")]
        self._count = _counting(root.table, where, is_bound=shape.counts_up_to_a_bound)
        self._rows = _ordered(root, shape, keys, where)
        if shape.counts and not shape.counts_up_to_a_bound:
            self._rows = self._rows.add_columns(self._count.correlate(None).scalar_subquery())

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """The rows of a page, and one more where there is one."""
        return connection.execute(self._rows, values).all()

    def total(self, connection: Connection, rows: Sequence[Row[Any]], values: Mapping[str, Any]) -> int:
        """How many records match in all: each row says so too, which spares a statement where there is one."""
        is_told = rows and not self.shape.counts_up_to_a_bound
        return int(rows[0][-1] if is_told else connection.execute(self._count, values).scalar_one())

    def items(self, connection: Connection, rows: Sequence[Row[Any]], values: Mapping[str, Any]) -> list[Item]:
        """Rows as records, their to-many relations loaded."""
        return self._root.items(connection, rows, values)

    def edge(self, row: Row[Any]) -> Sequence[Any]:
        """A row's values of the sort fields, and its id."""
        return tuple(row[place] for place in self._edge)


def _restrictions(content_type: ContentType[Any], table: Any, shape: PlanShape) -> list[ColumnElement[bool]]:
    if not shape.is_restricted:
        return []
    shown = visible(content_type, table, shape.role)
    aside = content_type.policy.aside(table, shape.role) if shape.looks_aside else None
    return list(shown) if aside is None or not shown else [or_(and_(*shown), aside)]


def _known_total(query: Query, rows: Sequence[Row[Any]]) -> int | None:
    """The total where the last page tells it, so that a search that finds little is not done twice."""
    is_last = query.cursor is None and len(rows) <= query.limit and (len(rows) > 0 or query.skip == 0)
    return query.skip + len(rows) if is_last else None


def _counting(table: Any, where: Sequence[ColumnElement[bool]], *, is_bound: bool) -> Select[Any]:
    """How many rows there are; where there is a bound, one more than it stands for any number above."""
    if not is_bound:
        return select(func.count()).select_from(table).where(*where)
    found = select(table.id).where(*where).limit(bindparam("count_rows")).subquery()
    return select(func.count()).select_from(found)


def _nests(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _ordered(root: Node, shape: PlanShape, keys: list[SortKey], where: list[Any]) -> Select[Any]:
    if shape.key is not None:
        return root.select().where(*where, getattr(root.table, shape.key) == bindparam("key"))
    if shape.nulls is not None:
        # In front: of two bounds of one column SQLite lets the first decide where in the index it starts.
        where = [seek(keys, shape.nulls), *where]
    ordered = root.select().where(*where).order_by(*(key.ordered() for key in keys)).limit(bindparam("limit_rows"))
    return ordered if shape.nulls is not None else ordered.offset(bindparam("skip_rows"))


def _values(
    query: Query, actor: Actor, position: Position | None, content_type: ContentType[Any], sort: Sort
) -> dict[str, Any]:
    values: dict[str, Any] = {"actor_id": actor.id, "limit_rows": query.limit + 1}
    for i, (spec, value) in enumerate(query.filters):
        values |= bind(spec, value, f"filter_{i}")
    values |= bind_words(query.words)
    if query.count_up_to is not None:
        values["count_rows"] = query.count_up_to + 1
    if position is None:
        return {**values, "skip_rows": query.skip}
    types = [content_type.fields[name].python_type for name, _ in sort] + [UUID]
    pairs = enumerate(zip(types, position.values, strict=True))
    return {
        **values,
        **{f"seek_{i}": _revived(kind, value) for i, (kind, value) in pairs if value is not None},
    }


def _revived(python_type: Any, value: Any) -> Any:
    """A cursor's JSON value as the column's type."""
    if python_type is UUID:
        return UUID(value)
    if getattr(python_type, "__name__", "") == "datetime":
        return parse_time(value)
    return value
