"""Our side: the content in the tables of a migrated installation, written in bulk."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from benchmarks.world import NEWEST, ArticleRow, World
from cms.auth.users import User
from cms.content.articles import Article, article_tags
from cms.content.categories import Category
from cms.content.comments import Comment, CommentStatus
from cms.content.tags import Tag
from cms.crud.policy import Role
from cms.crud.search import search_text
from cms.database import Database
from cms.media.records import Media

_BATCH = 1_000
_STAMPS = {"version": 1, "created_at": NEWEST, "updated_at": NEWEST}


async def fill(database: Database, world: World) -> None:
    """Write the world into the migrated, empty tables."""
    users, categories, tags = (_ids(count) for count in (world.authors, world.categories, world.tags))
    articles = _ids(len(world.articles))
    counts = _counts(world)
    async with database.engine.begin() as connection:
        await _write(connection, User, [_user(i, users[i]) for i in range(world.authors)])
        await _write(connection, Category, [_category(i, categories[i]) for i in range(world.categories)])
        await _write(connection, Tag, [_tag(i, tags[i]) for i in range(world.tags)])
        await _write(connection, Media, [_media(i) for i in range(world.media)])
        rows = [
            {
                **_article(row),
                "id": articles[i],
                "author_id": users[row.author],
                "category_id": categories[row.category],
                "comment_count": counts.get(i, 0),
            }
            for i, row in enumerate(world.articles)
        ]
        await _write(connection, Article, rows)
        links = [
            {"article_id": articles[i], "tag_id": tags[tag]} for i, row in enumerate(world.articles) for tag in row.tags
        ]
        await _write(connection, article_tags, links)
        await _write(connection, Comment, list(_comments(world, articles)))
    await analyse(database)


async def write_users(database: Database, world: World) -> None:
    """Write the authors alone."""
    async with database.engine.begin() as connection:
        await _write(connection, User, [_user(i, user_id) for i, user_id in enumerate(_ids(world.authors))])


async def analyse(database: Database) -> None:
    """Let PostgreSQL's planner know the tables, as autovacuum does in time; SQLite does without."""
    if database.is_sqlite:
        return
    async with database.engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("VACUUM ANALYZE"))


async def _write(connection: AsyncConnection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        await connection.execute(insert(getattr(table, "__table__", table)), rows[start : start + _BATCH])


def _ids(count: int) -> list[UUID]:
    return [uuid7() for _ in range(count)]


def _counts(world: World) -> dict[int, int]:
    counts: dict[int, int] = {}
    for reply in world.replies:
        counts[reply.article] = counts.get(reply.article, 0) + 1
    return counts


def _user(i: int, user_id: UUID) -> dict[str, Any]:
    name = f"Writer {i:02}"
    return {
        "id": user_id,
        "email": f"writer-{i:02}@example.org",
        "name": name,
        "role": Role.ADMIN if i == 0 else Role.AUTHOR,
        "password": "!",
        "search_text": search_text([name]),
        **_STAMPS,
    }


def _category(i: int, category_id: UUID) -> dict[str, Any]:
    slug, name = f"cat-{i:02}", f"Category {i:02}"
    return {"id": category_id, "slug": slug, "path": slug, "name": name, "search_text": search_text([name]), **_STAMPS}


def _tag(i: int, tag_id: UUID) -> dict[str, Any]:
    name = f"Tag {i:03}"
    return {"id": tag_id, "slug": f"tag-{i:03}", "name": name, "search_text": search_text([name]), **_STAMPS}


def _media(i: int) -> dict[str, Any]:
    path = f"picture-{i:05}.webp"
    return {
        "id": uuid7(),
        "path": path,
        "storage_key": f"00/00/{i:064x}.webp",
        "sha256": f"{i:064x}",
        "mime_type": "image/webp",
        "size": 40_000,
        "width": 1600,
        "height": 900,
        "alt": f"Picture {i}",
        "caption": "",
        "search_text": search_text([path, f"Picture {i}"]),
        **_STAMPS,
    }


def _article(row: ArticleRow) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "title": row.title,
        "excerpt": row.excerpt,
        "has_own_excerpt": True,
        "content": row.markdown,
        "content_html": row.html,
        "reading_minutes": 4,
        "published_at": row.published_at,
        "search_text": search_text([row.title, row.excerpt, row.markdown]),
        **_STAMPS,
    }


def _comments(world: World, articles: Sequence[UUID]) -> Iterator[dict[str, Any]]:
    for reply in world.replies:
        yield {
            "id": uuid7(),
            "article_id": articles[reply.article],
            "depth": 1,
            "name": reply.name,
            "content": reply.text,
            "content_html": f"<p>{reply.text}</p>\n",
            "status": CommentStatus.APPROVED,
            "search_text": search_text([reply.text, reply.name]),
            **_STAMPS,
            "created_at": reply.created_at,
        }
