"""The trash empties itself of what has been in it for long."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from loguru import logger
from sqlalchemy import Connection, inspect, select

from cms.crud.conditional import ANY_VERSION
from cms.crud.content_type import ContentType
from cms.crud.fields import now
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Actor, Door
from cms.crud.problems import Problem
from cms.crud.relations import lock_records
from cms.crud.service import UnitOfWork
from cms.editorial.behaviours import Trashable
from cms.editorial.trash import TrashingService
from cms.events.outbox import Database

HOURLY = 3600
"""Seconds from one look to the next."""
BATCH = 20
"""Records in one transaction, so that nobody waits for long."""


async def empty_trash(
    database: Database, reader: Reader, older_than: timedelta, actor: Actor = SYSTEM, door: Door = Door.SYSTEM
) -> int:
    """Delete for good what has been in the trash for longer than that.

    What is still in use stays, and is told of in the log.

    :param actor: on whose behalf; an administrator, or the system.

    :returns: how many records went, those below them aside.
    """
    count = 0
    for content_type in reader.registry:
        if issubclass(content_type.model, Trashable):
            due = await database.read_soon(_due, content_type, older_than)
            for start in range(0, len(due), BATCH):
                async with database.session() as session:
                    work = UnitOfWork(session, actor, reader, door=door)
                    count += await _purge(work, content_type, due[start : start + BATCH], older_than)
    return count


def _due(connection: Connection, content_type: ContentType[Any], older_than: timedelta) -> Sequence[UUID]:
    """The ids of what is due, what has been there the longest first; a plain read, which takes no lock."""
    model: Any = content_type.model
    until = connection.execute(select(now())).scalar_one() - older_than
    due = select(model.id).where(model.trashed_at <= until)
    return connection.execute(due.order_by(model.trashed_at, model.id)).scalars().all()


async def _purge(work: UnitOfWork, content_type: ContentType[Any], ids: Sequence[UUID], older_than: timedelta) -> int:
    service = work.service(content_type)
    assert isinstance(service, TrashingService)  # noqa: S101 - trashable types declare such a service
    await service.hold()
    model: Any = content_type.model
    until = (await work.session.execute(select(now()))).scalar_one() - older_than
    # It may have been restored since, and even be back: that is found once it is locked.
    found = await lock_records(work.session, content_type, work.actor, model.id.in_(ids), model.trashed_at <= until)
    count = 0
    for record in found:
        if inspect(record).persistent:  # it went with the one above it, otherwise
            count += await _try(service, record)
    return count


async def _try(service: TrashingService[Any], record: Any) -> bool:
    title = getattr(record, service.content_type.title_field)
    try:
        async with service.session.begin_nested():
            await service.purge(record, ANY_VERSION)
    except Problem as problem:
        logger.warning("“{}” stays in the trash of {}: {}", title, service.content_type.name, problem)
        return False
    return True
