"""Answer with a stored file: its type by its extension, unchangeable, and never as a page of this site.

A file's address is made from the hash of its content. So an answer can be kept for a year, the hash is its
entity tag, and nobody guesses an address: who knows it has the file or was shown it. Files are public by
design, whatever becomes of the records that use them; a deleted one may live on in caches.

Beside it each record has a permalink, by its id, at which whatever file it has is found: texts lead there, so that a
replaced file is replaced everywhere. That answer is kept for a minute, and asked for anew by the hash.
"""

import re
from http import HTTPStatus
from typing import NamedTuple
from uuid import UUID

from loguru import logger
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cms.crud.conditional import is_unchanged
from cms.crud.problems import NotFound, Problem, Unavailable
from cms.editorial.behaviours import not_trashed
from cms.media.inspection import MIME_TYPES
from cms.media.records import Media
from cms.media.storage import Storage, StorageError, StoredFile

_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_A_MINUTE = "public, max-age=60, stale-while-revalidate=86400"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
}
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiable(Problem):
    """The part that was asked for lies outside the file."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


class Span(NamedTuple):
    """Part of a file: from `start` up to, and without, `stop`, in bytes."""

    start: int
    stop: int


def current_key(connection: Connection, media_id: str) -> str | None:
    """The storage key of the file that a record has now; None where there is no such record, or it is in the trash."""
    if not _ID.fullmatch(media_id):
        return None
    found = connection.execute(select(Media.storage_key).where(Media.id == UUID(media_id), *not_trashed(Media)))
    return found.scalar_one_or_none()


async def answer_file(storage: Storage, key: str, request: Request, *, is_current: bool = False) -> Response:
    """The file of that key, or the part that the request's `Range` asks for.

    :param is_current: whether another file may take its place at this address.
    :raises NotFound: if there is none, or the key is none of ours.
    :raises RangeNotSatisfiable: for a range beyond the file.
    :raises Unavailable: if the storage does not work.
    """
    stored = await _open(storage, key, request.url.path)
    headers = {**_headers(key), "Cache-Control": _FOR_A_MINUTE if is_current else _FOR_EVER}
    if is_unchanged(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers |= _content_headers(key)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(stored.size)})
    span = _span(request, headers["ETag"], stored.size)
    if span is None:
        return StreamingResponse(stored.read(), headers={**headers, "Content-Length": str(stored.size)})
    headers["Content-Length"] = str(span.stop - span.start)
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{stored.size}"
    return StreamingResponse(stored.read(*span), HTTPStatus.PARTIAL_CONTENT, headers)


async def _open(storage: Storage, key: str, address: str) -> StoredFile:
    missing = NotFound(f"There is no file at {address[:200]}.")
    if key.rpartition(".")[2] not in MIME_TYPES:
        raise missing
    try:
        return await storage.open(key)
    except (ValueError, FileNotFoundError):
        raise missing from None
    except StorageError as error:
        logger.error("A file can't be served: {}", error)
        raise Unavailable("The files can't be read at the moment. Try again later.", retry_after=30) from error


def _headers(key: str) -> dict[str, str]:
    sha256 = key.rpartition("/")[2].partition(".")[0]
    return {**_HEADERS, "ETag": f'"{sha256}"'}


def _content_headers(key: str) -> dict[str, str]:
    mime_type = MIME_TYPES[key.rpartition(".")[2]]
    disposition = "inline" if mime_type.startswith("image/") else "attachment"
    return {"Content-Type": mime_type, "Content-Disposition": disposition}


def _span(request: Request, tag: str, size: int) -> Span | None:
    """The one part that is asked for; None, meaning all, for none, for several and for what can't be read."""
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or match.groups() == ("", "") or request.headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    if first and last and int(first) > int(last):
        return None
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= size:
        detail = f"The file has {size} bytes; ask for a part of these."
        raise RangeNotSatisfiable(detail, headers={"Content-Range": f"bytes */{size}"})
    return Span(start, stop)
