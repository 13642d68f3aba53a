"""Change-sets of which revisions were too old to be kept.

Revision: 20261123_pruned
Follows: 20261123_trash
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_pruned"
down_revision: str | Sequence[str] | None = "20261123_trash"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    with op.batch_alter_table("change_sets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_pruned", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.alter_column("is_pruned", server_default=None)


def downgrade() -> None:
    """Take the tables back."""
    with op.batch_alter_table("change_sets", schema=None) as batch_op:
        batch_op.drop_column("is_pruned")
