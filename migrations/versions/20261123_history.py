"""History: change-sets and revisions.

Revision: 20261123_history
Follows: 20261123_first_tables
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261123_history"
down_revision: str | Sequence[str] | None = "20261123_first_tables"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "change_sets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column(
            "door",
            sa.Enum("rest", "admin", "files", "system", name="door", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("request_id", text(64), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["change_sets.id"], name=op.f("fk_change_sets_undoes_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_sets")),
    )
    op.create_index(op.f("ix_change_sets_actor_id"), "change_sets", ["actor_id"], unique=False)
    op.create_index(op.f("ix_change_sets_occurred_at"), "change_sets", ["occurred_at"], unique=False)
    op.create_index(op.f("ix_change_sets_undoes_id"), "change_sets", ["undoes_id"], unique=False)

    op.create_table(
        "revisions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("change_set_id", sa.Uuid(), nullable=False),
        sa.Column("record_type", text(60), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verb", text(20), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_set_id"], ["change_sets.id"], name=op.f("fk_revisions_change_set_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
    )
    op.create_index(op.f("ix_revisions_change_set_id"), "revisions", ["change_set_id"], unique=False)
    op.create_index("ix_revisions_record_id_version", "revisions", ["record_id", "version"], unique=False)
    op.create_index("uq_revisions_record_id_number", "revisions", ["record_id", "number"], unique=True)


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index("uq_revisions_record_id_number", table_name="revisions")
    op.drop_index("ix_revisions_record_id_version", table_name="revisions")
    op.drop_index("ix_revisions_change_set_id", table_name="revisions")

    op.drop_table("revisions")
    op.drop_index("ix_change_sets_undoes_id", table_name="change_sets")
    op.drop_index("ix_change_sets_occurred_at", table_name="change_sets")
    op.drop_index("ix_change_sets_actor_id", table_name="change_sets")

    op.drop_table("change_sets")
