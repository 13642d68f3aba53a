"""What OpenAPI says of a field beside its type: a sentence and an example."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from cms.crud.fields import Control
from cms.crud.structure import FieldInfo

_BY_CONTROL: dict[Control, Any] = {
    Control.TEXTAREA: "Water takes its time.",
    Control.MARKDOWN: "## Slow tides\n\nWater takes its time.",
    Control.HTML: '<h2 id="uc-slow-tides">Slow tides</h2>\n<p>Water takes its time.</p>\n',
    Control.SLUG: "slow-tides",
    Control.URL: "/about",
    Control.EMAIL: "ann@example.org",
    Control.PASSWORD: "nine lighthouses at dusk",
}
_BY_TYPE: dict[type[Any], Any] = {
    bool: True,
    int: 1,
    float: 1.5,
    datetime: "2026-11-22T08:00:00Z",
    UUID: "01a205d0-73e4-7308-bf85-5f083ee8aa18",
}


def described(field: FieldInfo) -> dict[str, Any]:
    """The arguments of Pydantic's `Field` that document a field."""
    members: dict[str, Any] = {"description": field.rules.hint or f"{field.name.replace('_', ' ').capitalize()}."}
    example = _example(field)
    return members if example is None else {**members, "examples": [example]}


def described_key(field: FieldInfo) -> dict[str, Any]:
    """The same for a field that names related records."""
    label = field.name.replace("_", " ").capitalize()
    return {"description": f"{label}, by id or by the name it goes by (its slug, its path)."}


def _example(field: FieldInfo) -> Any:
    kind = field.python_type
    if field.rules.example is not None:
        return field.rules.example
    if kind is str:
        plain = None if field.rules.pattern else "Slow tides"
        return _BY_CONTROL.get(field.rules.control, plain)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    return _BY_TYPE.get(kind) if isinstance(kind, type) else None
