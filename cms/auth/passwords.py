"""Passwords at rest: argon2id, in a bounded number of threads, with the same work for every wrong answer.

A hash takes 64 MiB and a tenth of a second. Run in the event loop it stalls every reader; run without bound
it fills the memory. Strangers share one gate and those who are signed in another, so that a flood of sign-ins
makes strangers wait and not the transaction in which somebody changes a password.
"""

import os
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi_users.password import PasswordHelper
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from cms.auth.strength import LONGEST, normalise_password
from cms.crud.problems import Unavailable

MEMORY = 64 * 1024
"""KiB of memory that a hash takes (RFC 9106, second recommendation)."""
ROUNDS = 3
MOST_WAITING = 50
"""Strangers who may wait for their turn, a few seconds' worth; more are sent away."""

_STRANGERS: RunVar[CapacityLimiter] = RunVar("strangers")
_MEMBERS: RunVar[CapacityLimiter] = RunVar("members")


class Hasher:
    """Argon2id of a given cost; one lane, so that a hash keeps one core busy and leaves the rest to readers.

    :param memory: in KiB. :param rounds: passes over it.
    """

    def __init__(self, memory: int = MEMORY, rounds: int = ROUNDS) -> None:
        argon2 = Argon2Hasher(time_cost=rounds, memory_cost=memory, parallelism=1)
        self._helper = PasswordHelper(PasswordHash((argon2,)))
        salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
        self._decoy = f"$argon2id$v=19$m={memory},t={rounds},p=1${salt}${digest}"

    def hash(self, password: str) -> str:
        """What to keep of a password."""
        return self._helper.hash(_storable(password))

    def verify(self, password: str, kept: str | None) -> "Verdict":
        """Whether the password is the one that `kept` was made of.

        Where there is no hash to compare with, the same work is done on a decoy: its time tells nothing.
        """
        is_hash = kept is not None and Argon2Hasher.identify(kept)
        compared = kept if kept is not None and is_hash else self._decoy
        is_right, better = self._helper.verify_and_update(_storable(password), compared)
        return Verdict(is_right and is_hash, better)


class Verdict(NamedTuple):
    """The result of comparing a password.

    :param better: a new hash to keep instead, where the old one was made at a lower cost.
    """

    is_right: bool
    better: str | None


HASHER = Hasher()


async def hash_password(password: str) -> str:
    """What to keep of a password whose strength was checked."""
    limiter = _limiter(_MEMBERS)
    return await to_thread.run_sync(HASHER.hash, normalise_password(password), limiter=limiter)


async def verify_password(password: str, kept: str | None) -> Verdict:
    """Whether the password is the one that `kept` was made of; None stands for nobody and takes as long.

    A password longer than any that is accepted is wrong without being hashed, whoever it is for.

    :raises Unavailable: if too many are waiting for their turn.
    """
    if len(password) > LONGEST:
        return Verdict(is_right=False, better=None)
    async with queue():
        return await to_thread.run_sync(HASHER.verify, normalise_password(password), kept)


@asynccontextmanager
async def queue() -> AsyncIterator[None]:
    """Wait for one's turn among strangers: for everything costly that anybody may ask for.

    :raises Unavailable: if too many are waiting already.
    """
    limiter = _limiter(_STRANGERS)
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise Unavailable("Too many people are signing in at this moment. Try again in a few seconds.", retry_after=5)
    async with limiter:
        yield


def generate_password() -> str:
    """A random password of 24 letters, digits, hyphens and underscores (144 bits)."""
    return secrets.token_urlsafe(18)


def _storable(password: str) -> str:
    """The password as text that has an encoding; a lone surrogate has none, and is nobody's password."""
    return password.encode("utf-8", "replace").decode()


def _limiter(variable: RunVar[CapacityLimiter]) -> CapacityLimiter:
    """The gate of this event loop."""
    limiter = variable.get(None)
    if limiter is None:
        limiter = CapacityLimiter(max(1, (os.cpu_count() or 1) // 2))
        variable.set(limiter)
    return limiter
