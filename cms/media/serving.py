"""Answer with a stored file: its type by its extension, unchangeable, and never as a page of this site.

A file's address is made from the hash of its content. So an answer can be kept for a year, the hash is its
entity tag, and nobody guesses an address: who knows it has the file or was shown it. Files are public by
design, whatever becomes of the records that use them; a deleted one may live on in caches.
"""

import re
from http import HTTPStatus
from typing import NamedTuple

from loguru import logger
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cms.crud.conditional import is_unchanged
from cms.crud.problems import NotFound, Problem, Unavailable
from cms.media.inspection import MIME_TYPES
from cms.media.storage import Storage, StorageError, StoredFile

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
}
_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class RangeNotSatisfiable(Problem):
    """The part that was asked for lies outside the file."""

    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE


class Span(NamedTuple):
    """Part of a file: from `start` up to, and without, `stop`, in bytes."""

    start: int
    stop: int


async def answer_file(storage: Storage, key: str, request: Request) -> Response:
    """The file of that key, or the part that the request's `Range` asks for.

    :raises NotFound: if there is none, or the key is none of ours.
    :raises RangeNotSatisfiable: for a range beyond the file.
    :raises Unavailable: if the storage does not work.
    """
    stored = await _open(storage, key, request.url.path)
    headers = _headers(key)
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
