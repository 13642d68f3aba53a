"""The content of an installation as it can be compared: all of it, versions and history aside."""

from typing import Any

from cms.crud.models import Base
from tests.installation import Installation

_ASIDE = {"version", "updated_at", "search_text"}
"""What counts the writes, and what follows from the rest."""


async def dump(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of content, and of those that link them; what is in the trash is not there."""
    content: dict[str, list[dict[str, Any]]] = {}
    trashed: set[Any] = set()
    for name in _tables(installation):
        rows = await installation.rows(name)
        trashed |= {row["id"] for row in rows if row.get("trashed_at") is not None}
        content[name] = [{key: value for key, value in row.items() if key not in _ASIDE} for row in rows]
    return {name: sorted((row for row in rows if not trashed & _ids(row)), key=str) for name, rows in content.items()}


def _tables(installation: Installation) -> list[str]:
    content = {content_type.model.__tablename__ for content_type in installation.registry}
    links = {
        table.name
        for table in Base.metadata.sorted_tables
        if {key.column.table.name for key in table.foreign_keys} <= content and len(table.columns) == 2
    }
    return sorted(content | {name for name in links if Base.metadata.tables[name].foreign_keys})


def _ids(row: dict[str, Any]) -> set[Any]:
    return {value for key, value in row.items() if key in {"id", "article_id", "tag_id"}}
