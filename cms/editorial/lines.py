"""Lines of a text, and which of them two texts share: found alike on every machine, in time that grows with the texts.

`difflib` and `diff-match-patch` need the square of the length for texts that repeat themselves, or stop by the clock,
and then one merge would have two outcomes. Here lines that occur once on both sides are paired first (Bram Cohen's
patience diff), and what lies between them by the shortest edit (Eugene W. Myers, Algorithmica 1, 1986, pages 251–266),
as long as a fixed effort lasts.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress, count
from operator import ne
from typing import Any

EFFORT = 200_000
"""The steps that the search for shortest edits may take, beside one for each line. That is well below a second for any
text of a record; the lines that are left then count as replaced.
"""

Pairs = list[tuple[int, int]]
"""Positions of equal lines."""
Blocks = list[tuple[int, int, int]]
"""Runs of equal lines, ascending: where each begins on the one side, where on the other, and how long it is."""

_ENDING = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Text:
    """A text as lines, and how they end.

    :param lines: without their endings.
    :param ending: the first line ending in the text; None where it has none.
    :param ends: whether the last line has an ending too.
    """

    lines: tuple[str, ...]
    ending: str | None
    ends: bool

    @classmethod
    def of(cls, text: str) -> "Text":
        """Read a text, whichever line endings of CommonMark it has: LF, CR LF or CR."""
        first = _ENDING.search(text)
        lines = _ENDING.split(text)
        ends = lines[-1] == ""  # also true of an empty text, which has no lines at all
        return cls(tuple(lines[:-1] if ends else lines), first and first.group(), ends and first is not None)

    def __str__(self) -> str:
        """The text; endings that were mixed become one."""
        ending = self.ending or "\n"
        return ending.join(self.lines) + (ending if self.ends and self.lines else "")


class LineMatcher:
    """Finds the lines that two texts share; it has the form of `difflib.SequenceMatcher`, as `merge3` asks for.

    :param isjunk: not used; no line is junk.
    :param a: the lines of one text.
    :param b: the lines of the other.
    :param autojunk: not used.
    """

    def __init__(
        self,
        isjunk: Callable[[str], bool] | None = None,
        a: Sequence[str] = (),
        b: Sequence[str] = (),
        autojunk: bool = True,
    ) -> None:
        numbers: dict[str, int] = defaultdict(count().__next__)  # comparing these takes no longer for long lines
        self._a = [numbers[line] for line in a]
        self._b = [numbers[line] for line in b]
        self._effort = EFFORT + len(a) + len(b)

    def get_matching_blocks(self) -> Blocks:
        """The runs of equal lines, in order; the last one is empty and lies at both ends."""
        blocks: Blocks = [(0, 0, 0)]
        for i, j, length in self._trimmed(self._a, self._b, self._anchored):
            start_i, start_j, former = blocks[-1]
            if (i, j) == (start_i + former, start_j + former):
                blocks[-1] = (start_i, start_j, former + length)
            elif length:
                blocks.append((i, j, length))
        return [*(block for block in blocks if block[2]), (len(self._a), len(self._b), 0)]

    def _trimmed(self, a: list[int], b: list[int], between: Callable[[list[int], list[int]], Blocks]) -> Blocks:
        """Pair what both begin with and what both end with; `between` pairs the rest."""
        head = _shared(a, b)
        tail = _shared(a[head:][::-1], b[head:][::-1])
        end_a, end_b = len(a) - tail, len(b) - tail
        rest = between(a[head:end_a], b[head:end_b]) if head < min(end_a, end_b) else []
        return [(0, 0, head), *((head + i, head + j, length) for i, j, length in rest), (end_a, end_b, tail)]

    def _anchored(self, a: list[int], b: list[int]) -> Blocks:
        """Pair the lines that occur once on both sides, then what lies between them."""
        blocks: Blocks = []
        i = j = 0
        for anchor_i, anchor_j in [*_ascending(_unique(a, b)), (len(a), len(b))]:
            between = self._trimmed(a[i:anchor_i], b[j:anchor_j], self._sparse)
            blocks += [(i + x, j + y, length) for x, y, length in between]
            blocks.append((anchor_i, anchor_j, 1))
            i, j = anchor_i + 1, anchor_j + 1
        return blocks[:-1]  # the last anchor stood for both ends

    def _sparse(self, a: list[int], b: list[int]) -> Blocks:
        """Pair lines after those that only one side has are put aside: no effort is spent on what is all new."""
        shared = set(a) & set(b)
        places_a = [i for i, line in enumerate(a) if line in shared]
        places_b = [j for j, line in enumerate(b) if line in shared]
        blocks = self._shortest([a[i] for i in places_a], [b[j] for j in places_b])
        return [(places_a[i + n], places_b[j + n], 1) for i, j, length in blocks for n in range(length)]

    def _shortest(self, a: list[int], b: list[int]) -> Blocks:
        """Pair as many lines as can be, or none where the effort does not last."""
        end = len(a) - len(b)
        rounds: list[dict[int, int]] = [{1: 0}]  # per count of edits: how far each diagonal reaches
        while True:
            edits = len(rounds) - 1
            reach: dict[int, int] = {}
            for diagonal in range(-edits, edits + 1, 2):
                _, start = _step(rounds[-1], diagonal)
                x = start
                while x < len(a) and x - diagonal < len(b) and a[x] == b[x - diagonal]:
                    x += 1
                reach[diagonal] = x
                if diagonal == end and x == len(a):
                    return _walk_back(rounds, end, x)
                self._effort -= 1 + x - start
                if self._effort < 0:
                    return []
            rounds.append(reach)


def _shared(a: list[int], b: list[int]) -> int:
    """How many lines both begin with."""
    return next(compress(count(), map(ne, a, b)), min(len(a), len(b)))


def _unique(a: list[int], b: list[int]) -> Pairs:
    """The lines that occur once on both sides, in the order of the first."""
    counts_a, counts_b = Counter(a), Counter(b)
    places = {line: j for j, line in enumerate(b) if counts_b[line] == 1}
    return [(i, places[line]) for i, line in enumerate(a) if counts_a[line] == 1 and line in places]


def _ascending(pairs: Pairs) -> Pairs:
    """The most pairs that ascend on the second side too: patience sorting, each card pointing at the one it lies on."""
    tops: list[int] = []
    chains: list[Any] = []
    for i, j in pairs:
        pile = bisect_left(tops, j)
        chain = ((i, j), chains[pile - 1] if pile else None)
        tops[pile : pile + 1] = [j]
        chains[pile : pile + 1] = [chain]
    found: Pairs = []
    rest = chains[-1] if chains else None
    while rest is not None:
        pair, rest = rest
        found.append(pair)
    return found[::-1]


def _step(reach: dict[int, int], diagonal: int) -> tuple[int, int]:
    """One more edit onto the diagonal: from which other one, and where on it that leads."""
    left, above = reach.get(diagonal - 1, -1), reach.get(diagonal + 1, -1)
    return (diagonal + 1, above) if left < above else (diagonal - 1, left + 1)


def _walk_back(rounds: list[dict[int, int]], diagonal: int, x: int) -> Blocks:
    """The equal lines on the way that led to `x` on the diagonal."""
    blocks: Blocks = []
    for reach in reversed(rounds):
        former, start = _step(reach, diagonal)
        blocks.append((start, start - diagonal, x - start))
        diagonal, x = former, reach[former]
    return blocks[::-1]
