"""Counting attempts, so that nobody can try without end: in Redis where there is one, else in here."""

import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from anyio import fail_after
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from loguru import logger
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from cms.crud.problems import TooManyRequests

R = TypeVar("R")

_SOCKET_TIMEOUT = 0.2
_LONGEST_CALL = 0.5
_PAUSE = 5.0
_SILENCE = 60.0
_FAILURES = (RedisError, OSError, TimeoutError)


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
        self._pool = _pool(redis_url) if redis_url else None
        self._shared = _shared(self._pool) if self._pool is not None else None
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

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._pool is not None:
            await self._pool.aclose()

    async def _do(self, call: Callable[[Storage], Awaitable[R]]) -> R:
        if self._shared is not None and time.monotonic() >= self._retry_at:
            try:
                with fail_after(_LONGEST_CALL):
                    return await call(self._shared)
            except _FAILURES as error:
                self._count_alone(error)
        return await call(self._local)

    def _count_alone(self, error: Exception) -> None:
        now = time.monotonic()
        self._retry_at = now + _PAUSE
        if now >= self._logged_at + _SILENCE:
            self._logged_at = now
            reason = type(error).__name__  # its text may hold the address, and the address a password
            logger.warning("Redis does not answer ({}); attempts are counted in this process alone.", reason)


def _pool(redis_url: str) -> ConnectionPool:
    return ConnectionPool.from_url(
        redis_url,
        socket_timeout=_SOCKET_TIMEOUT,
        socket_connect_timeout=_SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 0),
        max_connections=50,
    )


def _shared(pool: ConnectionPool) -> Storage:
    return RedisStorage(
        "async+redis://",  # the pool knows where
        implementation="redispy",
        key_prefix="masthead:throttle",
        connection_pool=pool,  # type: ignore[arg-type]  # typed for plain options; a pool is documented
    )


async def _count(storage: Storage, key: str, limit: Limit) -> int | None:
    if await storage.incr(key, limit.seconds) <= limit.times:
        return None
    return max(1, math.ceil(await storage.get_expiry(key) - time.time()))


def _digest(key: str, limit: Limit) -> str:
    text = f"{limit.times}/{limit.seconds}/{key}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
