"""Values of query parameters: text in, typed value out, `ValueError` with a sentence where it can't be read."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import Any
from uuid import UUID

from cms.crud.fields import parse_time
from cms.crud.folding import fold
from cms.crud.problems import suggestion
from cms.crud.search import MAX_WORDS

MAX_VALUES = 100
"""The most values of one `in`, `nin` or `all`."""
MAX_SEARCH = 200
"""The most characters to look for."""
TEXT_PATTERN = r"^[^\x00]*$"
"""What is text, for the document: NUL is not."""

_WHOLE_NUMBER = re.compile(r"-?\d{1,10}\Z", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?\Z", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z", re.ASCII)
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its usual form."""
    return _UUID.match(text) is not None


def scalar_parser(python_type: type[Any]) -> Callable[[str], Any]:
    """The parser of one value of a type."""
    if issubclass(python_type, StrEnum):
        return enum_of(python_type)
    parsers: dict[type[Any], Callable[[str], Any]] = {
        str: _plain_text,
        int: whole_number(-(2**31), 2**31 - 1),
        float: _number,
        bool: boolean,
        datetime: parse_time,
        UUID: _uuid,
    }
    return parsers[python_type]


def json_schema(python_type: type[Any]) -> dict[str, Any]:
    """The JSON Schema of one value of a type."""
    if issubclass(python_type, StrEnum):
        return {"type": "string", "enum": [member.value for member in python_type]}
    schemas: dict[type[Any], dict[str, Any]] = {
        str: {"type": "string", "maxLength": 2000, "pattern": TEXT_PATTERN},
        int: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        float: {"type": "number"},
        bool: {"type": "boolean"},
        datetime: {"type": "string", "format": "date-time"},
        UUID: {"type": "string", "format": "uuid"},
    }
    return schemas[python_type]


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """The parser of a whole number within bounds, both included."""

    def parse_whole(text: str) -> int:
        if not _WHOLE_NUMBER.match(text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most} is expected.")
        return int(text)

    return parse_whole


def one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    """The parser of a choice."""

    def parse_choice(text: str) -> str:
        if text not in known:
            raise ValueError(f"“{text[:50]}” is none of {', '.join(known)}.{_nearest(text, known)}")
        return text

    return parse_choice


def enum_of(enum: type[StrEnum]) -> Callable[[str], StrEnum]:
    """The parser of a value of an enum."""
    choose = one_of(tuple(member.value for member in enum))
    return lambda text: enum(choose(text))


def names_among(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """The parser of a list of names, each of which has to be known."""

    def parse_names(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in known:
                raise ValueError(f"there is no “{name[:50]}” here.{suggestion(name, known)}")
        if len({name.lstrip("-") for name in names}) < len(names):
            raise ValueError("each name may stand there once.")
        return names

    return parse_names


def _nearest(text: str, known: Iterable[str]) -> str:
    hint = suggestion(text, known)
    return hint if hint.startswith(" Did you mean") else ""


def list_of(parse_item: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """The parser of values between commas; none at all is the empty list."""

    def parse_list_(text: str) -> tuple[Any, ...]:
        items = text.split(",") if text else []
        if len(items) > MAX_VALUES:
            raise ValueError(f"at most {MAX_VALUES} values can be given.")
        return tuple(dict.fromkeys(parse_item(item) for item in items))

    return parse_list_


def boolean(text: str) -> bool:
    """True or false, and nothing else."""
    if text not in {"true", "false"}:
        raise ValueError("true or false is expected.")
    return text == "true"


def _number(text: str) -> float:
    if not _NUMBER.match(text) or not isfinite(float(text)):
        raise ValueError("a number is expected, such as 1.5.")
    return float(text)


def _uuid(text: str) -> UUID:
    if not is_uuid(text):
        raise ValueError("a UUID is expected.")
    return UUID(text)


def _plain_text(text: str) -> str:
    if _NOT_TEXT.search(text):
        raise ValueError("NUL characters and lone surrogates are not text.")
    if len(text) > 2000:
        raise ValueError("that is too long.")
    return text


def short_text(text: str) -> str:
    """A text to look for."""
    if len(text) > MAX_SEARCH:
        raise ValueError(f"at most {MAX_SEARCH} characters can be looked for.")
    return _plain_text(text)


def cursor_text(text: str) -> str:
    """A cursor as it was sent."""
    if not 0 < len(text) <= 2000:
        raise ValueError("that is no cursor of ours; start again without one.")
    return text


def search_words(text: str) -> tuple[str, ...]:
    """The folded words of a search."""
    words = tuple(dict.fromkeys(fold(short_text(text)).split()))
    if len(words) > MAX_WORDS:
        raise ValueError(f"at most {MAX_WORDS} words can be looked for at once.")
    return words
