"""Many writers at once, on both databases: distinct slugs, no lost update, nobody told that the database is locked."""

import asyncio
from collections import Counter
from typing import Any

import httpx
from sqlalchemy import text

from cms.crud.conditional import ANY_VERSION
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Action
from cms.crud.schemas import update_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from tests.crud.conftest import Make, Sky
from tests.problems import assert_problem
from tests.toys import EDITOR, mission, planet


async def test_twenty_records_of_one_name_get_twenty_slugs(client: httpx.AsyncClient, sky: Sky, make: Make) -> None:
    """R41."""
    await make(mission, name="Voyager")
    body = {"name": "Twin", "star": "sun", "missions": ["voyager"]}
    answers = await asyncio.gather(*(client.post("/planets", json=body, headers=EDITOR) for _ in range(20)))
    assert [a.status_code for a in answers] == [201] * 20, [a.text for a in answers if a.status_code != 201]
    slugs = {answer.json()["slug"] for answer in answers}
    assert slugs == {"twin", *(f"twin-{number}" for number in range(2, 21))}
    stored = (await client.get("/planets", params={"fields": "slug,missions"})).json()["items"]
    assert {item["slug"] for item in stored} == slugs
    assert all(len(item["missions"]) == 1 for item in stored)


async def test_twenty_records_of_one_chosen_slug_are_one(client: httpx.AsyncClient) -> None:
    """R41."""
    body = {"name": "Vega", "slug": "vega"}
    answers = await asyncio.gather(*(client.post("/stars", json=body, headers=EDITOR) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "/slug")
    assert (await client.get("/stars")).json()["total"] == 1


async def test_two_records_that_want_each_others_slug(client: httpx.AsyncClient, sky: Sky) -> None:
    """R41: a rename into a name that is just being taken."""
    for name in "abcd":
        await sky.planet(name)
    body = {"slug": "wanted", "version": 1}
    answers = await asyncio.gather(*(client.patch(f"/planets/{name}", json=body, headers=EDITOR) for name in "abcd"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 3}


async def test_no_update_is_lost(client: httpx.AsyncClient, sky: Sky) -> None:
    """R01, R03: eight writers read, add one and write back, each until it has succeeded five times."""
    await sky.planet("Mars", rank=0)
    refused = 0

    async def count() -> None:
        nonlocal refused
        done = 0
        while done < 5:
            read = await client.get("/planets/mars")
            body = {"rank": read.json()["rank"] + 1}
            headers = {**EDITOR, "If-Match": read.headers["etag"]}
            answer = await client.patch("/planets/mars", json=body, headers=headers)
            if answer.status_code == 200:
                done += 1
                continue
            problem = assert_problem(answer, 412)
            assert problem["current_version"] > read.json()["version"]
            refused += 1

    await asyncio.gather(*(count() for _ in range(8)))
    final = (await client.get("/planets/mars")).json()
    assert (final["rank"], final["version"]) == (40, 41)
    assert refused > 0, "the writers met"


async def test_two_processes_lose_nothing(database: Database, reader: Reader, sky: Sky) -> None:
    """R03: each has connections of its own; both read, add one and write in one transaction."""
    await sky.planet("Mars", rank=0)
    other = Database(database.url.render_as_string(hide_password=False))

    async def count(mine: Database) -> None:
        for _ in range(10):
            async with mine.session() as session:
                planets = UnitOfWork(session, SYSTEM, reader).service(planet)
                mars = await planets.get("mars", Action.UPDATE)
                await asyncio.sleep(0)
                await planets.update(mars, update_schema(planet)(rank=mars.rank + 1), ANY_VERSION)

    try:
        await asyncio.gather(*(count(mine) for mine in (database, other, database, other)))
    finally:
        await other.dispose()
    async with database.session() as session:
        mars = await UnitOfWork(session, SYSTEM, reader).service(planet).get("mars")
        assert (mars.rank, mars.version) == (40, 41)


async def test_writers_that_insist_are_counted_each(client: httpx.AsyncClient, sky: Sky) -> None:
    """R03: with `*` the last one wins, but each write is a version."""
    await sky.planet("Mars")
    headers = {**EDITOR, "If-Match": "*"}
    answers = await asyncio.gather(
        *(client.patch("/planets/mars", json={"rank": n + 1}, headers=headers) for n in range(12))
    )
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 14))


async def test_a_record_that_is_deleted_and_changed_at_once(client: httpx.AsyncClient, sky: Sky) -> None:
    await sky.planet("Mars")
    headers = {**EDITOR, "If-Match": '"v1"'}
    answers = await asyncio.gather(
        *(client.delete("/planets/mars", headers=headers) for _ in range(4)),
        *(client.patch("/planets/mars", json={"rank": 1}, headers=headers) for _ in range(4)),
    )
    codes = Counter(answer.status_code for answer in answers)
    assert codes[204] + codes[200] == 1
    assert set(codes) <= {200, 204, 404, 412}


async def test_a_moon_cannot_be_added_to_a_planet_that_goes(client: httpx.AsyncClient, sky: Sky) -> None:
    """R03: foreign keys hold where a look before the leap would not."""
    for number in range(6):
        mars = await sky.planet(f"Mars {number}")
        added, deleted = await asyncio.gather(
            client.post("/moons", json={"name": "Phobos", "planet": str(mars.id)}, headers=EDITOR),
            client.delete(f"/planets/{mars.id}", headers={**EDITOR, "If-Match": "*"}),
        )
        assert (added.status_code, deleted.status_code) in {(201, 409), (422, 204), (409, 204)}, (
            added.text,
            deleted.text,
        )


async def test_a_storm_of_writers_and_readers_is_weathered(
    client: httpx.AsyncClient, sky: Sky, database: Database
) -> None:
    """R04, in short: nobody is told that the database is locked, and nothing is broken afterwards."""
    for number in range(8):
        await sky.planet(f"P{number}")
    codes: Counter[int] = Counter()

    async def write(number: int) -> None:
        for turn in range(6):
            answer = await client.patch(
                f"/planets/p{number}", json={"rank": turn, "version": turn or 1}, headers=EDITOR
            )
            codes[answer.status_code] += 1

    async def read() -> None:
        for _ in range(6):
            answer = await client.get("/planets", params={"include": "moons"})
            codes[answer.status_code] += 1
            assert len(answer.json()["items"]) == 8

    await asyncio.gather(*(write(number) for number in range(8)), *(read() for _ in range(8)))
    assert set(codes) == {200}, codes
    if database.is_sqlite:
        check = await database.read(_check)
        assert check == {"integrity_check": [("ok",)], "foreign_key_check": []}


def _check(connection: Any) -> dict[str, list[Any]]:
    return {
        name: [tuple(row) for row in connection.execute(text(f"PRAGMA {name}"))]
        for name in ("integrity_check", "foreign_key_check")
    }
