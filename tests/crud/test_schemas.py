"""Schemas: derived from declarations, every length once, nothing unknown let in."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from cms.crud.fields import MAX_TEXT
from cms.crud.schemas import (
    create_schema,
    included_schema,
    page_schema,
    read_schema,
    reference_schema,
    replace_schema,
    update_schema,
    view_schema,
)
from tests.toys import Kind, Orbit, explorer, moon, planet, region, registry, star


def document(schema: type[BaseModel]) -> dict[str, Any]:
    return schema.model_json_schema()


def of(schema: type[BaseModel], field: str) -> dict[str, Any]:
    found: dict[str, Any] = document(schema)["properties"][field]
    return found


def test_names_are_stable() -> None:
    schemas = [
        create_schema(planet), update_schema(planet), replace_schema(planet), read_schema(planet, registry),
        view_schema(planet, registry), included_schema(moon, registry), page_schema(planet, registry),
        reference_schema(planet),
    ]  # fmt: skip
    assert [schema.__name__ for schema in schemas] == [
        "PlanetCreate", "PlanetUpdate", "PlanetReplace", "PlanetRead", "PlanetView", "MoonIncluded", "PlanetPage",
        "PlanetReference",
    ]  # fmt: skip
    assert create_schema(planet) is create_schema(planet), "made once"


def test_bodies_have_the_writable_fields_and_no_others() -> None:
    """B03, H17."""
    assert tuple(create_schema(planet).model_fields) == planet.write_fields
    assert tuple(update_schema(planet).model_fields) == (*planet.write_fields, "version")
    assert tuple(replace_schema(planet).model_fields) == (*planet.write_fields, "version")
    for schema in (create_schema(planet), update_schema(planet), replace_schema(planet)):
        assert document(schema)["additionalProperties"] is False


def test_a_field_is_required_where_nothing_can_stand_for_it() -> None:
    assert document(create_schema(planet))["required"] == ["name", "star"]
    assert document(replace_schema(planet))["required"] == ["name", "star"]
    assert "required" not in document(update_schema(planet))
    assert document(create_schema(explorer))["required"] == ["name", "email", "pin"]
    assert document(create_schema(region))["required"] == ["name"]


def test_what_is_left_out_has_the_default_of_its_column() -> None:
    made: Any = create_schema(planet)(name="X", star="sun")
    assert (made.kind, made.rank, made.is_habitable, made.notes, made.mass) == (Kind.ROCKY, 0, False, "", None)
    assert (made.marks, made.missions, made.slug, made.orbit) == ([], [], None, None)
    other: Any = create_schema(planet)(name="Y", star="sun")
    assert made.marks is not other.marks


def test_an_update_knows_what_was_sent() -> None:
    sent = update_schema(planet)(mass=None)
    assert sent.model_fields_set == {"mass"}
    with pytest.raises(ValidationError):
        update_schema(planet)(rank=None)


@pytest.mark.parametrize("version", [0, -1, 2**31])
def test_a_version_is_a_positive_number(version: int) -> None:
    for schema in (update_schema(star), replace_schema(star)):
        with pytest.raises(ValidationError):
            schema(name="X", version=version)


@pytest.mark.parametrize(
    ("field", "least", "most"),
    [("name", 1, 100), ("summary", None, 500), ("notes", None, MAX_TEXT), ("slug", 1, 120), ("codename", None, 200)],
)
def test_lengths_are_those_of_the_column(field: str, least: int | None, most: int) -> None:
    """A length is written once, in the column's type."""
    column = planet.model.__table__.columns[field]
    assert getattr(column.type, "length", None) == (None if most == MAX_TEXT else most)
    for schema in (create_schema(planet), update_schema(planet)):
        shown = of(schema, field)
        shown = shown.get("anyOf", [shown])[0]
        assert (shown.get("minLength"), shown["maxLength"]) == (least, most)


def test_space_around_is_taken_away_where_it_means_nothing() -> None:
    made: Any = create_schema(planet)(name=" X ", star="sun", notes="  code\n", summary=" s ")
    assert (made.name, made.notes, made.summary) == ("X", "  code\n", "s")


def test_times_are_utc_once_read() -> None:
    made: Any = create_schema(planet)(name="X", star="sun", discovered_at="2026-01-01T01:00:00+01:00")
    assert made.discovered_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert made.discovered_at.tzinfo is UTC
    again: Any = create_schema(planet)(name="X", star="sun", discovered_at=made.discovered_at)
    assert again.discovered_at == made.discovered_at
    with pytest.raises(ValidationError, match=r"a time with a zone is expected|A time with a zone is expected"):
        create_schema(planet)(name="X", star="sun", discovered_at=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(number: float) -> None:
    """H11: doors that read no JSON, such as forms and files, can name others."""
    for values in ({"mass": number}, {"orbit": {"distance": number}}):
        with pytest.raises(ValidationError, match="Infinite numbers can't be stored"):
            create_schema(planet)(name="X", star="sun", **values)


@pytest.mark.parametrize("value", [["a\x00"], ["a\ud800"]])
def test_structured_values_hold_what_every_database_can(value: list[str]) -> None:
    """E14."""
    with pytest.raises(ValidationError):
        create_schema(planet)(name="X", star="sun", marks=value)
    with pytest.raises(ValidationError):
        create_schema(planet)(name="X", star="sun", orbit={value[0]: 1, "distance": 1})


def test_structured_values_are_typed() -> None:
    made: Any = create_schema(planet)(name="X", star="sun", orbit={"distance": 2})
    assert made.orbit == Orbit(distance=2.0)


def test_answers_have_the_readable_fields_in_their_order() -> None:
    assert tuple(read_schema(planet, registry).model_fields) == planet.read_fields
    assert tuple(view_schema(planet, registry).model_fields) == (*planet.read_fields, "moons")
    assert tuple(included_schema(moon, registry).model_fields) == moon.short_fields
    assert tuple(reference_schema(planet).model_fields) == ("id", "name", "slug")
    assert tuple(page_schema(planet, registry).model_fields) == ("items", "total", "next", "previous")


def test_answers_show_relations_in_their_short_form() -> None:
    """A09: of people, the name alone."""
    shown = document(read_schema(planet, registry))
    assert set(shown["$defs"]["ExplorerReference"]["properties"]) == {"id", "name"}
    assert shown["properties"]["owner"]["anyOf"] == [{"$ref": "#/$defs/ExplorerReference"}, {"type": "null"}]
    assert shown["properties"]["missions"]["items"] == {"$ref": "#/$defs/MissionReference"}


def test_only_what_may_be_absent_is_nullable() -> None:
    shown = document(read_schema(planet, registry))["properties"]
    nullable = {name for name, of in shown.items() if {"type": "null"} in of.get("anyOf", [])}
    assert nullable == {
        "summary",
        "homepage",
        "designation",
        "mass",
        "rings",
        "discovered_at",
        "orbit",
        "owner",
        "star",
    }
    assert shown["discovered_at"]["anyOf"][0] == {"format": "date-time", "type": "string"}
    assert shown["is_giant"]["type"] == "boolean"


def test_included_records_are_whole() -> None:
    shown = document(view_schema(planet, registry))["properties"]
    assert shown["moons"]["items"] == {"$ref": "#/$defs/MoonIncluded"}
    assert shown["missions"]["items"] == {"$ref": "#/$defs/MissionIncluded"}
