"""The desk, on each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.content import registry
from cms.crud.cursor import Cursors
from cms.crud.models import Base
from cms.crud.plan import Reader
from cms.database import Database
from cms.editorial.recorder import record_changes
from cms.media.storage import DirectoryStorage
from tests.databases import Server, create_tables
from tests.exchange.desk import Desk


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 at a thousandth of its cost."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))


@pytest.fixture
def database_url(server: Server) -> str:
    """The URL of a database with every table, empty."""
    return server.empty("exchange", create_tables(Base.metadata))


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with an empty database and an empty folder."""
    database = Database(database_url)
    record_changes(database.sessions, registry)
    folder = tmp_path / "content"
    folder.mkdir()
    reader = Reader(registry, Cursors("a secret that signs cursors"))
    yield Desk(database, reader, DirectoryStorage(tmp_path / "media"), folder)
    await database.dispose()
