"""The price of recording: a change with all that is written down about it, and beside a long history."""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, select
from uuid_utils.compat import uuid7

from benchmarks.figures import Figure, table
from benchmarks.load import Load, fetch, patch, run, run_requests
from benchmarks.reads import LIST
from benchmarks.servers import SECRET, Server, start_other, start_ours
from benchmarks.world import NEWEST, World
from cms.auth.sessions import SessionKind, open_session
from cms.auth.tokens import Claims, Tokens
from cms.auth.users import User
from cms.content.articles import Article
from cms.crud.policy import Door, Role
from cms.database import Database
from cms.editorial.history import ChangeSet, Revision

REVISIONS = 100_000
CHANGED = 200
"""How many articles are changed in turn."""
_TURNS = 5
"""How often a list is measured in each round."""
_EXCERPT = 1_000
"""The characters of text in each revision that is there before."""
_BATCH = 1_000


async def measure_recording(
    kind: str, urls: Mapping[str, str], world: World, scratch: Path, *, rounds: int, seconds: float
) -> list[Figure]:
    """What a change costs, beside one without history, and beside a long history.

    :param urls: of ours, of ours with a long history, and of the baseline: all filled with the world.
    """
    tokens = {name: await _prepare(urls[name], with_history=name == "long") for name in ("ours", "long")}
    servers = {name: await start_ours(urls[name], scratch) for name in ("ours", "long")}
    servers["baseline"] = await start_other("baseline", scratch, urls["baseline"])
    slugs = [row.slug for row in world.articles[: world.published : world.published // CHANGED]]
    changes = {
        "ours": _changes("/api/v1/articles", slugs, f"Authorization: Bearer {tokens['ours']}\r\n"),
        "long": _changes("/api/v1/articles", slugs, f"Authorization: Bearer {tokens['long']}\r\n"),
        "baseline": _changes("/api/articles", slugs),
    }
    cpu: dict[tuple[str, str], list[float]] = {}
    try:
        for turn in range(-1, rounds):  # the first one only warms up
            for name in sorted(servers, reverse=bool(turn % 2)):
                server = servers[name]
                spent = await _cost(server, run_requests(server.port, changes[name], seconds))
                if turn >= 0:
                    cpu.setdefault(("save", name), []).append(spent)
        # A tenth is less than the machine itself varies by from one second to the next: hence many short turns.
        for turn in range(_TURNS * rounds):
            for name in ("ours", "long")[:: -1 if turn % 2 else 1]:
                server = servers[name]
                spent = await _cost(server, run(server.port, [LIST], seconds / 3))
                cpu.setdefault(("list", name), []).append(spent)
        await _check(servers["ours"], slugs[0], tokens["ours"])
    finally:
        for server in servers.values():
            server.stop()
    rows = [[f"{what} {name}", f"{median(values):.3f}"] for (what, name), values in sorted(cpu.items())]
    print(table(f"{kind}: CPU milliseconds of the server process per request, medians", ["", "ms"], rows))
    return [
        Figure(f"{kind}.record", _ratio(cpu["save", "ours"], cpu["save", "baseline"]), "of-baseline-cpu", 2.5),
        Figure(f"{kind}.record-long", _ratio(cpu["save", "long"], cpu["save", "ours"]), "of-short-history", 1.1),
        Figure(f"{kind}.list-long", _ratio(cpu["list", "long"], cpu["list", "ours"]), "of-short-history", 1.1),
    ]


def _changes(path: str, slugs: Sequence[str], headers: str = "") -> Iterator[bytes]:
    """A new title for each article in turn, over and over; each change names the version that it was made from."""
    for version in count(1):
        for slug in slugs:
            body = orjson.dumps({"title": f"Title {version} of {slug}", "version": version})
            yield patch(f"{path}/{slug}", body, headers)


def _ratio(mine: Sequence[float], other: Sequence[float]) -> float:
    """The median of the rounds' own ratios: what disturbs a round disturbs both of its sides."""
    return median(a / b for a, b in zip(mine, other, strict=True))


async def _cost(server: Server, load: Awaitable[Load]) -> float:
    before = server.cpu()
    done = await load
    return (server.cpu() - before) * 1e3 / done.requests


async def _check(server: Server, slug: str, token: str) -> None:
    """What was measured has to have been recorded."""
    path = f"/api/v1/articles/{slug}/revisions?limit=1"
    newest = orjson.loads(await fetch(server.port, path, f"Authorization: Bearer {token}\r\n"))["items"][0]
    if newest["fields"] != ["title"] or newest["actor"]["name"] != "Writer 00":
        raise RuntimeError(f"The change was not recorded as it should be: {newest}.")


async def _prepare(url: str, *, with_history: bool) -> str:
    """Write a long history where there is to be one; a token of an administrator."""
    database = Database(url)
    try:
        if with_history:
            await _write_history(database)
        async with database.session() as session:
            admin = (await session.execute(select(User.id).where(User.role == Role.ADMIN).limit(1))).scalar_one()
            opened = await open_session(session, admin, SessionKind.BEARER)
            return Tokens(SECRET).write(Claims(admin, opened.id), opened.expires_at)
    finally:
        await database.dispose()


async def _write_history(database: Database) -> None:
    columns = Article.id, Article.title, Article.content
    async with database.engine.begin() as connection:
        articles = (await connection.execute(select(*columns).order_by(Article.id))).all()
        each = REVISIONS // len(articles) + 1
        rows = [_revision(article, number) for number in range(1, each + 1) for article in articles][:REVISIONS]
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            sets = [{"id": row["change_set_id"], "door": Door.REST, "occurred_at": NEWEST} for row in batch]
            await connection.execute(insert(ChangeSet), sets)
            await connection.execute(insert(Revision), batch)


def _revision(article: Any, number: int) -> dict[str, Any]:
    record_id: UUID = article.id
    return {
        "change_set_id": uuid7(),
        "record_type": "articles",
        "record_id": record_id,
        "number": number,
        "version": 1,
        "verb": "updated",
        "before": {"title": article.title},
        "values": {"title": article.title, "content": article.content[:_EXCERPT]},
        "occurred_at": NEWEST,
    }
