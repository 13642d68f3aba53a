"""The other side: what a careful engineer writes by hand from the documentation of FastAPI and SQLAlchemy.

Declarative models with indexes for these very queries, a session for each request, `selectinload` for relations,
`response_model` on every route, a count of its own. It is meant to be good: a slow baseline would flatter us.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Table, Text, event, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, defer, mapped_column, relationship, selectinload

from benchmarks.world import World

_BATCH = 1_000


def _now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The tables of the baseline."""


article_tags = Table(
    "article_tags",
    Base.metadata,
    Column("article_id", ForeignKey("articles.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True, index=True),
)


class Author(Base):
    """Who writes."""

    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Category(Base):
    """A department."""

    __tablename__ = "categories"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(120), unique=True)


class Tag(Base):
    """A word that articles share."""

    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(120), unique=True)


class Article(Base):
    """An article."""

    __tablename__ = "articles"
    __table_args__ = (Index("ix_articles_newest", "status", "published_at", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    excerpt: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now, onupdate=_now)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"), index=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), index=True)
    author: Mapped[Author] = relationship()
    category: Mapped[Category] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=article_tags, order_by=Tag.name)


class Comment(Base):
    """A comment."""

    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Out(BaseModel):
    """Read from attributes."""

    model_config = ConfigDict(from_attributes=True)


class AuthorOut(Out):
    """An author in short."""

    id: int
    name: str


class TermOut(Out):
    """A category or a tag in short."""

    id: int
    name: str
    slug: str


class ArticleOut(Out):
    """An article in a list."""

    id: int
    title: str
    slug: str
    excerpt: str
    published_at: datetime | None
    author: AuthorOut
    category: TermOut
    tags: list[TermOut]


class ArticleWithBody(ArticleOut):
    """A whole article."""

    body: str


class ArticleUpdate(BaseModel):
    """What may be changed, and the version that was changed."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    excerpt: Annotated[str, StringConstraints(max_length=500)] | None = None
    version: int


class Page(BaseModel):
    """A page of a list."""

    total: int
    items: list[ArticleOut]


PUBLISHED = Article.status == "published"
RELATED = (selectinload(Article.author), selectinload(Article.category), selectinload(Article.tags))


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for the request."""
    async with request.app.state.sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def list_articles(
    session: SessionDep,
    limit: Annotated[int, Query(le=100)] = 20,
    offset: int = 0,
    category: str | None = None,
    tag: str | None = None,
) -> Any:
    """One page, the newest first, and how many there are."""
    found = select(Article).where(PUBLISHED)
    if category:
        found = found.join(Article.category).where(Category.slug == category)
    if tag:
        found = found.join(Article.tags).where(Tag.slug == tag)
    total = await session.scalar(found.with_only_columns(func.count(Article.id), maintain_column_froms=True))
    newest = (Article.published_at.desc(), Article.id.desc())
    statement = found.options(defer(Article.body), *RELATED).order_by(*newest)
    articles = await session.scalars(statement.limit(limit).offset(offset))
    return {"total": total, "items": articles.all()}


async def get_article(session: SessionDep, slug: str) -> Any:
    """One article, with its body."""
    article = await session.scalar(select(Article).where(PUBLISHED, Article.slug == slug).options(*RELATED))
    if article is None:
        raise HTTPException(404)
    return article


async def update_article(session: SessionDep, slug: str, data: ArticleUpdate) -> Any:
    """Change an article of that version, and answer it."""
    statement = select(Article).where(Article.slug == slug).options(*RELATED).with_for_update(of=Article)
    article = await session.scalar(statement)
    if article is None:
        raise HTTPException(404)
    if article.version != data.version:
        raise HTTPException(412)
    for name, value in data.model_dump(exclude_unset=True, exclude={"version"}).items():
        setattr(article, name, value)
    article.version += 1
    await session.commit()
    return article


def create_app(url: str) -> FastAPI:
    """The application over a database at that URL."""
    engine = open_engine(url)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(title="baseline", lifespan=lifespan)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.get("/api/articles", response_model=Page)(list_articles)
    app.get("/api/articles/{slug}", response_model=ArticleWithBody)(get_article)
    app.patch("/api/articles/{slug}", response_model=ArticleWithBody)(update_article)
    return app


def open_engine(url: str) -> AsyncEngine:
    """An engine; SQLite with its write-ahead log."""
    engine = create_async_engine(url, pool_size=10)
    if url.startswith("sqlite"):

        @event.listens_for(engine.sync_engine, "connect")
        def set_up(connection: Any, _: object) -> None:
            cursor = connection.cursor()
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    return engine


async def fill(url: str, world: World) -> None:
    """Make the tables and write the world into them."""
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        for table, rows in _rows(world):
            for start in range(0, len(rows), _BATCH):
                await connection.execute(insert(table), rows[start : start + _BATCH])
    async with engine.connect() as connection:
        plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await plain.execute(text("ANALYZE" if url.startswith("sqlite") else "VACUUM ANALYZE"))
    await engine.dispose()


def _rows(world: World) -> list[tuple[Any, list[dict[str, Any]]]]:
    articles = list(enumerate(world.articles, 1))
    return [
        (Author, [{"id": i + 1, "name": f"Writer {i:02}"} for i in range(world.authors)]),
        (Category, [_term(i, "cat-{:02}", "Category {:02}") for i in range(world.categories)]),
        (Tag, [_term(i, "tag-{:03}", "Tag {:03}") for i in range(world.tags)]),
        (
            Article,
            [
                {
                    "id": i,
                    "title": row.title,
                    "slug": row.slug,
                    "excerpt": row.excerpt,
                    "body": row.html,
                    "status": "published" if row.published_at else "draft",
                    "published_at": row.published_at,
                    "author_id": row.author + 1,
                    "category_id": row.category + 1,
                }
                for i, row in articles
            ],
        ),
        (article_tags, [{"article_id": i, "tag_id": tag + 1} for i, row in articles for tag in row.tags]),
        (
            Comment,
            [
                {
                    "article_id": reply.article + 1,
                    "name": reply.name,
                    "body": reply.text,
                    "created_at": reply.created_at,
                }
                for reply in world.replies
            ],
        ),
    ]


def _term(i: int, slug: str, name: str) -> dict[str, Any]:
    return {"id": i + 1, "slug": slug.format(i), "name": name.format(i)}
