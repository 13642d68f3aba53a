"""What waits to become public: working drafts, and the times at which something is due. The tables alone."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Connection, Identity, Index, Integer, delete, false, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cms.crud.fields import choice, now, text_type, utc_now
from cms.crud.models import Base
from cms.editorial.behaviours import Review

_TIME = "time of the transaction"


class Draft(Base):
    """The working draft of a record: an edit that the public does not see.

    The row outlives the draft, since its version counts on for as long as the record lives: none is ever used twice.
    """

    __tablename__ = "drafts"

    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    record_type: Mapped[str] = mapped_column(text_type(60))
    """The plural name of the content type, such as `articles`."""
    version: Mapped[int]
    """Counts the saves from `FIRST_DRAFT` on."""
    base_version: Mapped[int]
    """The version of the record that the draft was made from."""
    base: Mapped[dict[str, Any]] = mapped_column(JSON())
    """What the record was then: what the draft is compared to, and merged from, when it is published."""
    values: Mapped[dict[str, Any] | None] = mapped_column("content", JSON(none_as_null=True), key="values")
    """Every field that a draft holds, as JSON, relations as ids; null where there is no draft."""
    derived: Mapped[dict[str, Any]] = mapped_column(JSON(), default=dict)
    """What follows from them, such as the text as HTML."""
    actor_id: Mapped[UUID | None] = mapped_column(index=True)
    """Who saved it last."""
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    publish_at: Mapped[datetime | None]
    """When it takes the place of what is public, if that is settled."""
    review: Mapped[Review | None] = choice(Review, index=True)
    review_note: Mapped[str | None] = mapped_column(text_type(2000))
    problem: Mapped[str | None] = mapped_column(text_type())
    """Why it could not be published when it was due."""
    keeps_address: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the address that the public knows leads on, if it is another once this is public."""


class Kind(StrEnum):
    """What a time brings."""

    PUBLISH = "publish"
    UNPUBLISH = "unpublish"
    REPLACE = "replace"


class Transition(Base):
    """Something that happens to a record at a time to come; gone once it has."""

    __tablename__ = "transitions"
    __table_args__ = (
        Index("uq_transitions_record_id_kind", "record_id", "kind", unique=True),
        Index("ix_transitions_due_at", "due_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), Identity(), primary_key=True)
    record_type: Mapped[str] = mapped_column(text_type(60))
    record_id: Mapped[UUID]
    kind: Mapped[Kind] = choice(Kind)
    due_at: Mapped[datetime]


class Plan(NamedTuple):
    """When things happen to a record from now on; None for never."""

    record_type: str
    record_id: UUID
    due: Mapping[Kind, datetime | None]


def transaction_time(session: Session) -> datetime:
    """The database's time, one for the whole transaction, as PostgreSQL has it: what it decides is told by it, too."""
    connection, transaction = session.connection(), session.get_transaction()
    of, time = session.info.get(_TIME, (None, None))
    if of is not transaction:
        time = connection.execute(select(now())).scalar_one()
        session.info[_TIME] = transaction, time
    return time  # type: ignore[no-any-return]  # `info` holds anything


def overdue(connection: Connection, record_ids: Collection[UUID], time: datetime) -> list[tuple[UUID, Kind]]:
    """What of records came and went by itself, and was not told yet, in the order of its times."""
    untold = (Transition.record_id.in_(record_ids), Transition.kind != Kind.REPLACE, Transition.due_at <= time)
    found = connection.execute(select(Transition.record_id, Transition.kind).where(*untold).order_by(Transition.due_at))
    return [(record_id, kind) for record_id, kind in found]


def plan_transitions(connection: Connection, plans: Collection[Plan]) -> None:
    """Put down when things happen to records, in place of what was planned of these kinds."""
    ids, kinds = [plan.record_id for plan in plans], {kind for plan in plans for kind in plan.due}
    connection.execute(delete(Transition).where(Transition.record_id.in_(ids), Transition.kind.in_(kinds)))
    rows = [
        {"record_type": plan.record_type, "record_id": plan.record_id, "kind": kind, "due_at": due_at}
        for plan in plans
        for kind, due_at in plan.due.items()
        if due_at is not None
    ]
    if rows:
        connection.execute(insert(Transition), rows)


def forget_pending(connection: Connection, record_ids: Collection[UUID]) -> None:
    """Drop all that waits of records that are gone."""
    connection.execute(delete(Transition).where(Transition.record_id.in_(record_ids)))
    connection.execute(delete(Draft).where(Draft.record_id.in_(record_ids)))
