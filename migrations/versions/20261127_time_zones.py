"""The time zone of each user, where they named one.

Revision: 20261127_time_zones
Follows: 20261126_quick_reads
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261127_time_zones"
down_revision: str | Sequence[str] | None = "20261126_quick_reads"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("users", sa.Column("time_zone", text(60), nullable=True))


def downgrade() -> None:
    """Take the tables back."""
    op.drop_column("users", "time_zone")
