"""What waits for an editor to look at it: texts that are not public yet, and changes to what is."""

from typing import Any

from sqlalchemy import ColumnElement, and_, select

from cms.editorial.behaviours import Review, not_trashed
from cms.editorial.pending import Draft
from cms.editorial.snapshots import Values

REVIEW_STAGES = ("review", "review_note")
"""The fields of a record that say how its review stands."""


def submitted(table: Any) -> ColumnElement[bool]:
    """That a record which was not published yet is in review."""
    return and_(table.review == Review.SUBMITTED, table.published_at.is_(None), *not_trashed(table))


def proposed(table: Any) -> ColumnElement[bool]:
    """That the working draft of a record which was published is in review."""
    drafts = select(Draft.record_id).where(Draft.review == Review.SUBMITTED, Draft.values.is_not(None))
    return and_(table.id.in_(drafts), table.published_at.is_not(None), *not_trashed(table))


def takes_back_review(record: Any) -> bool:
    """Whether an edit by somebody who may not publish took a record, which is not public yet, out of review."""
    if record.published_at is not None or getattr(record, "review", None) not in {Review.SUBMITTED, Review.APPROVED}:
        return False
    record.review = None
    return True


def stand_again(record: Any, former: Values) -> None:
    """Put the review of a record back where it stood, for who may not approve anything by that.

    :param former: of `REVIEW_STAGES`, those that are given back.
    """
    for name, value in former.items():
        is_approval = name == "review" and value == Review.APPROVED
        setattr(record, name, None if is_approval or value is None else Review(value) if name == "review" else value)
