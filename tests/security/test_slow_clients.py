"""Clients that say half of what they have to say, and then nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import pytest

from tests.installation import Installation
from tests.security.serving import Served, served

HALF_A_HEAD = b"GET /api/v1/articles HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow:"
HALF_A_BODY = (
    b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 1000\r\n\r\n{"email":'
)


@pytest.fixture
async def site(installation: Installation, migrated_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """An installation in a process of its own."""
    async with served(migrated_url, tmp_path, installation.people) as site:
        yield site


async def test_two_hundred_slow_clients_keep_nobody_waiting(site: Served) -> None:
    """R20: neither half a head nor half a body takes a place that others need."""
    slow = []
    for number in range(200):
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(HALF_A_BODY if number % 2 else HALF_A_HEAD)
        slow.append(writer)
    await asyncio.sleep(0.5)
    wire = site.wire()
    login = site.request("POST", "/api/v1/auth/login", body=b'{"email": "nobody@example.org"}')
    for request, status in ((site.request("GET", "/api/v1/articles"), 200), (login, 422)):
        started = perf_counter()
        answer = await wire.send(request)
        assert answer.status == status, answer
        assert perf_counter() - started < 10, "those who are slow are waited for twice as long"
    wire.close()
    for writer in slow:
        writer.close()


async def test_a_head_without_end_is_refused(site: Served) -> None:
    """I03: nor does it fill the memory."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(HALF_A_HEAD)
    answer = asyncio.create_task(reader.read())
    for _ in range(400):
        writer.write(b"x" * 4096)
        await asyncio.sleep(0.005)
        if answer.done():
            break
    with suppress(ConnectionResetError):  # more was on its way when it was hung up on
        assert (await asyncio.wait_for(answer, 2)).startswith(b"HTTP/1.1 400 ")
    writer.close()
