"""Sessions: who is signed in, as rows. Deleting the row signs that device out, at its next request."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, ForeignKey, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from cms.crud.fields import choice, now, text, utc_now
from cms.crud.models import Base

BEARER_LIFETIME = timedelta(hours=12)
"""A working day: there is no refreshing, and a lost token ends with it (or at once, with the session)."""
BROWSER_IDLE = timedelta(hours=12)
"""How long a browser stays signed in without a request."""
BROWSER_LIFETIME = timedelta(days=7)
"""How long it stays signed in at all."""
RENEWAL = timedelta(minutes=5)
"""A session is prolonged only when that gains at least this much, so that most requests write nothing."""

MOST_DEVICES = 100
"""How many of a user's sessions are listed."""
_USER_AGENT_LENGTH = 200


class SessionKind(StrEnum):
    """How the session is carried: by a token in the Authorization header, or by a browser's cookie."""

    BEARER = "bearer"
    BROWSER = "browser"


class UserSession(Base):
    """One device on which a user is signed in."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[SessionKind] = choice(SessionKind)
    secret_hash: Mapped[str | None] = text(64, unique=True)
    """SHA-256 of the cookie's secret, so that a copy of the table signs nobody in; None for tokens."""
    user_agent: Mapped[str] = text(_USER_AGENT_LENGTH, default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class OpenedSession(NamedTuple):
    """A session that was just opened.

    :param secret: what the cookie has to hold; empty for a bearer session. It is not kept anywhere.
    """

    id: UUID
    secret: str
    expires_at: datetime


class Device(NamedTuple):
    """A session that goes on.

    :param seen_at: when it was in use, to within `RENEWAL`; None where nothing tells.
    """

    id: UUID
    kind: SessionKind
    user_agent: str
    created_at: datetime
    seen_at: datetime | None


async def open_session(session: AsyncSession, user_id: UUID, kind: SessionKind, user_agent: str = "") -> OpenedSession:
    """Sign a user in on one device; the caller has checked who it is. Expired sessions go.

    :param session: the unit of work; it is flushed, not committed.
    :param user_agent: what the device calls itself, for the list of the user's sessions; shortened.
    """
    time = utc_now()
    expired = delete(UserSession).where(UserSession.user_id == user_id, UserSession.expires_at <= time)
    await session.execute(expired)
    is_browser = kind is SessionKind.BROWSER
    secret = secrets.token_urlsafe(32) if is_browser else ""
    opened = UserSession(
        user_id=user_id,
        kind=kind,
        secret_hash=hash_secret(secret) if is_browser else None,
        user_agent="".join(filter(str.isprintable, user_agent))[:_USER_AGENT_LENGTH],
        created_at=time,
        expires_at=time + (BROWSER_IDLE if is_browser else BEARER_LIFETIME),
    )
    session.add(opened)
    await session.flush()
    return OpenedSession(opened.id, secret, opened.expires_at)


def renewed_expiry(created_at: datetime, expires_at: datetime) -> datetime | None:
    """When a browser's session in use should end from now on; None where that gains too little."""
    end = min(utc_now() + BROWSER_IDLE, created_at + BROWSER_LIFETIME)
    return end if end - expires_at >= RENEWAL else None


async def renew_session(session: AsyncSession, session_id: UUID) -> None:
    """Prolong a browser's session that is in use; does nothing where it is gone or not yet due."""
    found = await session.get(UserSession, session_id, with_for_update=True)  # it may be ended from elsewhere
    if found is not None and (end := renewed_expiry(found.created_at, found.expires_at)):
        found.expires_at = end
        await session.flush()


async def close_session(session: AsyncSession, session_id: UUID) -> None:
    """Sign one device out."""
    await session.execute(delete(UserSession).where(UserSession.id == session_id))


async def close_sessions_of(session: AsyncSession, user_id: UUID, *, except_: UUID | None = None) -> None:
    """Sign a user out everywhere.

    :param except_: the session that stays, if any: the one in which users change their own password.
    """
    statement = delete(UserSession).where(UserSession.user_id == user_id)
    if except_ is not None:
        statement = statement.where(UserSession.id != except_)
    await session.execute(statement)


async def close_session_of(session: AsyncSession, user_id: UUID, session_id: UUID) -> None:
    """Sign one device of a user out; does nothing where it is signed out already, or is somebody else's."""
    mine = UserSession.user_id == user_id, UserSession.id == session_id
    await session.execute(delete(UserSession).where(*mine))


def open_sessions(connection: Connection, user_id: UUID | None) -> list[Device]:
    """The devices on which a user is signed in, the latest first."""
    columns = UserSession.id, UserSession.kind, UserSession.user_agent, UserSession.created_at, UserSession.expires_at
    mine = UserSession.user_id == user_id, UserSession.expires_at > now()
    rows = connection.execute(select(*columns).where(*mine).order_by(UserSession.id.desc()).limit(MOST_DEVICES))
    return [Device(row.id, row.kind, row.user_agent, row.created_at, _last_seen(row)) for row in rows]


def last_seen(connection: Connection, user_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When users were last seen, as far as their sessions tell; without those who have none left.

    A token tells when it was made. A browser tells to within `RENEWAL`; on the last day that its session can have, when
    it was seen at the earliest.
    """
    latest = func.max(UserSession.created_at).label("created_at"), func.max(UserSession.expires_at).label("expires_at")
    statement = select(UserSession.user_id, UserSession.kind, *latest).where(UserSession.user_id.in_(user_ids))
    seen: dict[UUID, datetime] = {}
    for row in connection.execute(statement.group_by(UserSession.user_id, UserSession.kind)):
        time = row.created_at if row.kind is SessionKind.BEARER else row.expires_at - BROWSER_IDLE
        seen[row.user_id] = max(time, seen.get(row.user_id, time))
    return seen


def _last_seen(row: Any) -> datetime | None:
    """When a browser's session was prolonged last, which each use does that gains enough."""
    if row.kind is SessionKind.BEARER or row.expires_at >= row.created_at + BROWSER_LIFETIME:
        return None
    seen: datetime = row.expires_at - BROWSER_IDLE
    return seen


def hash_secret(secret: str) -> str:
    """What the table keeps of a cookie's secret; a random one of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
