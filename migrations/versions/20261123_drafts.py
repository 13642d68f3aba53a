"""Drafts: edits that wait, the times at which something is due, and reviews.

Revision: 20261123_drafts
Follows: 20261123_comment_rules
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261123_drafts"
down_revision: str | Sequence[str] | None = "20261123_comment_rules"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "drafts",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("record_type", text(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("base", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("derived", sa.JSON(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("publish_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review", _review(), nullable=True),
        sa.Column("review_note", text(2000), nullable=True),
        sa.Column("problem", text(), nullable=True),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_drafts")),
    )
    op.create_table(
        "transitions",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("record_type", text(60), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("publish", "unpublish", "replace", name="kind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transitions")),
    )
    op.create_index("ix_transitions_due_at", "transitions", ["due_at", "id"], unique=False)
    op.create_index("uq_transitions_record_id_kind", "transitions", ["record_id", "kind"], unique=True)

    for table in ("articles", "pages"):
        op.add_column(table, sa.Column("review", _review(), nullable=True))
        op.add_column(table, sa.Column("review_note", text(2000), nullable=True))
        is_set = sa.text("review IS NOT NULL")
        op.create_index(
            op.f(f"ix_{table}_review"), table, ["review"], unique=False, sqlite_where=is_set, postgresql_where=is_set
        )


def downgrade() -> None:
    """Take the tables back."""
    for table in ("pages", "articles"):
        op.drop_index(op.f(f"ix_{table}_review"), table_name=table)
        op.drop_column(table, "review_note")
        op.drop_column(table, "review")

    op.drop_index("uq_transitions_record_id_kind", table_name="transitions")
    op.drop_index("ix_transitions_due_at", table_name="transitions")

    op.drop_table("transitions")
    op.drop_table("drafts")


def _review() -> sa.Enum:
    return sa.Enum("submitted", "returned", "approved", name="review", native_enum=False, length=32)
