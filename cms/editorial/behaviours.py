"""Behaviours that any content type may take on: small mixins, one idea each."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Enum,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    case,
    or_,
    type_coerce,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from cms.crud.fields import Path, Rules, Slug, choice, likely, now, text_type, utc_now

MAX_DEPTH = 10
"""The deepest level of a tree."""


class Status(StrEnum):
    """Where a record stands; always derived from its times, never stored."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    EXPIRED = "expired"
    TRASHED = "trashed"


class Review(StrEnum):
    """What editors think of something that is not public yet."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"


class Slugged:
    """A record that people name by a slug."""

    __natural_key__: ClassVar[str | None] = "slug"

    slug: Mapped[Slug] = mapped_column(sort_order=-8)


class Trashable:
    """A record that is trashed before it is gone; there it holds no slug, nor what else has to be unique."""

    trashed_at: Mapped[datetime | None] = mapped_column(sort_order=80)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)  # which makes the table
        _index_few(cls, "trashed_at")
        _free_in_trash(cls)


_SCHEDULED = {"rules": Rules(hint="A time with a zone; a draft has none.", derived=True)}
_EXPIRING = {
    "rules": Rules(hint="A time with a zone, after the publication.", derived=True, example="2036-11-22T08:00:00Z")
}


class Publishable:
    """A record that the public sees from one time on, and until another.

    Visibility is a predicate on these two times, evaluated by the database's clock: a scheduled record appears, and an
    expiring one goes, at its second, with nothing running.
    """

    __listed_by__: ClassVar[tuple[str, ...]] = ()
    """The columns that public lists are narrowed by; each leads an index of its own."""

    published_at: Mapped[datetime | None] = mapped_column(sort_order=70, info=_SCHEDULED)
    unpublish_at: Mapped[datetime | None] = mapped_column(sort_order=71, info=_EXPIRING)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)  # which makes the table
        _index_few(cls, "unpublish_at")
        _index_visible(cls)
        _index_stages(cls)
        for name in cls.__listed_by__:
            _index_visible(cls, name)

    @classmethod
    def narrowing_columns(cls) -> tuple[str, ...]:
        """All that decides the status, and whose a record is: the back office lists what was changed last."""
        return (*(name for name in _deciding(cls) if name != "id"), *_further(cls))

    @hybrid_property
    def is_published(self) -> bool:
        """Whether the public sees the record now, by the clock of this process; see `status_at`."""
        return status_at(self, utc_now()) is Status.PUBLISHED

    @is_published.inplace.expression
    @classmethod
    def _is_published(cls) -> ColumnElement[bool]:
        return published(cls)

    @hybrid_property
    def status(self) -> Status:
        """Where the record stands now, by the clock of this process; see `status_at`."""
        return status_at(self, utc_now())

    @status.inplace.expression
    @classmethod
    def _status(cls) -> ColumnElement[Any]:
        table: Any = cls
        trashed = [(table.trashed_at.is_not(None), Status.TRASHED.value)] if issubclass(cls, Trashable) else []
        unpublished = table.published_at.is_(None)
        in_review = (
            [(and_(unpublished, table.review == Review.SUBMITTED), Status.IN_REVIEW.value)]
            if issubclass(cls, Reviewable)
            else []
        )
        stages = case(
            *trashed,
            *in_review,
            (unpublished, Status.DRAFT.value),
            (table.unpublish_at <= now(), Status.EXPIRED.value),
            (table.published_at > now(), Status.SCHEDULED.value),
            else_=Status.PUBLISHED.value,
        )
        return type_coerce(stages, STATUS)


class Reviewable:
    """A record that its author submits, and editors approve or return.

    This is about a record that has no time to go public yet; of one that has, it is the working draft that is reviewed.
    """

    review: Mapped[Review | None] = choice(Review, sort_order=75)
    review_note: Mapped[str | None] = mapped_column(text_type(2000), sort_order=76)
    """Why it was returned."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)  # which makes the table
        _index_few(cls, "review")


