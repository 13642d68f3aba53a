"""Indexes for what is read most, narrow ones for the public and wide ones for the back office; texts in their rows.

Revision: 20261126_quick_reads
Follows: 20261126_invitations
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.trigrams import keep_search_text_inline

revision: str = "20261126_quick_reads"
down_revision: str | Sequence[str] | None = "20261126_invitations"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DECIDING = ("id", "unpublish_at", "trashed_at")
STAGES = {"articles": ("review", "author_id", "category_id"), "pages": ("review",)}
COMMENTS = {
    "article_id_status": ["article_id", "status", "created_at", "id"],
    "status_created_at": ["status", "created_at", "id", "article_id"],
}
SEARCHED = ("articles", "categories", "comments", "media", "pages", "tags", "users")


def upgrade() -> None:
    """Bring the tables forward."""
    for table, further in STAGES.items():
        op.drop_index(f"ix_{table}_published_at", table_name=table)
        _index(table, "published_at", *DECIDING)
        _index(table, "stage", *DECIDING, *further)
    for name, columns in COMMENTS.items():
        op.create_index(f"ix_comments_{name}", "comments", columns)
    for column in ("article_id", "status"):
        op.drop_index(f"ix_comments_{column}", table_name="comments")
    for table in SEARCHED:
        keep_search_text_inline(table)


def downgrade() -> None:
    """Take the tables back."""
    for column in ("article_id", "status"):
        op.create_index(f"ix_comments_{column}", "comments", [column])
    for name in COMMENTS:
        op.drop_index(f"ix_comments_{name}", table_name="comments")
    for table, further in STAGES.items():
        op.drop_index(f"ix_{table}_stage", table_name=table)
        op.drop_index(f"ix_{table}_published_at", table_name=table)
        _index(table, "published_at", *DECIDING, *further)


def _index(table: str, name: str, *columns: str) -> None:
    first: sa.ColumnElement[str] = sa.literal_column("published_at NULLS FIRST")
    op.create_index(f"ix_{table}_{name}", table, [first, *columns], unique=False)
