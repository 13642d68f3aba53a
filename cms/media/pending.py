"""What is left to do for files: renditions to make, and stored files that nobody needs any more. The tables alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Identity, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.fields import text_type, utc_now
from cms.crud.models import Base


class RenditionJob(Base):
    """A picture whose renditions are to be made; gone once they are.

    Whoever takes it moves `due_at` into the future: should that process die, another takes it then.
    """

    __tablename__ = "rendition_jobs"

    media_id: Mapped[UUID] = mapped_column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(text_type(500))
    """Why it failed last."""


class KeptFile(Base):
    """A stored file, and the record that it is kept for: its own, a former one of it, or a rendition.

    When the record goes, the row stays without it, and says that the file is to be removed.
    """

    __tablename__ = "kept_files"
    __table_args__ = (Index("ix_kept_files_media_id_storage_key", "media_id", "storage_key"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), Identity(), primary_key=True)
    storage_key: Mapped[str] = mapped_column(text_type(120), index=True)
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What a record whose own file it is says about it; null for renditions."""
    media_id: Mapped[UUID | None] = mapped_column(ForeignKey("media.id", ondelete="SET NULL"))
