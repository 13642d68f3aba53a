"""Orders whose values repeat are indexed with the id; drafts in review have an index, and events one less.

Revision: 20261130_orders
Follows: 20261130_webhook
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261130_orders"
down_revision: str | Sequence[str] | None = "20261130_webhook"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

RECORDS = (
    "articles", "categories", "comments", "media", "menus", "pages", "redirects", "site", "tags", "users",
)  # fmt: skip
DECIDING = ("published_at", "unpublish_at", "trashed_at", "review")
NARROWING = {"articles": (*DECIDING, "author_id", "category_id"), "pages": DECIDING}


def upgrade() -> None:
    """Bring the tables forward."""
    for table in RECORDS:
        _index(table, "created_at", "id")
        _index(table, "updated_at", "id", *NARROWING.get(table, ()))
    _index("articles", "comment_count", "id")
    op.create_index("ix_drafts_review", "drafts", ["review"])
    op.drop_index("ix_events_occurred_at", table_name="events")  # nobody looks for events by their times


def downgrade() -> None:
    """Take the tables back."""
    op.create_index("ix_events_occurred_at", "events", ["occurred_at"])
    op.drop_index("ix_drafts_review", table_name="drafts")
    _index("articles", "comment_count")
    for table in RECORDS:
        _index(table, "updated_at")
        _index(table, "created_at")


def _index(table: str, name: str, *further: str) -> None:
    """Index a column together with others, in the place of the index that there is."""
    op.drop_index(f"ix_{table}_{name}", table_name=table)
    op.create_index(f"ix_{table}_{name}", table, [name, *further])
