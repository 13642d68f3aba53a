"""Keep files in a directory or in an S3 bucket, under keys made from their own content.

A key is `ab/cd/<sha256>.<extension>`: no client has a say in it, no path leaves the root by it, and one that
exists holds the right bytes. So a write may be repeated, or run fifty times at once, and harms nothing.
"""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import anyio
from anyio.to_thread import run_sync


class StorageError(Exception):
    """The place where files are kept does not work; the text tells whoever runs the site why (HTTP: 503)."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that exists in a storage. Nothing is held open until `read` is iterated.

    size: in bytes. stream: of a start and a stop, in bytes, the content between them in pieces.
    """

    size: int
    stream: Callable[[int, int], AsyncIterator[bytes]]

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Return the bytes from start (included) to stop (excluded; None: the end) in pieces.

        Raises ValueError unless 0 ≤ start ≤ stop ≤ size.
        """
        stop = self.size if stop is None else stop
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"Bytes {start} to {stop} are not within a file of {self.size} bytes.")
        return self.stream(start, stop)


class Storage(Protocol):
    """Where files are kept. Each method raises ValueError for a malformed key, StorageError on a failure."""

    async def write(self, key: str, source: Path | bytes) -> None:
        """Keep all of the source's bytes or none. Raises ValueError if their sha256 is not the key's."""

    async def open(self, key: str) -> StoredFile:
        """Find a file for reading. Raises FileNotFoundError if there is none."""

    async def exists(self, key: str) -> bool:
        """Tell whether a file is kept under the key."""

    async def delete(self, key: str) -> None:
        """Remove a file; if there is none, do nothing."""

    async def check(self) -> None:
        """Write and remove a small probe. Raises StorageError with what is wrong and what to do."""


def storage_key(sha256: str, extension: str) -> str:
    """Return the key of a file: sha256 in lower-case hexadecimal, extension without its dot.

    Raises ValueError for anything else.
    """
    return _checked(f"{sha256[:2]}/{sha256[2:4]}/{sha256}.{extension}")


def open_storage(url: str) -> Storage:
    """Return the storage a setting names: a directory's path, or `s3://bucket/prefix`.

    Credentials, region and endpoint of S3 come from the usual AWS_… variables. Nothing is opened yet.
    Raises ValueError with a sentence for any other address, and if the package for S3 is missing.
    """
    if url.startswith("s3://"):
        return _open_bucket(url)
    if not url or "://" in url:
        raise ValueError(f"“{url}” is not a place for files. Give a directory, or s3://bucket/prefix.")
    return DirectoryStorage(Path(url))


class DirectoryStorage:
    """Files in a directory of this machine. A symbolic link inside is never followed; it counts as absent."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    async def write(self, key: str, source: Path | bytes) -> None:
        path = self._path(key)
        await run_sync(_verify, path.name, source)
        with _explained(f"The file can't be kept in “{self.root}”", OSError):
            await run_sync(_write, path, source)

    async def open(self, key: str) -> StoredFile:
        path = self._path(key)
        with _explained(f"The file can't be read from “{self.root}”", OSError):
            return StoredFile(await run_sync(_size, path), lambda start, stop: _stream(path, start, stop))

    async def exists(self, key: str) -> bool:
        return await run_sync(_is_file, self._path(key))

    async def delete(self, key: str) -> None:
        path = self._path(key)
        with _explained(f"The file can't be deleted from “{self.root}”", OSError):
            if await run_sync(_is_file, path):
                await run_sync(lambda: path.unlink(missing_ok=True))

    async def check(self) -> None:
        with _explained(f"Files can't be kept in “{self.root}”", OSError):
            await run_sync(_probe, self.root)

    def _path(self, key: str) -> Path:
        return self.root / _checked(key)


