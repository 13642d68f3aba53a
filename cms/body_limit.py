"""How large a body may be, and what is told to whoever sends a larger one."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cms.middleware import Answer, refuse

T = TypeVar("T")
AnswerTooLarge = Callable[[Scope, Receive, Send, int], Awaitable[None]]
"""Answers a request whose body has more bytes than the number says."""


class BodyLimit:
    """Refuses a body that is too large before reading on: by its declared length, and by counting."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        default: int,
        uploads: Mapping[str, int] | None = None,
        pages: Mapping[str, AnswerTooLarge] | None = None,
    ) -> None:
        """:param uploads: path prefix → bytes, where the limit is another one; the longest prefix wins.

        :param pages: path prefix → what answers there, where people and not programs are told.
        """
        self.app = app
        self.default = default
        self.uploads = uploads or {}
        self.pages = pages or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = _at(scope["path"], self.uploads, self.default)
        refuse = _at(scope["path"], self.pages, _refuse_too_large)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            await refuse(scope, receive, send, limit)
            return
        answer = Answer(send)
        left = limit

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                # An answer not yet begun is ours to give, whatever the application makes of the exception.
                answer.is_dropped = not answer.status
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        try:
            await self.app(scope, counted, answer.send)
        except Exception:
            if not answer.is_dropped:
                raise
        if answer.is_dropped:
            await refuse(scope, receive, send, limit)


async def _refuse_too_large(scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    detail = f"The request is too large: its body may have at most {limit:,} bytes. Send less at once."
    await refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, scope, receive, send)


def _at(path: str, by_prefix: Mapping[str, T], otherwise: T) -> T:
    """What is set for the longest prefix of the path, in whole segments."""
    fitting = [prefix for prefix in by_prefix if f"{path}/".startswith(f"{prefix.rstrip('/')}/")]
    return by_prefix[max(fitting, key=len)] if fitting else otherwise
