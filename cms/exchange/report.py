"""What an exchange of files came to: counts, what was refused and why, and all of it as plain text."""

from dataclasses import dataclass, field

SHOWN = 50
"""The most warnings that a summary lists; the rest are counted."""


class FolderError(Exception):
    """A folder can't be exchanged at all; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence about a file.

    :param path: relative to the folder, with `/`.
    :param line: counted from 1; None where it is about the whole file.
    """

    path: str
    line: int | None
    sentence: str

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Change:
    """A file whose record was (or would be) written; or a record whose file was.

    :param lines: what changed, a line per field.
    """

    path: str
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """What became of every file.

    :param is_dry: whether nothing was written, and this tells what would be.
    :param passwords: of the accounts that were made, by e-mail; shown once and kept nowhere.
    """

    is_dry: bool = False
    created: list[Change] = field(default_factory=list)
    updated: list[Change] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Note] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def has_changes(self) -> bool:
        """Whether anything was, or would be, written."""
        return bool(self.created or self.updated)

    @property
    def total(self) -> int:
        """How many files were decided about."""
        return len(self.created) + len(self.updated) + self.unchanged + len(self.refused)


def summarise(report: Report) -> str:
    """The report for people: notes, changes where nothing was written, and a line of counts. Holds no password."""
    lines = [f"refused  {note}" for note in report.refused]
    lines += [f"warning  {note}" for note in report.warnings[:SHOWN]]
    if more := len(report.warnings) - SHOWN:
        lines += [f"warning  … and {more} more"] if more > 0 else []
    if report.is_dry:
        for sign, changes in (("+", report.created), ("~", report.updated)):
            for change in changes:
                lines += [f"{sign} {change.path}", *(f"    {line}" for line in change.lines)]
    counts = (
        (len(report.created), "created"),
        (len(report.updated), "updated"),
        (report.unchanged, "unchanged"),
        (len(report.refused), "refused"),
    )
    would = " (nothing was written)" if report.is_dry else ""
    return "\n".join([*lines, ", ".join(f"{count} {word}" for count, word in counts) + would])
