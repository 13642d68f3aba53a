"""Filters, derived from the declaration: a parameter for each field and operator, typed and described."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cms.crud.content_type import ContentType
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape, is_scalar
from cms.crud.values import (
    MAX_SEARCH,
    MAX_VALUES,
    TEXT_PATTERN,
    boolean,
    json_schema,
    list_of,
    scalar_parser,
    short_text,
)

_COMPARISONS = ("lt", "lte", "gt", "gte")
_SETS = ("in", "nin")
_TEXTS = ("contains", "icontains", "startswith", "endswith")


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition without its value: which field (of which relation), compared how.

    :param sub: the field of the related record; `key` for its id or natural key; None where `name` is no relation.
    """

    name: str
    sub: str | None
    operator: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter.

    :param parse: the text of the value to its typed value; raises ValueError with a sentence.
    :param schema: its JSON Schema.
    :param filter: the condition that it is, for filters.
    :param example: a value, as its schema has it.
    :param is_list: whether commas separate values.
    """

    name: str
    parse: Callable[[str], Any]
    schema: Mapping[str, Any]
    description: str
    filter: Filter | None = None
    example: Any = None
    is_list: bool = field(default=False)

    def document(self) -> dict[str, Any]:
        """The parameter as an OpenAPI parameter object."""
        members: dict[str, Any] = {
            "name": self.name,
            "in": "query",
            "required": False,
            "description": self.description,
            "schema": dict(self.schema),
        }
        if self.is_list:
            members |= {"style": "form", "explode": False}
        if self.example is not None:
            members["example"] = self.example
        return members


def filters_of(info: FieldInfo, registry: Registry) -> Iterable[Parameter]:
    """The filters by a field: its operators, or those of a relation and of the short form it leads to."""
    if not info.is_relation:
        yield from _operators(info, info.name, None)
        return
    target = registry.target_of(info)
    yield from _relation_operators(info, target)
    for name in target.reference_fields:
        sub = target.fields[name]
        if is_scalar(sub.python_type) and sub.is_indexed:
            yield from _operators(sub, f"{info.name}__{name}", Filter(info.name, name, "eq"))
            if info.shape is Shape.TO_MANY:
                yield _filter_list(f"{info.name}__{name}__all", Filter(info.name, name, "all"), sub.python_type)


def _relation_operators(info: FieldInfo, target: ContentType[Any]) -> Iterable[Parameter]:
    by_key = target.key_field is not None and target.key_field in target.reference_fields
    python_type: type[Any] = str if by_key else UUID
    yield Parameter(
        info.name,
        scalar_parser(python_type),
        json_schema(python_type),
        f"{target.label}, by id{' or ' + str(target.key_field) if by_key else ''}.",
        Filter(info.name, "key", "eq"),
    )
    yield Parameter(
        f"{info.name}__ne",
        scalar_parser(python_type),
        json_schema(python_type),
        f"Not that {target.label.lower()}.",
        Filter(info.name, "key", "ne"),
    )
    sets = (*_SETS, "all") if info.shape is Shape.TO_MANY else _SETS
    for operator in sets:
        yield _filter_list(f"{info.name}__{operator}", Filter(info.name, "key", operator), python_type)
    yield _filter_null(info.name, Filter(info.name, "key", "isnull"))


def _operators(info: FieldInfo, prefix: str, through: Filter | None) -> Iterable[Parameter]:
    name, sub = (through.name, info.name) if through else (info.name, None)
    python_type = info.python_type
    schema = json_schema(python_type)
    described = {
        "eq": "Equal to.",
        "ne": "Anything but.",
        "lt": "Before.",
        "lte": "Up to.",
        "gt": "After.",
        "gte": "From.",
    }
    for operator in ("eq", "ne", *(_COMPARISONS if _is_ordered(python_type) else ())):
        suffix = "" if operator == "eq" else f"__{operator}"
        spec = Filter(name, sub, operator)
        yield Parameter(f"{prefix}{suffix}", scalar_parser(python_type), schema, described[operator], spec)
    if python_type is not bool:
        for operator in _SETS:
            yield _filter_list(f"{prefix}__{operator}", Filter(name, sub, operator), python_type)
    if python_type is str:
        for operator in _TEXTS:
            description = {"icontains": "Contains, in any case."}.get(
                operator, f"Text that {operator.rstrip('s')}s this."
            )
            schema_ = {"type": "string", "maxLength": MAX_SEARCH, "pattern": TEXT_PATTERN}
            yield Parameter(f"{prefix}__{operator}", short_text, schema_, description, Filter(name, sub, operator))
    if info.nullable:
        yield _filter_null(prefix, Filter(name, sub, "isnull"))


def _filter_null(prefix: str, spec: Filter) -> Parameter:
    return Parameter(f"{prefix}__isnull", boolean, {"type": "boolean"}, "Whether there is none.", spec)


def _filter_list(name: str, spec: Filter, python_type: type[Any]) -> Parameter:
    descriptions = {"in": "Any of these.", "nin": "None of these.", "all": "Each of these."}
    schema = {"type": "array", "items": json_schema(python_type), "maxItems": MAX_VALUES}
    parse_item = scalar_parser(python_type)
    return Parameter(name, list_of(parse_item), schema, descriptions[spec.operator], spec, is_list=True)


def _is_ordered(python_type: type[Any]) -> bool:
    return python_type in {str, int, float, datetime}
