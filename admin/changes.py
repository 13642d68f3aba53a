"""Changes from the back office, made by the same services as REST's: one form, or many records at once."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from starlette.requests import Request

from admin.auth import actor_of, open_work
from admin.forms import ContentForm
from admin.publishing import Intent, carry_out
from cms.crud.conditional import check_version
from cms.crud.content_type import ContentType
from cms.crud.policy import Action
from cms.crud.problems import FieldError, Invalid, NotFound, Problem
from cms.crud.schemas import create_schema, update_schema
from cms.crud.service import Service
from cms.crud.values import is_uuid
from cms.editorial.bulk import Bulk, bulk_schema
from cms.editorial.drafts import DraftingService, draft_fields, draft_schema
from cms.editorial.merging import merge_change
from cms.editorial.recorder import change_left_by
from cms.editorial.workflow import EditorialService

SAVE = Intent()
MOST_AT_ONCE = 100
"""How many records one step may change."""

Verb = Callable[[Service[Any], Any, int], Awaitable[object]]
"""Does something to a record of an expected version."""


class Target(NamedTuple):
    """A record that something is to be done to, and the version that was seen of it.

    :param decided: the fields of which the sender has seen what others made of them.
    :param leads_on: whether the address that readers know leads on, once there is another; None leaves that as it is.
    """

    pk: UUID
    version: int
    decided: tuple[str, ...] = ()
    leads_on: bool | None = None


class Done(NamedTuple):
    """What a step over many records came to.

    :param change_id: names it, to undo it; None where nothing had to be changed.
    """

    records: list[Any]
    change_id: UUID | None


class Saved(NamedTuple):
    """What saving a form came to.

    :param record: as it is now. :param version: the record's, or its working draft's where that was written.
    :param change_id: names the change, to undo it; None where nothing had to be changed.
    :param is_merged: whether somebody else had changed it meanwhile.
    """

    record: Any
    version: int
    change_id: UUID | None
    is_merged: bool = False


async def create_record(
    request: Request, content_type: ContentType[Any], form: ContentForm, intent: Intent = SAVE
) -> Saved:
    """Make a record of what the form says, then do what else was asked, in one transaction.

    :raises Problem: if it can't be accepted.
    """
    data = form.read(create_schema(content_type), form.content_fields)
    async with open_work(request, actor_of(request)) as work:
        service = work.service(content_type)
        record = await service.create(data)
        await carry_out(service, record, intent)
    return Saved(record, record.version, change_left_by(work.session))


async def save_record(
    request: Request,
    content_type: ContentType[Any],
    target: Target,
    form: ContentForm,
    names: list[str],
    intent: Intent,
) -> Saved:
    """Change the named fields of a record to what the form says, then do what else was asked, in one transaction.

    What readers see is changed in its working draft; so is what has one already. A form that is stale is merged, as
    far as that goes.

    :raises Overlap: if somebody else changed the same in another way. :raises Problem: if it can't be accepted.
    """
    async with open_work(request, actor_of(request)) as work:
        service = work.service(content_type)
        record = await service.get(target.pk, Action.DRAFT if isinstance(service, DraftingService) else Action.UPDATE)
        before = await _version(service, record)
        if isinstance(service, EditorialService) and await _is_drafted(service, record):
            await _save_draft(service, record, form, names, target)
            if target.leads_on is not None:
                await service.keep_address(record, keeps=target.leads_on)
        else:
            service.require(Action.UPDATE, record)
            await _save_row(service, record, form, names, target.version)
        await carry_out(service, record, intent)
        version = await _version(service, record)
    return Saved(record, version, change_left_by(work.session), target.version != before)


async def _is_drafted(service: EditorialService[Any], record: Any) -> bool:
    """Whether an edit belongs into the working draft: readers see the record, or there is a draft of it already."""
    return await service.is_public(record) or await service.draft_of(record) is not None


async def _version(service: Service[Any], record: Any) -> int:
    draft = await service.draft_of(record) if isinstance(service, DraftingService) else None
    return int(record.version if draft is None else draft.version)


async def _save_row(service: Service[Any], record: Any, form: ContentForm, names: list[str], expected: int) -> None:
    data = form.read(update_schema(service.content_type), names)
    if data.model_fields_set and expected > 0:
        await merge_change(service, record, data, expected)
    else:
        check_version(expected, record.version)


async def _save_draft(
    service: DraftingService[Any], record: Any, form: ContentForm, names: list[str], target: Target
) -> None:
    content_type = service.content_type
    fitting = draft_fields(content_type)
    if stages := [name for name in names if name not in fitting]:
        detail = "That is settled by publishing, not by saving."
        raise Invalid(detail, errors=[FieldError(detail, f"/{stages[0]}")])
    if names and target.version > 0:
        data = form.read(draft_schema(content_type), names)
        await service.save_draft(record, data, target.version, merges=True, decided=target.decided)
    else:
        check_version(target.version, await _version(service, record))


async def change_records(
    request: Request, content_type: ContentType[Any], targets: list[Target], verb: Verb, action: Action
) -> Done:
    """Do one thing to many records: to all of them, or to none.

    :raises Problem: with the id of the record at which it failed as its extension `record_id`.
    """
    changed = []
    async with open_work(request, actor_of(request)) as work:
        service = work.service(content_type)
        for target in sorted(targets):  # one order for everybody, so that two steps can't wait for each other
            try:
                record = await service.get(target.pk, action)
                check_version(target.version, record.version)
                await verb(service, record, target.version)
            except Problem as problem:
                problem.extensions["record_id"] = str(target.pk)
                raise
            changed.append(record)
    return Done(changed, change_left_by(work.session))


async def run_bulk(request: Request, content_type: ContentType[Any], targets: list[Target], action: str) -> Done:
    """Do what REST's bulk requests do to many records: to all of them, or to none.

    :param action: as they name it.
    :raises Problem: naming in its errors every record to which it can't be done, by its place: `/items/0`.
    """
    items = [{"id": target.pk, "version": max(target.version, 1)} for target in targets]
    order = bulk_schema(content_type).model_validate({"action": action, "items": items})
    async with open_work(request, actor_of(request)) as work:
        bulk = Bulk(work, content_type, order, checks_drafts=False)  # lists show records, and not their drafts
        answer = await bulk.run()
    return Done(list(bulk.records.values()), answer["change_set"])


def set_values(content_type: ContentType[Any], values: Mapping[str, Any]) -> Verb:
    """A verb that gives fields of a record these values."""
    data = update_schema(content_type).model_validate(values)

    async def change(service: Service[Any], record: Any, version: int) -> None:
        await service.update(record, data, version)

    return change


def read_target(pk: str, version: object) -> Target:
    """A record and the version that a form says it was made from; a form that says none was made from none.

    :raises NotFound: if that is no id.
    """
    if not is_uuid(pk):
        raise NotFound("There is nothing here; the address may be mistyped.")
    text = str(version)
    is_version = text.isascii() and text.isdecimal() and len(text) < 10
    return Target(UUID(pk), int(text) or -1 if is_version else -1)
