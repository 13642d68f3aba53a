"""First tables.

Revision: 20261123_first_tables
Follows: nothing
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from migrations.trigrams import create_trigram_index
from migrations.types import text

revision: str = "20261123_first_tables"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "categories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", text(120), nullable=False),
        sa.Column("name", text(100), nullable=False),
        sa.Column("description", text(500), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", text(1000), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["categories.id"], name=op.f("fk_categories_parent_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("path", name=op.f("uq_categories_path")),
        sa.UniqueConstraint("slug", name=op.f("uq_categories_slug")),
    )
    create_trigram_index("categories")
    op.create_index(op.f("ix_categories_created_at"), "categories", ["created_at"], unique=False)
    op.create_index(op.f("ix_categories_name"), "categories", ["name"], unique=False)
    op.create_index(op.f("ix_categories_parent_id"), "categories", ["parent_id"], unique=False)
    op.create_index(op.f("ix_categories_updated_at"), "categories", ["updated_at"], unique=False)
    op.create_table(
        "events",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("kind", text(80), nullable=False),
        sa.Column("record_type", text(60), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_kind"), "events", ["kind"], unique=False)
    op.create_index(op.f("ix_events_occurred_at"), "events", ["occurred_at"], unique=False)
    op.create_index(op.f("ix_events_record_id"), "events", ["record_id"], unique=False)
    op.create_table(
        "menus",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", text(120), nullable=False),
        sa.Column("title", text(200), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_menus")),
        sa.UniqueConstraint("slug", name=op.f("uq_menus_slug")),
    )
    op.create_index(op.f("ix_menus_created_at"), "menus", ["created_at"], unique=False)
    op.create_index(op.f("ix_menus_title"), "menus", ["title"], unique=False)
    op.create_index(op.f("ix_menus_updated_at"), "menus", ["updated_at"], unique=False)
    op.create_table(
        "pages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", text(120), nullable=False),
        sa.Column("title", text(200), nullable=False),
        sa.Column("seo", sa.JSON(), nullable=True),
        sa.Column("reading_minutes", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", text(1000), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unpublish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", text(), nullable=False),
        sa.Column("content_html", text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["pages.id"], name=op.f("fk_pages_parent_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
        sa.UniqueConstraint("path", name=op.f("uq_pages_path")),
        sa.UniqueConstraint("slug", name=op.f("uq_pages_slug")),
    )
    create_trigram_index("pages")
    op.create_index(op.f("ix_pages_created_at"), "pages", ["created_at"], unique=False)
    op.create_index(op.f("ix_pages_parent_id"), "pages", ["parent_id"], unique=False)
    op.create_index(
        "ix_pages_published_at",
        "pages",
        [sa.literal_column("published_at NULLS FIRST"), "id", "unpublish_at", "trashed_at"],
        unique=False,
    )
    op.create_index(op.f("ix_pages_title"), "pages", ["title"], unique=False)
    op.create_index(
        "ix_pages_trashed_at",
        "pages",
        ["trashed_at"],
        unique=False,
        sqlite_where=sa.text("trashed_at IS NOT NULL"),
        postgresql_where=sa.text("trashed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_pages_unpublish_at",
        "pages",
        ["unpublish_at"],
        unique=False,
        sqlite_where=sa.text("unpublish_at IS NOT NULL"),
        postgresql_where=sa.text("unpublish_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_pages_updated_at"), "pages", ["updated_at"], unique=False)
    op.create_table(
        "redirects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", text(1000), nullable=False),
        sa.Column("target", text(2000), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status in (301, 302, 307, 308)", name=op.f("ck_redirects_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redirects")),
        sa.UniqueConstraint("source", name=op.f("uq_redirects_source")),
    )
    op.create_index(op.f("ix_redirects_created_at"), "redirects", ["created_at"], unique=False)
    op.create_index(op.f("ix_redirects_target"), "redirects", ["target"], unique=False)
    op.create_index(op.f("ix_redirects_updated_at"), "redirects", ["updated_at"], unique=False)
    op.create_table(
        "site",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", text(200), nullable=False),
        sa.Column("tagline", text(200), nullable=False),
        sa.Column("description", text(500), nullable=False),
        sa.Column("language", text(20), nullable=False),
        sa.Column("timezone", text(60), nullable=False),
        sa.Column("posts_per_page", sa.Integer(), nullable=False),
        sa.Column("allow_anonymous_comments", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_index(op.f("ix_site_created_at"), "site", ["created_at"], unique=False)
    op.create_index(op.f("ix_site_updated_at"), "site", ["updated_at"], unique=False)
    op.create_table(
        "tags",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", text(120), nullable=False),
        sa.Column("name", text(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tags")),
        sa.UniqueConstraint("slug", name=op.f("uq_tags_slug")),
    )
    create_trigram_index("tags")
    op.create_index(op.f("ix_tags_created_at"), "tags", ["created_at"], unique=False)
    op.create_index(op.f("ix_tags_name"), "tags", ["name"], unique=False)
    op.create_index(op.f("ix_tags_updated_at"), "tags", ["updated_at"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", text(254), nullable=False),
        sa.Column("name", text(100), nullable=False),
        sa.Column(
            "role",
            sa.Enum("anonymous", "reader", "author", "editor", "admin", name="role", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("hashed_password", text(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    create_trigram_index("users")
    op.create_index(op.f("ix_users_created_at"), "users", ["created_at"], unique=False)
    op.create_index(op.f("ix_users_is_active"), "users", ["is_active"], unique=False)
    op.create_index(op.f("ix_users_role"), "users", ["role"], unique=False)
    op.create_index(op.f("ix_users_updated_at"), "users", ["updated_at"], unique=False)
    op.create_table(
        "media",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("path", text(200), nullable=False),
        sa.Column("storage_key", text(120), nullable=False),
        sa.Column("sha256", text(64), nullable=False),
        sa.Column("mime_type", text(100), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("alt", text(500), nullable=False),
        sa.Column("caption", text(500), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_media_owner_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("path", name=op.f("uq_media_path")),
        sa.UniqueConstraint("sha256", name=op.f("uq_media_sha256")),
    )
    create_trigram_index("media")
    op.create_index(op.f("ix_media_created_at"), "media", ["created_at"], unique=False)
    op.create_index(op.f("ix_media_mime_type"), "media", ["mime_type"], unique=False)
    op.create_index(op.f("ix_media_owner_id"), "media", ["owner_id"], unique=False)
    op.create_index(op.f("ix_media_size"), "media", ["size"], unique=False)
    op.create_index(op.f("ix_media_updated_at"), "media", ["updated_at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind", sa.Enum("bearer", "browser", name="sessionkind", native_enum=False, length=32), nullable=False
        ),
        sa.Column("secret_hash", text(64), nullable=True),
        sa.Column("user_agent", text(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_sessions_secret_hash")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "articles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", text(120), nullable=False),
        sa.Column("title", text(200), nullable=False),
        sa.Column("excerpt", text(500), nullable=False),
        sa.Column("has_own_excerpt", sa.Boolean(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("cover_id", sa.Uuid(), nullable=True),
        sa.Column("seo", sa.JSON(), nullable=True),
        sa.Column("comment_count", sa.Integer(), nullable=False),
        sa.Column("reading_minutes", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unpublish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trashed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", text(), nullable=False),
        sa.Column("content_html", text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_articles_author_id"), ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_articles_category_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(["cover_id"], ["media.id"], name=op.f("fk_articles_cover_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("slug", name=op.f("uq_articles_slug")),
    )
    create_trigram_index("articles")
    op.create_index(
        "ix_articles_author_id_published_at",
        "articles",
        ["author_id", sa.literal_column("published_at NULLS FIRST"), "id", "unpublish_at", "trashed_at"],
        unique=False,
    )
    op.create_index(
        "ix_articles_category_id_published_at",
        "articles",
        ["category_id", sa.literal_column("published_at NULLS FIRST"), "id", "unpublish_at", "trashed_at"],
        unique=False,
    )
    op.create_index(op.f("ix_articles_comment_count"), "articles", ["comment_count"], unique=False)
    op.create_index(op.f("ix_articles_cover_id"), "articles", ["cover_id"], unique=False)
    op.create_index(op.f("ix_articles_created_at"), "articles", ["created_at"], unique=False)
    op.create_index(
        "ix_articles_published_at",
        "articles",
        [sa.literal_column("published_at NULLS FIRST"), "id", "unpublish_at", "trashed_at"],
        unique=False,
    )
    op.create_index(op.f("ix_articles_title"), "articles", ["title"], unique=False)
    op.create_index(
        "ix_articles_trashed_at",
        "articles",
        ["trashed_at"],
        unique=False,
        sqlite_where=sa.text("trashed_at IS NOT NULL"),
        postgresql_where=sa.text("trashed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_articles_unpublish_at",
        "articles",
        ["unpublish_at"],
        unique=False,
        sqlite_where=sa.text("unpublish_at IS NOT NULL"),
        postgresql_where=sa.text("unpublish_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_articles_updated_at"), "articles", ["updated_at"], unique=False)
    op.create_table(
        "article_tags",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_article_tags_article_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name=op.f("fk_article_tags_tag_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_id", "tag_id", name=op.f("pk_article_tags")),
    )
    op.create_index("ix_article_tags_tag_id_article_id", "article_tags", ["tag_id", "article_id"], unique=False)
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("name", text(100), nullable=True),
        sa.Column("email", text(254), nullable=True),
        sa.Column("content", text(5000), nullable=False),
        sa.Column("content_html", text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("pending", "approved", "rejected", "spam", name="commentstatus", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_comments_article_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_comments_author_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["parent_id"], ["comments.id"], name=op.f("fk_comments_parent_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    create_trigram_index("comments")
    op.create_index(op.f("ix_comments_article_id"), "comments", ["article_id"], unique=False)
    op.create_index(op.f("ix_comments_author_id"), "comments", ["author_id"], unique=False)
    op.create_index(op.f("ix_comments_created_at"), "comments", ["created_at"], unique=False)
    op.create_index(op.f("ix_comments_parent_id"), "comments", ["parent_id"], unique=False)
    op.create_index(op.f("ix_comments_status"), "comments", ["status"], unique=False)
    op.create_index(op.f("ix_comments_updated_at"), "comments", ["updated_at"], unique=False)
    _furnish_site()


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index(op.f("ix_comments_updated_at"), table_name="comments")
    op.drop_index(op.f("ix_comments_status"), table_name="comments")
    op.drop_index(op.f("ix_comments_parent_id"), table_name="comments")
    op.drop_index(op.f("ix_comments_created_at"), table_name="comments")
    op.drop_index(op.f("ix_comments_author_id"), table_name="comments")
    op.drop_index(op.f("ix_comments_article_id"), table_name="comments")
    op.drop_table("comments")
    op.drop_index("ix_article_tags_tag_id_article_id", table_name="article_tags")
    op.drop_table("article_tags")
    op.drop_index(op.f("ix_articles_updated_at"), table_name="articles")
    op.drop_index(
        "ix_articles_unpublish_at",
        table_name="articles",
        sqlite_where=sa.text("unpublish_at IS NOT NULL"),
        postgresql_where=sa.text("unpublish_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_articles_trashed_at",
        table_name="articles",
        sqlite_where=sa.text("trashed_at IS NOT NULL"),
        postgresql_where=sa.text("trashed_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_articles_title"), table_name="articles")
    op.drop_index("ix_articles_published_at", table_name="articles")
    op.drop_index(op.f("ix_articles_created_at"), table_name="articles")
    op.drop_index(op.f("ix_articles_cover_id"), table_name="articles")
    op.drop_index(op.f("ix_articles_comment_count"), table_name="articles")
    op.drop_index("ix_articles_category_id_published_at", table_name="articles")
    op.drop_index("ix_articles_author_id_published_at", table_name="articles")
    op.drop_table("articles")
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_expires_at"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_media_updated_at"), table_name="media")
    op.drop_index(op.f("ix_media_size"), table_name="media")
    op.drop_index(op.f("ix_media_owner_id"), table_name="media")
    op.drop_index(op.f("ix_media_mime_type"), table_name="media")
    op.drop_index(op.f("ix_media_created_at"), table_name="media")
    op.drop_table("media")
    op.drop_index(op.f("ix_users_updated_at"), table_name="users")
    op.drop_index(op.f("ix_users_role"), table_name="users")
    op.drop_index(op.f("ix_users_is_active"), table_name="users")
    op.drop_index(op.f("ix_users_created_at"), table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_tags_updated_at"), table_name="tags")
    op.drop_index(op.f("ix_tags_name"), table_name="tags")
    op.drop_index(op.f("ix_tags_created_at"), table_name="tags")
    op.drop_table("tags")
    op.drop_index(op.f("ix_site_updated_at"), table_name="site")
    op.drop_index(op.f("ix_site_created_at"), table_name="site")
    op.drop_table("site")
    op.drop_index(op.f("ix_redirects_updated_at"), table_name="redirects")
    op.drop_index(op.f("ix_redirects_target"), table_name="redirects")
    op.drop_index(op.f("ix_redirects_created_at"), table_name="redirects")
    op.drop_table("redirects")
    op.drop_index(op.f("ix_pages_updated_at"), table_name="pages")
    op.drop_index(
        "ix_pages_unpublish_at",
        table_name="pages",
        sqlite_where=sa.text("unpublish_at IS NOT NULL"),
        postgresql_where=sa.text("unpublish_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_pages_trashed_at",
        table_name="pages",
        sqlite_where=sa.text("trashed_at IS NOT NULL"),
        postgresql_where=sa.text("trashed_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_pages_title"), table_name="pages")
    op.drop_index("ix_pages_published_at", table_name="pages")
    op.drop_index(op.f("ix_pages_parent_id"), table_name="pages")
    op.drop_index(op.f("ix_pages_created_at"), table_name="pages")
    op.drop_table("pages")
    op.drop_index(op.f("ix_menus_updated_at"), table_name="menus")
    op.drop_index(op.f("ix_menus_title"), table_name="menus")
    op.drop_index(op.f("ix_menus_created_at"), table_name="menus")
    op.drop_table("menus")
    op.drop_index(op.f("ix_events_record_id"), table_name="events")
    op.drop_index(op.f("ix_events_occurred_at"), table_name="events")
    op.drop_index(op.f("ix_events_kind"), table_name="events")
    op.drop_table("events")
    op.drop_index(op.f("ix_categories_updated_at"), table_name="categories")
    op.drop_index(op.f("ix_categories_parent_id"), table_name="categories")
    op.drop_index(op.f("ix_categories_name"), table_name="categories")
    op.drop_index(op.f("ix_categories_created_at"), table_name="categories")
    op.drop_table("categories")


def _furnish_site() -> None:
    """The settings are one record, there from the start."""
    site = sa.table(
        "site",
        *(sa.column(name) for name in ("title", "tagline", "description", "language", "timezone")),
        *(sa.column(name, sa.Integer()) for name in ("posts_per_page", "version")),
        sa.column("allow_anonymous_comments", sa.Boolean()),
        sa.column("id", sa.Uuid()),
        *(sa.column(name, sa.DateTime(timezone=True)) for name in ("created_at", "updated_at")),
    )
    now = datetime.now(UTC)
    row = {"title": "Masthead", "tagline": "", "description": "", "language": "en", "timezone": "UTC"}
    numbers = {"posts_per_page": 10, "version": 1, "allow_anonymous_comments": True, "id": UUID(int=1)}
    op.bulk_insert(site, [{**row, **numbers, "created_at": now, "updated_at": now}])
