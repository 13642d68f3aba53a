"""Many records at once: one action on up to a hundred of them, done to all or to none."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, create_model
from sqlalchemy import ColumnElement, and_, false, inspect, or_

from cms.crud.answers import cache_headers, to_bytes
from cms.crud.conditional import ANY_VERSION, check_version
from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.doors import (
    VERSION_PROBLEMS,
    WRITE_PROBLEMS,
    Doors,
    gate,
    json_body,
    json_router,
    refuse_parameters,
    require_json,
    typed,
)
from cms.crud.fields import Model, Time
from cms.crud.policy import Action
from cms.crud.problems import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    responses,
)
from cms.crud.relations import lock_records
from cms.crud.schemas import update_schema
from cms.crud.service import UnitOfWork
from cms.editorial.behaviours import Publishable, Trashable, status_at
from cms.editorial.recorder import change_set_of, write_notes
from cms.editorial.trash import TrashingService

MAX_ITEMS = 100
_KINDS: Mapping[HTTPStatus, type[Problem]] = {
    kind.status: kind for kind in (Forbidden, NotFound, PreconditionFailed, Invalid)
}


class BulkItem(Model):
    """One of the records, and the version of it that the caller has seen."""

    id: UUID = Field(description="The id of the record.")
    version: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="The version that the caller has seen; for `publish`, that of the working draft where there is "
        "one. Without it the answer is 428.",
    )


class BulkResult(Model):
    """One of the records as it now stands."""

    id: UUID = Field(description="The id of the record.")
    version: int = Field(description="Its version; the last one, if it is gone.")
    status: str | None = Field(None, description="Its status, where its type has one.")


class BulkAnswer(Model):
    """What was done."""

    items: list[BulkResult] = Field(description="The records, in the order in which they were named.")
    change_set: UUID | None = Field(description="The change-set that undoes all of it; null if nothing changed.")


def actions_of(content_type: ContentType[Any]) -> dict[str, Action]:
    """What can be done to many records of a type, and the right that it takes."""
    is_published, is_trashed = (issubclass(content_type.model, kind) for kind in (Publishable, Trashable))
    actions = {"publish": Action.PUBLISH, "unpublish": Action.PUBLISH} if is_published else {}
    if is_trashed:
        actions |= {"trash": Action.DELETE, "restore": Action.DELETE}
    return {**actions, "delete": Action.PURGE if is_trashed else Action.DELETE, "update": Action.UPDATE}


@cache
def bulk_schema(content_type: ContentType[Any]) -> type[BaseModel]:
    """The body of a bulk request."""
    actions = Literal[tuple(actions_of(content_type))]  # type: ignore[valid-type]  # made at run time
    changes: Any = update_schema(content_type)
    delete = "`delete` is for good" + (", and takes what is in the trash" * issubclass(content_type.model, Trashable))
    fields: dict[str, Any] = {
        "action": (actions, Field(description=f"What is to be done to each of them; {delete}.", examples=["update"])),
        "items": (
            Annotated[list[BulkItem], Field(min_length=1, max_length=MAX_ITEMS)],
            Field(description="The records, each of them once."),
        ),
        "changes": (changes | None, Field(None, description="With `update`: what changes in each of them.")),
    }
    if issubclass(content_type.model, Publishable):
        at = Field(None, description="With `publish` and `unpublish`: when; now, if left out.")
        fields["at"] = (Time | None, at)
    text = f"One action on several {content_type.name}, done to all of them or to none."
    return create_model(f"{content_type.model.__name__}Bulk", __base__=Model, __doc__=text, **fields)


def build_bulk_router(content_type: ContentType[Any], doors: Doors) -> APIRouter:
    """`POST …/bulk`."""
    router = json_router(content_type, doors)

    async def change_several(work: UnitOfWork, order: Any) -> Response:
        body = to_bytes(await Bulk(work, content_type, order).run())
        return Response(body, headers=cache_headers(work.actor), media_type="application/json")

    router.add_api_route(
        "/bulk",
        typed(change_several, work=doors.work, order=json_body(bulk_schema(content_type))),
        methods=["POST"],
        operation_id=f"bulk_{content_type.name}",
        summary=f"Do something to several {content_type.name}, or to none of them",
        response_model=BulkAnswer,
        responses=responses(*WRITE_PROBLEMS, *VERSION_PROBLEMS),
        dependencies=[gate(content_type, doors, Action.UPDATE), Depends(refuse_parameters), Depends(require_json)],
    )
    return router


class Bulk:
    """One action on several records of a type, in the transaction at hand.

    :param order: an instance of the type's bulk schema.
    :param checks_drafts: whether what is published is named by the version of its working draft, where there is one.
    """

    def __init__(
        self, work: UnitOfWork, content_type: ContentType[Any], order: Any, *, checks_drafts: bool = True
    ) -> None:
        self._checks_drafts = checks_drafts
        self.records: dict[UUID, Any] = {}
        self._work = work
        self._content_type = content_type
        self._order = order
        self._service: Any = work.service(content_type)

    async def run(self) -> dict[str, Any]:
        """Do it, and say what came of it.

        :raises Problem: naming every record to which it can't be done.
        """
        self._service.require(actions_of(self._content_type)[self._order.action])
        _check(self._order)
        await self._load()
        problems = await self._find_stale()
        places = {item.id: place for place, item in enumerate(self._order.items)}
        for record_id in self._parents_first():
            place = places[record_id]
            if place not in problems and (problem := await self._try(self.records[record_id])):
                problems[place] = problem
        if problems:
            raise self._refusal(problems)
        has_changed = await self._work.session.run_sync(write_notes)
        change_set = change_set_of(self._work.session.sync_session) if has_changed else None
        is_staged = issubclass(self._content_type.model, Publishable)
        time = await self._service.database_time() if is_staged else None
        return {"items": [self._result(item.id, time) for item in self._order.items], "change_set": change_set}

    async def _load(self) -> None:
        """All of them in one statement, so that two requests with the same records never wait for each other."""
        if isinstance(self._service, TrashingService):
            await self._service.hold()
        model: Any = self._content_type.model
        named = model.id.in_([item.id for item in self._order.items])
        found = await lock_records(self._work.session, self._content_type, self._work.actor, named, self._reachable())
        self.records = {record.id: record for record in found}

    def _reachable(self) -> ColumnElement[bool]:
        """Which rows the actor may do it to: what is restored is in the trash, what is deleted for good may be."""
        model: Any = self._content_type.model
        role = self._work.actor.role
        shown = and_(*visible(self._content_type, model, role), model.id.is_not(None))
        aside = self._content_type.policy.aside(model, role)
        aside = false() if aside is None else aside
        return {"restore": aside, "delete": or_(shown, aside)}.get(self._order.action, shown)

    async def _find_stale(self) -> dict[int, Problem]:
        problems: dict[int, Problem] = {}
        for place, item in enumerate(self._order.items):
            record = self.records.get(item.id)
            if record is None:
                problems[place] = self._service.missing(item.id)
                continue
            try:
                await self._check_version(record, item.version)
            except PreconditionFailed as problem:
                problems[place] = problem
        return problems

    async def _check_version(self, record: Any, expected: int) -> None:
        """Refuse what was changed since.

        :raises PreconditionFailed: if it was.
        """
        if self._order.action == "publish" and self._checks_drafts:
            await self._service.check_seen(record, expected)
        else:
            check_version(expected, record.version)

    def _parents_first(self) -> list[UUID]:
        """The ids of the records, each after that of the one above it, with which it may go."""

        def depth(record: Any) -> int:
            above = self.records.get(getattr(record, "parent_id", None))  # type: ignore[arg-type]  # None is no key
            return 0 if above is None else depth(above) + 1

        return sorted(self.records, key=lambda record_id: depth(self.records[record_id]))

    async def _try(self, record: Any) -> Problem | None:
        """Do it to one of them; what stands in the way, with nothing of it done, otherwise."""
        try:
            async with self._work.session.begin_nested():
                await self._act(record)
        except Problem as problem:
            return problem
        return None

    async def _act(self, record: Any) -> None:
        if inspect(record).expired_attributes:  # another one failed that had taken this one along
            await self._work.session.refresh(record)
        service, order = self._service, self._order
        if order.action in {"publish", "unpublish"}:
            await getattr(service, order.action)(record, order.at)
        elif order.action == "restore":
            await service.take_out(record)
        elif order.action == "update":
            await service.update(record, order.changes, ANY_VERSION)
        elif not _is_gone(record, order.action):
            purges = order.action == "delete" and isinstance(record, Trashable)
            await (service.purge if purges else service.delete)(record, ANY_VERSION)

    def _result(self, record_id: UUID, time: datetime | None) -> dict[str, Any]:
        """What became of a record; of those that are published, by that time of the database."""
        record = self.records[record_id]
        result = {"id": record_id, "version": record.version}
        status = getattr(record, "status", None) if time is None else status_at(record, time)
        return {**result, "status": status} if isinstance(status, str) and self._order.action != "delete" else result

    def _refusal(self, problems: Mapping[int, Problem]) -> Problem:
        """One problem for all of them, of their own kind if that is the same."""
        items, kinds = self._order.items, {problem.status for problem in problems.values()}
        kind = _KINDS.get(next(iter(kinds)), Conflict) if len(kinds) == 1 else Conflict
        errors = [
            FieldError(
                problem.detail,
                f"/items/{place}",
                status=int(problem.status),
                current_version=problem.extensions.get("current_version"),
                proposed=problem.extensions.get("proposed"),
            )
            for place, problem in sorted(problems.items())
        ]
        named = ", ".join(str(items[place].id) for place in sorted(problems))
        detail = f"Nothing was done: “{self._order.action}” can't be done to {len(problems)} of {len(items)}: {named}."
        return kind(detail, errors=errors)


def _check(order: Any) -> None:
    """Refuse what makes no sense whatever the records are.

    :raises Invalid: :raises PreconditionRequired: naming every fault.
    """
    ids = [item.id for item in order.items]
    twice = [f"/items/{place}/id" for place, named in enumerate(ids) if named in ids[:place]]
    errors = [FieldError("This record is named before; name it once.", pointer) for pointer in twice]
    if (order.action == "update") is (order.changes is None):
        detail = "Say what is to change." if order.changes is None else f"There is nothing to set for “{order.action}”."
        errors.append(FieldError(detail, "/changes"))
    if order.changes is not None and order.changes.version is not None:
        errors.append(FieldError("Each record has a version of its own; leave this out.", "/changes/version"))
    if order.action not in {"publish", "unpublish"} and getattr(order, "at", None) is not None:
        errors.append(FieldError(f"There is no time for “{order.action}”; leave this out.", "/at"))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)
    unseen = [place for place, item in enumerate(order.items) if item.version is None]
    if unseen:
        detail = "Say which version of each record you have seen."
        raise PreconditionRequired(detail, errors=[FieldError(detail, f"/items/{place}/version") for place in unseen])


def _is_gone(record: Any, action: str) -> bool:
    """Whether a record went already, with the one above it."""
    return record.trashed_at is not None if action == "trash" else not inspect(record).persistent
