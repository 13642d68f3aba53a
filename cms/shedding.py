"""Who is served when not everybody can be: lanes with a few places each, and no waiting for slow clients.

More requests than the process can serve would otherwise all be served late, and so in vain. Each kind of caller has a
lane of its own: however many readers come, the people who work here pass. A place is held while the application
works, not while it waits for a client to send or to take in.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from secrets import token_hex
from time import monotonic
from typing import Final, TypeVar

from loguru import logger
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cms.lanes import Lane, Turnstile
from cms.middleware import Answer, security_headers

T = TypeVar("T")

RETRY_AFTER: Final = "2"
"""Seconds after which whoever is sent away may come again."""
STALL: Final = 30.0
"""Seconds without progress after which a client is given up."""
HESITATION: Final = 0.05
"""Seconds that a client may take before its place is lent to another."""
MOST_CREDENTIALS: Final = 4096
"""How many of those who proved who they are are remembered."""
LOG_EVERY: Final = 10.0
"""Seconds between two lines about requests that were sent away."""

_ALWAYS: Final = frozenset({"/healthz", "/readyz"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_END: Final = b'"}'
_PLAIN_READ: Final = (
    rb"GET /(?!(?:healthz|readyz)[ ?])[!-~]* HTTP/1\.1\r\n"
    rb"(?:(?!authorization|cookie:[^\r\n]*%s|content-length|transfer-encoding|expect|upgrade"
    rb"|connection:(?! *keep-alive\r))[!-9;-~]+:[^\r\n]*\r\n)*+\r\n"
)
"""One request of a reader: without credentials, without a body, and with no wishes about the connection."""


class Gate:
    """Knows who has to be let in, and what is said to those for whom there is no place.

    Readers, whatever anonymous callers send (sign-ins, comments), and those who show credentials have a lane each;
    so have those whose credentials were good before: made-up ones can't crowd them out.

    :param cookie: the name of the cookie that shows who works in the back office.
    :param public_url: the site's address.
    """

    def __init__(self, *, cookie: str, public_url: str = "") -> None:
        self.readers = Lane(0, places=16, queue=32, patience=1.0)  # a longer one would outlast their patience
        self.senders = Lane(1, places=32, queue=64, patience=2.0)
        self.strangers = Lane(2, places=16, queue=64, patience=2.0)
        self.known = Lane(3, places=64, queue=256, patience=10.0)
        self.turnstile = Turnstile(lanes=4)
        self.headers = security_headers(public_url)
        detail = "Too many requests at once: this one was not begun. Try again in a few seconds."
        self._busy = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, {**self.headers, "retry-after": RETRY_AFTER})
        self._cookie = f"{cookie}=".encode()
        self._plain_read = re.compile(_PLAIN_READ % re.escape(self._cookie), re.IGNORECASE)
        self._credentials: dict[int, None] = {}
        self._expected = 0
        """Readers of this round of the event loop who are on their way to the lane: they come together."""
        self._shed = 0
        self._logged_at = float("-inf")

    def welcome(self) -> None:
        """Be told of a new connection."""
        self.turnstile.welcome()

    def refuse_unread(self, data: bytes) -> bytes | None:
        """The answer to what came over the wire, if one look tells that there is no place for it.

        That is so of the whole head of a reader's request, and nothing but it. Parsed and handed to the application,
        it would cost four times as much to refuse: a flood of them would leave less for those who are let in.
        """
        room = self.readers.room
        if room > self.readers.queue or self._plain_read.fullmatch(data) is None:
            return None
        if self._expected < room:
            self._expected += 1
            return None
        self._count()
        return self._busy.write()

    async def refuse(self, send: Send) -> None:
        """Answer a request that found no place."""
        self._count()
        await self._busy.send(send)

    def credential_of(self, scope: Scope) -> int | None:
        """What tells the caller's credential from others; None of whoever shows none."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                return hash(value)
            if name == b"cookie" and self._cookie in value:
                crumbs = (crumb.strip() for crumb in value.split(b";"))
                return next((hash(crumb) for crumb in crumbs if crumb.startswith(self._cookie)), None)
        return None

    def lane_of(self, scope: Scope, credential: int | None) -> Lane:
        """Where a request has its place, now that it has come."""
        self._expected = 0
        if credential is not None:
            return self.known if credential in self._credentials else self.strangers
        return self.readers if scope["method"] in _SAFE else self.senders

    def remember(self, credential: int) -> None:
        """Know a credential that was good."""
        self._credentials.pop(credential, None)
        self._credentials[credential] = None
        if len(self._credentials) > MOST_CREDENTIALS:
            del self._credentials[next(iter(self._credentials))]

    def _count(self) -> None:
        """A line for each request that is sent away would be work that nobody has time for."""
        self._shed += 1
        now = monotonic()
        if now - self._logged_at >= LOG_EVERY:
            logger.warning("Overloaded: {} requests were sent away.", self._shed)
            self._shed, self._logged_at = 0, now


