"""A real browser before a running installation, and what it complains of."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    WebError,
    async_playwright,
    expect,
)

from cms.crud.policy import Role
from tests.installation import Installation

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
expect.set_options(timeout=20_000)  # milliseconds: a busy machine is slow, which is nothing that these tests judge
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (broken) => {
  window.broken.push(`${broken.violatedDirective} ${broken.blockedURI}`);
});
"""


class Window:
    """A browser of somebody.

    :param url: the site's; whatever is fetched from elsewhere is noise as well.
    :param noise: what it complained of: errors in the console, questions, broken policies.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.noise: list[str] = []
        context.on("request", self._fetch)
        context.on("console", self._hear)
        context.on("weberror", self._see)
        context.on("dialog", self._answer)

    async def sign_in(self, cookie: str) -> None:
        """Let the one of that session sign in, with all tabs."""
        await self.context.add_cookies([{"name": "masthead", "value": cookie, "url": self.url}])

    async def open(self, path: str) -> Page:
        """A new tab at an address below `/admin`."""
        page = await self.context.new_page()
        await page.goto(f"/admin/{path}")
        return page

    def _fetch(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.noise.append(f"fetched {request.url}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.noise.append(message.text)

    def _see(self, error: WebError) -> None:
        self.noise.append(str(error.error))

    async def _answer(self, dialog: Dialog) -> None:
        self.noise.append(f"asked: {dialog.type}")
        await dialog.accept()


def chromium_path() -> str:
    """Where Chromium is."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("needs Chromium on the path")
    return path


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """A browser without a window on the screen."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The application on a port of its own; the address of the site."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, ws="none", lifespan="off", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        try:
            yield f"http://localhost:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def broken_in(page: Page) -> list[str]:
    """What went wrong in a page, once it stands still: one that is just being left can't be asked."""
    while True:
        await page.wait_for_load_state()
        try:
            broken: list[str] = await page.evaluate("window.broken || []")
        except Error as error:
            if "context was destroyed" not in error.message:
                raise
        else:
            return broken


@asynccontextmanager
async def opened(
    browser: Browser, installation: Installation, url: str, role: Role | None = None, **options: Any
) -> AsyncIterator[Window]:
    """A window in which the one of that role is signed in; quiet unless a test takes its noise away first."""
    context = await browser.new_context(base_url=url, **options)
    await context.add_init_script(WATCH)
    window = Window(context, url)
    if role is not None:
        await window.sign_in(installation.people[role].cookie)
    try:
        yield window
        for page in context.pages:
            window.noise += await broken_in(page)
    finally:
        await context.close()
    assert window.noise == []
