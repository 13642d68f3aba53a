"""The webhook: what was committed is told, signed, at least once, under one name; what was not is never told (R06)."""

import asyncio
import json
import logging
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import select, update

from cms.content.articles import article
from cms.crud.policy import Role
from cms.database import Database
from cms.events import outbox
from cms.events import webhook as module
from cms.events.outbox import TOLD_FOR, UNTOLD_AFTER, Event, emit, give_up
from cms.events.webhook import AT_ONCE, LEASE, PAUSES, Webhook, sign
from tests.installation import Installation, furnish
from tests.logging import logged
from tests.security.serving import Served, free_port, served

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the standard's own example
OLD_SECRET = "whsec_" + "b2xk" * 10
KEYS = [b64decode(secret.removeprefix("whsec_")) for secret in (SECRET, OLD_SECRET)]
HANGS, CUTS = 0, 1


class Heard(NamedTuple):
    """A message that arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """What the receiver knows it by."""
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        """What it says."""
        told: dict[str, Any] = json.loads(self.body)
        return told

    def is_signed(self, key: bytes) -> bool:
        """Whether one of its signatures is made with the key."""
        signature = sign(key, self.name, int(self.headers["webhook-timestamp"]), self.body)
        return signature in self.headers["webhook-signature"].split()


@dataclass
class Receiver:
    """Somebody who listens.

    :param answer: the status to answer with; `HANGS` for none, ever; `CUTS` to hang up in the place of one.
    :param further: further headers of the answer.
    """

    port: int = field(default_factory=free_port)
    answer: int = 200
    further: tuple[str, ...] = ()
    heard: list[Heard] = field(default_factory=list)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _talks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where."""
        return f"http://canary-user:canary-password@127.0.0.1:{self.port}/canary-path?code=canary"

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self._talks)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        yield self
        server.close()
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._talks)

    async def hears(self, times: int, record: str) -> list[Heard]:
        """Wait until so much was heard of a record."""
        while True:
            found = [heard for heard in self.heard if heard.told["data"]["id"] == record]
            if len(found) >= times:
                return found
            await asyncio.sleep(0.05)

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._talks.append(asyncio.create_task(self._hear(reader, writer)))

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
                headers = {name.lower(): value for name, value in lines.items()}
                body = await reader.readexactly(int(headers["content-length"]))
                self.heard.append(Heard(headers, body))
                if self.answer == HANGS:
                    await reader.read()
                if self.answer in {HANGS, CUTS}:
                    break
                answer = [f"HTTP/1.1 {self.answer} Said", "Content-Length: 4", f"Set-Cookie: n{len(self.heard)}=1"]
                writer.write("\r\n".join([*answer, *self.further, "", "Said"]).encode())
                await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who listens."""
    async with Receiver().listening() as receiver:
        yield receiver


@pytest.fixture
async def webhook(installation: Installation, receiver: Receiver) -> AsyncIterator[Webhook]:
    """What tells them of what happens from now on."""
    async with installation.database.session() as session:
        await session.execute(update(Event).values(due_at=None))
    webhook = Webhook(installation.database, receiver.url, KEYS)
    yield webhook
    await webhook.close()


async def let_pass(installation: Installation, time: timedelta) -> None:
    """Make it later, for what is to be told."""
    async with installation.database.session() as session:
        for event in (await session.execute(select(Event).where(Event.due_at.is_not(None)))).scalars():
            event.due_at = event.due_at - time if event.due_at else None


async def waiting(installation: Installation) -> list[tuple[int, int]]:
    """What is still to be told: the number of each event, and how often it was tried."""
    rows = await installation.rows("events")
    return [(row["id"], row["attempts"]) for row in rows if row["due_at"] is not None]


def test_messages_are_signed_as_standard_webhooks_says() -> None:
    """The example of the standard's reference implementations."""
    made = sign(KEYS[0], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_who_has_no_webhook_does_not_pay_for_its_client() -> None:
    told = [sys.executable, "-c", "import cms.main, sys; print('httpx' in sys.modules)"]
    assert subprocess.run(told, capture_output=True, text=True, check=True).stdout == "False\n"  # noqa: S603 - ours


async def test_what_happened_is_told_once_signed_and_without_content(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    made = await installation.make(article, title="Canary")
    await installation.send("POST", f"/articles/{made.id}/publish", Role.EDITOR)
    await webhook.work()
    await webhook.work()
    events = (await installation.rows("events"))[-len(receiver.heard) :]
    assert [heard.told["type"] for heard in sorted(receiver.heard, key=lambda h: h.told["data"]["version"])] == [
        event["kind"] for event in events
    ]
    assert {event["kind"] for event in events} >= {"article.created", "article.published"}
    for heard in receiver.heard:
        assert heard.told["number"] in {event["id"] for event in events}
        assert heard.told["data"] == {"type": "articles", "id": str(made.id), "version": heard.told["data"]["version"]}
        assert all(heard.is_signed(key) for key in KEYS), "by the new secret and by the old one"
        assert not heard._replace(body=heard.body + b" ").is_signed(KEYS[0])
        assert heard.headers["content-type"] == "application/json"
        assert b"anary" not in heard.body
    assert await waiting(installation) == []


async def test_r06_what_is_rolled_back_is_never_told(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    fact = {"kind": "tag.created", "record_type": "tags", "record_id": UUID(int=5), "version": 1, "actor_id": None}
    with suppress(LookupError):
        async with installation.database.session() as session:
            await (await session.connection()).run_sync(lambda connection: emit(connection, [fact]))
            raise LookupError
    await webhook.work()
    assert receiver.heard == []


async def test_r06_a_receiver_that_dies_after_it_heard_hears_again_by_the_same_name(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    await installation.make(article, title="Tide")
    receiver.answer = CUTS
    await webhook.work()
    receiver.answer = 200
    assert await webhook.send_next() == 0, "not at once"
    await let_pass(installation, PAUSES[0])
    await webhook.work()
    first, second = receiver.heard
    assert (first.name, first.body) == (second.name, second.body)
    assert await waiting(installation) == []


async def test_r29_what_a_dead_process_had_claimed_is_sent_by_another_and_a_late_one_changes_nothing(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    await installation.make(article, title="Tide")
    async with installation.database.session() as session:
        claimed = await module._claim(session)  # noqa: SLF001 - what a process has done when it stands still
    assert await webhook.send_next() == 0, "it is claimed"
    await let_pass(installation, LEASE)
    await webhook.work()
    assert len(receiver.heard) == len(claimed) == 1
    async with installation.database.session() as session:
        await module._write(session, claimed, ["ConnectError."])  # noqa: SLF001 - and does when it goes on
    assert await waiting(installation) == []


async def test_processes_side_by_side_send_each_event_once(installation: Installation, receiver: Receiver) -> None:
    for number in range(AT_ONCE + 5):
        await installation.make(article, title=f"Tide {number}")
    webhooks = [Webhook(installation.database, receiver.url, KEYS) for _ in range(3)]
    await asyncio.gather(*(webhook.work() for webhook in webhooks))
    assert (
        len(receiver.heard) == len({heard.name for heard in receiver.heard}) == len(await installation.rows("events"))
    )
    for webhook in webhooks:
        await webhook.close()


async def test_a_receiver_that_refuses_is_asked_again_less_and_less_often(
    installation: Installation, receiver: Receiver, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    """H16: it is said once that it fails, and never where it is, in our log or in that of the library."""
    caplog.set_level(logging.DEBUG)
    await installation.make(article, title="Tide")
    receiver.answer = 500
    for attempt, pause in enumerate([*PAUSES, PAUSES[-1]], 1):
        with logged() as lines:
            await webhook.work()
        assert [line.count("it answered 500.") for line in lines] == [1] * (attempt == 1)
        assert "canary" not in "".join(lines) + caplog.text
        assert [tries for _, tries in await waiting(installation)] == [attempt]
        await let_pass(installation, pause - timedelta(seconds=2))
        assert await webhook.send_next() == 0
        await let_pass(installation, timedelta(seconds=2))
    assert receiver.heard[0].headers["authorization"].startswith("Basic ")


async def test_no_answer_keeps_the_others_from_being_put_down(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    """Nobody is told elsewhere, and an address that is none is the fault of that answer alone."""
    await installation.make(article, title="Tide")
    receiver.answer, receiver.further = 302, ("Location: http://xn--ls8h.la/",)
    assert await webhook.send_next() == 0
    assert [tries for _, tries in await waiting(installation)] == [1]
    await let_pass(installation, PAUSES[0])
    receiver.further = (f"Location: {receiver.url}",)
    assert await webhook.send_next() == 0
    assert len(receiver.heard) == 2


async def test_one_connection_serves_many_and_brings_no_cookie_back(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    receiver.answer = 200
    for number in range(3):
        await installation.make(article, title=f"Tide {number}")
        await webhook.work()
    assert (len(receiver.heard), receiver.connections) == (3, 1)
    assert not [heard for heard in receiver.heard if "cookie" in heard.headers]


async def test_a_receiver_that_is_away_is_left_alone_for_a_while(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    for number in range(AT_ONCE + 5):
        await installation.make(article, title=f"Tide {number}")
    receiver.answer = CUTS
    await webhook.work()
    assert len(receiver.heard) == AT_ONCE


async def test_a_receiver_that_hangs_keeps_nobody_from_writing(
    installation: Installation, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease outlives its patience, or two would send the same while both are well."""
    assert timedelta(seconds=2 * module.PATIENCE) < LEASE
    made = await installation.make(article, title="Tide")
    receiver.answer = HANGS
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    sending = asyncio.create_task(webhook.send_next())
    await receiver.hears(1, str(made.id))
    await installation.make(article, title="Ebb")
    assert not sending.done()
    assert await sending == 0
    assert [tries for _, tries in await waiting(installation)] == [1, 0]


async def test_what_nobody_listened_to_for_days_is_given_up(
    installation: Installation, receiver: Receiver, webhook: Webhook
) -> None:
    await installation.make(article, title="Long ago")
    async with installation.database.session() as session:
        for event in (await session.execute(select(Event))).scalars():
            event.occurred_at -= TOLD_FOR
    await installation.make(article, title="Lately")
    with logged() as lines:
        await webhook.give_up()
    assert "did not take 1 events within 3 days" in "".join(lines)
    await webhook.work()
    assert len(receiver.heard) == 1


async def test_where_there_is_nobody_to_tell_events_do_not_wait_for_long(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_BATCH", 2)
    for number in range(5):
        await installation.make(article, title=f"Tide {number}")
    assert await give_up(installation.database, UNTOLD_AFTER) == 0
    assert await give_up(installation.database, timedelta(seconds=-1)) >= 5
    assert await waiting(installation) == []


@pytest.fixture
async def site(migrated_url: str, tmp_path: Path) -> AsyncIterator[tuple[Served, Receiver]]:
    """An installation in a process of its own, which tells somebody who does not listen yet."""
    database, receiver = Database(migrated_url), Receiver()
    people = await furnish(database)
    await database.dispose()
    settings = {"CMS_WEBHOOK_URL": receiver.url, "CMS_WEBHOOK_SECRET": f"{SECRET},{OLD_SECRET}"}
    async with served(migrated_url, tmp_path, people, settings) as site:
        yield site, receiver


async def test_r06_what_was_committed_is_told_though_the_process_is_killed_before_it_told(
    site: tuple[Served, Receiver], migrated_url: str, tmp_path: Path
) -> None:
    """Killed when the receiver had heard of it, and before it could know; within a minute after it is back."""
    first, receiver = site
    receiver.answer = HANGS
    wire = first.wire()
    async with receiver.listening():
        answer = await wire.send(first.request("POST", "/api/v1/articles", Role.EDITOR, b'{"title": "Tide"}'))
        wire.close()
        assert answer.status == 201, answer
        record = json.loads(answer.body)["id"]
        async with asyncio.timeout(20):
            (before,) = await receiver.hears(1, record)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        receiver.answer = 200
        settings = {"CMS_WEBHOOK_URL": receiver.url, "CMS_WEBHOOK_SECRET": SECRET}
        async with served(migrated_url, tmp_path, first.people, settings), asyncio.timeout(60):
            _, after = await receiver.hears(2, record)
    assert after.name == before.name
    assert after.is_signed(KEYS[0])
    assert after.told["type"] == "article.created"
