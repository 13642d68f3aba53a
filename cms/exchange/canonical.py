"""A record as the text of its file, in the one form in which files are written.

Keys stand in the order of the declaration; what equals its default, or is derived, is left out; times are UTC with
`Z`; texts of several lines are literal blocks. Reading such a file gives the record back, to the byte.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import yaml
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo as SchemaField

from cms.crud.fields import Structured
from cms.exchange.layout import CREATED_AT, Layout
from cms.exchange.rows import Row, with_plain_ends

WIDTH = 100
"""Where lines of YAML are broken, in characters."""
_BLOCK = re.compile(r"(?:[^\n]*[^\s]\n+)*[^\n]*[^\s]\n?\Z")
"""Text that a literal block can hold: no line ends in a space."""
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""Characters that only double quotes can name."""


def text_of(layout: Layout, row: Row, names: Mapping[str, Any]) -> str:
    """The text of a record's file.

    :param names: the relations, by name, as the keys that files use.
    """
    values = {name: value for name in layout.keys if (value := _value(layout, row, names, name)) is not _LEFT_OUT}
    front = yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=WIDTH
    )
    if layout.body is None:
        return front
    body = with_plain_ends(row.values[layout.body])
    return f"---\n{front}---\n" + (f"\n{body}\n" if body else "")


_LEFT_OUT: Any = object()


def _value(layout: Layout, row: Row, names: Mapping[str, Any], name: str) -> Any:
    if name == CREATED_AT and name not in layout.content_type.write_fields:
        return row.created_at if layout.is_dated else _LEFT_OUT
    value = names[name] if name in names else row.values[name]
    if name in row.made or _is_default(layout, layout.schema.model_fields[name], name, value):
        return _LEFT_OUT
    kind: Any = layout.content_type.fields[name].column
    if kind is not None and name not in names and isinstance(kind.type, Structured):
        return _sparse(kind.type.type_, value)
    return value


def _is_default(layout: Layout, field: SchemaField, name: str, value: Any) -> bool:
    if value is None:
        return True
    if field.is_required():
        return False
    default = field.get_default(call_default_factory=True)
    kind: Any = layout.content_type.fields[name].column
    if default is not None and kind is not None and isinstance(kind.type, Structured):
        default = kind.type.process_bind_param(default, _NO_DIALECT)
    return bool(value == default)


_NO_DIALECT: Any = None


def _sparse(type_: Any, value: Any) -> Any:
    """A structured value without what equals its defaults."""
    adapter: TypeAdapter[Any] = TypeAdapter(type_)
    return adapter.dump_python(adapter.validate_python(value), mode="json", exclude_defaults=True)


_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):  # type: ignore[misc]  # the one of two classes that this installation has
    """Writes times, choices and long texts as people would."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        return True


def _write_time(dumper: Any, value: datetime) -> Any:
    text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", text)


def _write_text(dumper: Any, value: str) -> Any:
    style = '"' if _ODD.search(value) else "|" if "\n" in value and _BLOCK.match(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _write_choice(dumper: Any, value: Enum) -> Any:
    return dumper.represent_data(value.value)


_Dumper.add_representer(datetime, _write_time)
_Dumper.add_representer(str, _write_text)
_Dumper.add_multi_representer(Enum, _write_choice)
