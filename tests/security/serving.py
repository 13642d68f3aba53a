"""The application in a process of its own, as `cms serve` runs it, and bare connections to strain it with."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from cms.crud.policy import Role
from tests.installation import SECRET, Person

ROOT = Path(__file__).parents[2]


class Answer(NamedTuple):
    """What came back.

    :param headers: the lines above the body, lower-cased.
    """

    status: int
    headers: bytes
    body: bytes


class Wire:
    """One connection that is kept open. A call that fails leaves it closed; the next one opens it anew."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Answer:
        """Send the bytes of a request.

        :raises OSError: if the connection is refused or cut.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            _, _, rest = head.partition(b"content-length: ")
            body = await reader.readexactly(int(rest.split(b"\r\n", 1)[0] or 0))
        except (asyncio.IncompleteReadError, OSError) as error:
            self.close()
            raise ConnectionResetError(str(error)) from error
        if b"connection: close" in head:
            self.close()
        return Answer(int(head[9:12]), head, body)

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(frozen=True)
class Served:
    """An application that listens.

    :param people: one of each role, signed in.
    """

    port: int
    process: subprocess.Popen[bytes]
    people: Mapping[Role, Person]

    def wire(self) -> Wire:
        """A new connection."""
        return Wire(self.port)

    def request(self, method: str, path: str, role: Role = Role.ANONYMOUS, body: bytes = b"", etag: str = "") -> bytes:
        """The bytes of a request to the API."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if role in self.people:
            lines.append(f"Authorization: Bearer {self.people[role].token}")
        if body or method != "GET":
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        if etag:
            lines.append(f"If-Match: {etag}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    @property
    def cpu(self) -> float:
        """Seconds of processor time that the process has used: they tell cost, however busy the machine is."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(psutil.Process(self.process.pid).memory_info().rss)


@asynccontextmanager
async def served(
    url: str,
    folder: Path,
    people: Mapping[Role, Person],
    settings: Mapping[str, str] | None = None,
    port: int | None = None,
) -> AsyncIterator[Served]:
    """Serve an application over a migrated database that has these people, until the block ends.

    :param settings: others than the usual ones.
    :param port: of one that was killed before; by default, one that is free.
    """
    port = port or free_port()
    environment = {
        "CMS_DATABASE_URL": url,
        "CMS_SECRET_KEY": SECRET,
        "CMS_MEDIA_URL": str(folder / "media"),
        "CMS_LOG_DIRECTORY": str(folder / "log"),
        "CMS_LOG_LEVEL": "ERROR",
        "PYTHONPATH": str(ROOT),
        **(settings or {}),
    }
    command = [str(Path(sys.executable).with_name("cms")), "serve", "--port", str(port)]
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out)  # noqa: S603, ASYNC220 - our own
    site = Served(port, process, people)
    try:
        await wait_until_ready(site)
        yield site
    finally:
        process.terminate()
        process.wait(20)


async def wait_until_ready(site: Served) -> None:
    """Wait until it answers.

    :raises TimeoutError: after 20 seconds.
    """
    wire = site.wire()
    async with asyncio.timeout(20):
        while True:
            try:
                if (await wire.send(site.request("GET", "/readyz"))).status == 200:
                    break
            except OSError:
                await asyncio.sleep(0.05)
    wire.close()


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
