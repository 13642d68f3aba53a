"""Cursors: made, read, and refused where they are not ours or do not fit."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import httpx
import pytest

from cms.crud.cursor import Cursors, Position
from cms.crud.problems import BadQuery
from tests.crud.conftest import Make, Sky
from tests.problems import assert_problem
from tests.toys import SECRET, mission, star

CURSORS = Cursors("a secret")
SORT = (("name", False), ("mass", True))
VALUES = ("Mars", None, "0190a8b4-0000-7000-8000-000000000000")


def test_a_cursor_is_read_as_it_was_made() -> None:
    text = CURSORS.encode("planets", SORT, VALUES, backwards=True)
    assert CURSORS.decode("planets", text) == Position(SORT, VALUES, backwards=True)
    assert not set(text) & set("+/= ")


def forged() -> list[str]:
    good = CURSORS.encode("planets", SORT, VALUES, backwards=False)
    raw = urlsafe_b64decode(good + "=" * (-len(good) % 4))
    changed = raw[:16] + raw[16:].replace(b"Mars", b"Mare")
    unsigned = raw[16:]
    return [
        urlsafe_b64encode(changed).decode().rstrip("="),
        urlsafe_b64encode(bytes(16) + unsigned).decode().rstrip("="),
        urlsafe_b64encode(unsigned).decode().rstrip("="),
        Cursors("another secret").encode("planets", SORT, VALUES, backwards=False),
        CURSORS.encode("moons", SORT, VALUES, backwards=False),
        good[:-4],
        "A",
        "",
        "%%%",
        "é",
        "....",
        "x" * 2_000,
    ]


@pytest.mark.parametrize("text", forged())
def test_a_cursor_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(BadQuery) as caught:
        CURSORS.decode("planets", text)
    assert str(caught.value) == "This cursor is not one of ours; start again without it."
    assert caught.value.errors[0].parameter == "cursor"


async def names(client: httpx.AsyncClient, **params: Any) -> tuple[list[str], dict[str, Any]]:
    response = await client.get("/planets", params={"fields": "name", **params})
    assert response.status_code == 200, response.text
    page = response.json()
    return [item["name"] for item in page["items"]], page


async def test_pages_follow_each_other_in_both_directions(client: httpx.AsyncClient, sky: Sky) -> None:
    for name in "abcdefg":
        await sky.planet(name)
    seen, cursors = [], []
    cursor: dict[str, str] = {}
    while True:
        page_names, page = await names(client, sort="name", limit=3, **cursor)
        assert page["total"] == 7
        seen.append(page_names)
        cursors.append(page)
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    assert cursors[0]["previous"] is None
    back, page = await names(client, limit=3, cursor=cursors[2]["previous"])
    assert back == ["d", "e", "f"]
    forth, _ = await names(client, limit=3, cursor=page["next"])
    assert forth == ["g"]
    back, page = await names(client, limit=3, cursor=page["previous"])
    assert back == ["a", "b", "c"]
    assert page["previous"] is None


async def test_a_skipped_page_has_cursors_too(client: httpx.AsyncClient, sky: Sky) -> None:
    for name in "abcde":
        await sky.planet(name)
    skipped, page = await names(client, sort="-name", skip=2, limit=2)
    assert skipped == ["c", "b"]
    assert (await names(client, limit=2, cursor=page["next"]))[0] == ["a"]
    assert (await names(client, limit=2, cursor=page["previous"]))[0] == ["e", "d"]
    assert (await names(client, skip=10))[1]["previous"] is None


async def test_a_cursor_keeps_its_place_while_rows_come_and_go(client: httpx.AsyncClient, sky: Sky) -> None:
    """The edge itself may be deleted, and rows appear on both sides of it."""
    for name in "bdfh":
        await sky.planet(name)
    _, page = await names(client, sort="name", limit=2)
    headers = {"X-Role": "admin", "If-Match": "*"}
    assert (await client.delete("/planets/d", headers=headers)).status_code == 204
    for name in "aceg":
        await sky.planet(name)
    following, second = await names(client, limit=10, cursor=page["next"])
    assert following == ["e", "f", "g", "h"]
    assert second["total"] == 7
    assert (await names(client, limit=10, cursor=second["previous"]))[0] == ["a", "b", "c"]


async def test_a_page_whose_rows_are_gone_is_empty(client: httpx.AsyncClient, sky: Sky) -> None:
    for name in "ab":
        await sky.planet(name)
    _, page = await names(client, sort="name", limit=1)
    await client.delete("/planets/b", headers={"X-Role": "admin", "If-Match": "*"})
    _, page = await names(client, cursor=page["next"])
    assert (page["items"], page["next"], page["previous"]) == ([], None, None)


async def test_a_cursor_of_an_order_that_is_no_more_is_refused(client: httpx.AsyncClient) -> None:
    cursor = Cursors(SECRET).encode("planets", (("retired", False),), ["x", "y"], backwards=False)
    assert_problem(await client.get("/planets", params={"cursor": cursor}), 400, parameter="cursor")


async def test_a_cursor_belongs_to_its_type_and_order(client: httpx.AsyncClient, sky: Sky, make: Make) -> None:
    for name in "ab":
        await sky.planet(name)
        await make(star, name=name)
    cursor = (await client.get("/planets", params={"sort": "name", "limit": 1})).json()["next"]
    assert_problem(await client.get("/stars", params={"cursor": cursor}), 400, parameter="cursor")
    response = await client.get("/planets", params={"sort": "-name", "cursor": cursor})
    problem = assert_problem(response, 400, parameter="cursor")
    assert problem["detail"] == "This cursor belongs to another order; leave it out or keep “sort”."
    for params in ({"sort": "name"}, {}):
        response = await client.get("/planets", params={**params, "cursor": cursor})
        assert [item["name"] for item in response.json()["items"]] == ["b"]


async def test_a_cursor_shows_no_more_than_its_reader_may_see(client: httpx.AsyncClient, sky: Sky) -> None:
    """A10: an editor's cursor in the hands of the public, filters changed on the way."""
    for number, name in enumerate("abcd"):
        await sky.planet(name, rank=number, is_classified=name in "bd")
    response = await client.get("/planets", params={"limit": 1}, headers={"X-Role": "editor"})
    cursor = response.json()["next"]
    shown, page = await names(client, cursor=cursor)
    assert shown == ["c"]
    assert page["total"] == 2
    assert (await names(client, cursor=cursor, rank__lt=2))[0] == []


async def test_the_usual_order_may_be_a_descending_one(client: httpx.AsyncClient, make: Make) -> None:
    for name in "abc":
        await make(mission, name=name)
    first = (await client.get("/missions", params={"limit": 2})).json()
    assert [item["name"] for item in first["items"]] == ["c", "b"]
    second = (await client.get("/missions", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["name"] for item in second["items"]] == ["a"]
    position = Cursors(SECRET).decode("missions", first["next"])
    assert position.sort == (("name", True),)


async def test_a_cursor_may_be_used_without_counting(client: httpx.AsyncClient, sky: Sky) -> None:
    for name in "ab":
        await sky.planet(name)
    _, page = await names(client, limit=1, total="none")
    assert page["total"] is None
    assert (await names(client, cursor=page["next"], total="none"))[0] == ["b"]
