"""A list screen: its address as a query, with the same parameters as REST's lists, and its controls."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import ceil
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from admin.fields import Choice, label_of
from cms.crud.content_type import ContentType
from cms.crud.filters import Parameter
from cms.crud.nodes import default_sort
from cms.crud.problems import BadQuery
from cms.crud.query import MAX_SKIP, Query, list_parameters, parse_list
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.editorial.behaviours import Status

PAGE_SIZE = 25
_OTHERS = frozenset({"fields", "include", "cursor", "skip", "total", "limit"})
"""Parameters of REST that a screen has no use for."""
_EDGES = {"gte": ("from", "T00:00:00Z"), "lte": ("until", "T23:59:59.999999Z")}
UNKNOWN_ADDRESS = "This address asks for a filter, an order or a page that the list does not have."


class Control(NamedTuple):
    """A filter of a list.

    :param kind: `choice`, `relation` or `date`.
    :param value: what is set, empty for nothing.
    :param choices: values and labels, of a choice.
    :param chosen: the related record that is set, once it was looked up.
    """

    name: str
    label: str
    kind: str
    value: str
    choices: list[tuple[str, str]]
    chosen: Choice | None = None


class Column(NamedTuple):
    """A column of a list.

    :param sort: what `sort` has to be for the order that a click on the column's head gives; None if it can't.
    :param direction: how the list is ordered by it now: `ascending`, `descending` or empty.
    """

    info: FieldInfo
    label: str
    sort: str | None
    direction: str


@dataclass(frozen=True, slots=True)
class ListAddress:
    """The query part of a list's address, understood.

    :param values: the parameters that are set.
    """

    content_type: ContentType[Any]
    registry: Registry
    values: Mapping[str, str]
    query: Query
    page: int

    @property
    def columns(self) -> list[Column]:
        """The columns, with how to sort by them."""
        ((sorted_by, is_descending), *_) = self.query.sort or default_sort(self.content_type)
        columns = []
        for name in self.content_type.list_fields:
            direction = ("descending" if is_descending else "ascending") if name == sorted_by else ""
            sort = f"-{name}" if direction == "ascending" else name
            is_sortable = name in self.content_type.sort_names
            columns.append(
                Column(self.content_type.fields[name], label_of(name), sort if is_sortable else None, direction)
            )
        return columns

    @property
    def controls(self) -> list[Control]:
        """The filters that the screen offers: enumerations, flags, relations to one record, and dates."""
        infos = [self.content_type.fields[name] for name in self.content_type.filter_fields]
        return [control for info in infos for control in self._controls_of(info)]

    @property
    def is_narrowed(self) -> bool:
        """Whether the list shows less than all there is."""
        return bool(self.values.keys() - {"sort", "page"})

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set, beside the search."""
        return bool(self.values.keys() - {"sort", "page", "q"})

    def with_(self, **changes: str | int | None) -> str:
        """The query of the address with some parameters set anew (None: left out); it starts at the first page."""
        values: dict[str, Any] = {**self.values, "page": None, **changes}
        kept = {name: value for name, value in values.items() if value is not None}
        return f"?{urlencode(kept)}" if kept else "?"

    def last_page(self, total: int) -> int:
        """The number of the last page that can be reached."""
        return max(1, min(ceil(total / PAGE_SIZE), MAX_SKIP // PAGE_SIZE + 1))

    def _controls_of(self, info: FieldInfo) -> list[Control]:
        value = self.values.get(info.name, "")
        label = label_of(info.name)
        kind = info.python_type
        if info.is_relation:
            return [Control(info.name, label, "relation", value, [])]
        if kind is datetime:
            names = ((f"{info.name}__{edge}", word) for edge, (word, _) in _EDGES.items())
            return [
                Control(n, f"{label.removesuffix(' at')} {word}", "date", self.values.get(n, ""), [])
                for n, word in names
            ]
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            members = [m for m in kind if m is not Status.TRASHED]  # nobody sees the trash in a list
            return [Control(info.name, label, "choice", value, [(m.value, label_of(m.value)) for m in members])]
        if kind is bool and info.shape is not Shape.COMPUTED:  # a computed flag repeats a computed status
            return [Control(info.name, label, "choice", value, [("true", "Yes"), ("false", "No")])]
        return []


def read_address(
    content_type: ContentType[Any], registry: Registry, params: QueryParams, usual_sort: str | None = None
) -> ListAddress:
    """What the address of a list asks for; an empty parameter asks for nothing.

    :param usual_sort: the order where it asks for none; None means the type's own.
    :raises BadQuery: for anything that the list does not have, without repeating it.
    """
    pairs = [(name, value) for name, value in params.multi_items() if value.strip()]
    parameters = {n: p for n, p in list_parameters(content_type, registry).items() if n not in _OTHERS}
    try:
        page = _page_number(dict(pairs).get("page", "1"))
        sought = [(n, _typed(parameters.get(n), v)) for n, v in pairs if n != "page"]
        if usual_sort is not None and "sort" not in dict(pairs):
            sought.append(("sort", usual_sort))
        query = parse_list(sought, parameters)
    except ValueError:
        raise BadQuery(UNKNOWN_ADDRESS) from None
    except BadQuery as problem:
        known = [error for error in problem.errors if error.parameter == "q"]
        raise BadQuery(known[0].detail if known else UNKNOWN_ADDRESS) from None
    query = replace(query, limit=PAGE_SIZE, skip=(page - 1) * PAGE_SIZE)
    return ListAddress(content_type, registry, dict(pairs), query, page)


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= MAX_SKIP // PAGE_SIZE + 1:
        raise ValueError("no page")
    return int(text)


def _typed(parameter: Parameter | None, value: str) -> str:
    """A date as a control sends it, as the time that REST asks for."""
    if parameter is None or parameter.filter is None or parameter.schema.get("format") != "date-time":
        return value
    _, time = _EDGES.get(parameter.filter.operator, ("", ""))
    return value + time if len(value) == len("2026-01-01") else value
