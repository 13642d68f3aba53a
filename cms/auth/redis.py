"""Redis, where there is one: attempts are counted there, for all processes together.

Import this only where `CMS_REDIS_URL` names one: the client takes 7 MB of a process.
"""

from typing import ClassVar

from limits.aio.storage import RedisStorage, Storage
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

SOCKET_TIMEOUT = 0.2
"""Seconds that Redis may take to let somebody in, or to say something."""


class Redis:
    """A pool of connections to it, and what counts over them.

    :param url: `redis://…`, `rediss://…` or `unix://…`.
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (RedisError,)
    """What its client raises where it does not answer."""

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT,
            socket_connect_timeout=SOCKET_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            max_connections=50,
        )
        self.storage: Storage = RedisStorage(
            "async+redis://",  # the pool knows where
            implementation="redispy",
            key_prefix="masthead:throttle",
            connection_pool=self._pool,  # type: ignore[arg-type]  # typed for plain options; a pool is documented
        )

    async def answers(self) -> bool:
        """Whether it does."""
        return await self.storage.check()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()
