"""Comment rules: what the site asks of comments, and what tells robots and repetitions.

Revision: 20261123_comment_rules
Follows: 20261123_idempotency_keys
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261123_comment_rules"
down_revision: str | Sequence[str] | None = "20261123_idempotency_keys"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("comments", sa.Column("website", text(2000), nullable=True))
    op.add_column("comments", sa.Column("fingerprint", text(32), nullable=False, server_default=""))
    op.add_column(
        "site",
        sa.Column("comments_trust_known_authors", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    op.add_column("site", sa.Column("comments_max_links", sa.Integer(), nullable=False, server_default="2"))
    op.add_column("site", sa.Column("comments_flood_limit", sa.Integer(), nullable=False, server_default="10"))
    op.add_column("site", sa.Column("comments_flood_minutes", sa.Integer(), nullable=False, server_default="10"))
    op.add_column("site", sa.Column("comments_duplicate_minutes", sa.Integer(), nullable=False, server_default="60"))
    op.add_column("site", sa.Column("comments_blocked_words", text(20000), nullable=False, server_default=""))
    op.add_column("site", sa.Column("comments_blocked_addresses", text(20000), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the tables back."""
    op.drop_column("site", "comments_blocked_addresses")
    op.drop_column("site", "comments_blocked_words")
    op.drop_column("site", "comments_duplicate_minutes")
    op.drop_column("site", "comments_flood_minutes")
    op.drop_column("site", "comments_flood_limit")
    op.drop_column("site", "comments_max_links")
    op.drop_column("site", "comments_trust_known_authors")
    op.drop_column("comments", "fingerprint")
    op.drop_column("comments", "website")
