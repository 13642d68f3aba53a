"""Renditions: smaller versions of pictures, made where rows say that they are due; media has a trash.

Revision: 20261126_renditions
Follows: 20261126_saved_views
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.types import text

revision: str = "20261126_renditions"
down_revision: str | Sequence[str] | None = "20261126_saved_views"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNIQUE = ("path", "sha256")
KEPT = sa.text("trashed_at IS NULL")
TRASHED = sa.text("trashed_at IS NOT NULL")
ADDED = (
    ("trashed_at", sa.DateTime(timezone=True), None),
    ("focal_point", sa.JSON(none_as_null=True), None),
    ("drawn_from", text(100), ""),
    ("renditions", sa.JSON(none_as_null=True), "[]"),
    ("crops", sa.JSON(none_as_null=True), "[]"),
)


def upgrade() -> None:
    """Bring the tables forward; every file is kept note of, and every picture gets renditions."""
    with op.batch_alter_table("media") as batch:
        for column in UNIQUE:
            batch.drop_constraint(op.f(f"uq_media_{column}"), type_="unique")
        for name, kind, default in ADDED:
            batch.add_column(sa.Column(name, kind, nullable=default is None, server_default=default))
    with op.batch_alter_table("media") as batch:
        for name, _, default in ADDED:
            if default is not None:
                batch.alter_column(name, server_default=None)
    for column in UNIQUE:
        name = f"uq_media_{column}"
        op.create_index(name, "media", [column], unique=True, sqlite_where=KEPT, postgresql_where=KEPT)
    op.create_index("ix_media_trashed_at", "media", ["trashed_at"], sqlite_where=TRASHED, postgresql_where=TRASHED)
    _create_tables()
    op.execute("INSERT INTO kept_files (storage_key, media_id) SELECT storage_key, id FROM media")
    op.execute(
        "INSERT INTO rendition_jobs (media_id, due_at, attempts) "
        "SELECT id, created_at, 0 FROM media WHERE width IS NOT NULL"
    )


def _create_tables() -> None:
    op.create_table(
        "rendition_jobs",
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", text(500), nullable=True),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media.id"], name=op.f("fk_rendition_jobs_media_id_media"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("media_id", name=op.f("pk_rendition_jobs")),
    )
    op.create_index(op.f("ix_rendition_jobs_due_at"), "rendition_jobs", ["due_at"], unique=False)
    op.create_table(
        "kept_files",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("storage_key", text(120), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media.id"], name=op.f("fk_kept_files_media_id_media"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_files")),
    )
    op.create_index("ix_kept_files_media_id_storage_key", "kept_files", ["media_id", "storage_key"], unique=False)
    op.create_index(op.f("ix_kept_files_storage_key"), "kept_files", ["storage_key"], unique=False)


def downgrade() -> None:
    """Take the tables back; what is in the trash goes for good, since there is none any more."""
    op.drop_table("kept_files")
    op.drop_table("rendition_jobs")
    used = "SELECT cover_id FROM articles WHERE cover_id IS NOT NULL"
    op.execute(f"DELETE FROM media WHERE trashed_at IS NOT NULL AND id NOT IN ({used})")  # noqa: S608 - both are ours
    op.drop_index("ix_media_trashed_at", table_name="media")
    for column in UNIQUE:
        op.drop_index(f"uq_media_{column}", table_name="media")
    with op.batch_alter_table("media") as batch:
        for name, _, _ in ADDED:
            batch.drop_column(name)
        for column in UNIQUE:
            batch.create_unique_constraint(op.f(f"uq_media_{column}"), [column])
