"""Access tokens: a signed pointer to a session, and nothing else. Whoever ends the session ends the token."""

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import jwt
from jwt.types import Options

from cms.crud.fields import utc_now

AUDIENCE = "masthead:access"
ALGORITHM = "HS256"
LONGEST = 4096
"""The most characters of a token that is looked at; ours have about 300."""

_LEEWAY = 10
"""Seconds by which the clocks of two servers may differ."""
_STRICTLY: Options = {"strict_aud": True, "require": ["sub", "sid", "aud", "iat", "exp"]}


class Claims(NamedTuple):
    """What a token says: whose session it is, and which."""

    user_id: UUID
    session_id: UUID


class Tokens:
    """Writes and reads access tokens.

    :param secret: the installation's secret; the key is derived from it, for this purpose alone.
    """

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), AUDIENCE.encode(), hashlib.sha256)

    def write(self, claims: Claims, expires_at: datetime) -> str:
        """The token of a session, valid at most until `expires_at`."""
        return self._sign(
            {
                "sub": str(claims.user_id),
                "sid": str(claims.session_id),
                "aud": AUDIENCE,
                "iat": int(utc_now().timestamp()),
                "exp": int(expires_at.timestamp()),
            }
        )

    def read(self, token: str) -> Claims | None:
        """What a token says; None unless it is, character for character, one that we wrote and still valid.

        Comparing it with what we would write leaves no room for a second algorithm, for headers that name
        keys (`kid`, `jku`, `jwk`, `x5u`, `crit`), or for another spelling of the same signature.
        """
        if len(token) > LONGEST:
            return None
        try:
            claims = jwt.decode(token, self._key, [ALGORITHM], options=_STRICTLY, audience=AUDIENCE, leeway=_LEEWAY)
            if not hmac.compare_digest(self._sign(claims).encode(), token.encode()):
                return None
            return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            return None

    def _sign(self, claims: dict[str, object]) -> str:
        return jwt.encode(claims, self._key, ALGORITHM)
