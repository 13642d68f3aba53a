"""Thumbnails: the pictures of a list in one file, drawn once, and never an error for what can't be drawn."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from admin.pages import thumbs
from cms.content.articles import article
from cms.crud.policy import Role
from cms.media.records import Media
from cms.media.uploads import store_upload
from tests.admin.browsing import Visitor
from tests.admin.test_media import picture
from tests.installation import Installation


async def uploaded(installation: Installation, colour: str, size: tuple[int, int] = (400, 300)) -> Media:
    async with installation.work(Role.EDITOR) as work:
        storage = installation.app.state.storage
        record, _ = await store_upload(work, storage, BytesIO(picture(colour, size)), f"{colour}.png")
    return record


async def test_the_pictures_of_a_list_come_in_one(
    installation: Installation, author: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    red, blue = await uploaded(installation, "red"), await uploaded(installation, "blue", (90, 300))
    missing = f"00/00/{'0' * 64}.png"
    page = await author.get(f"/thumbs?of={red.storage_key},{missing},{blue.storage_key}")
    assert page.response.headers["content-type"] == "image/webp"
    assert "immutable" in page.response.headers["cache-control"]
    strip = Image.open(BytesIO(page.response.content)).convert("RGBA")
    assert strip.size == (80, 240)
    places: list[Any] = [strip.getpixel((40, at)) for at in (40, 120, 200)]
    assert [place[3] for place in places] == [255, 0, 255]
    assert places[0][0] > 200 > places[0][2], "the first is red"
    assert places[2][2] > 200 > places[2][0], "the last is blue"
    monkeypatch.setattr(installation.app.state.storage, "open", None)  # it is asked for no more
    assert (await author.get(f"/thumbs?of={red.storage_key}")).status == 200


async def test_a_tile_is_cut_around_the_focal_point(installation: Installation, editor: Visitor) -> None:
    halves = Image.new("RGB", (400, 100), "red")
    halves.paste("blue", (300, 0, 400, 100))
    drawn = BytesIO()
    halves.save(drawn, "PNG")
    async with installation.work(Role.EDITOR) as work:
        record, _ = await store_upload(work, installation.app.state.storage, BytesIO(drawn.getvalue()), "halves.png")
    path = f"/media/{record.id}"
    body = {"focal_point": {"x": 0.9, "y": 0.5}}
    assert (
        await installation.send("PATCH", path, Role.EDITOR, headers={"If-Match": "*"}, json=body)
    ).status_code == 200
    await installation.make(article, title="Slow tides", cover=str(record.id))
    assert f'data-thumb="{record.storage_key}@90x50"' in (await editor.get("/article/list")).html
    page = await editor.get(f"/thumbs?of={record.storage_key}@90x50,{record.storage_key}")
    strip = Image.open(BytesIO(page.response.content)).convert("RGB")
    around, middle = (strip.getpixel((40, at)) for at in (40, 120))
    assert isinstance(around, tuple)
    assert isinstance(middle, tuple)
    assert (around[2] > 200 > around[0], middle[0] > 200 > middle[2]) == (True, True)


async def test_what_takes_long_to_draw_is_left_out(
    installation: Installation, author: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbs, "LARGEST_PICTURE", 1_000)
    large = await uploaded(installation, "green", (50, 50))
    page = await author.get(f"/thumbs?of={large.storage_key}")
    assert page.status == 200
    assert Image.open(BytesIO(page.response.content)).convert("RGBA").getpixel((40, 40)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "of",
    [
        "",
        "x",
        "../../etc/passwd",
        "00/00/x.png",
        f"00/00/{'0' * 64}.png@101x0",
        ",".join([f"00/00/{'0' * 64}.png"] * 101),
    ],
)
async def test_what_names_no_files_is_refused(author: Visitor, of: str) -> None:
    assert (await author.get(f"/thumbs?of={of}")).status == 400


async def test_rows_have_their_pictures(installation: Installation, editor: Visitor) -> None:
    cover = await uploaded(installation, "teal")
    await installation.make(article, title="Slow tides", cover=str(cover.id))
    await installation.make(article, title="Rope")
    page = await editor.get("/article/list")
    assert page.html.count(f'data-thumb="{cover.storage_key}"') == 1
    assert page.html.count('class="thumb"') == 2
    found = await editor.get(f"/article/peek/{(await installation.rows('articles'))[0]['id']}")
    assert found.response.json()["picture"]["url"] == cover.url
