"""The rows of a list as a file: read in small pages and sent as they come, so that any number fits in little memory.

A spreadsheet takes some texts for formulas: such a cell gets an apostrophe in front, and so does one that begins with
an apostrophe. Who reads the file back takes one apostrophe away from any cell that begins with one.
"""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from admin.auth import actor_of
from cms.crud.answers import to_bytes
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.filters import Filter
from cms.crud.nodes import Item
from cms.crud.problems import BadQuery
from cms.crud.query import MAX_LIMIT, Query
from cms.crud.values import is_uuid

RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
"""What makes a spreadsheet take a text for a formula, and the mark that says that it is none."""
FORMATS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}

Pages = AsyncIterator[list[Item]]


def export(
    request: Request, content_type: ContentType[Any], query: Query, kind: str, records: str | None = None
) -> Response:
    """A file of what a list shows, in its order: every field that REST shows to the actor, and no other.

    :param kind: `csv` or `json`.
    :param records: ids between commas, to have those alone.
    :raises BadQuery: for another format, or what is no id.
    """
    if kind not in FORMATS:
        raise BadQuery("Choose a format: CSV or JSON.")
    fields = content_type.read_fields
    wanted = replace(query, fields=fields, limit=MAX_LIMIT, skip=0, cursor=None, total=False, count_up_to=None)
    if records is not None:
        wanted = replace(wanted, filters=(*wanted.filters, (Filter("id", None, "in"), _ids(records))))
    pages = _pages(request, content_type, wanted)
    parts = _csv(content_type, pages) if kind == "csv" else _json(pages)
    name = f"{content_type.name}-{utc_now():%Y-%m-%d}.{kind}"
    return StreamingResponse(
        parts, headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=FORMATS[kind]
    )


async def _pages(request: Request, content_type: ContentType[Any], query: Query) -> Pages:
    """Page by page, each beginning where the one before it ended: a row that stays put comes once."""
    state, actor = request.app.state, actor_of(request)
    while True:
        page = await state.database.read(state.reader.page, content_type, query, actor)
        yield page.items
        if page.next is None:
            return
        query = replace(query, cursor=page.next)


async def _json(pages: Pages) -> AsyncIterator[bytes]:
    """The items as REST answers them, a line each."""
    before = b"[\n"
    async for items in pages:
        for item in items:
            yield before + to_bytes(item)
            before = b",\n"
    yield b"\n]\n" if before != b"[\n" else b"[]\n"


async def _csv(content_type: ContentType[Any], pages: Pages) -> AsyncIterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # by which a spreadsheet knows UTF-8
    writer.writerow(content_type.read_fields)
    yield _drain(buffer)
    async for items in pages:
        writer.writerows([cell(item[name]) for name in content_type.read_fields] for item in items)
        if items:
            yield _drain(buffer)


def _drain(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")


def cell(value: Any) -> str:
    """A value as a cell: texts made safe, related records by their names, times in RFC 3339."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)  # a number that is negative is no formula
    return _safe(_spelled(value))


def _spelled(value: Any) -> str:
    if isinstance(value, dict) and "id" in value:
        return _named(value)
    if isinstance(value, list) and all(isinstance(one, dict) and "id" in one for one in value):
        return ", ".join(_named(one) for one in value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)


def _named(item: Item) -> str:
    """A related record by what people and files call it."""
    return str(next(filter(None, (item.get(name) for name in ("slug", "path", "name", "title"))), item["id"]))


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(RISKY) else text


def _ids(records: str) -> tuple[UUID, ...]:
    ids = records.split(",") if records else []
    if not ids or len(ids) > MAX_LIMIT or not all(map(is_uuid, ids)):
        raise BadQuery(f"Name 1 to {MAX_LIMIT} records by their ids.")
    return tuple(map(UUID, ids))
