"""What reading costs: ours, the baseline and constant bytes, one process each, taking turns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, table
from benchmarks.load import fetch, run
from benchmarks.servers import Server, start_other, start_ours
from benchmarks.world import World

LIST = "/api/v1/articles?limit=20"
FIELDS = "fields=id,title,slug,excerpt,published_at,author,category,tags"
"""What the baseline answers of each article, and no more."""
FILTER = "category=cat-01&tags=tag-010"
DEEP = 8_000
SLUGS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of request.

    :param theirs: what the baseline is asked for the same; empty where nothing is compared.
    :param limit: the most that ours may cost, as a share of the baseline's.
    """

    name: str
    ours: Sequence[str]
    theirs: Sequence[str]
    limit: float | None = None


@dataclass(slots=True)
class Samples:
    """One side's runs of one kind of request: CPU milliseconds per request, and requests per second."""

    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


Measured = Mapping[tuple[str, str], Samples]
"""By name of the line and of the server."""


async def measure_reads(
    kind: str, urls: Mapping[str, str], world: World, scratch: Path, *, rounds: int, seconds: float
) -> list[Figure]:
    """Every kind of read.

    :param kind: of the database, for names.
    :param urls: of ours and of the baseline.
    :param seconds: how long each run takes.
    """
    ours = await start_ours(urls["ours"], scratch)
    baseline = await start_other("baseline", scratch, urls["baseline"])
    lines = await _lines(ours, world)
    sizes = [str(len(await fetch(ours.port, line.ours[0]))) for line in lines]
    constant = await start_other("constant", scratch, *sizes)
    try:
        await _check(ours, baseline, lines)
        samples = await _measure(lines, [ours, baseline, constant], rounds, seconds)
    finally:
        for server in (ours, baseline, constant):
            server.stop()
    print(_table(kind, lines, samples))
    return _figures(kind, lines, samples)


async def _lines(ours: Server, world: World) -> list[Line]:
    """The requests; the deep page begins where a reader who has paged so far finds its cursor."""
    before = await fetch(ours.port, f"{LIST}&{FIELDS}&skip={DEEP - 20}")
    cursor = json.loads(before)["next"]
    slugs = [row.slug for row in world.articles[: world.published : world.published // SLUGS]]
    theirs = [f"/api/articles/{slug}" for slug in slugs]
    return [
        Line("list", [f"{LIST}&{FIELDS}"], ["/api/articles?limit=20"], 0.33),
        Line("list-default", [LIST], ["/api/articles?limit=20"]),
        Line("detail", [f"/api/v1/articles/{slug}?{FIELDS},content_html" for slug in slugs], theirs, 0.33),
        Line("detail-default", [f"/api/v1/articles/{slug}" for slug in slugs], theirs),
        Line("filter", [f"{LIST}&{FIELDS}&{FILTER}"], ["/api/articles?limit=20&category=cat-01&tag=tag-010"], 0.36),
        Line("deep", [f"{LIST}&{FIELDS}&cursor={cursor}"], [f"/api/articles?limit=20&offset={DEEP}"]),
    ]


async def _check(ours: Server, baseline: Server, lines: Sequence[Line]) -> None:
    """Both sides have to answer the same before it means anything how fast they do."""
    for line in lines:
        mine = json.loads(await fetch(ours.port, line.ours[0]))
        other = json.loads(await fetch(baseline.port, line.theirs[0]))
        if "items" not in mine:
            mine, other = {"items": [mine]}, {"items": [other]}
        if [_essence(item) for item in mine["items"]] != [_essence(item) for item in other["items"]]:
            raise RuntimeError(f"{line.name}: the two sides answer different articles.")
        if line.name != "deep" and mine.get("total") != other.get("total"):
            raise RuntimeError(f"{line.name}: the two sides count differently.")


def _essence(item: Mapping[str, Any]) -> tuple[Any, ...]:
    tags = [tag["slug"] for tag in item["tags"]]
    body = item.get("content_html", item.get("body"))
    return item["slug"], item["excerpt"], item["author"]["name"], item["category"]["slug"], tags, body


async def _measure(lines: Sequence[Line], servers: Sequence[Server], rounds: int, seconds: float) -> Measured:
    samples = {(line.name, server.name): Samples() for line in lines for server in servers}
    for turn in range(-1, rounds):  # the first one only warms up
        for place, line in enumerate(lines):
            paths = {"ours": line.ours, "baseline": line.theirs, "constant": [f"/{place}"]}
            for server in servers if turn % 2 else servers[::-1]:
                before = server.cpu()
                load = await run(server.port, paths[server.name], seconds if turn >= 0 else seconds / 4)
                if turn >= 0:
                    sample = samples[line.name, server.name]
                    sample.cpu.append((server.cpu() - before) * 1e3 / load.requests)
                    sample.rate.append(load.requests / load.seconds)
    return samples


def _table(kind: str, lines: Sequence[Line], samples: Measured) -> str:
    heads = [
        "",
        "ours ms",
        "baseline ms",
        "constant ms",
        "ours/baseline",
        "ours/constant",
        "ours req/s",
        "baseline req/s",
    ]
    rows = []
    for line in lines:
        mine, other, bare = (samples[line.name, name] for name in ("ours", "baseline", "constant"))
        costs = [f"{median(side.cpu):.3f}" for side in (mine, other, bare)]
        shares = [f"{_ratio(mine, side):.3f}" for side in (other, bare)]
        rows.append([line.name, *costs, *shares, *(f"{median(side.rate):.0f}" for side in (mine, other))])
    return table(f"{kind}: CPU milliseconds of the server process per request, medians", heads, rows)


def _figures(kind: str, lines: Sequence[Line], samples: Measured) -> list[Figure]:
    figures = [
        Figure(
            f"{kind}.{line.name}",
            _ratio(samples[line.name, "ours"], samples[line.name, "baseline"]),
            "of-baseline-cpu",
            line.limit,
        )
        for line in lines
    ]
    depth = _ratio(samples["deep", "ours"], samples["list", "ours"])
    return [*figures, Figure(f"{kind}.deep-to-first-page", depth, "of-page-one-cpu", 1.2)]


def _ratio(mine: Samples, other: Samples) -> float:
    """The median of the rounds' own ratios: what disturbs a round disturbs both of its sides."""
    return median(a / b for a, b in zip(mine.cpu, other.cpu, strict=True))
