"""Invitations: accounts that are offered by links.

Revision: 20261126_invitations
Follows: 20261126_presences
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261126_invitations"
down_revision: str | Sequence[str] | None = "20261126_presences"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", text(254), nullable=False),
        sa.Column(
            "role",
            sa.Enum("anonymous", "reader", "author", "editor", "admin", name="role", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("inviter_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", text(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["inviter_id"], ["users.id"], name=op.f("fk_invitations_inviter_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_invitations_secret_hash")),
    )
    for column in ("email", "expires_at", "inviter_id"):
        op.create_index(op.f(f"ix_invitations_{column}"), "invitations", [column], unique=False)


def downgrade() -> None:
    """Take the tables back."""
    for column in ("inviter_id", "expires_at", "email"):
        op.drop_index(op.f(f"ix_invitations_{column}"), table_name="invitations")
    op.drop_table("invitations")
