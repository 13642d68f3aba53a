"""Failures of the database, told from failures of a request, in words for people."""

import sqlite3
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class DatabaseUnavailable(Exception):
    """The database does not answer or can't write; nothing was changed. `str()` says why, for people."""


_NO_ANSWER = "The database does not answer. Try again in a moment."
_NOT_MIGRATED = "The database has not been migrated; run “cms migrate”."
_MESSAGES = {
    "locked": "The database is busy with another change. Nothing was saved; try again in a moment.",
    "deadlock": "Two changes waited for each other. Nothing was saved; try again in a moment.",
    "full": "The disk of the database is full. Nothing was saved; free some space and try again.",
    "readonly": "The database can't be written to. Nothing was saved; check the permissions of its file.",
    "unable to open": "The database can't be opened; check that its folder exists and may be written to.",
    "not a database": "The file of the database is no SQLite database; check CMS_DATABASE_URL.",
    "malformed": "The file of the database is damaged; restore a backup.",
    "no such table": _NOT_MIGRATED,
    "undefinedtable": _NOT_MIGRATED,
    "invalidcatalogname": "There is no database of that name on the server; create it, or check CMS_DATABASE_URL.",
    "invalidpassword": "The database refuses the user or the password of CMS_DATABASE_URL.",
    "invalidauthorization": "The database refuses the user or the password of CMS_DATABASE_URL.",
}
"""What the drivers say, by a sign of it, and what that means to people."""


def explain(error: BaseException) -> str | None:
    """What a failure of the database means to people; None where the failure is not the database's."""
    if isinstance(error, PoolTimeout):
        return "Too many requests wait for the database. Try again in a moment."
    cause = error.orig if isinstance(error, DBAPIError) else error
    driver_error = getattr(cause, "__cause__", None) or cause  # SQLAlchemy wraps what asyncpg raises
    # SQLite says it in words, asyncpg by the class: its words may hold what a user typed.
    text = (str(cause) if isinstance(cause, sqlite3.Error) else type(driver_error).__name__).lower()
    is_driver = isinstance(error, DBAPIError | sqlite3.Error) or _is_of_asyncpg(error, {"PostgresError"})
    for sign, message in _MESSAGES.items() if is_driver else ():
        if sign in text:
            return message
    return _NO_ANSWER if _is_gone(error) else None


def _is_gone(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        is_operational = isinstance(error, OperationalError) and not isinstance(error.orig, sqlite3.Error)
        says_so = _is_of_asyncpg(getattr(error.orig, "__cause__", None), SERVER_GONE)
        return error.connection_invalidated or is_operational or says_so
    return isinstance(error, TimeoutError | ConnectionError) or _is_of_asyncpg(error, {"InterfaceError", *SERVER_GONE})


def _is_of_asyncpg(error: BaseException | None, kinds: Set[str]) -> bool:
    """Whether asyncpg raised it as one of these. By name: where the database is SQLite, asyncpg is not loaded."""
    return any(kind.__name__ in kinds and kind.__module__.startswith("asyncpg.") for kind in type(error).__mro__)


SERVER_GONE = frozenset(
    {
        "PostgresConnectionError",
        "CannotConnectNowError",
        "AdminShutdownError",
        "CrashShutdownError",
        "TooManyConnectionsError",
    }
)
"""What asyncpg raises where a server is down, starting, stopping or full; SQLAlchemy has no class for most of it."""


@contextmanager
def told_plainly() -> Iterator[None]:
    """Tell failures of the database from failures of the request.

    :raises DatabaseUnavailable: for the former.
    """
    try:
        yield
    except Exception as error:
        if message := explain(error):
            raise DatabaseUnavailable(message) from error
        raise


def make_folder(file: str) -> None:
    """Make the folder that a database's file is to lie in.

    :raises DatabaseUnavailable: if that can't be done.
    """
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(_MESSAGES["unable to open"]) from error
