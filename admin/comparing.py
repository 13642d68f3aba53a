"""Two revisions beside each other: what changed of each field, as a page can show it on both sides or in one text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import yaml

from admin.clock import shown
from admin.fields import label_of
from cms.crud.content_type import ContentType
from cms.crud.structure import Shape
from cms.crud.values import is_uuid
from cms.editorial.diffs import Difference, Edit, Hunk, TextDifference, diff
from cms.editorial.lines import Text
from cms.editorial.merge import Kind, kinds_of
from cms.editorial.snapshots import Values

CONTEXT = 2
"""Unchanged lines that are shown on either side of changed ones."""
MOST_PLACES = 200
"""Places of one text that are shown; nobody reads through more."""

MOST_CHARACTERS = 50_000
"""Characters of one place that are shown on a side."""

Titles = Mapping[str, str]
"""What related records are called, by id."""


class Piece(NamedTuple):
    """Some text of which the same became."""

    edit: Edit
    text: str


class Place(NamedTuple):
    """A place of a field that changed.

    :param line: the number of the first line shown, of a long text; 0 where it is no matter of lines.
    """

    line: int
    before: list[Piece]
    after: list[Piece]
    both: list[Piece]


class Compared(NamedTuple):
    """A field that changed.

    :param note: what no place shows.
    """

    label: str
    places: list[Place]
    note: str = ""


def compare(content_type: ContentType[Any], before: Values, after: Values, titles: Titles) -> list[Compared]:
    """What changed between two revisions, field by field; takes a while for long texts."""
    fields = content_type.fields
    words = {n: Kind.LINES for n, info in fields.items() if info.python_type is str and info.shape is Shape.COLUMN}
    found = diff(before, after, {**kinds_of(content_type), **words})
    return [row for difference in found for row in _rows(content_type, difference, titles)]


def marked(before: str, after: str) -> list[Piece]:
    """All of a text, line feeds behind its lines, with what was not in the former one marked as added."""
    lines = Text.of(before).lines
    found = diff({"text": before}, {"text": after}, {"text": Kind.LINES})
    hunks = found[0].text.hunks if found and found[0].text else ()
    pieces = _from_to(hunks, lines, 0, len(lines))
    return _first_of(piece for piece in pieces if piece.edit is not Edit.REMOVED)


def related_ids(content_type: ContentType[Any], values: Iterable[Values]) -> dict[str, set[str]]:
    """The ids of related records that revisions name, by the field."""
    ids: dict[str, set[str]] = {}
    for one in values:
        for name, value in one.items():
            info = content_type.fields.get(name)
            if info is not None and info.is_relation:
                related = value if isinstance(value, list) else [value]
                ids.setdefault(name, set()).update(i for i in related if isinstance(i, str) and is_uuid(i))
    return ids


def _rows(content_type: ContentType[Any], found: Difference, titles: Titles, above: str = "") -> Iterable[Compared]:
    label = f"{above}{label_of(found.name)}"
    if found.members is not None:
        for member in found.members:
            yield from _rows(content_type, member, titles, f"{label} › ")
    elif found.text is not None:
        yield _text(label, found.text, Text.of(found.before or "").lines)
    elif found.elements is not None:
        yield _sides(label, titles, found.elements.removed, found.elements.added)
    else:
        old, new = ([] if value in (None, "", []) else [value] for value in (found.before, found.after))
        yield _sides(label, titles, old, new)


def _sides(label: str, titles: Titles, removed: Iterable[Any], added: Iterable[Any]) -> Compared:
    old = [Piece(Edit.REMOVED, _whole([shown_value(value, titles)])) for value in removed]
    new = [Piece(Edit.ADDED, _whole([shown_value(value, titles)])) for value in added]
    return Compared(label, [Place(0, old, new, [*old, *new])])


def shown_value(value: Any, titles: Titles) -> str:
    """A recorded value as people read it."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, dict | list):
        return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False)).strip()
    text = str(value)
    if is_uuid(text):
        return titles.get(text, f"{text} (gone)")
    return _time(text) or text


def _time(text: str) -> str | None:
    if len(text) < 20 or text[10] != "T" or not text.endswith("Z"):
        return None
    try:
        return shown(datetime.fromisoformat(text))
    except ValueError:
        return None


def _text(label: str, text: TextDifference, lines: tuple[str, ...]) -> Compared:
    is_long = len(lines) > 1 or any(len(hunk.after) > 1 for hunk in text.hunks)
    shown = text.hunks[:MOST_PLACES]
    places = [_place(near, lines) for near in _near(shown)]
    if not is_long:
        places = [place._replace(line=0) for place in places]
    hidden = len(text.hunks) - len(shown)
    return Compared(label, places, _note(places, hidden))


def _note(places: Sequence[Place], hidden: int) -> str:
    if hidden:
        return f"… and {hidden} more places."
    if any(sum(len(piece.text) for piece in place.both) > MOST_CHARACTERS for place in places):
        return "This is too long to be shown whole; the revisions hold all of it."
    return "" if places else "Only the ends of lines are others."


def _near(hunks: Sequence[Hunk]) -> Iterator[list[Hunk]]:
    """The changed places of a text, those together of which the unchanged lines around would meet."""
    near: list[Hunk] = []
    for hunk in hunks:
        if near and _start(hunk) - _end(near[-1]) > 2 * CONTEXT:
            yield near
            near = []
        near.append(hunk)
    if near:
        yield near


def _start(hunk: Hunk) -> int:
    return hunk.before_line - 1


def _end(hunk: Hunk) -> int:
    return hunk.before_line - 1 + len(hunk.before)


def _place(near: Sequence[Hunk], lines: tuple[str, ...]) -> Place:
    first = max(0, _start(near[0]) - CONTEXT)
    both = _from_to(near, lines, first, _end(near[-1]) + CONTEXT)
    before = [piece for piece in both if piece.edit is not Edit.ADDED]
    after = [piece for piece in both if piece.edit is not Edit.REMOVED]
    return Place(first + 1, _first_of(before), _first_of(after), _first_of(both))


def _from_to(hunks: Sequence[Hunk], lines: Sequence[str], at: int, end: int) -> list[Piece]:
    """The lines of a text from one to another, with what changed there."""
    both = list[Piece]()
    for hunk in hunks:
        both += [*_kept(lines[at : _start(hunk)]), *_changed(hunk)]
        at = _end(hunk)
    return [*both, *_kept(lines[at:end])]


def _first_of(pieces: Iterable[Piece]) -> list[Piece]:
    """As much of a place as people read."""
    first, room = list[Piece](), MOST_CHARACTERS
    for piece in pieces:
        if len(piece.text) > room:
            return [*first, Piece(piece.edit, f"{piece.text[:room]}…")]
        first.append(piece)
        room -= len(piece.text)
    return first


def _kept(lines: Sequence[str]) -> list[Piece]:
    return [Piece(Edit.KEPT, _whole(lines))] if lines else []


def _changed(hunk: Hunk) -> list[Piece]:
    if hunk.words:
        return [*(Piece(words.edit, words.text) for words in hunk.words), Piece(Edit.KEPT, "\n")]
    sides = (Edit.REMOVED, hunk.before), (Edit.ADDED, hunk.after)
    return [Piece(edit, _whole(lines)) for edit, lines in sides if lines]


def _whole(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
