"""Declarations: what they say of a type, and that a wrong one fails at once with a sentence."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms.crud.content_type import ContentType
from cms.crud.fields import Name
from cms.crud.policy import Policy
from cms.crud.registry import Registry
from tests.toys import Moon, Orbit, Planet, Star, Toy, explorer, mission, moon, planet, region, star, station

comet_sightings = Table(
    "comet_sightings",
    Toy.metadata,
    Column("comet_id", ForeignKey("comets.id"), index=True),
    Column("star_id", ForeignKey("stars.id")),
)


class Comet(Toy):
    """A type whose relations no index serves."""

    __tablename__ = "comets"

    name: Mapped[Name]
    star_id: Mapped[UUID] = mapped_column(ForeignKey("stars.id"))
    star: Mapped[Star] = relationship(lazy="raise")
    seen_from: Mapped[list[Star]] = relationship(secondary=comet_sightings, lazy="raise")


def declare(model: type[Any] = Planet, **options: Any) -> ContentType[Any]:
    usual: dict[str, Any] = {"name": "things", "read_fields": ("id", "name"), "reference_fields": ("id", "name")}
    return ContentType(model, **{**usual, **options})


@pytest.mark.parametrize("option", ["read", "write", "reference", "list", "filter", "include", "search", "sort"])
def test_a_name_that_the_model_lacks_is_refused_with_the_nearest_one(option: str) -> None:
    with pytest.raises(TypeError) as caught:
        declare(Planet, **{f"{option}_fields": ("nmae",)})
    assert str(caught.value) == (f"things.{option}_fields: there is no field “nmae” on Planet. Did you mean “name”?")


def test_a_name_that_is_near_none_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(TypeError, match=r"there is no field “xyzzy” on Star\. Known are: created_at, id, name,"):
        declare(Star, read_fields=("xyzzy",))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"detail_fields": ("notes",)},
            "things.detail_fields: there is no field “notes” on Planet. Known are: id, name.",
        ),
        ({"model": Star, "search_fields": ("name",)}, "things.search_fields: Star needs the Searchable mixin."),
        (
            {"filter_fields": ("summary",)},
            "things.filter_fields: “summary” has no index; add one or leave the field out.",
        ),
        (
            {"model": Comet, "filter_fields": ("star",)},
            "things.filter_fields: “star” has no index; add one or leave the field out.",
        ),
        (
            {"sort_fields": ("summary",)},
            "things.sort_fields: “summary” has no index; add one or leave the field out.",
        ),
        ({"sort_fields": ("-star",)}, "things.sort_fields: “star” has no order; name a plain column."),
        ({"sort_fields": ("missions",)}, "things.sort_fields: “missions” has no order; name a plain column."),
        ({"sort_fields": ("orbit",)}, "things.sort_fields: “orbit” has no order; name a plain column."),
        ({"sort_fields": ("is_giant",)}, "things.sort_fields: “is_giant” has no order; name a plain column."),
        (
            {"write_fields": ("is_giant",)},
            "things.write_fields: “is_giant” is computed and can't be written.",
        ),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        declare(**options)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (
            {"include_fields": ("star",)},
            "things.include_fields: “star” is not a to-many relation.",
        ),
        ({"include_fields": ("name",)}, "things.include_fields: “name” is not a to-many relation."),
        (
            {"reference_fields": ("id", "star")},
            "things.reference_fields: “star” is a relation; short forms are flat.",
        ),
        (
            {"model": Comet, "filter_fields": ("seen_from",)},
            "things.filter_fields: “seen_from” has no index; add one or leave the field out.",
        ),
        (
            {"model": Moon, "read_fields": ("id", "planet")},
            "things.planet leads to Planet, which is no registered content type.",
        ),
    ],
)
def test_the_registry_refuses_what_only_shows_once_all_classes_are_declared(
    declared: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TypeError) as caught:
        Registry(declare(**declared), star)
    assert str(caught.value) == sentence


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError) as caught:
        Registry(star, declare(name="stars"))
    assert str(caught.value) == "Two content types are named “stars”; a name is a path and has to be unique."


def test_two_types_of_one_class_are_refused() -> None:
    with pytest.raises(TypeError) as caught:
        Registry(star, declare(Star))
    assert str(caught.value) == "Two content types share one class; declare a class for each."


def test_a_registry_keeps_its_order_and_finds_by_name_and_class() -> None:
    registry = Registry(star, mission, region)
    assert list(registry) == [star, mission, region]
    assert len(registry) == 3
    assert registry.by_name("missions") is mission
    assert registry.by_model(Star) is star
    with pytest.raises(KeyError):
        registry.by_name("comets")
    with pytest.raises(KeyError):
        registry.by_model(Comet)


def test_a_type_tells_its_names() -> None:
    assert (planet.singular, planet.label) == ("planet", "Planet")
    assert (station.singular, station.label) == ("space_station", "Space station")
    assert (planet.key_field, explorer.key_field, moon.key_field) == ("slug", "email", None)
    assert (planet.title_field, moon.title_field) == ("name", "name")
    assert declare(reference_fields=("id", "slug")).title_field == "id"


def test_a_list_shows_all_but_the_details() -> None:
    assert "notes" in planet.read_fields
    assert planet.short_fields == tuple(name for name in planet.read_fields if name != "notes")


def test_sort_names_have_no_direction() -> None:
    assert mission.sort_names == ("name", "created_at")


def test_declarations_are_told_apart_by_identity() -> None:
    """Plans and schemas are kept per declaration: two that say the same are still two."""
    first, second = declare(policy=Policy()), declare(policy=Policy())
    assert first != second
    assert len({first, second}) == 2


def test_structured_types_know_their_python_type() -> None:
    assert planet.fields["orbit"].python_type is Orbit
    assert planet.fields["marks"].python_type == list[str]
