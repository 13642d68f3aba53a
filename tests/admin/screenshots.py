"""Pictures of the main screens in both themes, for people who want to see before they install: `make screenshots`."""

import asyncio
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from loguru import logger
from PIL import Image
from playwright.async_api import Page

from cms.crud.policy import Role
from cms.main import create_app
from cms.media.rendering import Renderer
from cms.upgrade import upgrade
from tests.admin.chromium import opened, served, started
from tests.admin.newsroom import furnish_newsroom, send
from tests.admin.screens import Screen, main_screens
from tests.databases import Sqlite
from tests.installation import Installation, installed, settings_for

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE = {"width": 1440, "height": 900}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MOST_BYTES = 150_000
PEOPLE = {Role.ADMIN: "Elin Marsh", Role.EDITOR: "Nora Lindqvist", Role.AUTHOR: "Tom Ashby", Role.READER: "Jo Reed"}


async def main() -> None:
    """Furnish a site in a scratch folder, and take its pictures."""
    logger.remove()
    with TemporaryDirectory() as folder:
        settings = settings_for(Sqlite(Path(folder)).empty("site", upgrade), Path(folder, "media"))
        async with installed(create_app(settings), settings) as installation:
            await furnish(installation)
            await take_all(installation)


async def furnish(installation: Installation) -> None:
    """A newsroom of people with names, whose pictures are drawn in every size."""
    for role, name in PEOPLE.items():
        await send(installation, "PATCH", "/users/me", role, json={"name": name}, headers={"If-Match": "*"})
    await furnish_newsroom(installation)
    renderer = Renderer(installation.database, installation.app.state.storage)
    while await renderer.draw_next():
        pass


async def take_all(installation: Installation) -> None:
    """Take every picture, in the place of those taken before."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    screens = await main_screens(installation)
    async with served(installation.app) as url, started() as browser:
        for role in sorted({screen.role for screen in screens.values()}):
            signed_in = role if role in installation.people else None
            async with opened(browser, installation, url, signed_in, viewport=SIZE, reduced_motion="reduce") as window:
                page = await window.context.new_page()
                for name, screen in screens.items():
                    if screen.role == role:
                        await take(page, name, screen)


async def take(page: Page, name: str, screen: Screen) -> None:
    """Take the pictures of a screen."""
    await page.goto(f"/admin{screen.path}", wait_until="networkidle")
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        picture = PICTURES / f"{name}-{theme}.png"
        picture.write_bytes(lighten(await page.screenshot()))


def lighten(png: bytes) -> bytes:
    """The picture with as many colours as fit into a light file; 256 are enough for a screen without photographs."""
    for colours in (256, 128, 64):
        lighter = BytesIO()
        Image.open(BytesIO(png)).convert("RGB").quantize(colours).save(lighter, "PNG", optimize=True)
        if lighter.tell() < MOST_BYTES:
            return lighter.getvalue()
    raise ValueError(f"A picture is larger than {MOST_BYTES} bytes even with 64 colours: show fewer photographs on it.")


if __name__ == "__main__":
    asyncio.run(main())
