"""Services as other doors use them: without HTTP, over a session of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from cms.crud.conditional import ANY_VERSION
from cms.crud.content_type import ContentType
from cms.crud.cursor import Cursors
from cms.crud.plan import Reader
from cms.crud.policy import ANONYMOUS, SYSTEM, Action, Actor, Policy, Role
from cms.crud.problems import Conflict, Forbidden, NotFound, PreconditionFailed, Problem, Unauthorized
from cms.crud.registry import Registry
from cms.crud.schemas import create_schema, update_schema
from cms.crud.service import Service, UnitOfWork
from cms.database import Database
from tests.crud.conftest import Make, Sky
from tests.toys import SECRET, Mission, Moon, Planet, Star, explorer, mission, moon, planet, star

P = TypeVar("P", bound=Problem)
Work = Callable[..., AbstractAsyncContextManager[UnitOfWork]]


@pytest.fixture
def work(database: Database, reader: Reader) -> Work:
    @asynccontextmanager
    async def work(actor: Actor = SYSTEM) -> AsyncIterator[UnitOfWork]:
        async with database.session() as session:
            yield UnitOfWork(session, actor, reader)

    return work


async def refused(kind: type[P], work: Work, act: Callable[[UnitOfWork], Awaitable[None]]) -> P:
    """The problem that ends a unit of work in which somebody acts."""

    async def attempt() -> None:
        async with work() as unit:
            await act(unit)

    with pytest.raises(kind) as caught:
        await attempt()
    return caught.value


async def count(database: Database, model: type[Any]) -> int:
    async with database.session() as session:
        return (await session.execute(select(func.count()).select_from(model))).scalar_one()


async def test_nothing_is_committed_but_by_who_opened_the_session(work: Work, database: Database) -> None:
    async def act(unit: UnitOfWork) -> None:
        made = await unit.service(star).create(create_schema(star)(name="Vega"))
        assert (await unit.service(star).get("vega")).id == made.id
        raise NotFound("On second thoughts, no.")

    await refused(NotFound, work, act)
    assert await count(database, Star) == 0


async def test_a_refused_write_leaves_the_rest_of_its_transaction_alone(
    work: Work, database: Database, sky: Sky
) -> None:
    """A made slug gives way inside a savepoint: what came before in the transaction stays."""
    async with work() as unit:
        stars = unit.service(star)
        for _ in range(3):
            await stars.create(create_schema(star)(name="Vega"))
    async with database.session() as session:
        slugs = (await session.execute(select(Star.slug).order_by(Star.slug))).scalars().all()
    assert list(slugs) == ["sun", "vega", "vega-2", "vega-3"]


async def test_another_unique_value_is_no_reason_for_another_slug(work: Work, sky: Sky) -> None:
    await sky.planet("Mars", designation="P4")

    async def act(unit: UnitOfWork) -> None:
        data = create_schema(planet)(name="Ares", star="sun", designation="P4")
        await unit.service(planet).create(data)

    problem = await refused(Conflict, work, act)
    assert str(problem) == "Another planet already has the designation “P4”; choose another one."
    assert problem.errors[0].pointer == "/designation"


async def test_slugs_are_not_tried_for_ever(work: Work, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    await make(star, name="Vega")
    monkeypatch.setattr("cms.crud.service._SLUG_ATTEMPTS", 1)

    async def act(unit: UnitOfWork) -> None:
        await unit.service(star).create(create_schema(star)(name="Vega"))

    problem = await refused(Conflict, work, act)
    assert str(problem) == "Too many records want the slug “vega” at once; choose one yourself."


@pytest.mark.parametrize(
    ("taken", "made"),
    [
        (["vega"], "vega-2"),
        (["vega", "vega-7"], "vega-8"),
        (["vega", "vega-x", "vega-2x"], "vega-2"),
        (["vega", "vega-99999999"], "vega-2"),
        (["vega", "vegas-9"], "vega-2"),
    ],
)
async def test_the_next_slug_follows_the_highest_number(work: Work, make: Make, taken: list[str], made: str) -> None:
    for slug in taken:
        await make(star, name="Vega", slug=slug)
    async with work() as unit:
        record = await unit.service(star).create(create_schema(star)(name="Vega"))
        assert record.slug == made


async def test_a_record_that_changed_under_a_writer_is_not_overwritten(work: Work, make: Make) -> None:
    """R01: read without a lock, as a form does; the version in the statement is what holds."""
    await make(star, name="Vega")

    async def act(unit: UnitOfWork) -> None:
        stars = unit.service(star)
        record = await stars.get("vega")
        bumped = update(Star).values(version=2, name="Lyra").execution_options(synchronize_session=False)
        await unit.session.execute(bumped)
        await stars.update(record, update_schema(star)(name="Alpha"), 1)

    problem = await refused(PreconditionFailed, work, act)
    assert problem.extensions == {"current_version": 2}


@pytest.mark.parametrize("expected", [ANY_VERSION, 1])
async def test_any_or_the_current_version_passes(work: Work, make: Make, expected: int) -> None:
    await make(star, name="Vega")
    async with work() as unit:
        stars = unit.service(star)
        record = await stars.get("vega", Action.UPDATE)
        await stars.update(record, update_schema(star)(name="Lyra"), expected)
        assert record.version == 2


async def test_each_write_asks_for_the_version(work: Work, make: Make) -> None:
    await make(star, name="Vega")
    async with work() as unit:
        stars = unit.service(star)
        record = await stars.get("vega", Action.UPDATE)
        for write in (
            stars.update(record, update_schema(star)(name="X"), 2),
            stars.replace(record, create_schema(star)(name="X"), 2),
            stars.delete(record, 2),
        ):
            with pytest.raises(PreconditionFailed):
                await write
    async with work() as unit:
        assert (await unit.service(star).get("vega")).version == 1


async def test_each_write_asks_for_the_right(work: Work, make: Make) -> None:
    """A16: services hold by themselves, whatever the door."""
    vega = await make(star, name="Vega")
    for actor, refusal in ((ANONYMOUS, Unauthorized), (Actor(UUID(int=7), Role.AUTHOR), Forbidden)):
        async with work(actor) as unit:
            stars = unit.service(star)
            record = await stars.get(vega.id)
            for write in (
                stars.create(create_schema(star)(name="X")),
                stars.update(record, update_schema(star)(name="X"), 1),
                stars.replace(record, create_schema(star)(name="X"), 1),
                stars.delete(record, 1),
                stars.get(vega.id, Action.UPDATE),
            ):
                with pytest.raises(refusal):
                    await write
            with pytest.raises(refusal):
                await unit.service(explorer).get(vega.id)


async def test_what_is_not_there_is_not_found(work: Work, make: Make) -> None:
    async with work() as unit:
        for key in ("nowhere", "x" * 5_000, UUID(int=5), str(UUID(int=5))):
            with pytest.raises(NotFound) as caught:
                await unit.service(star).get(key)
            assert len(str(caught.value)) < 250
        with pytest.raises(NotFound, match=r"There is no moon “Phobos”"):
            await unit.service(moon).get("Phobos")
        with pytest.raises(NotFound, match="The star is gone"):
            await unit.read(star, UUID(int=5))


async def test_a_record_with_a_key_of_another_kind(work: Work, make: Make) -> None:
    ada = await make(explorer, name="Ada", email="ada@example.org", pin="1")
    async with work() as unit:
        assert (await unit.service(explorer).get("ada@example.org")).id == ada.id
        with pytest.raises(Conflict, match=r"Another explorer already has the email “ada@example\.org”"):
            await unit.service(explorer).create(create_schema(explorer)(name="Eve", email="ada@example.org", pin="2"))


async def test_a_change_that_breaks_a_constraint_is_told_in_words(work: Work, make: Make, database: Database) -> None:
    for name in ("Ada", "Eve"):
        await make(explorer, name=name, email=f"{name.lower()}@example.org", pin="1")

    async def act(unit: UnitOfWork) -> None:
        people = unit.service(explorer)
        record = await people.get("ada@example.org", Action.UPDATE)
        await people.update(record, update_schema(explorer)(email="eve@example.org"), 1)

    problem = await refused(Conflict, work, act)
    assert str(problem) == "Another explorer already has the email “eve@example.org”; choose another one."
    assert await count(database, explorer.model) == 2


class NoNonsense(Policy):
    """Nobody but staff names things."""

    def can_set(self, actor: Actor, field: str, value: Any) -> bool:
        return actor.is_staff or field != "name"


class Louder(Service[Star]):
    """A service with rules: names are loud, and what happened is noted."""

    async def prepare(self, record: Star, changed: frozenset[str]) -> None:
        if "name" in changed:
            record.name = record.name.upper()

    async def after_save(self, record: Star) -> None:
        await self.session.execute(update(Mission).values(name=record.name))


@pytest.fixture
def ruled(database: Database) -> Callable[[Actor], AbstractAsyncContextManager[Service[Star]]]:
    loud = ContentType(
        Star, name="stars", read_fields=("id", "name"), write_fields=("name", "slug"), service=Louder,
        policy=NoNonsense(write=Role.READER),
    )  # fmt: skip
    reader = Reader(Registry(loud), Cursors(SECRET))

    @asynccontextmanager
    async def ruled(actor: Actor) -> AsyncIterator[Service[Star]]:
        async with database.session() as session:
            yield UnitOfWork(session, actor, reader).service(loud)

    return ruled


async def test_a_service_derives_before_and_follows_after_a_save(
    ruled: Callable[[Actor], AbstractAsyncContextManager[Service[Star]]], make: Make, database: Database
) -> None:
    await make(mission, name="Voyager")
    async with ruled(SYSTEM) as stars:
        assert isinstance(stars, Louder)
        record = await stars.create(create_schema(stars.content_type)(name="Vega"))
        assert (record.name, record.slug) == ("VEGA", "vega")
        again = await stars.create(create_schema(stars.content_type)(name="Vega"))
        assert again.slug == "vega-2"
        await stars.update(record, update_schema(stars.content_type)(name="lyra"), 1)
    async with database.session() as session:
        assert (await session.execute(select(Mission.name))).scalar_one() == "LYRA"


async def test_a_field_that_an_actor_may_not_set_is_refused_by_name(
    ruled: Callable[[Actor], AbstractAsyncContextManager[Service[Star]]], make: Make
) -> None:
    """B03: only what was sent counts; defaults do not."""
    await make(star, name="Vega")
    async with ruled(Actor(UUID(int=7), Role.READER)) as stars:
        with pytest.raises(Forbidden) as caught:
            await stars.create(create_schema(stars.content_type)(name="X"))
        assert str(caught.value) == "You may not set “name”."
        assert caught.value.errors[0].pointer == "/name"
        record = await stars.get("vega", Action.UPDATE) if stars.content_type.key_field else None
        assert record is not None
        await stars.update(record, update_schema(stars.content_type)(slug="v"), 1)
        assert record.slug == "v"
    async with ruled(SYSTEM) as stars:
        assert (await stars.get("v")).name == "Vega"


async def test_a_record_is_deleted_with_what_belongs_to_it(
    work: Work, sky: Sky, make: Make, database: Database
) -> None:
    await make(mission, name="Voyager")
    mars = await sky.planet("Mars", missions=["voyager"])
    async with work() as unit:
        missions = unit.service(mission)
        await missions.delete(await missions.get("voyager", Action.DELETE), 1)
    async with work() as unit:
        item, version = await unit.read(planet, mars.id)
        assert (item["missions"], version) == ([], 1)
        planets = unit.service(planet)
        await planets.delete(await planets.get("mars", Action.DELETE), ANY_VERSION)
    assert (await count(database, Planet), await count(database, Moon), await count(database, Star)) == (0, 0, 1)
