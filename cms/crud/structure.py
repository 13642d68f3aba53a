"""What a mapped class is made of, read once: columns, computed values and relations, each with its Python type."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum as PythonEnum
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, inspect
from sqlalchemy import Enum as EnumType
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapper, RelationshipProperty

from cms.crud.fields import Rules, Structured, UTCDateTime

_NO_RULES = Rules()


class Shape(StrEnum):
    """What kind of thing a field is."""

    COLUMN = "column"
    COMPUTED = "computed"
    TO_ONE = "to_one"
    TO_MANY = "to_many"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of a mapped class.

    :param python_type: of the value; of the target class for relations.
    :param column: the column, or for a to-one relation its foreign key column.
    :param relation: SQLAlchemy's property, for relations.
    """

    name: str
    shape: Shape
    python_type: Any
    nullable: bool = False
    column: Column[Any] | None = None
    relation: "RelationshipProperty[Any] | None" = None

    @property
    def is_relation(self) -> bool:
        """Whether the field leads to other records."""
        return self.relation is not None

    @property
    def rules(self) -> Rules:
        """What the column asks of a text."""
        rules: Rules = self.column.info.get("rules", _NO_RULES) if self.column is not None else _NO_RULES
        return rules

    @property
    def length(self) -> int | None:
        """The most characters that fit the column, where it is a text of limited length."""
        length: int | None = getattr(self.column.type, "length", None) if self.column is not None else None
        return length

    @property
    def is_indexed(self) -> bool:
        """Whether a query by this field can use an index."""
        if self.shape is Shape.COMPUTED:
            return True  # made of columns that the declaring mixin indexes
        if self.relation is not None and self.shape is Shape.TO_MANY:
            remote = {column for column in self.relation.remote_side if column.foreign_keys}
            return all(is_indexed(column) for column in remote)
        return self.column is not None and is_indexed(self.column)


def is_indexed(column: Any) -> bool:
    """Whether the column leads an index (or a unique constraint, or a primary key) of its table."""
    leading = {next(iter(index.columns)) for index in column.table.indexes if len(index.columns)}
    leads_key = column.primary_key and column is next(iter(column.table.primary_key.columns))
    return bool(leads_key or column.index or column.unique or column in leading)


@cache
def declared_names(model: type[Any]) -> Mapping[str, Shape | None]:
    """The names of a class's fields before its relations can be resolved; the shape is None for relations."""
    computed = [key for base in model.__mro__ for key, item in vars(base).items() if isinstance(item, hybrid_property)]
    relations = [key for base in model.__mro__ for key in {**vars(base), **getattr(base, "__annotations__", {})}]
    mapper: Mapper[Any] = model.__mapper__
    columns = {column.key: Shape.COLUMN for column in model.__table__.columns}
    return {
        **{key: None for key in relations if mapper.has_property(key)},
        **columns,
        **dict.fromkeys(computed, Shape.COMPUTED),
    }


@cache
def fields_of(model: type[Any]) -> Mapping[str, FieldInfo]:
    """Every field of a mapped class by name; resolves relations, so call it once all classes are declared."""
    mapper: Mapper[Any] = inspect(model)
    columns = {p.key: _column_field(p.key, p.columns[0]) for p in mapper.column_attrs}
    computed = {
        key: _computed_field(key, item)
        for key, item in mapper.all_orm_descriptors.items()
        if isinstance(item, hybrid_property)
    }
    relations = {r.key: _relation_field(r) for r in mapper.relationships}
    return {**columns, **computed, **relations}


def _column_field(key: str, column: Any) -> FieldInfo:
    return FieldInfo(key, Shape.COLUMN, python_type_of(column), bool(column.nullable), column)


def _computed_field(key: str, item: "hybrid_property[Any]") -> FieldInfo:
    hint = item.fget.__annotations__.get("return")
    nullable = _accepts_none(hint)
    return FieldInfo(key, Shape.COMPUTED, _without_none(hint) if nullable else hint, nullable)


def _relation_field(relation: "RelationshipProperty[Any]") -> FieldInfo:
    target = relation.mapper.class_
    if relation.uselist:
        return FieldInfo(relation.key, Shape.TO_MANY, target, relation=relation)
    column: Any = next(iter(relation.local_columns))
    return FieldInfo(relation.key, Shape.TO_ONE, target, bool(column.nullable), column, relation)


def python_type_of(column: Any) -> Any:
    """The Python type of a column's values."""
    kind = column.type
    if isinstance(kind, Structured):
        return kind.type_
    if isinstance(kind, UTCDateTime):
        return datetime
    if isinstance(kind, EnumType) and kind.enum_class is not None:
        return kind.enum_class
    return kind.python_type


def is_scalar(python_type: Any) -> bool:
    """Whether values of the type can be compared, so that a filter on them means something."""
    if not isinstance(python_type, type):
        return False
    return issubclass(python_type, (str, int, float, bool, datetime, UUID, PythonEnum))


def _accepts_none(hint: Any) -> bool:
    return type(None) in getattr(hint, "__args__", ())


def _without_none(hint: Any) -> Any:
    return next(arg for arg in hint.__args__ if arg is not type(None))
