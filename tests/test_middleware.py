"""The layers around every request, each tried on the smallest application that shows it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from loguru import logger
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cms.body_limit import BodyLimit
from cms.middleware import (
    SECURITY_HEADERS,
    AccessLog,
    ClientAddress,
    RequestId,
    SecurityHeaders,
    TrustedHost,
    surround,
)


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse(
        {
            "size": len(body),
            "client": request.client.host if request.client else None,
            "scheme": request.url.scheme,
            "headers": sorted(request.headers),
            "request_id": getattr(request.state, "request_id", None),
        }
    )


async def crash(request: Request) -> Response:
    raise RuntimeError("the boiler burst")


async def page(request: Request) -> Response:
    headers = {"Content-Security-Policy": "default-src 'self'", "Server": "secret/1.0"}
    return PlainTextResponse("a page", headers=headers)


async def signed_in(request: Request) -> Response:
    request.state.actor_id = "actor-7"
    return PlainTextResponse("hello")


def application(*layers: Middleware) -> Starlette:
    async def answer_crash(request: Request, error: Exception) -> Response:
        return JSONResponse({"request_id": request.state.request_id}, 500)

    routes = [
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/media", echo, methods=["POST"]),
        Route("/media/{name}", echo, methods=["POST"]),
        Route("/media-kit", echo, methods=["POST"]),
        Route("/crash", crash),
        Route("/page", page),
        Route("/me", signed_in),
    ]
    app = Starlette(routes=routes, exception_handlers={Exception: answer_crash})
    surround(app, layers)
    return app


def client(app: ASGIApp, *, peer: str = "203.0.113.9", base_url: str = "http://localhost") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(peer, 50000))
    return httpx.AsyncClient(transport=transport, base_url=base_url)


def assert_problem(response: httpx.Response, status: int, words: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert words in problem["detail"]
    assert problem["request_id"] == response.headers.get("x-request-id")


@pytest.fixture
def lines() -> Any:
    """Every log record of the test, as loguru hands it to a sink."""
    records: list[Any] = []
    sink = logger.add(lambda message: records.append(message.record), level="DEBUG")
    yield records
    logger.remove(sink)


class TestRequestId:
    async def test_a_new_one_is_made_for_each_request(self) -> None:
        async with client(application(Middleware(RequestId))) as http:
            first, second = await http.get("/echo"), await http.get("/echo")
        assert first.headers["x-request-id"] == first.json()["request_id"]
        assert first.headers["x-request-id"] != second.headers["x-request-id"]

    @pytest.mark.parametrize("offered", ["abcd-1234", "A" * 64, "under_score"])
    async def test_a_sane_one_is_kept(self, offered: str) -> None:
        async with client(application(Middleware(RequestId))) as http:
            response = await http.get("/echo", headers={"X-Request-ID": offered})
        assert response.headers["x-request-id"] == offered

    @pytest.mark.parametrize(
        "offered", ["short", "A" * 65, "with space", "new\x0bline-1", "<script>alert</script>", ""]
    )
    async def test_any_other_is_replaced(self, offered: str) -> None:
        async with client(application(Middleware(RequestId))) as http:
            response = await http.get("/echo", headers={"X-Request-ID": offered})
        assert response.headers["x-request-id"] != offered
        assert len(response.headers["x-request-id"]) == 32

    async def test_log_lines_carry_it(self, lines: list[Any]) -> None:
        async with client(application(Middleware(RequestId), Middleware(AccessLog))) as http:
            response = await http.get("/echo")
        assert [line["extra"]["request_id"] for line in lines] == [response.headers["x-request-id"]]


class TestAccessLog:
    async def test_a_request_is_one_line_without_its_query(self, lines: list[Any]) -> None:
        async with client(application(Middleware(AccessLog))) as http:
            await http.get("/echo?token=abc")
        (line,) = lines
        assert line["level"].name == "INFO"
        assert line["message"].startswith("GET /echo 200 ")
        assert "abc" not in str(line)
        assert line["extra"]["ms"] >= 0
        assert line["extra"]["actor"] is None

    async def test_it_names_the_actor(self, lines: list[Any]) -> None:
        async with client(application(Middleware(AccessLog))) as http:
            await http.get("/me")
        assert lines[0]["extra"]["actor"] == "actor-7"

    async def test_what_is_not_found_is_a_warning(self, lines: list[Any]) -> None:
        async with client(application(Middleware(AccessLog))) as http:
            await http.get("/nowhere/" + "x" * 5000)
        (line,) = lines
        assert line["level"].name == "WARNING"
        assert len(line["message"]) < 600

    async def test_a_crash_is_one_error_with_its_trace_and_an_answer(self, lines: list[Any]) -> None:
        layers = Middleware(RequestId), Middleware(SecurityHeaders), Middleware(AccessLog)
        async with client(application(*layers)) as http:
            response = await http.get("/crash")
        assert response.status_code == 500
        assert response.json()["request_id"] == response.headers["x-request-id"]
        assert response.headers["x-content-type-options"] == "nosniff"
        (line,) = lines
        assert line["level"].name == "ERROR"
        assert line["extra"]["status"] == 500
        assert isinstance(line["exception"].value, RuntimeError)

    async def test_a_crash_amid_an_answer_is_logged_and_passed_on(self, lines: list[Any]) -> None:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("cut short")

        async def stream(request: Request) -> Response:
            return StreamingResponse(half())

        app = Starlette(routes=[Route("/stream", stream)])
        surround(app, [Middleware(AccessLog)])
        async with client(app) as http:
            with pytest.raises(RuntimeError, match="cut short"):
                await http.get("/stream")
        assert [line["level"].name for line in lines] == ["INFO"]
        assert lines[0]["exception"] is not None


class TestSecurityHeaders:
    @pytest.mark.parametrize(("path", "status"), [("/echo", 200), ("/nowhere", 404), ("/crash", 500)])
    async def test_every_answer_has_them(self, path: str, status: int) -> None:
        layers = Middleware(RequestId), Middleware(SecurityHeaders), Middleware(AccessLog)
        async with client(application(*layers)) as http:
            response = await http.get(path)
        assert response.status_code == status
        assert SECURITY_HEADERS.items() <= dict(response.headers).items()
        assert "strict-transport-security" not in response.headers

    async def test_a_page_keeps_its_own_policy_and_loses_the_server_header(self) -> None:
        async with client(application(Middleware(SecurityHeaders))) as http:
            response = await http.get("/page")
        assert response.headers.get_list("content-security-policy") == ["default-src 'self'"]
        assert response.headers["x-frame-options"] == "DENY"
        assert "server" not in response.headers

    @pytest.mark.parametrize(("public_url", "promised"), [("https://a.example", True), ("http://a.example", False)])
    async def test_https_is_promised_where_the_site_has_it(self, public_url: str, promised: bool) -> None:
        async with client(application(Middleware(SecurityHeaders, public_url=public_url))) as http:
            response = await http.get("/echo")
        assert ("strict-transport-security" in response.headers) is promised


class TestBodyLimit:
    LAYERS = (
        Middleware(RequestId),
        Middleware(BodyLimit, default=100, uploads={"/media": 1000, "/media/big": 5000}),
    )

    @pytest.mark.parametrize(
        ("path", "limit"),
        [("/echo", 100), ("/media", 1000), ("/media/small", 1000), ("/media/big", 5000), ("/media-kit", 100)],
    )
    async def test_a_body_up_to_the_limit_passes_and_one_byte_more_does_not(self, path: str, limit: int) -> None:
        async with client(application(*self.LAYERS)) as http:
            accepted = await http.post(path, content=b"x" * limit)
            refused = await http.post(path, content=b"x" * (limit + 1))
        assert accepted.json()["size"] == limit
        assert_problem(refused, 413, f"{limit:,} bytes")

    async def test_a_declared_length_is_refused_before_a_byte_is_read(self) -> None:
        def never() -> Message:
            raise AssertionError("the body was read")

        assert await self.statuses({"content-length": "101"}, never) == [413]

    @pytest.mark.parametrize("declared", [None, "5"])
    async def test_an_endless_body_is_read_no_further_than_the_limit(self, declared: str | None) -> None:
        pieces = 0

        def endless() -> Message:
            nonlocal pieces
            pieces += 1
            return {"type": "http.request", "body": b"x" * 30, "more_body": True}

        assert await self.statuses({"content-length": declared} if declared else {}, endless) == [413]
        assert pieces == 4

    async def test_a_client_that_hangs_up_is_no_large_body(self) -> None:
        with pytest.raises(ClientDisconnect):
            await self.statuses({}, lambda: {"type": "http.disconnect"})

    async def test_a_json_route_of_fastapi_answers_the_same(self) -> None:
        app = FastAPI()

        @app.post("/")
        async def create(data: dict[str, str]) -> dict[str, str]:
            return data

        async def pieces() -> AsyncIterator[bytes]:
            yield b'{"a": "'
            for _ in range(10):
                yield b"x" * 30
            yield b'"}'

        surround(app, self.LAYERS)
        async with client(app) as http:
            assert_problem(await http.post("/", content=pieces()), 413, "100 bytes")
            assert (await http.post("/", json={"a": "x"})).status_code == 200

    async def test_an_answer_already_begun_is_not_replaced(self) -> None:
        async def greedy(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await receive()

        async with client(BodyLimit(greedy, default=100)) as http:
            with pytest.raises(HTTPException, match="413"):
                await http.post("/", content=b"x" * 101, headers={"Content-Length": "0"})

    async def statuses(self, headers: dict[str, str], receive: Callable[[], Message]) -> list[int]:
        """Post to /echo over bare ASGI and return the statuses of the answers."""
        sent: list[Message] = []

        async def receive_async() -> Message:
            return receive()

        async def send(message: Message) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "POST", "path": "/echo", "headers": raw, "query_string": b""}
        await application(*self.LAYERS)(scope, receive_async, send)
        return [message["status"] for message in sent if message["type"] == "http.response.start"]


class TestTrustedHost:
    SITE = Middleware(TrustedHost, public_url="https://News.example:8443/")

    @pytest.mark.parametrize("host", ["news.example", "NEWS.example:8443", "localhost:8000", "127.0.0.1", "[::1]:8000"])
    async def test_our_own_names_are_answered(self, host: str) -> None:
        async with client(application(self.SITE)) as http:
            assert (await http.get("/echo", headers={"Host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "news.example.evil.example",
            "news.example:junk",
            "news.example@evil",
            "",
            "192.0.2.7",
        ],
    )
    async def test_any_other_is_refused(self, host: str) -> None:
        async with client(application(Middleware(RequestId), self.SITE)) as http:
            assert_problem(await http.get("/echo", headers={"Host": host}), 400, "host name")

    async def test_two_hosts_are_refused(self) -> None:
        async with client(application(Middleware(RequestId), self.SITE)) as http:
            headers = [("Host", "news.example"), ("Host", "localhost")]
            assert_problem(await http.get("/echo", headers=headers), 400, "host name")

    @pytest.mark.parametrize(
        ("host", "status"), [("192.0.2.7:8000", 200), ("[2001:db8::1]", 200), ("evil.example", 400)]
    )
    async def test_in_development_any_address_will_do_but_no_foreign_name(self, host: str, status: int) -> None:
        async with client(application(Middleware(TrustedHost, development=True))) as http:
            assert (await http.get("/echo", headers={"Host": host})).status_code == status


class TestClientAddress:
    PROXIES = Middleware(ClientAddress, trusted=["10.0.0.0/8", "2001:db8::/32"])

    @pytest.mark.parametrize(
        ("peer", "forwarded", "seen"),
        [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("2001:db8::1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ],
    )
    async def test_only_a_trusted_proxy_may_name_the_client(self, peer: str, forwarded: str, seen: str) -> None:
        async with client(application(self.PROXIES), peer=peer) as http:
            response = await http.get("/echo", headers={"X-Forwarded-For": forwarded})
        assert response.json()["client"] == seen

    @pytest.mark.parametrize(
        ("peer", "scheme", "seen"),
        [
            ("10.0.0.1", "https", "https"),
            ("10.0.0.1", "gopher", "http"),
            ("203.0.113.9", "https", "http"),
        ],
    )
    async def test_only_a_trusted_proxy_may_name_the_scheme(self, peer: str, scheme: str, seen: str) -> None:
        async with client(application(self.PROXIES), peer=peer) as http:
            response = await http.get("/echo", headers={"X-Forwarded-Proto": scheme})
        assert response.json()["scheme"] == seen

    @pytest.mark.parametrize("peer", ["10.0.0.1", "203.0.113.9"])
    async def test_nothing_below_sees_a_forwarded_header(self, peer: str) -> None:
        names = [
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Prefix",
            "X-Real-IP",
            "X-Original-URL",
        ]
        async with client(application(self.PROXIES), peer=peer) as http:
            response = await http.get("/echo", headers=dict.fromkeys(names, "evil.example"))
        assert not {name.lower() for name in names} & set(response.json()["headers"])

    def test_a_network_that_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError, match="proxy"):
            ClientAddress(Starlette(), trusted=["proxy"])


async def test_lifespan_passes_the_layers_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    starlette = Starlette()
    starlette.build_middleware_stack = lambda: app  # type: ignore[method-assign]  # stands for any application
    surround(starlette, [Middleware(RequestId), Middleware(BodyLimit, default=0)])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nobody speaks")

    await starlette({"type": "lifespan"}, nothing, nothing)
    assert seen == ["lifespan"]
