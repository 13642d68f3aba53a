"""Who is served when not everybody can be: lanes with a few places each, and no waiting for slow clients.

More requests than the process can serve would otherwise all be served late, and so in vain. Each kind of caller has a
lane of its own: however many readers come, the people who work here pass. A place is held while the application
works, not while it waits for a client to send or to take in.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import uuid4

from loguru import logger
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


class Lane:
    """Places for requests that are worked on, and for some that wait, first come, first served.

    :param number: tells it apart at the turnstile.
    :param places: requests worked on at once.
    :param queue: requests that may wait; whoever comes after them is sent away at once.
    :param patience: seconds after which one that waits is sent away.
    """

    def __init__(self, number: int, places: int, queue: int, patience: float) -> None:
        self.number = number
        self.places = places
        self.queue = queue
        self.patience = patience
        self.taken = 0
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def enter(self) -> bool:
        """Take a place, waiting for one if need be; False if there is none to be had. `leave` gives it back."""
        if self.taken < self.places and not self._waiting:
            self.taken += 1
            return True
        if len(self._waiting) >= self.queue:
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(turn)
        deadline = loop.call_later(self.patience, self._give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise
        finally:
            deadline.cancel()

    def leave(self) -> None:
        """Give the place back, to whoever waits longest."""
        self.taken -= 1
        while self._waiting and self.taken < self.places:
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(True)

    def resume(self) -> None:
        """Take back a place that was lent: what has been begun is finished, in a full lane too."""
        self.taken += 1

    def _give_up(self, turn: asyncio.Future[bool]) -> None:
        if not turn.done():
            self._waiting.remove(turn)
            turn.set_result(False)


class Turnstile:
    """Lets one request of each lane in turn begin in a round of the event loop.

    What is worked on without waiting would otherwise be done all at once, and the loop look at the network too seldom:
    it takes in one new connection a round.
    """

    def __init__(self, lanes: int) -> None:
        self._waiting = deque(deque[asyncio.Future[None]]() for _ in range(lanes))
        self._queues = tuple(self._waiting)
        self._is_taken = False

    async def enter(self, lane: int) -> None:
        """Wait for the turn of the lane of that number; nobody waits who comes alone."""
        loop = asyncio.get_running_loop()
        if not self._is_taken:
            self._is_taken = True
            loop.call_soon(self._turn, loop)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._queues[lane].append(turn)
        await turn

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in self._queues:
            self._waiting.rotate(-1)
            while self._waiting[0]:
                turn = self._waiting[0].popleft()
                if not turn.done():
                    turn.set_result(None)
                    loop.call_soon(self._turn, loop)
                    return
        self._is_taken = False


class Shedding:
    """Sends away with 503 and `Retry-After` what there is no place for, and gives up clients that stall.

    Readers, whatever anonymous callers send (sign-ins, comments), and those who show credentials have a lane each;
    so have those whose credentials were good before: made-up ones can't crowd them out. Health checks always pass.

    It stands outside of all other layers: under a flood, sending away must cost next to nothing.

    :param cookie: the name of the cookie that shows who works in the back office.
    :param public_url: the site's address.
    :param stall: seconds without progress after which a client is given up.
    """

    def __init__(self, app: ASGIApp, *, cookie: str, public_url: str = "", stall: float = STALL) -> None:
        self.app = app
        self.stall = stall
        self.readers = Lane(0, places=16, queue=64, patience=1.0)
        self.senders = Lane(1, places=32, queue=64, patience=2.0)
        self.strangers = Lane(2, places=16, queue=64, patience=2.0)
        self.known = Lane(3, places=64, queue=256, patience=10.0)
        self._turnstile = Turnstile(lanes=4)
        headers = security_headers(public_url)
        detail = "Too many requests at once: this one was not begun. Try again in a few seconds."
        self._busy = _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, {**headers, "retry-after": RETRY_AFTER})
        detail = f"The body of the request did not arrive: nothing came for {stall:g} seconds. Send it again."
        self._late = _Refusal(HTTPStatus.REQUEST_TIMEOUT, detail, {**headers, "connection": "close"})
        self._cookie = f"{cookie}=".encode()
        self._credentials: dict[int, None] = {}
        self._shed = 0
        self._logged_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _ALWAYS:
            await self.app(scope, receive, send)
            return
        credential = self._credential_of(scope)
        lane = self._lane_of(scope, credential)
        if not await lane.enter():
            self._count()
            await self._busy.send(send)
            return
        try:
            await self._turnstile.enter(lane.number)
            await self._serve(lane, scope, receive, send)
        finally:
            lane.leave()
        if credential is not None and scope.get("state", {}).get("actor_id"):
            self._remember(credential)

    async def _serve(self, lane: Lane, scope: Scope, receive: Receive, send: Send) -> None:
        client = _Client(lane, self.stall, receive, send)
        try:
            await self.app(scope, client.receive, client.send)
        except Exception:
            if not (client.answer.is_dropped or client.is_gone):
                raise
        if client.answer.is_dropped:
            await self._late.send(send)

    def _credential_of(self, scope: Scope) -> int | None:
        for name, value in scope["headers"]:
            if name == b"authorization":
                return hash(value)
            if name == b"cookie" and self._cookie in value:
                crumbs = (crumb.strip() for crumb in value.split(b";"))
                return next((hash(crumb) for crumb in crumbs if crumb.startswith(self._cookie)), None)
        return None

    def _lane_of(self, scope: Scope, credential: int | None) -> Lane:
        if credential is not None:
            return self.known if credential in self._credentials else self.strangers
        return self.readers if scope["method"] in _SAFE else self.senders

    def _remember(self, credential: int) -> None:
        self._credentials.pop(credential, None)
        self._credentials[credential] = None
        if len(self._credentials) > MOST_CREDENTIALS:
            del self._credentials[next(iter(self._credentials))]

    def _count(self) -> None:
        """A line for each request that is sent away would be work that nobody has time for."""
        self._shed += 1
        now = asyncio.get_running_loop().time()
        if now - self._logged_at >= LOG_EVERY:
            logger.warning("Overloaded: {} requests were sent away.", self._shed)
            self._shed, self._logged_at = 0, now


class _Refusal:
    """A problem that is the same every time but for its request id, and ready to be sent."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str]) -> None:
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
        self._status = status.value
        self._body = json.dumps(problem, ensure_ascii=False).encode()[:-1] + b', "request_id": "%s"}'
        length = len(self._body) - len(b"%s") + 32
        every = {**headers, "content-type": "application/problem+json", "content-length": str(length)}
        self._headers = [(name.encode(), value.encode()) for name, value in every.items()]

    async def send(self, send: Send) -> None:
        request_id = uuid4().hex.encode()
        headers = [*self._headers, (b"x-request-id", request_id)]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body % request_id})


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
