"""Every list: what it costs, and that it takes what it knows and nothing else (A03, I01, I03)."""

from typing import Any

import pytest

from cms.content import registry
from cms.content.comments import CommentStatus
from cms.crud.content_type import ContentType
from cms.crud.policy import Role
from cms.crud.query import list_parameters
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import make_sample
from tests.statements import recorded

LISTED = [pytest.param(content_type, id=content_type.name) for content_type in registry if content_type.name != "site"]


@pytest.mark.parametrize("content_type", LISTED)
async def test_a_list_costs_the_same_however_long_the_page(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """I03: at most one statement for the rows, one for the count, one per to-many relation, and who is asking."""
    over = {"status": CommentStatus.APPROVED} if content_type.name == "comments" else {}
    for number in range(12):
        await make_sample(installation, content_type, number, **over)
    relations = "".join(f"&include={name}" for name in content_type.include_fields)
    costs = {}
    for limit in (1, 10, 100):
        with recorded() as statements:
            page = await installation.send("GET", f"/{content_type.name}?limit={limit}{relations}", Role.ADMIN)
        assert len(page.json()["items"]) >= min(limit, 12)
        costs[limit] = len(statements)
    assert costs[1] == costs[10] == costs[100] <= 5


@pytest.mark.parametrize("content_type", LISTED)
async def test_an_unknown_parameter_is_refused_by_name(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """A03, A08."""
    for name in ("where[id][$lt]", "_connector", "filter", "populate", "foo", "limit[]", "hashed_password", "depth"):
        response = await installation.send("GET", f"/{content_type.name}", Role.ADMIN, params={name: "1"})
        assert_problem(response, 400, parameter=name)
    for name in ("hashed_password", "*", "*.*", "author.*", "search_text", "id,id", ""):
        response = await installation.send("GET", f"/{content_type.name}", Role.ADMIN, params={"fields": name})
        assert_problem(response, 400, parameter="fields")
    for name in ("hashed_password", "search_text", "author.email", "author__email", "--id"):
        response = await installation.send("GET", f"/{content_type.name}", Role.ADMIN, params={"sort": name})
        assert_problem(response, 400, parameter="sort")


@pytest.mark.parametrize("content_type", LISTED)
async def test_a_page_has_at_most_a_hundred_records(installation: Installation, content_type: ContentType[Any]) -> None:
    """I01."""
    for limit in ("-1", "0", "101", "100000000", str(2**63), "1e3", "", " 1", "1.0", "٣"):
        response = await installation.send("GET", f"/{content_type.name}", Role.ADMIN, params={"limit": limit})
        assert_problem(response, 400, parameter="limit")
    twice = await installation.send("GET", f"/{content_type.name}?limit=1&limit=2", Role.ADMIN)
    assert_problem(twice, 400, parameter="limit")


async def test_many_filters_and_deep_includes_are_refused(installation: Installation) -> None:
    """I03."""
    names = [name for name in list_parameters(registry.by_name("articles"), registry) if name.startswith("title")]
    others = [name for name in list_parameters(registry.by_name("articles"), registry) if name.startswith("category")]
    params = dict.fromkeys([*names, *others], "a")
    params.update({name: "true" for name in params if name.endswith("isnull")})
    params.update({name: "01a205d0-73e4-7308-bf85-5f083ee8aa18" for name in params if "__id" in name})
    assert len(params) > 20
    assert_problem(await installation.send("GET", "/articles", params=params), 400)
    for include in ("author", "comments.article", ",".join(["comments"] * 50), "author.posts.author"):
        assert_problem(await installation.send("GET", "/articles", params={"include": include}), 400)
    many = ",".join(str(number) for number in range(10_000, 11_000))
    assert_problem(await installation.send("GET", "/articles", params={"slug__in": many}), 400)
