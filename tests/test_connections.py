"""A server that waits for heads, but not for ever."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cms import connections
from cms.connections import TimelyConnection

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Where it listens; it waits for a fifth of a second."""
    monkeypatch.setattr(connections, "PATIENCE", 0.2)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
    server = uvicorn.Server(
        uvicorn.Config(app, http=TimelyConnection, log_config=None, lifespan="off", timeout_keep_alive=5)
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def test_who_says_nothing_is_hung_up_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


async def test_who_drips_is_hung_up_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    closed = asyncio.create_task(reader.read())
    for letter in HEAD[:20]:
        writer.write(bytes([letter]))
        await asyncio.sleep(0.05)
        if closed.done():
            break
    assert closed.done()
    writer.close()


async def test_whoever_asks_in_time_may_think_between_two_requests(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(HEAD)
        assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200 OK")
        await asyncio.sleep(0.3)
    writer.close()
