"""The verbs of publishing: publish and unpublish, now or at a time; submit, approve and return."""

from datetime import datetime
from typing import Any
from uuid import UUID

from cms.crud.conditional import ANY_VERSION, check_version
from cms.crud.content_type import M
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid
from cms.editorial.behaviours import Publishable, Review, Status, status_at
from cms.editorial.draft_values import stages_of
from cms.editorial.drafts import DraftingService
from cms.editorial.merging import present
from cms.editorial.notes import Note
from cms.editorial.pending import Draft
from cms.editorial.recorder import note
from cms.editorial.reviewing import takes_back_review


class EditorialService(DraftingService[M]):
    """A service of records that are published and trashed."""

    async def is_public(self, record: M) -> bool:
        """Whether readers see the record now, by the database's clock."""
        if not isinstance(record, Publishable):
            return False
        return status_at(record, await self.database_time()) is Status.PUBLISHED

    async def check_seen(self, record: M, expected: int) -> None:
        """Refuse to go on where what would become public, or is reviewed, is not what somebody has seen.

        :param expected: the version that was seen: the working draft's where there is one, else the record's.
        :raises PreconditionFailed: if it is another by now.
        """
        if expected != ANY_VERSION:
            draft = await self.draft_of(record)
            check_version(expected, record.version if draft is None else draft.version)

    async def publish(self, record: M, at: datetime | None = None) -> M:
        """Make the record public, with what its working draft changed, now or from `at` on.

        :raises Forbidden: for those who may not publish. :raises Problem: as `apply_draft` does.
        """
        stamped = self._publishable(record)
        self.require(Action.PUBLISH, record)
        time, draft = await self.database_time(), await self.draft_of(record)
        was_live = is_live(stamped, time)
        if was_live and at is not None and at > time:
            return await self._replace_at(record, draft, at)
        _stamp(stamped, at, time)
        if getattr(record, "review", None) is not None:
            record.review, record.review_note = Review.APPROVED, None  # type: ignore[attr-defined]  # it has them
        await self._apply_or_save(record, draft)
        return record

    async def unpublish(self, record: M, at: datetime | None = None) -> M:
        """Take the record from the public: now, by making it a draft again, or at `at`, when it expires.

        :raises Invalid: for an `at` before its publication. :raises Conflict: if it is not public and will not be.
        """
        stamped = self._publishable(record)
        self.require(Action.PUBLISH, record)
        if stamped.published_at is None:
            raise Conflict(f"This {self._noun} is a draft; there is nothing to unpublish.")
        if at is not None and at <= stamped.published_at:
            detail = "It can't go before it has come: give a time after its publication."
            raise Invalid(detail, errors=[FieldError(detail, "/at")])
        if at is None:
            await self._withdraw(record)
        stamped.unpublish_at = at
        await self.save(record)
        return record

    async def get_free(self, record_id: UUID) -> M | None:
        """A record of that id, locked, unless somebody else is at work on it."""
        free = self._by_key(record_id).with_for_update(of=self.content_type.model, skip_locked=True)
        record: M | None = (await self.session.execute(free)).scalar_one_or_none()
        return record

    async def replace_public(self, record: M, due_at: datetime) -> None:
        """Put the working draft in the place of what is public, since its time has come.

        :param due_at: that time, which may be long past: what counts is what was public then.
        :raises Conflict: if nothing was public any more. :raises Problem: as `apply_draft` does.
        """
        draft = await self.draft_of(record)
        is_trashed = getattr(record, "trashed_at", None) is not None
        if draft is None or is_trashed or not is_live(self._publishable(record), due_at):
            raise Conflict(f"This {self._noun} was not public any more, so there was nothing to replace.")
        await self._apply_or_save(record, draft)

    async def put_off(self, record: M, draft: Draft, problem: str) -> None:
        """Keep a draft that could not be published at its time, and say why."""
        former = stages_of(draft)
        draft.publish_at, draft.problem = None, problem
        await self.note_stages(record, draft, "unscheduled", former)

    async def cancel_schedule(self, record: M, expected: int = ANY_VERSION, of: str | None = None) -> None:
        """Call off the replacement, or else the first publication, or else the expiry, that waits for its time.

        :param of: "publication", or "end", for that alone: who comes too late for one does not mean the other.
        :raises Conflict: if none does, perhaps since its time has come.
        :raises PreconditionFailed: if `expected` is not the version of what waits.
        """
        stamped = self._publishable(record)
        self.require(Action.PUBLISH, record)
        draft = await self.draft_of(record)
        if of != "end" and draft is not None and draft.publish_at is not None:
            check_version(expected, draft.version)
            former = stages_of(draft)
            await self.schedule(draft, None)
            draft.review = Review.SUBMITTED if draft.review is Review.APPROVED else draft.review
            await self.note_stages(record, draft, "unscheduled", former)
            return
        check_version(expected, record.version)
        time = await self.database_time()
        if of != "end" and stamped.published_at is not None and stamped.published_at > time:
            stamped.published_at = None
            if getattr(record, "review", None) is Review.APPROVED:
                record.review = Review.SUBMITTED  # type: ignore[attr-defined]  # it has one
        elif of != "publication" and stamped.unpublish_at is not None and stamped.unpublish_at > time:
            stamped.unpublish_at = None
        else:
            raise Conflict(f"Nothing is scheduled for this {self._noun}; if it was, its time has come.")
        await self.save(record)

    async def submit(self, record: M) -> M:
        """Ask editors to publish the record, or the working draft over what is public already.

        :raises Conflict: if there is nothing that is not public.
        """
        self.require(Action.DRAFT, record)
        reviewed = await self._reviewed(record)
        if reviewed is None:
            raise Conflict(f"This {self._noun} is public as it is; save a draft of it first.")
        if reviewed.review is Review.APPROVED:
            raise Conflict(f"This {self._noun} is approved already.")
        await self._judge(record, reviewed, Review.SUBMITTED)
        return record

    async def approve(self, record: M, at: datetime | None = None) -> M:
        """Publish what was submitted, now or from `at` on.

        :raises Conflict: if it was not, or if it was changed since.
        """
        self.require(Action.PUBLISH, record)
        await self._submitted(record)
        return await self.publish(record, at)

    async def return_(self, record: M, why: str) -> M:
        """Give what was submitted back to its author, saying why.

        :raises Conflict: if it was not.
        """
        self.require(Action.PUBLISH, record)
        await self._judge(record, await self._submitted(record), Review.RETURNED, why)
        return record

    async def prepare(self, record: M, changed: frozenset[str]) -> None:
        """Refuse an expiry before the publication; an edit by who may not publish is to be submitted anew."""
        if isinstance(record, Publishable) and _expires_first(record):
            detail = "“unpublish_at” has to come after “published_at”."
            raise Invalid(detail, errors=[FieldError(detail, "/unpublish_at")])
        if isinstance(record, Publishable) and not self.policy.can(self.actor, Action.PUBLISH, record):
            takes_back_review(record)
        await super().prepare(record, changed)

    async def _apply_or_save(self, record: M, draft: Draft | None) -> None:
        """Write the record with what its draft changed, if there is one."""
        if draft is None:
            await self.save(record)
        else:
            await self.apply_draft(record, draft)
            values = await present(self, record)
            noted = Note(self.content_type, record.id, "published", record.version, {}, values)
            note(self.session.sync_session, noted)

    async def _replace_at(self, record: M, draft: Draft | None, at: datetime) -> M:
        if draft is None:
            raise Conflict(f"This {self._noun} is public already and has no draft: there is nothing to publish later.")
        former = stages_of(draft)
        await self.schedule(draft, at)
        draft.problem = None
        draft.review = Review.APPROVED if draft.review is not None else None
        await self.note_stages(record, draft, "scheduled", former)
        return record

    async def _withdraw(self, record: Any) -> None:
        """Make a draft of the record again; what was to replace it has nothing to replace."""
        record.published_at = None
        if getattr(record, "review", None) is not None:
            record.review = None
        if (draft := await self.draft_of(record)) is not None:
            former = stages_of(draft)
            await self.schedule(draft, None)
            draft.review = None
            await self.note_stages(record, draft, "unscheduled", former)

    async def _reviewed(self, record: Any) -> Any:
        """What is reviewed: the record, until it has a time to go public; from then on its draft, if there is one."""
        return record if record.published_at is None else await self.draft_of(record)

    async def _submitted(self, record: M) -> Any:
        reviewed = await self._reviewed(record)
        if reviewed is None or reviewed.review is not Review.SUBMITTED:
            raise Conflict(f"This {self._noun} is not in review; it was not submitted, or was changed since.")
        return reviewed

    async def _judge(self, record: M, reviewed: Any, review: Review, why: str | None = None) -> None:
        former = {} if reviewed is record else stages_of(reviewed)
        reviewed.review, reviewed.review_note = review, why
        if reviewed is record:
            await self.save(record)
        else:
            await self.note_stages(record, reviewed, review.value, former)

    @property
    def _noun(self) -> str:
        return self.content_type.label.lower()

    def _publishable(self, record: M) -> Publishable:
        if not isinstance(record, Publishable):  # the back office has the same addresses for all types
            raise self.missing(record.id)
        return record


def is_live(record: Publishable, time: datetime) -> bool:
    """Whether the public sees the record at that time, the trash aside."""
    is_out = record.published_at is not None and record.published_at <= time
    return is_out and (record.unpublish_at is None or record.unpublish_at > time)


def _stamp(record: Publishable, at: datetime | None, time: datetime) -> None:
    """Give the record its time to go public, and none to go that is past by then."""
    start = at or time
    is_expired = record.unpublish_at is not None and record.unpublish_at <= start
    if is_expired:
        record.unpublish_at = None
    if at is not None or record.published_at is None or is_expired or record.published_at > start:
        record.published_at = start


def _expires_first(record: Publishable) -> bool:
    published_at, unpublish_at = record.published_at, record.unpublish_at
    return published_at is not None and unpublish_at is not None and unpublish_at <= published_at
