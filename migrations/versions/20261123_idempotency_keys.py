"""Answers that are kept for requests with an Idempotency-Key.

Revision: 20261123_idempotency_keys
Follows: 20261123_history
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261123_idempotency_keys"
down_revision: str | Sequence[str] | None = "20261123_history"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "kept_answers",
        sa.Column("id", text(64), nullable=False),
        sa.Column("fingerprint", text(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answers")),
    )
    op.create_index(op.f("ix_kept_answers_created_at"), "kept_answers", ["created_at"], unique=False)


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index(op.f("ix_kept_answers_created_at"), table_name="kept_answers")
    op.drop_table("kept_answers")
