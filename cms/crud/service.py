"""The only code that changes content: REST, the back office and files all write through a `Service`.

Services decide (rights, slugs, relations, expected versions), flush, and never commit: the unit of work that they
are part of is committed or rolled back by whoever opened it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Generic
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from cms.crud.conditional import check_version, stale
from cms.crud.conditions import visible
from cms.crud.conflicts import broken_columns, conflict_from, in_use
from cms.crud.content_type import ContentType, M
from cms.crud.fields import utc_now
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor, Door, Origin
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound
from cms.crud.registry import Registry
from cms.crud.relations import find_related, release, to_many_loads
from cms.crud.rights import check_fields, refusal
from cms.crud.search import refresh_search_text
from cms.crud.slugs import make_slug, next_slug
from cms.crud.structure import FieldInfo, Shape
from cms.crud.usages import Use, find_uses, name_uses
from cms.crud.values import is_uuid

_SLUG_ATTEMPTS = 25

Ahead = Callable[[str], Awaitable[Any]]
"""Answers what was made of a text before anybody asked; None if nothing was."""


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction, on behalf of one actor.

    :param session: the open transaction.
    :param actor: who is acting.
    :param reader: reads records back as answers.
    :param ahead: what was worked out ahead, by whoever writes many records and nothing else.
    :param door: through which it came. :param request_id: the request that asked for it, if any.
    """

    session: AsyncSession
    actor: Actor
    reader: Reader
    ahead: Ahead | None = None
    door: Door = Door.SYSTEM
    request_id: str | None = None

    def __post_init__(self) -> None:
        origin = Origin(self.actor.id, self.door, self.request_id)
        self.session.info["origin"] = origin  # for whatever listens to the session

    @property
    def registry(self) -> Registry:
        """The content types."""
        return self.reader.registry

    def service(self, content_type: ContentType[M]) -> "Service[M]":
        """The service that writes records of that type in this transaction."""
        kind: type[Service[M]] = content_type.service or Service
        return kind(self, content_type)

    async def read(self, content_type: ContentType[Any], record_id: UUID) -> tuple[Item, int]:
        """A record that was just written, as an answer, with its version."""
        found = await self.session.run_sync(
            lambda sync: self.reader.one(sync.connection(), content_type, record_id, self.actor, is_restricted=False)
        )
        if found is None:
            raise NotFound(f"The {content_type.label.lower()} is gone.")
        return found


