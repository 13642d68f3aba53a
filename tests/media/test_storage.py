"""Files are kept whole or not at all, and nothing outside a storage's root is ever touched."""

import hashlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from cms.media.storage import DirectoryStorage, S3Storage, Storage, StorageError, open_storage, storage_key

CONTENT = bytes(range(256)) * 4000  # about a megabyte, several pieces


def key_of(content: bytes, extension: str = "png") -> str:
    return storage_key(hashlib.sha256(content).hexdigest(), extension)


KEY = key_of(CONTENT)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def directory(root: Path) -> DirectoryStorage:
    return DirectoryStorage(root)


@pytest.fixture(params=["directory", "s3"])
def storage(request: pytest.FixtureRequest, root: Path) -> Storage:
    if request.param == "directory":
        return DirectoryStorage(root)
    stores = pytest.importorskip("obstore.store", reason="the extra “s3” is not installed")
    failure = pytest.importorskip("obstore.exceptions").BaseError
    return S3Storage(stores.MemoryStore(), "s3://test", failure)


def everything_below(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))


def files_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir()]


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_what_was_written_is_read_back(storage: Storage) -> None:
    assert not await storage.exists(KEY)
    await storage.write(KEY, CONTENT)
    assert await storage.exists(KEY)
    stored = await storage.open(KEY)
    assert stored.size == len(CONTENT)
    assert await joined(stored.read()) == CONTENT


async def test_a_file_can_be_written_from_a_path(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    await storage.write(KEY, source)
    assert await joined((await storage.open(KEY)).read()) == CONTENT
    assert source.exists()


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 300_000), (1_023_999, None), (7, 7), (0, None)])
async def test_a_range_is_read_without_the_rest(storage: Storage, start: int, stop: int | None) -> None:
    await storage.write(KEY, CONTENT)
    assert await joined((await storage.open(KEY)).read(start, stop)) == CONTENT[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, len(CONTENT) + 1), (len(CONTENT) + 1, None)])
async def test_a_range_outside_the_file_is_refused(storage: Storage, start: int, stop: int | None) -> None:
    await storage.write(KEY, CONTENT)
    stored = await storage.open(KEY)
    with pytest.raises(ValueError, match="not within a file of 1024000 bytes"):
        stored.read(start, stop)


async def test_a_file_that_is_not_there_is_said_to_be_missing(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        await storage.open(KEY)


async def test_deleting_removes_the_file_and_may_be_repeated(storage: Storage) -> None:
    await storage.write(KEY, CONTENT)
    await storage.delete(KEY)
    assert not await storage.exists(KEY)
    await storage.delete(KEY)


async def test_a_working_storage_passes_its_check_and_keeps_no_probe(storage: Storage, root: Path) -> None:
    await storage.check()
    assert files_below(root) == []


async def test_content_that_does_not_belong_to_the_key_is_refused(storage: Storage) -> None:
    await storage.write(KEY, CONTENT)
    with pytest.raises(ValueError, match="sha256"):
        await storage.write(KEY, b"something else")
    assert await joined((await storage.open(KEY)).read()) == CONTENT


async def test_fifty_writers_of_one_file_leave_one_whole_file(storage: Storage, root: Path) -> None:
    """F14: no error, no overwriting with less, no leftover."""
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(storage.write, KEY, CONTENT)
    assert await joined((await storage.open(KEY)).read()) == CONTENT
    if isinstance(storage, DirectoryStorage):
        assert files_below(root) == [root / KEY]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "../../x",
        "..\\..\\x",
        "/etc/passwd",
        "C:\\x",
        "%2e%2e/x",
        f"../{KEY}",
        f"/{KEY}",
        f"{KEY}/../../x",
        f"{KEY}\n",
        f"{KEY}\0",
        f"{KEY}.php.sh",
        KEY.upper(),
        KEY.replace("/", "//", 1),
        f"ff/ff/{'0' * 64}.png",
        f"{KEY.removesuffix('png')}.htaccess",
        f"{KEY} ",
        f"{KEY.removesuffix('.png')}",
        "a" * 300,
        "CON",
        ".htaccess",
    ],
)
async def test_no_key_leads_out_of_the_root(storage: Storage, key: str, tmp_path: Path) -> None:
    """F01: a malformed key is refused by every method, and nothing is created."""
    before = everything_below(tmp_path)
    for method in (storage.open, storage.exists, storage.delete):
        with pytest.raises(ValueError, match="not the key of a file"):
            await method(key)
    with pytest.raises(ValueError, match="not the key of a file"):
        await storage.write(key, CONTENT)
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize(
    ("sha256", "extension"), [("abc", "png"), ("0" * 64, ""), ("0" * 64, "../x"), ("G" * 64, "png")]
)
def test_a_key_is_made_of_a_hash_and_an_extension_only(sha256: str, extension: str) -> None:
    """F01: not even a careless caller makes a dangerous key."""
    with pytest.raises(ValueError, match="not the key of a file"):
        storage_key(sha256, extension)
    assert storage_key("ab" + "c" * 62, "png") == f"ab/cc/ab{'c' * 62}.png"


