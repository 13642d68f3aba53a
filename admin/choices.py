"""Related records as forms and lists offer them: by title, and pictures by what they show."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from cms.media.records import MEDIA_PATH


class Choice(NamedTuple):
    """A record that a relation can name.

    :param image: the address of a small picture of it, where it is one. :param alt: what that shows.
    """

    id: str
    label: str
    image: str | None = None
    alt: str | None = None


def choice_of(item: dict[str, Any], title: str) -> Choice:
    """A record's short form as a choice."""
    picture, alt = (thumbnail_of(item), str(item.get("alt") or "")) if item.get("width") else (None, None)
    return Choice(str(item["id"]), str(item.get(title) or item["id"]), picture, alt)


def thumbnail_of(item: Mapping[str, Any]) -> str:
    """Where a picture is served as small as it is drawn; whole, until it is."""
    drawn: list[dict[str, Any]] = item["renditions"]
    smallest = min(drawn, key=lambda each: (each["width"], each["type"] != "image/webp"), default=item)
    return str(smallest["url"])


def tile_of(item: Mapping[str, Any]) -> str:
    """How the tile of a picture is asked for: its smallest file, and around which spot it is cut, in percent."""
    file, focal = thumbnail_of(item).removeprefix(MEDIA_PATH), item["focal_point"]
    return f"{file}@{round(focal['x'] * 100)}x{round(focal['y'] * 100)}" if focal else file
