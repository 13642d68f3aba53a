"""`Idempotency-Key`: a POST that is sent again is done once, and answered as it was the first time.

The answer is written in the transaction of the change, so that a crash leaves both or neither: whoever lost an answer
sends the same request again, and gets that answer, or makes the change. A key is claimed when the transaction begins
and not before, so that no writer waits for a slow upload. Routes take part without a word of their own, by their unit
of work (`once`); one that commits by itself has to `keep` its answer first.

Successes alone are kept: after a failure the key may be used again. So are no secrets, which say `no-store`.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from sqlalchemy import JSON, BigInteger, Connection, Row, delete, event, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from starlette.types import Message, Receive, Scope

from cms.crud.fields import text_type, utc_now
from cms.crud.models import Base
from cms.crud.policy import Actor
from cms.crud.problems import BadQuery, Conflict, FieldError, Invalid

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(hours=24)
"""How long an answer can be had again."""
KEY_PATTERN = "^[!-~]([ -~]{0,253}[!-~])?$"
PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A name of your choice for this request, such as a UUID. Sent again with the same body within 24 "
    f"hours, it changes nothing and gets the first answer once more, with `{REPLAYED}: true`. Another request under "
    "the same key is refused with 422; while the first one runs, the answer is 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
}

Handle = Callable[[Request], Coroutine[Any, Any, Response]]
Unit = AbstractAsyncContextManager[AsyncSession]

_ATTEMPT = "idempotency"  # where the scope of a request has it
_BOUNDARY = re.compile(rb'multipart/.*boundary="?([^";,\s]{1,70})', re.IGNORECASE)
_SWEPT = 20
"""The most outdated answers that are deleted whenever one is kept."""


class KeptAnswer(Base):
    """The first answer to a request that named a key; only who knows the secret can tell which key that was."""

    __tablename__ = "kept_answers"

    id: Mapped[str] = mapped_column(text_type(64), primary_key=True)
    """Made of the key and of who sent it."""
    fingerprint: Mapped[str] = mapped_column(text_type(64))
    """Of the method, the address and the body."""
    status: Mapped[int]
    headers: Mapped[list[list[str]]] = mapped_column(JSON)
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Replay(Exception):
    """The request was answered before; the transaction ends here, and `response` is the answer."""

    def __init__(self, kept: Row[Any]) -> None:
        super().__init__("This request was answered before.")
        self.response = Response(kept.body, kept.status)
        pairs = [*kept.headers, [REPLAYED, "true"]]
        self.response.raw_headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


class Attempts:
    """What the attempts of a process share.

    :param secret: keeps keys, addresses and bodies from being guessed by what is stored of them.
    """

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"idempotency:" + secret.encode()).digest()
        self.running: set[str] = set()
        """The ids of those that have not ended yet."""

    def hash(self, *parts: bytes) -> "hashlib.blake2b":
        """The beginning of a fingerprint."""
        return hashlib.blake2b(b"\0".join(parts), digest_size=32, key=self._secret)


class Attempt:
    """One request that names a key.

    :param key: the key, which may be anything yet.
    :raises BadQuery: unless it can be one.
    """

    def __init__(self, attempts: Attempts, scope: Scope, key: str) -> None:
        if not re.fullmatch(KEY_PATTERN, key):
            detail = "An Idempotency-Key has 1 to 255 printable ASCII characters; a UUID will do."
            raise BadQuery(detail, errors=[FieldError(detail, parameter=HEADER)])
        self._attempts = attempts
        self._key = key
        self._id = ""
        self._session: AsyncSession | None = None
        self._seen = attempts.hash(scope["method"].encode(), scope["path"].encode(), scope["query_string"], b"")
        kind = dict(scope["headers"]).get(b"content-type", b"")
        # Whoever sends a form once more may well divide it by another boundary.
        self._boundary = found[1] if (found := _BOUNDARY.match(kind)) else b""
        self._tail = b""

    def listen(self, receive: Receive) -> Receive:
        """Take in what the body is, while it is read and by whomever: it may be too large to be held."""

        async def heard() -> Message:
            message = await receive()
            self._hear(message.get("body", b""))
            return message

        return heard

    @asynccontextmanager
    async def run(self, request: Request, actor: Actor, unit: Unit) -> AsyncIterator[AsyncSession]:
        """The unit of work, in which the key is claimed as soon as it begins a transaction.

        :raises Conflict: if another request of that key is running in this process.
        """
        if not self._boundary:  # a form is read by its handler, which does so before its first statement
            await request.body()
        # An address stands for the public, whose answers are then given only to who knows key and body.
        host = request.client.host if request.client else ""
        owner = f"user {actor.id}" if actor.id else f"address {host}"
        self._id = self._attempts.hash(owner.encode(), self._key.encode()).hexdigest()
        running = self._attempts.running
        if self._id in running:
            raise _still_running()
        running.add(self._id)
        try:
            async with unit as session:
                event.listen(session.sync_session, "after_begin", self._claim, once=True)
                self._session = session
                yield session
        finally:
            self._session = None
            running.discard(self._id)

    async def keep(self, response: Response) -> None:
        """Write the answer down, in the transaction that it tells about; nothing where none is open."""
        session, self._session = self._session, None
        is_secret = "no-store" in response.headers.get("cache-control", "") or "set-cookie" in response.headers
        if session is None or is_secret or not 200 <= response.status_code < 300:
            return
        await session.execute(_sweep(), execution_options={"synchronize_session": False})
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in response.raw_headers]
        values = {"id": self._id, "fingerprint": self._fingerprint, "status": response.status_code}
        await session.execute(insert(KeptAnswer).values(**values, headers=headers, body=bytes(response.body)))

    def _claim(self, _session: Any, _transaction: Any, connection: Connection) -> None:
        """Let one transaction at a time work under the key: on SQLite there is never more than one.

        :raises Replay: :raises Invalid: :raises Conflict:
        """
        if connection.dialect.name == "postgresql":
            number = literal(int(self._id[:16], 16) - 2**63, BigInteger)
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(number))):
                raise _still_running()
        kept = connection.execute(select(*KeptAnswer.__table__.columns).where(KeptAnswer.id == self._id)).one_or_none()
        if kept is None:
            return
        if kept.created_at <= utc_now() - KEPT:
            connection.execute(delete(KeptAnswer).where(KeptAnswer.id == self._id))
        elif kept.fingerprint != self._fingerprint:
            detail = "Another request was sent under this Idempotency-Key; choose a new key for a new request."
            raise Invalid(detail, errors=[FieldError(detail, parameter=HEADER)])
        else:
            raise Replay(kept)

    def _hear(self, chunk: bytes) -> None:
        if self._boundary:
            chunk = (self._tail + chunk).replace(self._boundary, b"")
            end = max(0, len(chunk) - len(self._boundary) + 1)  # the rest may be the beginning of another boundary
            chunk, self._tail = chunk[:end], chunk[end:]
        self._seen.update(chunk)

    @property
    def _fingerprint(self) -> str:
        seen = self._seen.copy()
        seen.update(self._tail)
        return seen.hexdigest()


def answering_once(handle: Handle) -> Handle:
    """A handler that keeps its answer with the key of the request, if there is one, just before the commit."""

    async def handle_once(request: Request) -> Response:
        keys = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
        if not keys:
            return await handle(request)
        attempt = Attempt(request.app.state.attempts, request.scope, b"\n".join(keys).decode("latin-1"))
        request.scope[_ATTEMPT] = attempt
        response = await handle(Request(request.scope, attempt.listen(request.receive)))
        await attempt.keep(response)
        return response

    return handle_once


def once(request: Request, actor: Actor, unit: Unit) -> Unit:
    """A unit of work that is done once for the key of the request; the very same unit where there is no key.

    :param unit: a session in a transaction that is committed when the block ends, and begun by its first statement.
    """
    attempt: Attempt | None = request.scope.get(_ATTEMPT)
    return unit if attempt is None else attempt.run(request, actor, unit)


async def keep(request: Request, response: Response) -> None:
    """Keep the answer with the key of the request, if there is one: for handlers that commit before they return."""
    attempt: Attempt | None = request.scope.get(_ATTEMPT)
    if attempt is not None:
        await attempt.keep(response)


def _sweep() -> Any:
    """Delete some answers that nobody can have again; what somebody else is deleting is left to them."""
    outdated = select(KeptAnswer.id).where(KeptAnswer.created_at <= utc_now() - KEPT).order_by(KeptAnswer.created_at)
    return delete(KeptAnswer).where(KeptAnswer.id.in_(outdated.limit(_SWEPT).with_for_update(skip_locked=True)))


def _still_running() -> Conflict:
    detail = "The request that was first sent under this Idempotency-Key is still running; ask again in a moment."
    return Conflict(detail, headers={"Retry-After": "1"})
