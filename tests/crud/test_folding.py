"""Search normalisation: what counts as the same word, and that the answer never moves."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.crud.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café", "cafe"),
        ("cafe\u0301", "cafe"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("Ἀθῆναι", "αθηναι"),
        ("ﬁle №1 Ⅳ ｆｕｌｌ", "file no1 iv full"),
        ("  two\t\twords\r\nhere ", "two words here"),
        ("nul\x00bell\x07end", "nul bell end"),
        ("no\u00a0break\u3000space", "no break space"),
        ("co\u00adop\u200b\ufeff", "coop"),
        ("❤\ufe0f", "❤"),
        ("A\U000e0101", "a"),
        ("lone\ud800surrogate", "lone surrogate"),
        ("हिन्दी", "हिनदी"),
        ("", ""),
    ],
)
def test_spellings_of_one_word_fold_together(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_folding_is_idempotent_for_every_assigned_character() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    once = fold("".join(c for c in characters if unicodedata.category(c) not in {"Cn", "Co"}))
    assert fold(once) == once
    once.encode()


@given(st.text(st.characters(codec=None)))
def test_folding_any_text_twice_changes_nothing_more(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    once.encode()


@given(st.text(), st.text())
def test_folding_words_apart_or_together_agrees(left: str, right: str) -> None:
    assert fold(f"{left} {right}") == " ".join(filter(None, [fold(left), fold(right)]))


def test_a_long_run_of_unsorted_combining_marks_takes_linear_time() -> None:
    started = time.process_time()
    assert fold("a" + "\u0301\u0327" * 50_000) == "a"
    assert time.process_time() - started < 0.2
