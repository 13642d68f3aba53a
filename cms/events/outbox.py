"""The outbox: a row for each thing that happened, committed with the change itself or not at all."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Identity, Integer, insert
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.fields import text_type, utc_now
from cms.crud.models import Base


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


def emit(connection: Connection, events: list[dict[str, Any]]) -> None:
    """Write events in the connection's transaction.

    :param events: the columns of each, `id` and `occurred_at` aside.
    """
    if events:
        connection.execute(insert(Event), events)
