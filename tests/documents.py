"""A strict reading of the OpenAPI document: whether a JSON value is what a schema of it says."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

Schema = dict[str, Any]


class Document:
    """An OpenAPI document.

    :param content: the document, parsed.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.schemas: dict[str, Schema] = content["components"]["schemas"]

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every method, path and operation."""
        for path, item in self.content["paths"].items():
            for method, operation in item.items():
                yield method.upper(), path, operation

    def resolved(self, schema: Schema) -> Schema:
        """The schema that a reference names, with what stands beside the reference."""
        if "$ref" not in schema:
            return schema
        return {**self.schemas[schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}

    def body_schema(self, path: str, method: str, status: str = "200") -> Schema:
        """The schema of an operation's JSON answer."""
        answer = self.content["paths"][path][method.lower()]["responses"][status]
        schema: Schema = answer["content"]["application/json"]["schema"]
        return schema

    def faults(self, value: Any, schema: Schema, where: str = "", *, whole: bool = True) -> list[str]:
        """Where a value is not what the schema says; empty if it is.

        :param whole: whether a member that the schema does not name is a fault, as it is in an answer.
        """
        schema = self.resolved(schema)
        if "anyOf" in schema:
            tried = [self.faults(value, option, where, whole=whole) for option in schema["anyOf"]]
            return [] if [] in tried else min(tried, key=len)
        found = [f"{where}: {value!r} breaks {keyword}" for keyword in schema if not _holds(keyword, schema, value)]
        if found or not isinstance(value, list | dict):
            return found
        if isinstance(value, list):
            items = enumerate(value)
            return [f for i, item in items for f in self.faults(item, schema["items"], f"{where}/{i}", whole=whole)]
        return self._faults_of_members(value, schema, where, whole=whole)

    def _faults_of_members(self, value: dict[str, Any], schema: Schema, where: str, *, whole: bool) -> list[str]:
        known = schema.get("properties", {})
        closed = whole or schema.get("additionalProperties") is False
        found = [f"{where}/{name}: unknown" for name in value if closed and name not in known]
        found += [f"{where}/{name}: missing" for name in schema.get("required", ()) if name not in value]
        for name in value.keys() & known.keys():
            found += self.faults(value[name], known[name], f"{where}/{name}", whole=whole)
        return found


_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda rule, value: isinstance(value, _TYPES[rule]) and (rule == "boolean" or not isinstance(value, bool)),
    "enum": lambda rule, value: value in rule,
    "const": lambda rule, value: bool(value == rule),
    "minLength": lambda rule, value: len(value) >= rule,
    "maxLength": lambda rule, value: len(value) <= rule,
    "pattern": lambda rule, value: re.search(rule, value) is not None,
    "minimum": lambda rule, value: bool(value >= rule),
    "maximum": lambda rule, value: bool(value <= rule),
    "minItems": lambda rule, value: len(value) >= rule,
    "maxItems": lambda rule, value: len(value) <= rule,
    "uniqueItems": lambda _, value: len(value) == len(set(value)),
    "format": lambda rule, value: _FORMATS[rule](value),
}
_SILENT = {
    "title", "description", "default", "examples", "example", "properties", "required", "items", "additionalProperties",
}  # fmt: skip


def _is_time(value: str) -> bool:
    return datetime.fromisoformat(value).utcoffset() is not None and value.endswith("Z")


_FORMATS: dict[str, Callable[[str], bool]] = {
    "uuid": lambda value: str(UUID(value)) == value,
    "date-time": _is_time,
    "password": bool,
}


def _holds(keyword: str, schema: Schema, value: Any) -> bool:
    if keyword in _SILENT:
        return True
    try:
        return _CHECKS[keyword](schema[keyword], value)
    except (TypeError, ValueError):
        return False
