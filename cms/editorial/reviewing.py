"""What waits for an editor to look at it: texts that are not public yet, and changes to what is."""

from typing import Any

from sqlalchemy import ColumnElement, and_, select

from cms.editorial.behaviours import Review, not_trashed
from cms.editorial.pending import Draft


def submitted(table: Any) -> ColumnElement[bool]:
    """That a record which was not published yet is in review."""
    return and_(table.review == Review.SUBMITTED, table.published_at.is_(None), *not_trashed(table))


def proposed(table: Any) -> ColumnElement[bool]:
    """That the working draft of a record which was published is in review."""
    drafts = select(Draft.record_id).where(Draft.review == Review.SUBMITTED, Draft.values.is_not(None))
    return and_(table.id.in_(drafts), table.published_at.is_not(None), *not_trashed(table))
