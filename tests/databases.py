"""Databases for tests: their tables are made once in a session, and every test gets them empty."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import asyncpg
from sqlalchemy import URL, MetaData, make_url

from cms.database import Database

Build = Callable[[str], None]
"""Makes the tables in the empty database at a URL."""


class Server(Protocol):
    """Where databases come from."""

    def empty(self, name: str, build: Build) -> str:
        """The URL of a database with the tables that `build` makes, and no rows.

        :param name: tells databases of different tables apart.
        """

    def close(self) -> None:
        """Leave nothing behind."""


class Sqlite:
    """Copies a file that holds the tables.

    :param directory: where the files go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._copies = 0

    def empty(self, name: str, build: Build) -> str:
        template = self._directory / f"{name}.db"
        if not template.exists():
            build(f"sqlite+aiosqlite:///{template}")
        self._copies += 1
        copy = self._directory / f"{name}-{self._copies}.db"
        shutil.copyfile(template, copy)
        return f"sqlite+aiosqlite:///{copy}"

    def close(self) -> None:
        """Nothing: pytest clears its temporary directories away."""


class PostgreSQL:
    """Creates a throw-away database for each set of tables, and empties what a test has filled.

    :param url: of a database to connect to first; its user has to be a superuser.
    :param worker: tells the processes of one test run apart.
    """

    def __init__(self, url: str, worker: str) -> None:
        self._url = make_url(url)
        self._suffix = f"{worker}_{uuid4().hex[:8]}"
        self._names: dict[str, str] = {}
        self._runner = asyncio.Runner()

    def empty(self, name: str, build: Build) -> str:
        if name not in self._names:
            self._names[name] = f"cms_test_{name}_{self._suffix}"
            self._runner.run(self._execute(self._url, f"CREATE DATABASE {self._names[name]}"))
            # Nobody cuts its power: waiting for the disk at every commit would take half of the suite's time.
            self._runner.run(
                self._execute(self._url, f"ALTER DATABASE {self._names[name]} SET synchronous_commit = off")
            )
            build(self._shown(self._url_of(name)))
        else:
            self._runner.run(self._clear(self._url_of(name)))
        return self._shown(self._url_of(name))

    def close(self) -> None:
        for name in self._names.values():
            self._runner.run(self._execute(self._url, f"DROP DATABASE {name} WITH (FORCE)"))
        self._runner.close()

    def _url_of(self, name: str) -> URL:
        return self._url.set(database=self._names[name])

    async def _clear(self, url: URL) -> None:
        """Delete all rows, whatever refers to them: truncating makes new files for every table and index."""
        connection = await _connect(url)
        try:
            tables = [row["tablename"] for row in await connection.fetch(_TABLES)]
            deletions = "; ".join(f'DELETE FROM "{table}"' for table in tables)  # noqa: S608 - names of tables
            await connection.execute(f"SET session_replication_role = replica; {deletions}")
        finally:
            await connection.close()

    async def _execute(self, url: URL, statement: str) -> None:
        connection = await _connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @staticmethod
    def _shown(url: URL) -> str:
        return url.render_as_string(hide_password=False)


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


async def _connect(url: URL) -> Any:
    return await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))


def create_tables(metadata: MetaData) -> Build:
    """Tables straight from their declarations, for those that no migration makes."""

    async def create(url: str) -> None:
        database = Database(url)
        async with database.engine.begin() as connection:
            if not database.is_sqlite:
                await connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            await connection.run_sync(metadata.create_all)
        await database.dispose()

    return lambda url: asyncio.run(create(url))
