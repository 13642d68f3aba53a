"""`python -m benchmarks`: every promised figure, on the databases that are there."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import baseline, installation
from benchmarks.backoffice import measure_backoffice
from benchmarks.databases import Servers, new_database
from benchmarks.figures import Figure
from benchmarks.files import measure_files
from benchmarks.reads import measure_reads
from benchmarks.recording import measure_recording
from benchmarks.starting import measure_starting
from benchmarks.world import World
from cms.database import Database
from cms.upgrade import upgrade

KINDS = ("sqlite", "postgresql")
PARTS = ("reads", "starting", "recording", "files", "backoffice")


def main() -> int:
    """Measure, tell, and say by the exit code whether every promise is kept."""
    options = _options()
    with TemporaryDirectory(prefix="bench-") as scratch:
        figures = asyncio.run(_measure(options, Path(scratch)))
    for figure in figures:
        print(figure.line())
    missed = [figure.name for figure in figures if not figure.is_met]
    print(f"Missed: {', '.join(missed)}." if missed else "Every figure is within its limit.")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--db", nargs="+", choices=KINDS, default=KINDS, help="which databases")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="which figures")
    parser.add_argument("--rounds", type=int, default=5, help="how often each run is repeated")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long a run takes")
    return parser.parse_args()


async def _measure(options: argparse.Namespace, scratch: Path) -> list[Figure]:
    figures: list[Figure] = []
    for kind in options.db:
        if kind == "postgresql" and Servers().postgres_url is None:
            print("postgresql: skipped; set CMS_BENCH_POSTGRES_URL to a server where databases may be created.\n")
            continue
        figures += await _measure_on(kind, options, scratch)
    return figures


async def _measure_on(kind: str, options: argparse.Namespace, scratch: Path) -> Sequence[Figure]:
    world = World()
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        names = ("ours", "baseline", "long", "files", "large")
        urls = {name: await stack.enter_async_context(new_database(kind, name, scratch)) for name in names}
        for name in ("ours", "long", "files", "large"):
            await asyncio.to_thread(upgrade, urls[name])
        repeats = {"rounds": options.rounds, "seconds": options.seconds}
        await _fill_all(urls, world, set(options.only))
        if "reads" in options.only:
            figures += await measure_reads(kind, urls, world, scratch, **repeats)
        if "starting" in options.only:
            figures += await measure_starting(kind, urls["ours"], world, scratch, rounds=options.rounds)
        if "recording" in options.only:  # after the others, since it changes what they read
            figures += await measure_recording(kind, urls, world, scratch, **repeats)
        if "files" in options.only:
            figures += await measure_files(kind, urls["files"], world, scratch)
        if "backoffice" in options.only:
            figures += await measure_backoffice(kind, urls["large"], scratch, rounds=options.rounds)
    return figures


async def _fill_all(urls: Mapping[str, str], world: World, parts: set[str]) -> None:
    if {"reads", "starting", "recording"} & parts:
        await _fill(urls["ours"], world)
    if {"reads", "recording"} & parts:
        await baseline.fill(urls["baseline"], world)
    if "recording" in parts:
        await _fill(urls["long"], world)


async def _fill(url: str, world: World) -> None:
    database = Database(url)
    await installation.fill(database, world)
    await database.dispose()


if __name__ == "__main__":
    sys.exit(main())
