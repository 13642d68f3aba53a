"""Lanes, turns and slow clients, on the smallest application that shows them."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from cms import shedding
from cms.lanes import FREE_ROUNDS, Lane, Turnstile
from cms.middleware import SECURITY_HEADERS
from cms.shedding import Gate, Shedding
from tests.problems import assert_problem

READER: dict[str, str] = {}
EDITOR = {"Authorization": "Bearer editor"}
FORGED = {"Authorization": "Bearer forged"}
BROWSER = {"Cookie": "theme=dark; masthead=secret"}


_WHOLE: Message = {"type": "http.request", "body": b"", "more_body": False}


class Site:
    """An application whose `/slow` answers when it is told to, and `/body` says how much was sent."""

    def __init__(self, **options: float) -> None:
        routes = [
            Route("/slow", self.slow, methods=["GET", "POST"]),
            Route("/body", self.body, methods=["POST"]),
            Route("/stream", self.stream),
            Route("/healthz", self.body),
        ]
        self.gate = Gate(cookie="masthead", public_url="https://news.example")
        self.app = Shedding(Starlette(routes=routes), gate=self.gate, **options)
        self.open = asyncio.Event()

    async def slow(self, request: Request) -> Response:
        is_known = request.headers.get("authorization") == "Bearer editor" or "masthead" in request.cookies
        request.scope.setdefault("state", {})["actor_id"] = "somebody" if is_known else None
        await self.open.wait()
        return JSONResponse({})

    async def body(self, request: Request) -> Response:
        return JSONResponse({"size": len(await request.body())})

    async def stream(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"piece"

        return StreamingResponse(pieces())

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost")

    async def ask(self, times: int, headers: dict[str, str], method: str = "GET") -> list[httpx.Response]:
        """That many requests at once, of which those that are let in are answered at the end."""
        async with self.client() as http:
            answers = asyncio.gather(*(http.request(method, "/slow", headers=headers) for _ in range(times)))
            await asyncio.sleep(0.02)
            self.open.set()
            return await answers


def count(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def test_whoever_finds_no_place_is_told_at_once_when_to_come_again() -> None:
    site = Site()
    site.gate.readers.patience = 60.0  # nobody who waits is sent away here, however slow the machine
    answers = await site.ask(100, READER)
    assert count(answers) == {200: 48, 503: 52}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert_problem(refused, 503)
    assert refused.headers["retry-after"] == "2"
    assert SECURITY_HEADERS.items() <= dict(refused.headers).items()
    assert refused.headers["strict-transport-security"]
    assert refused.json()["request_id"] == refused.headers["x-request-id"]


async def test_who_waits_too_long_is_sent_away() -> None:
    site = Site()
    site.gate.readers = Lane(0, places=1, queue=5, patience=0.05)
    async with site.client() as http:
        first = asyncio.create_task(http.get("/slow"))
        await asyncio.sleep(0.01)
        assert (await http.get("/slow")).status_code == 503
        site.open.set()
        assert (await first).status_code == 200
        assert (await http.get("/slow")).status_code == 200


async def test_readers_do_not_stand_in_the_way_of_anybody_else() -> None:
    site = Site()
    async with site.client() as http:
        crowd = asyncio.gather(*(http.get("/slow") for _ in range(100)))
        await asyncio.sleep(0.02)
        others = asyncio.gather(
            *(http.get("/slow", headers=headers) for headers in (EDITOR, BROWSER)), http.post("/slow")
        )
        healthy = await http.get("/healthz")
        await asyncio.sleep(0.02)
        site.open.set()
        assert count(await others) == {200: 3}
        assert count(await crowd) == {200: 48, 503: 52}
    assert healthy.status_code == 200


@pytest.mark.parametrize("headers", [EDITOR, BROWSER])
async def test_made_up_credentials_do_not_crowd_out_good_ones(headers: dict[str, str]) -> None:
    site = Site()
    site.open.set()
    async with site.client() as http:
        await http.get("/slow", headers=headers)
        site.open.clear()
        crowd = asyncio.gather(*(http.get("/slow", headers=FORGED) for _ in range(100)))
        await asyncio.sleep(0.02)
        editor = asyncio.create_task(http.get("/slow", headers=headers))
        await asyncio.sleep(0.02)
        site.open.set()
        assert (await editor).status_code == 200
        assert count(await crowd) == {200: 80, 503: 20}


async def test_only_so_many_credentials_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shedding, "MOST_CREDENTIALS", 3)
    site = Site()
    site.open.set()
    async with site.client() as http:
        for number in range(5):
            await http.get("/slow", headers={"Cookie": f"masthead={number}"})
    assert len(site.gate._credentials) == 3  # noqa: SLF001 - what is kept can't be seen from outside


async def test_who_goes_away_leaves_the_place_to_others() -> None:
    lane = Lane(0, places=1, queue=2, patience=5)
    assert await lane.enter()
    gone, next_one = asyncio.create_task(lane.enter()), asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    lane.leave()
    assert await next_one
    lane.leave()
    assert lane.taken == 0


async def test_who_goes_away_just_when_called_leaves_the_place_to_others() -> None:
    lane = Lane(0, places=1, queue=2, patience=5)
    assert await lane.enter()
    gone = asyncio.create_task(lane.enter())
    await asyncio.sleep(0)
    lane.leave()
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert lane.taken == 0


async def test_a_body_that_stops_coming_is_given_up() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a piece"
        await asyncio.sleep(5)
        yield b"another"

    site = Site(stall=0.1)
    async with site.client() as http:
        refused = await http.post("/body", content=pieces())
        assert_problem(refused, 408)
        assert refused.headers["connection"] == "close"
        assert (await http.post("/body", content=b"whole")).json() == {"size": 5}


async def test_slow_clients_hold_no_place() -> None:
    """Each of them lends its place out while nothing comes."""
    site = Site()
    site.gate.senders = Lane(1, places=1, queue=1, patience=5)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a piece"
        await asyncio.sleep(0.3)
        yield b"another"

    async with site.client() as http:
        slow = []
        for _ in range(2):
            slow.append(asyncio.create_task(http.post("/body", content=pieces())))
            await asyncio.sleep(0.07)
        started = asyncio.get_running_loop().time()
        assert (await http.post("/body", content=b"x")).status_code == 200
        assert asyncio.get_running_loop().time() - started < 0.15
        assert count(await asyncio.gather(*slow)) == {200: 2}
    assert site.gate.senders.taken == 0


async def test_who_takes_nothing_in_is_given_up() -> None:
    site, sent, received = Site(stall=0.05), [], []

    async def send(message: Message) -> None:
        sent.append(message["type"])
        if len(sent) == 2:
            await asyncio.sleep(5)

    async def receive() -> Message:
        received.append(True)
        return _WHOLE if len(received) == 1 else await asyncio.Future()

    scope = {"type": "http", "method": "GET", "path": "/stream", "headers": [], "query_string": b""}
    await asyncio.wait_for(site.app(scope, receive, send), 2)
    assert len(sent) == 2
    assert site.gate.readers.taken == 0


HEAD = b"GET /articles?limit=5 HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"


@pytest.mark.parametrize("more", [b"", b"Cookie: theme=dark\r\n", b"Connection: keep-alive\r\n"])
def test_readers_who_find_no_place_need_not_be_read(more: bytes) -> None:
    gate = full_gate()
    refusal = gate.refuse_unread(HEAD + more + b"\r\n")
    assert refusal is not None
    head, _, body = refusal.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert headers["retry-after"] == "2"
    assert headers["content-type"] == "application/problem+json"
    assert headers["content-length"] == str(len(body))
    assert SECURITY_HEADERS.items() <= headers.items()
    assert json.loads(body)["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize(
    "data",
    [
        HEAD,
        HEAD + b"Authorization: Bearer editor\r\n\r\n",
        HEAD + b"cookie: theme=dark; masthead=secret\r\n\r\n",
        HEAD + b"Connection: close\r\n\r\n",
        HEAD + b"Content-Length: 1\r\n\r\n",
        HEAD + b"content-length : 1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        HEAD + b"X: y\nContent-Length: 1\r\n\r\n",
        HEAD + b" folded: 1\r\n\r\n",
        HEAD + b"\r\n" + HEAD + b"\r\n",
        HEAD + b"\r\nbody",
        HEAD.replace(b"GET", b"HEAD") + b"\r\n",
        HEAD.replace(b"GET", b"POST") + b"\r\n",
        HEAD.replace(b"/articles", b"/readyz") + b"\r\n",
        HEAD.replace(b"/articles?limit=5", b"/healthz") + b"\r\n",
        HEAD.replace(b"1.1", b"1.0") + b"\r\n",
    ],
)
def test_whatever_is_not_plainly_a_reader_is_read(data: bytes) -> None:
    assert full_gate().refuse_unread(data) is None


async def test_nobody_is_refused_unread_who_could_wait() -> None:
    gate = Gate(cookie="masthead")
    gate.readers = Lane(0, places=1, queue=1, patience=5)
    assert gate.refuse_unread(HEAD + b"\r\n") is None
    assert await gate.readers.enter()
    assert gate.refuse_unread(HEAD + b"\r\n") is None
    assert gate.refuse_unread(HEAD + b"\r\n") is not None, "one is on the way already"
    waiting = asyncio.create_task(gate.lane_of({"method": "GET"}, None).enter())
    await asyncio.sleep(0)
    assert gate.refuse_unread(HEAD + b"\r\n") is not None
    gate.readers.leave()
    assert await waiting
    assert gate.refuse_unread(HEAD + b"\r\n") is None
    gate.readers.leave()


@pytest.mark.parametrize("newcomers", [0, 5, 10**6])
async def test_rounds_are_left_to_those_who_are_yet_to_come_in(newcomers: int) -> None:
    turnstile, rounds = Turnstile(lanes=1), 0
    first, turn = (asyncio.create_task(turnstile.enter(0)) for _ in range(2))
    while not turn.done():
        if rounds < newcomers:
            turnstile.welcome()
        await asyncio.sleep(0)
        rounds += 1
    assert first.done()
    assert rounds - min(newcomers, FREE_ROUNDS) in range(5), "tasks take rounds of their own to begin and to end"


def full_gate() -> Gate:
    gate = Gate(cookie="masthead")
    gate.readers = Lane(0, places=0, queue=0, patience=1)
    return gate
