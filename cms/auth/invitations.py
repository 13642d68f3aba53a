"""Invitations: a link by which one person makes the account that an administrator offers, once, until it expires.

It ends with the right of who sent it, too. Of its token only a hash is kept, so that a copy of the table opens nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, CursorResult, ForeignKey, Row, delete, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from cms.auth.accounts import create_user
from cms.auth.sessions import OpenedSession, SessionKind, hash_secret, open_session
from cms.auth.users import EMAIL_LENGTH, User, UserService, is_email, normalise_email, user
from cms.crud.fields import choice, now, text, utc_now
from cms.crud.models import Base
from cms.crud.policy import SYSTEM, Action, Role
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound
from cms.crud.service import UnitOfWork

LIFETIMES = {1: "1 day", 7: "7 days", 30: "30 days"}
"""How long an invitation may be accepted, in days."""
USUAL_LIFETIME = 7
ROLES = (Role.AUTHOR, Role.EDITOR, Role.ADMIN)
"""Whom one invites: readers register themselves."""
LONGEST_TOKEN = 100
"""The most characters of a token that is looked at; ours have 43."""

_REMEMBERED = timedelta(days=30)
"""How long it can be said of an invitation that it has expired, and not only that there is none."""


class Invitation(Base):
    """The offer of an account, to one e-mail address and in one role."""

    __tablename__ = "invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str] = text(EMAIL_LENGTH, index=True)
    role: Mapped[Role] = choice(Role)
    inviter_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = text(64, unique=True)
    """SHA-256 of the token; one of 256 random bits needs no slow hash."""
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class MadeInvitation(NamedTuple):
    """An invitation that was just made.

    :param token: what its address ends in. It is not kept anywhere.
    """

    id: UUID
    email: str
    role: Role
    token: str
    expires_at: datetime


async def invite(work: UnitOfWork, email: str, role: Role, lifetime: timedelta) -> MadeInvitation:
    """Offer an account; whatever was offered to that address before can't be accepted any more.

    :raises Forbidden: for who may not make accounts.
    :raises Invalid: for what is no e-mail address, or a role that nobody is invited to.
    :raises Conflict: if the address has an account.
    """
    UserService(work, user).require(Action.CREATE, None)
    address = normalise_email(email)
    if errors := _errors_of(address, role, work.actor.role):
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
    time, token = utc_now(), secrets.token_urlsafe(32)
    if (await work.session.execute(select(User.id).where(User.email == address))).first() is not None:
        detail = f"“{address}” has an account already; change its role on the list of users."
        raise Conflict(detail, errors=[FieldError(detail, "/email")])
    await work.session.execute(delete(Invitation).where(Invitation.expires_at < time - _REMEMBERED))
    earlier = Invitation.email == address, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
    await work.session.execute(update(Invitation).where(*earlier).values(revoked_at=time))
    made = Invitation(
        email=address,
        role=role,
        inviter_id=work.actor.id,
        secret_hash=hash_secret(token),
        created_at=time,
        expires_at=time + lifetime,
    )
    work.session.add(made)
    await work.session.flush()
    return MadeInvitation(made.id, address, role, token, made.expires_at)


async def revoke_invitation(work: UnitOfWork, invitation_id: UUID) -> None:
    """Have an invitation be none from now on.

    :raises NotFound: if nobody can accept it anyway. :raises Forbidden: for who may not make accounts.
    """
    UserService(work, user).require(Action.CREATE, None)
    still = Invitation.id == invitation_id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
    result = await work.session.execute(update(Invitation).where(*still).values(revoked_at=utc_now()))
    assert isinstance(result, CursorResult)  # noqa: S101 - as an UPDATE has it
    if result.rowcount == 0:
        raise NotFound("There is no such invitation; it may have been accepted or revoked meanwhile.")


def open_invitations(connection: Connection) -> Sequence[Any]:
    """The invitations that wait for an answer, the newest first, each with the name of who sent it."""
    columns = (
        Invitation.id,
        Invitation.email,
        Invitation.role,
        Invitation.created_at,
        Invitation.expires_at,
        User.name.label("inviter"),
    )
    statement = select(*columns).join(User, User.id == Invitation.inviter_id).where(*_OPEN)
    return connection.execute(statement.order_by(Invitation.id.desc()).limit(200)).all()


def find_invitation(connection: Connection, token: str) -> Row[Any]:
    """The invitation of a token, which can be accepted now.

    :raises NotFound: saying why there is none.
    """
    columns = (
        *Invitation.__table__.columns,
        User.name.label("inviter"),
        _MAY_INVITE.label("stands"),
        now().label("time"),
    )
    statement = select(*columns).join(User, User.id == Invitation.inviter_id)
    short = token[:LONGEST_TOKEN]
    found = connection.execute(statement.where(Invitation.secret_hash == hash_secret(short))).one_or_none()
    if found is None or len(token) > LONGEST_TOKEN:
        raise NotFound("There is no invitation at this address. Copy the whole link, or ask for another one.")
    if found.accepted_at is not None:
        raise NotFound("This invitation was accepted already, and works once. Sign in with the password chosen then.")
    if found.revoked_at is not None or not found.stands:
        raise NotFound("This invitation was withdrawn. Ask who sent it for another one.")
    if found.expires_at <= found.time:
        raise NotFound("This invitation has expired. Ask who sent it for another one.")
    return found


async def accept(work: UnitOfWork, found: Row[Any], name: str, password: str, user_agent: str) -> OpenedSession:
    """Make the account that was offered, and sign it in: of several who try at once, one does.

    :param work: a unit of work that has not begun to write. :param found: what `find_invitation` found.
    :raises NotFound: if it can't be accepted any more. :raises Problem: for a name or password that won't do.
    """
    # The account comes first, for its password is hashed before the transaction begins to write.
    made = await create_user(replace(work, actor=SYSTEM), found.email, found.role, password, name)
    claim = update(Invitation).where(Invitation.id == found.id, *_OPEN, _OF_ADMIN).values(accepted_at=utc_now())
    result = await work.session.execute(claim.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)  # noqa: S101 - as an UPDATE has it
    if result.rowcount != 1:
        raise NotFound("This invitation can't be accepted any more: it was accepted, withdrawn, or has expired.")
    return await open_session(work.session, made.id, SessionKind.BROWSER, user_agent)


def _errors_of(email: str, role: Role, own: Role) -> list[FieldError]:
    errors = [] if is_email(email) else [FieldError("This is no e-mail address, such as ada@example.org.", "/email")]
    if role not in ROLES or not own.at_least(role):
        errors.append(FieldError("Invite an author, an editor or an administrator.", "/role"))
    return errors


_MAY_INVITE = (User.role == Role.ADMIN) & User.is_active
"""Whether who sent it could still send it."""
_OF_ADMIN = exists().where(User.id == Invitation.inviter_id, _MAY_INVITE)
_OPEN = Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > now()
