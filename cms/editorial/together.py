"""What one change did to all of its records, as far as the reversal for one of them has to know it."""

from collections.abc import Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from cms.editorial.notes import Note


class Together(NamedTuple):
    """What one change did to all of its records.

    :param made: those that it made. :param moved: these, and those that it put into the trash or took out of it.
    :param slugs: those that records had before it put them into the trash.
    """

    made: frozenset[UUID]
    moved: frozenset[UUID]
    slugs: Mapping[UUID, str]

    @classmethod
    def of(cls, notes: Collection[Note]) -> "Together":
        """What these notes tell."""
        slugs = {
            noted.record_id: noted.before["slug"]
            for noted in notes
            if "slug" in noted.before and noted.before.get("trashed_at", "") is None
        }
        made = frozenset(noted.record_id for noted in notes if noted.verb == "created")
        return cls(made, made.union(noted.record_id for noted in notes if "trashed_at" in noted.before), slugs)
