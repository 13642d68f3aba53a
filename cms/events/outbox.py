"""The outbox: a row for each thing that happened, committed with the change itself or not at all."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Identity, Index, Integer, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.fields import now, text_type, utc_now
from cms.crud.models import Base

TOLD_FOR: Final = timedelta(days=3)
"""How long a receiver is told of what happened, should it not listen."""
UNTOLD_AFTER: Final = timedelta(hours=1)
"""How long events wait where there is nobody to tell; not shorter, for processes may get a webhook one by one."""
_BATCH: Final = 500
"""Events in one transaction, so that nobody waits for long."""


class Database(Protocol):
    """What work in the background needs of a database."""

    def session(self) -> Any:
        """A unit of work, as a context manager."""

    async def read_soon(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run `function(connection, *args)`."""


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
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now)
    due_at: Mapped[datetime | None] = mapped_column(default=now())
    """When it is told next, where there is a webhook; None once it has been, or has been given up."""
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


async def give_up(database: Database, older_than: timedelta) -> int:
    """Stop telling of what happened too long ago, whether there was nobody to tell or nobody who listened.

    :returns: how many events that were.
    """
    count = 0
    while ids := await database.read_soon(_waiting_since, older_than):
        async with database.session() as session:
            await session.execute(update(Event).where(Event.id.in_(ids)).values(due_at=None))
        count += len(ids)
    return count


def _waiting_since(connection: Connection, older_than: timedelta) -> Sequence[int]:
    """The ids of some events that wait too long; a plain read, which keeps no writer waiting."""
    time: datetime = connection.execute(select(now())).scalar_one() - older_than
    waits = select(Event.id).where(Event.due_at.is_not(None), Event.occurred_at < time)
    found: Sequence[int] = connection.execute(waits.order_by(Event.due_at).limit(_BATCH)).scalars().all()
    return found
