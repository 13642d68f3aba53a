"""What happens by itself: at its time, once, however many processes run, by the database's clock.

What the public sees follows from times in the rows, with nothing running. This takes care of the rest: it tells the
world that something went public or expired, and puts drafts in the place of what is public.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from math import inf
from typing import Any, Self
from uuid import UUID

from loguru import logger
from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.content_type import ContentType
from cms.crud.fields import now
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Door
from cms.crud.problems import Problem
from cms.crud.service import UnitOfWork
from cms.editorial.pending import Kind, Transition
from cms.editorial.workflow import EditorialService
from cms.events.outbox import Database, emit
from cms.outages import DatabaseUnavailable

TICK = 0.5
"""Seconds between two looks at the most: what is due happens within a second of its time."""
LEASE = 5
"""Seconds for which PostgreSQL waits for a process that stopped in the middle; then another takes its place."""
_TURN = 0x636D73
"""The lock of whose turn it is: transitions happen one after the other, in the order of their times."""

Job = Callable[[], Awaitable[object]]


class Transitions:
    """Does what is due; an asynchronous context manager that does so while its block runs.

    :param database: where times are kept. :param reader: of its content types.
    """

    def __init__(self, database: Database, reader: Reader) -> None:
        self._database = database
        self._reader = reader
        self._jobs: list[tuple[float, Job]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def every(self, seconds: float, job: Job) -> None:
        """Have something else done at the start and so often from then on, while this runs."""
        self._jobs.append((seconds, job))

    async def __aenter__(self) -> Self:
        """Begin."""
        self._stopping.clear()
        self._tasks = [asyncio.create_task(self._keep(self._look, TICK))]
        self._tasks += [asyncio.create_task(self._keep(_repeated(job, wait), wait)) for wait, job in self._jobs]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finish what was begun, and stop."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def catch_up(self) -> int:
        """Do all that is due, in the order of its times, each in a transaction of its own.

        :returns: how much that was; what another process is at work on is left to it.
        """
        done, passed_over = 0, set[UUID]()
        while not self._stopping.is_set():
            try:
                async with self._database.session() as session:
                    if not await _Turn(session, self._reader, passed_over).take():
                        break
                done += 1
            except DatabaseUnavailable:
                raise
            except Exception:  # noqa: BLE001 - what is wrong with one record is not to stop the others
                logger.exception("A transition failed; it is tried again.")
        return done

    async def _look(self) -> float:
        """Do what is due; reading whether anything is costs next to nothing.

        :returns: in how many seconds to look again.
        """
        wait: float = await self._database.read_soon(_seconds_left)
        if wait <= 0:
            await self.catch_up()
        return TICK if wait <= 0 else min(wait, TICK)

    async def _keep(self, look: Callable[[], Awaitable[float]], pause: float) -> None:
        """Look, and wait for as long as that says, or for `pause` where it fails, until this stops."""
        is_failing = False
        while not self._stopping.is_set():
            try:
                wait, is_failing = await look(), False
            except Exception as error:  # noqa: BLE001 - a database that comes back finds this still running
                if not is_failing:
                    logger.opt(exception=not isinstance(error, DatabaseUnavailable)).error(
                        "What is due has to wait: {}", error
                    )
                wait, is_failing = pause, True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)


class _Turn:
    """One transition, in one transaction.

    :param passed_over: the records that this pass leaves alone: others are at work on them, or something failed.
    """

    def __init__(self, session: AsyncSession, reader: Reader, passed_over: set[UUID]) -> None:
        self._session = session
        self._work = UnitOfWork(session, SYSTEM, reader, door=Door.SYSTEM)
        self._passed_over = passed_over

    async def take(self) -> bool:
        """Do what is due first.

        :returns: whether there was anything.
        """
        if not await self._is_ours():
            return False
        is_due = Transition.due_at <= now()
        first = select(Transition).where(is_due, Transition.record_id.not_in(self._passed_over))
        due = (await self._session.execute(first.order_by(Transition.due_at, Transition.id).limit(1))).scalar()
        if due is None:
            return False
        self._passed_over.add(due.record_id)
        if await self._is_done(due):
            self._passed_over.discard(due.record_id)
        return True

    async def _is_ours(self) -> bool:
        """Whether nobody else takes a turn; SQLite has one writer at a time anyway."""
        if self._session.get_bind().dialect.name != "postgresql":
            return True
        await self._session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{LEASE}s'"))
        return bool((await self._session.execute(select(func.pg_try_advisory_xact_lock(_TURN)))).scalar())

    async def _is_done(self, due: Transition) -> bool:
        """Whether it is done, or need not be, since the record is gone or the time was changed."""
        service = self._work.service(self._work.registry.by_name(due.record_type))
        assert isinstance(service, EditorialService)  # noqa: S101 - types with times declare such a service
        # The record first, as everybody else locks it: whoever is changing it may be calling this very thing off.
        record = await service.get_free(due.record_id)
        if record is None and await self._session.get(service.content_type.model, due.record_id) is not None:
            return False
        still = delete(Transition).where(Transition.id == due.id, Transition.due_at == due.due_at)
        gone = await self._session.execute(still.execution_options(synchronize_session=False).returning(Transition.id))
        if record is not None and gone.first() is not None:
            await self._do(service, record, due)
        return True

    async def _do(self, service: EditorialService[Any], record: Any, due: Transition) -> None:
        times = {Kind.PUBLISH: record.published_at, Kind.UNPUBLISH: record.unpublish_at}
        if due.kind is Kind.REPLACE:
            await self._replace(service, record, due.due_at)
        elif times[due.kind] == due.due_at and getattr(record, "trashed_at", None) is None:
            verb = "published" if due.kind is Kind.PUBLISH else "unpublished"
            await self._tell(service.content_type, verb, record.id, record.version)

    async def _replace(self, service: EditorialService[Any], record: Any, due_at: datetime) -> None:
        """Publish the draft; one that can't be is kept, and says why."""
        try:
            async with self._session.begin_nested():
                await service.replace_public(record, due_at)
        except Problem as problem:
            await self._session.refresh(record)  # what was assigned before it was refused is gone with the savepoint
            if (draft := await service.draft_of(record)) is not None:
                await service.put_off(record, draft, problem.detail)
                await self._tell(service.content_type, "publishing_failed", record.id, draft.version)

    async def _tell(self, content_type: ContentType[Any], verb: str, record_id: UUID, version: int) -> None:
        members = {"record_type": content_type.name, "record_id": record_id, "version": version, "actor_id": None}
        told = {"kind": f"{content_type.singular}.{verb}", **members}
        await self._session.run_sync(lambda session: emit(session.connection(), [told]))


def _repeated(job: Job, seconds: float) -> Callable[[], Awaitable[float]]:
    async def do_job() -> float:
        await job()
        return seconds

    return do_job


def _seconds_left(connection: Connection) -> float:
    """Until the first thing is due, by the database's clock; endless where nothing is."""
    first = select(Transition.due_at, now()).order_by(Transition.due_at).limit(1)
    found = connection.execute(first).first()
    if found is None:
        return inf
    due_at, time = found
    return float((due_at - time).total_seconds())
