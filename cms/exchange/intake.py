"""Everything that a folder wants to bring in, read and validated before the database is asked for anything."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cms.crud.content_type import ContentType
from cms.crud.registry import Registry
from cms.exchange.drafts import Draft, Invalid, make_draft, read_draft
from cms.exchange.folder import Contents, Source, list_contents
from cms.exchange.frontmatter import FileError, Matter, load
from cms.exchange.layout import Layout, Naming, layout_of, ordered
from cms.exchange.report import Note


@dataclass(slots=True)
class Intake:
    """The records that files describe.

    :param drafts: by type, each type after those that it refers to.
    :param unreadable: for each type, the keys of files that were refused, and their paths.
    :param total: how many files there are.
    :param authors: the names that a foreign dialect gives for authors, by draft.
    """

    drafts: dict[Layout, list[Draft]]
    unreadable: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    total: int = 0
    authors: dict[Draft, str] = field(default_factory=dict)

    def of(self, content_type: ContentType[Any]) -> list[Draft]:
        """The records of a type."""
        return self.drafts.get(layout_of(content_type), [])

    def refuse(self, layout: Layout, key: str, note: Note) -> None:
        """Note that a file can't become a record, so that others that need it can say why they can't."""
        self.refused.append(note)
        self.unreadable.setdefault(layout.name, {})[key] = note.path


def open_intake(registry: Registry) -> Intake:
    """An intake with nothing in it."""
    return Intake({layout: [] for layout in ordered(registry)})


def read_records(directory: Path, registry: Registry) -> Intake:
    """Read a folder that has a folder for each content type.

    :raises FolderError: if there is no such folder.
    """
    contents = list_contents(directory, registry)
    intake = open_intake(registry)
    intake.refused += contents.refused
    for layout, drafts in intake.drafts.items():
        sources = contents.records.get(layout.name, [])
        drafts.extend(without_twins(_read(sources, layout, contents, intake), intake))
    intake.total = sum(map(len, intake.drafts.values())) + len(intake.refused)
    return intake


def without_twins(drafts: Iterable[Draft], intake: Intake) -> Iterable[Draft]:
    """The drafts without those that mean the same record as one before."""
    seen: dict[Any, Draft] = {}
    for draft in drafts:
        first = seen.setdefault(draft.record_id or draft.key, draft)
        if first is draft:
            yield draft
        elif not draft.is_implied:
            label = draft.layout.content_type.label.lower()
            sentence = f"“{first.path}” is the same {label}, “{draft.key}”; keep one of them."
            intake.refused.append(Note(draft.path, None, sentence))


def _read(sources: list[Source], layout: Layout, contents: Contents, intake: Intake) -> Iterable[Draft]:
    for source in sources:
        try:
            if layout.naming is Naming.PATH:
                yield _media_draft(source, layout, contents.sidecars.get(source.name))
            else:
                yield read_draft(source, layout)
        except Invalid as invalid:
            intake.refuse(layout, source.name, invalid.note)


def _media_draft(source: Source, layout: Layout, sidecar: Source | None) -> Draft:
    """A media file, with what the file beside it says about it."""
    described = Source(sidecar.path if sidecar else source.path, source.location, source.name)
    try:
        matter = Matter(sidecar.read() if sidecar else "", "", 1)
        values = load(matter.yaml)
    except FileError as error:
        raise Invalid(Note(described.path, error.line, str(error))) from error
    draft = make_draft(described, layout, values, matter)
    draft.path = source.path
    draft.file = source.location
    try:
        with source.location.open("rb") as file:
            draft.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Invalid(Note(source.path, None, f"The file can't be read: {error.strerror}.")) from error
    return draft
