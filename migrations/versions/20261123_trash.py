"""Trash: what is in it holds no slug.

Revision: 20261123_trash
Follows: 20261123_drafts
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_trash"
down_revision: str | Sequence[str] | None = "20261123_drafts"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNIQUE = {"articles": ("slug",), "pages": ("slug", "path")}
KEPT = sa.text("trashed_at IS NULL")


def upgrade() -> None:
    """Bring the tables forward."""
    for table, columns in UNIQUE.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_constraint(op.f(f"uq_{table}_{column}"), type_="unique")
        for column in columns:
            name = f"uq_{table}_{column}"
            op.create_index(name, table, [column], unique=True, sqlite_where=KEPT, postgresql_where=KEPT)


def downgrade() -> None:
    """Take the tables back; in the trash, whatever has a slug that others have too gets one of its own."""
    for table, columns in UNIQUE.items():
        for column in columns:
            op.drop_index(f"uq_{table}_{column}", table_name=table)
            _tell_apart(table, column)
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.create_unique_constraint(op.f(f"uq_{table}_{column}"), [column])


def _tell_apart(table: str, column: str) -> None:
    """Put its id behind each value in the trash that others have too; cut off what would not fit."""
    rows = sa.table(table, sa.column("id", sa.Uuid()), sa.column(column, sa.String()), sa.column("trashed_at"))
    other = rows.alias()
    value, length = rows.c[column], 80 if column == "slug" else 960
    is_shared = sa.exists().where(other.c[column] == value, other.c.id != rows.c.id)
    own = sa.func.substr(value, 1, length).concat("-").concat(sa.cast(rows.c.id, sa.String(36)))
    op.execute(rows.update().where(rows.c.trashed_at.is_not(None), is_shared).values({column: own}))
