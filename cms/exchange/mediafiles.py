"""Media files on their way into the storage: new ones are uploaded, the bytes of known ones compared."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread
from sqlalchemy import select

from cms.crud.problems import Problem
from cms.crud.service import UnitOfWork
from cms.editorial.behaviours import not_trashed
from cms.exchange.drafts import Draft
from cms.exchange.rows import Row
from cms.media.inspection import RefusedFile, inspect
from cms.media.records import Media
from cms.media.storage import Storage, StoredFile
from cms.media.uploads import store_upload


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """What became of a media file.

    :param path: of the record that has its bytes.
    :param is_new: whether that was made for it.
    """

    record: Media
    is_new: bool


async def store(work: UnitOfWork, storage: Storage, draft: Draft) -> StoredMedia | Problem:
    """Upload a file that has no record yet; the problem where it is refused. Nothing of it is left behind then."""
    assert draft.file is not None  # noqa: S101 - the drafts of media have one
    if same := await _with_hash(work, draft.sha256):
        return StoredMedia(same, is_new=False)
    values = {name: getattr(draft.data, name) for name in ("alt", "caption")}
    try:
        async with work.session.begin_nested():
            stored = await store_upload(work, storage, draft.file, draft.file.name, path=draft.key, **values)
    except Problem as problem:
        return problem
    return StoredMedia(*stored)


async def has_bytes_of(draft: Draft, row: Row) -> bool:
    """Whether a file is the one that is stored. Stored are the bytes that inspection leaves of a file."""
    assert draft.file is not None  # noqa: S101 - as above
    kept, _ = row.bytes
    if draft.sha256 == kept:
        return True
    try:
        return (await to_thread.run_sync(inspect, draft.file)).sha256 == kept
    except RefusedFile:
        return False


class UnwrittenStorage:
    """A storage to try things on: it reads from another one and keeps nothing."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def write(self, key: str, source: Path | bytes) -> None:
        """Keep nothing."""

    async def open(self, key: str) -> StoredFile:
        """Find a file for reading."""
        return await self._storage.open(key)

    async def exists(self, key: str) -> bool:
        """Tell whether a file is kept under the key."""
        return await self._storage.exists(key)

    async def delete(self, key: str) -> None:
        """Delete nothing."""

    async def check(self) -> None:
        """Check the storage behind."""
        await self._storage.check()


async def read_whole(pieces: AsyncIterator[bytes]) -> bytes:
    """All the bytes of a stored file."""
    return b"".join([piece async for piece in pieces])


async def _with_hash(work: UnitOfWork, sha256: str) -> Media | None:
    same = select(Media).where(Media.sha256 == sha256, *not_trashed(Media))
    return (await work.session.execute(same)).scalar_one_or_none()
