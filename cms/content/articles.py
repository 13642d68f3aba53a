"""Articles: what a magazine is made of."""

from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms.auth.users import User
from cms.content.categories import Category
from cms.content.tags import Tag
from cms.content.writing import Seo, WritingService, Written
from cms.crud.content_type import ContentType
from cms.crud.fields import Control, Rules, Title, structured, text
from cms.crud.models import Base, Record
from cms.crud.search import Searchable
from cms.editorial.behaviours import Publishable, Reviewable, Slugged, Trashable
from cms.editorial.markdown import Rendered
from cms.editorial.visibility import PublishedOrStaff
from cms.media.records import Media

article_tags = Table(
    "article_tags",
    Base.metadata,
    Column("article_id", ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_article_tags_tag_id_article_id", "tag_id", "article_id"),
)


class Article(Publishable, Trashable, Reviewable, Slugged, Written, Searchable, Record):
    """An article."""

    __tablename__ = "articles"
    __listed_by__ = ("author_id", "category_id")
    __table_args__ = (Index("ix_articles_comment_count", "comment_count", "id"),)

    title: Mapped[Title] = mapped_column(index=True)
    excerpt: Mapped[str] = text(
        500,
        Rules(Control.TEXTAREA, hint="Made from the content where it is left out.", derived=True),
        default="",
    )
    has_own_excerpt: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="RESTRICT"), info={"rules": Rules(derived=True)}
    )
    author: Mapped[User] = relationship(lazy="raise")
    category_id: Mapped[UUID | None] = mapped_column(ForeignKey("categories.id", ondelete="RESTRICT"))
    category: Mapped[Category | None] = relationship(lazy="raise")
    tags: Mapped[list[Tag]] = relationship(secondary=article_tags, lazy="raise")
    cover_id: Mapped[UUID | None] = mapped_column(ForeignKey("media.id", ondelete="RESTRICT"), index=True)
    cover: Mapped[Media | None] = relationship(lazy="raise")
    seo: Mapped[Seo | None] = structured(Seo)
    comment_count: Mapped[int] = mapped_column(default=0)
    comments: Mapped[list[Any]] = relationship("Comment", lazy="raise", viewonly=True)


class ArticleService(WritingService[Article]):
    """Writes articles."""

    async def prepare(self, record: Article, changed: frozenset[str]) -> None:
        """The author is who writes, unless somebody else is named; the excerpt is the writer's, or made."""
        if record.author_id is None and self.actor.id is not None:
            record.author_id = self.actor.id
        if "excerpt" in changed:
            record.has_own_excerpt = bool(record.excerpt)
            changed |= {"content"}
        await super().prepare(record, changed)

    async def rendered(self, record: Article, rendered: Rendered) -> None:
        """Keep an excerpt that was made in step with the text; one that comes back as it was made stays so."""
        record.has_own_excerpt = record.has_own_excerpt and record.excerpt != rendered.excerpt
        if not record.has_own_excerpt:
            record.excerpt = rendered.excerpt


article = ContentType(
    Article,
    name="articles",
    read_fields=(
        "id", "slug", "title", "excerpt", "content", "content_html", "status", "is_published", "published_at",
        "unpublish_at", "author", "category", "tags", "cover", "comment_count", "reading_minutes", "seo", "version",
        "created_at", "updated_at",
    ),
    write_fields=(
        "title", "slug", "excerpt", "content", "author", "category", "tags", "cover", "seo", "published_at",
        "unpublish_at",
    ),
    detail_fields=("content", "content_html"),
    reference_fields=("id", "title", "slug"),
    list_fields=("title", "status", "author", "category", "published_at", "updated_at"),
    search_fields=("title", "excerpt", "content"),
    filter_fields=(
        "id", "slug", "title", "status", "is_published", "author", "category", "tags", "published_at", "created_at",
        "updated_at", "comment_count",
    ),
    sort_fields=("-published_at", "title", "slug", "created_at", "updated_at", "comment_count"),
    include_fields=("comments",),
    service=ArticleService,
    policy=PublishedOrStaff(own="author_id"),
)  # fmt: skip
