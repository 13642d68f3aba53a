"""Query parameters, parsed and typed from the declaration's allow-lists.

The table of a type's parameters is made once; it parses requests and describes itself in OpenAPI. A name that it
lacks is an error that names the nearest one, so a query never means less than its writer thinks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cms.crud.content_type import ContentType
from cms.crud.filters import Filter, Parameter, filters_of
from cms.crud.problems import BadQuery, FieldError, suggestion
from cms.crud.registry import Registry
from cms.crud.values import (
    MAX_SEARCH,
    TEXT_PATTERN,
    cursor_text,
    names_among,
    one_of,
    search_words,
    whole_number,
)

MAX_LIMIT = 100
MAX_SKIP = 1_000_000
MAX_FILTERS = 20


@dataclass(frozen=True, slots=True)
class Query:
    """What a list request asks for.

    :param fields: the members of each item; None means the usual ones.
    :param filters: conditions with their values, all of which have to hold.
    :param words: folded words of `q`.
    :param sort: pairs of name and whether descending; None means the usual order.
    :param total: whether to count.
    :param count_up_to: where counting ends; a total above it says that there are more. None counts them all.
    """

    fields: tuple[str, ...] | None = None
    include: tuple[str, ...] = ()
    filters: tuple[tuple[Filter, Any], ...] = ()
    words: tuple[str, ...] = ()
    sort: tuple[tuple[str, bool], ...] | None = None
    limit: int = MAX_LIMIT
    skip: int = 0
    cursor: str | None = None
    total: bool = True
    count_up_to: int | None = None


@cache
def list_parameters(content_type: ContentType[Any], registry: Registry) -> Mapping[str, Parameter]:
    """Every query parameter of the type's list."""
    parameters = [*paging(), *_shaping(content_type)]
    sort = (*content_type.sort_names, *(f"-{name}" for name in content_type.sort_names))
    parameters.append(_names("sort", sort, "The order; `-` before a name makes it descending."))
    if content_type.search_fields:
        schema = {"type": "string", "maxLength": MAX_SEARCH, "pattern": TEXT_PATTERN}
        parameters.append(Parameter("q", search_words, schema, "Words that all have to occur.", example="tide"))
    for name in content_type.filter_fields:
        parameters.extend(filters_of(content_type.fields[name], registry))
    return {parameter.name: parameter for parameter in parameters}


@cache
def detail_parameters(content_type: ContentType[Any]) -> Mapping[str, Parameter]:
    """Every query parameter of the type's single records."""
    return {parameter.name: parameter for parameter in _shaping(content_type)}


def parse_list(pairs: Iterable[tuple[str, str]], parameters: Mapping[str, Parameter]) -> Query:
    """Read the query of a list.

    :param pairs: names and values as sent.
    :raises BadQuery: naming every parameter at fault.
    """
    values = parse(pairs, parameters)
    filters = tuple((p.filter, values[n]) for n, p in parameters.items() if p.filter is not None and n in values)
    if len(filters) > MAX_FILTERS:
        raise BadQuery(f"At most {MAX_FILTERS} filters can be combined; this has {len(filters)}.")
    if "cursor" in values and "skip" in values:
        error = FieldError("A cursor already says where to start; leave “skip” out.", parameter="skip")
        raise BadQuery(error.detail, errors=[error])
    return Query(
        fields=values.get("fields"),
        include=values.get("include", ()),
        filters=filters,
        words=values.get("q", ()),
        sort=_sort_pairs(values["sort"]) if "sort" in values else None,
        limit=values.get("limit", MAX_LIMIT),
        skip=values.get("skip", 0),
        cursor=values.get("cursor"),
        total=values.get("total", "exact") == "exact",
    )


def parse(pairs: Iterable[tuple[str, str]], parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Read any parameters by their table.

    :raises BadQuery: naming every parameter that is unknown, given twice or can't be read.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, text in pairs:
        parameter = parameters.get(name)
        if parameter is None:
            hint = suggestion(name, parameters)
            errors.append(FieldError(f"There is no parameter “{name[:100]}”.{hint}", parameter=name[:100]))
        elif name in values:
            errors.append(FieldError(f"The parameter “{name}” is given twice.", parameter=name))
        else:
            values[name] = _parsed(parameter, text, errors)
    if errors:
        raise BadQuery(" ".join(error.detail for error in errors[:3]), errors=errors)
    return values


def _parsed(parameter: Parameter, text: str, errors: list[FieldError]) -> Any:
    try:
        return parameter.parse(text)
    except ValueError as error:
        detail = f"“{parameter.name}” can't be read: {error}"
        errors.append(FieldError(detail, parameter=parameter.name))
        return None


def _sort_pairs(names: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    return tuple((name.lstrip("-"), name.startswith("-")) for name in names)


# The parameters of every type.


def paging() -> list[Parameter]:
    """How any list is read in pages."""
    return [
        Parameter(
            "limit",
            whole_number(1, MAX_LIMIT),
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": MAX_LIMIT},
            "How many records at the most.",
            example=20,
        ),
        Parameter(
            "skip",
            whole_number(0, MAX_SKIP),
            {"type": "integer", "minimum": 0, "maximum": MAX_SKIP, "default": 0},
            "How many records to leave out first; deep down, a cursor is faster.",
        ),
        Parameter(
            "cursor", cursor_text, {"type": "string", "maxLength": 2000}, "`next` or `previous` of another page."
        ),
        Parameter(
            "total",
            one_of(("exact", "none")),
            {"type": "string", "enum": ["exact", "none"], "default": "exact"},
            "Whether to count all that match.",
        ),
    ]


def _shaping(content_type: ContentType[Any]) -> list[Parameter]:
    parameters = [_names("fields", content_type.read_fields, "The members to answer, and no others.")]
    if content_type.include_fields:
        parameters.append(_names("include", content_type.include_fields, "Relations to add to the answer."))
    return parameters


def _names(name: str, known: tuple[str, ...], description: str) -> Parameter:
    schema = {
        "type": "array",
        "items": {"type": "string", "enum": list(known)},
        "minItems": 1,
        "uniqueItems": True,
    }
    return Parameter(name, names_among(known), schema, description, example=[known[0]], is_list=True)
