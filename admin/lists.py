"""A list screen: its address as a query, with the same parameters as REST's lists, its columns and its pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from admin.fields import label_of
from admin.filters import EDGES, Control, controls_of
from cms.crud.content_type import ContentType
from cms.crud.fields import Control as Input
from cms.crud.filters import Parameter
from cms.crud.nodes import default_sort
from cms.crud.plan import Page
from cms.crud.problems import BadQuery
from cms.crud.query import MAX_SKIP, Query, list_parameters, parse_list
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, is_scalar
from cms.crud.values import is_uuid

PAGE_SIZE = 25
COUNTED = 10_000
"""How far totals are exact: counting further would cost the more, the more there is."""
NUMBERED = COUNTED // PAGE_SIZE
"""The pages that are reached by their number; those beyond follow each other by cursors."""
MOST_PAGES = 10_000_000
_OTHERS = frozenset({"fields", "include", "skip", "total", "limit"})
"""Parameters of REST that a screen has no use for."""
_PLACES = frozenset({"page", "cursor", "view"})
"""Parameters that say where one is, and not what is listed."""
_UNSHOWN = frozenset({"id", "version", "is_published"})
"""Fields that are no columns: what they say is said elsewhere."""
UNKNOWN_ADDRESS = "This address asks for a filter, an order or a page that the list does not have."


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

    :param values: the filters, the search and the order that are set.
    :param view: the id of the saved view that it began with, if any.
    """

    content_type: ContentType[Any]
    registry: Registry
    values: Mapping[str, str]
    query: Query
    page: int = 1
    view: str | None = None

    @property
    def controls(self) -> list[Control]:
        """The filters that the screen offers, and those that are set."""
        return controls_of(self.content_type, self.values)

    @property
    def is_narrowed(self) -> bool:
        """Whether the list shows less than all there is."""
        return bool(self.values.keys() - {"sort"})

    @property
    def is_trash(self) -> bool:
        """Whether it lists what is in the trash."""
        return self.values.get("status") == "trashed"

    @property
    def kept(self) -> str:
        """What a saved view keeps of it."""
        return urlencode(sorted(self.values.items()))

    def columns(self, names: Sequence[str] = ()) -> list[Column]:
        """The columns, with how to sort by them.

        :param names: those that were chosen; the type's own where none were. The first of the type always stands.
        """
        ((sorted_by, is_descending), *_) = self.query.sort or default_sort(self.content_type)
        known = column_names(self.content_type)
        chosen = [known[0], *(n for n in known[1:] if n in names)] if names else self.content_type.list_fields
        columns = []
        for name in chosen:
            direction = ("descending" if is_descending else "ascending") if name == sorted_by else ""
            sort = f"-{name}" if direction == "ascending" else name
            is_sortable = name in self.content_type.sort_names
            columns.append(
                Column(self.content_type.fields[name], label_of(name), sort if is_sortable else None, direction)
            )
        return columns

    def with_(self, *dropped: str, **changes: str | int | None) -> str:
        """The query of the address with some parameters set anew, or left out (None); it starts at the first page."""
        values: dict[str, Any] = {**self.values, "view": self.view, **dict.fromkeys(dropped), **changes}
        kept = {name: value for name, value in values.items() if value is not None}
        return f"?{urlencode(kept)}" if kept else "?"

    def without(self, *names: str) -> list[tuple[str, str]]:
        """What a form that sets these parameters has to send along."""
        view = [("view", self.view)] if self.view else []
        return [*((name, value) for name, value in self.values.items() if name not in names), *view]

    def last_page(self, total: int) -> int:
        """The number of the last page that has one."""
        return max(1, ceil(min(total, COUNTED) / PAGE_SIZE))

    def step(self, page: Page, by: int) -> str | None:
        """The query of the next page (1) or the one before (-1); None where there is none."""
        cursor, number = (page.next if by > 0 else page.previous), self.page + by
        if cursor is None or number < 1:
            return None
        return self.with_(page=number) if number <= NUMBERED else self.with_(page=number, cursor=cursor)


def column_names(content_type: ContentType[Any]) -> list[str]:
    """What can be a column of a list: the type's own first, then whatever is short and plain."""
    infos = (content_type.fields[name] for name in content_type.read_fields)
    further = [info.name for info in infos if _is_short(info) and info.name not in content_type.detail_fields]
    return list(dict.fromkeys((*content_type.list_fields, *further)))


def read_address(
    content_type: ContentType[Any], registry: Registry, params: QueryParams, usual_sort: str | None = None
) -> ListAddress:
    """What the address of a list asks for; an empty parameter asks for nothing.

    :param usual_sort: the order where it asks for none; None means the type's own.
    :raises BadQuery: for anything that the list does not have, without repeating it.
    """
    pairs = [(name, value) for name, value in params.multi_items() if value.strip()]
    places = {name: value for name, value in pairs if name in _PLACES}
    parameters = {n: p for n, p in list_parameters(content_type, registry).items() if n not in _OTHERS}
    try:
        page = _page_number(places.get("page", "1"), MOST_PAGES if "cursor" in places else MAX_SKIP // PAGE_SIZE + 1)
        sought = [(n, as_sent(parameters.get(n), v)) for n, v in pairs if n not in {"page", "view"}]
        if usual_sort is not None and "sort" not in dict(pairs):
            sought.append(("sort", usual_sort))
        query = parse_list(sought, parameters)
    except ValueError:
        raise BadQuery(UNKNOWN_ADDRESS) from None
    except BadQuery as problem:
        known = [error for error in problem.errors if error.parameter == "q"]
        raise BadQuery(known[0].detail if known else UNKNOWN_ADDRESS) from None
    skip = 0 if query.cursor else (page - 1) * PAGE_SIZE
    query = replace(query, limit=PAGE_SIZE, skip=skip, count_up_to=COUNTED)
    view = places.get("view", "")
    values = {name: value for name, value in pairs if name not in _PLACES}
    return ListAddress(content_type, registry, values, query, page, view if is_uuid(view) else None)


def as_sent(parameter: Parameter | None, value: str) -> str:
    """A day as a control sends it, as the time that REST asks for: when it begins or ends for who looks.

    :raises ValueError: for a day that is none.
    """
    if parameter is None or parameter.filter is None or parameter.schema.get("format") != "date-time":
        return value
    edge = EDGES.get(parameter.filter.operator)
    if edge is None or len(value) != len("2026-01-01"):
        return value
    return edge[1](date.fromisoformat(value)).isoformat()


def _is_short(info: FieldInfo) -> bool:
    is_plain = info.is_relation or is_scalar(info.python_type)
    is_long = info.rules.control in {Input.MARKDOWN, Input.HTML, Input.PASSWORD}
    return is_plain and not is_long and info.name not in _UNSHOWN


def _page_number(text: str, last: int) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= last:
        raise ValueError("no page")
    return int(text)
