"""Which passwords are refused (C22)."""

import random
import secrets
import string
import time
import unicodedata

import pytest

from cms.auth.strength import LONGEST, guessing_bits, normalise_password, weakness


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password2024!",
        "P@ssw0rd12345",
        "drowssapdrowssap",
        "123456789012",
        "147258369147",
        "010203040506",
        "qwertyuiopas",
        "1q2w3e4r5t6y",
        "a1s2d3f4g5h6",
        "1qaz2wsx3edc",
        "qazwsxedcrfv",
        "1qaz2wsx3edc4rfv",
        "zaq1xsw2cde3vfr4",
        "poiuytrewqlkjhgfdsamnbvcxz",
        "mnbvcxzlkjhgfdsapoiuytrewq",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "xK9xK9xK9xK9xK9",
        "iloveyou1234",
        "administrator",
        "unbelievable",
        "correcthorsebatterystaple",
        "Masthead2026!",
        "Welcome_2026!",
        "manchesterunited",
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    """C22."""
    assert weakness(password) is not None


@pytest.mark.parametrize(
    "password",
    [
        "slow tides under glass",
        "correct horse battery staple",
        "velvet gravel teapot",
        "k7#mQ2vX9pLw",
        "vbdurhsnqkwo",
        "iBjHIJ9MYGhxxars",
        "h7gUrurF34xxsQ10",
        "89pNdaaxXdxsCA24",
        "ça va très très bien là-bas",
        "молоко и терпение",
        "🦊🌊🪨🧵🕯️🫖🧭🪁🦉🌾🛶🧊",
        "x7 " * 3 + "gravel and mortar lane" * 4,
    ],
)
def test_a_password_that_is_hard_to_guess_is_good_whatever_it_is_made_of(password: str) -> None:
    """C22: no rule about kinds of characters; spaces, other alphabets and emoji count."""
    assert weakness(password) is None


def test_its_length_counts_in_characters() -> None:
    """C22, C23."""
    assert weakness("k7#mQ2vX9pL") is not None
    long = secrets.token_urlsafe(LONGEST)[:LONGEST]
    assert weakness(long) is None
    assert weakness(long + "x") == f"Use at most {LONGEST} characters."


def test_two_spellings_of_one_password_are_one() -> None:
    """C22: composed and decomposed accents."""
    composed = unicodedata.normalize("NFC", "müßige Flöße")
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert normalise_password(decomposed) == composed


@pytest.mark.parametrize(
    ("password", "personal"),
    [
        ("thebrightLOVELACEengine", ("Ada Lovelace", "a@example.org")),
        ("quiet.countess.engine", ("Ada", "countess@example.org")),
        ("qjxv-ada.l-zzpk-41", ("Ada", "ada.l@example.org")),
    ],
)
def test_ones_own_name_and_address_are_refused(password: str, personal: tuple[str, ...]) -> None:
    """C22."""
    assert weakness(password) is None
    assert weakness(password, personal) == "Leave your own name and e-mail address out of the password."


def test_a_short_name_is_no_clue() -> None:
    assert weakness("adamant gravel teapot", ("Ada", "al@example.org")) is None


def test_random_passwords_are_practically_never_refused() -> None:
    """Seeded, for one of 300,000 was refused when it was measured: a walk over the keyboard, by chance."""
    draw = random.Random(22)  # noqa: S311 - the test must not depend on chance
    passwords = ("".join(draw.choices(string.ascii_letters + string.digits + "-_", k=16)) for _ in range(500))
    assert [password for password in passwords if weakness(password)] == []


def test_checking_takes_no_time_worth_measuring() -> None:
    """C23: whatever is typed."""
    started = time.process_time()
    for password in ("a" * LONGEST, "qwerty1@" * 16, "19" * 64, "love" * 32):
        guessing_bits(password)
    weakness("x" * 1_000_000)
    assert time.process_time() - started < 0.5
