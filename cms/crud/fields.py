"""Column types of content: one annotation is the column, its validation and its form control.

`title: Mapped[Title]` says everything there is to say about a title: `VARCHAR(200)`, at least one character,
a text input. A length is written once, here; schemas and forms read it from the column.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function
from sqlalchemy import JSON, ColumnElement, DateTime, Dialect, Enum, String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import MappedColumn, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

V = TypeVar("V")

SLUG_PATTERN = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
PATH_PATTERN = r"^/[^\s?#\\]*$"
URL_HINT = "An http(s) address, or a path of this site such as /about."
URL_PATTERN = r"^(?:https?://[^\s/?#]+[^\s]*|/(?:[^\s\\/][^\s\\]*)?|mailto:[^\s]+)$"


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


class Control(StrEnum):
    """The form control that a field asks for; a back office maps each to its own widget."""

    TEXT = "text"
    TEXTAREA = "textarea"
    MARKDOWN = "markdown"
    HTML = "html"
    SLUG = "slug"
    URL = "url"
    EMAIL = "email"
    TIME_ZONE = "time_zone"
    PASSWORD = "password"  # noqa: S105 - the name of a control, not a secret


@dataclass(frozen=True, slots=True)
class Rules:
    """What a column asks of its values, beyond the type and the length that the column itself knows.

    :param control: the form control.
    :param minimum: the fewest characters of a text.
    :param within: the least and the greatest whole number.
    :param pattern: a regular expression that the whole value has to match.
    :param hint: one sentence for people, shown in forms and in OpenAPI.
    :param example: a value that shows what is meant, in OpenAPI.
    :param derived: whether the value, where it is absent, is found by the service; replacing leaves it alone.
    """

    control: Control = Control.TEXT
    minimum: int = 0
    pattern: str | None = None
    hint: str = ""
    derived: bool = False
    within: tuple[int, int] = (-(2**31), 2**31 - 1)
    example: str | int | None = None


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time: aware in Python, UTC in the database; SQLite, which knows no zones, gives the same."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time needs a zone.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back that SQLite does not keep."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Structured(TypeDecorator[Any]):
    """A typed value kept as JSON: anything that Pydantic can validate, such as a model or a list of models.

    :param type_: the Python type, e.g. `Seo` or `list[MenuItem]`; it is what schemas and OpenAPI show.
    """

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, type_: Any) -> None:
        super().__init__()
        self.type_ = type_
        self._adapter: TypeAdapter[Any] = TypeAdapter(type_)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Dump to plain JSON values, in the order of declaration; what was loaded is plain already."""
        return None if value is None else self._adapter.dump_python(value, mode="json", warnings=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Plain JSON values, as stored: readers pass them on, writers validate anew."""
        return value

    def compare_values(self, x: Any, y: Any) -> bool:
        """Compare what would be stored, so that assigning an equal value is no change."""
        return bool(self.process_bind_param(x, _NO_DIALECT) == self.process_bind_param(y, _NO_DIALECT))


_NO_DIALECT: Any = None  # dumping does not depend on the database


class now(FunctionElement[datetime]):  # noqa: N801 - named and used as an SQL function
    """The database's clock, in the form that `UTCDateTime` stores: visibility follows one clock, not each node's."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(now)
def _now(element: "now", compiler: SQLCompiler, **options: Any) -> str:
    return "now()"


@compiles(now, "sqlite")
def _now_sqlite(element: "now", compiler: SQLCompiler, **options: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


class likely(FunctionElement[bool]):  # noqa: N801 - named and used as an SQL function
    """Tell SQLite, which keeps no statistics, that most rows pass a condition; PostgreSQL knows it from its own.

    It names no type: of a boolean, SQLAlchemy would make `likely(…) = 1`, in which SQLite sees no hint.
    """

    inherit_cache = True


@compiles(likely)
def _likely(element: "likely", compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses.self_group(), **options)


@compiles(likely, "sqlite")
def _likely_sqlite(element: "likely", compiler: SQLCompiler, **options: Any) -> str:
    return f"likely({compiler.process(element.clauses, **options)})"


def as_predicate(expression: Any) -> ColumnElement[bool]:
    """Name the type of a boolean SQL expression that came from an untyped attribute of an aliased class."""
    predicate: ColumnElement[bool] = expression
    return predicate


def text_type(length: int | None = None) -> TypeEngine[str]:
    """A text type that sorts and compares by code point on both databases, so that both give the same order."""
    plain: TypeEngine[str] = String(length) if length else Text()
    by_code_point: TypeEngine[str] = String(length, collation="C") if length else Text(collation="C")
    return plain.with_variant(by_code_point, "postgresql")


def text(length: int | None = None, rules: Rules = Rules(), **options: Any) -> MappedColumn[str]:
    """A text column of at most `length` characters, with the rules that schemas and forms read from it."""
    return mapped_column(text_type(length), info={"rules": rules}, **options)


def choice(enum: type[StrEnum], **options: Any) -> MappedColumn[Any]:
    """A column that holds one value of a `StrEnum`, stored as that value."""
    kind = Enum(enum, native_enum=False, length=32, values_callable=lambda e: [member.value for member in e])
    return mapped_column(kind, **options)


def structured(type_: Any, **options: Any) -> MappedColumn[Any]:
    """A column that holds a typed value as JSON."""
    return mapped_column(Structured(type_), **options)


ShortText = Annotated[str, text(200)]
Name = Annotated[str, text(100, Rules(minimum=1))]
Title = Annotated[str, text(200, Rules(minimum=1))]
Summary = Annotated[str, text(500, Rules(Control.TEXTAREA))]
LongText = Annotated[str, text(None, Rules(Control.TEXTAREA))]
Markdown = Annotated[str, text(None, Rules(Control.MARKDOWN, hint="Markdown (CommonMark)."))]
Html = Annotated[str, text(None, Rules(Control.HTML, hint="Rendered from the Markdown and sanitised."))]
Email = Annotated[str, text(254, Rules(Control.EMAIL, minimum=3))]
Url = Annotated[
    str,
    text(2000, Rules(Control.URL, 1, URL_PATTERN, URL_HINT)),
]
Path = Annotated[
    str,
    text(
        1000, Rules(Control.URL, 1, PATH_PATTERN, "A path of this site such as /old/address.", example="/old/address")
    ),
]
Slug = Annotated[
    str,
    text(
        120,
        Rules(
            Control.SLUG,
            1,
            SLUG_PATTERN,
            "Lower-case letters, digits and hyphens, such as slow-tides.",
            derived=True,
        ),
        unique=True,
    ),
]

MAX_TEXT = 400_000
"""The most characters of a text without a length of its own: about ten novels' chapters, far below any body limit."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def refuse_unstorable(value: V) -> V:
    """Refuse what not every database can hold, in a text or anywhere inside a structured value.

    :raises ValueError: for NUL (PostgreSQL has none), lone surrogates (not text in any encoding), and numbers that are
        infinite or none (not JSON).
    """
    if isinstance(value, str) and ("\0" in value or (not value.isascii() and _SURROGATE.search(value))):
        raise ValueError("NUL characters and lone surrogates can't be stored; remove them.")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("Infinite numbers can't be stored; name a finite one.")
    if isinstance(value, dict):
        refuse_unstorable([*value, *value.values()])
    if isinstance(value, list):
        for item in value:
            refuse_unstorable(item)
    return value


@dataclass(frozen=True, slots=True)
class Matching:
    """An annotation: a text that matches a pattern as a whole, told so in a sentence and not by the pattern.

    :param pattern: a regular expression that Python and JSON Schema (ECMA 262) read alike.
    :param sentence: what to write instead.
    """

    pattern: str
    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"That does not fit here. {self.sentence}".strip())
        return value


_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)


def parse_time(text: str) -> datetime:
    """A point in time in RFC 3339 form, with its zone.

    :returns: the same point in UTC.
    :raises ValueError: with a sentence.
    """
    if not _TIME.match(text):
        raise ValueError("a time with a zone is expected, such as 2026-11-22T08:00:00Z.")
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"“{text}” is no date.") from None


def _time(value: object) -> datetime:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return parse_time(value.isoformat())
    raise ValueError("A time with a zone is expected, such as 2026-11-22T08:00:00Z.")


Time = Annotated[datetime, BeforeValidator(_time)]
"""A point in time in a body: RFC 3339, with a zone; UTC once it is read."""


class Model(BaseModel):
    """Base of structured values: unknown keys are refused, never dropped."""

    model_config = {"extra": "forbid", "str_strip_whitespace": True}
