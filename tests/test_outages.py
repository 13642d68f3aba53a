"""Failures of the database are told to people in words; those of a request are left alone."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import Connection, make_url, select, text
from sqlalchemy.exc import DBAPIError

from cms.database import Database
from cms.outages import SERVER_GONE, DatabaseUnavailable, explain
from tests.conftest import POSTGRES_URL
from tests.installation import Installation

NO_DATABASE = "There is no database of that name on the server; create it, or check CMS_DATABASE_URL."
REFUSED = "The database refuses the user or the password of CMS_DATABASE_URL."
NO_ANSWER = "The database does not answer. Try again in a moment."
NOT_MIGRATED = "The database has not been migrated; run “cms migrate”."
TOLD_APART = {
    **dict.fromkeys(SERVER_GONE, NO_ANSWER),
    "DeadlockDetectedError": "Two changes waited for each other. Nothing was saved; try again in a moment.",
    "UndefinedTableError": NOT_MIGRATED,
    "InvalidCatalogNameError": NO_DATABASE,
    "InvalidPasswordError": REFUSED,
    "InvalidAuthorizationSpecificationError": REFUSED,
}
"""Errors of asyncpg, which are recognised by their names, and what people are told."""


async def told(url: str) -> str:
    database = Database(url)
    try:
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.read(lambda connection: connection.execute(select(1)).scalar())
        with pytest.raises(DatabaseUnavailable):
            async with database.session() as session:
                await session.execute(select(1))
    finally:
        await database.dispose()
    return str(refused.value)


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"no database at all, " * 400)
    assert await told(f"sqlite+aiosqlite:///{tmp_path}/junk.db") == (
        "The file of the database is no SQLite database; check CMS_DATABASE_URL."
    )


@pytest.mark.usefixtures("postgresql")
async def test_a_database_that_is_not_there() -> None:
    url = make_url(str(POSTGRES_URL)).set(database="nowhere_at_all")
    assert await told(url.render_as_string(hide_password=False)) == NO_DATABASE


async def test_a_folder_that_can_not_be_made() -> None:
    with pytest.raises(DatabaseUnavailable, match="can't be opened"):
        Database("sqlite+aiosqlite:////proc/nowhere/cms.db")


async def test_tables_that_are_not_there(installation: Installation) -> None:
    def ask(connection: Connection) -> None:
        connection.execute(text("SELECT 1 FROM articles_of_nobody"))

    with pytest.raises(DatabaseUnavailable, match="has not been migrated"):
        await installation.database.read(ask)


def test_a_failure_of_the_request_is_not_the_databases() -> None:
    assert explain(ValueError("full")) is None


def as_sqlalchemy_raises_it(error: Exception) -> DBAPIError:
    cause = RuntimeError(str(error))
    cause.__cause__ = error
    return DBAPIError("SELECT 1", {}, cause)


@pytest.mark.parametrize("name", sorted(TOLD_APART))
def test_the_driver_still_calls_its_errors_so(name: str) -> None:
    """Raised by itself, and as SQLAlchemy raises it."""
    error = getattr(asyncpg, name)("x")
    assert explain(error) == TOLD_APART[name]
    assert explain(as_sqlalchemy_raises_it(error)) == TOLD_APART[name]


def test_what_the_driver_calls_misuse_is_an_outage_and_its_other_errors_are_not() -> None:
    """A connection that is gone is used no more: an InterfaceError. A row that is there twice is the request's."""
    assert explain(asyncpg.InterfaceError("the connection is closed")) == NO_ANSWER
    assert explain(asyncpg.ConnectionDoesNotExistError("x")) == NO_ANSWER, "a kind of PostgresConnectionError"
    assert explain(asyncpg.UniqueViolationError("x")) is None
    assert explain(as_sqlalchemy_raises_it(asyncpg.UniqueViolationError("x"))) is None
    pretender = type("AdminShutdownError", (Exception,), {})
    assert explain(pretender("x")) is None, "of another module"


async def test_what_a_user_typed_is_not_taken_for_a_failure(installation: Installation) -> None:
    def ask(connection: Connection) -> None:
        connection.execute(text("SELECT 'the disk is full and locked' FROM"))

    with pytest.raises(DBAPIError):
        await installation.database.read(ask)


def test_being_asked_to_stop_is_no_failure(tmp_path: Path) -> None:
    """R23: SIGTERM ends a server with exit code 0."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": "/usr/bin:/bin", "CMS_LOG_DIRECTORY": "", "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [str(Path(sys.executable).parent / "cms"), "serve", "--port", str(port)]
    serving = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603 - our own command
    for _ in range(150):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    serving.send_signal(signal.SIGTERM)
    said, _ = serving.communicate(timeout=20)
    assert serving.returncode == 0, said.decode()
