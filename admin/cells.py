"""How a value is shown in a list and on a page: what kind of thing it is, and its text."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import yaml

from admin.clock import SHOWN_FORMAT, local, shown
from admin.fields import label_of
from cms.crud.fields import Control
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo

MOST_CHARACTERS = 140


class Cell(NamedTuple):
    """A value to show.

    :param kind: the name of the macro that draws it.
    :param raw: what machines read, such as the time with its zone.
    :param title: more of it, for a closer look.
    """

    kind: str
    text: str
    raw: str = ""
    title: str = ""


UNKNOWN = Cell("empty", "—")
"""What is shown where there is nothing to show."""


def cell_of(registry: Registry, info: FieldInfo, value: Any, *, is_short: bool = True) -> Cell:
    """A field's value as people see it.

    :param is_short: whether long texts are cut.
    """
    if value is None or value in ("", []):
        return UNKNOWN
    if info.is_relation:
        title = registry.target_of(info).title_field
        items = value if isinstance(value, list) else [value]
        return Cell("text", ", ".join(str(item.get(title) or item["id"]) for item in items))
    if isinstance(value, bool):
        return Cell("flag", "Yes" if value else "No")
    if isinstance(value, StrEnum):
        return Cell("badge", label_of(value.value), value.value)
    if isinstance(value, datetime):
        raw = value.astimezone(UTC).isoformat(timespec="seconds")
        return Cell("time", local(value).strftime(SHOWN_FORMAT), raw, shown(value))
    return _text(info, value, is_short=is_short)


def _text(info: FieldInfo, value: Any, *, is_short: bool) -> Cell:
    if info.name == "size":
        return Cell("number", _bytes(int(value)))
    if isinstance(value, int):
        return Cell("number", f"{value:,}")
    if isinstance(value, (dict, list)):
        return Cell("code", yaml.safe_dump(value, allow_unicode=True, sort_keys=False).strip())
    text = str(value)
    if is_short:
        line = " ".join(text.split())
        return Cell("text", line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS].rstrip()}…")
    return Cell("code" if info.rules.control in {Control.MARKDOWN, Control.HTML} else "text", text)


def _bytes(size: int) -> str:
    """A number of bytes in the unit that reads best."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.0f} KB" if size < 1e6 else f"{size / 1e6:.1f} MB"
