"""Remove stored files whose record is gone for good: originals, former files and renditions alike.

Whichever door a record went through, the database keeps the keys of its files (see `KeptFile`). A removal that fails is
tried again; one that is interrupted is finished by the next.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, or_, select, text
from sqlalchemy.orm import aliased

from cms.database import Database
from cms.media.pending import KeptFile
from cms.media.records import Media
from cms.media.storage import Storage

EVERY = 5
"""Seconds between two looks."""
_AT_ONCE = 100


async def sweep(database: Database, storage: Storage) -> None:
    """Remove what nobody needs any more.

    :raises StorageError: if the storage does not work; what is left is removed the next time.
    """
    for row_id, key in await database.read_soon(_orphans):
        await _remove(database, storage, row_id, key)


def _orphans(connection: Connection) -> Sequence[Any]:
    without = select(KeptFile.id, KeptFile.storage_key).where(KeptFile.media_id.is_(None))
    return connection.execute(without.order_by(KeptFile.id).limit(_AT_ONCE)).all()


async def _remove(database: Database, storage: Storage, row_id: int, key: str) -> None:
    """Remove a file, unless a record has the very same bytes."""
    other = aliased(KeptFile)
    is_kept = select(other.id).where(other.storage_key == key, other.media_id.is_not(None)).exists()
    is_used = select(Media.id).where(Media.storage_key == key).exists()
    async with database.session() as session:
        # While this lasts nobody inserts a record (on SQLite no other transaction writes in any case), so an upload
        # of the same bytes either is seen here, or comes later and stores them anew.
        if not database.is_sqlite:
            await session.execute(text("LOCK TABLE media IN SHARE ROW EXCLUSIVE MODE"))
        if not (await session.execute(select(or_(is_kept, is_used)))).scalar_one():
            await storage.delete(key)
        await session.execute(delete(KeptFile).where(KeptFile.id == row_id))
