"""Throw-away databases: files in a scratch folder, and databases of a PostgreSQL server where one is named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from pydantic_settings import BaseSettings
from sqlalchemy import URL, make_url


class Servers(BaseSettings, env_prefix="CMS_"):
    """Where databases may be made.

    :param bench_postgres_url: of a database to connect to first; its user has to be allowed to create others.
    """

    bench_postgres_url: str | None = None
    test_postgres_url: str | None = None

    @property
    def postgres_url(self) -> str | None:
        """The one for benchmarks, else the one for tests."""
        return self.bench_postgres_url or self.test_postgres_url


@asynccontextmanager
async def new_database(kind: str, name: str, scratch: Path) -> AsyncIterator[str]:
    """The URL of an empty database, gone afterwards.

    :param kind: `sqlite` or `postgresql`.
    :param scratch: where SQLite's files go.
    """
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{scratch / name}.db"
        return
    server = make_url(Servers().postgres_url or "")
    database = f"cms_bench_{name}_{uuid4().hex[:8]}"
    await _execute(server, f"CREATE DATABASE {database}")
    try:
        yield server.set(database=database).render_as_string(hide_password=False)
    finally:
        await _execute(server, f"DROP DATABASE {database} WITH (FORCE)")


async def _execute(server: URL, statement: str) -> None:
    connection: Any = await asyncpg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
