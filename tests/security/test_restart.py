"""PostgreSQL restarted under load: nothing that was acknowledged is missing or there twice, and nobody is told 500."""

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import asyncpg
import pytest
from psutil import Process

from cms.crud.policy import Role
from cms.database import Database
from cms.upgrade import upgrade
from tests.installation import furnish
from tests.security.serving import Served, free_port, served

NEEDS_BINARIES = "needs initdb and pg_ctl of PostgreSQL, and the user postgres"
WRITERS, INSISTENT, READERS = 6, 4, 4


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server of the test's own.

    :param tools: where initdb and pg_ctl are.
    """

    tools: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        self._run("initdb", "--auth=trust", "--no-locale", "--encoding=UTF8")
        self.control("start", "-o", f"-p {self.port} -c unix_socket_directories= -c listen_addresses=127.0.0.1")

    def control(self, verb: str, *options: str) -> None:
        """Start, stop or restart it, and wait until that is done."""
        self._run("pg_ctl", verb, "-w", "-s", "-l", str(self.folder / "log"), *options)

    def _run(self, tool: str, *arguments: str) -> None:
        command = ["runuser", "-u", "postgres", "--", str(self.tools / tool), "-D", str(self.folder / "data")]
        subprocess.run([*command, *arguments], check=True, cwd="/", stdout=subprocess.DEVNULL)  # noqa: S603 - our own


def find_tools() -> Path | None:
    """Where initdb and pg_ctl are: on the path, where pg_config says, or where Debian puts them."""
    places = [Path(found).resolve().parent] if (found := shutil.which("initdb")) else []
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603 - as above
        places.append(Path(said.stdout.strip()))
    by_version = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name), reverse=True
    )
    complete = (p for p in (*places, *by_version) if (p / "initdb").exists() and (p / "pg_ctl").exists())
    return next(complete, None)


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that may be restarted; where nobody can make one, the test says so and is skipped."""
    tools = find_tools()
    if tools is None or not shutil.which("runuser") or Path.home() != Path("/root"):
        pytest.skip(NEEDS_BINARIES)
    folder = Path("/tmp") / f"cms-restart-{free_port()}"  # noqa: S108 - pytest's own folders are closed to others
    folder.mkdir(mode=0o755)
    shutil.chown(folder, "postgres")
    cluster = Cluster(tools, folder, free_port())
    cluster.create()
    yield cluster
    cluster.control("stop", "-m", "immediate")
    shutil.rmtree(folder)


@pytest.fixture
async def site(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Served]:
    """An application on that server."""
    await asyncio.to_thread(upgrade, cluster.url)
    database = Database(cluster.url)
    people = await furnish(database)
    await database.dispose()
    async with served(cluster.url, tmp_path, people) as site:
        yield site


@dataclass
class Record:
    """What happened.

    :param kept: the slugs of the tags whose making was acknowledged.
    :param insisted: the titles of the articles whose making was, at whichever attempt.
    :param retries: attempts that were made again under their key.
    :param successes: when writes succeeded.
    """

    kept: set[str] = field(default_factory=set)
    insisted: set[str] = field(default_factory=set)
    retries: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    successes: list[float] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    def note(self, status: int, headers: bytes, body: bytes) -> None:
        self.statuses[status] += 1
        is_refusal = status == 503 and b"retry-after: " in headers
        if status not in {200, 201} and not is_refusal:
            self.strange.append(f"{status} {body[:300]!r}")


async def write(site: Served, record: Record, writer: int, stop: asyncio.Event) -> None:
    wire, number = site.wire(), 0
    while not stop.is_set():
        slug, number = f"tag-{writer}-{number}", number + 1
        body = f'{{"name": "{slug}", "slug": "{slug}"}}'.encode()
        answer = await wire.send(site.request("POST", "/api/v1/tags", Role.EDITOR, body))
        record.note(*answer)
        if answer.status == 201:
            record.kept.add(slug)
            record.successes.append(perf_counter())
        await asyncio.sleep(0.02)
    wire.close()


async def insist(site: Served, record: Record, writer: int, stop: asyncio.Event) -> None:
    """R12: whoever can't know whether it was done sends it again under its key, until there is an answer."""
    wire, number = site.wire(), 0
    while not stop.is_set():
        title, number = f"Article {writer}-{number}", number + 1
        request = site.request("POST", "/api/v1/articles", Role.EDITOR, f'{{"title": "{title}"}}'.encode())
        keyed = request.replace(b"\r\n\r\n", f"\r\nIdempotency-Key: {title}\r\n\r\n".encode(), 1)
        while (answer := await wire.send(keyed)).status in {409, 503}:
            record.retries += 1
            await asyncio.sleep(0.1)
        record.note(*answer)
        record.insisted.add(title)
        await asyncio.sleep(0.02)
    wire.close()


async def read(site: Served, record: Record, stop: asyncio.Event) -> None:
    wire = site.wire()
    while not stop.is_set():
        record.note(*await wire.send(site.request("GET", "/api/v1/tags?limit=1")))
        await asyncio.sleep(0.02)
    wire.close()


async def restart_under_load(cluster: Cluster, site: Served, times: int) -> tuple[Record, list[float]]:
    """Restart the server that often while readers and writers go on.

    :returns: what they met, and for each restart the seconds from its end to the next acknowledged write.
    """
    record, stop, restarted = Record(), asyncio.Event(), []
    everybody = asyncio.gather(
        *(write(site, record, writer, stop) for writer in range(WRITERS)),
        *(insist(site, record, writer, stop) for writer in range(INSISTENT)),
        *(read(site, record, stop) for _ in range(READERS)),
    )
    for turn in range(times):
        await asyncio.sleep(1)
        await asyncio.to_thread(cluster.control, "restart", "-m", "fast" if turn % 2 else "immediate")
        restarted.append(perf_counter())
        await asyncio.sleep(3)
    stop.set()
    await asyncio.wait_for(everybody, 30)
    waits = [min((s for s in record.successes if s > end), default=float("inf")) - end for end in restarted]
    return record, waits


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.long)])
async def test_a_restart_under_load_loses_nothing(cluster: Cluster, site: Served, times: int) -> None:
    """R11, R12: immediate, then fast, and so on: nothing that was acknowledged is missing, nothing that was sent again
    is there twice, errors are 503 with Retry-After, and we are back within 3 s of the server, without a restart."""
    started = Process(site.process.pid).create_time()
    record, waits = await restart_under_load(cluster, site, times)
    assert site.process.poll() is None
    assert Process(site.process.pid).create_time() == started
    connection = await asyncpg.connect(cluster.url.replace("+asyncpg", ""))
    try:
        stored = {row["slug"] for row in await connection.fetch("SELECT slug FROM tags")}
        titles = [row["title"] for row in await connection.fetch("SELECT title FROM articles")]
    finally:
        await connection.close()
    print(f"{dict(record.statuses)}; {len(record.kept)} acknowledged; back after {max(waits):.2f} s")  # noqa: T201 - with -s
    assert len(record.kept) > 20 * times, "it was under load"
    assert record.statuses[503], "the restarts were felt"
    assert not record.kept - stored, "what was acknowledged is there"
    assert record.retries, "some had to ask again"
    assert sorted(titles) == sorted(record.insisted), "each is there, and once"
    assert not record.strange, record.strange[:5]
    assert max(waits) <= 3.0
