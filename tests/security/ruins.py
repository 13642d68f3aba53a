"""What a process that died left in its database, in a form that can be compared; and the way back to what was before.

Everything is read with the drivers alone, past the application: as it is on the disk, every table, every column.
"""

import asyncio
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from cms.crud.models import Base

Rows = dict[str, list[dict[str, Any]]]
"""By table."""
Dump = Mapping[str, list[str]]
"""By table, its rows in the order of their keys, as text that can be compared."""

_UUID = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00|\+00)?")
_TAG = re.compile(r"\bv\d+-[0-9a-f]{16}\b")
"""An entity tag; it depends on the times in its record."""
_COUNTED = ("events", "revisions", "transitions")
"""Tables whose ids count on through what was rolled back."""

_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Ground(Protocol):
    """A database that processes die over."""

    url: str

    async def restore(self) -> None:
        """Put back what was there at first, if anything has changed; nobody else is at work on it then."""

    async def read(self) -> Rows:
        """Every row of every table, once nobody else is at work on it."""

    async def close(self) -> None:
        """Leave nothing behind."""


class SqliteGround:
    """A file, with what dying processes leave beside it, and a copy of it.

    :param source: what is there at first. :param folder: for both.
    """

    def __init__(self, source: str, folder: Path) -> None:
        self._first, self._file = folder / "first.db", folder / "now.db"
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(self._first)) as there:
            here.backup(there)
        self.url = f"sqlite+aiosqlite:///{self._file}"

    async def restore(self) -> None:
        for ending in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.remove(f"{self._file}{ending}")  # noqa: PTH107 - quick enough for the event loop
        shutil.copyfile(self._first, self._file)

    async def read(self) -> Rows:
        with closing(sqlite3.connect(self._file)) as connection:
            connection.row_factory = sqlite3.Row
            assert [tuple(row) for row in connection.execute("PRAGMA integrity_check")] == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            return {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for (name,) in found}  # noqa: S608 - names of tables

    async def close(self) -> None:
        """Nothing: pytest clears its temporary directories away."""


class PostgresGround:
    """One database, with a copy of every table in a schema beside them.

    :param connection: the only one to it, but for those of the processes that die.
    """

    def __init__(self, url: str, connection: Any) -> None:
        self.url = url
        self._connection = connection
        self._tables = [table.name for table in Base.metadata.sorted_tables]
        self._first: Rows = {}
        self._now: Rows = {}

    @classmethod
    async def of(cls, url: str) -> "PostgresGround":
        """The ground at a URL."""
        ground = cls(url, await asyncpg.connect(url.replace("+asyncpg", "")))
        copies = "".join(f'CREATE TABLE first."{name}" AS TABLE public."{name}";' for name in ground._tables)
        await ground._connection.execute(f"DROP SCHEMA IF EXISTS first CASCADE; CREATE SCHEMA first; {copies}")
        ground._first = await ground.read()
        return ground

    async def restore(self) -> None:
        if self._now == self._first:
            return
        empty = ";".join(f'DELETE FROM "{name}"' for name in reversed(self._tables))  # noqa: S608 - names of tables
        fill = ";".join(f'INSERT INTO public."{name}" SELECT * FROM first."{name}"' for name in self._tables)  # noqa: S608 - as above
        await self._quiet()
        await self._connection.execute(f"{empty}; {fill}")  # one transaction, and far quicker than TRUNCATE
        self._now = self._first

    async def read(self) -> Rows:
        await self._quiet()
        rows = " UNION ALL ".join(f"SELECT '{n}', row_to_json(x)::text FROM \"{n}\" AS x" for n in self._tables)  # noqa: S608 - names of tables
        self._now = {name: [] for name in self._tables}
        for name, row in await self._connection.fetch(rows):
            self._now[name].append({key: _decoded(value) for key, value in json.loads(row).items()})
        return self._now

    async def close(self) -> None:
        await self._connection.execute("DROP SCHEMA first CASCADE")
        await self._connection.close()

    async def _quiet(self) -> None:
        """Wait until the server has noticed that a process died, and rolled back what that was at."""
        async with asyncio.timeout(10):
            while await self._connection.fetchval(_OTHERS):  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.002)


class Reading:
    """Makes dumps comparable: of two runs from the same beginning, each with ids and times of its own.

    :param first: what was there at first; its ids and times stay as they are.
    """

    def __init__(self, first: Rows) -> None:
        text = str(_texts(first))
        self._known = {_plain(found) for found in _UUID.findall(text)} | {_plain_time(t) for t in _TIME.findall(text)}

    def dump(self, rows: Rows) -> Dump:
        """Rows as they can be compared: new ids are numbered as they come, new times are all the same."""
        numbers: dict[str, str] = {}

        def number(found: re.Match[str]) -> str:
            plain = _plain(found[0])
            return plain if plain in self._known else numbers.setdefault(plain, f"new-{len(numbers)}")

        def time(found: re.Match[str]) -> str:
            plain = _plain_time(found[0])
            return plain if plain in self._known else "now"

        return {
            name: [_TAG.sub("tag", _UUID.sub(number, _TIME.sub(time, text))) for text in texts]
            for name, texts in _texts(rows).items()
        }


def differences(dump: Dump, other: Dump) -> list[str]:
    """The tables in which two dumps differ."""
    return [name for name in sorted({*dump, *other}) if dump.get(name) != other.get(name)]


def _texts(rows: Rows) -> dict[str, list[str]]:
    return {name: list(_lines(name, rows[name])) for name in sorted(rows)}


def _lines(name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    shown = ({key: value for key, value in row.items() if key != "id" or name not in _COUNTED} for row in rows)
    yield from sorted(json.dumps(row, default=_shown, ensure_ascii=False) for row in shown)


def _shown(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _decoded(value: Any) -> Any:
    is_bytes = isinstance(value, str) and value.startswith("\\x")
    return bytes.fromhex(value[2:]) if is_bytes else value


def _plain(uuid: str) -> str:
    return uuid.replace("-", "")


def _plain_time(time: str) -> str:
    return datetime.fromisoformat(time.removesuffix("Z").partition("+")[0]).isoformat()
