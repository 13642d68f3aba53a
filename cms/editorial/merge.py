"""Three-way merge of two edits from one base: what only one side changed is combined, true overlaps are told.

Values are those of snapshots: JSON by field name. The same function serves REST, the back office and autosave.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from merge3 import Merge3

from cms.crud.content_type import ContentType
from cms.crud.fields import Control
from cms.crud.structure import FieldInfo, Shape
from cms.editorial.lines import LineMatcher, Text

DEEPEST = 50
"""The most levels of structured values that are merged or compared member by member; what lies deeper is one value."""


class Kind(StrEnum):
    """How two edits of one field are combined."""

    PLAIN = "plain"
    LINES = "lines"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Region:
    """A run of lines of a long text. Those of one side of every region, joined by line endings, are a text.

    :param disputed: whether both sides changed it, each in its way; if not, all three are the merged lines.
    """

    disputed: bool
    base: tuple[str, ...]
    mine: tuple[str, ...]
    theirs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both sides changed, each in its way.

    :param regions: of a long text, all of it from top to bottom.
    """

    base: Any
    mine: Any
    theirs: Any
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to.

    :param values: the merged fields that differ from theirs: what is left to write.
    :param conflicts: the fields that somebody has to decide about.
    """

    values: Mapping[str, Any]
    conflicts: Mapping[str, Conflict]


def kinds_of(content_type: ContentType[Any]) -> dict[str, Kind]:
    """The kind of every field of a content type."""
    return {name: kind_of(info) for name, info in content_type.fields.items()}


def kind_of(info: FieldInfo) -> Kind:
    """How edits of the field are combined: related records as a set, long texts by line, anything else as a whole."""
    if info.shape is Shape.TO_MANY:
        return Kind.SET
    is_long = info.python_type is str and info.rules.control in {Control.MARKDOWN, Control.TEXTAREA}
    return Kind.LINES if is_long else Kind.PLAIN


def merge(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any], kinds: Mapping[str, Kind]
) -> Merged:
    """Combine two edits of one record.

    :param base: what both edits began with. A field that it lacks (it was written before the field was added) was null.
    :param mine: the fields that one side sent; those that it does not name are theirs.
    :param theirs: what the other side made of the record.
    :param kinds: of the fields, from `kinds_of`; one that is not named is plain.
    :returns: the values to write, and the conflicts. Nothing raises, and the time grows with the size of the values.
    """
    values: dict[str, Any] = {}
    conflicts: dict[str, Conflict] = {}
    for name, value in mine.items():
        merged = _merged(kinds.get(name, Kind.PLAIN), base.get(name), value, theirs.get(name))
        if isinstance(merged, Conflict):
            conflicts[name] = merged
        elif not is_same(merged, theirs.get(name)):
            values[name] = merged
    return Merged(values, conflicts)


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON. To Python `True` is `1`, and no NaN is itself."""
    if one is other:
        return True
    if _ABSENT in (one, other) or type(one) is not type(other):
        return False
    if isinstance(one, str):
        return bool(one == other)
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def as_set(value: Any) -> dict[str, None] | None:
    """The elements of a set in their order; None where the value is no list of texts."""
    is_set = isinstance(value, list) and all(isinstance(element, str) for element in value)
    return dict.fromkeys(value) if is_set else None


class _Absence:
    """Stands for a member that a structured value does not have, which is not the same as null."""


_ABSENT: Any = _Absence()


def _merged(kind: Kind, base: Any, mine: Any, theirs: Any, depth: int = 0) -> Any:
    """The merged value, or a conflict."""
    if kind is Kind.SET:
        elements = _merged_set(base, mine, theirs)
        if elements is not None:
            return elements
    if is_same(mine, base) or is_same(mine, theirs):
        return theirs
    if is_same(theirs, base):
        return mine
    if kind is Kind.LINES and isinstance(mine, str) and isinstance(theirs, str):
        return _merged_text(base, mine, theirs)
    if isinstance(mine, dict) and isinstance(theirs, dict) and depth < DEEPEST:
        return _merged_members(base, mine, theirs, depth)
    return Conflict(base, mine, theirs)


def _merged_set(base: Any, mine: Any, theirs: Any) -> list[str] | None:
    """Theirs without what mine removed, then what mine added; None where the values are no sets."""
    former, one, other = as_set(base) or {}, as_set(mine), as_set(theirs)
    if one is None or other is None:
        return None
    kept = [element for element in theirs if element in one or element not in former]
    return kept + [element for element in one if element not in former and element not in other]


def _merged_members(base: Any, mine: dict[str, Any], theirs: dict[str, Any], depth: int) -> Any:
    """A structured value member by member; one member in conflict puts the whole into conflict."""
    former = base if isinstance(base, dict) else {}
    merged: dict[str, Any] = {}
    for name in dict.fromkeys([*theirs, *mine]):
        one, other = mine.get(name, _ABSENT), theirs.get(name, _ABSENT)
        value = _merged(Kind.PLAIN, former.get(name, _ABSENT), one, other, depth + 1)
        if isinstance(value, Conflict):
            return Conflict(base, mine, theirs)
        if value is not _ABSENT:
            merged[name] = value
    return merged


def _merged_text(base: Any, mine: str, theirs: str) -> Any:
    """A long text by line. How lines end is no edit: theirs stay as they are, whatever a browser sent."""
    former, one, other = (Text.of(text) for text in (base if isinstance(base, str) else "", mine, theirs))
    ending = other.ending or one.ending
    ends = one.ends if other.ends == former.ends else other.ends
    regions = _regions(former, one, other)
    if any(region.disputed for region in regions):
        last = [Region(False, ("",), ("",), ("",))] if ends else []  # so that joining gives the last line its ending
        return Conflict(base, mine, theirs, (*regions, *last))
    return str(Text(tuple(line for region in regions for line in region.mine), ending, ends))


def _regions(base: Text, mine: Text, theirs: Text) -> list[Region]:
    merger = Merge3(base.lines, mine.lines, theirs.lines, sequence_matcher=LineMatcher)
    regions = []
    for region in merger.merge_groups():
        if region[0] == "conflict":
            regions.append(Region(True, *map(tuple, region[1:])))
        else:
            lines = tuple(region[1])
            regions.append(Region(False, lines, lines, lines))
    return regions
