"""Records as they would be, once their working drafts are published: for those who may edit them, and nobody else."""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import Connection, false, select

from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.nodes import Item, sort_keys
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor
from cms.crud.problems import NotFound
from cms.crud.registry import Registry
from cms.crud.rights import refusal
from cms.crud.schemas import view_schema
from cms.crud.structure import FieldInfo, Shape
from cms.crud.values import is_uuid
from cms.editorial.behaviours import Review
from cms.editorial.draft_values import changes_of
from cms.editorial.pending import Draft


class DraftState(BaseModel):
    """Where the work on a record stands."""

    is_saved: bool = Field(description="Whether there is a working draft.")
    base_version: int | None = Field(description="The version of the record that the draft was made from.")
    updated_at: datetime | None = Field(description="When it was saved last.")
    publish_at: datetime | None = Field(description="When it takes the place of what is public.")
    review: Review | None = Field(description="What editors think of it; without a draft, of the record.")
    review_note: str | None = Field(description="Why it was returned.")
    problem: str | None = Field(description="Why it could not be published when it was due.")


@cache
def preview_schema(content_type: ContentType[Any], registry: Registry) -> type[BaseModel]:
    """A record as `version=draft` answers it too."""
    view, name = view_schema(content_type, registry), f"{content_type.model.__name__}Preview"
    state = Field(None, description="Where the work on it stands; with `version=draft` alone.", exclude=True)
    text = f"{content_type.label}: the members that were asked for."
    model: type[BaseModel] = create_model(
        name,
        __base__=view,
        __config__=None,
        __doc__=text,
        draft=(DraftState, state),
    )
    model.model_config = ConfigDict(**{**view.model_config, "title": name})
    model.model_rebuild(force=True)
    return model


def read_draft(  # noqa: PLR0913 - a record by its key, and the two ways to shape the answer
    connection: Connection,
    reader: Reader,
    content_type: ContentType[Any],
    key: str | UUID,
    actor: Actor,
    *,
    fields: tuple[str, ...] | None = None,
    include: tuple[str, ...] = (),
) -> tuple[Item, int]:
    """A record with its working draft laid over it, and the draft's version; the record itself where it has none.

    :raises NotFound: for a record that the actor does not see.
    :raises Unauthorized: :raises Forbidden: for one that the actor sees, but may not edit.
    """
    record = _editable(connection, content_type, key, actor)
    found = reader.one(connection, content_type, record.id, actor, fields=fields, include=include, is_restricted=False)
    assert found is not None  # noqa: S101 - the very snapshot has it
    item, version = found
    table: Any = Draft.__table__
    draft: Any = connection.execute(select(table).where(table.c.record_id == record.id)).first()
    if draft is not None and draft.content is not None:
        item |= _laid_over(connection, reader.registry, content_type, actor, draft, set(item))
        version = draft.version
    if fields is None:
        item["draft"] = _state(record, draft)
    return item, version


def _editable(connection: Connection, content_type: ContentType[Any], key: str | UUID, actor: Actor) -> Any:
    model: Any = content_type.model
    by_id = isinstance(key, UUID) or is_uuid(key)
    key_field = content_type.key_field
    by_name = false() if key_field is None else getattr(model, key_field) == key
    named = model.id == UUID(str(key)) if by_id else by_name
    statement = select(*model.__table__.columns).where(named, *visible(content_type, model, actor.role))
    record = connection.execute(statement, {"actor_id": actor.id}).first()
    if record is None:
        raise NotFound(f"There is no {content_type.label.lower()} “{str(key)[:200]}”.")
    if not content_type.policy.can(actor, Action.DRAFT, record):
        raise refusal(actor, Action.DRAFT, content_type, record)
    return record


def _laid_over(
    connection: Connection,
    registry: Registry,
    content_type: ContentType[Any],
    actor: Actor,
    draft: Any,
    names: set[str],
) -> Item:
    """What the draft makes of the members that are asked for."""
    changes = {**draft.derived, **changes_of(draft.content, draft.base), "version": draft.version}
    return {
        name: _shown(connection, registry, content_type.fields[name], value, actor)
        for name, value in changes.items()
        if name in names
    }


def _shown(connection: Connection, registry: Registry, info: FieldInfo, value: Any, actor: Actor) -> Any:
    """A recorded value as answers have it: related records in their short form, where the actor sees them."""
    if not info.is_relation:
        return value
    ids = value if info.shape is Shape.TO_MANY else [value] if value is not None else []
    related = _short_forms(connection, registry.target_of(info), ids, actor)
    return related if info.shape is Shape.TO_MANY else next(iter(related), None)


def _short_forms(connection: Connection, target: ContentType[Any], ids: list[str], actor: Actor) -> list[Item]:
    model: Any = target.model
    names = dict.fromkeys(("id", *target.reference_fields))
    order = [key.ordered() for key in sort_keys(target, model, ((target.title_field, False),))]
    found = (
        select(*(getattr(model, name).label(name) for name in names))
        .where(model.id.in_([UUID(related) for related in ids]), *visible(target, model, actor.role))
        .order_by(*order)
    )
    return [dict(row) for row in connection.execute(found, {"actor_id": actor.id}).mappings()] if ids else []


def _state(record: Any, draft: Any) -> Item:
    is_saved = draft is not None and draft.content is not None
    # Of what has no time to go public yet, the record itself is reviewed.
    reviewed = record if record.published_at is None or not is_saved else draft
    return {
        "is_saved": is_saved,
        "base_version": draft.base_version if is_saved else None,
        "updated_at": draft.updated_at if is_saved else None,
        "publish_at": draft.publish_at if is_saved else None,
        "review": getattr(reviewed, "review", None),
        "review_note": getattr(reviewed, "review_note", None),
        "problem": draft.problem if is_saved else None,
    }
