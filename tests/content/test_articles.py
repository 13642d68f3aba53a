"""Articles: what is derived from the text, who writes them, and that no two share a slug."""

import asyncio
from typing import Any

import pytest

from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

LONG = "Water *waits* for nobody. " * 40
ANY = {"If-Match": "*"}


async def write(installation: Installation, role: Role = Role.EDITOR, **values: Any) -> dict[str, Any]:
    response = await installation.send("POST", "/articles", role, json={"title": "Tide", **values})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def change(installation: Installation, record: dict[str, Any], **values: Any) -> dict[str, Any]:
    path = f"/articles/{record['id']}"
    response = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json=values)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_an_excerpt_is_made_from_the_text_and_follows_it(installation: Installation) -> None:
    made = await write(installation, content=LONG)
    assert made["excerpt"].startswith("Water waits for nobody.")
    assert len(made["excerpt"]) <= 500
    changed = await change(installation, made, content="Ebb.")
    assert changed["excerpt"] == "Ebb."


async def test_an_excerpt_of_the_writers_own_is_kept(installation: Installation) -> None:
    made = await write(installation, content=LONG, excerpt="In short.")
    assert (await change(installation, made, content="Ebb."))["excerpt"] == "In short."
    body = {"title": "Tide", "content": "Flood."}
    path = f"/articles/{made['id']}"
    replaced = await installation.send("PUT", path, Role.EDITOR, headers=ANY, json=body)
    assert replaced.json()["excerpt"] == "In short."
    assert (await change(installation, made, excerpt=""))["excerpt"] == "Flood."
    assert (await change(installation, made, content="Neap."))["excerpt"] == "Neap."


async def test_reading_minutes_follow_the_length(installation: Installation) -> None:
    short = await write(installation, content="Ebb.")
    long = await write(installation, content="word " * 2_000)
    assert short["reading_minutes"] == 1
    assert long["reading_minutes"] > 5
    assert (await change(installation, long, content="Ebb."))["reading_minutes"] == 1


async def test_html_is_rendered_and_safe(installation: Installation) -> None:
    text = "# Tide\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) *yes*"
    made = await write(installation, content=text)
    assert made["content"] == text
    assert "<em>yes</em>" in made["content_html"]
    assert "<script" not in made["content_html"]
    assert "javascript:" not in made["content_html"].replace("[x](javascript:", "")


async def test_twenty_of_one_title_at_once_get_twenty_slugs(installation: Installation) -> None:
    """R04: the database decides, not a look before the leap."""
    made = await asyncio.gather(*(write(installation, content=str(n)) for n in range(20)))
    slugs = {record["slug"] for record in made}
    assert slugs == {"tide", *(f"tide-{number}" for number in range(2, 21))}


async def test_a_chosen_slug_that_is_taken_is_refused(installation: Installation) -> None:
    await write(installation, slug="tide")
    taken = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "X", "slug": "tide"})
    assert_problem(taken, 409, "/slug")
    for slug in ("Tide", "a b", "-a", "a--b", "é", "a/b", "x" * 121):
        wrong = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "X", "slug": slug})
        assert_problem(wrong, 422, "/slug")


async def test_authors_write_their_own_and_neither_publish_nor_speak_for_others(installation: Installation) -> None:
    """B03."""
    made = await write(installation, Role.AUTHOR)
    me, other = (str(installation.actor(role).id) for role in (Role.AUTHOR, Role.EDITOR))
    assert made["author"]["id"] == me
    now = utc_now().isoformat()
    for values in ({"author": other}, {"published_at": now}, {"unpublish_at": now}):
        refused = await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "X", **values})
        assert_problem(refused, 403, f"/{next(iter(values))}")
        path = f"/articles/{made['id']}"
        refused = await installation.send("PATCH", path, Role.AUTHOR, headers=ANY, json=values)
        assert_problem(refused, 403, f"/{next(iter(values))}")
    for name in ("status", "is_published", "comment_count", "version_id", "created_at", "has_own_excerpt"):
        refused = await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "X", name: 1})
        assert_problem(refused, 422, f"/{name}")
    (row,) = await installation.rows("articles")
    assert (row["author_id"], row["published_at"], row["version"]) == (installation.actor(Role.AUTHOR).id, None, 1)


async def test_relations_are_named_and_not_written_through(installation: Installation) -> None:
    """B04."""
    await installation.make(category, name="News", slug="news")
    for name in ("Rope", "Knot"):
        await installation.make(tag, name=name)
    made = await write(installation, category="news", tags=["rope", "knot"])
    assert made["category"]["slug"] == "news"
    assert [item["slug"] for item in made["tags"]] == ["knot", "rope"]
    for values in ({"author": {"id": "x", "role": "admin"}}, {"tags": [{"name": "x"}]}, {"category": ["news"]}):
        refused = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "X", **values})
        assert_problem(refused, 422)
    missing = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "X", "tags": ["rope", "rop"]})
    assert_problem(missing, 422, "/tags/1")
    assert (await change(installation, made, tags=[], category=None))["tags"] == []


@pytest.mark.parametrize("at", ["2026-11-22T08:00:00", "2026-11-22", 5, "tomorrow", "2026-13-01T00:00:00Z"])
async def test_a_time_needs_a_zone(installation: Installation, at: Any) -> None:
    made = await write(installation)
    path = f"/articles/{made['id']}"
    refused = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json={"published_at": at})
    assert_problem(refused, 422, "/published_at")


async def test_a_time_in_any_zone_is_answered_in_utc(installation: Installation) -> None:
    made = await write(installation, published_at="2026-11-22T09:30:00+01:30")
    assert made["published_at"] == "2026-11-22T08:00:00Z"
    (found,) = (await installation.send("GET", "/articles?published_at=2026-11-22T08:00:00Z")).json()["items"]
    assert found["id"] == made["id"]


async def test_an_expiry_before_the_publication_is_refused(installation: Installation) -> None:
    times = {"published_at": "2026-11-22T08:00:00Z", "unpublish_at": "2026-11-22T07:00:00Z"}
    refused = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "X", **times})
    assert_problem(refused, 422, "/unpublish_at")


async def test_a_list_shows_the_latest_first(installation: Installation) -> None:
    for day in (2, 3, 1):
        await installation.make(article, title=f"Day {day}", published_at=f"2026-01-0{day}T00:00:00Z")
    items = (await installation.send("GET", "/articles")).json()["items"]
    assert [item["slug"] for item in items] == ["day-3", "day-2", "day-1"]
