"""A folder of files into the database: in one transaction, through the same services as every door."""

import gc
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anyio import to_thread
from sqlalchemy.orm import Session

from cms.auth.passwords import generate_password
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Actor, Door
from cms.crud.problems import Problem
from cms.crud.registry import Registry
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.editorial.recorder import write_notes
from cms.exchange.differences import Difference, describe, differences
from cms.exchange.drafts import Draft
from cms.exchange.filing import BATCH, Filer, Writing
from cms.exchange.intake import Intake, read_records
from cms.exchange.jekyll import attribute, is_posts, read_posts
from cms.exchange.layout import CREATED_AT, Layout, Naming
from cms.exchange.mediafiles import UnwrittenStorage, has_bytes_of, store
from cms.exchange.references import References
from cms.exchange.rendering import Ahead, rendering_ahead
from cms.exchange.report import Change, Note, Report
from cms.exchange.resolving import Refusal, Resolver, levels
from cms.exchange.rows import Row, chunks, rows_of
from cms.media.storage import Storage

Progress = Callable[[int, int], None]
"""Is told how many files are decided about, and how many there are."""
BATCHES_AHEAD = 3
"""How many batches are rendered before the one at hand is written: or processes wait for it that could go on."""


async def apply(  # noqa: PLR0913 - what it works on, and how
    database: Database,
    registry: Registry,
    reader: Reader,
    storage: Storage,
    directory: Path,
    *,
    actor: Actor = SYSTEM,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring the database to what the files say. A file is the whole record: a key that it leaves out has its default.

    Nothing is deleted. A file that can't be accepted is refused, and so are those that need it; the others are
    written. If anything else goes wrong, nothing is.

    :param storage: where media files are kept.
    :param directory: a folder with a folder per content type, or a Jekyll site's `_posts`.
    :param actor: on whose behalf.
    :param dry_run: undo everything in the end, and tell in the report what would change, field by field.
    :param progress: is called now and then.
    :raises FolderError: if there is no such folder. :raises DatabaseUnavailable: if the database does not answer.
    """
    intake = await to_thread.run_sync(_read_folder, directory, registry)
    report = Report(dry_run, refused=intake.refused, warnings=intake.warnings)
    gc.freeze()  # what was read is needed to the end: collections would look through all of it, for nothing
    try:
        with rendering_ahead(intake.total) as ahead:
            async with database.session() as session:
                work = UnitOfWork(session, actor, reader, ahead=ahead.take, door=Door.FILES)
                kept = UnwrittenStorage(storage) if dry_run else storage
                await _Run(work, ahead, kept, intake, report, progress).all()
                if dry_run:
                    raise _Undone
    except _Undone:
        report.passwords.clear()
    finally:
        gc.unfreeze()
    report.refused.sort(key=lambda note: (note.path, note.line or 0))
    return report


async def plan(
    database: Database, registry: Registry, reader: Reader, storage: Storage, directory: Path, actor: Actor = SYSTEM
) -> Report:
    """What `apply` would do, field by field; nothing is written.

    :raises FolderError: :raises DatabaseUnavailable: as `apply`.
    """
    return await apply(database, registry, reader, storage, directory, actor=actor, dry_run=True)


class _Undone(Exception):
    """Leaves a transaction that was only tried."""


def _read_folder(directory: Path, registry: Registry) -> Intake:
    return read_posts(directory, registry) if is_posts(directory, registry) else read_records(directory, registry)


class _Run:
    """One folder on its way into one transaction."""

    def __init__(
        self,
        work: UnitOfWork,
        ahead: Ahead,
        storage: Storage,
        intake: Intake,
        report: Report,
        progress: Progress | None,
    ) -> None:
        self._work = work
        self._ahead = ahead
        self._storage = storage
        self._intake = intake
        self._report = report
        self._progress = progress
        self._resolver = Resolver(work.registry, work.actor, References(work.actor))
        for name, paths in intake.unreadable.items():
            self._resolver.refused |= {(name, key): path for key, path in paths.items()}

    async def all(self) -> None:
        """Write every type, each after those that it refers to."""
        await attribute(self._work, self._intake)
        for layout, drafts in self._intake.drafts.items():
            if drafts:
                await self._write_type(layout, drafts)

    async def _write_type(self, layout: Layout, drafts: list[Draft]) -> None:
        rows = await self._read(rows_of, layout, [draft.name for draft in drafts])
        if layout.naming is Naming.PATH:
            drafts = [draft for draft in drafts if await self._store(draft, rows.get(str(draft.name)))]
        filer = Filer(self._work, layout.content_type)
        ordered, circular = levels(layout, drafts)
        for level in ordered:
            await self._read(self._resolver.look_up, layout, level)
            await self._write_level(filer, layout, level, rows)
        for draft in circular:
            self._refuse(draft, Refusal("Following its parents leads in a circle; break it.", layout.parents[0].name))

    async def _store(self, draft: Draft, row: Row | None) -> bool:
        """Bring the bytes of a media file in; whether its description is still to be compared."""
        if row is not None:
            if await has_bytes_of(draft, row):
                return True
            self._refuse(draft, Refusal("Another file is stored under this name; give the new one a name of its own."))
            return False
        stored = await store(self._work, self._storage, draft)
        if isinstance(stored, Problem):
            self._refuse(draft, Refusal(str(stored)))
            return False
        self._learn(draft, stored.record.id)
        if stored.is_new:
            self._report.created.append(Change(draft.path))
        else:
            sentence = (
                f"It is the same file as “{stored.record.path}”, which stands for both; texts have to name that one."
            )
            self._report.warnings.append(Note(draft.path, None, sentence))
            self._report.unchanged += 1
        return False

    async def _write_level(self, filer: Filer, layout: Layout, level: list[Draft], rows: dict[str, Row]) -> None:
        """Write records that do not need each other; the texts of batches are rendered while those before are."""
        waiting: deque[list[Writing]] = deque()
        for batch in chunks(level, BATCH):
            writings = self._writings(batch, rows)
            if layout.body:
                self._ahead.order([w.values[layout.body] for w in writings if w.values.get(layout.body)])
            waiting.append(writings)
            if len(waiting) > BATCHES_AHEAD:
                await self._write_batch(filer, waiting.popleft())
        for writings in waiting:
            await self._write_batch(filer, writings)

    def _writings(self, batch: list[Draft], rows: dict[str, Row]) -> list[Writing]:
        """What is to be written of these; what is refused or unchanged is noted."""
        writings = []
        for draft in batch:
            try:
                changes = self._changes(draft, row := rows.get(str(draft.name)))
            except Refusal as refusal:
                self._refuse(draft, refusal)
                continue
            if row is not None and (not changes or draft.is_implied):
                self._learn(draft, row.id)
                self._report.unchanged += not draft.is_implied
            else:
                writings.append(_writing(draft, row, changes))
        return writings

    async def _write_batch(self, filer: Filer, writings: list[Writing]) -> None:
        if writings:
            await filer.write(writings)
            await self._work.session.run_sync(write_notes)  # thousands of them would take up room
            lines = await self._lines(writings)
            for writing in writings:
                self._record(writing, lines.get(id(writing.changes), ()))
        if self._progress is not None:
            self._progress(min(self._report.total, self._intake.total), self._intake.total)

    def _changes(self, draft: Draft, row: Row | None) -> list[Difference]:
        """What the file says that the database does not. :raises Refusal: if that can't be written."""
        if row is not None and row.is_trashed:
            label = draft.layout.content_type.label.lower()
            raise Refusal(f"The {label} “{draft.key}” is in the trash; restore it, or delete it for good, first.")
        resolved = self._resolver.resolve(draft, self._intake.of)
        if row is None:
            self._resolver.require(draft, resolved)
        return differences(draft, row, resolved)

    def _record(self, writing: Writing, lines: tuple[str, ...]) -> None:
        draft = writing.draft
        if writing.record_id is None:
            self._refuse(draft, _refusal(writing.problem))
            return
        self._learn(draft, writing.record_id)
        if not writing.has_written:
            self._report.unchanged += 1
        elif writing.row is None:
            self._report.created.append(Change(draft.path))
            for name in draft.layout.secrets:
                self._report.passwords[draft.key] = writing.values[name]
        else:
            self._report.updated.append(Change(draft.path, lines))

    def _refuse(self, draft: Draft, refusal: Refusal) -> None:
        self._resolver.refused[draft.layout.name, draft.key] = draft.path
        self._report.refused.append(draft.note(str(refusal), *refusal.where))

    def _learn(self, draft: Draft, record_id: Any) -> None:
        self._resolver.references.learn(draft.layout.content_type, draft.key, record_id)

    async def _lines(self, writings: list[Writing]) -> dict[int, tuple[str, ...]]:
        """What changes, for people; only where that is all that is wanted."""
        if not self._report.is_dry:
            return {}
        changes = [writing.changes for writing in writings if writing.row is not None]
        return await self._read(describe, self._work.registry, changes)  # type: ignore[no-any-return]  # of any function

    async def _read(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function that reads, on the connection of the transaction."""

        def run(session: Session) -> Any:
            return function(session.connection(), *args)

        return await self._work.session.run_sync(run)


def _writing(draft: Draft, row: Row | None, changes: list[Difference]) -> Writing:
    values: dict[str, Any] = {}
    for change in changes:
        if change.info.name != CREATED_AT:
            values[change.info.name] = change.value
    given = set(values)
    if row is None:
        made = {name: generate_password() for name in draft.layout.secrets} | draft.on_create
        values |= made
        given = {*made, *draft.data.model_fields_set}
    return Writing(draft, row, values, frozenset(given), changes)


def _refusal(problem: Problem | None) -> Refusal:
    if problem is None:
        return Refusal("It was not written.")
    pointer = next((error.pointer for error in problem.errors if error.pointer), "")
    return Refusal(str(problem), *pointer.split("/")[1:])
