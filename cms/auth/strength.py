"""Which passwords are refused: short ones, one's own data, and those that guessing programs try first.

There is no rule about kinds of characters. What counts is how many tries a password survives by somebody who
knows common words, years, sequences, walks over the keyboard and the usual disguises (`P@ssw0rd`).
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

SHORTEST = 12
"""The fewest characters of a password."""
LONGEST = 128
"""The most: far more than people type, and few enough to be hashed without harm."""
FEWEST_BITS = 32.0
"""A password that falls within 2^32 tries is too common."""

_WORDS = Path(__file__).with_name("common_words.txt")
_WORD_BITS, _DISGUISE_BITS, _RUN_BITS, _YEAR_BITS = 10.0, 1.0, 7.0, 7.0
_DIGIT_BITS, _LETTER_BITS, _OTHER_BITS = 3.3, 4.7, 5.0
_TURN_BITS = 1.0
_SHORTEST_PIECE = 3
_LONGEST_WORD = 26
_TELLING = 4
_DISGUISES = tuple(str.maketrans("013457@$!", plain) for plain in ("oleastasi", "oieastasi"))
_KEYBOARD = ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./")


def normalise_password(password: str) -> str:
    """One spelling for what looks the same, whatever keyboard it is typed on (NFC)."""
    return unicodedata.normalize("NFC", password)


def weakness(password: str, personal: Iterable[str] = ()) -> str | None:
    """Why a password is refused, as a sentence; None if it is good.

    :param personal: what others know of its owner: name, e-mail address.
    """
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    text = normalise_password(password)
    if len(text) < SHORTEST:
        return f"Use at least {SHORTEST} characters; a few unrelated words are easy to remember."
    folded = text.casefold()
    if any(part in folded for part in _telling_parts(personal)):
        return "Leave your own name and e-mail address out of the password."
    if _unit_length(folded) < SHORTEST or guessing_bits(folded) < FEWEST_BITS:
        return "This is among the first passwords that are tried; use words or characters harder to guess."
    return None


def guessing_bits(text: str) -> float:
    """How many tries a password survives, as a power of two: at the cheapest, piece by piece.

    :param text: the password in lower case.
    """
    pieces: dict[int, list[_Piece]] = {}
    for piece in _pieces(text):
        pieces.setdefault(piece.end, []).append(piece)
    best = [0.0]
    for end, character in enumerate(text, start=1):
        alone = best[-1] + _character_bits(character)
        best.append(min([alone, *(best[piece.start] + piece.bits for piece in pieces.get(end, ()))]))
    return best[-1]


class _Piece(NamedTuple):
    """A part of a password that is guessed at once."""

    start: int
    end: int
    bits: float


def _pieces(text: str) -> Iterator[_Piece]:
    yield from _words(text, _WORD_BITS)
    for disguise in _DISGUISES:
        plain = text.translate(disguise)
        if plain != text:
            yield from _words(plain, _WORD_BITS + _DISGUISE_BITS)
    for piece in _words(text[::-1], _WORD_BITS + _DISGUISE_BITS):
        yield _Piece(len(text) - piece.end, len(text) - piece.start, piece.bits)
    yield from _years(text)
    yield from _runs(text)


def _words(text: str, bits: float) -> Iterator[_Piece]:
    common = _common_words()
    for start in range(len(text)):
        for end in range(start + _SHORTEST_PIECE, min(len(text), start + _LONGEST_WORD) + 1):
            if text[start:end] in common:
                yield _Piece(start, end, bits)


def _years(text: str) -> Iterator[_Piece]:
    for start in range(len(text) - 3):
        year = text[start : start + 4]
        if year.isdecimal() and year[:2] in {"19", "20"}:
            yield _Piece(start, start + 4, _YEAR_BITS)


def _runs(text: str) -> Iterator[_Piece]:
    """`aaaa`, `1234`, `cba`, `qwert`, `1q2w3e`, `a1s2d3`: each follows from the last or the one before.

    A walk over the keyboard may turn at every key: each turn costs something, a straight line does not.
    """
    for follows in _FOLLOWS:
        for stride in (1, 2):
            start = 0
            for end in range(stride, len(text) + 1):
                if end == len(text) or not follows(text[end - stride], text[end]):
                    if end - start >= _SHORTEST_PIECE * stride:
                        turns = _turns(text[start:end], stride) if follows is _is_beside else 0
                        yield _Piece(start, end, _RUN_BITS + _TURN_BITS * turns)
                    start = end - stride + 1


def _step(distance: int) -> Callable[[str, str], bool]:
    return lambda first, second: ord(second) - ord(first) == distance


def _is_beside(first: str, second: str) -> bool:
    """Whether two keys of the usual keyboard touch."""
    keys = _key_positions()
    if first not in keys or second not in keys:
        return False
    (row, column), (other_row, other_column) = keys[first], keys[second]
    return abs(row - other_row) <= 1 and abs(column - other_column) <= 1


_FOLLOWS = (_step(0), _step(1), _step(-1), _is_beside)


def _turns(walk: str, stride: int) -> int:
    """How often a walk over the keyboard goes on in another direction."""
    places = [_key_positions()[key] for key in walk]
    pairs = zip(places, places[stride:], strict=False)
    ways = [(row - other_row, column - other_column) for (row, column), (other_row, other_column) in pairs]
    return sum(way != other for way, other in zip(ways, ways[stride:], strict=False))


def _character_bits(character: str) -> float:
    if character.isdecimal():
        return _DIGIT_BITS
    return _LETTER_BITS if character.isalpha() else _OTHER_BITS


def _unit_length(text: str) -> int:
    """The length of the shortest text that the whole repeats: 3 for `abcabcabcabc`."""
    return next(n for n in range(1, len(text) + 1) if all(text[i] == text[i - n] for i in range(n, len(text))))


def _telling_parts(personal: Iterable[str]) -> Iterator[str]:
    for text in personal:
        folded = normalise_password(text).casefold()
        parts = {folded, folded.partition("@")[0], *folded.partition("@")[0].split()}
        yield from (part for part in parts if len(part) >= _TELLING)


@cache
def _key_positions() -> dict[str, tuple[int, int]]:
    return {key: (row, column) for row, keys in enumerate(_KEYBOARD) for column, key in enumerate(keys)}


@cache
def _common_words() -> frozenset[str]:
    lines = _WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
