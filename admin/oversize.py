"""The page for a form that is too large to be taken in; what was typed is offered again in the form itself."""

from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from admin.auth import HOME, Sessions, own_path
from admin.security import PAGE_HEADERS, wants_json
from admin.shell import shell_of
from cms.crud.problems import ContentTooLarge
from cms.media.inspection import DEFAULT_LIMITS
from cms.outages import DatabaseUnavailable

MOST_READ: Final = 8
"""How many times what a form may have is read on from those who are signed in, and forgotten."""


async def answer_too_large(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    """Say on a page of the back office that a form is too large.

    :param limit: bytes that it may have.
    """
    request = Request(scope, receive)
    shell = shell_of(request)
    actor = None
    with suppress(DatabaseUnavailable):
        actor = await Sessions(shell.cookies).find_actor(request)
    declared = int(request.headers.get("content-length", 0))
    if actor is not None and limit < declared <= limit * MOST_READ:
        await _read_on(request)
    if wants_json(request):
        problem = await shell.on_error(request, ContentTooLarge(_sentence(limit)))
        await problem(scope, receive, send)
        return
    back = own_path(urlsplit(request.headers.get("referer", "")).path)
    page = await shell.error(request, 413, _sentence(limit), PAGE_HEADERS, back=None if back == HOME else back)
    await page(scope, receive, send)


async def _read_on(request: Request) -> None:
    """Take in and forget: a browser looks for no answer before it has sent everything."""
    with suppress(ClientDisconnect, HTTPException):
        async for _ in request.stream():
            pass


def _sentence(limit: int) -> str:
    if limit > DEFAULT_LIMITS.max_bytes:
        return DEFAULT_LIMITS.too_large
    return f"What you typed is larger than {limit / 1024 / 1024:.3g} MB, the most that can be sent. Shorten it."
