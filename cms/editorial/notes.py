"""What happened to records in a transaction, kept until it is written down."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cms.crud.content_type import ContentType
from cms.editorial.history import FIRST_DRAFT, FOLLOWED
from cms.editorial.snapshots import STAGES, Values


@dataclass(slots=True)
class Note:
    """What happened to one record in a transaction so far.

    :param before: the former values of what changed; :param values: every value now.
    """

    content_type: ContentType[Any]
    record_id: UUID
    verb: str
    version: int
    before: Values
    values: Values

    def follow(self, later: "Note") -> "Note | None":
        """This and what happened to the same record later, as one; None if the two cancel each other out."""
        if self.verb == "created":
            return None if later.verb == "deleted" else Note(**{**_members(later), "verb": "created", "before": {}})
        verb = later.verb if later.verb not in {"updated", FOLLOWED} else self.verb
        # A draft that followed its record stands where it stood; of that such a note says nothing.
        values = {**later.values, **{n: self.values[n] for n in STAGES if n in self.before and later.verb == FOLLOWED}}
        return Note(**{**_members(later), "verb": verb, "before": {**later.before, **self.before}, "values": values})

    def event(self, actor_id: UUID | None, verb: str | None = None) -> dict[str, Any]:
        """What the world is told of it, or of something else that came of it."""
        return {
            "kind": f"{self.content_type.singular}.{verb or self.verb}",
            "record_type": self.content_type.name,
            "record_id": self.record_id,
            "version": self.version,
            "actor_id": actor_id,
        }


Notes = dict[tuple[UUID, bool], Note]
"""By record, and whether it is about its working draft."""


def gather(notes: Notes, later: Note) -> None:
    """Add a note to those of a transaction, in the order in which they would have to be undone, backwards.

    What was created stays where it was, before all that may refer to it; anything else stands where it ended.
    """
    key = later.record_id, later.version >= FIRST_DRAFT
    earlier = notes.get(key)
    both = later if earlier is None else earlier.follow(later)
    if both is None or both.verb != "created":
        notes.pop(key, None)
    if both is not None:
        notes[key] = both


def _members(note: Note) -> dict[str, Any]:
    return {name: getattr(note, name) for name in Note.__slots__}
