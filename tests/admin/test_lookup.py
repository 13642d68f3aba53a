"""Pickers of relations: they find what the actor may see, by what the actor may read, and never a whole table."""

from datetime import timedelta
from typing import Any

import pytest

from cms.auth.users import user
from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

PASSWORD = "plum kettle orbit 41"  # noqa: S105 - of a test


async def found(visitor: Visitor, path: str) -> list[dict[str, Any]]:
    page = await visitor.get(path)
    assert page.status == 200, page.text
    results: list[dict[str, Any]] = page.response.json()["results"]
    return results


async def test_a_picker_finds_by_words(installation: Installation, editor: Visitor) -> None:
    await installation.make(category, name="Tides and weather")
    await installation.make(category, name="Rope")
    results = await found(editor, "/article/lookup?field=category&term=WEATHER")
    assert [result["label"] for result in results] == ["Tides and weather"]
    assert len(await found(editor, "/article/lookup?field=category&term=")) == 2
    assert await found(editor, "/article/lookup?field=category&term=%25") == []


async def test_a_picker_offers_no_more_than_twenty(installation: Installation, editor: Visitor) -> None:
    for number in range(30):
        await installation.make(tag, name=f"Tag {number}")
    assert len(await found(editor, "/article/lookup?field=tags&term=tag")) == 20
    assert (await editor.get("/article/create")).html.count("<option") < 5


async def test_b13_a_picker_shows_what_the_actor_may_see(
    installation: Installation, editor: Visitor, author: Visitor, visit: Visit
) -> None:
    await installation.make(article, title="Draft")
    await installation.make(article, title="Out", published_at=utc_now() - timedelta(hours=1))
    assert len(await found(editor, "/comment/lookup?field=article&term=")) == 2
    assert (await author.get("/comment/lookup?field=article&term=")).status == 403
    assert (await visit(Role.ANONYMOUS).get("/article/lookup?field=tags&term=")).status == 303
    assert (await visit(Role.READER).get("/article/lookup?field=tags&term=")).status == 303


async def test_a05_who_may_not_read_users_finds_them_by_name_alone(
    installation: Installation, editor: Visitor, admin: Visitor
) -> None:
    await installation.make(user, email="a@known.example", name="Autho", password=PASSWORD)
    by_name = await found(editor, "/article/lookup?field=author&term=autho")
    assert [result["label"] for result in by_name] == ["Autho", "Author"]
    assert await found(editor, "/article/lookup?field=author&term=known.example") == []
    by_address = await found(admin, "/article/lookup?field=author&term=known.example")
    assert [result["label"] for result in by_address] == ["Autho"], "administrators read e-mails"
    assert set(by_name[0]) == {"id", "label", "image", "alt"}


@pytest.mark.parametrize("field", ["title", "password", "", "comments", "category.parent", "no_such"])
async def test_a_field_that_is_no_relation_is_refused(installation: Installation, admin: Visitor, field: str) -> None:
    page = await admin.get("/article/lookup", params={"field": field, "term": "a"})
    assert page.status == 400


async def test_an_endless_term_is_refused(installation: Installation, admin: Visitor) -> None:
    assert (await admin.get("/article/lookup", params={"field": "tags", "term": "x" * 201})).status == 400
    assert await found(admin, "/article/lookup?field=tags&term=%00") == []
    assert await found(admin, "/article/lookup?field=tags&term=" + "+".join("abcdefghijk")) == []