class Service(Generic[M]):
    """Creates, changes and deletes records of one content type.

    Subclass it to add rules; the named methods to override are `prepare` (derive values before a save),
    `after_save` and `uses` (what forbids a deletion).
    """

    slug_columns: ClassVar[frozenset[str]] = frozenset({"slug"})
    """The unique columns that hold the slug or are made from it."""

    def __init__(self, work: UnitOfWork, content_type: ContentType[M]) -> None:
        self.work = work
        self.session = work.session
        self.actor = work.actor
        self.content_type = content_type
        self.policy = content_type.policy

    async def get(self, key: str | UUID, action: Action = Action.READ) -> M:
        """The record of that id or natural key, if the actor may see it; locked if it is to be written.

        :raises NotFound: if there is none that the actor may see.
        :raises Unauthorized: :raises Forbidden: if the actor may see it but not do that to it.
        """
        self.require(Action.READ)
        statement = self._by_key(key).where(*visible(self.content_type, self.content_type.model, self.actor.role))
        if action is not Action.READ:
            statement = statement.with_for_update(of=self.content_type.model)
        result = await self.session.execute(statement, {"actor_id": self.actor.id})
        record: M | None = result.scalar_one_or_none()
        if record is None:
            raise self.missing(key)
        self.require(action, record)
        return record

    async def create(self, data: BaseModel, blank: M | None = None) -> M:
        """Make a record.

        :param data: an instance of the type's create schema.
        :param blank: one that has nothing yet but what it is to keep: the id and the time of one that was deleted.
        :raises Problem: if the actor may not, or the data can't be accepted.
        """
        self.require(Action.CREATE)
        values = {name: getattr(data, name) for name in self.content_type.write_fields}
        record = blank or self.content_type.model()
        await self._assign(record, values, sent=data.model_fields_set)
        record.updated_at = utc_now()
        if blank is None:
            record.created_at = record.updated_at
        made_slug = make_slug(self.content_type, record)
        await self.prepare(record, frozenset(values))
        await self._insert(record, made_slug=made_slug)
        await self.after_save(record)
        return record

    async def update(self, record: M, data: BaseModel, expected: int) -> M:
        """Change the fields that `data` names, and no others; a replacement names all of them.

        :param expected: the version that the change was made from.
        :raises PreconditionFailed: if that is not the current one.
        """
        self.require(Action.UPDATE, record)
        check_version(expected, record.version)
        names = [name for name in self.content_type.write_fields if name in data.model_fields_set]
        return await self._change(record, {name: getattr(data, name) for name in names}, data.model_fields_set)

    async def replace(self, record: M, data: BaseModel, expected: int) -> M:
        """Give every writable field the value that `data` has, or its default.

        :raises PreconditionFailed: if `expected` is not the current version.
        """
        self.require(Action.UPDATE, record)
        check_version(expected, record.version)
        kept = {n for n in self.content_type.write_fields if self.content_type.fields[n].rules.derived}
        names = [n for n in self.content_type.write_fields if n in data.model_fields_set or n not in kept]
        return await self._change(record, {name: getattr(data, name) for name in names}, data.model_fields_set)

    async def change(self, record: M, values: Mapping[str, Any]) -> M:
        """Give fields these values, which come from no body: from a revision or a merge, valid and of this version.

        :param values: by name; relations by id.
        """
        self.require(Action.UPDATE, record)
        return await self._change(record, values, set(values))

    async def delete(self, record: M, expected: int) -> None:
        """Delete a record that nothing refers to.

        :raises Conflict: saying where it is used.
        :raises PreconditionFailed: if `expected` is not the current version.
        """
        self.require(Action.DELETE, record)
        check_version(expected, record.version)
        if usages := await self.usages(record):
            raise in_use(self.content_type, usages)
        await release(self.session, self.work.registry, self.content_type, record, self.actor)
        await self.session.delete(record)
        await self._flush(record)

    def uses(self, record: M) -> list[Use]:
        """Where the record may be used. What is used is not deleted."""
        return find_uses(self.work.registry, self.content_type, record)

    async def usages(self, record: M) -> list[str]:
        """Where the record is used, a phrase for each place; empty if nowhere."""
        return await name_uses(self.session, self.uses(record), self.actor)

    async def prepare(self, record: M, changed: frozenset[str]) -> None:
        """Derive what follows from the values just assigned; `changed` names them. May run twice for one save."""

    async def after_save(self, record: M) -> None:
        """Bring in step what depends on the record, in the same transaction."""

    def require(self, action: Action, record: M | None = None) -> None:
        """Let the actor pass who may do that.

        :raises Unauthorized: for the anonymous. :raises Forbidden: for the signed in.
        """
        if not self.policy.can(self.actor, action, record):
            raise refusal(self.actor, action, self.content_type, record)

    def missing(self, key: object) -> NotFound:
        """What to say where there is no record of that key, or none that the actor may see."""
        return NotFound(f"There is no {self.content_type.label.lower()} “{str(key)[:200]}”.")

    async def save(self, record: M) -> None:
        """Write a changed record.

        :raises Problem: if the database refuses.
        """
        refresh_search_text(record, self.content_type.search_fields)
        await self._flush(record)
        await self.after_save(record)

    async def _change(self, record: M, values: Mapping[str, Any], sent: set[str]) -> M:
        with self.session.no_autoflush:  # or a look-up would write half of the change, outside of `_flush`
            await self._assign(record, values, sent=sent)
            await self.prepare(record, frozenset(values))
        await self.save(record)
        return record

    async def _assign(self, record: M, values: Mapping[str, Any], *, sent: set[str]) -> None:
        check_fields(self.policy, self.actor, {name: values[name] for name in values if name in sent})
        errors: list[FieldError] = []
        for name, value in values.items():
            info = self.content_type.fields[name]
            if info.is_relation:
                await self._relate(record, info, value, errors)
            elif value is not None or info.nullable:
                setattr(record, name, value)
        if errors:
            raise Invalid(" ".join(error.detail for error in errors[:3]), errors=errors)

    async def _relate(self, record: M, info: FieldInfo, value: Any, errors: list[FieldError]) -> None:
        if info.shape is Shape.TO_ONE:
            if value is None:
                if info.nullable:
                    setattr(record, info.column.key, None)  # type: ignore[union-attr]  # a to-one relation has its key column
                return
            (related,) = await self.resolve(info, [value], errors, many=False)
            setattr(record, info.column.key, related and related.id)  # type: ignore[union-attr]  # as above
            return
        found = [r for r in await self.resolve(info, value, errors, many=True) if r is not None]
        if {r.id for r in getattr(record, info.name)} != {r.id for r in found}:
            setattr(record, info.name, list(dict.fromkeys(found)))
            record.updated_at = utc_now()  # a row of its own table has to change for its version to count

    async def resolve(self, info: FieldInfo, keys: list[str], errors: list[FieldError], *, many: bool) -> list[Any]:
        """The related records of these keys, None (and an error) for each that the actor can't see."""
        target = self.work.registry.target_of(info)
        found = await find_related(self.session, target, self.actor, keys)
        for index, (key, record) in enumerate(zip(keys, found, strict=True)):
            if record is None:
                pointer = f"/{info.name}/{index}" if many else f"/{info.name}"
                errors.append(FieldError(f"There is no {target.label.lower()} “{key[:100]}”.", pointer))
        return found

    def _by_key(self, key: str | UUID) -> Select[Any]:
        model: Any = self.content_type.model
        statement = select(model).options(*to_many_loads(self.content_type))
        if isinstance(key, UUID) or is_uuid(key):
            return statement.where(model.id == UUID(str(key)))
        if self.content_type.key_field is None:
            raise self.missing(key)
        return statement.where(getattr(model, self.content_type.key_field) == key)

    async def _insert(self, record: M, *, made_slug: bool) -> None:
        """Insert a record; a slug that was made, not chosen, gives way to those already there."""
        refresh_search_text(record, self.content_type.search_fields)
        if not made_slug:
            self.session.add(record)
            await self._flush(record)
            return
        base = record.slug  # type: ignore[attr-defined]  # what makes slugs has one
        for _ in range(_SLUG_ATTEMPTS):
            try:
                async with self.session.begin_nested():
                    self.session.add(record)
                    await self.session.flush()
            except IntegrityError as error:
                kind, columns = broken_columns(error, self.content_type)
                if kind != "unique" or not set(columns) <= self.slug_columns or not columns:
                    raise conflict_from(error, self.content_type, record) from error
                record.slug = await next_slug(self.session, self.content_type, base)  # type: ignore[attr-defined]  # as above
                await self.prepare(record, frozenset({"slug"}))
            else:
                return
        raise Conflict(f"Too many records want the slug “{base}” at once; choose one yourself.")

    async def _flush(self, record: M) -> None:
        version, values = record.version, SimpleNamespace(**vars(record))
        try:
            await self.session.flush()
        except IntegrityError as error:
            raise conflict_from(error, self.content_type, values) from error
        except StaleDataError as error:
            raise stale(version, version + 1) from error
