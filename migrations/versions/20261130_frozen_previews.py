"""What a preview link shows, where it does not go along with the draft.

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


def downgrade() -> None:
    """Take the tables back."""
    op.drop_column("preview_links", "shown")
