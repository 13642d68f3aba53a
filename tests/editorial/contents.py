"""All content of an installation as one value that can be compared, trash and waiting work included."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from cms.crud.models import Base
from cms.editorial.draft_values import changes_of
from cms.editorial.pending import Draft
from tests.installation import Installation

TABLES = ("categories", "tags", "menus", "redirects", "pages", "articles", "article_tags", "comments", "drafts")
TRASHED = ("pages", "articles")
_ASIDE = {"version", "updated_at", "search_text", "base_version", "base", "derived", "actor_id"}
"""What counts the writes, and what follows from the rest."""

Rows = dict[str, dict[str, Any]]
"""The rows of a table, by their keys."""


class Cell(NamedTuple):
    """One value of one row."""

    table: str
    key: str
    column: str


class Contents:
    """The rows of all tables of content.

    :param tables: by name, the rows by their keys; times as texts.
    """

    def __init__(self, tables: dict[str, Rows]) -> None:
        self.tables = tables

    def rows(self, table: str, *, trashed: bool | None = False) -> list[dict[str, Any]]:
        """The rows of a table, the oldest first; those in the trash, those that are not, or (None) both."""
        found = sorted(self.tables[table].items(), key=lambda item: (item[1].get("created_at", ""), item[0]))
        return [row for _, row in found if trashed is None or bool(row.get("trashed_at")) is trashed]

    def comparable(self, known: "Contents") -> dict[str, Rows]:
        """What has to be equal, where `known` is to be there again.

        What is in the trash, and was nowhere then, is left out: what was made is taken back by way of the trash.
        """
        made = {
            row["id"]
            for name in TRASHED
            for row in self.rows(name, trashed=True)
            if row["id"] not in known.tables[name]
        }
        return {
            name: {key: self._seen(name, row) for key, row in rows.items() if not made & _ids(row)}
            for name, rows in self.tables.items()
        }

    def cells(self) -> Iterator[tuple[Cell, Any]]:
        """Every value."""
        for name, rows in self.tables.items():
            for key, row in rows.items():
                for column, value in self._seen(name, row).items():
                    yield Cell(name, key, column), value

    def changed(self, later: "Contents") -> set[Cell]:
        """The values that are others later."""
        before, after = dict(self.cells()), dict(later.cells())
        return {cell for cell in before.keys() | after.keys() if before.get(cell) != after.get(cell)}

    def value(self, table: str, key: str, field: str) -> Any:
        """A field of a record as revisions have it."""
        row = self.tables[table][key]
        if table == "articles" and field == "tags":
            return sorted(link["tag_id"] for link in self.rows("article_tags") if link["article_id"] == key)
        return row[f"{field}_id"] if f"{field}_id" in row else row[field]

    def _seen(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        """A row as it is compared: of the trash is asked what comes back with what, and not since when it is there."""
        if table not in TRASHED or row["trashed_at"] is None:
            return row
        above = self.tables[table].get(row.get("parent_id") or "")
        together = above is not None and above["trashed_at"] == row["trashed_at"]
        return {**row, "trashed_at": "with what is above" if together else "by itself", "path": None}


async def read_contents(installation: Installation) -> Contents:
    """What is there now."""

    def read(connection: Connection) -> dict[str, Rows]:
        return {name: _rows(connection, name) for name in TABLES}

    return Contents(await installation.database.read(read))


def _rows(connection: Connection, name: str) -> Rows:
    table = Base.metadata.tables[name]
    found = [
        {key: _plain(value) for key, value in row.items() if key not in _ASIDE}
        for row in connection.execute(select(table)).mappings()
    ]
    if name == "drafts":
        # What a draft leaves alone follows what is public: what counts is what it changed, if anything.
        changed = [(row, changes_of(row["content"], base)) for row, base in _full_drafts(connection, found)]
        found = [{**row, "content": changes} for row, changes in changed if changes]
    return {"/".join(str(row[column.key]) for column in table.primary_key.columns): row for row in found}


def _full_drafts(connection: Connection, found: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any]]:
    bases = {str(row.record_id): row.base for row in connection.execute(select(Draft.record_id, Draft.base))}
    return [(row, bases[row["record_id"]]) for row in found if row["content"] is not None]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value


def _ids(row: dict[str, Any]) -> set[Any]:
    return {row.get(name) for name in ("id", "article_id", "record_id")}
