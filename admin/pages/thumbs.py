"""Small pictures of many files in one: a list shows 25 of them for the price of one request.

Files never change under their names, and neither do their tiles, which are kept; anybody may see a file who knows its
name. A picture that would take long to draw small is left out, and its place stays empty.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from io import BytesIO
from typing import Final

from anyio import CapacityLimiter, to_thread
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from admin.screens import Page
from cms.crud.problems import BadQuery
from cms.media.drawing import cropped
from cms.media.storage import Storage

TILE: Final = 80
"""The sides of a tile in pixels; it is shown at half of that, for dense screens."""
MOST: Final = 100
LARGEST_FILE: Final = 4_000_000
LARGEST_PICTURE: Final = 8_000_000
"""The most bytes, and the most pixels, of a picture that is drawn small here."""
_KEPT: Final = 2_000
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")
_NAME: Final = re.compile(
    r"(?P<key>[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,5})(?:@(?P<x>\d\d?|100)x(?P<y>\d\d?|100))?\Z", re.ASCII
)
"""A file, and the spot around which its tile is cut, in percent of its width and height."""
_DRAWING: Final = CapacityLimiter(1)
_TILES: OrderedDict[str, bytes] = OrderedDict()
"""Tiles by what they are asked for, those that were asked for last at the end."""


async def show_thumbs(request: Request) -> Response:
    """The tiles of the files that the address names, one below the other.

    :raises BadQuery: for what names no files.
    """
    named = [_NAME.match(name) for name in request.query_params.get("of", "").split(",")]
    names = [name for name in named if name is not None]
    if len(named) > MOST or len(names) < len(named):
        raise BadQuery(f"Name 1 to {MOST} files.")
    storage: Storage = request.app.state.storage
    tiles = [await _tile(storage, name) for name in names]
    strip = await to_thread.run_sync(_join, tiles)
    return Response(strip, headers={"Cache-Control": "private, max-age=31536000, immutable"}, media_type="image/webp")


async def _tile(storage: Storage, name: re.Match[str]) -> bytes:
    if name[0] in _TILES:
        _TILES.move_to_end(name[0])
        return _TILES[name[0]]
    try:
        file = await storage.open(name["key"])
    except FileNotFoundError:
        return b""
    content = b"".join([part async for part in file.read()]) if file.size <= LARGEST_FILE else b""
    around = (int(name["x"] or 50) / 100, int(name["y"] or 50) / 100)
    tile = _TILES[name[0]] = await to_thread.run_sync(_draw, content, around, limiter=_DRAWING)
    while len(_TILES) > _KEPT:
        _TILES.popitem(last=False)
    return tile


def _draw(content: bytes, around: tuple[float, float]) -> bytes:
    """A picture as a tile, cut around a spot; nothing where it is none, or too large."""
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > LARGEST_PICTURE:
                return b""
            picture.draft("RGB", (2 * TILE, 2 * TILE))
            (square,) = cropped(picture.size, [("square", 1, 1)], around)
            small = picture.convert("RGB").resize((TILE, TILE), Image.Resampling.BILINEAR, square.box)
    except (OSError, ValueError, Image.DecompressionBombError):
        return b""
    drawn = BytesIO()
    small.save(drawn, "JPEG", quality=75)
    return drawn.getvalue()


def _join(tiles: Sequence[bytes]) -> bytes:
    strip = Image.new("RGBA", (TILE, TILE * len(tiles)))
    for place, tile in enumerate(tiles):
        if tile:
            strip.paste(Image.open(BytesIO(tile)), (0, TILE * place))
    joined = BytesIO()
    strip.save(joined, "WEBP", quality=70)
    return joined.getvalue()


PAGES = (Page("/thumbs", show_thumbs),)
