"""One spelling for search: text with case, accents and odd spacing taken away."""

import unicodedata


def fold(text: str) -> str:
    """Normalise `text` so that two spellings of one word compare equal.

    Compatibility forms are decomposed (NFKD), combining marks dropped, case folded; every run of white space
    and control characters becomes one space, and invisible format characters (soft hyphen, zero-width joiner,
    byte order mark) disappear. Fold both the stored text and the query. The result is deterministic,
    idempotent, and can always be encoded as UTF-8: a lone surrogate counts as a control character.

    Parameters: `text`, any string. Returns the folded string, perhaps empty. Raises nothing.
    """
    folded = text.translate(_FOLDED)
    while "  " in folded:  # a third cheaper than to split it into words and join them again
        folded = folded.replace("  ", " ")
    return folded.strip(" ")


class _Folding(dict[int, str]):
    """Code point → its folded spelling, worked out on first sight and kept for as many as living texts use.

    Folding character by character, and not the whole string, is what keeps this linear: normalising a string
    sorts each run of combining marks, and a run of 100,000 takes seconds. As all those marks are dropped, the
    order they would have been sorted into can't be seen in the result.
    """

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < _MOST_KEPT:
            self[code] = folded
        return folded


def _fold_character(character: str) -> str:
    # Folding case can bring out a new composed letter, and decomposing a new capital: two rounds settle all.
    for _ in range(2):
        character = unicodedata.normalize("NFKD", character).casefold()
    return "".join(map(_plain, unicodedata.normalize("NFKD", character)))


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Zs", "Zl", "Zp"}:
        return " "
    if category == "Cf" or unicodedata.combining(character) or _is_variation_selector(character):
        return ""
    return character


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


_MOST_KEPT = 20_000
_FOLDED = _Folding()
