"""What a working draft says: what it changed, what it shows, and where it stands."""

from typing import Any

from cms.editorial.merge import is_same
from cms.editorial.pending import Draft
from cms.editorial.snapshots import Values, plain_time


def changes_of(values: Values, base: Values) -> Values:
    """What a draft changed of what it was made from."""
    return {name: value for name, value in values.items() if not is_same(value, base.get(name))}


def shown_by(draft: Draft, public: Values) -> Values:
    """What a draft makes of what is public now."""
    return public if draft.values is None else {**public, **changes_of(draft.values, draft.base)}


def means_public(draft: Draft, name: str, value: Any) -> bool:
    """Whether a value for a field can only be told from what the draft began with by what is public now."""
    base = draft.base.get(name)
    return is_same((draft.values or {}).get(name), base) or is_same(value, base)


def stages_of(draft: Draft) -> Values:
    """Where a draft stands, as recorded."""
    review = draft.review.value if draft.review else None
    return {"published_at": plain_time(draft.publish_at), "review": review, "review_note": draft.review_note}


def held_by(draft: Draft) -> Values:
    """What would be gone without a draft: what it changed, and where it stands."""
    stages = {name: value for name, value in stages_of(draft).items() if value is not None}
    return {**changes_of(draft.values or {}, draft.base), **stages}
