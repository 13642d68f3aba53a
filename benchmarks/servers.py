"""One server process for each side, and what it uses of the machine."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import IO

import psutil

from benchmarks.load import fetch

ROOT = Path(__file__).parent.parent
PATIENCE = 30.0
"""Seconds until a server has to answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    :param started_in: seconds from its start to its first answer.
    """

    name: str
    port: int
    process: psutil.Popen
    started_in: float

    def cpu(self) -> float:
        """The CPU seconds that it has used so far, all threads together."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Its resident memory, in MB."""
        return float(self.process.memory_info().rss) / 1e6

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(PATIENCE)


async def start_ours(url: str, scratch: Path) -> Server:
    """Our application as it runs in production: `cms serve`, every layer and the log as shipped.

    :param scratch: a folder for its files.
    """
    port = free_port()
    command = [str(Path(sys.executable).parent / "cms"), "serve", "--port", str(port)]
    environment = {
        "CMS_ENVIRONMENT": "production",
        "CMS_SECRET_KEY": SECRET,
        "CMS_PUBLIC_URL": "https://magazine.example.org",
        "CMS_DATABASE_URL": url,
        "CMS_MEDIA_URL": str(scratch / "media"),
        "CMS_LOG_DIRECTORY": str(scratch / "log"),
    }
    return await _start("ours", command, port, "/api/v1/articles?limit=1", scratch, environment)


async def start_other(name: str, scratch: Path, *arguments: str) -> Server:
    """The baseline, or the constant bytes.

    :param arguments: what `benchmarks.serve` takes after the port.
    """
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serve", name, str(port), *arguments]
    return await _start(name, command, port, "/openapi.json" if name == "baseline" else "/0", scratch, {})


SECRET = "a benchmark keeps no secrets, but a long key"  # noqa: S105 - of servers that live for a minute


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _start(
    name: str, command: Sequence[str], port: int, probe: str, scratch: Path, environment: Mapping[str, str]
) -> Server:
    started = perf_counter()
    log = (scratch / f"{name}.log").open("ab")
    is_ours = name == "ours"
    process = _spawn(command, scratch if is_ours else ROOT, environment, log)
    while True:
        try:
            await fetch(port, probe)
        except OSError:
            if process.poll() is not None or perf_counter() - started > PATIENCE:
                raise RuntimeError(f"{name} does not answer; see {log.name}.") from None
            await asyncio.sleep(0.01)
        else:
            return Server(name, port, process, perf_counter() - started)


def _spawn(command: Sequence[str], directory: Path, environment: Mapping[str, str], log: IO[bytes]) -> psutil.Popen:
    return psutil.Popen(command, cwd=directory, env=dict(environment), stdout=log, stderr=subprocess.STDOUT)
