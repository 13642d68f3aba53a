"""Filters, orders and pages, held against a naive model over random rows; and one database against the other."""

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.crud.answers import to_bytes
from cms.crud.cursor import Cursors
from cms.crud.plan import Page, Reader
from cms.crud.policy import ANONYMOUS, Actor, Role
from cms.crud.query import list_parameters, parse_list
from cms.database import Database
from tests.crud.sky_model import FILTERS, ME, MISSIONS, OTHER, STARS, TIMES, Row, expected, fill
from tests.databases import PostgreSQL, Sqlite, create_tables
from tests.toys import SECRET, Kind, Toy, planet, registry

ACTORS = (ANONYMOUS, Actor(OTHER, Role.READER), Actor(ME, Role.AUTHOR), Actor(None, Role.EDITOR))
PARAMETERS = list_parameters(planet, registry)
READER = Reader(registry, Cursors(SECRET))
SORTABLE = ("name", "kind", "mass", "rank", "rings", "is_habitable", "discovered_at")

rows = st.lists(
    st.builds(
        Row,
        id=st.integers(1, 10_000).map(lambda n: UUID(int=n << 64)),
        name=st.sampled_from(("a", "b", "B", "ab", "É", "é", "a%", "a_b", "\\", "ǅ")),
        kind=st.sampled_from(Kind),
        mass=st.none() | st.sampled_from((-1.5, 0.0, 0.1, 2.0)),
        rank=st.integers(-1, 1),
        rings=st.none() | st.integers(0, 1),
        is_habitable=st.booleans(),
        discovered_at=st.none() | st.sampled_from(TIMES),
        is_classified=st.booleans(),
        owner=st.sampled_from((None, ME, OTHER)),
        star=st.sampled_from(tuple(STARS)),
        missions=st.frozensets(st.sampled_from(tuple(MISSIONS))),
        moons=st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), max_size=3).map(tuple),
    ),
    max_size=9,
    unique_by=lambda row: row.id,
)
orders = st.lists(
    st.tuples(st.sampled_from(SORTABLE), st.booleans()), min_size=1, max_size=3, unique_by=lambda pair: pair[0]
)
filters = st.lists(st.sampled_from(tuple(FILTERS)), max_size=2, unique_by=lambda text: text.partition("=")[0])
pages = st.tuples(st.integers(1, 4), st.integers(0, 5))

on_random_rows = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def page(database: Database, actor: Actor, texts: Sequence[str], **more: Any) -> Page:
    pairs = [(name, value) for name, _, value in (text.partition("=") for text in texts)]
    pairs += [(name, str(value)) for name, value in more.items() if value is not None]
    found: Page = await database.read(READER.page, planet, parse_list(pairs, PARAMETERS), actor)
    return found


def ids(items: Sequence[Any]) -> list[UUID]:
    return [UUID(str(item["id"])) if isinstance(item, dict) else item.id for item in items]


def spelled(order: Sequence[tuple[str, bool]]) -> str:
    return ",".join(f"-{name}" if is_descending else name for name, is_descending in order)


async def walked(database: Database, actor: Actor, texts: Sequence[str], sort: str, limit: int) -> list[list[UUID]]:
    """Every page from the first to the last by `next`; each has to come back by the `previous` of the one after."""
    pages: list[list[UUID]] = []
    cursor = None
    while True:
        found = await page(database, actor, texts, sort=sort, limit=limit, cursor=cursor)
        if pages and found.items:
            assert found.previous is not None
            back = await page(database, actor, texts, limit=limit, cursor=found.previous)
            assert ids(back.items) == pages[-1]
            assert (back.previous is None) == (len(pages) == 1)
        pages.append(ids(found.items))
        if found.next is None:
            return pages
        cursor = found.next


@on_random_rows
@given(rows, st.sampled_from(ACTORS), filters, orders, pages)
async def test_a_list_is_what_the_naive_model_says(
    database: Database,
    some: list[Row],
    actor: Actor,
    texts: list[str],
    order: list[tuple[str, bool]],
    size: tuple[int, int],
) -> None:
    """A10, A21: visible rows only, filters and orders with nulls and ties, pages in both directions and by skip."""
    limit, skip = size
    async with database.session() as session:
        await fill(session, some)
    wanted = [row.id for row in expected(some, actor, texts, order)]
    whole = await page(database, actor, texts, sort=spelled(order))
    assert ids(whole.items) == wanted
    assert (whole.total, whole.next, whole.previous) == (len(wanted), None, None)
    slices = [wanted[start : start + limit] for start in range(0, len(wanted), limit)] or [[]]
    assert await walked(database, actor, texts, spelled(order), limit) == slices
    skipped = await page(database, actor, texts, sort=spelled(order), skip=skip, limit=limit)
    assert ids(skipped.items) == wanted[skip : skip + limit]
    assert skipped.total == len(wanted)


def many_rows() -> list[Row]:
    """As many different rows as matter, the same in every run."""
    chance = random.Random(7)  # noqa: S311 - rows of a test, no secret
    return [
        Row(
            id=UUID(int=chance.getrandbits(120)),
            name=chance.choice(("a", "b", "B", "ab", "É", "é", "a%", "a_b", "\\", "ǅ")),
            kind=chance.choice(list(Kind)),
            mass=chance.choice((None, -1.5, 0.0, 0.1, 2.0)),
            rank=chance.randint(-1, 1),
            rings=chance.choice((None, 0, 1)),
            is_habitable=chance.random() < 0.5,
            discovered_at=chance.choice((None, *TIMES)),
            is_classified=chance.random() < 0.3,
            owner=chance.choice((None, ME, OTHER)),
            star=chance.choice(tuple(STARS)),
            missions=frozenset(m for m in MISSIONS if chance.random() < 0.5),
            moons=tuple((n, chance.random() < 0.3) for n in "xxyz" if chance.random() < 0.4),
        )
        for _ in range(60)
    ]


async def test_every_filter_is_what_the_naive_model_says(database: Database) -> None:
    """A10: for each role; some rows meet each filter that can be met, and some do not."""
    some = many_rows()
    async with database.session() as session:
        await fill(session, some)
    for actor in ACTORS:
        for text in FILTERS:
            found = await page(database, actor, [text], sort="name")
            assert ids(found.items) == ids(expected(some, actor, [text], [("name", False)])), (text, actor.role)
            assert found.total == len(found.items)


@pytest.fixture
def both_urls(sqlite: Sqlite, postgresql: PostgreSQL) -> tuple[str, str]:
    build = create_tables(Toy.metadata)
    return sqlite.empty("toys", build), postgresql.empty("toys", build)


async def test_both_databases_answer_the_same_bytes(both_urls: tuple[str, str]) -> None:
    databases = [Database(url) for url in both_urls]
    for database in databases:
        async with database.session() as session:
            await fill(session, many_rows())
    texts = [[text] for text in FILTERS] + [[]] * len(SORTABLE)
    orders = [spelled([(SORTABLE[i % 7], i % 2 == 1), (SORTABLE[(i + 3) % 7], i % 3 == 0)]) for i in range(len(texts))]
    for text, order in zip(texts, orders, strict=True):
        answers = []
        for database in databases:
            first = await page(database, ACTORS[2], text, sort=order, limit=7, include="moons,missions")
            second = await page(database, ACTORS[2], text, cursor=first.next, limit=7)
            answers.append(to_bytes([[p.items, p.total, p.next, p.previous] for p in (first, second)]))
        assert answers[0] == answers[1], (text, order)
    for database in databases:
        await database.dispose()
