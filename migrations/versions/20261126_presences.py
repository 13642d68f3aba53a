"""Presences: which pages are open, and whose they are.

Revision: 20261126_presences
Follows: 20261126_renditions
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261126_presences"
down_revision: str | Sequence[str] | None = "20261126_renditions"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "presences",
        sa.Column("tab", text(36), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_presences_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tab", name=op.f("pk_presences")),
    )
    op.create_index("ix_presences_record_id_seen_at", "presences", ["record_id", "seen_at"], unique=False)
    op.create_index(op.f("ix_presences_seen_at"), "presences", ["seen_at"], unique=False)
    op.create_index(op.f("ix_presences_user_id"), "presences", ["user_id"], unique=False)


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index(op.f("ix_presences_user_id"), table_name="presences")
    op.drop_index(op.f("ix_presences_seen_at"), table_name="presences")
    op.drop_index("ix_presences_record_id_seen_at", table_name="presences")
    op.drop_table("presences")
