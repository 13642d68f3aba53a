"""Hidden rows and secret columns: no include, filter, sort, search, count, tag, status or refusal tells of them.

Every hidden row holds a canary in each of its texts. A world with it and the same world without it have to look alike
to whoever may not see it.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from cms.crud.content_type import ContentType
from cms.crud.policy import Role
from cms.crud.query import list_parameters
from tests.crud.conftest import Make, Sky
from tests.problems import assert_problem
from tests.toys import EDITOR, explorer, mission, planet, registry, signed_in

CANARY = "canary8f3a"
BLIND = [signed_in(Role.ANONYMOUS), signed_in(Role.READER), signed_in(Role.AUTHOR, UUID(int=99))]


async def _hide(sky: Sky, make: Make) -> dict[str, Any]:
    """A hidden row of every type that has such, tied to visible ones in every way, and secrets in visible rows."""
    secret = {"codename": CANARY, "launch_code": CANARY}
    ada = await make(explorer, name="Ada", email=f"{CANARY}@example.org", pin=CANARY)
    voyager = await make(mission, name="Voyager", slug="voyager")
    dark = await make(mission, name=CANARY, slug=CANARY, is_classified=True)
    mars = await sky.planet("Mars", missions=["voyager", CANARY], owner=str(ada.id), mass=1, **secret)
    hidden = await sky.planet(
        f"{CANARY} name", slug=CANARY, summary=CANARY, notes=CANARY, marks=[CANARY], homepage=f"/{CANARY}",
        missions=["voyager"], owner=str(ada.id), mass=0.5, is_classified=True, **secret,
    )  # fmt: skip
    await sky.moon("Phobos", mars.id)
    deimos = await sky.moon(CANARY, mars.id, is_classified=True)
    orphan = await sky.moon("Orphan", hidden.id)
    return {
        "ada": ada,
        "voyager": voyager,
        "dark": dark,
        "mars": mars,
        "hidden": hidden,
        "deimos": deimos,
        "orphan": orphan,
    }


@pytest.fixture
async def world(sky: Sky, make: Make) -> dict[str, Any]:
    return await _hide(sky, make)


def queries(content_type: ContentType[Any], ids: list[UUID]) -> Iterator[dict[str, str]]:
    """Every parameter of a list, each with the values that would tell."""
    texts = (CANARY, CANARY[:6], "")
    for name, parameter in list_parameters(content_type, registry).items():
        kind = parameter.schema.get("items", parameter.schema)
        if parameter.filter is None:
            continue
        if kind.get("format") == "uuid":
            yield from ({name: str(i)} for i in ids)
        elif kind["type"] == "boolean":
            yield from ({name: value} for value in ("true", "false"))
        elif kind["type"] == "string" and "enum" not in kind and kind.get("format") is None:
            yield from ({name: value} for value in texts)
            yield from ({name: str(i)} for i in ids if name.count("__") == 0 and name not in {"name", "slug"})
    yield from ({"sort": name} for name in (*content_type.sort_names, *(f"-{n}" for n in content_type.sort_names)))
    yield from ({"include": name} for name in content_type.include_fields)
    if content_type.search_fields:
        yield from ({"q": word} for word in (CANARY, CANARY[:4], "name"))
    yield from ({"limit": "1"}, {"skip": "1"}, {"skip": "1", "limit": "1"}, {"total": "none"})


async def test_no_list_answers_a_canary(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    """A01, A02, A05, A09, A10, A17: every list parameter of every type with every telling value, as who may not see."""
    ids = [world[name].id for name in ("hidden", "dark", "mars")]
    hidden = {str(world[name].id) for name in ("dark", "hidden", "deimos")}
    for content_type in registry:
        if content_type is explorer:
            continue
        for params in queries(content_type, ids):
            response = await client.get(f"/{content_type.name}", params=params)
            assert response.status_code == 200, (params, response.text)
            assert CANARY not in response.text, params
            assert not [i for i in hidden if i in response.text], params
            page = response.json()
            if params.keys() & {"limit", "skip", "total"}:
                continue
            assert page["total"] == len(page["items"]), params


async def test_a_world_with_hidden_rows_looks_like_one_without(client: httpx.AsyncClient, sky: Sky, make: Make) -> None:
    """A01, A02, A10: an oracle needs a difference; there is none in bytes, tags, counts or order."""
    ada = await make(explorer, name="Ada", email="ada@example.org", pin="1")
    await make(mission, name="Voyager", slug="voyager")
    mars = await sky.planet("Mars", missions=["voyager"], owner=str(ada.id), mass=1)
    phobos = await sky.moon("Phobos", mars.id)
    ids = [record.id for record in (ada, mars)]
    types = (planet, registry.by_name("moons"), mission)
    asked = [(f"/{t.name}", {"fields": "id", **params}) for t in types for params in queries(t, ids)]
    before = [(await client.get(path, params=params)).content for path, params in asked]
    tags = {path: (await client.get(path)).headers["etag"] for path in ("/planets/mars", f"/moons/{phobos.id}")}
    await make(mission, name=CANARY, slug="aaa", is_classified=True)
    await sky.planet(f"A {CANARY}", slug="aaa", mass=0.1, is_classified=True, missions=["aaa", "voyager"])
    await sky.moon(CANARY, mars.id, is_classified=True)
    # tie a hidden mission to the visible planet behind its back, as an editor would
    response = await client.patch("/planets/mars", json={"missions": ["voyager", "aaa"], "version": 1}, headers=EDITOR)
    assert response.status_code == 200
    for (path, params), content in zip(asked, before, strict=True):
        after = (await client.get(path, params=params)).content
        assert _without_stamps(after) == _without_stamps(content), (path, params)
    assert (await client.get(f"/moons/{phobos.id}")).headers["etag"] == tags[f"/moons/{phobos.id}"]


def _without_stamps(content: bytes) -> Any:
    page = httpx.Response(200, content=content).json()
    for item in page.get("items", []):
        for stamp in ("version", "updated_at"):
            item.pop(stamp, None)
    # cursors hold sort values; all of these pages but those of `limit` have none
    return {**page, "next": bool(page["next"]), "previous": bool(page["previous"])}


@pytest.mark.parametrize("headers", BLIND)
async def test_a_hidden_row_is_answered_like_one_that_does_not_exist(
    client: httpx.AsyncClient, world: dict[str, Any], headers: dict[str, str]
) -> None:
    """A11, A16: same status, same words, same headers; for reading and for every write."""
    for path, key, none in (
        ("/planets", str(world["hidden"].id), str(UUID(int=5))),
        ("/planets", CANARY, "nowhere"),
        ("/missions", CANARY, "nowhere"),
        ("/moons", str(world["deimos"].id), str(UUID(int=5))),
    ):
        body: dict[str, Any] = {"json": {"name": "X", "star": "sun"}} if path == "/planets" else {"json": {"name": "X"}}
        if path == "/moons":
            body["json"]["planet"] = "mars"
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            sent = body if method in {"PATCH", "PUT"} else {}
            conditional = {**headers, "If-Match": '"v1"'}
            hidden = await client.request(method, f"{path}/{key}", headers=conditional, **sent)
            absent = await client.request(method, f"{path}/{none}", headers=conditional, **sent)
            assert_problem(hidden, 404)
            assert hidden.text.replace(key, none) == absent.text
            assert list(hidden.headers) == list(absent.headers)
    whole = await client.get(f"/planets/{world['hidden'].id}", headers=EDITOR)
    assert (whole.json()["name"], whole.json()["version"]) == (f"{CANARY} name", 1)


async def test_a_hidden_row_answers_no_conditional_request(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    """A10: an editor's tag in the hands of the public."""
    tag = (await client.get(f"/planets/{CANARY}", headers=EDITOR)).headers["etag"]
    for held in (tag, "*"):
        assert_problem(await client.get(f"/planets/{CANARY}", headers={"If-None-Match": held}), 404)


