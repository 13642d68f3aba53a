"""The trash: what is deleted goes there with all that hangs on it, comes back as it was, or goes for good."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, inspect, select

from cms.crud.conditional import ANY_VERSION, check_version
from cms.crud.content_type import ContentType, M
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound
from cms.crud.relations import lock_records
from cms.crud.service import Service
from cms.crud.slugs import next_slug
from cms.crud.usages import hanging_on
from cms.editorial.behaviours import Trashable
from cms.editorial.pending import transaction_time

Slugs = Mapping[UUID, str]
"""Slugs by the ids of records."""
NO_SLUGS: Slugs = {}
BELOW = "/slugs/"
"""How pointers to those of what comes along begin; the id of the record follows."""
_TICK = timedelta(microseconds=1)


class TrashingService(Service[M]):
    """A service of records that are trashed before they are gone, where their type has a trash.

    :ivar alongside: records of any type that go into the trash or come out of it in the same transaction.
    """

    alongside: Collection[UUID] = ()

    async def hold(self) -> None:
        """Wait for those who write the same records in another order; locks of rows do, where each writes but one."""

    async def below(self, record: M) -> Sequence[M]:
        """What goes where a record goes, in the trash or not: each after what it hangs on, and locked."""
        return ()

    async def place(self, records: Sequence[M]) -> None:
        """Find records that come out of the trash their place: the first one, and those below it."""

    async def missing_from(self, record: M) -> list[str]:
        """What the record has that is in the trash and stays there: a phrase for each, such as `media “buoy.png”`."""
        missing = []
        for info in self.content_type.fields.values():
            if info.is_relation and info.column is not None and info.python_type is not self.content_type.model:
                target = self.work.registry.target_of(info)
                model: Any = target.model
                if issubclass(model, Trashable):
                    missing += await self.trashed(target, model.id == getattr(record, info.column.key))
        return missing

    async def trashed(self, content_type: ContentType[Any], where: ColumnElement[bool]) -> list[str]:
        """What of a type is in the trash and stays there, as `missing_from` tells it."""
        model: Any = content_type.model
        stays = where, model.trashed_at.is_not(None), model.id.not_in(self.alongside)
        titles = await self.session.execute(select(getattr(model, content_type.title_field)).where(*stays))
        return [f"{content_type.label.lower()} “{title}”" for title in titles.scalars()]

    async def delete(self, record: M, expected: int) -> None:
        """Move the record to the trash, with those below it; a type that has none deletes it.

        :raises PreconditionFailed: if `expected` is not the current version.
        """
        if not isinstance(record, Trashable):
            return await super().delete(record, expected)
        self.require(Action.DELETE, record)
        check_version(expected, record.version)
        if record.trashed_at is not None:
            raise Conflict(f"This {self._noun} is in the trash already.")
        below: list[Any] = list(await self.below(record))
        together = [record, *(other for other in below if other.trashed_at is None)]
        # By its time is known what comes back with a record: not what went before it, even in the same instant.
        earlier = [other.trashed_at + _TICK for other in below if other.trashed_at is not None]
        trashed_at = max([await self.database_time(), *earlier])
        for other in together:
            self.require(Action.DELETE, other)
            other.trashed_at = trashed_at
        return await self._save_all(together)

    async def restore(self, key: str | UUID, slug: str | None = None, below: Slugs = NO_SLUGS) -> M:
        """Take a record out of the trash, with all that went there with it.

        :param slug: the one that it has from now on, where another record has its own meanwhile.
        :param below: the same for those below it.
        :raises NotFound: if it is not there. :raises Conflict: if a slug is taken, proposing another for each.
        """
        record = await self.get_trashed(key, Action.DELETE)
        await self.take_out(record, {**below, record.id: slug} if slug is not None else below)
        return record

    async def take_out(self, record: M, slugs: Slugs = NO_SLUGS) -> None:
        """Take a record out of the trash, with all that went there with it.

        :param slugs: those that some of them have from now on.
        :raises Forbidden: for one of them that the actor may not restore.
        """
        found: Any = record
        below = [other for other in await self.below(record) if other.trashed_at == found.trashed_at]  # type: ignore[attr-defined]  # of `Trashable`
        together = [record, *below]
        for other in together:
            self.require(Action.DELETE, other)
        with self.session.no_autoflush:  # or a look-up would write half of it
            await self._require_whole(together)
            await self._require_free(together, slugs)
            for other in (each for each in together if each.id in slugs):
                self.require(Action.UPDATE, other)
                other.slug = slugs[other.id]  # type: ignore[attr-defined]  # of a type that has slugs, which was checked
            await self.place(together)
        for other in together:
            other.trashed_at = None  # type: ignore[attr-defined]  # as above
        await self._save_all(together)

    async def purge(self, record: M, expected: int) -> None:
        """Delete for good what is in the trash, with all that hangs on it; where there is no trash, just delete it.

        :raises Conflict: if it is not in the trash, or in use.
        :raises PreconditionFailed: if `expected` is not the current version.
        """
        if not isinstance(record, Trashable):
            return await self.delete(record, expected)
        self.require(Action.PURGE, record)
        check_version(expected, record.version)
        if record.trashed_at is None:
            raise self._kept()
        model: Any = self.content_type.model
        below: list[Any] = list(await self.below(record))
        for other in reversed([record, *(other for other in below if other.trashed_at is not None)]):
            await self._delete_hanging(self.content_type, select(model.id).where(model.id == other.id))
            await super().delete(other, ANY_VERSION)
        return None

    async def get_trashed(self, key: str | UUID, action: Action) -> M:
        """The record of that id or slug in the trash, locked to do that to it.

        :raises NotFound: if there is none that the actor may see.
        :raises Conflict: if there are several of that slug.
        """
        self.require(action)
        await self.hold()
        model: Any = self.content_type.model
        found: Sequence[M] = ()
        aside = self.policy.aside(model, self.actor.role)
        if aside is not None:
            statement = self._by_key(key).where(aside).with_for_update(of=model)
            found = (await self.session.execute(statement, {"actor_id": self.actor.id})).scalars().all()
        if not found:
            raise NotFound(f"There is no {self._noun} “{str(key)[:200]}” in the trash.")
        if len(found) > 1:
            raise Conflict(f"There are {len(found)} of that slug in the trash; name the one that you mean by its id.")
        self.require(action, found[0])
        return found[0]

    async def get_doomed(self, key: str | UUID) -> M:
        """The record of that id or slug that is to be deleted for good, locked.

        :raises Conflict: if it is not in the trash, where its type has one.
        """
        if not issubclass(self.content_type.model, Trashable):
            return await self.get(key, Action.DELETE)
        try:
            return await self.get_trashed(key, Action.PURGE)
        except NotFound:
            await self.get(key)
            raise self._kept() from None

    async def _require_whole(self, records: Sequence[Any]) -> None:
        """Refuse to bring back what shows something that is in the trash.

        :raises Conflict: naming both.
        """
        for record in records:
            if missing := await self.missing_from(record):
                title = getattr(record, self.content_type.title_field)
                needed = ", ".join(missing)
                raise Conflict(f"“{title}” needs what is in the trash, too: restore the {needed} first.")

    async def _require_free(self, records: Sequence[Any], slugs: Slugs) -> None:
        """Refuse to give back what others have taken meanwhile, proposing a free slug for each.

        :param slugs: those that some of the records want in the place of their own.
        """
        self._check_names(records, slugs)
        if "slug" not in self.content_type.fields:
            return
        model: Any = self.content_type.model
        wanted = {each: slugs.get(each.id, each.slug) for each in records}
        is_held = (
            model.slug.in_(wanted.values()),
            model.trashed_at.is_(None),
            model.id.not_in([r.id for r in records]),
        )
        taken = set((await self.session.execute(select(model.slug).where(*is_held))).scalars())
        errors, besides = [], set(wanted.values())
        for each, slug in wanted.items():
            if slug in taken:
                proposed = await next_slug(self.session, self.content_type, slug, besides)
                errors.append(self._taken(each, slug, proposed, is_first=each is records[0]))
                besides.add(proposed)
            taken.add(slug)  # two that come back together can't have one slug either
        if errors:
            conflict = Conflict(" ".join(error.detail for error in errors[:3]), errors=errors)
            if errors[0].pointer == "/slug":
                conflict.extensions["proposed"] = errors[0].proposed
            raise conflict

    def _check_names(self, records: Sequence[Any], slugs: Slugs) -> None:
        """Refuse slugs for what has none, or does not come along.

        :raises Invalid: naming them.
        """
        known = {each.id for each in records} if "slug" in self.content_type.fields else set()
        errors = [
            FieldError(f"No {self._noun} has a slug.", "/slug")
            if unknown == records[0].id
            else FieldError("Nothing of this id that has a slug comes out of the trash with it.", f"{BELOW}{unknown}")
            for unknown in slugs.keys() - known
        ]
        if errors:
            raise Invalid(errors[0].detail, errors=errors)

    def _taken(self, record: Any, slug: str, proposed: str, *, is_first: bool) -> FieldError:
        title = getattr(record, self.content_type.title_field)
        which, pointer = ("this one", "/slug") if is_first else (f"“{title}” below it", f"{BELOW}{record.id}")
        detail = f"Another {self._noun} has the slug “{slug}” by now; give {which} another, such as “{proposed}”."
        return FieldError(detail, pointer, proposed=proposed)

    async def _save_all(self, records: Sequence[M]) -> None:
        for record in records:  # the first flush writes all of them
            await self.save(record)

    async def _delete_hanging(self, content_type: ContentType[Any], ids: Any) -> None:
        """Delete what the database would delete along with these records, so that whoever listens sees each go."""
        for other, link in hanging_on(self.work.registry, content_type):
            found = await lock_records(self.session, other, self.actor, link.in_(ids))
            if found:
                model: Any = other.model
                await self._delete_hanging(other, select(model.id).where(link.in_(ids)).correlate(None))
                for record in found:
                    if inspect(record).persistent:  # it went with what it hung on besides, otherwise
                        await self.session.delete(record)
                await self.session.flush()

    async def database_time(self) -> datetime:
        """The database's time, which visibility follows."""
        return await self.session.run_sync(transaction_time)

    def _kept(self) -> Conflict:
        return Conflict(f"This {self._noun} is not in the trash; move it there before you delete it permanently.")

    @property
    def _noun(self) -> str:
        return self.content_type.label.lower()
