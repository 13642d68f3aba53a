"""What was done, in words: verbs, doors, people and times as the screens of history tell them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from admin.fields import label_of
from cms.crud.policy import Door

DOORS: Final = {
    Door.ADMIN: "the back office",
    Door.REST: "the API",
    Door.FILES: "files",
    Door.SYSTEM: "the system",
}
_DONE: Final = {
    "created": "Created",
    "published": "Published",
    "unpublished": "Unpublished",
    "scheduled": "Scheduled",
    "unscheduled": "Taken off the schedule",
    "trashed": "Moved to the trash",
    "restored": "Restored from the trash",
    "deleted": "Deleted for good",
    "submitted": "Submitted for review",
    "approved": "Approved",
    "returned": "Returned with a note",
    "discarded": "Discarded the working draft",
}
_ICONS: Final = {
    "created": "plus",
    "published": "rocket",
    "unpublished": "eye-off",
    "scheduled": "clock",
    "unscheduled": "clock",
    "trashed": "trash",
    "restored": "restore",
    "deleted": "trash-x",
    "submitted": "send",
    "approved": "check",
    "returned": "corner-up-left",
    "drafted": "edit",
    "discarded": "x",
}
_STAGES: Final = frozenset({"published_at", "unpublish_at", "trashed_at", "review", "review_note"})
"""Fields that the verb tells of already."""
_TIMES: Final = {"published_at": "when readers began to see it", "unpublish_at": "when it ends"}
"""What no verb tells of, where readers see the record before as after."""
_FEW = 3
_UNITS: Final = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))


def summary_of(verb: str, fields: Iterable[str], *, is_draft: bool = False, is_undo: bool = False) -> str:
    """One line about what was done to a record: `Changed title and content`.

    :param fields: the names of the fields that changed. :param is_undo: whether that took back an earlier change.
    """
    said = _said(verb, fields, is_draft=is_draft)
    return taken_back(said) if is_undo else said


def taken_back(said: str) -> str:
    """What was done, where it took back an earlier change: `Undo: changed title`."""
    return f"Undo: {said[0].lower()}{said[1:]}"


def _said(verb: str, fields: Iterable[str], *, is_draft: bool) -> str:
    said = _DONE.get(verb)
    names = list(fields)
    told = [label_of(name).lower() if label_of(name) != "SEO" else "SEO" for name in names if name not in _STAGES]
    if verb == "updated" and not is_draft:
        told += [words for name, words in _TIMES.items() if name in names]
    if said is not None:
        is_more = told and verb not in {"created", "deleted", "discarded"}
        return f"{said}, with another {listed(told)}" if is_more else said
    what = listed(told) or "nothing that is shown"
    return f"Changed {what} in the working draft" if is_draft else f"Changed {what}"


def icon_of(verb: str) -> str:
    """The symbol of what was done."""
    return _ICONS.get(verb, "pencil")


def listed(words: list[str]) -> str:
    """Words as people list them, the first few by name: `title, slug, excerpt and 2 more`."""
    if len(words) > _FEW + 1:
        words = [*words[:_FEW], f"{len(words) - _FEW} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def by(actor: Mapping[str, Any] | None, door: Door) -> str:
    """Who did it, as far as that is known, and which way it came in where that was not by these screens."""
    if actor is not None:
        name = str(actor["name"] or "Somebody whose account is gone")
        return name if door is Door.ADMIN else f"{name}, through {DOORS[door]}"
    return {Door.SYSTEM: "The system", Door.FILES: "Files"}.get(door, "The public")


def ago(time: datetime, now: datetime) -> str:
    """How long ago, or in how long, in the unit that reads best: `3 hours ago`."""
    seconds = (now - time).total_seconds()
    for unit, length in _UNITS:
        if abs(seconds) >= length:
            count = int(seconds // length) if seconds > 0 else round(-seconds / length)
            span = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return "just now" if seconds >= 0 else "in a moment"
