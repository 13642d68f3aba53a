"""Pages and categories: trees whose paths follow, and nothing in use is taken away."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.content import registry
from cms.content.articles import article
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Role
from cms.crud.problems import Conflict
from cms.editorial.tree import TreeService, find_room
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
async def test_what_gets_another_address_with_what_is_above_it_is_told(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """Whoever keeps pages by their addresses has to build these anew, too."""
    top, *below = await branch(installation, content_type, "A", "B", "C")
    path = f"/{content_type.name}/{top.id}"
    sent = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json={"slug": "z"})
    assert sent.status_code == 200, sent.text
    events = [event for event in await installation.rows("events") if not event["kind"].endswith(".created")]
    told = {(event["kind"].partition(".")[2], event["record_id"], event["version"]) for event in events}
    assert told == {("updated", top.id, 2), *(("moved", record.id, 1) for record in below)}


@pytest.mark.parametrize("content_type", TREES)
async def test_what_is_moved_together_takes_along_what_is_below_it(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    *_, p, c, _ = await branch(installation, content_type, "X", "P", "C", "D")
    items = [{"id": str(record.id), "version": record.version} for record in (p, c)]
    body = {"action": "update", "items": items, "changes": {"parent": None}}
    moved = await installation.send("POST", f"/{content_type.name}/bulk", Role.EDITOR, json=body)
    assert moved.status_code == 200, moved.text
    assert await paths(installation, content_type) == {"x": "/x", "p": "/p", "c": "/c", "d": "/c/d"}


@pytest.mark.parametrize("content_type", TREES)
async def test_what_was_moved_along_is_where_it_is_at_its_next_change(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    """In the same transaction, where it was loaded before."""
    *_, p, c, _ = await branch(installation, content_type, "X", "P", "C", "D")
    async with installation.work(Role.EDITOR) as work:
        service = work.service(content_type)
        upper, lower = [await service.get(record.id) for record in (p, c)]
        await service.change(upper, {"parent": None})
        await service.change(lower, {content_type.title_field: "Sea"})
    assert await paths(installation, content_type) == {"x": "/x", "p": "/p", "c": "/p/c", "d": "/p/c/d"}
    events = await installation.rows("events")
    assert [event["kind"].endswith(".moved") for event in events].count(True) == 2


@pytest.mark.parametrize("content_type", TREES)
async def test_a_new_record_leaves_the_branch_of_its_namesake_where_it_is(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    await branch(installation, content_type, "A", "B")
    made = await installation.make(content_type, **titled(content_type, "A"))
    assert (made.slug, made.path) == ("a-2", "/a-2")
    assert await paths(installation, content_type) == {"a": "/a", "b": "/a/b", "a-2": "/a-2"}
    assert not [event for event in await installation.rows("events") if event["kind"].endswith(".moved")]


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


async def order(installation: Installation, content_type: ContentType[Any], parent: Any = None) -> str:
    """The slugs below a record, in the order of the tree."""
    rows = await installation.rows(content_type.model.__tablename__)
    found = [row for row in rows if row["parent_id"] == (parent and parent.id)]
    return "".join(row["slug"] for row in sorted(found, key=lambda row: (row["position"], row["slug"])))


async def move(
    installation: Installation, content_type: ContentType[Any], moved: Any, parent: Any = None, after: Any = None
) -> list[Any]:
    """Move a record; those whose rows that changed."""
    async with installation.work(Role.EDITOR) as work:
        service = work.service(content_type)
        assert isinstance(service, TreeService)
        record = await service.get(moved.id, Action.UPDATE)
        changed = await service.move(record, parent and parent.id, after and after.id, record.version)
    return list(changed)


@pytest.mark.parametrize("content_type", TREES)
async def test_siblings_stand_in_the_order_that_they_were_put_in(
    installation: Installation, content_type: ContentType[Any]
) -> None:
    made = {title: await installation.make(content_type, **titled(content_type, title)) for title in "abcde"}
    assert await order(installation, content_type) == "abcde", "by their titles, until somebody puts them"
    for moved, after, expected in (("a", "e", "bcdea"), ("e", "b", "becda"), ("d", None, "dbeca"), ("a", "d", "dabec")):
        await move(installation, content_type, made[moved], after=made.get(after or ""))
        assert await order(installation, content_type) == expected
    await move(installation, content_type, made["b"], made["d"])
    await move(installation, content_type, made["c"], made["d"], made["b"])
    assert await order(installation, content_type) == "dae"
    assert await order(installation, content_type, made["d"]) == "bc"
    assert (await paths(installation, content_type))["c"] == "/d/c"


async def test_a_move_writes_no_more_than_it_has_to(installation: Installation) -> None:
    content_type = registry.by_name("categories")
    made = [await installation.make(content_type, name=title) for title in "abcdef"]
    assert len(await move(installation, content_type, made[5], after=made[0])) == 6, "the first one makes room for all"
    await move(installation, content_type, made[4], after=made[0])
    assert await order(installation, content_type) == "aefbcd"
    versions = {row["slug"]: row["version"] for row in await installation.rows("categories")}
    assert versions == {"a": 2, "b": 2, "c": 2, "d": 2, "e": 3, "f": 2}
    assert await move(installation, content_type, made[3], after=made[2]), "it stays where it is"
    assert {row["version"] for row in await installation.rows("categories")} == {2, 3}


async def test_a_move_behind_what_is_elsewhere_by_now_is_refused(installation: Installation) -> None:
    content_type = registry.by_name("categories")
    a, b, c = [await installation.make(content_type, name=title) for title in "abc"]
    await move(installation, content_type, b, a)
    with pytest.raises(Conflict, match="somewhere else by now"):
        await move(installation, content_type, c, after=b)
    assert await order(installation, content_type) == "ac"


async def test_drafts_of_pages_that_make_room_tell_that_they_moved(installation: Installation) -> None:
    content_type = registry.by_name("pages")
    made = [await installation.make(content_type, title=title) for title in "abc"]
    for record in made[1:]:
        await installation.send("POST", f"/pages/{record.id}/publish", Role.EDITOR)
        await installation.send(
            "PATCH", f"/pages/{record.id}?draft=true", Role.EDITOR, headers=ANY, json={"title": f"New {record.slug}"}
        )
    before = {row["record_id"]: row["version"] for row in await installation.rows("drafts")}
    await move(installation, content_type, made[0], after=made[1])
    after = {row["record_id"]: row["version"] for row in await installation.rows("drafts")}
    assert after == {record_id: version + 1 for record_id, version in before.items()}
    shown = await installation.send("GET", f"/pages/{made[1].id}?version=draft", Role.EDITOR)
    assert (shown.json()["title"], shown.json()["position"]) == ("New b", 100)


@given(st.lists(st.integers(-3, 300), max_size=6).map(sorted), st.data(), st.integers(-3, 300))
def test_room_is_between_the_neighbours(positions: list[int], data: st.DataObject, now: int) -> None:
    at = data.draw(st.integers(0, len(positions)))
    found = find_room(positions, at, now)
    before, after = positions[at - 1] if at else -1, positions[at] if at < len(positions) else None
    if found is not None:
        assert before < found
        assert after is None or found < after
    else:
        assert after is not None
        assert after - before <= 1


def test_positions_never_outgrow_their_column() -> None:
    assert find_room([2**31 - 1], 1, 0) is None