async def test_a_link_to_a_file_elsewhere_is_as_good_as_absent(
    directory: DirectoryStorage, root: Path, tmp_path: Path
) -> None:
    """F02: a symbolic link inside the root is not followed, neither for reading nor for deleting."""
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    (root / KEY).parent.mkdir(parents=True)
    (root / KEY).symlink_to(secret)
    assert not await directory.exists(KEY)
    with pytest.raises(FileNotFoundError):
        await directory.open(KEY)
    await directory.delete(KEY)
    assert secret.read_bytes() == CONTENT
    await directory.write(KEY, CONTENT)
    assert not (root / KEY).is_symlink()


async def test_a_linked_folder_is_not_written_into(directory: DirectoryStorage, root: Path, tmp_path: Path) -> None:
    """F02: nor is a folder that is a link, a sibling of the root for example."""
    sibling = tmp_path / "media_backup"
    (sibling / KEY[3:5]).mkdir(parents=True)
    (sibling / KEY[3:]).write_bytes(CONTENT)
    await directory.check()
    (root / KEY[:2]).symlink_to(sibling)
    assert not await directory.exists(KEY)
    await directory.delete(KEY)
    assert (sibling / KEY[3:]).read_bytes() == CONTENT
    (sibling / KEY[3:]).unlink()
    with pytest.raises(StorageError, match="symbolic link"):
        await directory.write(KEY, CONTENT)
    assert files_below(sibling) == []


async def test_a_root_that_is_itself_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "media").symlink_to(tmp_path / "disk")
    storage = DirectoryStorage(tmp_path / "media")
    await storage.write(KEY, CONTENT)
    assert await storage.exists(KEY)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("moment", ["copying", "syncing", "naming"])
async def test_a_write_that_breaks_off_leaves_nothing(
    directory: DirectoryStorage,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    moment: str,
) -> None:
    """F14: be the disk full or the process told to end, there is no partial and no temporary file."""

    def break_off(*args: Any, **kwargs: Any) -> None:
        if moment == "copying":
            args[1].write(CONTENT[:1000])
        raise failure

    target, name = {
        "copying": (shutil, "copyfileobj"),
        "syncing": (os, "fsync"),
        "naming": (Path, "replace"),
    }[moment]
    with monkeypatch.context() as patch:
        patch.setattr(target, name, break_off)
        with pytest.raises((StorageError, KeyboardInterrupt)) as caught:
            await directory.write(KEY, CONTENT)
    if isinstance(failure, OSError):
        assert "No space left on device" in str(caught.value)
    assert files_below(root) == []
    await directory.write(KEY, CONTENT)
    assert await joined((await directory.open(KEY)).read()) == CONTENT


async def test_a_file_of_the_wrong_length_is_mended_by_the_next_write(directory: DirectoryStorage, root: Path) -> None:
    await directory.write(KEY, CONTENT)
    (root / KEY).write_bytes(b"cut")
    await directory.write(KEY, CONTENT)
    assert (root / KEY).read_bytes() == CONTENT


async def test_a_place_that_can_not_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    storage = DirectoryStorage(tmp_path / "file" / "media")
    with pytest.raises(StorageError, match=r"Files can't be kept in “.*media”: Not a directory\."):
        await storage.check()
    with pytest.raises(StorageError, match="writable"):
        await storage.write(KEY, CONTENT)


async def test_a_bucket_that_can_not_be_reached_is_explained() -> None:
    stores = pytest.importorskip("obstore.store", reason="the extra “s3” is not installed")
    failure = pytest.importorskip("obstore.exceptions").BaseError
    bucket = stores.S3Store(
        "bucket",
        endpoint="http://127.0.0.1:9",
        region="us-east-1",
        skip_signature=True,
        retry_config={"max_retries": 0},
        client_options={"allow_http": True},
    )
    storage = S3Storage(bucket, "s3://bucket", failure)
    for attempt in (storage.check(), storage.write(KEY, CONTENT), storage.exists(KEY), storage.delete(KEY)):
        with pytest.raises(StorageError, match="“s3://bucket”") as caught:
            await attempt
        assert "\n" not in str(caught.value)


async def test_an_address_opens_the_storage_it_names(tmp_path: Path) -> None:
    pytest.importorskip("obstore", reason="the extra “s3” is not installed")
    storage = open_storage(str(tmp_path / "media"))
    assert isinstance(storage, DirectoryStorage)
    await storage.check()
    assert isinstance(open_storage("s3://bucket/prefix"), S3Storage)


@pytest.mark.parametrize("url", ["", "ftp://host/media", "file:///etc", "s3://"])
def test_an_address_of_no_use_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=f"“{url}”"):
        open_storage(url)


def test_the_missing_package_for_s3_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(ValueError, match=r"masthead-cms\[s3\]"):
        open_storage("s3://bucket/prefix")
