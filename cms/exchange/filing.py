"""Writing many records through the services of their types, a few hundred in one flush.

A batch is written inside a savepoint. If one of its records is refused, the savepoint is undone and each record of
the batch gets one of its own, so that a refused one leaves nothing behind and the others are written all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.exc import StaleDataError

from cms.crud.conditional import ANY_VERSION
from cms.crud.conflicts import conflict_from
from cms.crud.content_type import ContentType
from cms.crud.problems import Invalid, Problem
from cms.crud.service import Service, UnitOfWork
from cms.crud.structure import FieldInfo, Shape
from cms.exchange.differences import Difference
from cms.exchange.drafts import Draft
from cms.exchange.rows import CHUNK, Row, chunks

BATCH = 200
"""Records in one flush."""
_REFUSALS = (Problem, IntegrityError, DataError, StaleDataError)


@dataclass(slots=True)
class Writing:
    """A record to write.

    :param row: what is there; None for a new record.
    :param values: the fields to set; relations as ids.
    :param given: which of them the file gives.
    :param changes: how they differ from what is there.
    :param has_written: whether it changed anything, once it is done; `problem` is why not, where it was refused.
    """

    draft: Draft
    row: Row | None
    values: dict[str, Any]
    given: frozenset[str]
    changes: list[Difference]
    record_id: UUID | None = None
    has_written: bool = False
    problem: Problem | None = None

    def data(self) -> Any:
        """The values as an instance of the type's create schema, validated before."""
        return self.draft.layout.schema.model_construct(set(self.given), **self.values)

    def finish(self, record: Any, version: int) -> None:
        """Note that the record was accepted, and by its former version whether that changed anything."""
        self.record_id = record.id
        self.has_written = record.version != version


class Filer:
    """Writes the records of one type in one transaction."""

    def __init__(self, work: UnitOfWork, content_type: ContentType[Any]) -> None:
        self._session = work.session
        self._content_type = content_type
        self._is_tree = any(
            info.python_type is content_type.model for info in content_type.fields.values() if info.is_relation
        )
        kind: Any = type(work.service(content_type))
        self._service = _filed(kind)(work, content_type)

    async def write(self, writings: Sequence[Writing]) -> None:
        """Write them all, or say of each why it was refused."""
        try:
            async with self._session.begin_nested():
                with self._session.no_autoflush:
                    await self._write_together(writings)
        except _REFUSALS:
            self._service.forget()
            for writing in writings:
                await self._write_alone(writing)

    async def _write_together(self, writings: Sequence[Writing]) -> None:
        self._service.is_batching = True
        try:
            await self._service.meet([writing.values for writing in writings])
            loaded = {} if self._is_tree else await self._load(w.row.id for w in writings if w.row)
            staged = [await self._stage(writing, loaded) for writing in writings]
            await self._session.flush()
            await self._service.settle()
        finally:
            self._service.is_batching = False
        for writing, (record, version) in zip(writings, staged, strict=True):
            writing.finish(record, version)

    async def _write_alone(self, writing: Writing) -> None:
        try:
            async with self._session.begin_nested():
                record, version = await self._stage(writing, {})
        except Problem as problem:
            writing.problem = problem
        except IntegrityError as error:
            writing.problem = conflict_from(error, self._content_type, writing.draft.data)
        except (DataError, StaleDataError):
            writing.problem = Invalid("The database can't hold these values.")
        else:
            writing.finish(record, version)
            return
        self._service.forget()

    async def _stage(self, writing: Writing, loaded: dict[UUID, Any]) -> tuple[Any, int]:
        """Write a record, or leave it to the next flush; return it with the version that it had."""
        self._service.preset = Preset(writing.draft.record_id, writing.draft.created_at)
        if writing.row is None:
            return await self._service.create(writing.data()), 0
        record_id = writing.row.id
        # Trees move whole branches in the database, past what the session holds: each record is read when it is due.
        found = loaded or await self._load([record_id])
        record = found[record_id]
        version = record.version
        return await self._service.update(record, writing.data(), ANY_VERSION), version

    async def _load(self, ids: Iterable[UUID]) -> dict[UUID, Any]:
        model: Any = self._content_type.model
        fields = (self._content_type.fields[name] for name in self._content_type.write_fields)
        loads = [selectinload(getattr(model, f.name)) for f in fields if f.shape is Shape.TO_MANY]
        wanted = list(ids)
        if not wanted:
            return {}
        statement = select(model).options(*loads).where(model.id.in_(wanted)).with_for_update(of=model)
        records = (await self._session.execute(statement, execution_options={"populate_existing": True})).scalars()
        return {record.id: record for record in records}


class Preset(NamedTuple):
    """What files decide about a record beside its fields."""

    id: UUID | None = None
    created_at: Any = None


class _Known(NamedTuple):
    """A record of which no more than the id is needed."""

    id: UUID


class Filed(Service[Any]):
    """What is different where a service writes files: ids and times may be preset, relations are known, flushes wait.

    It is mixed in front of the type's own service, whose rules all hold.
    """

    def __init__(self, work: UnitOfWork, content_type: ContentType[Any]) -> None:
        super().__init__(work, content_type)
        self.preset = Preset()
        self.is_batching = False
        self._waiting: list[Any] = []
        self._related: dict[UUID, Any] = {}

    async def prepare(self, record: Any, changed: frozenset[str]) -> None:
        """Preset what files decide, then derive as ever."""
        if self.preset.id is not None:
            record.id = self.preset.id
        if self.preset.created_at is not None:
            record.created_at = self.preset.created_at
        await super().prepare(record, changed)

    async def after_save(self, record: Any) -> None:
        """Wait for the flush, where that waits."""
        if self.is_batching:
            self._waiting.append(record)
        else:
            await super().after_save(record)

    async def settle(self) -> None:
        """Do what waited for the flush."""
        waiting, self._waiting = self._waiting, []
        for record in waiting:
            await super().after_save(record)

    async def meet(self, several: Sequence[Mapping[str, Any]]) -> None:
        """Load what the to-many relations of these values name, in one statement for each relation."""
        for name in self.content_type.write_fields:
            info = self.content_type.fields[name]
            if info.shape is Shape.TO_MANY:
                await self._load_related(info, {key for values in several for key in values.get(name) or ()})

    def forget(self) -> None:
        """Drop what an undone savepoint made worthless."""
        self._waiting.clear()
        self._related.clear()

    async def resolve(self, info: FieldInfo, keys: list[Any], errors: list[Any], *, many: bool) -> list[Any]:
        """The related records: their ids are known already, and asked for in bulk."""
        if not many:
            return [_Known(record_id) for record_id in keys]
        await self._load_related(info, keys)
        return [self._related[record_id] for record_id in keys]

    async def _load_related(self, info: FieldInfo, ids: Iterable[UUID]) -> None:
        model: Any = info.python_type
        for chunk in chunks([record_id for record_id in ids if record_id not in self._related], CHUNK):
            found = (await self.session.execute(select(model).where(model.id.in_(chunk)))).scalars()
            self._related |= {record.id: record for record in found}

    async def _flush(self, record: Any) -> None:
        if not self.is_batching:
            await super()._flush(record)


@cache
def _filed(kind: Any) -> type[Filed]:
    """A type's own service with `Filed` in front."""
    return type("FiledService", (Filed, kind), {})
