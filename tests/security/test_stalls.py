"""The event loop never stands still: what takes long runs beside it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from cms.content.articles import article
from cms.crud.policy import Role
from tests.installation import Installation

SLOW = 0.1
"""Seconds for which one callback may hold the loop."""
TRIES = 3
"""A callback that is slow each time is slow; one that is so once was kept waiting by this machine."""

Ask = Callable[[Installation], Awaitable[httpx.Response]]


def get(path: str, role: Role = Role.ANONYMOUS) -> Ask:
    return lambda site: site.send("GET", path, role)


def browse(path: str) -> Ask:
    async def ask(site: Installation) -> httpx.Response:
        cookie = {"Cookie": f"masthead={site.people[Role.ADMIN].cookie}"}
        return await site.client.get(f"/admin/{path}", headers=cookie)

    return ask


async def sign_in(site: Installation) -> httpx.Response:
    body = {"email": "nobody@example.org", "password": "wrong gravel teapot"}
    return await site.send("POST", "/auth/login", json=body)


async def write(site: Installation) -> httpx.Response:
    content = "# A heading\n\nSome *words* and a [link](https://example.org) more.\n\n" * 300
    return await site.send("POST", "/articles", Role.EDITOR, json={"title": "Long", "content": content})


async def upload(site: Installation) -> httpx.Response:
    content = BytesIO()
    Image.effect_noise((2400, 1600), 80).convert("RGB").save(content, "JPEG")
    files = {"file": ("noise.jpg", content.getvalue(), "image/jpeg")}
    return await site.send("POST", "/media", Role.EDITOR, files=files, data={"alt": "Noise"})


REQUESTS: dict[str, Ask] = {
    "a list": get("/articles?limit=100"),
    "a search": get("/articles?q=words&limit=100"),
    "an article": get("/articles/article-7"),
    "drafts": get("/articles?published_at__isnull=true", Role.EDITOR),
    "a sign-in": sign_in,
    "a long text": write,
    "a large picture": upload,
    "a screen": browse("article/list"),
    "a form": browse("article/create"),
}


@pytest.fixture
def stalls() -> Iterator[list[str]]:
    """What asyncio, in its debug mode, says of callbacks that took too long."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener, asyncio_logger = Listener(logging.WARNING), logging.getLogger("asyncio")
    asyncio_logger.addHandler(listener)
    yield said
    asyncio_logger.removeHandler(listener)


@pytest.mark.parametrize("name", REQUESTS)
async def test_no_request_holds_the_event_loop(installation: Installation, stalls: list[str], name: str) -> None:
    """R45."""
    values: dict[str, Any] = {"content": "Some words. " * 100, "published_at": "2026-01-01T00:00:00Z"}
    for number in range(30):
        await installation.make(article, title=f"Article {number}", **values)
    loop = asyncio.get_running_loop()
    await REQUESTS[name](installation)  # whatever is made once and kept
    loop.slow_callback_duration = SLOW
    loop.set_debug(True)
    try:
        for _ in range(TRIES):
            stalls.clear()
            answer = await REQUESTS[name](installation)
            assert answer.status_code < 500, answer.text
            if not [line for line in stalls if line.startswith("Executing")]:
                return
    finally:
        loop.set_debug(False)
    pytest.fail("\n".join(stalls))
