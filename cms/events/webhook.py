"""The webhook: what happened is told to another system, signed, at least once, off the path of every request.

An event is due from its commit on. Who sends it claims it first, by moving its time into the future in a transaction of
its own, and has no transaction open while it sends. Whoever dies between them leaves events that are due again when the
claim ends, so a receiver may hear twice of one; it knows it by its id.

Headers, signature and secrets are those of Standard Webhooks 1.0 (https://www.standardwebhooks.com). Import this only
where there is a webhook: its client takes 8 MB of a process.
"""

import asyncio
import hmac
import logging
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx
import orjson
from loguru import logger
from sqlalchemy import Connection, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.fields import now
from cms.events.outbox import TOLD_FOR, Database, Event, give_up

EVERY: Final = 0.5
"""Seconds between two looks."""
LEASE: Final = timedelta(seconds=30)
"""How long events are left to who has claimed them."""
PATIENCE: Final = 10.0
"""Seconds that a receiver may take to answer."""
AT_ONCE: Final = 10
"""Events that are sent side by side."""
AT_A_TIME: Final = 5.0
"""Seconds for which one look goes on sending, so that a process that is to stop need not wait for all that is due."""
LONGEST_ANSWER: Final = 65_536
"""Bytes of an answer that are read; nobody looks at them."""
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 14_400))
"""After the first failure, the second …, and after each further one."""


for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)  # they would write down each address, which may hold a secret


@dataclass(frozen=True, slots=True)
class Message:
    """An event that this process has claimed.

    :param claimed_until: the time that the claim ends; it names the claim.
    """

    event_id: int
    name: str
    body: bytes
    attempt: int
    claimed_until: datetime


class Webhook:
    """Tells one receiver of all that happens.

    :param url: of the receiver; whoever configures it answers for where it leads.
    :param secrets: what messages are signed with. While one is replaced there are two, and receivers accept either.
    """

    def __init__(self, database: Database, url: str, secrets: Sequence[bytes]) -> None:
        self._database = database
        self._url = url
        self._secrets = tuple(secrets)
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        headers = {"User-Agent": "Masthead"}
        self._client = httpx.AsyncClient(timeout=PATIENCE, headers=headers, cookies=no_cookies, trust_env=False)
        self._is_failing = False

    async def work(self) -> None:
        """Send what is due, for a few seconds at the most, and as long as any of it is taken."""
        loop = asyncio.get_running_loop()
        until = loop.time() + AT_A_TIME
        while loop.time() < until and await self._database.read_soon(_is_due):
            if not await self.send_next():
                break

    async def send_next(self) -> int:
        """Send the events that have waited the longest.

        :returns: how many were taken; none where others have claimed them all.
        """
        async with self._database.session() as session:
            messages = await _claim(session)
        if not messages:
            return 0
        faults = await asyncio.gather(*(self._send(message) for message in messages))
        async with self._database.session() as session:
            await _write(session, messages, faults)
        self._log(faults)
        return faults.count(None)

    async def give_up(self) -> None:
        """Stop telling of what nobody took for days."""
        if count := await give_up(self._database, TOLD_FOR):
            logger.error("The webhook did not take {} events within {} days; they are given up.", count, TOLD_FOR.days)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _send(self, message: Message) -> str | None:
        """Send one.

        :returns: why it was not taken; None if it was.
        """
        sent_at = int(datetime.now(UTC).timestamp())
        signatures = [sign(secret, message.name, sent_at, message.body) for secret in self._secrets]
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.name,
            "webhook-timestamp": str(sent_at),
            "webhook-signature": " ".join(signatures),
        }
        try:
            async with (
                asyncio.timeout(PATIENCE),  # the client's own begins anew with each byte
                self._client.stream("POST", self._url, content=message.body, headers=headers) as answer,
            ):
                async for _ in answer.aiter_raw():  # an answer that was read leaves the connection to the next message
                    if answer.num_bytes_downloaded > LONGEST_ANSWER:
                        break
                return None if answer.is_success else f"it answered {answer.status_code}."
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one answer is not to keep the others
            return f"{type(error).__name__}."  # its text may hold the address, and the address a password

    def _log(self, faults: Sequence[str | None]) -> None:
        """Say when it begins to fail, and not each time that it goes on."""
        told = [fault for fault in faults if fault is not None]
        if told and not self._is_failing:
            logger.warning("The webhook did not take {} of {} events: {}", len(told), len(faults), told[0])
        self._is_failing = bool(told)


def sign(secret: bytes, name: str, sent_at: int, body: bytes) -> str:
    """The signature of a message, as its header has it: `v1,…`.

    :param sent_at: seconds of Unix time.
    """
    digest = hmac.digest(secret, f"{name}.{sent_at}.".encode() + body, "sha256")
    return f"v1,{b64encode(digest).decode()}"


def _is_due(connection: Connection) -> bool:
    return connection.execute(select(Event.id).where(Event.due_at <= now()).limit(1)).first() is not None


async def _claim(session: AsyncSession) -> list[Message]:
    """Take the events that wait the longest, but for those that others are taking."""
    due = select(Event).where(Event.due_at <= now()).order_by(Event.due_at, Event.id).limit(AT_ONCE)
    events = (await session.execute(due.with_for_update(skip_locked=True))).scalars().all()
    until = (await session.execute(select(now()))).scalar_one() + LEASE
    for event in events:
        event.due_at = until
        event.attempts += 1
    return [Message(event.id, _name(event), _body(event), event.attempts, until) for event in events]


async def _write(session: AsyncSession, messages: list[Message], faults: Sequence[str | None]) -> None:
    """Put down what became of messages, but for those whose claim has ended and that somebody else sends by now."""
    time: datetime = (await session.execute(select(now()))).scalar_one()
    for message, fault in zip(messages, faults, strict=True):
        due_at = None if fault is None else time + PAUSES[min(message.attempt, len(PAUSES)) - 1]
        is_claim = Event.id == message.event_id, Event.due_at == message.claimed_until
        await session.execute(update(Event).where(*is_claim).values(due_at=due_at))


def _name(event: Event) -> str:
    """The same whenever it is sent, and no other event's, even where a backup brings the numbers of rows back."""
    return f"evt_{event.id}_{int(event.occurred_at.timestamp() * 1_000_000):x}"


def _body(event: Event) -> bytes:
    record_id = str(event.record_id)  # the driver of PostgreSQL has a UUID of its own
    data: dict[str, Any] = {"type": event.record_type, "id": record_id, "version": event.version}
    return orjson.dumps({"type": event.kind, "timestamp": event.occurred_at, "number": event.id, "data": data})
