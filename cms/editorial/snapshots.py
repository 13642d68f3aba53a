"""A record's own values as plain JSON, and back: what revisions, drafts, merges and undo are made of.

Relations are ids. Secrets are left out; that one changed is told by a mask in its place.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import Connection, inspect, select
from sqlalchemy.orm import Session, object_session

from cms.crud.content_type import ContentType
from cms.crud.fields import Control, Structured, Time
from cms.crud.models import Record
from cms.crud.problems import invalid_from
from cms.crud.registry import Registry
from cms.crud.schemas import update_schema
from cms.crud.structure import FieldInfo, Shape

Values = dict[str, Any]

MASK = "***"
"""Stands for a secret, of which nothing is kept."""
STAGES = ("published_at", "unpublish_at", "trashed_at", "review", "review_note")
"""Where a record stands in its life: kept beside what writers set, where its type has them."""
CREATED_AT, LINKS = "created_at", "links"
"""What is kept of a deleted record besides, so that it can be made again: when it was made, and who referred to it."""


@cache
def recorded_fields(content_type: ContentType[Any]) -> tuple[FieldInfo, ...]:
    """What of a record is kept: what writers set, what its model names besides, and its stages."""
    stages = (name for name in STAGES if name in content_type.fields)
    names = dict.fromkeys((*content_type.write_fields, *content_type.model.__recorded__, *stages))
    return tuple(content_type.fields[name] for name in names)


def is_secret(info: FieldInfo) -> bool:
    """Whether nothing of the field's value may be kept, not even a hash."""
    return info.rules.control is Control.PASSWORD


def snapshot(content_type: ContentType[Any], record: Record) -> Values:
    """Every recorded value, by name; secrets are left out."""
    return {info.name: _current(info, record) for info in recorded_fields(content_type) if not is_secret(info)}


def former_values(content_type: ContentType[Any], record: Record) -> Values:
    """The values, before the flush at hand, of what it changes; a mask for secrets."""
    attributes = inspect(record).attrs
    before: Values = {}
    for info in recorded_fields(content_type):
        attribute = attributes[_attribute(info)]
        history = attribute.history
        if not history.has_changes():
            continue
        if info.shape is Shape.TO_MANY:
            before[info.name] = _ids([*(history.unchanged or ()), *(history.deleted or ())])
        else:
            before[info.name] = MASK if is_secret(info) else plain(info, next(iter(history.deleted or ()), None))
    return before


def revive(
    content_type: ContentType[Any], values: Values, schema: type[BaseModel] | None = None
) -> tuple[Values, dict[str, str]]:
    """Recorded values as a service takes them, each checked by itself.

    :param values: as recorded, perhaps when the type had other fields or rules.
    :param schema: of the body that they have to fit; of an update, where none is named.
    :returns: the values that fit, and for each that does not, by name, why: one sentence.
    """
    schema, fitting, misfits = schema or update_schema(content_type), Values(), dict[str, str]()
    for name, value in values.items():
        if name not in content_type.fields:
            misfits[name] = f"There is no field “{name}” any more."
            continue
        try:
            fitting[name] = _revived(schema, content_type.fields[name], value)
        except ValidationError as error:
            misfits[name] = f"“{name}” does not fit any more. {invalid_from(error).errors[0].detail}"
    return fitting, misfits


def _revived(schema: type[BaseModel], info: FieldInfo, value: Any) -> Any:
    if info.name in schema.model_fields:
        return getattr(schema.model_validate({info.name: value}), info.name)
    kind: Any = Time if info.python_type is datetime else info.python_type
    return TypeAdapter(kind | None).validate_python(value)


def plain(info: FieldInfo, value: Any) -> Any:
    """A value of a column as JSON."""
    if isinstance(value, datetime):
        return plain_time(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    kind = info.column.type if info.column is not None else None
    return kind.process_bind_param(value, _ANY_DIALECT) if isinstance(kind, Structured) else value


def plain_time(time: datetime | None) -> str | None:
    """A point in time as JSON."""
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_text(time: datetime) -> str:
    """A time as it is recorded."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


_ANY_DIALECT: Any = None  # a structured value is dumped alike for all


def links_to(
    session: Session, registry: Registry, content_type: ContentType[Any], record_id: UUID
) -> dict[str, list[str]]:
    """The records that have this one in a relation of many to many, by type and field: `articles.tags`.

    Whoever refers to it by a column of its own forbids its deletion, is deleted with it, or is released before.
    """
    links: dict[str, list[str]] = {}
    for other in registry:
        for info in _many_to_many(other):
            if info.python_type is content_type.model:
                owner, member = _ends(info)
                found = session.connection().execute(select(owner).where(member == record_id)).scalars()
                links[f"{other.name}.{info.name}"] = sorted(map(str, found))
    return {link: owners for link, owners in links.items() if owners}


def _many_to_many(content_type: ContentType[Any]) -> Iterator[FieldInfo]:
    fields = (content_type.fields[name] for name in content_type.write_fields)
    return (info for info in fields if info.relation is not None and info.relation.secondary is not None)


def _ends(info: FieldInfo) -> tuple[Any, Any]:
    """The columns of an association table: the one of the records that have the relation, and that of the others."""
    assert info.relation is not None  # noqa: S101 - the caller has looked
    ((_, owner),) = info.relation.synchronize_pairs
    ((_, member),) = info.relation.secondary_synchronize_pairs or ()
    return owner, member


def _attribute(info: FieldInfo) -> str:
    return info.column.key if info.shape is Shape.TO_ONE and info.column is not None else info.name


def _current(info: FieldInfo, record: Record) -> Any:
    if info.shape is not Shape.TO_MANY:
        return plain(info, getattr(record, _attribute(info)))
    if info.name in inspect(record).unloaded:
        return _stored_ids(info, record)
    return _ids(getattr(record, info.name))


def _ids(related: Any) -> list[str]:
    """Related records as a set has them: in the order of their ids, whatever the order in which they were named."""
    return sorted(str(record.id) for record in related)


def _stored_ids(info: FieldInfo, record: Record) -> list[str]:
    """The related ids of a record whose relation was not loaded, since nobody meant to change it."""
    session = object_session(record)
    assert session is not None  # noqa: S101 - it is being flushed
    owner, related = _ends(info)  # what writers set is a relation of many to many
    connection: Connection = session.connection()
    return sorted(str(found) for found in connection.execute(select(related).where(owner == record.id)).scalars())
