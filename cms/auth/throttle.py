"""Counting attempts, so that nobody can try without end: in Redis where there is one, else in here."""

import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from anyio import fail_after
from limits.aio.storage import MemoryStorage, Storage
from loguru import logger

from cms.crud.problems import TooManyRequests

if TYPE_CHECKING:
    from cms.auth.redis import Redis

R = TypeVar("R")

LONGEST_CALL = 0.5
"""Seconds that a count may take in Redis, before this process counts alone."""
_PAUSE = 5.0
_SILENCE = 60.0


class Limit(NamedTuple):
    """How often something may be done: `times` within `seconds`, counted from the first time."""

    times: int
    seconds: int


class Throttle:
    """Counts what was done under a key, and says when it was too often.

    A Redis that is down or hangs never stops anybody's work: this process then counts alone, tries Redis
    again every few seconds and logs it once a minute. Keys are stored hashed: they hold people's addresses.

    :param redis_url: `redis://…`, `rediss://…` or `unix://…`, shared by all processes; None counts in here.
    """

    def __init__(self, redis_url: str | None) -> None:
        self._local: Storage = MemoryStorage()
        self._redis = _redis(redis_url) if redis_url else None
        known: tuple[type[Exception], ...] = self._redis.failures if self._redis is not None else ()
        self._failures: tuple[type[Exception], ...] = (*known, OSError, TimeoutError)
        self._retry_at = 0.0
        self._logged_at = -math.inf

    async def hit(self, key: str, limit: Limit) -> int | None:
        """Count one attempt.

        :returns: None if it is within the limit; otherwise the whole seconds after which to try again.
        """
        return await self._do(lambda storage: _count(storage, _digest(key, limit), limit))

    async def check(self, key: str, limit: Limit) -> None:
        """Count one attempt that has to be within the limit.

        :raises TooManyRequests: if it is not.
        """
        retry_after = await self.hit(key, limit)
        if retry_after is not None:
            detail = f"That was tried too often. Wait {retry_after} seconds, then try again."
            raise TooManyRequests(detail, retry_after=retry_after)

    async def give_back(self, key: str, limit: Limit) -> None:
        """Take one attempt back that turned out to be none, such as a sign-in that succeeded."""
        await self._do(lambda storage: storage.incr(_digest(key, limit), limit.seconds, -1))

    async def reset(self, key: str, limit: Limit) -> None:
        """Forget every attempt under the key."""
        await self._do(lambda storage: storage.clear(_digest(key, limit)))

    async def reaches_redis(self) -> bool:
        """Whether Redis answers; it does where there is none."""
        return self._redis is None or await self._redis.answers()

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._redis is not None:
            await self._redis.close()

    async def _do(self, call: Callable[[Storage], Awaitable[R]]) -> R:
        if self._redis is not None and time.monotonic() >= self._retry_at:
            try:
                with fail_after(LONGEST_CALL):
                    return await call(self._redis.storage)
            except self._failures as error:
                self._count_alone(error)
        return await call(self._local)

    def _count_alone(self, error: Exception) -> None:
        now = time.monotonic()
        self._retry_at = now + _PAUSE
        if now >= self._logged_at + _SILENCE:
            self._logged_at = now
            reason = type(error).__name__  # its text may hold the address, and the address a password
            logger.warning("Redis does not answer ({}); attempts are counted in this process alone.", reason)


def _redis(url: str) -> "Redis":
    """Redis, whose client takes 7 MB of a process: only those who have one pay for it."""
    redis: Redis = import_module("cms.auth.redis").Redis(url)
    return redis


async def _count(storage: Storage, key: str, limit: Limit) -> int | None:
    if await storage.incr(key, limit.seconds) <= limit.times:
        return None
    return max(1, math.ceil(await storage.get_expiry(key) - time.time()))


def _digest(key: str, limit: Limit) -> str:
    text = f"{limit.times}/{limit.seconds}/{key}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
