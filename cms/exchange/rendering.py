"""Texts of a large folder, rendered in other processes while the records before them are written."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from types import ModuleType

from cms.editorial.markdown import MarkdownTooComplex, Rendered
from cms.exchange.renderer import Outcome, leave_interrupts, render_all
from cms.exchange.rows import chunks
from cms.media.references import paths_in

MANY = 500
"""Texts from which on it pays to start processes, which takes them about half a second."""
_GROUP = 20
"""Texts that go to a process at once."""


class Ahead:
    """Renders texts before they are asked for.

    :param pool: of processes; None where each text is rendered by whoever asks.
    """

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool
        self._ordered: dict[str, tuple[asyncio.Future[list[Outcome]], int]] = {}

    def order(self, texts: Sequence[str]) -> None:
        """Have these texts rendered, if they are many; not those that name media files, which the database knows."""
        if self._pool is None or len(texts) < _GROUP:
            return
        loop = asyncio.get_running_loop()
        for group in chunks((text for text in texts if not paths_in(text)), _GROUP):
            try:
                coming = loop.run_in_executor(self._pool, render_all, group)
            except BrokenExecutor:  # a process has died: whoever needs a text renders it
                self._pool = None
                return
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
    pool = ProcessPoolExecutor(cores, mp_context=get_context("spawn"), initializer=leave_interrupts)
    try:
        with _without_main(), suppress(BrokenExecutor):
            for _ in range(cores):  # a process is spawned with each order, as long as all others have one
                pool.submit(render_all, ())
        yield Ahead(pool)
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that are spawned here do not begin with the program that this one began with and all it imports."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
