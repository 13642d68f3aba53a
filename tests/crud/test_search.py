"""Search: every word, anywhere, folded alike on both databases."""

import httpx
import pytest
from sqlalchemy import text

from cms.crud.models import Base
from cms.crud.search import like_pattern, search_text
from cms.database import Database
from tests.crud.conftest import Sky


async def test_trigrams_are_enabled_before_their_index_is_made(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all, tables=[])
        if not database.is_sqlite:
            extensions = (await connection.execute(text("SELECT extname FROM pg_extension"))).scalars().all()
            assert "pg_trgm" in extensions
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            query = text("EXPLAIN SELECT id FROM planets WHERE search_text LIKE '%tides%'")
            plan = " ".join((await connection.execute(query)).scalars())
            assert "ix_planets_search_text_trgm" in plan


def test_what_a_record_is_found_by_is_all_of_its_texts() -> None:
    assert search_text(["Élan  VITAL", None, "", "Straße"]) == "elan vital strasse"


@pytest.mark.parametrize(
    ("text", "pattern"), [("a", "%a%"), ("%", "%\\%%"), ("_", "%\\_%"), ("\\", "%\\\\%"), ("", "%%")]
)
def test_a_pattern_matches_its_text_literally(text: str, pattern: str) -> None:
    assert like_pattern(text) == pattern
    assert like_pattern(text, before="", after="") == pattern[1:-1]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("tide", {"a"}),
        ("TIDE slow", {"a"}),
        ("tide missing", set()),
        ("élan", {"b"}),
        ("ELAN", {"b"}),
        ("100%", {"c"}),
        ("%", {"c"}),
        ("_", {"d"}),
        ("\\", {"d"}),
        ("ice-cream", {"c"}),
        ("'", {"d"}),
        ("", {"a", "b", "c", "d"}),
        ("月", {"b"}),
        ("strasse", {"a"}),
        ("sl ow", {"a"}),
    ],
)
async def test_a_search_finds_every_word(client: httpx.AsyncClient, sky: Sky, q: str, found: set[str]) -> None:
    await sky.planet("a", notes="Slow tides\nin the Straße, and ow")
    await sky.planet("b", summary="Élan 月光")
    await sky.planet("c", notes="100% ice-cream")
    await sky.planet("d", notes="o'clock \\ snake_case")
    page = (await client.get("/planets", params={"q": q, "fields": "name"})).json()
    assert {item["name"] for item in page["items"]} == found
    assert page["total"] == len(found)