class Shedding:
    """Sends away with 503 and `Retry-After` what there is no place for, and gives up clients that stall.

    Health checks always pass. It stands outside of all other layers: under a flood, sending away must cost next to
    nothing.

    :param gate: lets requests in.
    :param stall: seconds without progress after which a client is given up.
    """

    def __init__(self, app: ASGIApp, *, gate: Gate, stall: float = STALL) -> None:
        self.app = app
        self.gate = gate
        self.stall = stall
        detail = f"The body of the request did not arrive: nothing came for {stall:g} seconds. Send it again."
        self._late = Refusal(HTTPStatus.REQUEST_TIMEOUT, detail, {**gate.headers, "connection": "close"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _ALWAYS:
            await self.app(scope, receive, send)
            return
        credential = self.gate.credential_of(scope)
        lane = self.gate.lane_of(scope, credential)
        if not await lane.enter():
            await self.gate.refuse(send)
            return
        try:
            await self.gate.turnstile.enter(lane.number)
            await self._serve(lane, scope, receive, send)
        finally:
            lane.leave()
        if credential is not None and scope.get("state", {}).get("actor_id"):
            self.gate.remember(credential)

    async def _serve(self, lane: Lane, scope: Scope, receive: Receive, send: Send) -> None:
        client = _Client(lane, self.stall, receive, send)
        try:
            await self.app(scope, client.receive, client.send)
        except Exception:
            if not (client.answer.is_dropped or client.is_gone):
                raise
        if client.answer.is_dropped:
            await self._late.send(send)


class Refusal:
    """A problem that is the same every time but for its request id, and ready to be sent."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str]) -> None:
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
        self._status = status.value
        self._body = json.dumps(problem, ensure_ascii=False).encode()[:-1] + b', "request_id": "'
        length = len(self._body) + 32 + len(_END)
        every = {**headers, "content-type": "application/problem+json", "content-length": str(length)}
        self._headers = [(name.encode(), value.encode()) for name, value in every.items()]
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in every.items())]
        self._head = "\r\n".join([*lines, "x-request-id: "]).encode()
        self._rest = b"\r\n\r\n" + self._body

    async def send(self, send: Send) -> None:
        """Answer a request with it."""
        request_id = token_hex(16).encode()
        headers = [*self._headers, (b"x-request-id", request_id)]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body + request_id + _END})

    def write(self) -> bytes:
        """It whole, as it goes over the wire."""
        request_id = token_hex(16).encode()
        return b"".join((self._head, request_id, self._rest, request_id, _END))


class _Client:
    """Waits for the client of one request, its place lent out meanwhile, and not for ever.

    It `is_gone` if it took nothing in for so long that there is nobody left to answer.
    """

    def __init__(self, lane: Lane, stall: float, receive: Receive, send: Send) -> None:
        self.answer = Answer(send)
        self._lane = lane
        self._stall = stall
        self._receive = receive
        self._is_read = False
        self.is_gone = False

    async def receive(self) -> Message:
        if self._is_read:  # what comes now is the end of the connection, for which everybody may wait
            return await self._receive()
        try:
            message = await self._wait_for(self._receive())
        except TimeoutError:
            # An answer not yet begun is ours to give, whatever the application makes of the exception.
            self.answer.is_dropped = not self.answer.status
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
        self._is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        try:
            await self._wait_for(self.answer.send(message))
        except TimeoutError:
            self.is_gone = True
            raise ClientDisconnect from None

    async def _wait_for(self, progress: Awaitable[T]) -> T:
        is_away = False

        def lend() -> None:
            nonlocal is_away
            is_away = True
            self._lane.leave()

        hesitation = asyncio.get_running_loop().call_later(HESITATION, lend)
        try:
            async with asyncio.timeout(self._stall):
                return await progress
        finally:
            hesitation.cancel()
            if is_away:
                self._lane.resume()
