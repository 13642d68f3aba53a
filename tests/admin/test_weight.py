"""What the screens that one lives in take over the wire when a browser has nothing of them yet."""

from io import BytesIO

import pytest
from PIL import Image
from playwright.async_api import Page

from cms.content.articles import article
from cms.crud.policy import Role
from cms.media.rendering import Renderer
from cms.media.uploads import store_upload
from tests.admin.chromium import Window
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("server", ["sqlite"], indirect=True)]

MOST_REQUESTS = 15


async def cover(installation: Installation, number: int) -> str:
    """The id of a picture as a camera makes them: half a megabyte that does not get smaller."""
    noise = Image.effect_noise((1000, 700), 90 + number)
    content = BytesIO()
    noise.save(content, "PNG")
    content.seek(0)
    async with installation.work(Role.EDITOR) as work:
        record, _ = await store_upload(work, installation.app.state.storage, content, f"noise-{number}.png")
        return str(record.id)


async def weigh(window: Window, path: str) -> tuple[Page, dict[str, float]]:
    """Open a screen cold; the bytes of every answer, headers included, as the browser counts them."""
    page = await window.context.new_page()
    session = await window.context.new_cdp_session(page)
    await session.send("Network.enable")
    asked: dict[str, str] = {}
    received: dict[str, float] = {}
    session.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    session.on(
        "Network.loadingFinished", lambda event: received.update({event["requestId"]: event["encodedDataLength"]})
    )
    await page.goto(f"/admin/{path}", wait_until="networkidle")
    weights = {asked[key]: size for key, size in received.items() if not asked[key].startswith("data:")}
    return page, weights


async def test_a_list_is_light(installation: Installation, window: Window) -> None:
    covers = [await cover(installation, number) for number in range(3)]
    for number in range(30):
        title = f"A title of usual length, number {number}"
        await installation.make(article, title=title, cover=covers[number % 3])
    page, weights = await weigh(window, "article/list")
    assert await page.locator(".thumb.is-drawn").count() == 25
    assert len(weights) <= MOST_REQUESTS, sorted(weights)
    assert sum(weights.values()) <= 200_000, weights


async def test_the_editor_is_light(installation: Installation, window: Window) -> None:
    chosen = await cover(installation, 0)
    await Renderer(installation.database, installation.app.state.storage).draw_next()
    made = await installation.make(article, title="Slow tides", content="Ebb.\n\n" * 200, cover=chosen)
    page, weights = await weigh(window, f"article/edit/{made.id}")
    assert await page.locator(".md-preview").inner_text() != ""
    assert await page.locator(".media-chosen img").evaluate("image => image.naturalWidth") == 320
    assert len(weights) <= MOST_REQUESTS, sorted(weights)
    assert sum(weights.values()) <= 400_000, weights
