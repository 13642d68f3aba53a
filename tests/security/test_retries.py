"""An answer that never arrived: the request is sent again under its key, and what it made is there once (R12, R13)."""

import asyncio
import json
import random
import signal
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from cms.crud.policy import Role
from cms.database import Database
from tests.installation import SECRET, Person, furnish
from tests.security.serving import ROOT, Answer, Served, free_port, served, wait_until_ready

DYING = """
import os, signal, sys
import uvicorn
from cms.main import create_app

app = create_app()

async def dying(scope, receive, send):
    async def die(message):
        os.kill(os.getpid(), signal.SIGKILL)

    await app(scope, receive, die if scope.get("method") == "POST" else send)

uvicorn.run(dying, port=int(sys.argv[1]), log_level="error")
"""
"""The application, killed whenever it is about to answer a POST: that is after the commit."""
REPLAYED = b"idempotency-replayed: true"


@pytest.fixture
async def people(migrated_url: str) -> Mapping[Role, Person]:
    """Somebody of each role, in the database of the test."""
    database = Database(migrated_url)
    found = await furnish(database)
    await database.dispose()
    return found


@asynccontextmanager
async def doomed(url: str, folder: Path, people: Mapping[Role, Person]) -> AsyncIterator[Served]:
    """A server that is killed by the first POST."""
    port = free_port()
    environment = {
        "CMS_DATABASE_URL": url,
        "CMS_SECRET_KEY": SECRET,
        "CMS_MEDIA_URL": str(folder / "media"),
        "CMS_LOG_DIRECTORY": "",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen([sys.executable, "-c", DYING, str(port)], cwd=folder, env=environment)  # noqa: S603, ASYNC220 - our own
    site = Served(port, process, people)
    try:
        await wait_until_ready(site)
        yield site
    finally:
        process.kill()
        process.wait(20)


def keyed(site: Served, key: str, name: str = "Rope", role: Role = Role.EDITOR) -> bytes:
    """The bytes of a request that makes a tag."""
    request = site.request("POST", "/api/v1/tags", role, json.dumps({"name": name}).encode())
    return request.replace(b"\r\n\r\n", f"\r\nIdempotency-Key: {key}\r\n\r\n".encode(), 1)


async def send(site: Served, request: bytes) -> Answer:
    """The answer, over a connection of its own."""
    wire = site.wire()
    try:
        return await wire.send(request)
    finally:
        wire.close()


async def made(url: str) -> tuple[int, int]:
    """How many tags there are, and how many events of their making."""

    def count(connection: Connection) -> tuple[int, int]:
        tags = connection.scalar(text("SELECT count(*) FROM tags"))
        events = connection.scalar(text("SELECT count(*) FROM events WHERE kind = 'tag.created'"))
        return int(tags or 0), int(events or 0)

    database = Database(url)
    try:
        return await database.read(count)
    finally:
        await database.dispose()


async def test_r12_killed_between_the_commit_and_the_answer(
    migrated_url: str, people: Mapping[Role, Person], tmp_path: Path
) -> None:
    """R12: the next process gives the answer that the killed one owed, to who sends the request again."""
    key = str(uuid4())
    for number in range(2):
        async with doomed(migrated_url, tmp_path, people) as site:
            with pytest.raises(ConnectionResetError):
                await send(site, keyed(site, key))
            assert site.process.wait(10) == -signal.SIGKILL
        assert await made(migrated_url) == (1, 1), f"committed by the first, and once only: {number}"
    async with served(migrated_url, tmp_path, people) as site:
        again = await send(site, keyed(site, key))
        other = await send(site, keyed(site, key, "Knot"))
        somebody = await send(site, keyed(site, key, "Knot", Role.ADMIN))
    assert again.status == 201
    assert REPLAYED in again.headers
    assert json.loads(again.body)["name"] == "Rope"
    assert other.status == 422
    assert somebody.status == 201
    assert await made(migrated_url) == (2, 2)


async def test_r12_cut_off_while_it_is_done(migrated_url: str, people: Mapping[Role, Person], tmp_path: Path) -> None:
    """R12: whoever hangs up at any moment and asks again, gets one record."""
    chance = random.Random(12)  # noqa: S311 - moments, not secrets
    async with served(migrated_url, tmp_path, people) as site:
        for number in range(10):
            key = str(uuid4())
            for _ in range(3):
                await hang_up(site, keyed(site, key, f"Rope {number}"), chance.random() * 0.02)
            answer = await insist(site, keyed(site, key, f"Rope {number}"))
            assert answer.status == 201
    assert await made(migrated_url) == (10, 10)


async def hang_up(site: Served, request: bytes, after: float) -> None:
    """Send a request and reset the connection after some seconds."""
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(request)
    await writer.drain()
    await asyncio.sleep(after)
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def insist(site: Served, request: bytes) -> Answer:
    """The answer, once the first attempt has ended."""
    while True:
        answer = await send(site, request)
        if answer.status != 409:
            return answer
        assert b"still running" in answer.body
        await asyncio.sleep(0.05)


async def test_r12_fifty_at_once_at_two_processes(
    migrated_url: str, people: Mapping[Role, Person], tmp_path: Path
) -> None:
    """R12: one row; the others get its answer, or are told that it is running."""
    key = str(uuid4())
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(served(migrated_url, tmp_path, people)) for _ in range(2)]
        answers = await asyncio.gather(*(send(site, keyed(site, key)) for site in sites for _ in range(25)))
        statuses = Counter(answer.status for answer in answers)
        assert set(statuses) <= {201, 409}, statuses
        bodies = {answer.body for answer in answers if answer.status == 201}
        final = [await insist(site, keyed(site, key)) for site in sites]
    assert {answer.body for answer in final} == bodies
    assert all(REPLAYED in answer.headers for answer in final)
    assert await made(migrated_url) == (1, 1)