class S3Storage:
    """Files in a bucket, through a store of obstore, which knows of the prefix before the keys.

    bucket: the store. name: what messages call it. failure: what the store raises when it does not work.
    """

    def __init__(self, bucket: "Bucket", name: str, failure: type[Exception]) -> None:
        self.bucket = bucket
        self.name = name
        self.failure = failure

    async def write(self, key: str, source: Path | bytes) -> None:
        await run_sync(_verify, _checked(key), source)
        with _explained(f"The file can't be kept in “{self.name}”", self.failure):
            await self.bucket.put_async(key, source)

    async def open(self, key: str) -> StoredFile:
        with _explained(f"The file can't be read from “{self.name}”", self.failure):
            found = await self.bucket.head_async(_checked(key))
        return StoredFile(found["size"], lambda start, stop: self._stream(key, start, stop))

    async def exists(self, key: str) -> bool:
        try:
            await self.open(key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, key: str) -> None:
        if await self.exists(key):
            with _explained(f"The file can't be deleted from “{self.name}”", self.failure):
                await self.bucket.delete_async(key)

    async def check(self) -> None:
        probe = f"{uuid4().hex}.part"
        with _explained(f"Files can't be kept in “{self.name}”", self.failure):
            await self.bucket.put_async(probe, b"probe")
            await self.bucket.delete_async(probe)

    async def _stream(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        if start == stop:  # S3 knows no empty range
            return
        with _explained(f"The file can't be read from “{self.name}”", self.failure):
            answer = await self.bucket.get_async(key, options={"range": (start, stop)})
            async for piece in answer.stream(min_chunk_size=_PIECE):
                yield bytes(piece)


class Bucket(Protocol):
    """What S3Storage uses of an obstore store; a protocol, so that the package need not be there."""

    async def put_async(self, path: str, file: Path | bytes) -> Any: ...
    async def head_async(self, path: str) -> Any: ...
    async def get_async(self, path: str, *, options: Any) -> Any: ...
    async def delete_async(self, paths: str) -> Any: ...


_KEY = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/(?P<sha256>\1\2[0-9a-f]{60})\.[a-z0-9]{1,5}")
_PIECE = 256 * 1024  # bytes


def _checked(key: str) -> str:
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"“{key[:120]}” is not the key of a file.")
    return key


def _open_bucket(url: str) -> S3Storage:
    try:
        stores, exceptions = import_module("obstore.store"), import_module("obstore.exceptions")
    except ModuleNotFoundError:
        raise ValueError(f"“{url}” needs one more package: pip install 'masthead-cms[s3]'") from None
    # The package's own patience is three minutes, too long for someone who waits for an answer.
    patience = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
    timeouts = {"connect_timeout": "5s", "timeout": "60s"}
    try:
        bucket = stores.S3Store.from_url(url, retry_config=patience, client_options=timeouts)
    except (exceptions.BaseError, ValueError) as error:
        raise ValueError(f"“{url}” can't be used to keep files: {_first_line(error)}") from None
    return S3Storage(bucket, url, exceptions.BaseError)


@contextmanager
def _explained(failed: str, failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except failure as error:
        reason = getattr(error, "strerror", None) or _first_line(error)
        raise StorageError(f"{failed}: {reason}. See that it exists, is writable and has room.") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _verify(key: str, source: Path | bytes) -> None:
    """Compare a source's sha256 with the one in its key, so that no file ever replaces a different one."""
    with _opened(source) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest not in key:
        raise ValueError(f"The content's sha256 is {digest}, which is not that of the key “{key}”.")


def _opened(source: Path | bytes) -> BytesIO | BufferedReader:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _write(path: Path, source: Path | bytes) -> None:
    length = len(source) if isinstance(source, bytes) else source.stat().st_size
    if _is_file(path) and path.stat().st_size == length:
        return
    _refuse_links(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid4().hex}.part"
    try:
        with temporary.open("xb") as target, _opened(source) as file:
            shutil.copyfileobj(file, target, _PIECE)
            target.flush()
            os.fsync(target.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make a new name in a directory outlast a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _probe(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    probe = root / f".{uuid4().hex}.part"
    probe.write_bytes(b"probe")
    probe.unlink()


def _is_link_free(path: Path) -> bool:
    return os.path.realpath(path) == str(path)


def _refuse_links(directory: Path) -> None:
    if not _is_link_free(directory):
        raise OSError(errno.ELOOP, f"“{directory}” leads through a symbolic link")


def _is_file(path: Path) -> bool:
    return _is_link_free(path) and path.is_file()


def _size(path: Path) -> int:
    if not _is_file(path):
        raise FileNotFoundError(path.name)
    return path.stat().st_size


async def _stream(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        await file.seek(start)
        while start < stop and (piece := await file.read(min(_PIECE, stop - start))):
            start += len(piece)
            yield piece
