"""Who is asking: one statement from a token or a cookie to an actor, by the database's clock."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from cms.auth.sessions import SessionKind, UserSession, hash_secret, renewed_expiry
from cms.auth.tokens import Claims
from cms.auth.users import User
from cms.crud.fields import now
from cms.crud.policy import Actor

_OPEN = (
    select(
        User.id,
        User.role,
        User.name,
        User.time_zone,
        UserSession.id.label("session_id"),
        UserSession.created_at,
        UserSession.expires_at,
    )
    .join(UserSession, UserSession.user_id == User.id)
    .where(User.is_active, UserSession.expires_at > now())
)
_BEARER = _OPEN.where(
    UserSession.kind == SessionKind.BEARER,
    UserSession.id == bindparam("session_id"),
    UserSession.user_id == bindparam("user_id"),
)
_BROWSER = _OPEN.where(UserSession.kind == SessionKind.BROWSER, UserSession.secret_hash == bindparam("secret_hash"))


class Visit(NamedTuple):
    """A request of a signed-in browser.

    :param is_due: whether the session should be prolonged now, by `renew_session`.
    :param time_zone: the zone of the actor's clock, where they named one.
    """

    actor: Actor
    is_due: bool
    time_zone: str | None


def actor_of_bearer(connection: Connection, claims: Claims) -> Actor | None:
    """Whom an access token speaks for; None where the session has ended or the account may not sign in."""
    row = connection.execute(_BEARER, claims._asdict()).one_or_none()
    return None if row is None else _actor(row)


def actor_of_cookie(connection: Connection, secret: str) -> Visit | None:
    """Whom a browser's cookie speaks for; None where the session has ended or the account may not sign in."""
    row = connection.execute(_BROWSER, {"secret_hash": hash_secret(secret)}).one_or_none()
    if row is None:
        return None
    return Visit(_actor(row), renewed_expiry(row.created_at, row.expires_at) is not None, row.time_zone)


def _actor(row: Any) -> Actor:
    return Actor(row.id, row.role, row.name, row.session_id)
