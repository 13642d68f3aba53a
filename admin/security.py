"""What guards the back office in front of every screen: where a change comes from, its token, and safe headers.

One layer around the whole mounted application, so that no screen, action or error page can be without it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cms.config import Settings

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-robots-tag": "noindex",
}
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FORGED = "This form was not sent from a page of this back office that you have open. Nothing was changed."
MOST_FIELDS, MOST_FILES = 1_000, 20
LONGEST_FIELD = 2_000_000
"""Bytes of one typed field; the largest text that a schema accepts has 400,000 characters."""


Admit = Callable[[Request], Awaitable[Response | None]]
Refuse = Callable[[Request, str], Awaitable[Response]]


class Cookies:
    """The cookies of the back office, and the CSRF tokens that are bound to them.

    :param settings: an installation on HTTPS gets names and flags that no other host, path or scheme can forge.
    """

    def __init__(self, settings: Settings) -> None:
        prefix = "__Host-" if settings.is_https else ""
        self.is_secure = settings.is_https
        self.session = f"{prefix}masthead"
        self.visitor = f"{prefix}masthead-visitor"
        self.notice = f"{prefix}masthead-notice"
        self._key = hmac.digest(settings.secret_key.get_secret_value().encode(), b"masthead:csrf", hashlib.sha256)

    def set(self, response: Response, name: str, value: str, seconds: int) -> None:
        """Keep a value in the browser, out of reach of scripts and of requests from other sites."""
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self.is_secure, httponly=True, samesite="strict"
        )

    def drop(self, response: Response, name: str) -> None:
        """Have the browser forget a value."""
        response.delete_cookie(name, path="/", secure=self.is_secure, httponly=True, samesite="strict")

    def seed(self, cookies: Mapping[str, str]) -> str | None:
        """What the browser's tokens are bound to: its session, or before that a value of its own."""
        return cookies.get(self.session) or cookies.get(self.visitor)

    def token(self, seed: str) -> str:
        """The token that forms of this browser carry."""
        return hmac.new(self._key, seed.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def is_token(self, token: str, cookies: Mapping[str, str]) -> bool:
        """Whether a form came with the token of the browser that sends it."""
        seed = self.seed(cookies)
        return seed is not None and hmac.compare_digest(self.token(seed).encode(), token.encode("utf-8", "replace"))


def new_seed() -> str:
    """A value for a browser that has no session yet."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets a change pass only if a page of ours sent it; puts safe headers on every answer.

    The form is read here, once, for its token; screens find it with `form_of`.

    :param app: the back office.
    :param admit: what to answer to somebody who may not send anything; None for all others. It is asked before the
        form is read, so that strangers can't have files taken in.
    :param refuse: makes the page that tells why a request was not let in.
    """

    def __init__(self, app: ASGIApp, *, cookies: Cookies, admit: Admit, refuse: Refuse) -> None:
        self.app = app
        self.cookies = cookies
        self.admit = admit
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in PAGE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send_with_headers)
            return
        request = Request(scope, receive)
        answer = await self.admit(request) if is_own(request.headers) else await self.refuse(request, FORGED)
        if answer is not None:
            await answer(scope, receive, send_with_headers)
            return
        form = await _read_form(request)
        try:
            if self._has_token(request, form):
                scope.setdefault("state", {})["form"] = form
                await self.app(scope, receive, send_with_headers)
            else:
                refusal = await self.refuse(request, FORGED)
                await refusal(scope, receive, send_with_headers)
        finally:
            await form.close()

    def _has_token(self, request: Request, form: FormData) -> bool:
        token = form.get("csrf_token") or request.headers.get("x-csrf-token") or ""
        return self.cookies.is_token(str(token), request.cookies)


def is_own(headers: Headers) -> bool:
    """Whether a request that changes something comes from a page of this host, as far as the browser tells."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    return origin is None or (bool(urlsplit(origin).netloc) and urlsplit(origin).netloc == headers.get("host"))


def wants_json(request: Request) -> bool:
    """Whether a script of a page asks, and wants its answer as JSON."""
    return "json" in request.headers.get("accept", "")


def form_of(request: Request) -> FormData:
    """The form that a request sent, read by the guard; empty where there is none."""
    form: FormData = getattr(request.state, "form", FormData())
    return form


async def _read_form(request: Request) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        return FormData()
    try:
        return await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD)
    except HTTPException:
        return FormData()  # not a form: it then has no token either
