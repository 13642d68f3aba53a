"""The database into a folder of files, in canonical form. Files that say the same already are not touched."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from anyio import to_thread
from slugify import slugify
from sqlalchemy import Connection, select

from cms.crud.plan import Reader
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo
from cms.database import Database
from cms.editorial.behaviours import Trashable
from cms.exchange.canonical import text_of
from cms.exchange.folder import SIDECAR, list_contents
from cms.exchange.frontmatter import FileError, load, unwrap
from cms.exchange.layout import Layout, Naming, layout_of, ordered
from cms.exchange.mediafiles import read_whole
from cms.exchange.references import names_of
from cms.exchange.report import Change, FolderError, Note, Report
from cms.exchange.rows import CHUNK, Row, read_rows
from cms.media.storage import Storage, StorageError


async def pull(
    database: Database,
    registry: Registry,
    reader: Reader,  # noqa: ARG001 - called like `apply`
    storage: Storage,
    directory: Path,
) -> Report:
    """Write a folder from the database: a file for each record that is not in the trash.

    No file is deleted. Records without a natural key keep the names that their files have; new ones are named by id.

    :param storage: where media files are kept.
    :param directory: is made if it is not there.
    :returns: which files were made or rewritten.
    :raises FolderError: if the folder can't be written.
    :raises DatabaseUnavailable: if the database does not answer.
    """
    report = Report()
    try:
        folder = await to_thread.run_sync(_Folder, directory, registry, report)
        for row in await database.read(folder.write_records):
            await folder.write_media(row, storage)
    except OSError as error:
        raise FolderError(f"“{directory}” can't be written: {error.strerror}.") from error
    return report


class _Folder:
    """A folder that is being written."""

    def __init__(self, directory: Path, registry: Registry, report: Report) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._root = root = directory.resolve()
        self._registry = registry
        self._report = report
        self._names = _Names(root, registry)

    def write_records(self, connection: Connection) -> list[Row]:
        """Write every record; return those whose bytes are still to be written."""
        media: list[Row] = []
        for layout in ordered(self._registry):
            for rows in _pages(connection, layout):
                relations = {info.name: self._related(connection, info, rows) for info in layout.relations}
                for row in rows:
                    names = {name: _named(row.values[name], keys) for name, keys in relations.items()}
                    self._write_record(layout, row, names)
                media += rows if layout.naming is Naming.PATH else []
        return media

    async def write_media(self, row: Row, storage: Storage) -> None:
        """Write the bytes of a media file."""
        _, key = row.bytes
        path = f"{self._media_folder}/{row.key}"
        try:
            content = await read_whole((await storage.open(key)).read())
        except (FileNotFoundError, StorageError):
            self._report.refused.append(Note(path, None, "The file of this record is not in the storage any more."))
            return
        await to_thread.run_sync(self._write, path, content)

    @property
    def _media_folder(self) -> str:
        return next(layout.name for layout in ordered(self._registry) if layout.naming is Naming.PATH)

    def _related(self, connection: Connection, info: FieldInfo, rows: list[Row]) -> Mapping[UUID, str]:
        target = self._registry.target_of(info)
        ids = {i for row in rows for i in _ids(row.values[info.name])}
        if layout_of(target).naming is Naming.ID:
            return {record_id: self._names.of(layout_of(target), record_id) for record_id in ids}
        return names_of(connection, target, ids)

    def _write_record(self, layout: Layout, row: Row, names: Mapping[str, Any]) -> None:
        text = text_of(layout, row, names)
        if layout.naming is Naming.PATH:
            if text != "{}\n" or (self._root / layout.name / (row.key + SIDECAR)).exists():
                self._write(f"{layout.name}/{row.key}{SIDECAR}", text.encode())
            return
        title = str(row.values.get(layout.content_type.title_field) or "")
        stem = self._names.of(layout, row.id, row.key, title)
        self._write(f"{layout.name}/{stem}{self._names.suffix_of(layout, stem)}", text.encode())

    def _write(self, path: str, content: bytes) -> None:
        """Write a file whole or not at all, and only if it differs."""
        target = self._root / path
        if not Path(os.path.realpath(target)).is_relative_to(self._root):
            self._report.refused.append(Note(path, None, "A link leads out of the folder here; nothing was written."))
            return
        is_there = target.is_file()
        if is_there and target.read_bytes() == content:
            self._report.unchanged += 1
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{uuid4().hex}.part")
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        (self._report.updated if is_there else self._report.created).append(Change(path))


@dataclass(frozen=True, slots=True)
class _Existing:
    """The files of a type that are there: stems by the names of their records, endings by stem."""

    stems: dict[str, str]
    suffixes: dict[str, str]


class _Names:
    """How files of records are called whose name is not their natural key."""

    def __init__(self, root: Path, registry: Registry) -> None:
        contents = list_contents(root, registry)
        self._existing: dict[str, _Existing] = {}
        for layout in ordered(registry):
            sources = contents.records.get(layout.name, []) if layout.naming is not Naming.PATH else []
            suffixes = {source.name: source.location.suffix for source in sources}
            stems = dict(_known_names(layout, sources))
            self._existing[layout.name] = _Existing(stems, suffixes)

    def of(self, layout: Layout, record_id: UUID, key: str = "", title: str = "") -> str:
        """The stem of a record's file."""
        if layout.naming is Naming.SLUG:
            return key
        if layout.naming is Naming.ONE:
            return layout.name
        existing = self._existing[layout.name]
        name = str(record_id) if layout.naming is Naming.ID else key
        if name not in existing.stems:
            stem = str(record_id) if layout.naming is Naming.ID else _free(slugify(title) or layout.name, existing)
            existing.stems[name] = stem
            existing.suffixes[stem] = layout.suffix
        return existing.stems[name]

    def suffix_of(self, layout: Layout, stem: str) -> str:
        """The ending of a file, the one that it has if it is there."""
        return self._existing[layout.name].suffixes.get(stem, layout.suffix)


def _known_names(layout: Layout, sources: Any) -> Iterator[tuple[str, str]]:
    for source in sources:
        if layout.naming is Naming.ID:
            yield str(layout.identity(source.name)), source.name
        elif layout.naming is Naming.FREE:
            try:
                values = load(source.read())
            except FileError:
                continue
            key = unwrap(values.get(str(layout.content_type.key_field)), as_text=True)
            yield layout.normal_key(str(key)), source.name


def _free(stem: str, existing: _Existing) -> str:
    """The stem, with a number where others have it."""
    taken = {name.casefold() for name in existing.suffixes}
    candidates = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)


def _pages(connection: Connection, layout: Layout) -> Iterator[list[Row]]:
    """All records of a type that are not in the trash, some at a time, oldest first."""
    model: Any = layout.content_type.model
    last = UUID(int=0)
    while True:
        wanted = select(model.id).where(model.id > last).order_by(model.id).limit(CHUNK)
        ids = [record_id for (record_id,) in connection.execute(wanted)]
        if not ids:
            return
        rows = read_rows(connection, layout, model.id.in_(ids))
        last = ids[-1]
        is_kept = issubclass(model, Trashable)
        yield sorted((row for row in rows if not (is_kept and row.is_trashed)), key=lambda row: row.id)


def _ids(value: Any) -> list[UUID]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _named(value: Any, keys: Mapping[UUID, str]) -> Any:
    if isinstance(value, list):
        return [keys[record_id] for record_id in value]
    return None if value is None else keys.get(value)
