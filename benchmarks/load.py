"""A load of requests over kept-alive connections, cheap enough not to starve the server it is aimed at."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from time import perf_counter

CONNECTIONS = 16

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load.

    :param seconds: how long it took.
    """

    requests: int
    seconds: float


async def run(port: int, paths: Sequence[str], seconds: float, connections: int = CONNECTIONS) -> Load:
    """Ask for the paths in turn, over and over, until the time is up; each connection waits for its answer.

    :raises RuntimeError: for any answer but a 200.
    """
    return await run_requests(port, cycle([request(path) for path in paths]), seconds, connections)


async def run_requests(port: int, requests: Iterator[bytes], seconds: float, connections: int = 1) -> Load:
    """Send requests, whatever they are, until the time is up.

    :raises RuntimeError: for any answer but a 200.
    """
    started = perf_counter()
    counts = await asyncio.gather(*(_ask(port, requests, started + seconds) for _ in range(connections)))
    return Load(sum(counts), perf_counter() - started)


async def fetch(port: int, path: str, headers: str = "") -> bytes:
    """The body of one answer.

    :param headers: lines to add to the request, each with its line end.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request(path, headers))
        return await _answer(reader)
    finally:
        writer.close()


def request(path: str, headers: str = "") -> bytes:
    """A request as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n{headers}\r\n".encode()


def patch(path: str, body: bytes, headers: str = "") -> bytes:
    """A change as it goes over the wire."""
    head = f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def _ask(port: int, requests: Iterator[bytes], deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    try:
        while perf_counter() < deadline:
            writer.write(next(requests))
            await _answer(reader)
            count += 1
    finally:
        writer.close()
    return count


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.decode(errors='replace')}{body[:500].decode(errors='replace')}")
    return body
