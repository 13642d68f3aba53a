"""The outbox: a row for each thing that happened, committed with the change itself or not at all."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Identity, Index, Integer, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.fields import now, text_type, utc_now
from cms.crud.models import Base


class Database(Protocol):
    """Where the events are."""

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A unit of work."""

    async def read_soon(self, function: Callable[[Connection], bool]) -> bool:
        """Run `function(connection)`."""


TOLD_FOR: Final = timedelta(days=3)
"""How long a receiver is told of what happened, should it not listen."""


class Event(Base):
    """One thing that happened to one record. Holds no content, so that it can't leak any."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(text_type(80), index=True)
    """Such as `article.published`."""
    record_type: Mapped[str] = mapped_column(text_type(60))
    record_id: Mapped[UUID] = mapped_column(index=True)
    version: Mapped[int]
    actor_id: Mapped[UUID | None]
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    due_at: Mapped[datetime | None] = mapped_column(default=now())
    """When it is told next, where there is a webhook; None once it has been."""
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")


Index(
    "ix_events_due_at", Event.due_at, sqlite_where=Event.due_at.is_not(None), postgresql_where=Event.due_at.is_not(None)
)


def emit(connection: Connection, events: list[dict[str, Any]]) -> None:
    """Write events in the connection's transaction.

    :param events: the columns of each, `id`, `occurred_at` and those of the webhook aside.
    """
    if events:
        connection.execute(insert(Event), events)


async def give_up(database: Database) -> None:
    """Stop telling of what happened too long ago, whether there was nobody to tell or nobody who listened."""
    async with database.session() as session:
        time: datetime = (await session.execute(select(now()))).scalar_one()
        waits = Event.due_at.is_not(None), Event.occurred_at < time - TOLD_FOR
        await session.execute(update(Event).where(*waits).values(due_at=None))
