"""A server that waits for heads, but not for ever."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cms import connections
from cms.connections import TimelyConnection

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


REFUSED = b"GET /refused HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSED_AT_LENGTH = b"GET /refused/at-length HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 7\r\n\r\nrefused"


class Choosy:
    """Refuses some."""

    def welcome(self) -> None:
        """Nobody is counted."""

    def refuse_unread(self, data: bytes) -> bytes | None:
        if data.startswith(REFUSED_AT_LENGTH):  # several may have come at once
            return bytes(4 * 1024 * 1024)
        return REFUSAL if data == REFUSED else None


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Where it listens; it waits for a fifth of a second."""
    monkeypatch.setattr(connections, "PATIENCE", 0.2)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"), methods=["GET", "POST"])])
    http = partial(TimelyConnection, doorkeeper=Choosy())
    server = uvicorn.Server(
        uvicorn.Config(app, http=http, log_config=None, lifespan="off", timeout_keep_alive=5)  # type: ignore[arg-type]  # it is called
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


async def test_who_is_refused_unread_may_ask_again(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(6):
        writer.write(REFUSED)
        assert (await reader.readuntil(b"\r\n\r\nrefused")).startswith(b"HTTP/1.1 503 ")
        await asyncio.sleep(0.05)
    writer.write(HEAD)
    assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200 OK")
    writer.close()


async def test_who_is_refused_and_then_says_nothing_is_hung_up_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REFUSED)
    assert await asyncio.wait_for(reader.read(), 2) == REFUSAL
    writer.close()


async def test_a_body_that_looks_like_a_request_is_none(port: int) -> None:
    """Where requests of several people share a connection, an answer too many would go to the wrong one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = 2 * len(REFUSED)
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length)
    assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200 OK")
    for _ in range(2):
        writer.write(REFUSED)
        await asyncio.sleep(0.02)
    writer.write(HEAD)
    assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200 OK")
    writer.close()


async def test_who_takes_no_refusals_in_is_hung_up_on(port: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.setblocking(False)
        for _ in range(100):
            try:
                await loop.sock_sendall(deaf, REFUSED_AT_LENGTH)
            except ConnectionError:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("It goes on answering.")
