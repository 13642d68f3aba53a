"""What every request passes before it reaches a route: pure ASGI layers, each with one job.

From the outside in: RequestId, ClientAddress, SecurityHeaders, AccessLog, TrustedHost. `surround`
puts them around the whole application, its handler of unexpected errors included, so that a 500 has them too,
and hands them HTTP requests only.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from loguru import logger
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

IPAddress = IPv4Address | IPv6Address

SECURITY_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
HTTPS_ONLY: Final = {"strict-transport-security": "max-age=31536000; includeSubDomains"}

_SANE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?")
_FORWARDED = (b"forwarded", b"x-forwarded-", b"x-real-ip", b"x-original-", b"x-rewrite-")
_LONGEST_PATH = 500


def surround(app: Starlette, layers: Sequence[Middleware]) -> None:
    """Put the layers around everything the application does.

    `app.add_middleware` would put them inside Starlette's handler of unexpected errors, whose 500 then left
    without a request id and without security headers.

    :param layers: outermost first.
    """
    build_inner = app.build_middleware_stack

    def build_all() -> ASGIApp:
        inner = stack = build_inner()
        for layer, args, kwargs in reversed(layers):
            stack = layer(stack, *args, **kwargs)

        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            await (stack if scope["type"] == "http" else inner)(scope, receive, send)

        return choose

    app.build_middleware_stack = build_all  # type: ignore[method-assign]  # Starlette calls it once, when first asked


def security_headers(public_url: str) -> dict[str, str]:
    """The headers that every answer of the site at that address has."""
    is_https = urlsplit(public_url).scheme == "https"
    return SECURITY_HEADERS | (HTTPS_ONLY if is_https else {})


class RequestId:
    """Names every request: in `scope["state"]["request_id"]`, on each log line and in `X-Request-ID`.

    An id that comes with the request is kept if it is 8–64 letters, digits, `_` or `-`; else one is made.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered = Headers(scope=scope).get("x-request-id", "")
        request_id = offered if _SANE_ID.fullmatch(offered) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        with logger.contextualize(request_id=request_id):
            await self.app(scope, receive, send_with_id)


class ClientAddress:
    """Finds who is calling when a proxy stands before us, and forgets every forwarded header afterwards.

    Forwarded headers are believed only as far as they come from `trusted` proxies: the client is the first
    address, read from the right, that is none of them. Then they are dropped: no cache key or link has them.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str] = ()) -> None:
        """:param trusted: networks of our proxies, such as "10.0.0.0/8"; ValueError for anything else."""
        self.app = app
        self.trusted = [ip_network(network, strict=False) for network in trusted]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = _address(scope["client"][0]) if self.trusted and scope.get("client") else None
        if peer is not None and self._trusts(peer):
            self._follow(scope, Headers(scope=scope))
        scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(_FORWARDED)]
        await self.app(scope, receive, send)

    def _trusts(self, address: IPAddress) -> bool:
        return any(address in network for network in self.trusted)

    def _follow(self, scope: Scope, headers: Headers) -> None:
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
        for hop in reversed(hops):
            address = _address(hop.strip())
            if address is None:
                break
            scope["client"] = (str(address), 0)
            if not self._trusts(address):
                break
        scheme = ",".join(headers.getlist("x-forwarded-proto")).split(",")[-1].strip().lower()
        if scheme in ("http", "https"):
            scope["scheme"] = scheme


class SecurityHeaders:
    """Gives every answer the headers that keep browsers safe, and takes the `Server` header away.

    A header the answer already carries stays: pages (admin, docs) state the CSP they need themselves.
    """

    def __init__(self, app: ASGIApp, *, public_url: str = "") -> None:
        """:param public_url: the site's address; an https one promises HTTPS for a year (HSTS)."""
        self.app = app
        self.headers = [(name.encode(), value.encode()) for name, value in security_headers(public_url).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                stated = {name for name, _ in message["headers"]}
                kept = [pair for pair in message["headers"] if pair[0] != b"server"]
                message["headers"] = kept + [pair for pair in self.headers if pair[0] not in stated]
            await send(message)

        await self.app(scope, receive, send_with_headers)


class AccessLog:
    """Logs each request once: method, path without query, status, milliseconds, actor, and a crash's trace.

    The line is INFO, WARNING for a 404, ERROR from 500 up. The actor is `scope["state"]["actor_id"]`, if set.
    """

    def __init__(self, app: ASGIApp, *, secret_under: Sequence[str] = ()) -> None:
        """:param secret_under: the beginnings of paths whose rest is a secret; it is struck out."""
        self.app = app
        self.secret_under = secret_under

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        answer = Answer(send)
        try:
            await self.app(scope, receive, answer.send)
        except Exception as error:
            self._log(scope, answer.status or 500, started, error)
            if not answer.is_complete:
                raise
            # Answered and logged with its request id; raised on, the server would log it once more, without.
        else:
            self._log(scope, answer.status, started)

    def _log(self, scope: Scope, status: int, started: float, error: Exception | None = None) -> None:
        path = scope["path"][:_LONGEST_PATH]
        if secret := next(filter(path.startswith, self.secret_under), None):
            path = f"{secret}[redacted]"
        _log_request(scope, path, status, started, error)


class TrustedHost:
    """Answers only to the names this site goes by, so that no link is ever built from a made-up `Host`.

    These are the public URL's host and this machine's own names (localhost, 127.0.0.1, [::1]). In development
    any IP address will do: no foreign page can make a browser send one.
    """

    def __init__(self, app: ASGIApp, *, public_url: str = "", development: bool = False) -> None:
        self.app = app
        self.development = development
        public_host = urlsplit(public_url).hostname
        self.names = {"localhost", "127.0.0.1", "::1"} | ({public_host} if public_host else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_ours(Headers(scope=scope).getlist("host")):
            detail = "This site does not answer to the host name of the request. Use the site's public address."
            await refuse(HTTPStatus.BAD_REQUEST, detail, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_ours(self, hosts: list[str]) -> bool:
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        return name in self.names or (self.development and _address(name) is not None)


class Answer:
    """Passes an answer on and remembers how far it has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.is_complete = False
        self.is_dropped = False

    async def send(self, message: Message) -> None:
        if self.is_dropped:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
        self.is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)


def _log_request(scope: Scope, path: str, status: int, started: float, error: Exception | None) -> None:
    is_crash = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    level = "ERROR" if is_crash else "WARNING" if status == HTTPStatus.NOT_FOUND else "INFO"
    method = scope["method"]
    milliseconds = round((perf_counter() - started) * 1000, 1)
    actor = scope.get("state", {}).get("actor_id")
    logger.bind(method=method, path=path, status=status, ms=milliseconds, actor=actor).opt(exception=error).log(
        level, "{} {} {} {} ms", method, path, status or "without an answer", milliseconds
    )


async def refuse(status: HTTPStatus, detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem (RFC 9457) from outside of the application."""
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "request_id": scope.get("state", {}).get("request_id"),
    }
    response = JSONResponse(problem, status, media_type="application/problem+json")
    await response(scope, receive, send)


def _address(text: str) -> IPAddress | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket that speaks both protocols shows 192.0.2.1 as ::ffff:192.0.2.1.
    return getattr(address, "ipv4_mapped", None) or address