STATUS = Enum(Status, native_enum=False, length=32, values_callable=lambda kinds: [kind.value for kind in kinds])


class Nested:
    """A record in a tree, by its parent; `path` is made of the slugs from the root down."""

    @declared_attr
    @classmethod
    def parent_id(cls) -> Mapped[UUID | None]:
        """The record above, if any."""
        table: Any = cls
        return mapped_column(ForeignKey(f"{table.__tablename__}.id", ondelete="RESTRICT"), index=True, sort_order=60)

    @declared_attr
    @classmethod
    def parent(cls) -> Mapped[Any]:
        """The record above, if any."""
        return relationship(cls.__name__, remote_side=f"{cls.__name__}.id", lazy="raise")

    path: Mapped[Path] = mapped_column(unique=True, sort_order=61)
    position: Mapped[int] = mapped_column(default=0, sort_order=62)


def published(table: Any) -> ColumnElement[bool]:
    """That the public sees a row now."""
    return and_(
        table.published_at.is_not(None),
        likely(table.published_at <= now()),
        or_(table.unpublish_at.is_(None), table.unpublish_at > now()),
        *not_trashed(table),
    )


def not_trashed(table: Any) -> tuple[ColumnElement[bool], ...]:
    """That a row is not in the trash, as zero or one conditions; zero where its type has none."""
    return (table.trashed_at.is_(None),) if hasattr(table, "trashed_at") else ()


def _index_visible(model: Any, *leading: str) -> None:
    """Index all that decides visibility beside the usual order, so that counting and paging read nothing else."""
    _index(model, "_".join((*leading, "published_at")), *leading, *_deciding(model))


def _index_stages(model: Any) -> None:
    """Index the status as well, and whose a record is: the back office lists by these.

    Apart from what the public is shown by, whose index is read whole for each total: wider entries doubled its price.
    """
    if further := _further(model):
        _index(model, "stage", *_deciding(model), *further)


def _further(model: Any) -> tuple[str, ...]:
    return (*(["review"] if issubclass(model, Reviewable) else []), *model.__listed_by__)


def _deciding(model: Any) -> tuple[str, ...]:
    return ("published_at", "id", "unpublish_at", *(["trashed_at"] if issubclass(model, Trashable) else []))


def _index(model: Any, name: str, *columns: str) -> None:
    """Index columns; nulls come first, as in the ORDER BY of read plans: PostgreSQL would put them last."""
    keys = [_column(model, key).nulls_first() if key == "published_at" else _column(model, key) for key in columns]
    Index(f"ix_{model.__tablename__}_{name}", *keys)


def _index_few(model: Any, name: str) -> None:
    """Index a time that few rows have: no plan may take its being null for something rare."""
    column = _column(model, name)
    is_set = column.is_not(None)
    Index(f"ix_{model.__tablename__}_{name}", column, sqlite_where=is_set, postgresql_where=is_set)


def _free_in_trash(model: Any) -> None:
    """Have what is unique be so outside of the trash alone."""
    table = model.__table__
    is_kept = _column(model, "trashed_at").is_(None)
    for constraint in [found for found in table.constraints if isinstance(found, UniqueConstraint)]:
        columns = list(constraint.columns)
        table.constraints.remove(constraint)
        name = "_".join(("uq", table.name, *(column.key for column in columns)))
        Index(name, *columns, unique=True, sqlite_where=is_kept, postgresql_where=is_kept)


def _column(model: Any, name: str) -> Column[Any]:
    column: Column[Any] = model.__table__.columns[name]
    return column


def status_at(record: Publishable, time: datetime) -> Status:
    """Where a record stands at that time; now, by the database's clock, is what `status` is in SQL."""
    if getattr(record, "trashed_at", None) is not None:
        return Status.TRASHED
    if record.published_at is None:
        return Status.IN_REVIEW if getattr(record, "review", None) is Review.SUBMITTED else Status.DRAFT
    if record.unpublish_at is not None and record.unpublish_at <= time:
        return Status.EXPIRED
    return Status.PUBLISHED if record.published_at <= time else Status.SCHEDULED
