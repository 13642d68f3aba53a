"""What has to be done to take back what was done to one record."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select, update

from cms.crud.content_type import ContentType
from cms.crud.fields import parse_time, utc_now
from cms.crud.policy import Action
from cms.crud.problems import Conflict, Invalid
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.crud.usages import hanging_on
from cms.editorial.behaviours import Nested, Trashable
from cms.editorial.changes import Changes
from cms.editorial.draft_values import shown_by, stages_of
from cms.editorial.drafts import DraftingService, draft_schema
from cms.editorial.history import APPLIED, DISCARDED, FIRST_DRAFT
from cms.editorial.letting_go import let_go, whole_records
from cms.editorial.merge import is_same
from cms.editorial.notes import Note
from cms.editorial.obstacles import (
    changed_since,
    gone_since,
    hangs_since,
    taken_since,
    title_of,
    trashed_above,
    used_since,
)
from cms.editorial.restoring import as_sent, fit, missing_related, validated
from cms.editorial.reviewing import REVIEW_STAGES, stand_again
from cms.editorial.snapshots import CREATED_AT, LINKS, MASK, STAGES, Values, is_secret, snapshot
from cms.editorial.together import Together
from cms.editorial.trash import TrashingService


class Reversal:
    """The reverse of what a change did to one record, or to its working draft.

    :param noted: what it did; :param last: the id of the revision that says so. :param settled: fields of which not the
        draft but the record, which the same change was of, has to be what that made of it.
    :param together: what the same change did to others.
    """

    def __init__(
        self,
        work: UnitOfWork,
        changes: Changes,
        noted: Note,
        last: int,
        settled: frozenset[str],
        together: Together,
    ) -> None:
        self._work = work
        self._changes = changes
        self._noted = noted
        self._last = last
        self._settled = settled
        self._together = together
        self._type: ContentType[Any] = noted.content_type
        self._service = work.service(noted.content_type)
        self._record: Any = None
        if isinstance(self._service, TrashingService):
            self._service.alongside = together.moved

    @property
    def depth(self) -> int:
        """How deep in a tree the record is that goes into the trash or comes out of it; 0 for all else."""
        is_moved = "trashed_at" in self._noted.before and isinstance(self._record, Nested)
        return str(self._record.path).count("/") if is_moved else 0

    async def check(self) -> None:
        """See that the record is what the change made of it.

        :raises Conflict: naming the change that made something else of it.
        """
        noted = self._noted
        self._record = await self._load()
        if (self._record is None) is not (noted.verb == "deleted"):
            raise await self._changed(())
        if noted.verb == "deleted":
            self._check_remakable()
            return
        if lost := [name for name, value in noted.before.items() if value == MASK and self._is_secret(name)]:
            raise Conflict(f"Nothing of the former “{lost[0]}” was kept, so that it can't be given back.")
        now = await self._present()
        given = noted.values if noted.verb == "created" else noted.before
        compared = given.keys() - self._settled if self._is_emptied else given
        names = [name for name in compared if not is_same(now.get(name), noted.values.get(name))]
        if "trashed_at" not in given and bool(now.get("trashed_at")) is not bool(noted.values.get("trashed_at")):
            names.append("trashed_at")
        if names:
            raise await self._changed(names)

    async def run(self) -> None:
        """Do it.

        :raises Problem: if the actor may not, or what was there before can't be there any more.
        """
        try:
            async with self._work.session.begin_nested():  # so that what is in the way can be looked for
                await self._run()
        except Conflict as conflict:
            raise await self._explained(conflict) from conflict

    async def _run(self) -> None:
        if self._noted.verb == "deleted":
            await self._make_again()
        elif self._is_draft:
            await self._draft_again()
        else:
            self._record = await self._load()  # what ran before may have moved it
            await self._take_back()

    async def _take_back(self) -> None:
        if self._noted.verb == "created":
            if (below := await self._below()) is not None:
                raise await hangs_since(self._work.session, self._changes, self._noted, below)
            await let_go(self._work, self._type, self._record, self._together.made)
            await self._service.delete(self._record, self._record.version)
            return
        before = dict(self._noted.before)
        is_moved, was_trashed = "trashed_at" in before, before.pop("trashed_at", None) is not None
        if is_moved:  # first of all: in the trash nobody minds a slug that somebody else has
            await self._move(into_trash=was_trashed)
        if {"published_at", "unpublish_at"} & before.keys():
            self._service.require(Action.PUBLISH, self._record)
        may_publish = self._service.policy.can(self._work.actor, Action.PUBLISH, self._record)
        stood = {} if may_publish else {name: before.pop(name) for name in REVIEW_STAGES if name in before}
        if before:
            await self._service.change(self._record, await self._fitting(before))
        if stood:
            stand_again(self._record, stood)
            await self._service.save(self._record)

    async def _explained(self, conflict: Conflict) -> Conflict:
        """A refusal of a service, with the later change that is the reason, where there is one."""
        session, noted = self._work.session, self._noted
        if "later_change" in conflict.extensions:
            return conflict
        if "usages" in conflict.extensions:
            uses = self._service.uses(await self._load())
            return await used_since(session, self._changes, noted, self._last, uses, conflict)
        slugs = self._together.slugs
        if (taken := await taken_since(session, self._changes, noted, self._last, slugs, conflict)) is not None:
            return taken
        if (above := await trashed_above(session, noted, self._last)) is not None:
            title = f"The {self._type.label.lower()} “{title_of(noted)}”"
            return await gone_since(session, self._changes, self._type, [above], title)
        return conflict

    @property
    def _is_emptied(self) -> bool:
        """Whether there was no working draft any more after the change."""
        return self._noted.verb in {APPLIED, DISCARDED}

    @property
    def _is_draft(self) -> bool:
        return self._noted.version >= FIRST_DRAFT

    def _is_secret(self, name: str) -> bool:
        return name in self._type.fields and is_secret(self._type.fields[name])

    async def _load(self) -> Any:
        """The record, wherever it is; locked."""
        statement = whole_records(self._type).where(self._type.model.id == self._noted.record_id)
        return (await self._work.session.execute(statement)).scalar_one_or_none()

    async def _below(self) -> UUID | None:
        """What would go along with the record: a live one below it, or one that can't be without it."""
        if isinstance(self._service, TrashingService) and isinstance(self._record, Trashable):
            live = (other.id for other in await self._service.below(self._record) if other.trashed_at is None)
            return next(live, None)
        for other, column in hanging_on(self._work.registry, self._type):
            found = await self._work.session.execute(select(other.model.id).where(column == self._record.id).limit(1))
            record_id: UUID | None = found.scalar()
            if record_id is not None:
                return record_id
        return None

    async def _present(self) -> Values:
        """The values now: of the record, or of its draft."""
        now = snapshot(self._type, self._record)
        if not self._is_draft:
            return now
        draft = await self._drafting().draft_of(self._record)
        if draft is None and not self._is_emptied:
            return now
        stages = stages_of(draft) if draft else {}
        told = {name: stages.get(name) for name in STAGES if name in self._noted.before}
        return {**(shown_by(draft, now) if draft else now), **told}

    async def _changed(self, names: Any) -> Conflict:
        return await changed_since(self._work.session, self._changes, self._noted, self._last, names)

    async def _fitting(self, values: Values, schema: type[BaseModel] | None = None) -> Values:
        """Recorded values as a service takes them.

        :param schema: of the body that they have to fit, as `revive` takes it.
        :raises Conflict: for those that do not fit any more.
        """
        title = f"The {self._type.label.lower()} “{title_of(self._noted)}”"
        for name, value in values.items():
            info = self._type.fields.get(name)
            if info is not None and info.is_relation and (gone := await missing_related(self._work, info, value)):
                target = self._work.registry.target_of(info)
                raise await gone_since(self._work.session, self._changes, target, gone, title)
        fitting, misfits = await fit(self._work, self._type, values, schema)
        if misfits:
            raise Conflict(f"{title} can't be what it was. {next(iter(misfits.values()))} Nothing was undone.")
        return fitting

    async def _move(self, *, into_trash: bool) -> None:
        """Into the trash or out of it, unless it is there, or what is above took it along already."""
        if (getattr(self._record, "trashed_at", None) is not None) is into_trash:
            return
        assert isinstance(self._service, TrashingService)  # noqa: S101 - trashable types declare such a service
        if into_trash:
            await self._service.delete(self._record, self._record.version)
            return
        below = await self._service.below(self._record)
        along = {other.id for other in below if other.trashed_at == self._record.trashed_at}
        slugs = {record_id: slug for record_id, slug in self._together.slugs.items() if record_id in along}
        await self._service.restore(self._record.id, self._together.slugs.get(self._record.id), slugs)

    def _check_remakable(self) -> None:
        """Refuse what can't be made again whole.

        :raises Conflict: with the reason.
        """
        title = f"The {self._type.label.lower()} “{title_of(self._noted)}”"
        if issubclass(self._type.model, Trashable):
            raise Conflict(f"{title} was deleted for good, out of the trash; that can't be undone.")
        if lost := [name for name in self._type.write_fields if self._is_secret(name)]:
            raise Conflict(f"{title} can't come back: nothing of its “{lost[0]}” was kept. Make it anew.")

    async def _make_again(self) -> None:
        """Make a deleted record again, with its id, and give it back to those that referred to it."""
        noted, session, model = self._noted, self._work.session, self._type.model
        values = {name: value for name, value in noted.values.items() if name in self._type.write_fields}
        fitting = await self._fitting(values)
        blank = model(id=noted.record_id, created_at=parse_time(noted.before[CREATED_AT]))
        try:
            record = await self._service.create(validated(create_schema(self._type), fitting), blank)
        except Invalid as error:
            detail = f"The {self._type.label.lower()} “{title_of(noted)}” can't come back. {error.detail}"
            raise Conflict(detail, errors=error.errors) from error
        # Versions count on, or somebody who holds an old one would overwrite what he never saw.
        counted = update(model).where(model.id == record.id).values(version=noted.version, updated_at=utc_now())
        await session.execute(counted, execution_options={"synchronize_session": False})
        await session.refresh(record)
        record.updated_at = utc_now()
        # What was empty is empty again, whatever is filled in for a new one.
        await self._service.change(await self._load(), fitting)
        for link, owners in noted.before[LINKS].items():
            await self._link(link, owners)

    async def _link(self, link: str, owners: list[str]) -> None:
        """Give the record back to those that had it in a relation."""
        name, _, field = link.partition(".")
        content_type = self._work.registry.by_name(name)
        service = self._work.service(content_type)
        named = content_type.model.id.in_([UUID(owner) for owner in owners])
        found = await self._work.session.execute(whole_records(content_type).where(named))
        for owner in found.scalars():
            related = [str(other.id) for other in getattr(owner, field)]
            await service.change(owner, {field: [*related, str(self._noted.record_id)]})

    def _drafting(self) -> DraftingService[Any]:
        assert isinstance(self._service, DraftingService)  # noqa: S101 - what has drafts declares such a service
        return self._service

    async def _draft_again(self) -> None:
        """Give the working draft what it had, or have none where that was what is public."""
        service, before = self._drafting(), self._noted.before
        stages = {name: value for name, value in before.items() if name in STAGES}
        if len(stages) < len(before) or not stages:
            await self._draft_values({name: value for name, value in before.items() if name not in STAGES})
        if stages and await service.draft_of(self._record) is not None:
            await service.put_back(self._record, stages, is_with_all=self._is_emptied)

    async def _draft_values(self, values: Values) -> None:
        service = self._drafting()
        draft, public = await service.draft_of(self._record), snapshot(self._type, self._record)
        wanted = {**(shown_by(draft, public) if draft else {}), **values}
        if draft is not None and all(is_same(value, public.get(name)) for name, value in wanted.items()):
            return await service.discard_draft(self._record)
        schema = draft_schema(self._type)
        fitting = await self._fitting(values, schema)
        return await service.draft_again(self._record, schema.model_validate(as_sent(self._type, fitting, values)))