async def test_hidden_relations_are_left_out(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    """A09."""
    response = await client.get("/planets/mars", params={"include": "moons,missions"})
    seen = response.json()
    assert [m["slug"] for m in seen["missions"]] == ["voyager"]
    assert [m["name"] for m in seen["moons"]] == ["Phobos"]
    assert (await client.get(f"/moons/{world['orphan'].id}")).json()["planet"] is None
    as_editor = (await client.get("/planets/mars", params={"include": "moons"}, headers=EDITOR)).json()
    assert len(as_editor["missions"]) == len(as_editor["moons"]) == 2


HIDDEN_PARENT = {
    "planet={id}": False,
    "planet=canary8f3a": False,
    "planet__in={id},mars": False,
    "planet__slug=canary8f3a": False,
    "planet__slug__startswith=can": False,
    "planet__name__contains=name": False,
    "planet__id={id}": False,
    "planet__isnull=false": False,
    "planet__isnull=true": True,
    "planet__ne={id}": True,
    "planet__nin=canary8f3a": True,
    "planet__slug__ne=canary8f3a": True,
    "planet__name__nin=x": True,
}
"""Filters through a hidden parent, and whether its visible child is found: as if the child had none."""


@pytest.mark.parametrize("headers", BLIND)
async def test_a_hidden_parent_is_no_parent_to_any_filter(
    client: httpx.AsyncClient, world: dict[str, Any], headers: dict[str, str]
) -> None:
    """A02, A10: each operator, through a to-one relation."""
    for text, is_found in HIDDEN_PARENT.items():
        query = text.format(id=world["hidden"].id)
        page = (await client.get(f"/moons?{query}", headers=headers)).json()
        assert ("Orphan" in [item["name"] for item in page["items"]]) is is_found, query
        assert page["total"] == len(page["items"])
    as_editor = (await client.get(f"/moons?planet={CANARY}", headers=EDITOR)).json()
    assert [item["name"] for item in as_editor["items"]] == ["Orphan"]


async def test_an_owner_sees_their_own_and_no_other(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    mine = signed_in(Role.AUTHOR, world["ada"].id)
    assert (await client.get(f"/planets/{CANARY}", headers=mine)).status_code == 200
    assert (await client.get("/planets", headers=mine)).json()["total"] == 2
    for headers in BLIND:
        assert (await client.get("/planets", headers=headers)).json()["total"] == 1
    as_reader = signed_in(Role.READER, world["ada"].id)
    assert (await client.get("/planets", headers=as_reader)).json()["total"] == 1


async def test_a_write_cannot_name_a_hidden_row(
    client: httpx.AsyncClient, world: dict[str, Any], make: Make, sky: Sky
) -> None:
    """B04: to a writer who can't see it, it does not exist."""
    bob = await make(explorer, name="Bob", email="bob@example.org", pin="2")
    await sky.planet("Venus", owner=str(bob.id))
    author = signed_in(Role.AUTHOR, bob.id)
    for key in (CANARY, str(world["dark"].id)):
        body = {"missions": ["voyager", key], "version": 1}
        hidden = await client.patch("/planets/venus", json=body, headers=author)
        body = {"missions": ["voyager", "nowhere"], "version": 1}
        absent = await client.patch("/planets/venus", json=body, headers=author)
        assert_problem(hidden, 422, "/missions/1")
        assert hidden.text.replace(key, "nowhere") == absent.text


async def test_a_refusal_to_delete_names_no_hidden_title(client: httpx.AsyncClient, make: Make, sky: Sky) -> None:
    """A17."""
    bob = await make(explorer, name="Bob", email="bob@example.org", pin="2")
    author = {**signed_in(Role.AUTHOR, bob.id), "If-Match": "*"}
    venus = await sky.planet("Venus", owner=str(bob.id))
    await sky.moon(CANARY, venus.id, is_classified=True)
    problem = assert_problem(await client.delete("/planets/venus", headers=author), 409)
    assert problem["usages"] == ["1 moon that you can't see"]
    assert CANARY not in str(problem)
    await sky.moon(f"{CANARY} 2", venus.id, is_classified=True)
    problem = assert_problem(await client.delete("/planets/venus", headers=author), 409)
    assert problem["usages"] == ["2 moons that you can't see"]
    await sky.moon("Neith", venus.id)
    problem = assert_problem(await client.delete("/planets/venus", headers=author), 409)
    assert problem["usages"] == ["moon “Neith” and 2 more"]
    for number in range(6):
        await sky.moon(f"Moon {number}", venus.id)
    problem = assert_problem(await client.delete("/planets/venus", headers=author), 409)
    assert problem["usages"][0].count("“") == 5
    assert problem["usages"][0].endswith(" and 4 more")


async def test_a_taken_slug_of_a_hidden_row_is_not_explained(client: httpx.AsyncClient, make: Make, sky: Sky) -> None:
    """A17: that a slug is taken can't be hidden; whose it is can."""
    bob = await make(explorer, name="Bob", email="bob@example.org", pin="2")
    await sky.planet(f"{CANARY} name", slug="taken", is_classified=True)
    await sky.planet("Venus", owner=str(bob.id))
    author = signed_in(Role.AUTHOR, bob.id)
    response = await client.patch("/planets/venus", json={"slug": "taken", "version": 1}, headers=author)
    assert CANARY not in str(assert_problem(response, 409, "/slug"))


async def test_private_fields_are_written_and_never_read(client: httpx.AsyncClient, sky: Sky) -> None:
    """A08: not even to who wrote them."""
    body = {"name": "Mars", "star": "sun", "codename": CANARY}
    response = await client.post("/planets", json=body, headers=EDITOR)
    assert CANARY not in response.text
    for path in ("/planets", "/planets/mars", f"/planets?q={CANARY}"):
        assert CANARY not in (await client.get(path, headers=EDITOR)).text
    for field in ("codename", "launch_code", "search_text", "*", "owner.pin"):
        for path in ("/planets", "/planets/mars"):
            problem = assert_problem(await client.get(path, params={"fields": field}), 400, parameter="fields")
            assert CANARY not in str(problem)


async def test_people_show_their_names_alone(client: httpx.AsyncClient, world: dict[str, Any]) -> None:
    """A02, A09, A25: the short form is all that there is of an owner."""
    for headers in (*BLIND, EDITOR):
        shown = (await client.get("/planets/mars", headers=headers)).json()["owner"]
        assert shown == {"id": str(world["ada"].id), "name": "Ada"}


async def test_both_halves_of_an_injection_are_answered_alike(client: httpx.AsyncClient, sky: Sky) -> None:
    """E01: a differential set; as values they are text, as names they are unknown."""
    for name in ("Mars", "Venus"):
        await sky.planet(name)
    pairs = [
        ("' OR '1'='1", "' OR '1'='2"),
        ("x') OR 1=1 --", "x') OR 1=2 --"),
        ("1); SELECT pg_sleep(5)", "1); SELECT 1"),
        ("%' OR 1=1 /*", "%' OR 1=2 /*"),
        ("\\' OR 1=1#", "\\' OR 1=2#"),
    ]
    for true, false in pairs:
        for parameter in ("name", "name__contains", "name__in", "star", "q", "moons__name__startswith", "slug__nin"):
            answers = [await client.get("/planets", params={parameter: half, "sort": "name"}) for half in (true, false)]
            assert [a.status_code for a in answers] == [200, 200], (parameter, true)
            assert answers[0].content == answers[1].content
        for parameter in ("sort", "fields", "include", "mass", "cursor", "limit", "kind"):
            for half in (true, false):
                assert_problem(await client.get("/planets", params={parameter: half}), 400, parameter=parameter)
