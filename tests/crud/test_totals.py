"""Totals that are counted up to a bound: exact below it, and no dearer however many rows there are."""

from typing import Any

import pytest
from sqlalchemy import Connection

from cms.crud.filters import Filter
from cms.crud.plan import Page, Reader
from cms.crud.policy import SYSTEM
from cms.crud.query import Query
from cms.database import Database
from tests.crud.conftest import Make, Sky
from tests.statements import recorded
from tests.toys import planet, star


def total_of(connection: Connection, /, reader: Reader, content_type: Any, **query: Any) -> Page:
    return reader.page(connection, content_type, Query(("id", "name"), sort=(("name", False),), **query), SYSTEM)


@pytest.mark.parametrize(
    ("bound", "skip", "total"), [(5, 0, 5), (9, 0, 5), (3, 0, 4), (1, 2, 2), (3, 9, 4), (None, 9, 5)]
)
async def test_a_total_is_exact_up_to_its_bound(
    database: Database, reader: Reader, sky: Sky, bound: int | None, skip: int, total: int
) -> None:
    for name in "abcde":
        await sky.planet(name)
    page = await database.read(total_of, reader, planet, limit=2, skip=skip, count_up_to=bound)
    assert page.total == total


async def test_two_types_and_their_filters_are_counted_alike(
    database: Database, reader: Reader, sky: Sky, make: Make
) -> None:
    for name in "abc":
        await make(star, name=name, slug=f"star-{name}")
        await sky.planet(name)
    few = ((Filter("name", None, "gte"), "b"),)
    for content_type in (star, planet):
        exact = await database.read(total_of, reader, content_type, filters=few)
        bound = await database.read(total_of, reader, content_type, filters=few, limit=1, count_up_to=10)
        assert exact.total == bound.total, content_type.name
    none = ((Filter("name", None, "eq"), "x"),)
    assert (await database.read(total_of, reader, planet, filters=none, count_up_to=10)).total == 0


async def test_what_the_last_page_tells_is_not_counted_again(database: Database, reader: Reader, sky: Sky) -> None:
    for name in "abc":
        await sky.planet(name)
    costs = {}
    for limit in (2, 3):
        with recorded() as statements:
            page = await database.read(total_of, reader, planet, limit=limit, count_up_to=10)
        costs[limit] = len(statements)
        assert page.total == 3
    assert costs == {2: 2, 3: 1}
    first = await database.read(total_of, reader, planet, limit=2, count_up_to=10)
    rest = await database.read(total_of, reader, planet, limit=2, count_up_to=10, cursor=first.next)
    assert (len(rest.items), rest.total) == (1, 3)
    uncounted = await database.read(total_of, reader, planet, limit=2, count_up_to=10, total=False)
    assert uncounted.total is None
