"""Preview links: each shows the working draft of one record to whoever has it, until it expires or is revoked.

It shows what the draft said when the link was made, or, where its maker wants that, whatever it says by now. A link
shows what its maker may see: it ends with that right, with the record, and with the maker's account. Of its token only
a hash is kept, so that a copy of the table opens nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import JSON, Connection, ForeignKey, Index, Row, delete, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from cms.auth.sessions import hash_secret
from cms.auth.users import User
from cms.crud.content_type import ContentType
from cms.crud.fields import now, text, text_type, utc_now
from cms.crud.models import Base
from cms.crud.policy import Action
from cms.crud.problems import NotFound
from cms.crud.registry import Registry
from cms.crud.service import UnitOfWork
from cms.database import Database

LIFETIMES = {1: "1 day", 7: "7 days", 30: "30 days"}
"""How long a link may work, in days."""
USUAL_LIFETIME = 7
LONGEST_TOKEN = 100
"""The most characters of a token that is looked at; ours have 43."""

_REMEMBERED = timedelta(days=30)
"""How long it can be said of a link that it has expired, and not only that there is none."""


class PreviewLink(Base):
    """A way to see one record as it would be, without an account."""

    __tablename__ = "preview_links"
    __table_args__ = (Index("ix_preview_links_record_id_expires_at", "record_id", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    record_type: Mapped[str] = mapped_column(text_type(60))
    """The plural name of the content type, such as `articles`."""
    record_id: Mapped[UUID]
    maker_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = text(64, unique=True)
    """SHA-256 of the token; one of 256 random bits needs no slow hash."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    shown: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """All that it shows, as JSON; None for one that goes along with the draft."""


class MadeLink(NamedTuple):
    """A link that was just made.

    :param token: what its address ends in. It is not kept anywhere.
    """

    id: UUID
    token: str
    expires_at: datetime


async def make_link(
    work: UnitOfWork,
    content_type: ContentType[Any],
    key: str | UUID,
    lifetime: timedelta,
    shown: Mapping[str, Any] | None = None,
) -> MadeLink:
    """Make a link to the preview of a record.

    :param shown: all that it will show, as JSON; without it, whatever the draft says whenever somebody looks.
    :raises NotFound: :raises Forbidden: for who may not edit a draft of it.
    """
    record = await work.service(content_type).get(key, Action.DRAFT)
    time, token = utc_now(), secrets.token_urlsafe(32)
    link = PreviewLink(
        record_type=content_type.name,
        record_id=record.id,
        maker_id=work.actor.id,
        secret_hash=hash_secret(token),
        created_at=time,
        expires_at=time + lifetime,
        shown=None if shown is None else dict(shown),
    )
    work.session.add(link)
    await work.session.flush()
    return MadeLink(link.id, token, link.expires_at)


async def revoke_link(work: UnitOfWork, content_type: ContentType[Any], key: str | UUID, link_id: UUID) -> None:
    """Have a link to the preview of a record show nothing any more, from now on.

    :raises NotFound: if that record has no such link. :raises Forbidden: for who may not edit a draft of it.
    """
    record = await work.service(content_type).get(key, Action.DRAFT)
    link = await work.session.get(PreviewLink, link_id)
    if link is None or (link.record_type, link.record_id) != (content_type.name, record.id):
        raise NotFound(f"This {content_type.label.lower()} has no such preview link.")
    link.revoked_at, link.shown = link.revoked_at or utc_now(), None
    await work.session.flush()


async def tidy_links(database: Database, registry: Registry) -> None:
    """Keep nothing of what no link shows any more: it has ended, or its record is gone for good."""
    if not await database.read_soon(_are_there):  # most sites have none, and nobody need wait for this to write
        return
    async with database.session() as session:
        time: datetime = (await session.execute(select(now()))).scalar_one()
        await session.execute(delete(PreviewLink).where(PreviewLink.expires_at < time - _REMEMBERED))
        ended = PreviewLink.expires_at <= time, PreviewLink.shown.is_not(None)
        await session.execute(update(PreviewLink).where(*ended).values(shown=None))
        for content_type in registry:
            model: Any = content_type.model
            is_there = exists().where(model.id == PreviewLink.record_id)
            gone = delete(PreviewLink).where(PreviewLink.record_type == content_type.name, ~is_there)
            await session.execute(gone, execution_options={"synchronize_session": False})


def _are_there(connection: Connection) -> bool:
    return connection.execute(select(PreviewLink.id).limit(1)).first() is not None


def open_links(connection: Connection, content_type: ContentType[Any], record_id: UUID) -> Sequence[Any]:
    """The links to a record that work now, the newest first, each with the name of who made it, and its kind."""
    of_record = PreviewLink.record_id == record_id, PreviewLink.record_type == content_type.name
    goes_along = PreviewLink.shown.is_(None).label("goes_along")
    columns = PreviewLink.id, PreviewLink.created_at, PreviewLink.expires_at, User.name.label("maker")
    statement = select(*columns, goes_along).join(User, User.id == PreviewLink.maker_id)
    works = PreviewLink.revoked_at.is_(None), PreviewLink.expires_at > now()
    return connection.execute(statement.where(*of_record, *works).order_by(PreviewLink.id.desc()).limit(100)).all()


def find_link(connection: Connection, token: str) -> Row[Any] | None:
    """The link of a token with who made it, whether or not it still works; `time` is the database's."""
    if len(token) > LONGEST_TOKEN:
        return None
    columns = (
        *PreviewLink.__table__.columns,
        User.role,
        User.name,
        User.is_active,
        now().label("time"),
    )
    statement = select(*columns).join(User, User.id == PreviewLink.maker_id)
    return connection.execute(statement.where(PreviewLink.secret_hash == hash_secret(token))).one_or_none()
