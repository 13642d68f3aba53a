"""Who has which record open: told by pages that are open, every few seconds, by the database's clock.

It blocks nobody: it is for people to know of each other before they write the same.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, ForeignKey, Index, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from cms.auth.users import User
from cms.crud.fields import now, text_type
from cms.crud.models import Base

FRESH: Final = timedelta(seconds=20)
"""For how long somebody counts as there who has not been heard of since."""


class Presence(Base):
    """A page that somebody has open.

    :param tab: tells the pages of one person apart.
    """

    __tablename__ = "presences"
    __table_args__ = (Index("ix_presences_record_id_seen_at", "record_id", "seen_at"),)

    tab: Mapped[str] = mapped_column(text_type(36), primary_key=True)
    record_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    seen_at: Mapped[datetime] = mapped_column(index=True)


class Neighbour(NamedTuple):
    """Somebody who has the same record open."""

    id: UUID
    name: str


def arrive(connection: Connection, record_id: UUID, user_id: UUID, tab: str) -> list[Neighbour]:
    """Tell that a page is open, and hear who else has the record open.

    :param tab: the page's own name, which nobody else knows.
    :returns: each person once, the same person's other pages among them.
    """
    time = connection.execute(select(now())).scalar_one()
    leave(connection, user_id, tab)
    connection.execute(delete(Presence).where(Presence.seen_at < time - 3 * FRESH))
    connection.execute(insert(Presence).values(tab=tab, record_id=record_id, user_id=user_id, seen_at=time))
    others = (
        select(User.id, User.name)
        .join(Presence, Presence.user_id == User.id)
        .where(Presence.record_id == record_id, Presence.tab != tab, Presence.seen_at > time - FRESH)
        .distinct()
        .order_by(User.name, User.id)
    )
    return [Neighbour(*row) for row in connection.execute(others)]


def leave(connection: Connection, user_id: UUID, tab: str) -> None:
    """Tell that a page was closed."""
    connection.execute(delete(Presence).where(Presence.tab == tab, Presence.user_id == user_id))
