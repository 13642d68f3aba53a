"""Take a file in: the one way from bytes that somebody sent to a media record, for every door.

The file is inspected and stored before the database is asked for anything, so that no transaction waits for
pictures. If the transaction fails then, a file without a record stays behind: its address was told to nobody,
and it is what the next attempt finds. When a record is gone for good, `cms.media.sweeping` takes its files away.
"""

import re
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from loguru import logger
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.conditional import check_version
from cms.crud.policy import Action
from cms.crud.problems import (
    Conflict,
    ContentTooLarge,
    FieldError,
    Invalid,
    Problem,
    Unavailable,
    UnsupportedMedia,
    invalid_from,
)
from cms.crud.schemas import create_schema
from cms.crud.search import like_pattern
from cms.crud.service import Service, UnitOfWork
from cms.editorial.behaviours import not_trashed
from cms.media.inspection import (
    FileTooLarge,
    Inspection,
    RefusedFile,
    UnsupportedFile,
    UnusableFile,
    inspect,
    safe_filename,
)
from cms.media.records import Media, media, take_file
from cms.media.storage import Storage, StorageError, storage_key

_NUMBERED = 5
"""How often a path with a number is tried before one that no other file can have."""
_INSPECTING = CapacityLimiter(1)
"""A decoded picture takes up to 200 MB: one at a time keeps the process within its memory."""
_REFUSALS: dict[type[RefusedFile], type[Problem]] = {
    UnsupportedFile: UnsupportedMedia,
    FileTooLarge: ContentTooLarge,
    UnusableFile: Invalid,
}


async def store_upload(  # noqa: PLR0913 - what a form of an upload has
    work: UnitOfWork,
    storage: Storage,
    file: BinaryIO | Path,
    filename: str,
    *,
    alt: str = "",
    caption: str = "",
    path: str | None = None,
) -> tuple[Media, bool]:
    """Keep a file and make its record; the actor owns it.

    The same stored bytes twice are one file: then the record that is there is returned as it is, whatever
    alt, caption and path were given.

    :param file: a path, or an open binary file, read from where it stands and left open.
    :param filename: what its sender calls it; the path is made from it, with a number where it is taken.
    :param path: the record's path, where it is not to be made.
    :returns: the record, and whether it was made by this call.
    :raises Unauthorized: :raises Forbidden: if the actor may not upload.
    :raises UnsupportedMedia: :raises ContentTooLarge: :raises Invalid: if the file, or a text with it, can't
        be accepted.
    :raises Conflict: if another file has the given path.
    :raises Unavailable: if it can't be stored.
    """
    service = work.service(media)
    service.require(Action.CREATE)
    texts = _validated(alt=alt, caption=caption, path=path)
    found = await _inspect(file)
    record = Media(path=texts["path"] or safe_filename(filename, found.extension), **_facts(found))
    record.alt, record.caption, record.owner_id = texts["alt"], texts["caption"], work.actor.id
    await _keep(storage, record.storage_key, found.content)
    stored = await _insert(service, record, is_chosen=path is not None)
    # Once more, now that the record is certain: a removal may have come between (see `sweep`).
    await _keep(storage, record.storage_key, found.content)
    return stored


async def replace_file(
    work: UnitOfWork, storage: Storage, key: str | UUID, file: BinaryIO | Path, expected: int
) -> Media:
    """Give a record another file. Its path and permalink stay, and so does all that refers to it.

    The former file stays where it was for as long as the record lives: pages that were made before lead to it.

    :param key: the id or the path of the record. :param expected: the version that the replacement was made from.
    :returns: the record; unchanged where it has these bytes already.
    :raises Problem: as `store_upload` and `Service.update` do, and if another record has these bytes.
    """
    service = work.service(media)
    service.require(Action.UPDATE)
    found = await _inspect(file)
    await _keep(storage, storage_key(found.sha256, found.extension), found.content)
    record = await service.get(key, Action.UPDATE)
    check_version(expected, record.version)
    if record.sha256 == found.sha256:
        return record
    if same := await _with_hash(work.session, found.sha256):
        detail = f"This very file is here already, as “{same.path}”. Use that one, or delete it first."
        raise Conflict(detail, errors=[FieldError(detail, "/file")])
    take_file(record, _facts(found))
    await service.save(record)
    await _keep(storage, record.storage_key, found.content)
    return record


def _validated(**values: str | None) -> dict[str, Any]:
    """What comes with a file, by the rules that every door has for these fields."""
    schema = create_schema(media)
    try:
        return schema.model_validate(values).model_dump()
    except ValidationError as error:
        raise invalid_from(error, schema) from error


async def _inspect(file: BinaryIO | Path) -> Inspection:
    try:
        return await to_thread.run_sync(inspect, file, limiter=_INSPECTING)
    except RefusedFile as error:
        problem = _REFUSALS[type(error)]
        raise problem(str(error), errors=[FieldError(str(error), "/file")]) from error


async def _keep(storage: Storage, key: str, content: bytes) -> None:
    try:
        if not await storage.exists(key):
            await storage.write(key, content)
    except StorageError as error:
        logger.error("An upload failed: {}", error)
        raise Unavailable(
            "The file can't be stored at the moment. Nothing was saved; try again later.", retry_after=30
        ) from error


async def _with_hash(session: AsyncSession, sha256: str) -> Media | None:
    same = select(Media).where(Media.sha256 == sha256, *not_trashed(Media))
    return (await session.execute(same)).scalar_one_or_none()


def _facts(found: Inspection) -> dict[str, Any]:
    """What a record says about its file."""
    return {
        "storage_key": storage_key(found.sha256, found.extension),
        "sha256": found.sha256,
        "mime_type": found.mime_type,
        "size": found.size,
        "width": found.width,
        "height": found.height,
    }


async def _insert(service: Service[Media], record: Media, *, is_chosen: bool) -> tuple[Media, bool]:
    """Insert the record, or find the one that has its bytes; the database decides between two at once."""
    if same := await _with_hash(service.session, record.sha256):
        return same, False
    name = record.path
    for attempt in range(_NUMBERED + 2):
        try:
            async with service.session.begin_nested():
                service.session.add(record)
                await service.save(record)
        except Conflict:
            if same := await _with_hash(service.session, record.sha256):
                return same, False
            if is_chosen:
                raise
            record.path = await _next_path(service.session, name, record.sha256, is_last=attempt == _NUMBERED)
        else:
            return record, True
    raise Conflict(f"Too many files want the name “{name}” at once; rename yours.")


async def _next_path(session: AsyncSession, name: str, sha256: str, *, is_last: bool) -> str:
    stem, _, extension = name.rpartition(".")
    if is_last:
        return f"{stem}-{sha256}.{extension}"
    taken = Media.path.like(like_pattern(f"{stem}-", before=""), escape="\\")
    paths = (await session.execute(select(Media.path).where(taken, *not_trashed(Media)))).scalars()
    numbered = re.compile(rf"{re.escape(stem)}-([0-9]{{1,7}})\.{extension}")
    numbers = [int(match[1]) for match in map(numbered.fullmatch, paths) if match]
    return f"{stem}-{max(numbers, default=1) + 1}.{extension}"
