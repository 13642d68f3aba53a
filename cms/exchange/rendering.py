"""Texts of a large folder, rendered in other processes while the records before them are written."""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from cms.editorial.markdown import MarkdownTooComplex, Rendered, parse
from cms.exchange.rows import chunks
from cms.media.references import paths_in

MANY = 500
"""Texts from which on it pays to start processes, which takes them about half a second."""
_GROUP = 20
"""Texts that go to a process at once."""
_Outcome = Rendered | MarkdownTooComplex


class Ahead:
    """Renders texts before they are asked for.

    :param pool: of processes; None where each text is rendered by whoever asks.
    """

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool
        self._ordered: dict[str, tuple[asyncio.Future[list[_Outcome]], int]] = {}

    def order(self, texts: Sequence[str]) -> None:
        """Have these texts rendered, if they are many; not those that name media files, which the database knows."""
        if self._pool is None or len(texts) < _GROUP:
            return
        loop = asyncio.get_running_loop()
        for group in chunks((text for text in texts if not paths_in(text)), _GROUP):
            coming = loop.run_in_executor(self._pool, _parse_all, group)
            self._ordered |= {text: (coming, place) for place, text in enumerate(group)}

    async def take(self, text: str) -> Rendered | None:
        """A text that was ordered; None for any other, and where its process died.

        :raises MarkdownTooComplex: as rendering does.
        """
        coming, place = self._ordered.pop(text, (None, 0))
        if coming is None:
            return None
        try:
            outcome = (await coming)[place]
        except BrokenExecutor:
            return None
        if isinstance(outcome, MarkdownTooComplex):
            raise outcome
        return outcome


@contextmanager
def rendering_ahead(count: int) -> Iterator[Ahead]:
    """Processes for so many texts, as long as the block lasts; none where they would not pay."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count < MANY or cores == 1:
        yield Ahead(None)
        return
    # Spawned, not forked: this process has threads, whose locks a fork would inherit as they stand.
    pool = ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=_leave_interrupts)
    try:
        yield Ahead(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Ctrl-C is for the process that was started by hand, which ends these."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _parse_all(texts: Sequence[str]) -> list[_Outcome]:
    return [_outcome(text) for text in texts]


def _outcome(text: str) -> _Outcome:
    try:
        return parse(text)
    except MarkdownTooComplex as error:
        return error
