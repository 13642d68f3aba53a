"""Working drafts: edits kept beside a record, so that what the public sees does not move by a byte."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import inspect, select

from cms.crud.conditional import ANY_VERSION, check_version
from cms.crud.content_type import ContentType, M
from cms.crud.fields import parse_time, utc_now
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid, invalid_from
from cms.crud.rights import check_fields
from cms.crud.schemas import incomplete_schema, update_schema
from cms.crud.structure import Shape
from cms.editorial.addresses import address_of, moved
from cms.editorial.behaviours import Review, not_trashed
from cms.editorial.draft_values import changes_of, held_by, means_public, shown_by, stages_of
from cms.editorial.history import APPLIED, DISCARDED, FIRST_DRAFT, FOLLOWED
from cms.editorial.merge import is_same
from cms.editorial.merging import as_recorded, as_written, base_of, merge_values, present
from cms.editorial.notes import Note
from cms.editorial.pending import Draft, Kind, Plan, plan_transitions
from cms.editorial.recorder import is_noted, note
from cms.editorial.reviewing import takes_back_review
from cms.editorial.snapshots import STAGES, Values, plain
from cms.editorial.trash import TrashingService
from cms.editorial.trials import try_out


@cache
def draft_fields(content_type: ContentType[Any]) -> tuple[str, ...]:
    """What a draft holds: all that writers set, but not when it is public, which is said by publishing."""
    return tuple(name for name in content_type.write_fields if name not in STAGES)


def draft_schema(content_type: ContentType[Any]) -> type[BaseModel]:
    """The body that changes a draft: nothing has to be complete."""
    return incomplete_schema(content_type, draft_fields(content_type))


class DraftingService(TrashingService[M]):
    """A service of records that are edited in drafts."""

    async def draft_of(self, record: M) -> Draft | None:
        """The working draft of a record, if there is one."""
        draft = await self._draft_row(record)
        return draft if draft is not None and draft.values is not None else None

    async def save_draft(
        self, record: M, data: BaseModel, expected: int, *, merges: bool = False, decided: Collection[str] = ()
    ) -> None:
        """Put what `data` names into the working draft; there is one from now on.

        :param data: an instance of the type's draft schema. :param expected: the version that it was made from: the
            draft's where there is one, else the record's. :param merges: whether a stale one is merged.
        :param decided: fields of which somebody has seen what is public now, and means their values nevertheless.
        :raises PreconditionFailed: for a stale one otherwise. :raises Overlap: if it can't be merged.
        """
        self.require(Action.DRAFT, record)
        named = {name: getattr(data, name) for name in draft_fields(self.content_type) if name in data.model_fields_set}
        check_fields(self.policy, self.actor, named)
        mine = await as_recorded(self, named)
        row, public = await self._draft_row(record), await self._public(record)
        has_draft = row is not None and row.values is not None
        shown = shown_by(row, public) if row is not None else public
        current = row.version if row is not None and has_draft else record.version
        if merges and expected not in (ANY_VERSION, current):
            decided = ()  # what is public now is not what was seen
            base = await base_of(self.session, self.content_type, record.id, expected)
            mine = dict(merge_values(self.content_type, base, mine, shown, current=current))
        else:
            check_version(expected, current)
        decided = [name for name in decided if has_draft and name in mine]
        is_settled = row is None or all(is_same(public[name], row.base[name]) for name in decided)
        if is_settled and all(is_same(value, shown.get(name)) for name, value in mine.items()):
            return
        draft = row if row is not None else self._new_draft(record)
        if not has_draft:
            draft.values, draft.base, draft.base_version, draft.keeps_address = public, public, record.version, False
        # Who names a field that the draft had left alone has seen what is public, and means another value than that.
        seen = {name: public[name] for name in mine if name in decided or means_public(draft, name, mine[name])}
        draft.base = {**draft.base, **seen}
        await self._write(record, draft, {**(draft.values or {}), **mine})
        await self.note_draft(record, draft, "drafted", {name: shown.get(name) for name in mine})
        await self._edited(record, draft)

    async def draft_again(self, record: M, data: BaseModel) -> None:
        """Give the working draft values that it had, also after it was emptied."""
        keeps_address = (row := await self._draft_row(record)) is not None and row.keeps_address
        await self.save_draft(record, data, ANY_VERSION)
        await self.keep_address(record, keeps=keeps_address)

    async def after_save(self, record: M) -> None:
        """Have the working draft tell that what it shows has changed with its record."""
        await super().after_save(record)
        if record.version != 1 and is_noted(self.session.sync_session, record.id):
            await self.follow([record])

    async def follow(self, records: Sequence[M]) -> None:
        """Have working drafts tell by their versions that what they show has changed with their records."""
        changed = {record.id: record for record in records}
        of_them = select(Draft).where(Draft.record_id.in_(changed), Draft.values.is_not(None))
        drafts = (await self.session.execute(of_them)).scalars().all()
        for draft in drafts:
            draft.version += 1
        await self.session.flush()
        for draft in drafts:
            await self.note_draft(changed[draft.record_id], draft, FOLLOWED, {})

    async def discard_draft(self, record: M, expected: int = ANY_VERSION) -> None:
        """Drop the working draft, with its schedule and its review; nothing happens where there is none.

        :raises PreconditionFailed: if `expected` is not its version.
        """
        self.require(Action.DRAFT, record)
        if (draft := await self.draft_of(record)) is None:
            return
        check_version(expected, draft.version)
        former = held_by(draft)
        await self.empty(draft)
        await self.session.flush()
        await self._note_emptied(record, draft, DISCARDED, former)

    async def apply_draft(self, record: M, draft: Draft) -> None:
        """Write a working draft into its record, and empty it.

        :raises Overlap: if the record was changed meanwhile, and in another way. :raises Invalid: with all that is
            missing or does not fit. :raises Conflict: if the database refuses.
        """
        names = draft_fields(self.content_type)  # a field that the type had when the draft was saved may be gone
        changes = changes_of(draft.values or {}, draft.base)
        mine, theirs = {name: changes[name] for name in names if name in changes}, await self._public(record)
        merged = merge_values(self.content_type, draft.base, mine, theirs, current=record.version)
        await self._check_whole(record, {**theirs, **merged}, dict(merged))
        former, addresses = held_by(draft), await self.addresses(record) if draft.keeps_address else {}
        await self.empty(draft)
        await self.change(record, as_written(self.content_type, merged))
        await self._note_emptied(record, draft, APPLIED, former)
        if addresses:
            for old, new in moved(addresses, await self.addresses(record)).items():
                await self.lead_on(old, new)

    async def keep_address(self, record: M, *, keeps: bool) -> None:
        """Say whether the address that the public knows leads on to another that the working draft gives the record."""
        self.require(Action.DRAFT, record)
        if (draft := await self.draft_of(record)) is not None:
            draft.keeps_address = keeps
            await self.session.flush()

    async def addresses(self, record: M) -> Mapping[UUID, str]:
        """The public addresses that go with the record's own, by the ids of what they show."""
        address = address_of(self.content_type, record)
        return {} if address is None else {record.id: address}

    async def lead_on(self, old: str, new: str) -> None:
        """Have whoever asks for an address that is no more find what is at another now."""

    async def empty(self, draft: Draft) -> None:
        """Leave nothing of a draft but its version, which goes on."""
        draft.version += 1
        await self.schedule(draft, None)
        draft.values, draft.base, draft.derived = None, {}, {}
        draft.review = draft.review_note = draft.problem = None

    async def schedule(self, draft: Draft, at: Any) -> None:
        """Say when the draft takes the place of what is public; None for not yet."""
        if draft.publish_at != at:
            draft.publish_at = at
            plan = Plan(draft.record_type, draft.record_id, {Kind.REPLACE: at})
            await self.session.run_sync(lambda session: plan_transitions(session.connection(), [plan]))

    async def put_back(self, record: M, stages: Values, *, is_with_all: bool = False) -> None:
        """Give the draft the schedule or the review that it had.

        :param stages: as recorded. :param is_with_all: whether the draft itself is put back, too; then a schedule whose
            time has passed is left out. :raises Conflict: for such a one otherwise. :raises Forbidden: where
            the schedule is not the actor's to give.
        """
        draft, publishes = await self.draft_of(record), self.policy.can(self.actor, Action.PUBLISH, record)
        assert draft is not None  # noqa: S101 - its stages were compared to what they are now
        former = stages_of(draft)
        if "published_at" in stages:
            self.require(Action.PUBLISH, record)
            at = parse_time(stages["published_at"]) if stages["published_at"] else None
            has_passed = at is not None and at <= await self.database_time()
            if has_passed and not is_with_all:
                raise Conflict("The time for which this was scheduled has passed. Nothing was undone.")
            await self.schedule(draft, None if has_passed else at)
        if "review" in stages:  # what somebody changed who may not publish is to be submitted anew
            draft.review = Review(stages["review"]) if stages["review"] and publishes else None
        if "review_note" in stages:
            draft.review_note = stages["review_note"]
        verb = "updated" if "published_at" not in stages else "scheduled" if draft.publish_at else "unscheduled"
        await self.note_stages(record, draft, verb, former)

    async def _draft_row(self, record: M) -> Draft | None:
        """The row of its draft, full or empty; the record is locked, so nobody else writes it."""
        of_record = select(Draft).where(Draft.record_id == record.id)
        return (await self.session.execute(of_record)).scalar_one_or_none()

    def _new_draft(self, record: M) -> Draft:
        draft = Draft(record_id=record.id, record_type=self.content_type.name, version=FIRST_DRAFT)
        self.session.add(draft)
        return draft

    async def _public(self, record: M) -> Values:
        """What a draft of the record would begin with."""
        values = await present(self, record)
        return {name: values[name] for name in draft_fields(self.content_type) if name in values}

    async def _write(self, record: M, draft: Draft, values: Values) -> None:
        draft.values, draft.version = values, draft.version + 1
        draft.actor_id, draft.updated_at, draft.problem = self.actor.id, utc_now(), None
        draft.derived = await self._derived(record, changes_of(values, draft.base))
        await self.session.flush()

    async def _edited(self, record: M, draft: Draft) -> None:
        """An edit by somebody who may not publish needs to be submitted, and approved, anew."""
        if self.policy.can(self.actor, Action.PUBLISH, record):
            return
        former = stages_of(draft)
        await self.schedule(draft, None)
        if draft.review is not Review.RETURNED:
            draft.review = None
        await self.note_stages(record, draft, "drafted", former)
        if takes_back_review(record):
            await self.save(record)

    async def _note_emptied(self, record: M, draft: Draft, verb: str, former: Values) -> None:
        await self.note_draft(record, draft, verb, former, **{name: None for name in former if name in STAGES})

    async def note_stages(self, record: M, draft: Draft, verb: str, former: Values) -> None:
        """Put down where a draft stands, if that is elsewhere than before."""
        await self.session.flush()
        stages = stages_of(draft)
        moved_on = {name: value for name, value in former.items() if value != stages[name]}
        if moved_on:
            await self.note_draft(record, draft, verb, moved_on, **{name: stages[name] for name in moved_on})

    async def note_draft(self, record: M, draft: Draft, verb: str, before: Values, **stages: Any) -> None:
        """Put down what was done to a draft.

        :param before: the former values of what changed. :param stages: where it stands, as recorded.
        """
        values = {**shown_by(draft, await present(self, record)), **stages}
        note(self.session.sync_session, Note(self.content_type, record.id, verb, draft.version, before, values))

    async def _derived(self, record: M, changes: Values) -> Values:
        """What would follow from the changes, such as the text as HTML; nothing while they don't fit each other."""
        copy, problem = await try_out(self, record, changes)
        if problem is not None:
            return {}
        columns = inspect(type(record)).column_attrs
        names = [n for n in self.content_type.read_fields if n in columns and n not in changes]
        return {
            name: plain(self.content_type.fields[name], getattr(copy, name))
            for name in names
            if getattr(copy, name) != getattr(record, name)
        }

    async def _check_whole(self, record: M, values: Values, changes: Values) -> None:
        """Refuse what can't be public, all of it at once.

        :param values: all that it would be. :param changes: what of it is new.
        """
        schema = update_schema(self.content_type)
        errors: list[FieldError] = []
        try:
            schema.model_validate(values)
        except ValidationError as error:
            errors.extend(invalid_from(error, schema).errors)
        for name in changes:
            info = self.content_type.fields[name]
            if info.is_relation and values[name] is not None:
                keys = values[name] if info.shape is Shape.TO_MANY else [values[name]]
                await self.resolve(info, keys, errors, many=info.shape is Shape.TO_MANY)
            elif name == self.content_type.key_field and await self._is_taken(record, name, values[name]):
                label = self.content_type.label.lower()
                errors.append(FieldError(f"Another {label} already has the {name} “{values[name]}”.", f"/{name}"))
        if errors:
            _, problem = await try_out(self, record, changes)  # what else there is would be told only after these
            told = {error.pointer for error in errors}
            further = problem.errors if isinstance(problem, Invalid) else ()
            errors.extend(error for error in further if error.pointer not in told)
            raise Invalid(" ".join(error.detail for error in errors[:5]), errors=errors)

    async def _is_taken(self, record: M, name: str, value: Any) -> bool:
        model: Any = self.content_type.model
        others = select(model.id).where(getattr(model, name) == value, model.id != record.id, *not_trashed(model))
        return (await self.session.execute(others.limit(1))).first() is not None
