"""What readers ask for most is answered from the indexes made for it: SQLite says which ones it takes.

SQLite keeps no statistics, so that its plans are the same for an empty table as for a full one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from cms.crud.policy import Role
from tests.installation import Installation

pytestmark = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


@contextmanager
def explained() -> Iterator[list[str]]:
    """The plans of all reading statements inside the block, a line each."""
    lines: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_further: Any) -> None:
        if statement.startswith("SELECT"):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            lines.extend(detail for *_, detail in plan)

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield lines
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


async def plan_of(installation: Installation, path: str) -> list[str]:
    await installation.send("GET", path)
    with explained() as lines:
        response = await installation.send("GET", path)
    assert response.status_code == 200, response.text
    assert lines
    return lines


async def test_a_total_of_what_the_public_sees_reads_the_narrow_index_and_no_row(installation: Installation) -> None:
    lines = await plan_of(installation, "/articles?limit=20")
    assert any("COVERING INDEX ix_articles_published_at (" in line for line in lines)


async def test_another_order_is_taken_from_its_index_and_not_sorted_whole(installation: Installation) -> None:
    lines = await plan_of(installation, "/articles?sort=title")
    assert any("USING INDEX ix_articles_title" in line for line in lines)
    assert "USE TEMP B-TREE FOR ORDER BY" not in lines[: lines.index("SCALAR SUBQUERY 1")]


@pytest.mark.parametrize("order", ["created_at", "updated_at", "comment_count"])
@pytest.mark.parametrize("direction", ["", "-"])
async def test_rows_of_one_value_are_not_sorted_for_a_page(
    installation: Installation, order: str, direction: str
) -> None:
    """An import leaves all articles of one time."""
    lines = await plan_of(installation, f"/articles?sort={direction}{order}")
    assert any(f"USING INDEX ix_articles_{order}" in line for line in lines)
    assert not [line for line in lines[: lines.index("SCALAR SUBQUERY 1")] if "TEMP B-TREE" in line]


async def test_comments_of_an_article_are_found_by_it_and_not_among_all_approved(installation: Installation) -> None:
    made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide"})
    path = f"/articles/{made.json()['id']}"
    await installation.send("POST", f"{path}/publish", Role.EDITOR, headers={"If-Match": "*"})
    lines = await plan_of(installation, f"{path}?include=comments")
    assert any("ix_comments_article_id_status (article_id=? AND status=?)" in line for line in lines)


async def test_comments_come_in_the_order_of_their_index(installation: Installation) -> None:
    lines = await plan_of(installation, "/comments?limit=50")
    assert any("COVERING INDEX ix_comments_status_created_at (status=?)" in line for line in lines)
    assert not [line for line in lines if "TEMP B-TREE" in line]
