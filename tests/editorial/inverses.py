"""Whether what was undone is exactly what a change had done."""

from typing import Any
from uuid import UUID

from tests.editorial.contents import TRASHED, Contents
from tests.installation import Installation

DERIVED = {"path", "comment_count", "content_html", "excerpt", "has_own_excerpt", "reading_minutes", "fingerprint"}
"""What follows from other values."""


async def check_inverse(installation: Installation, change: str, before: Contents, after: Contents) -> None:
    """Compare what an undo did with what the change-set had done, as its revisions say."""
    revisions = [row for row in await installation.rows("revisions") if row["change_set_id"] == UUID(change)]
    for row in revisions:
        if row["version"] < 1_000_000:
            _check_given(row, after)
    touched = {str(row["record_id"]) for row in revisions}
    for cell in before.changed(after):
        ids = {cell.key, *cell.key.split("/")}
        assert ids & touched or cell.column in DERIVED, f"{cell} was not of the change that was undone"


def _check_given(row: dict[str, Any], after: Contents) -> None:
    """The record has what it had before that change."""
    table, key = row["record_type"], str(row["record_id"])
    found = after.tables[table].get(key)
    if row["verb"] == "created":
        assert found is None or (table in TRASHED and found["trashed_at"])
        return
    assert found is not None, f"{table} {key} is not there again"
    given = row["content"] if row["verb"] == "deleted" else row["before"]
    for field, value in given.items():
        if field in {"created_at", "links"}:
            continue
        present = after.value(table, key, field)
        if field == "trashed_at":
            present, value = present is None, value is None  # noqa: PLW2901 - when it was trashed is not given back
        assert present == value, f"“{field}” of {table} {key} is {present!r} and was {value!r}"
