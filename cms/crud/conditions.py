"""Filters, search and cursors as SQL predicates; every related table enters with its visibility.

A condition through a relation is a subquery over the related rows that the role may see, so a hidden row can't be
told by filtering, whatever the operator.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, and_, bindparam, false, func, not_, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import BooleanClauseList
from sqlalchemy.sql.operators import and_ as and_operator

from cms.crud.content_type import ContentType
from cms.crud.filters import Filter
from cms.crud.policy import Role
from cms.crud.registry import Registry
from cms.crud.search import like_pattern, lowered
from cms.crud.structure import FieldInfo, Shape
from cms.crud.values import is_uuid

_NEGATIONS = {"ne": "eq", "nin": "in"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a condition stands.

    :param content_type: the type of the rows.
    :param table: the alias that holds them.
    :param role: whose visibility applies to related rows.
    """

    content_type: ContentType[Any]
    table: Any
    role: Role
    registry: Registry

    def column(self, name: str) -> Any:
        """A column or computed value of the rows."""
        return getattr(self.table, name)


def visible(content_type: ContentType[Any], table: Any, role: Role) -> tuple[ColumnElement[bool], ...]:
    """The visibility predicate of a table, as zero or one conditions for `where`."""
    predicate = content_type.policy.visible(table, role)
    return () if predicate is None else (predicate,)


def condition(scope: Scope, spec: Filter, name: str) -> ColumnElement[bool]:
    """A filter as a predicate over `scope.table`, with its value bound as `name`."""
    info = scope.content_type.fields[spec.name]
    if not info.is_relation:
        return _compare(scope.column(spec.name), spec.operator, name)
    positive = _NEGATIONS.get(spec.operator)
    if positive is not None:
        return not_(_related(scope, info, Filter(spec.name, spec.sub, positive), name))
    if spec.operator == "isnull":
        return _is(_related(scope, info, None, name), name)
    return _related(scope, info, spec, name)


def bind(spec: Filter, value: Any, name: str) -> dict[str, Any]:
    """The parameters that `condition` left open, for a value of the filter."""
    if spec.operator in {"contains", "icontains", "startswith", "endswith"}:
        return {name: _pattern(spec.operator, value)}
    if spec.sub == "key" and spec.operator != "isnull":
        values = value if isinstance(value, tuple) else (value,)
        ids = [v if isinstance(v, UUID) else UUID(v) for v in values if isinstance(v, UUID) or is_uuid(v)]
        keys = [v for v in values if not isinstance(v, UUID)]
        return {f"{name}_ids": ids, f"{name}_keys": keys, f"{name}_count": len(values)}
    if spec.operator == "all":
        return {name: list(value), f"{name}_count": len(value)}
    return {name: list(value) if isinstance(value, tuple) else value}


def matches_words(table: Any, count: int) -> list[ColumnElement[bool]]:
    """That each of `count` words, bound as `word_0` …, occurs in the row's search text."""
    return [table.search_text.like(bindparam(f"word_{i}"), escape="\\") for i in range(count)]


def bind_words(words: Sequence[str]) -> dict[str, str]:
    """The parameters that `matches_words` left open."""
    return {f"word_{i}": like_pattern(word) for i, word in enumerate(words)}


@dataclass(frozen=True, slots=True)
class SortKey:
    """One column of an order; nulls count as smaller than any value, on every database.

    :param is_nullable: whether the column may be null.
    :param has_nulls: whether it may be in the rows that are ordered; an index serves a cursor where it may not.
    """

    column: Any
    is_descending: bool
    is_nullable: bool
    has_nulls: bool

    def ordered(self) -> ColumnElement[Any]:
        """The term of ORDER BY."""
        if not self.is_nullable:
            return self.column.desc() if self.is_descending else self.column.asc()  # type: ignore[no-any-return]  # columns of aliases are untyped
        if self.is_descending:
            return self.column.desc().nulls_last()  # type: ignore[no-any-return]  # as above
        return self.column.asc().nulls_first()  # type: ignore[no-any-return]  # as above

    def beyond(self, value: ColumnElement[Any] | None) -> ColumnElement[bool]:
        """That a row comes after `value` in this column; None stands for null."""
        if value is None:
            return false() if self.is_descending else self.column.is_not(None)
        if not self.is_descending:
            return self.column > value  # type: ignore[no-any-return]  # as above
        after = self.column < value
        return or_(after, self.column.is_(None)) if self.has_nulls else after


def excludes_null(where: Iterable[ColumnElement[bool]], column: ColumnElement[Any]) -> bool:
    """Whether one of the conditions says outright that the column is not null."""
    return any(
        excludes_null(condition.clauses, column)
        if isinstance(condition, BooleanClauseList) and condition.operator is and_operator
        else condition.compare(column.is_not(None))
        for condition in where
    )


