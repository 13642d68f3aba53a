"""A server of the whole application in a process of its own, over demo content, with somebody of each role."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import httpx

from cms.crud.policy import Role
from cms.database import Database
from cms.upgrade import upgrade
from tests.installation import SECRET, Person, furnish

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PATIENCE = 30
"""How long a server may take to answer, in seconds."""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Mapping[Role, Person]]]:
    """Serve a new installation as long as the block lasts.

    :param folder: where all of its state goes.
    :returns: its address, and its people.
    """
    url = f"sqlite+aiosqlite:///{folder}/fuzzed.db"
    settings = {
        "CMS_DATABASE_URL": url,
        "CMS_MEDIA_URL": str(folder / "media"),
        "CMS_SECRET_KEY": SECRET,
        "CMS_LOG_DIRECTORY": "",
        "CMS_LOG_LEVEL": "ERROR",
    }
    upgrade(url)
    subprocess.run([sys.executable, ROOT / "seed.py"], env=settings, cwd=folder, check=True, capture_output=True)  # noqa: S603 - ours
    people = asyncio.run(_furnish(url))
    port = _free_port()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - ours
            [BIN / "cms", "serve", "--port", str(port)], env=settings, cwd=folder, stdout=log, stderr=log
        )
        try:
            _await_answer(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}", people
        finally:
            process.terminate()
            process.wait(PATIENCE)


async def _furnish(url: str) -> Mapping[Role, Person]:
    database = Database(url)
    people = await furnish(database)
    await database.dispose()
    return people


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            assert httpx.get(url).status_code == 200
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
