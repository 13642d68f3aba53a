"""Column types that migrations share; what stands here is history and never changes."""

from sqlalchemy import String, Text
from sqlalchemy.types import TypeEngine


def text(length: int | None = None) -> TypeEngine[str]:
    """A text that compares by code point on both databases."""
    if length is None:
        return Text().with_variant(Text(collation="C"), "postgresql")
    return String(length).with_variant(String(length, collation="C"), "postgresql")
