"""Column types, and what they do to values on their way in and out."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from cms.crud.answers import to_bytes
from cms.crud.fields import Model, Structured, UTCDateTime, now, parse_time, refuse_unstorable, text_type, utc_now
from cms.database import Database
from tests.crud.conftest import Sky
from tests.toys import Orbit, Planet, Star

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIALECT: Any = SQLiteDialect()
POSTGRESQL: Any = PGDialect()  # type: ignore[no-untyped-call]  # it has no types


def test_now_is_aware() -> None:
    assert utc_now().tzinfo is UTC


def test_a_time_is_stored_in_utc_and_told_in_utc() -> None:
    column = UTCDateTime()
    stored = column.process_bind_param(NOON.astimezone(timezone(timedelta(hours=5))), DIALECT)
    assert stored == NOON
    assert stored is not None
    assert stored.tzinfo is UTC
    assert column.process_result_value(NOON.replace(tzinfo=None), DIALECT) == NOON
    assert column.process_result_value(NOON, DIALECT) == NOON
    assert column.process_bind_param(None, DIALECT) is None
    assert column.process_result_value(None, DIALECT) is None


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="A time needs a zone"):
        UTCDateTime().process_bind_param(NOON.replace(tzinfo=None), DIALECT)


def test_a_structured_value_is_stored_as_plain_json() -> None:
    column = Structured(Orbit)
    plain = {"distance": 1.0, "inclination": 0.0, "resonances": []}
    assert column.process_bind_param(Orbit(distance=1), DIALECT) == plain
    assert column.process_bind_param(plain, DIALECT) == plain
    assert column.process_bind_param(None, DIALECT) is None
    assert column.process_result_value(plain, DIALECT) == plain


def test_an_equal_structured_value_is_no_change() -> None:
    column = Structured(Orbit)
    assert column.compare_values({"distance": 1.0, "inclination": 0.0, "resonances": []}, Orbit(distance=1))
    assert not column.compare_values(None, Orbit(distance=1))
    assert column.compare_values(None, None)


async def test_the_databases_clock_is_of_the_type_of_stored_times(database: Database) -> None:
    async with database.session() as session:
        session.add(Star(slug="x", name="X", created_at=utc_now() - timedelta(seconds=60)))
        session.add(Star(slug="y", name="Y", created_at=utc_now() + timedelta(seconds=60)))
        await session.flush()
        clock: datetime = (await session.execute(select(now()))).scalar_one()
        past = (await session.execute(select(Star.slug).where(Star.created_at <= now()))).scalars().all()
    assert abs(clock - utc_now()) < timedelta(seconds=10)
    assert list(past) == ["x"]


async def test_a_record_has_an_identity_that_grows_and_a_version_that_counts(database: Database, sky: Sky) -> None:
    first, second = await sky.planet("A"), await sky.planet("B")
    assert first.id < second.id
    assert first.id.version == 7
    async with database.session() as session:
        record = (await session.execute(select(Planet).where(Planet.id == first.id))).scalar_one()
        assert (record.version, record.created_at) == (1, first.created_at)
        assert record.created_at.tzinfo is UTC
        record.rank = 5
        await session.flush()
        assert record.version == 2
        assert record.updated_at > record.created_at
        assert not record.is_giant


def test_texts_sort_by_code_point_on_both_databases() -> None:
    assert text_type(5).compile(dialect=POSTGRESQL) == 'VARCHAR(5) COLLATE "C"'
    assert text_type().compile(dialect=POSTGRESQL) == 'TEXT COLLATE "C"'
    assert text_type(5).compile(dialect=DIALECT) == "VARCHAR(5)"


@pytest.mark.parametrize("value", ["text", "", "\x01\x7f", 5, 1.5, None, False, ["a", {"b": [1.5]}], {}])
def test_what_can_be_stored_passes(value: Any) -> None:
    assert refuse_unstorable(value) is value


@pytest.mark.parametrize(
    "value",
    [
        "\x00",
        "\ud800",
        float("nan"),
        ["a", ["\x00"]],
        {"\x00": 1},
        {"a": {"b": "\udc00"}},
        [{"a": float("inf")}],
    ],
)
def test_what_cannot_be_stored_is_refused(value: Any) -> None:
    """E14, H11."""
    with pytest.raises(ValueError, match="can't be stored"):
        refuse_unstorable(value)


def test_a_time_is_read_from_text() -> None:
    assert parse_time("2026-01-01T13:00:00+01:00") == NOON
    assert parse_time("2026-01-01 12:00:00Z") == NOON
    with pytest.raises(ValueError, match="a time with a zone is expected"):
        parse_time("2026-01-01T12:00:00")


def test_structured_values_refuse_what_they_do_not_know() -> None:
    class Colour(Model):
        name: str

    assert Colour(name=" red ").name == "red"
    with pytest.raises(ValidationError):
        Colour.model_validate({"name": "red", "shade": 1})


def test_answers_are_json() -> None:
    class Bare(BaseModel):
        when: datetime

    class OddUuid(UUID):
        """As asyncpg has one."""

    odd = uuid4()
    assert to_bytes({"t": NOON, "i": odd, "o": OddUuid(str(odd)), "m": Bare(when=NOON)}) == (
        f'{{"t":"2026-01-01T12:00:00Z","i":"{odd}","o":"{odd}","m":{{"when":"2026-01-01T12:00:00Z"}}}}'.encode()
    )
    with pytest.raises(TypeError, match="is not JSON"):
        to_bytes(object())
