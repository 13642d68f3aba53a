"""What a record said about each of its files is kept, so that a former one can come back.

Revision: 20261130_former_files
Follows: 20261130_orders
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_former_files"
down_revision: str | Sequence[str] | None = "20261130_orders"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FACTS = ("storage_key", "sha256", "mime_type", "size", "width", "height")


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("kept_files", sa.Column("facts", sa.JSON(), nullable=True))
    media = sa.table("media", sa.column("id"), *map(sa.column, FACTS))
    kept = sa.table("kept_files", *map(sa.column, ("media_id", "storage_key", "facts")))
    make = sa.func.json_build_object if op.get_bind().dialect.name == "postgresql" else sa.func.json_object
    members = (part for name in FACTS for part in (sa.literal_column(f"'{name}'"), media.c[name]))
    is_own = media.c.id == kept.c.media_id, media.c.storage_key == kept.c.storage_key
    op.execute(kept.update().values(facts=sa.select(make(*members)).where(*is_own).scalar_subquery()))


def downgrade() -> None:
    """Take the tables back."""
    op.drop_column("kept_files", "facts")
