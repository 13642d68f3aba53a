"""Giving a record the values that it once had: a write like any other, which ends in a new revision."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import select

from cms.crud.content_type import ContentType
from cms.crud.models import Record
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound, invalid_from, suggestion
from cms.crud.relations import find_related
from cms.crud.service import UnitOfWork
from cms.crud.structure import FieldInfo, Shape
from cms.editorial.drafts import DraftingService, draft_fields, draft_schema
from cms.editorial.history import FIRST_DRAFT, Revision
from cms.editorial.merge import is_same
from cms.editorial.revisions import no_revision
from cms.editorial.snapshots import STAGES, Values, revive, snapshot

Misfits = dict[str, str]
"""What does not fit any more, by field: why, in a sentence."""


async def restore_revision(
    work: UnitOfWork, content_type: ContentType[Any], record: Record, number: int, only: Collection[str] | None = None
) -> Misfits:
    """Give a record the values of one of its revisions; neither its publication nor its place in a workflow.

    :param record: loaded to be written, of the version that was expected.
    :param only: the fields to restore; all of them, where it is None.
    :returns: the fields that were left alone.
    :raises NotFound: if there is no such revision.
    :raises Conflict: if nothing of it fits any more, or it is of a working draft.
    """
    values = await _recorded(work, content_type, record.id, number)
    current = snapshot(content_type, record)
    wanted = {
        name: value
        for name, value in values.items()
        if name not in STAGES and (only is None or name in only) and not is_same(value, current.get(name))
    }
    _check_names(only, values)
    fitting, misfits = await fit(work, content_type, wanted)
    for name in [name for name in fitting if not content_type.policy.can_set(work.actor, name, fitting[name])]:
        del fitting[name]
        misfits[name] = f"You may not set “{name}”."
    if misfits and not fitting:
        errors = [FieldError(detail, f"/{name}") for name, detail in misfits.items()]
        raise Conflict(f"Nothing of revision {number} fits any more. {errors[0].detail}", errors=errors)
    await work.service(content_type).change(record, fitting)
    return misfits


async def restore_into_draft(
    work: UnitOfWork,
    content_type: ContentType[Any],
    record: Record,
    number: int,
    expected: int,
    only: Collection[str] | None = None,
) -> Misfits:
    """Put the values of a revision, be it of a working draft, into the working draft: nothing that is public moves.

    :param record: loaded to be written.
    :param expected: the version that was seen: of the draft where there is one, else of the record.
    :param only: the fields to restore; all of them, where it is None.
    :returns: the fields that were left alone.
    :raises NotFound: if there is no such revision, or no drafts of such records.
    :raises PreconditionFailed: if somebody changed the draft meanwhile.
    """
    service = work.service(content_type)
    if not isinstance(service, DraftingService):
        raise NotFound(f"A {content_type.label.lower()} has no working draft.")
    recorded = await _found(work, content_type, record.id, number)
    names, schema = draft_fields(content_type), draft_schema(content_type)
    _check_names(only, recorded.values)
    wanted = recorded.values if only is None else {name: recorded.values[name] for name in only}
    known = content_type.fields.keys() | STAGES
    values = {name: value for name, value in wanted.items() if name in names or name not in known}
    fitting, misfits = await fit(work, content_type, values, schema)
    for name in [name for name in fitting if not content_type.policy.can_set(work.actor, name, fitting[name])]:
        del fitting[name]
        misfits[name] = f"You may not set “{name}”."
    await service.save_draft(record, schema.model_validate(as_sent(content_type, fitting, values)), expected)
    return misfits


async def fit(
    work: UnitOfWork, content_type: ContentType[Any], values: Values, schema: type[BaseModel] | None = None
) -> tuple[Values, Misfits]:
    """Recorded values as a service takes them; related records that are gone, or that the actor can't see, left out.

    :param schema: of the body that they have to fit, as `revive` takes it.
    :returns: the values that fit, and what does not; a to-many relation can be in both, without some of its records.
    """
    fitting, misfits = revive(content_type, values, schema)
    for name in list(fitting):
        info = content_type.fields[name]
        if info.is_relation and fitting[name]:
            missing = await missing_related(work, info, values[name])
            if not missing:
                continue
            label = work.registry.target_of(info).label.lower()
            misfits[name] = f"There is no {label} {' or '.join(missing)} any more."
            if info.shape is Shape.TO_MANY:
                fitting[name] = [related for related in fitting[name] if related not in missing]
            else:
                del fitting[name]
    return fitting, misfits


def as_sent(content_type: ContentType[Any], fitting: Values, values: Values) -> Values:
    """What fits of recorded values as a body has it: relations without what is gone, all else as it was recorded."""
    return {name: fitting[name] if content_type.fields[name].is_relation else values[name] for name in fitting}


async def missing_related(work: UnitOfWork, info: FieldInfo, value: Any) -> list[str]:
    """Which of the ids that a relation had lead nowhere now, as far as the actor can see."""
    ids = [value] if isinstance(value, str) else list(value or ())
    found = await find_related(work.session, work.registry.target_of(info), work.actor, ids)
    return [related for related, record in zip(ids, found, strict=True) if record is None]


async def _found(work: UnitOfWork, content_type: ContentType[Any], record_id: UUID, number: int) -> Any:
    of_record = Revision.record_id == record_id, Revision.record_type == content_type.name
    statement = select(Revision.version, Revision.values).where(*of_record, Revision.number == number)
    row = (await work.session.execute(statement)).one_or_none()
    if row is None:
        raise no_revision(content_type, number)
    return row


async def _recorded(work: UnitOfWork, content_type: ContentType[Any], record_id: UUID, number: int) -> Values:
    row = await _found(work, content_type, record_id, number)
    if row.version >= FIRST_DRAFT:
        raise Conflict(
            f"Revision {number} is of a working draft, and restoring never publishes; copy what you need of it."
        )
    values: Values = row.values
    return values


def _check_names(only: Collection[str] | None, values: Values) -> None:
    """Refuse fields that the revision does not hold.

    :raises Invalid: naming them.
    """
    known = [name for name in values if name not in STAGES]
    errors = [
        FieldError(f"The revision holds no “{name[:100]}” to restore.{suggestion(name, known)}", f"/fields/{index}")
        for index, name in enumerate(only or ())
        if name not in known
    ]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)


def validated(schema: type[BaseModel], values: Values) -> BaseModel:
    """Values as a body has them.

    :raises Invalid: for those that can't be sent any more, and for fields that have to be sent by now.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise invalid_from(error, schema) from error
