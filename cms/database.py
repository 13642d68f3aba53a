"""Engines, the unit of work, and the one way to read.

Writes run in a session, one transaction each: on SQLite it begins IMMEDIATE, over the one writing connection of the
process, so that writers queue instead of failing. Reads are plain functions over a connection, in a read-only snapshot
that never waits for a writer. On PostgreSQL they run on the driver's own loop; on SQLite in one hop to a thread, or,
where they are known to be small, on the event loop within a budget.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import thread_time
from typing import Any, Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.util import greenlet_spawn

from cms.outages import make_folder, told_plainly

P = ParamSpec("P")
R = TypeVar("R")

BUSY_TIMEOUT = 5.0
"""Seconds that a writer waits for another process to finish its transaction."""
POOL_TIMEOUT = 5.0
READERS = 8
"""Connections that may read at once, on PostgreSQL."""
THREADS = 4
"""Threads that may read at once, on SQLite; each holds a connection and its cache."""
CACHE = 2_000
"""KiB of pages that a connection to SQLite keeps, which is its own default."""
SMALL_CACHE = 512
"""KiB, for connections of which there are several: what they read is large and soon gone from any cache, and what all
of them read the system keeps once."""
BUDGET = 0.005
"""Seconds of work for which a small read may hold the event loop, on SQLite, before it is handed to a thread."""

_STEPS = 4_000
"""Of SQLite's machine, between two looks at the clock: well below a millisecond for all but scans of long texts."""
POSTGRES_WAITS: dict[str, Any] = {
    "pool_timeout": POOL_TIMEOUT,
    "connect_args": {"timeout": 5, "command_timeout": 30},
}
"""How many seconds PostgreSQL may take: to lend a connection, to open one, to answer a statement."""


