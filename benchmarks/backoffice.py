"""The back office over ten times the articles: its list, with a filter."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import select

from benchmarks import installation
from benchmarks.figures import Figure
from benchmarks.load import fetch
from benchmarks.servers import Server, start_ours
from benchmarks.world import World
from cms.auth.sessions import SessionKind, open_session
from cms.auth.users import User
from cms.crud.policy import Role
from cms.database import Database

LARGE = World(published=100_000, drafts=5_000, comments=1_000, paragraphs=1)
LISTS = {
    "admin-list": "/admin/article/list",
    "admin-filter": "/admin/article/list?category=cat-01&status=published",
    "admin-deep": "/admin/article/list?category=cat-01&page=100",
}
MOST_MILLISECONDS = 300.0


async def measure_backoffice(kind: str, url: str, scratch: Path, *, rounds: int) -> list[Figure]:
    """Milliseconds from the request to the whole page, and of CPU in the server.

    :param url: of an empty, migrated database.
    """
    database = Database(url)
    await installation.fill(database, LARGE)
    cookie = f"Cookie: __Host-masthead={await _sign_in(database)}\r\nX-Forwarded-Proto: https\r\n"
    await database.dispose()
    server = await start_ours(url, scratch)
    try:
        return [f for name, path in LISTS.items() for f in await _time(f"{kind}.{name}", server, path, cookie, rounds)]
    finally:
        server.stop()


async def _sign_in(database: Database) -> str:
    """The secret of a browser's session of an administrator."""
    async with database.session() as session:
        admin = (await session.execute(select(User.id).where(User.role == Role.ADMIN).limit(1))).scalar_one()
        return (await open_session(session, admin, SessionKind.BROWSER)).secret


async def _time(name: str, server: Server, path: str, cookie: str, rounds: int) -> Sequence[Figure]:
    await fetch(server.port, path, cookie)
    taken, used = [], []
    for _ in range(2 * rounds):
        before, started = server.cpu(), perf_counter()
        page = await fetch(server.port, path, cookie)
        taken.append((perf_counter() - started) * 1e3)
        used.append((server.cpu() - before) * 1e3)
        if b"<table" not in page:
            raise RuntimeError(f"{path} is no list.")
    limit = MOST_MILLISECONDS if name.endswith("filter") else None
    return [Figure(name, median(taken), "ms", limit), Figure(f"{name}-cpu", sum(used) / len(used), "ms")]
