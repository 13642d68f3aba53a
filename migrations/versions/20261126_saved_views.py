"""Saved views of lists; indexes that tell the stage of a text without the text.

Revision: 20261126_saved_views
Follows: 20261126_preview_links
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261126_saved_views"
down_revision: str | Sequence[str] | None = "20261126_preview_links"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DECIDING = ("id", "unpublish_at", "trashed_at")
STAGES = {"articles": ("review", "author_id", "category_id"), "pages": ("review",)}


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("record_type", text(60), nullable=False),
        sa.Column("name", text(40), nullable=False),
        sa.Column("query", text(2000), nullable=False),
        sa.Column("columns", text(1000), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_saved_views_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("user_id", "record_type", "name", name=op.f("uq_saved_views_user_id_record_type_name")),
    )
    for table, further in STAGES.items():
        _index(table, *DECIDING, *further)


def downgrade() -> None:
    """Take the tables back."""
    for table in STAGES:
        _index(table, *DECIDING)
    op.drop_table("saved_views")


def _index(table: str, *columns: str) -> None:
    """Replace the index of public lists."""
    op.drop_index(f"ix_{table}_published_at", table_name=table)
    first: sa.ColumnElement[str] = sa.literal_column("published_at NULLS FIRST")
    op.create_index(f"ix_{table}_published_at", table, [first, *columns], unique=False)
