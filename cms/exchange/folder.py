"""Which files a folder holds for each content type; nothing outside it is ever read."""

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cms.crud.problems import suggestion
from cms.crud.registry import Registry
from cms.exchange.frontmatter import MAX_BYTES, FileError, decode
from cms.exchange.layout import Layout, Naming, layout_of
from cms.exchange.report import FolderError, Note

SIDECAR = ".yaml"
"""The ending that a media file's name gets for the file that describes it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read.

    :param path: relative to the folder, with `/`.
    :param location: where it lies.
    :param name: what names the record: the stem; for media the path below the type's folder.
    """

    path: str
    location: Path
    name: str

    def read(self) -> str:
        """Its text. :raises FileError: if it can't be read as text."""
        try:
            if self.location.stat().st_size > MAX_BYTES:
                raise FileError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
            return decode(self.location.read_bytes())
        except OSError as error:
            raise FileError(f"The file can't be read: {error.strerror}.") from error


@dataclass(slots=True)
class Contents:
    """What a folder holds.

    :param records: by type, in the order of their names.
    :param sidecars: the files that describe media files, by the path of these.
    """

    records: dict[str, list[Source]] = field(default_factory=dict)
    sidecars: dict[str, Source] = field(default_factory=dict)
    refused: list[Note] = field(default_factory=list)


def list_contents(directory: Path, registry: Registry) -> Contents:
    """What a folder holds for the types of a registry.

    :raises FolderError: if there is no such folder.
    """
    root = open_folder(directory)
    contents = Contents()
    names = {content_type.name for content_type in registry if content_type.write_fields}
    for entry in _entries(root):
        if entry.is_dir() and entry.name in names:
            _list_type(root, layout_of(registry.by_name(entry.name)), contents)
        elif entry.is_dir():
            sentence = f"“{entry.name}” is no content type.{suggestion(entry.name, names)}"
            contents.refused.append(Note(f"{entry.name}/", None, sentence))
    return contents


def open_folder(directory: Path) -> Path:
    """The folder, as an absolute path without links.

    :raises FolderError: if there is none.
    """
    if not directory.is_dir():
        raise FolderError(f"There is no folder “{directory}”.")
    return directory.resolve()


def walk(root: Path, start: Path, refused: list[Note], *, is_deep: bool) -> Iterator[Source]:
    """The files below `start`, by name; links that lead out of `root`, folders and odd files are refused.

    :param is_deep: whether folders inside are read, too.
    """
    prefix = "" if start == root else f"{start.relative_to(root).as_posix()}/"
    for entry in _entries(start):
        path = prefix + entry.name
        if reason := _refusal(root, entry, is_deep=is_deep):
            refused.append(Note(path, None, reason))
        elif entry.is_dir():
            yield from walk(root, start / entry.name, refused, is_deep=is_deep)
        else:
            yield Source(path, location := Path(entry.path), location.stem)


def refuse_clashes(sources: list[Source], name_of: Callable[[Source], str], refused: list[Note]) -> list[Source]:
    """Those whose names differ in more than case; which of the others is meant nobody can tell, so all are refused."""
    by_name: dict[str, list[Source]] = {}
    for source in sources:
        by_name.setdefault(unicodedata.normalize("NFC", name_of(source)).casefold(), []).append(source)
    for clashing in by_name.values():
        if len(clashing) > 1:
            names = " and ".join(f"“{source.path}”" for source in clashing[:3])
            sentence = f"{names} are one name to many computers; rename all but one."
            refused.extend(Note(source.path, None, sentence) for source in clashing)
    return [source for (source, *others) in by_name.values() if not others]


def _list_type(root: Path, layout: Layout, contents: Contents) -> None:
    is_media = layout.naming is Naming.PATH
    found = list(walk(root, root / layout.name, contents.refused, is_deep=is_media))
    if is_media:
        contents.records[layout.name] = _list_media(root / layout.name, found, contents)
        return
    fitting = []
    for source in found:
        if source.location.suffix in layout.suffixes:
            fitting.append(source)
        else:
            sentence = f"Files in “{layout.name}” end in {layout.suffix}; rename it, or move it elsewhere."
            contents.refused.append(Note(source.path, None, sentence))
    contents.records[layout.name] = refuse_clashes(fitting, lambda source: source.name, contents.refused)


def _list_media(folder: Path, found: list[Source], contents: Contents) -> list[Source]:
    named = [Source(s.path, s.location, s.location.relative_to(folder).as_posix()) for s in found]
    files = [source for source in named if not source.name.endswith(SIDECAR)]
    names = {source.name for source in files}
    for source in named:
        if source.name.endswith(SIDECAR):
            if source.name.removesuffix(SIDECAR) in names:
                contents.sidecars[source.name.removesuffix(SIDECAR)] = source
            else:
                sentence = f"It describes “{source.name.removesuffix(SIDECAR)}”, which is not beside it."
                contents.refused.append(Note(source.path, None, sentence))
    return refuse_clashes(files, lambda source: source.name, contents.refused)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """What a directory holds, by name; hidden files belong to tools."""
    with os.scandir(directory) as entries:
        return sorted((e for e in entries if not e.name.startswith(".")), key=lambda entry: entry.name)


def _refusal(root: Path, entry: os.DirEntry[str], *, is_deep: bool) -> str | None:
    if entry.is_symlink():
        target = Path(os.path.realpath(entry.path))
        if not target.is_relative_to(root):
            return "This link leads out of the folder; put the file itself here."
        if target.is_dir():
            return "This is a link to a folder; put the files themselves here."
    if entry.is_dir():
        return None if is_deep else "Folders in here are not read; move the files up."
    return None if entry.is_file() else "This is no regular file."
