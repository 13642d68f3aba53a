"""Files in: ten thousand articles as Markdown applied to an empty installation, and then once more."""

from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter

import yaml

from benchmarks.figures import Figure
from benchmarks.installation import write_users
from benchmarks.world import ArticleRow, World
from cms.content import registry
from cms.crud.cursor import Cursors
from cms.crud.plan import Reader
from cms.database import Database
from cms.editorial.recorder import record_changes
from cms.exchange.apply import apply
from cms.media.storage import open_storage


async def measure_files(kind: str, url: str, world: World, scratch: Path) -> list[Figure]:
    """Files a second by the clock, and by the CPU time of this process and of those that it starts.

    :param url: of an empty, migrated database.
    """
    folder = scratch / f"files-{kind}"
    count = write_folder(folder, world)
    database = Database(url)
    record_changes(database.sessions, registry)
    await write_users(database, world)
    figures = []
    for name, least in (("apply", 1_000.0), ("apply-again", 3_000.0)):
        used, started = _cpu_seconds(), perf_counter()
        storage = open_storage(str(scratch / "media"))
        report = await apply(database, registry, Reader(registry, Cursors("benchmark")), storage, folder)
        used, taken = _cpu_seconds() - used, perf_counter() - started
        if report.refused or len(report.created) != (count if name == "apply" else 0):
            raise RuntimeError(f"{name}: {len(report.refused)} refused, {len(report.created)} created of {count}.")
        limit = least if kind == "sqlite" else None
        figures.append(Figure(f"{kind}.{name}", count / taken, "files/s", limit, is_least=True))
        figures.append(Figure(f"{kind}.{name}-cpu", count / used, "files/cpu-s"))
    await database.dispose()
    return figures


def _cpu_seconds() -> float:
    mine, others = getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + others.ru_utime + others.ru_stime


def write_folder(folder: Path, world: World) -> int:
    """Write the published articles, the categories and the tags as files, and say how many."""
    for kind in ("articles", "categories", "tags"):
        (folder / kind).mkdir(parents=True)
    for i in range(world.categories):
        (folder / "categories" / f"cat-{i:02}.yaml").write_text(f"name: Category {i:02}\n")
    for i in range(world.tags):
        (folder / "tags" / f"tag-{i:03}.yaml").write_text(f"name: Tag {i:03}\n")
    for row in world.articles[: world.published]:
        (folder / "articles" / f"{row.slug}.md").write_text(_file(row))
    return world.published + world.categories + world.tags


def _file(row: ArticleRow) -> str:
    head = {
        "title": row.title,
        "excerpt": row.excerpt,
        "author": f"writer-{row.author:02}@example.org",
        "category": f"cat-{row.category:02}",
        "tags": [f"tag-{tag:03}" for tag in row.tags],
        "published_at": row.published_at,
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n\n{row.markdown}\n"
