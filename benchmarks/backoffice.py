"""The back office over ten times the articles: every kind of list, search, the edit screen and the first page."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import select

from benchmarks import installation
from benchmarks.figures import Figure
from benchmarks.load import fetch, request
from benchmarks.painting import measure_first_row
from benchmarks.servers import Server, start_ours
from benchmarks.world import World
from cms.auth.sessions import SessionKind, open_session
from cms.auth.users import User
from cms.content.articles import Article
from cms.content.categories import Category
from cms.content.comments import Comment
from cms.content.tags import Tag
from cms.crud.policy import Role
from cms.database import Database
from cms.media.records import Media

LARGE = World(published=100_000, drafts=5_000, comments=1_000, paragraphs=1, tags=2_000, media=5_000)
SCREENS = {
    "admin-list": "/admin/article/list",
    "admin-filter": "/admin/article/list?category=cat-01&status=published",
    "admin-drafts": "/admin/article/list?status=draft",
    "admin-in-review": "/admin/article/list?status=in_review",
    "admin-deep": "/admin/article/list?page=400",
    "admin-search-common": "/admin/article/list?q=ba",
    "admin-search-rare": "/admin/article/list?q=zzqx",
    "admin-wildcard": "/admin/article/list?q=%25",
    "admin-home": "/admin/",
    "admin-tags": "/admin/tag/list?q=tag",
    "admin-categories": "/admin/category/tree",
    "admin-pages": "/admin/page/tree",
    "admin-users": "/admin/user/list?q=a",
    "admin-redirects": "/admin/redirect/list",
    "admin-media": "/admin/media-library",
    "admin-media-search": "/admin/media-library?q=a",
    "admin-comments": "/admin/comment/list?q=ba",
    "admin-moderation": "/admin/moderation",
    "admin-changes": "/admin/changes",
    "admin-trash": "/admin/trash",
    "admin-search": "/admin/search?q=ba",
}
"""What is asked for, beside the edit screens."""
OF_AUTHORS = {"admin-author": "/admin/article/list", "admin-author-drafts": "/admin/article/list?status=draft"}
"""What somebody asks for who sees what is published, and of all else their own."""
MOST_MILLISECONDS = 300.0


async def measure_backoffice(kind: str, url: str, scratch: Path, *, rounds: int) -> list[Figure]:
    """Milliseconds from the request to the whole page, and of CPU in the server.

    :param url: of an empty, migrated database.
    """
    database = Database(url)
    await installation.fill(database, LARGE)
    session, of_author = [f"__Host-masthead={await _sign_in(database, role)}" for role in (Role.ADMIN, Role.AUTHOR)]
    cookie, cookie_of_author = [f"Cookie: {one}\r\nX-Forwarded-Proto: https\r\n" for one in (session, of_author)]
    screens = {**SCREENS, **await _edit_screens(database)}
    await database.dispose()
    server = await start_ours(url, scratch)
    try:
        figures = [f for n, path in screens.items() for f in await _time(f"{kind}.{n}", server, path, cookie, rounds)]
        for name, path in OF_AUTHORS.items():
            figures += await _time(f"{kind}.{name}", server, path, cookie_of_author, rounds)
        figures += await measure_first_row(kind, server.port, session, rounds=rounds)
        return [*figures, *await _export(kind, server, cookie)]
    finally:
        server.stop()


async def _sign_in(database: Database, role: Role) -> str:
    """The secret of a browser's session of somebody with that role."""
    async with database.session() as session:
        found = (await session.execute(select(User.id).where(User.role == role).limit(1))).scalar_one()
        return (await open_session(session, found, SessionKind.BROWSER)).secret


async def _export(kind: str, server: Server, cookie: str) -> Sequence[Figure]:
    """All articles as a file: until it begins, and what the server holds while it sends three of them."""
    before, started = server.memory(), perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request("/admin/article/export?format=csv", cookie))
    await reader.readline()
    first = perf_counter() - started
    writer.close()
    most = 0.0
    files = [asyncio.create_task(_drain(server.port, cookie)) for _ in range(3)]
    while any(not file.done() for file in files):
        await asyncio.sleep(0.2)
        most = max(most, server.memory() - before)
    if any(file.result() < 10_000_000 for file in files):
        raise RuntimeError("A file is shorter than the articles are.")
    return [
        Figure(f"{kind}.admin-export", first, "s", 2.0),
        Figure(f"{kind}.admin-export-memory", most, "MB", 150.0),
    ]


async def _drain(port: int, cookie: str) -> int:
    """How many bytes a file has; they are read and forgotten."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/admin/article/export?format=csv", cookie))
    size = 0
    while part := await reader.read(65_536):
        size += len(part)
        if part.endswith(b"0\r\n\r\n"):
            break
    writer.close()
    return size


async def _edit_screens(database: Database) -> dict[str, str]:
    """The forms of one record of each kind, and the history of an article."""
    async with database.session() as session:
        ids = {
            model: (await session.execute(select(model.id).limit(1).offset(10))).scalar_one()
            for model in (Article, Category, Comment, Media, Tag, User)
        }
    forms = {f"admin-edit-{m.__name__.lower()}": f"/admin/{m.__name__.lower()}/edit/{ids[m]}" for m in ids}
    return {"admin-create": "/admin/article/create", **forms, "admin-history": f"/admin/history/article/{ids[Article]}"}


async def _time(name: str, server: Server, path: str, cookie: str, rounds: int) -> Sequence[Figure]:
    await fetch(server.port, path, cookie)
    taken, used = [], []
    for _ in range(2 * rounds):
        before, started = server.cpu(), perf_counter()
        page = await fetch(server.port, path, cookie)
        taken.append((perf_counter() - started) * 1e3)
        used.append((server.cpu() - before) * 1e3)
        if not (b'id="main"' in page or page.startswith(b'{"results":')) or b"empty-code" in page:
            raise RuntimeError(f"{path} is no screen.")
    return [Figure(name, median(taken), "ms", MOST_MILLISECONDS), Figure(f"{name}-cpu", sum(used) / len(used), "ms")]
