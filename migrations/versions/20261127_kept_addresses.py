"""Whether the former address of a draft that changes it leads on.

Revision: 20261127_kept_addresses
Follows: 20261127_time_zones
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261127_kept_addresses"
down_revision: str | Sequence[str] | None = "20261127_time_zones"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("drafts", sa.Column("keeps_address", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Take the tables back."""
    op.drop_column("drafts", "keeps_address")
