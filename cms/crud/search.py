"""Searching by substring over folded text, the same on every database.

A record keeps its searchable texts folded in one column; a query is folded the same way and every one of its words
has to occur. A trigram index makes that fast on PostgreSQL, and both databases agree on what matches, to the row.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Index, MetaData, Text, event, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cms.crud.folding import fold
from cms.crud.models import Base

MAX_WORDS = 8
"""The most words of a query; each is one condition."""


def search_text(texts: Iterable[str | None]) -> str:
    """What a record with these texts is found by."""
    return fold("\n".join(text for text in texts if text))


class Searchable:
    """A record that `q` finds; the service keeps `search_text` in step with the declaration's `search_fields`."""

    search_text: Mapped[str] = mapped_column(Text, default="", sort_order=99)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        table: Any = cls
        trigrams = Index(
            f"ix_{table.__tablename__}_search_text_trgm",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        )
        return (trigrams.ddl_if(dialect="postgresql"),)


@event.listens_for(Base.metadata, "before_create")
def _enable_trigrams(_: MetaData, connection: Connection, **options: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))


def refresh_search_text(record: Any, names: tuple[str, ...]) -> None:
    """Bring the text that `q` searches in step with the fields of these names; nothing where there are none."""
    if names:
        record.search_text = search_text(getattr(record, name) for name in names)


class lowered(FunctionElement[str]):  # noqa: N801 - named and used as an SQL function
    """A text in lower case, in every alphabet; by code point, PostgreSQL would lower ASCII alone."""

    type = Text()
    inherit_cache = True


@compiles(lowered)
def _lowered(element: "lowered", compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(lowered, "postgresql")
def _lowered_postgresql(element: "lowered", compiler: SQLCompiler, **options: Any) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "und-x-icu")'


def like_pattern(text: str, before: str = "%", after: str = "%") -> str:
    """A LIKE pattern that matches `text` literally; its escape character is the backslash."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{before}{escaped}{after}"
