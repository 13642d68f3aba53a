"""What databases say of broken constraints, as both really say it, put into words."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.conflicts import broken_columns, conflict_from, in_use
from cms.crud.problems import Conflict, Invalid
from cms.database import Database
from tests.crud.conftest import Make, Sky
from tests.toys import Moon, Planet, Star, mission, moon, planet, planet_missions, star


async def broken(database: Database, write: Callable[[AsyncSession], Any]) -> IntegrityError:
    async def attempt() -> None:
        async with database.session() as session:
            await write(session)
            await session.flush()

    with pytest.raises(IntegrityError) as caught:
        await attempt()
    return caught.value


async def test_a_value_that_is_taken_is_quoted(database: Database, sky: Sky) -> None:
    async def write(session: AsyncSession) -> None:
        session.add(Star(slug="sun", name="Second"))

    error = await broken(database, write)
    assert broken_columns(error, star) == ("unique", ("slug",))
    problem = conflict_from(error, star, Star(slug="sun"))
    assert isinstance(problem, Conflict)
    assert str(problem) == "Another star already has the slug “sun”; choose another one."
    assert [e.pointer for e in problem.errors] == ["/slug"]


async def test_a_pair_that_is_taken_has_no_field_of_its_own(database: Database, sky: Sky, make: Make) -> None:
    voyager = await make(mission, name="Voyager")
    mars = await sky.planet("Mars", missions=["voyager"])

    async def write(session: AsyncSession) -> None:
        await session.execute(insert(planet_missions).values(planet_id=mars.id, mission_id=voyager.id))

    error = await broken(database, write)
    assert broken_columns(error, planet) == ("unique", ())
    problem = conflict_from(error, planet, mars)
    assert isinstance(problem, Conflict)
    assert str(problem) == "This planet contradicts another one that was saved meanwhile; read it again."


async def test_a_reference_to_nothing(database: Database, sky: Sky) -> None:
    async def write(session: AsyncSession) -> None:
        session.add(Moon(name="Phobos", planet_id=UUID(int=5)))

    problem = conflict_from(await broken(database, write), moon, Moon())
    assert isinstance(problem, Conflict)
    assert str(problem) == "Something that this moon refers to was deleted meanwhile, or still refers to it."


async def test_a_deletion_of_what_is_referred_to(database: Database, sky: Sky) -> None:
    await sky.planet("Mars")

    async def write(session: AsyncSession) -> None:
        await session.execute(text("DELETE FROM stars"))

    assert broken_columns(await broken(database, write), star)[0] == "foreign key"


async def test_a_value_that_is_missing(database: Database) -> None:
    async def write(session: AsyncSession) -> None:
        session.add(Star(slug="x", name=None))

    error = await broken(database, write)
    assert broken_columns(error, star)[0] == "not null" if database.is_sqlite else "not-null"
    problem = conflict_from(error, star, Star())
    assert isinstance(problem, Invalid)
    assert str(problem) == "The star is not complete or breaks a rule of its type."


def test_what_no_one_understands_is_still_a_problem() -> None:
    error = IntegrityError("INSERT …", {}, Exception("something odd"))
    assert broken_columns(error, star) == ("unknown", ())
    assert "INSERT" not in str(conflict_from(error, star, Planet()))


@pytest.mark.parametrize("name", ["uq_planets_slug", "ix_planets_slug"])
def test_postgresql_names_constraints_and_indexes(name: str) -> None:
    said = f'duplicate key value violates unique constraint "{name}"\nDETAIL:  Key (slug)=(secret) already exists.'
    assert broken_columns(IntegrityError("", {}, Exception(said)), planet) == ("unique", ("slug",))


def test_what_is_in_use_says_where() -> None:
    problem = in_use(planet, ["moon “Phobos”", "2 regions that you can't see"])
    assert str(problem) == (
        "This planet is in use and was not deleted. Change these first: moon “Phobos”; 2 regions that you can't see."
    )
    assert problem.extensions == {"usages": ["moon “Phobos”", "2 regions that you can't see"]}
