"""A desk on which folders are applied and pulled: the real content types, a real database, a real storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import dedent
from typing import Any

from PIL import Image
from sqlalchemy import Connection, select

from cms.auth.accounts import create_user
from cms.auth.passwords import generate_password
from cms.content import registry
from cms.crud.models import Base
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Actor, Role
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.exchange.apply import apply, plan
from cms.exchange.pull import pull
from cms.exchange.report import Report
from cms.media.storage import DirectoryStorage

DEMO = Path(__file__).parent.parent.parent / "cms" / "content" / "demo"


@dataclass(frozen=True)
class Desk:
    """Where folders are applied and pulled.

    :param folder: an empty one, to put files in.
    """

    database: Database
    reader: Reader
    storage: DirectoryStorage
    folder: Path

    def put(self, path: str, text: str | bytes) -> Path:
        """Write a file into the folder; the text's common indentation is not part of it."""
        location = self.folder / path
        location.parent.mkdir(parents=True, exist_ok=True)
        location.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return location

    def people(self) -> None:
        """Put somebody who writes and a category into the folder."""
        self.put("users/ada.yaml", "email: ada@example.org\nname: Ada\nrole: author\n")
        self.put("categories/news.yaml", "name: News\n")

    async def apply(self, folder: Path | None = None, **options: Any) -> Report:
        """Apply the folder, or another one."""
        return await apply(self.database, registry, self.reader, self.storage, folder or self.folder, **options)

    async def plan(self, folder: Path | None = None) -> Report:
        """Plan the folder, or another one."""
        return await plan(self.database, registry, self.reader, self.storage, folder or self.folder)

    async def pull(self, folder: Path | None = None) -> Report:
        """Pull into the folder, or another one."""
        return await pull(self.database, registry, self.reader, self.storage, folder or self.folder)

    @asynccontextmanager
    async def work(self, actor: Actor = SYSTEM) -> AsyncIterator[UnitOfWork]:
        """One transaction."""
        async with self.database.session() as session:
            yield UnitOfWork(session, actor, self.reader)

    async def enrol(self, email: str, role: Role, name: str = "") -> None:
        """Make an account."""
        async with self.work() as work:
            await create_user(work, email, role, generate_password(), name)

    async def change(self, type_name: str, key: str, /, **values: Any) -> None:
        """Change a record by its service, as another door would."""
        content_type = registry.by_name(type_name)
        async with self.work() as work:
            service = work.service(content_type)
            record = await service.get(key)
            data = create_schema(content_type).model_construct(set(values), **values)
            await service.update(record, data, 0)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table."""
        declared = Base.metadata.tables[table]

        def read(connection: Connection) -> list[dict[str, Any]]:
            found = connection.execute(select(declared).order_by(*declared.primary_key.columns))
            return [dict(row) for row in found.mappings()]

        return await self.database.read(read)

    async def row(self, table: str, **values: Any) -> dict[str, Any]:
        """The one row that has these values."""
        (found,) = [row for row in await self.rows(table) if all(row[key] == value for key, value in values.items())]
        return found


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sentences(report: Report) -> list[str]:
    """What was refused, as people read it."""
    return [str(note) for note in report.refused]


def picture() -> bytes:
    """A small PNG."""
    file = BytesIO()
    Image.new("RGB", (2, 2), "teal").save(file, "PNG")
    return file.getvalue()
