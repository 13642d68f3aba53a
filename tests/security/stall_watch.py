"""A plugin of pytest that watches every event loop of a run: `pytest -p tests.security.stall_watch --stalls FILE`.

asyncio runs in its debug mode and says which callbacks held the loop for more than 0.1 s. While one does, a thread
looks at what it is at: the clients of most tests call the application in their own task, so that the name of the task
tells nothing, and the application's own lines in the stack tell whose work it is.
"""

import asyncio
import json
import logging
import sys
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

SLOW = 0.1
"""Seconds for which a callback may hold its loop."""
PAUSE = SLOW / 10
"""Seconds between two looks."""
ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / room}/" for room in ("cms", "admin"))


class Watch(logging.Handler):
    """Notes stalls, with the test in which they happened and the lines of the application that were at work.

    :param file: gets a line of JSON for each.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(logging.WARNING)
        self._file = file
        self._test = ""
        self._running: tuple[int, float] | None = None
        self._seen: set[str] = set()
        self._worked = self._slept = 0.0

    def install(self) -> None:
        """Put every loop into the debug mode, and watch each callback."""
        prepare, run = asyncio.BaseEventLoop.__init__, asyncio.Handle._run  # noqa: SLF001 - there is no public place

        def prepare_and_debug(loop: asyncio.BaseEventLoop) -> None:
            prepare(loop)
            loop.set_debug(True)
            loop.slow_callback_duration = SLOW

        def run_watched(handle: asyncio.Handle) -> None:
            before = self._running
            self._seen, self._slept, started = set(), 0.0, time.thread_time()
            self._running = threading.get_ident(), time.monotonic()
            try:
                run(handle)
            finally:
                self._running, self._worked = before, time.thread_time() - started

        setattr(asyncio.BaseEventLoop, "__init__", prepare_and_debug)  # noqa: B010 - types know no such assignment
        setattr(asyncio.Handle, "_run", run_watched)  # noqa: B010 - as above
        logging.getLogger("asyncio").addHandler(self)
        threading.Thread(target=self._look, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """What asyncio says after a callback that was slow."""
        said = record.getMessage()
        if said.startswith("Executing ") and max(self._worked, self._slept) >= SLOW:
            times = f"worked for {self._worked:.3f} s, slept for {self._slept:.3f} s"
            line = {"test": self._test, "said": f"{times}: {said[:300]}", "at": sorted(self._seen)}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Remember which test is running."""
        self._test = item.nodeid
        return (yield)

    def _look(self) -> None:
        while True:
            time.sleep(PAUSE)
            running = self._running
            if running is not None and time.monotonic() - running[1] > PAUSE:
                self._seen |= lines_of(sys._current_frames().get(running[0]))  # noqa: SLF001 - made for this
                self._slept += PAUSE if is_asleep(running[0]) else 0.0


def is_asleep(ident: int) -> bool:
    """Whether a thread waits for something else than for a processor; where nobody can tell, it does not."""
    for thread in threading.enumerate():
        if thread.ident == ident:
            with suppress(OSError):
                stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="utf-8")
                return stat.rpartition(")")[2].split()[0] in {"S", "D"}
    return False


def lines_of(frame: FrameType | None) -> set[str]:
    """The functions of the application in a stack."""
    found = set()
    while frame is not None:
        if frame.f_code.co_filename.startswith(OURS):
            place = Path(frame.f_code.co_filename).relative_to(ROOT)
            found.add(f"{place}:{frame.f_code.co_name}")
        frame = frame.f_back
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write what was found."""
    parser.addoption("--stalls", type=Path, help="note callbacks that hold an event loop in this file")


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    file: Path | None = config.getoption("--stalls")
    if file is not None:
        watch = Watch(file.absolute())
        watch.install()
        config.pluginmanager.register(watch, "stall-watch")
