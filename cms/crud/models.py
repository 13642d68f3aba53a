"""What every table shares: constraint names that migrations can rely on, and the columns of a record."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Index, Integer, MetaData, Table, Uuid
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler
from uuid_utils.compat import uuid7

from cms.crud.fields import UTCDateTime, text_type, utc_now

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The one registry of tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime(), UUID: Uuid(), str: text_type()}


class Record(Base):
    """A row with an identity, a version and its times; every content type is one.

    `version` counts the writes: SQLAlchemy updates `WHERE version = :seen`, so of two writers that saw the same
    version one fails instead of overwriting the other.
    """

    __abstract__ = True
    __natural_key__: ClassVar[str | None] = None
    """The unique column by which people and files name a record (`slug`, `email`); None where only the id does."""
    __recorded__: ClassVar[tuple[str, ...]] = ()
    """The columns that are part of a record's history although no body has them, such as which file it has."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-9)
    version: Mapped[int] = mapped_column(Integer, nullable=False, sort_order=90)
    created_at: Mapped[datetime] = mapped_column(default=utc_now, sort_order=91)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now, sort_order=92)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)  # which makes the table
        if isinstance(table := vars(cls).get("__table__"), Table):
            index_order(table, "created_at")
            index_order(table, "updated_at", *cls.narrowing_columns())

    @classmethod
    def narrowing_columns(cls) -> tuple[str, ...]:
        """The columns that lists in the order of `updated_at` are narrowed by, to be read from its index alone."""
        return ()

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


def index_order(table: Table, name: str, *further: str) -> None:
    """Index a column together with the id, by which rows of one value are ordered.

    An import leaves thousands of rows of one time, and of a new site's articles none has a comment: by an index of
    the column alone, each page of a list would sort all of those.
    """
    Index(f"ix_{table.name}_{name}", *(table.columns[column] for column in (name, "id", *further)))


@compiles(CreateIndex, "sqlite")
def _without_nulls_first(create: CreateIndex, compiler: DDLCompiler, **options: Any) -> str:
    """SQLite's indexes hold nulls first, and it takes no word that says so; PostgreSQL's hold them last without one."""
    statement: str = compiler.visit_create_index(create, **options)  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return statement.replace(" NULLS FIRST", "")
