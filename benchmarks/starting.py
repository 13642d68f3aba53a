"""How long a process takes to its first answer, and what it holds after a thousand mixed requests."""

import asyncio
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.load import fetch
from benchmarks.reads import FIELDS, FILTER, LIST
from benchmarks.servers import start_ours
from benchmarks.world import World

REQUESTS = 1_000
AT_ONCE = 8


async def measure_starting(kind: str, url: str, world: World, scratch: Path, *, rounds: int) -> list[Figure]:
    """The figures of a fresh process.

    :param url: of a filled database.
    """
    waits, efforts = [], []
    for _ in range(rounds):
        server = await start_ours(url, scratch)
        waits.append(server.started_in)
        efforts.append(server.cpu())
        server.stop()
    server = await start_ours(url, scratch)
    try:
        paths = islice(cycle(_mixed(world)), REQUESTS)
        await asyncio.gather(*(_ask(server.port, paths) for _ in range(AT_ONCE)))
        memory = server.memory()
    finally:
        server.stop()
    return [
        Figure(f"{kind}.start", median(waits), "s", 2.0),
        Figure(f"{kind}.start-cpu", median(efforts), "s"),
        Figure(f"{kind}.memory", memory, "MB", 150.0),
    ]


def _mixed(world: World) -> Iterator[str]:
    """Requests of every kind that readers send."""
    for row in world.articles[:100]:
        yield LIST
        yield f"{LIST}&{FIELDS}&{FILTER}"
        yield f"/api/v1/articles/{row.slug}"
        yield f"/api/v1/articles/{row.slug}?include=comments"
        yield f"/api/v1/articles?limit=100&sort=title&skip={len(row.title)}00"
        yield f"/api/v1/articles?limit=10&q={row.title.split()[0]}"
        yield "/api/v1/comments?limit=50"
        yield "/api/v1/categories?limit=100&total=none"
        yield "/api/v1/tags?limit=100&sort=name"
        yield f"/api/v1/articles?limit=5&category=cat-{row.category:02}&published_at__lt=2026-06-01T00:00:00Z"


async def _ask(port: int, paths: Iterator[str]) -> None:
    for path in paths:
        await fetch(port, path)