class Database:
    """The database of an application.

    :param url: `sqlite+aiosqlite:///path` or `postgresql+asyncpg://…`.
    :param echo: whether to log every statement.
    """

    def __init__(self, url: str, *, echo: bool = False) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._create_writer(echo)
        self.read_engine = self._create_reader(echo)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._reads = _SqliteReads(self.url, echo) if self.is_sqlite else _PostgresReads(self.url, echo)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """One unit of work: committed when the block ends, rolled back when it raises.

        :raises DatabaseUnavailable: if the database does not answer, is locked or full.
        """
        with told_plainly():
            async with self.sessions() as session, session.begin():
                yield session

    async def read(self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that reads, over a connection with one consistent snapshot.

        :param function: takes the connection first; must not write.
        :raises DatabaseUnavailable: if the database does not answer.
        """
        with told_plainly():
            return await self._reads.run(lambda connection: function(connection, *args, **kwargs))

    async def read_soon(
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a function of one statement or so, which does nothing else, with as little around it as can be.

        :param function: takes the connection first. On SQLite it has one snapshot, and is started anew in a thread
            once its budget is spent; on PostgreSQL each statement has its own snapshot.
        :raises DatabaseUnavailable: if the database does not answer.
        """
        with told_plainly():
            return await self._reads.run_soon(lambda connection: function(connection, *args, **kwargs))

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        if self.read_engine is not self.engine:
            await self.read_engine.dispose()
        await self._reads.dispose()

    def _create_writer(self, echo: bool) -> AsyncEngine:
        if not self.is_sqlite:
            return create_async_engine(
                self.url,
                echo=echo,
                hide_parameters=True,
                pool_pre_ping=True,
                pool_size=5,
                max_overflow=10,
                **POSTGRES_WAITS,
            )
        make_folder(self.url.database or "")
        engine = create_async_engine(
            self.url,
            echo=echo,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=1,
            max_overflow=0,
            pool_timeout=2 * BUSY_TIMEOUT,
        )
        _prepare_sqlite(engine.sync_engine, "BEGIN IMMEDIATE")
        return engine

    def _create_reader(self, echo: bool) -> AsyncEngine:
        if not self.is_sqlite:
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            return self.engine.execution_options(**snapshot)
        engine = create_async_engine(
            self.url,
            echo=echo,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=4,
            pool_timeout=POOL_TIMEOUT,
        )
        _prepare_sqlite(engine.sync_engine, "BEGIN", read_only=True, cache=SMALL_CACHE)
        return engine


class _SqliteReads:
    """Reads of an SQLite file: at once on the event loop while they are quick, in a thread otherwise."""

    def __init__(self, url: URL, echo: bool) -> None:
        self._quick = _create_sqlite_reader(url, echo, pool_size=1, cache=CACHE)
        self._patient = _create_sqlite_reader(url, echo, pool_size=THREADS, cache=SMALL_CACHE)
        self._limiter: CapacityLimiter | None = None
        self._deadline = 0.0
        event.listen(self._quick, "connect", self._limit)

    async def run(self, function: Callable[[Connection], R]) -> R:
        if self._limiter is None:
            self._limiter = CapacityLimiter(THREADS)
        return await to_thread.run_sync(_run, self._patient, function, limiter=self._limiter)

    async def run_soon(self, function: Callable[[Connection], R]) -> R:
        self._deadline = thread_time() + BUDGET
        try:
            return _run(self._quick, function)
        except (OperationalError, sqlite3.OperationalError) as error:  # the bare one is that of BEGIN
            driver_error = getattr(error, "orig", error)
            if getattr(driver_error, "sqlite_errorcode", None) not in {sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY}:
                raise
        return await self.run(function)

    async def dispose(self) -> None:
        self._quick.dispose()
        self._patient.dispose()

    def _limit(self, connection: Any, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.set_progress_handler(lambda: thread_time() > self._deadline, _STEPS)


class _PostgresReads:
    """Reads of a PostgreSQL database, over connections of their own, so that readers never keep writers waiting."""

    def __init__(self, url: URL, echo: bool) -> None:
        engine = create_async_engine(
            url,
            echo=echo,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            pool_size=READERS,
            max_overflow=0,
            **POSTGRES_WAITS,
        )
        event.listen(engine.sync_engine, "connect", _allow_only_reading)
        self._statements = engine
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def run(self, function: Callable[[Connection], R]) -> R:
        return await _retried(self._snapshots, function)

    async def run_soon(self, function: Callable[[Connection], R]) -> R:
        return await _retried(self._statements, function)

    async def dispose(self) -> None:
        await self._statements.dispose()


async def _retried(engine: AsyncEngine, function: Callable[[Connection], R]) -> R:
    """Run a function that reads; anew where its connection is gone, since none is asked first if it still stands."""
    try:
        return await greenlet_spawn(_run, engine.sync_engine, function)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return await greenlet_spawn(_run, engine.sync_engine, function)


def _allow_only_reading(connection: Any, _: object) -> None:
    connection.run_async(lambda driver: driver.execute("SET default_transaction_read_only = on"))


def _create_sqlite_reader(url: URL, echo: bool, *, pool_size: int, cache: int) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite"),
        echo=echo,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    _prepare_sqlite(engine, "BEGIN", read_only=True, cache=cache)
    return engine


def _run(engine: Engine, function: Callable[[Connection], R]) -> R:
    with engine.connect() as connection:
        return function(connection)


def _prepare_sqlite(engine: Engine, begin: str, *, read_only: bool = False, cache: int = CACHE) -> None:
    """Make SQLite a real database: write-ahead log, foreign keys, waiting instead of failing, honest transactions."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # or the driver would begin and commit on its own
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {int(BUSY_TIMEOUT * 1000)}",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "foreign_keys = ON",
            "case_sensitive_like = ON",
            f"query_only = {int(read_only)}",
            f"cache_size = -{cache}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        if read_only:  # takes no lock and can't fail, so it needs none of SQLAlchemy's care
            connection.connection.cursor().execute(begin)
        else:
            connection.exec_driver_sql(begin)


def _lower(text: str | None) -> str | None:
    """SQLite's own `lower` knows ASCII alone; PostgreSQL's knows every alphabet."""
    return text.lower() if isinstance(text, str) else text
