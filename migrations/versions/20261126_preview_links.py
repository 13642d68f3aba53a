"""Preview links: what shows a draft to who has no account, until it expires or is revoked.

Revision: 20261126_preview_links
Follows: 20261123_pruned
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261126_preview_links"
down_revision: str | Sequence[str] | None = "20261123_pruned"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "preview_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_type", text(60), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("maker_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", text(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["maker_id"], ["users.id"], name=op.f("fk_preview_links_maker_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview_links")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_preview_links_secret_hash")),
    )
    op.create_index(op.f("ix_preview_links_maker_id"), "preview_links", ["maker_id"], unique=False)
    op.create_index("ix_preview_links_record_id_expires_at", "preview_links", ["record_id", "expires_at"], unique=False)


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index("ix_preview_links_record_id_expires_at", table_name="preview_links")
    op.drop_index(op.f("ix_preview_links_maker_id"), table_name="preview_links")
    op.drop_table("preview_links")
