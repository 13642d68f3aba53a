"""When somebody sees the first row of a list, in a browser that has nothing of the back office yet."""

import shutil
from statistics import median

from playwright.async_api import Browser, async_playwright

from benchmarks.figures import Figure

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
MOST_SECONDS = 0.5
_WATCH = """
const tell = () => { window.seen = performance.now(); };
const look = () => requestAnimationFrame(document.querySelector("main tbody tr")?.offsetHeight ? tell : look);
requestAnimationFrame(look);
"""
"""The first frame after the one in which a row has its place: by then it is drawn."""


async def measure_first_row(kind: str, port: int, cookie: str, *, rounds: int) -> list[Figure]:
    """Seconds from asking for the list of articles until its first row is drawn; nothing where there is no Chromium.

    :param cookie: of somebody who is signed in, as the header says it.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        print("admin-first-row: skipped; Chromium is not on the path.\n")
        return []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        times = [await _first_row(browser, port, cookie) for _ in range(1 + rounds)]
        await browser.close()
    return [Figure(f"{kind}.admin-first-row", median(times[1:]), "s", MOST_SECONDS)]


async def _first_row(browser: Browser, port: int, cookie: str) -> float:
    headers = {"Cookie": cookie, "X-Forwarded-Proto": "https"}
    context = await browser.new_context(extra_http_headers=headers, viewport={"width": 1440, "height": 900})
    await context.add_init_script(_WATCH)
    page = await context.new_page()
    await page.goto(f"http://localhost:{port}/admin/article/list")
    seen = await page.wait_for_function("window.seen")
    milliseconds: float = await seen.json_value()
    await context.close()
    return milliseconds / 1e3
