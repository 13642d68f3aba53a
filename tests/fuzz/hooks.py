"""What the document can't say about queries and files, told to schemathesis; `schemathesis.toml` names this module."""

import re
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import schemathesis

from cms.crud.conditional import TAG_PATTERN
from cms.crud.idempotency import HEADER
from cms.crud.query import MAX_FILTERS

SMALL_FILE = "%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
UPLOADS = {"POST /api/v1/media", "PUT /api/v1/media/{key}/file"}

LONGEST_QUERY = 8_000
"""Characters. The server reads no request line of more than 64 KiB, and refuses a longer one in its own words."""
_PLAIN = {"fields", "include", "sort", "limit", "skip", "total", "q"}


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: "schemathesis.Case[Any]") -> bool:
    """Keep requests that reach the application, and that schemathesis judges consistently.

    In its coverage phase some requests count as valid whose header is not: by its own account, or by the pattern.
    """
    if case.meta is None:
        return True
    if _is_valid(case):
        if case.headers and "if-match" in case.headers and not re.search(TAG_PATTERN, str(case.headers["if-match"])):
            return False
        return all(component.mode.is_positive for component in case.meta.components.values())
    return len(urlencode(case.query or {}, doseq=True)) <= LONGEST_QUERY


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: "schemathesis.Case[Any]") -> "schemathesis.Case[Any]":
    """Make a request that is valid by the schema valid by what stands in its descriptions too."""
    if case.query and _is_valid(case):
        case.query = _sensible(case.query)
    if case.headers and "if-match" in case.headers and _is_valid(case) and isinstance(case.body, dict):
        case.body = {name: value for name, value in case.body.items() if name != "version"}  # once is enough
    if case.headers and HEADER in case.headers and _is_valid(case):
        case.headers[HEADER] = str(uuid4())  # another request under the same key is refused
    if case.operation.label in UPLOADS and _is_valid(case) and isinstance(case.body, dict) and "file" in case.body:
        case.body = {**case.body, "file": SMALL_FILE}  # no schema can ask for a file of some kind
    return case


def _is_valid(case: "schemathesis.Case[Any]") -> bool:
    return case.meta is None or case.meta.generation.mode.is_positive


def _sensible(query: dict[str, Any]) -> dict[str, Any]:
    """As many of the parameters as can be combined: no cursor, since these are signed, and no name sorted by twice."""
    kept: dict[str, Any] = {}
    room = LONGEST_QUERY
    for name, value in query.items():
        size = len(urlencode({name: value}, doseq=True))
        is_filter = name not in _PLAIN
        if name == "cursor" or size > room or (is_filter and len(kept.keys() - _PLAIN) == MAX_FILTERS):
            continue
        kept[name] = list({word.lstrip("-"): word for word in value}.values()) if name == "sort" else value
        room -= size
    return kept
