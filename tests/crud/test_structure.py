"""What is read from a mapped class."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Column, Enum, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped

from cms.crud.fields import Name, Rules
from cms.crud.structure import Shape, declared_names, fields_of, is_indexed, is_scalar, python_type_of
from tests.toys import Kind, Mission, Moon, Orbit, Planet, Region, Star, Toy


class Nebula(Toy):
    """A computed value that may be absent."""

    __tablename__ = "nebulae"

    name: Mapped[Name]

    @hybrid_property
    def nickname(self) -> str | None:
        """What people call it."""
        return self.name[:1] or None


@pytest.mark.parametrize(
    ("name", "shape", "python_type", "nullable"),
    [
        ("id", Shape.COLUMN, UUID, False),
        ("name", Shape.COLUMN, str, False),
        ("summary", Shape.COLUMN, str, True),
        ("kind", Shape.COLUMN, Kind, False),
        ("mass", Shape.COLUMN, float, True),
        ("rings", Shape.COLUMN, int, True),
        ("is_habitable", Shape.COLUMN, bool, False),
        ("discovered_at", Shape.COLUMN, datetime, True),
        ("orbit", Shape.COLUMN, Orbit, True),
        ("is_giant", Shape.COMPUTED, bool, False),
        ("star", Shape.TO_ONE, Star, False),
        ("missions", Shape.TO_MANY, Mission, False),
        ("moons", Shape.TO_MANY, Moon, False),
    ],
)
def test_every_field_has_its_shape_and_type(name: str, shape: Shape, python_type: Any, nullable: bool) -> None:
    info = fields_of(Planet)[name]
    assert (info.shape, info.python_type, info.nullable) == (shape, python_type, nullable)
    assert info.is_relation is (shape in {Shape.TO_ONE, Shape.TO_MANY})


def test_a_to_one_relation_is_as_nullable_as_its_key() -> None:
    assert fields_of(Planet)["owner"].nullable
    assert not fields_of(Moon)["planet"].nullable


def test_a_computed_value_may_be_absent() -> None:
    info = fields_of(Nebula)["nickname"]
    assert (info.shape, info.python_type, info.nullable) == (Shape.COMPUTED, str, True)
    assert info.is_indexed
    assert info.length is None
    assert info.rules == Rules()


def test_relations_in_a_tree_go_both_ways() -> None:
    fields = fields_of(Region)
    assert (fields["parent"].shape, fields["children"].shape) == (Shape.TO_ONE, Shape.TO_MANY)


def test_lengths_and_rules_are_those_of_the_column() -> None:
    fields = fields_of(Planet)
    assert (fields["name"].length, fields["notes"].length, fields["rank"].length) == (100, None, None)
    assert fields["slug"].rules.derived
    assert fields["moons"].length is None


def test_names_are_known_before_relations_resolve() -> None:
    names = declared_names(Planet)
    assert names["star"] is None
    assert names["star_id"] is Shape.COLUMN
    assert names["is_giant"] is Shape.COMPUTED
    assert "metadata" not in names
    assert set(fields_of(Planet)) == set(names)


def test_an_index_serves_the_column_that_leads_it() -> None:
    table = Table(
        "things",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("first", String),
        Column("second", String),
        Column("unique", String, unique=True),
        Column("alone", Text),
        Index("ix_things", "first", "second"),
    )
    served = {column.name for column in table.columns if is_indexed(column)}
    assert served == {"id", "first", "unique"}


def test_an_enumeration_without_a_class_is_text() -> None:
    assert python_type_of(Column("size", Enum("small", "large"))) is str


@pytest.mark.parametrize(("kind", "scalar"), [(str, True), (Kind, True), (Orbit, False), (list[str], False)])
def test_only_scalars_can_be_compared(kind: Any, scalar: bool) -> None:
    assert is_scalar(kind) is scalar
