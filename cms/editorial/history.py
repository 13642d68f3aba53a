"""What was done, by whom and through which door: the tables that the recorder writes and everybody else reads."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Identity, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from cms.crud.fields import choice, text_type, utc_now
from cms.crud.models import Base
from cms.crud.policy import Door

FIRST_DRAFT = 1_000_000
"""Where the versions of working drafts begin, so that none is ever taken for a version of the record itself."""

FOLLOWED = "followed"
"""What a working draft did whose record was changed: it shows that from now on."""
APPLIED = "applied"
"""What was done to a working draft whose record is now what it made of it."""
DISCARDED = "discarded"
"""What was done to a working draft that was dropped."""
QUIET = frozenset({FOLLOWED, APPLIED})
"""What nobody is told of, since it goes without saying after what was done to the record."""


class ChangeSet(Base):
    """All that one transaction changed."""

    __tablename__ = "change_sets"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    actor_id: Mapped[UUID | None] = mapped_column(index=True)
    door: Mapped[Door] = choice(Door)
    request_id: Mapped[str | None] = mapped_column(text_type(64))
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    undoes_id: Mapped[UUID | None] = mapped_column(ForeignKey("change_sets.id", ondelete="SET NULL"), index=True)
    """The change-set that this one reversed, if that is what it was for."""
    is_pruned: Mapped[bool] = mapped_column(default=False)
    """Whether revisions of it were too old to be kept, so that it can't be undone any more."""


class Revision(Base):
    """One save of one record: what it was then, whole, and what it had been where it changed."""

    __tablename__ = "revisions"
    __table_args__ = (
        Index("uq_revisions_record_id_number", "record_id", "number", unique=True),
        Index("ix_revisions_record_id_version", "record_id", "version"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), Identity(), primary_key=True)
    change_set_id: Mapped[UUID] = mapped_column(ForeignKey("change_sets.id", ondelete="CASCADE"), index=True)
    record_type: Mapped[str] = mapped_column(text_type(60))
    """The plural name of the content type, such as `articles`."""
    record_id: Mapped[UUID]
    number: Mapped[int]
    """Counts the saves of a record, its working drafts included, from 1."""
    version: Mapped[int]
    """The record's version; from `FIRST_DRAFT` on, that of a working draft."""
    verb: Mapped[str] = mapped_column(text_type(20))
    """What was done: `created`, `updated`, `published`, `trashed` …"""
    before: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    """The former values of what changed; empty for a new record, of which everything did."""
    values: Mapped[dict[str, Any]] = mapped_column("content", JSON(none_as_null=True), key="values")
    """Every field, as JSON; relations as ids."""
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now)
