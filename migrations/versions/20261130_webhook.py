"""When events are told to the webhook, and how often that was tried; what happened before is not told.

Revision: 20261130_webhook
Follows: 20261130_frozen_previews
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_webhook"
down_revision: str | Sequence[str] | None = "20261130_frozen_previews"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WAITS = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("events", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("events", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_events_due_at", "events", ["due_at"], sqlite_where=WAITS, postgresql_where=WAITS)


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index("ix_events_due_at", table_name="events")
    op.drop_column("events", "attempts")
    op.drop_column("events", "due_at")
