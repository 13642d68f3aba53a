"""Pages and categories: trees whose paths follow, and nothing in use is taken away."""

from typing import Any

import pytest

from cms.content import registry
from cms.content.articles import article
from cms.crud.content_type import ContentType
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}
TREES = [pytest.param(registry.by_name(name), id=name) for name in ("pages", "categories")]


def titled(content_type: ContentType[Any], title: str, **over: Any) -> dict[str, Any]:
    return {content_type.title_field: title, **over}


async def paths(installation: Installation, content_type: ContentType[Any]) -> dict[str, str]:
    rows = await installation.rows(content_type.model.__tablename__)
    return {row["slug"]: row["path"] for row in rows}


async def branch(installation: Installation, content_type: ContentType[Any], *titles: str) -> list[Any]:
    """Records, each below the one before."""
    made: list[Any] = []
    for title in titles:
        parent = {"parent": str(made[-1].id)} if made else {}
        made.append(await installation.make(content_type, **titled(content_type, title, **parent)))
    return made


@pytest.mark.parametrize("content_type", TREES)
async def test_paths_follow_moves_and_new_slugs(installation: Installation, content_type: ContentType[Any]) -> None:
    a, b, _ = await branch(installation, content_type, "A", "B", "C")
    await installation.make(content_type, **titled(content_type, "AB"))  # “/a” begins its path, and it is not below
    assert await paths(installation, content_type) == {"a": "/a", "b": "/a/b", "c": "/a/b/c", "ab": "/ab"}
    path = f"/{content_type.name}"
    await installation.send("PATCH", f"{path}/{a.id}", Role.EDITOR, headers=ANY, json={"slug": "z"})
    assert await paths(installation, content_type) == {"z": "/z", "b": "/z/b", "c": "/z/b/c", "ab": "/ab"}
    moved = await installation.send("PATCH", f"{path}/{b.id}", Role.EDITOR, headers=ANY, json={"parent": "ab"})
    assert moved.json()["path"] == "/ab/b"
    assert (await paths(installation, content_type))["c"] == "/ab/b/c"
    await installation.send("PATCH", f"{path}/{b.id}", Role.EDITOR, headers=ANY, json={"parent": None})
    assert (await paths(installation, content_type))["c"] == "/b/c"


@pytest.mark.parametrize("content_type", TREES)
async def test_nothing_is_placed_below_itself(installation: Installation, content_type: ContentType[Any]) -> None:
    made = await branch(installation, content_type, "A", "B", "C")
    before = await paths(installation, content_type)
    for below in made:
        body = {"parent": str(below.id)}
        path = f"/{content_type.name}/{made[0].id}"
        refused = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json=body)
        assert_problem(refused, 422, "/parent")
    assert await paths(installation, content_type) == before


@pytest.mark.parametrize("content_type", TREES)
async def test_a_tree_is_at_most_ten_levels_deep(installation: Installation, content_type: ContentType[Any]) -> None:
    made = await branch(installation, content_type, *(f"L{number}" for number in range(10)))
    body = titled(content_type, "Deeper", parent=str(made[-1].id))
    assert_problem(await installation.send("POST", f"/{content_type.name}", Role.EDITOR, json=body), 422, "/parent")
    top = await installation.make(content_type, **titled(content_type, "Top"))
    body = {"parent": str(top.id)}
    path = f"/{content_type.name}/{made[0].id}"
    refused = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json=body)
    assert_problem(refused, 422, "/parent")
    assert (await paths(installation, content_type))["l9"].count("/") == 10


@pytest.mark.parametrize("content_type", TREES)
async def test_a_path_that_fits_no_column_is_refused(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """Its own, and that of any record below."""
    parent: dict[str, str] = {}
    for number in range(8):
        slug = f"{number}{'x' * 117}"
        made = await installation.make(content_type, **titled(content_type, "Long", slug=slug, **parent))
        parent = {"parent": str(made.id)}
    path = f"/{content_type.name}"
    body = titled(content_type, "Leaf", slug="y" * 60, **parent)
    assert_problem(await installation.send("POST", path, Role.EDITOR, json=body), 422, "/parent")
    leaf = await installation.send("POST", path, Role.EDITOR, json={**body, "slug": "y" * 46})
    assert len(leaf.json()["path"]) == 999
    root = f"{path}/0{'x' * 117}"
    longer = {"slug": "z" * 120}
    assert_problem(await installation.send("PATCH", root, Role.EDITOR, headers=ANY, json=longer), 422, "/parent")
    assert len((await paths(installation, content_type))["y" * 46]) == 999


async def test_a_page_is_found_by_its_path(installation: Installation) -> None:
    content_type = registry.by_name("pages")
    for record in await branch(installation, content_type, "About", "Team"):
        await installation.send("POST", f"/pages/{record.id}/publish", Role.EDITOR)
    (found,) = (await installation.send("GET", "/pages?path=/about/team")).json()["items"]
    assert (found["slug"], found["parent"]["path"]) == ("team", "/about")


async def test_a_category_in_use_is_kept_and_says_where(installation: Installation) -> None:
    content_type = registry.by_name("categories")
    parent, child = await branch(installation, content_type, "News", "Local")
    await installation.make(article, title="Flood", category=str(child.id))
    for record, used in ((parent, "“Local”"), (child, "“Flood”")):
        refused = await installation.send("DELETE", f"/categories/{record.id}", Role.EDITOR, headers=ANY)
        assert used in assert_problem(refused, 409)["detail"]
    assert len(await paths(installation, content_type)) == 2
