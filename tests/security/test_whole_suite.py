"""The whole suite once more, with an eye on its event loops."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.security.serving import ROOT

ALLOWED = {
    "cms/main.py:create_app": "once, when a process starts",
    "cms/upgrade.py:upgrade": "once, before a process starts",
    "cms/openapi.py:describe": "once; the document is kept",
}
"""What may hold the loop, and why."""
TURNS = 3
"""A stall that shows each time is one; one that does not was a machine that did something else."""


def watched(file: Path, *arguments: str) -> dict[str, list[str]]:
    """Run tests; those in which the application held the loop, each with where."""
    # With “=”: a path that stands alone decides where pytest looks for its settings, and without them this runs itself.
    watch = ("-p", "tests.security.stall_watch", f"--stalls={file}")
    command = [sys.executable, "-m", "pytest", "-q", *watch, *arguments]
    file.touch()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode in {0, 1}, done.stdout[-3000:] + done.stderr[-3000:]  # what fails, fails elsewhere too
    print(done.stdout[-300:])  # noqa: T201 - where it is asked for with -s
    found: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        stall = json.loads(line)
        if stall["at"] and not ALLOWED.keys() & set(stall["at"]):
            found.setdefault(stall["test"], []).append(f"{stall['said']} at {', '.join(stall['at'])}")
    return found


@pytest.mark.long
def test_r45_no_callback_of_the_whole_suite_holds_the_loop(tmp_path: Path) -> None:
    """R45: the whole suite in asyncio's debug mode: no callback over 100 ms outside of the list of those allowed."""
    suspects = watched(tmp_path / "first", "-n", "2")
    for turn in range(1, TURNS):
        print("\n".join(f"{test}: {stalls}" for test, stalls in suspects.items()))  # noqa: T201 - as above
        if suspects:
            again = watched(tmp_path / str(turn), "-p", "no:xdist", *suspects)
            suspects = {test: stalls for test, stalls in again.items() if test in suspects}
    assert suspects == {}, json.dumps(suspects, indent=1)


STALLING = """
import asyncio, time, pytest
from cms.database import Database

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_stalls(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    await database.read_soon(lambda connection: time.sleep(0.3))
    await database.dispose()

async def test_waits():
    await asyncio.sleep(0.3)

async def test_stalls_by_itself():
    time.sleep(0.3)
"""


def test_r45_the_watch_would_notice(tmp_path: Path) -> None:
    """R45: what sleeps in the loop is noticed, and told from what waits and from what is a test's own work."""
    (tmp_path / "test_stalling.py").write_text(STALLING, encoding="utf-8")
    options = ("-p", "no:xdist", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT))
    found = watched(tmp_path / "stalls", *options, str(tmp_path / "test_stalling.py"))
    assert [name.rpartition("::")[2] for name in found] == ["test_stalls"]
    assert "cms/database.py:run_soon" in str(found)