def seek(keys: Sequence[SortKey], nulls: Sequence[bool]) -> ColumnElement[bool]:
    """That a row comes after the position whose values are bound as `seek_0` …

    :param nulls: which of those values are null; null can't be compared, so it shapes the predicate.
    """
    values = [
        None if null else bindparam(f"seek_{i}", type_=k.column.type)
        for i, (k, null) in enumerate(zip(keys, nulls, strict=True))
    ]
    steps = []
    for i, key in enumerate(keys):
        equal = [k.column.is_(None) if v is None else k.column == v for k, v in zip(keys[:i], values[:i], strict=True)]
        steps.append(and_(*equal, key.beyond(values[i])))
    bound = _leading_bound(keys[0], values[0])
    return or_(*steps) if bound is None else and_(bound, or_(*steps))


def _leading_bound(key: SortKey, value: ColumnElement[Any] | None) -> ColumnElement[bool] | None:
    """What the steps imply for the first column, said so that an index on it is used to start right there."""
    if value is None or (key.has_nulls and key.is_descending):
        return None
    return key.column <= value if key.is_descending else key.column >= value  # type: ignore[no-any-return]  # as above


def _is(predicate: ColumnElement[bool], name: str) -> ColumnElement[bool]:
    """That a predicate's negation has the bound truth value: `isnull=true` means that there is none."""
    wanted: ColumnElement[bool] = bindparam(name, type_=Boolean())
    return or_(and_(wanted, not_(predicate)), and_(not_(wanted), predicate))


def _compare(column: Any, operator: str, name: str) -> ColumnElement[bool]:
    if operator in {"in", "nin"}:
        among = column.in_(bindparam(name, expanding=True))
        return among if operator == "in" else or_(column.is_(None), not_(among))
    if operator == "isnull":
        return _is(column.is_not(None), name)
    value = bindparam(name, type_=column.type)
    if operator == "icontains":
        return lowered(column).like(bindparam(name), escape="\\")
    comparisons: dict[str, Callable[[], ColumnElement[bool]]] = {
        "eq": lambda: column == value,
        "ne": lambda: or_(column.is_(None), column != value),
        "lt": lambda: column < value,
        "lte": lambda: column <= value,
        "gt": lambda: column > value,
        "gte": lambda: column >= value,
    }
    return comparisons[operator]() if operator in comparisons else column.like(bindparam(name), escape="\\")


def _pattern(operator: str, text: str) -> str:
    if operator == "startswith":
        return like_pattern(text, before="")
    if operator == "endswith":
        return like_pattern(text, after="")
    return like_pattern(text.lower() if operator == "icontains" else text)


def _related(scope: Scope, info: FieldInfo, spec: Filter | None, name: str) -> ColumnElement[bool]:
    """That a row has a visible related record (that meets the filter)."""
    target = scope.registry.target_of(info)
    other = aliased(target.model)
    allowed = visible(target, other, scope.role)
    matched = () if spec is None else (_target_matches(target, other, spec, name),)
    if info.shape is Shape.TO_ONE:
        link = scope.column(info.column.key)  # type: ignore[union-attr]  # a to-one relation has its key column
        chosen = select(other.id).where(*allowed, *matched)
        return and_(link.is_not(None), link.in_(chosen))
    linked = _linked_ids(info, other).where(*allowed, *matched)
    if spec is not None and spec.operator == "all":
        (owner,) = linked.selected_columns
        told_apart_by = other.id if spec.sub == "key" else getattr(other, str(spec.sub))
        linked = linked.group_by(owner).having(func.count(told_apart_by.distinct()) >= bindparam(f"{name}_count"))
    return scope.table.id.in_(linked)  # type: ignore[no-any-return]  # as above


def _target_matches(target: ContentType[Any], other: Any, spec: Filter, name: str) -> ColumnElement[bool]:
    operator = "in" if spec.operator == "all" else spec.operator
    if spec.sub != "key":
        return _compare(getattr(other, str(spec.sub)), operator, name)
    by_id = other.id.in_(bindparam(f"{name}_ids", expanding=True))
    if target.key_field is None or target.key_field not in target.reference_fields:
        return by_id  # type: ignore[no-any-return]  # as above
    by_key = getattr(other, target.key_field).in_(bindparam(f"{name}_keys", expanding=True))
    return or_(by_id, by_key)


def _linked_ids(info: FieldInfo, other: Any) -> Select[Any]:
    """The ids of the rows that a to-many relation links to `other`."""
    relation = info.relation
    assert relation is not None  # noqa: S101 - a to-many field is a relation
    ((_, owner),) = relation.synchronize_pairs
    if relation.secondary is None:
        return select(getattr(other, str(owner.key)))
    ((_, member),) = relation.secondary_synchronize_pairs or ()
    return select(owner).join_from(relation.secondary, other, member == other.id)
