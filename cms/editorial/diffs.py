"""The difference of two snapshots, field by field: for people to read, and as JSON for machines.

Long texts are compared by line, changed lines by word; sets by element, structured values by member.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from diff_match_patch import diff_match_patch

from cms.editorial.lines import LineMatcher, Text
from cms.editorial.merge import DEEPEST, Kind, as_set, is_same

SECONDS_FOR_WORDS = 0.1
"""How long the words of all changed lines may take; lines that are left then count as replaced as a whole."""
MOST_WORDS = 50_000
"""The most words of changed lines in one place that are compared: far more than anybody reads through."""

_WORD = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")


class Change(StrEnum):
    """What became of a field: changed, or there only after (added) or only before (removed)."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


class Edit(StrEnum):
    """What became of some words."""

    KEPT = "kept"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Words:
    """Words in a row of which the same became."""

    edit: Edit
    text: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that changed.

    :param before_line: the number, from 1, of the first line before; of the line above which lines were added.
    :param after_line: the same of the text after.
    :param before: the lines that went.
    :param after: the lines that came in their place.
    :param words: what changed inside, line feeds between lines; empty where lines were only added or only removed.
    """

    before_line: int
    after_line: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    words: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDifference:
    """How a long text changed.

    :param hunks: the lines that changed, from top to bottom.
    :param endings: whether the line endings, or the one at the very end, are others.
    """

    hunks: tuple[Hunk, ...]
    endings: bool


@dataclass(frozen=True, slots=True)
class SetDifference:
    """Elements that came into a set, and those that went."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, or one member of a structured value, that is not what it was.

    :param change: whether it is there on both sides.
    :param before: the whole value before; null where the field was not there.
    :param after: the whole value after; null where the field is not there.
    :param text: of a long text, what changed in it.
    :param elements: of a set, what came and went.
    :param members: of a structured value, the members that changed.
    """

    name: str
    change: Change
    before: Any
    after: Any
    text: TextDifference | None = None
    elements: SetDifference | None = None
    members: tuple["Difference", ...] | None = None


def diff(before: Mapping[str, Any], after: Mapping[str, Any], kinds: Mapping[str, Kind]) -> list[Difference]:
    """Tell two snapshots apart.

    :param before: JSON by field name.
    :param after: the same, later; either may have fields that the other lacks, or that nobody knows any more.
    :param kinds: of the fields, from `merge.kinds_of`; one that is not named is plain.
    :returns: the fields that differ, in the order of `after`, then those that are gone. Nothing raises, and the time
        grows with the size of the values.
    """
    return list(_Comparison(time.time() + SECONDS_FOR_WORDS).fields(before, after, kinds))


class _Comparison:
    """One comparison, whose fields share the time for words.

    :param deadline: when, by the clock, the search for changed words ends.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def fields(
        self, before: Mapping[str, Any], after: Mapping[str, Any], kinds: Mapping[str, Kind], depth: int = 0
    ) -> Iterator[Difference]:
        for name in dict.fromkeys([*after, *before]):
            if name not in before:
                yield Difference(name, Change.ADDED, None, after[name])
            elif name not in after:
                yield Difference(name, Change.REMOVED, before[name], None)
            elif not is_same(before[name], after[name]):
                yield from self._changed(name, before[name], after[name], kinds.get(name, Kind.PLAIN), depth)

    def _changed(self, name: str, before: Any, after: Any, kind: Kind, depth: int) -> Iterator[Difference]:
        text = elements = members = None
        if kind is Kind.SET:
            elements = _elements(before, after)
            if elements == SetDifference((), ()):
                return  # a set has no order
        if kind is Kind.LINES and _is_text(before) and _is_text(after):
            text = self._text(Text.of(before or ""), Text.of(after or ""))
        if isinstance(before, dict) and isinstance(after, dict) and depth < DEEPEST:
            members = tuple(self.fields(before, after, {}, depth + 1))
        yield Difference(name, Change.CHANGED, before, after, text, elements, members)

    def _text(self, before: Text, after: Text) -> TextDifference:
        hunks = []
        i = j = 0
        for block_i, block_j, length in LineMatcher(None, before.lines, after.lines).get_matching_blocks():
            old, new = before.lines[i:block_i], after.lines[j:block_j]
            if old or new:
                words = self._words("\n".join(old), "\n".join(new)) if old and new else ()
                hunks.append(Hunk(i + 1, j + 1, old, new, words))
            i, j = block_i + length, block_j + length
        is_other = before.ending is not None and after.ending is not None and before.ending != after.ending
        return TextDifference(tuple(hunks), is_other or before.ends != after.ends)

    def _words(self, before: str, after: str) -> tuple[Words, ...]:
        """What changed inside some lines, word by word."""
        numbers: dict[str, int] = {}
        old, new = (
            [numbers.setdefault(word, len(numbers)) for word in _WORD.findall(text)] for text in (before, after)
        )
        if max(len(old), len(new)) > MOST_WORDS:
            return (Words(Edit.REMOVED, before), Words(Edit.ADDED, after))
        # A character for each word, so that characters are compared and words are meant.
        coded = _Bounded().diff_main("".join(map(chr, old)), "".join(map(chr, new)), False, self._deadline)
        vocabulary = list(numbers)
        return tuple(_pieces([(edit, "".join(vocabulary[ord(code)] for code in codes)) for edit, codes in coded]))


class _Bounded(diff_match_patch):  # type: ignore[misc]  # it ships no types
    """The library without the two steps that heed no deadline: in texts that repeat themselves they need the square
    of the length, or call themselves too often. Both only make its answer nicer; `_pieces` tidies up instead.
    """

    def diff_halfMatch(self, text1: str, text2: str) -> None:  # noqa: N802 - the library's name
        """Find no half that both share."""

    def diff_cleanupMerge(self, diffs: list[tuple[int, str]]) -> None:  # noqa: N802 - the library's name
        """Leave the edits as they are."""


def _pieces(edits: Sequence[tuple[int, str]]) -> Iterator[Words]:
    """The edits with neighbours of one kind made one: between kept words, what went, then what came."""
    told = [(edit, text) for edit, text in edits if text]
    for is_kept, group in groupby(told, lambda edit: edit[0] == diff_match_patch.DIFF_EQUAL):
        run = list(group)
        if is_kept:
            yield Words(Edit.KEPT, "".join(text for _, text in run))
            continue
        for name, sign in ((Edit.REMOVED, diff_match_patch.DIFF_DELETE), (Edit.ADDED, diff_match_patch.DIFF_INSERT)):
            text = "".join(text for edit, text in run if edit == sign)
            if text:
                yield Words(name, text)


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _elements(before: Any, after: Any) -> SetDifference | None:
    """What came into a set and what went; None where the values are no sets."""
    old, new = as_set(before), as_set(after)
    if old is None or new is None:
        return None
    added = tuple(element for element in new if element not in old)
    return SetDifference(added, tuple(element for element in old if element not in new))
