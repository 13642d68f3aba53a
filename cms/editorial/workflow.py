"""The verbs of publishing: publish, unpublish, trash, restore."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from cms.crud.conditional import check_version
from cms.crud.content_type import M
from cms.crud.fields import now
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid
from cms.crud.service import Service
from cms.editorial.behaviours import Publishable, Trashable


class EditorialService(Service[M]):
    """A service of records that are published and trashed."""

    async def publish(self, record: M, at: datetime | None = None) -> M:
        """Make the record public, now or from `at` on.

        :raises Forbidden: for those who may not publish.
        """
        stamped = self._publishable(record)
        self.require(Action.PUBLISH, record)
        time = at or await self._now()
        is_expired = stamped.unpublish_at is not None and stamped.unpublish_at <= time
        if is_expired:
            stamped.unpublish_at = None
        if at is not None or stamped.published_at is None or is_expired or stamped.published_at > time:
            stamped.published_at = time
        await self.save(record)
        return record

    async def unpublish(self, record: M, at: datetime | None = None) -> M:
        """Take the record from the public: now, by making it a draft again, or at `at`, when it expires.

        :raises Invalid: for an `at` before its publication. :raises Conflict: if it is not public and will not be.
        """
        stamped = self._publishable(record)
        self.require(Action.PUBLISH, record)
        if stamped.published_at is None:
            raise Conflict(f"This {self.content_type.label.lower()} is a draft; there is nothing to unpublish.")
        if at is not None and at <= stamped.published_at:
            detail = "It can't go before it has come: give a time after its publication."
            raise Invalid(detail, errors=[FieldError(detail, "/at")])
        if at is None:
            stamped.published_at = None
        stamped.unpublish_at = at
        await self.save(record)
        return record

    async def delete(self, record: M, expected: int) -> None:
        """Move the record to the trash; a type that has none deletes it."""
        if not isinstance(record, Trashable):
            return await super().delete(record, expected)
        self.require(Action.DELETE, record)
        check_version(expected, record.version)
        record.trashed_at = await self._now()
        return await self.save(record)

    async def restore(self, key: str | UUID) -> M:
        """Take a record out of the trash.

        :raises NotFound: if it is not there, or belongs to others.
        """
        model: Any = self.content_type.model
        self.require(Action.DELETE)
        statement = self._by_key(key).where(model.trashed_at.is_not(None)).with_for_update(of=model)
        record: M | None = (await self.session.execute(statement)).scalar_one_or_none()
        if record is None or not self.policy.can(self.actor, Action.DELETE, record):
            raise self.missing(key)
        record.trashed_at = None  # type: ignore[attr-defined]  # the statement above asked for the column
        await self.save(record)
        return record

    async def prepare(self, record: M, changed: frozenset[str]) -> None:
        """Refuse an expiry before the publication."""
        if isinstance(record, Publishable) and _expires_first(record):
            detail = "“unpublish_at” has to come after “published_at”."
            raise Invalid(detail, errors=[FieldError(detail, "/unpublish_at")])
        await super().prepare(record, changed)

    async def _now(self) -> datetime:
        """The database's time, which visibility follows."""
        return (await self.session.execute(select(now()))).scalar_one()

    def _publishable(self, record: M) -> Publishable:
        if not isinstance(record, Publishable):
            raise self.missing(record.id)
        return record


def _expires_first(record: Publishable) -> bool:
    published_at, unpublish_at = record.published_at, record.unpublish_at
    return published_at is not None and unpublish_at is not None and unpublish_at <= published_at
