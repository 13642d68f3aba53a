"""What a preview link shows, where it does not go along with the draft; working drafts by who saved them.

Revision: 20261130_frozen_previews
Follows: 20261127_kept_addresses
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_frozen_previews"
down_revision: str | Sequence[str] | None = "20261127_kept_addresses"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("preview_links", sa.Column("shown", sa.JSON(none_as_null=True), nullable=True))
    op.create_index("ix_drafts_actor_id", "drafts", ["actor_id"])


def downgrade() -> None:
    """Take the tables back; links that must not show later changes end."""
    op.execute("DELETE FROM preview_links WHERE shown IS NOT NULL")
    op.drop_index("ix_drafts_actor_id", table_name="drafts")
    op.drop_column("preview_links", "shown")
