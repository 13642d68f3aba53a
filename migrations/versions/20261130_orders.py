"""Orders whose values repeat are indexed with the id, which settles them; drafts in review are found by one.

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
ORDERS = (*((table, name) for table in RECORDS for name in ("created_at", "updated_at")), ("articles", "comment_count"))


def upgrade() -> None:
    """Bring the tables forward."""
    _index_with("id")
    op.create_index("ix_drafts_review", "drafts", ["review"])


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index("ix_drafts_review", table_name="drafts")
    _index_with()


def _index_with(*further: str) -> None:
    for table, name in ORDERS:
        op.drop_index(f"ix_{table}_{name}", table_name=table)
        op.create_index(f"ix_{table}_{name}", table, [name, *further])
