"""What becomes of a comment that comes in: rules that ask nothing of a database, and can be tried on paper.

The settings of the site hold the `Rules`; who writes comments looks the writer's `Past` up. `refusal` says whether a
comment is sent back to its writer, `judge` what becomes of one that is taken.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

from cms.auth.users import normalise_email
from cms.crud.folding import fold
from cms.crud.problems import Conflict, FieldError, Problem, TooManyRequests

_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"(?:[^\s@]*@)?(?:[\w-]+\.)+[^\W\d][\w-]+")
_BARE_LINK = re.compile(r"https?://|\bwww\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings of the site ask of comments.

    :param trust_known_authors: whether the signed-in with an approved comment, and none that is spam, need not wait.
    :param max_links: a comment with more waits for a moderator; with twice as many it is spam.
    :param flood_limit: how many comments one writer may send within `flood_minutes`; 0 for any number.
    :param duplicate_minutes: for how long the same text is refused under the same article; 0 for not at all.
    :param blocked_words: one a line; see `blocked_words`.
    :param blocked_addresses: one a line; see `blocked_addresses`.
    """

    trust_known_authors: bool = True
    max_links: int = 2
    flood_limit: int = 10
    flood_minutes: int = 10
    duplicate_minutes: int = 60
    blocked_words: str = ""
    blocked_addresses: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A comment as it came in.

    :param name: how the writer wants to be called, if that was said.
    :param links: how many links its Markdown has.
    :param addresses: the e-mail addresses of its writer, as typed and as of the account.
    :param website: what stands in the field that people never see.
    """

    name: str | None
    content: str
    links: int
    addresses: tuple[str, ...]
    website: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """What was there before a comment.

    :param flooded_at: when the oldest of the writer's last `flood_limit` comments was written, if that is within
        `flood_minutes`.
    :param is_repeated: whether its text stands under its article already.
    :param is_known: whether its writer is signed in and has an approved comment, and none that is spam.
    """

    flooded_at: datetime | None
    is_repeated: bool
    is_known: bool


class Verdict(StrEnum):
    """What becomes of a comment; each is a status of comments."""

    PENDING = "pending"
    APPROVED = "approved"
    SPAM = "spam"


def refusal(rules: Rules, past: Past, now: datetime) -> Problem | None:
    """Why a comment is not taken, if it isn't: its writer sends too many, or its text is there already."""
    if past.flooded_at is not None:
        left = (past.flooded_at + timedelta(minutes=rules.flood_minutes) - now).total_seconds()
        wait = min(max(1, math.ceil(left)), rules.flood_minutes * 60)
        sent = f"{rules.flood_limit} comments within {rules.flood_minutes} minutes"
        return TooManyRequests(
            f"More than {sent} are not taken from one writer. Wait {wait} seconds, then send this one again.",
            retry_after=wait,
        )
    if past.is_repeated:
        detail = "This comment is here already, shown or waiting for a moderator; say something else, or nothing more."
        return Conflict(detail, errors=[FieldError(detail, "/content")])
    return None


def judge(rules: Rules, comment: Incoming, *, is_known: bool) -> Verdict:
    """What becomes of a comment that is taken."""
    if comment.website or _has_blocked_words(rules, comment) or _is_from_blocked(rules, comment.addresses):
        return Verdict.SPAM
    links = max(comment.links, len(_BARE_LINK.findall(comment.content)))
    if links > rules.max_links:
        return Verdict.SPAM if links >= max(2, 2 * rules.max_links) else Verdict.PENDING
    return Verdict.APPROVED if is_known and rules.trust_known_authors else Verdict.PENDING


def fingerprint(content: str) -> str:
    """The same for texts that differ in nothing but case, accents, spacing and punctuation."""
    said = " ".join(_words(content)) or fold(content)
    return blake2b(said.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=8)
def blocked_words(lines: str) -> tuple[str, ...]:
    """What to look for in the words of a comment, joined by spaces.

    A line is a word or several in a row. A star at its start or end stands for the rest of a word: `casino*`. Case,
    accents and punctuation count for nothing.

    :raises ValueError: for a line without a letter or digit, with a sentence.
    """
    return tuple(_pattern(line) for line in _lines(lines))


@lru_cache(maxsize=8)
def blocked_addresses(lines: str) -> frozenset[str]:
    """The e-mail addresses and domains that are blocked; a domain stands for all addresses in it and below it.

    :raises ValueError: for a line that is neither, with a sentence.
    """
    return frozenset(_address(line) for line in _lines(lines))


def _has_blocked_words(rules: Rules, comment: Incoming) -> bool:
    said = f" {' '.join(_words(comment.name or ''))}  {' '.join(_words(comment.content))} "
    return any(pattern in said for pattern in blocked_words(rules.blocked_words))


def _is_from_blocked(rules: Rules, addresses: Iterable[str]) -> bool:
    blocked = blocked_addresses(rules.blocked_addresses)
    return any(not blocked.isdisjoint(_spellings(address)) for address in addresses)


def _spellings(address: str) -> set[str]:
    """The lines by which an address is blocked: itself, its domain, and those above that."""
    whole = normalise_email(address)
    labels = whole.rpartition("@")[2].split(".")
    return {whole, *(".".join(labels[start:]) for start in range(len(labels)))}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _pattern(line: str) -> str:
    words = " ".join(_words(line))
    if not words:
        raise ValueError(f"“{line[:60]}” has no letter or digit to look for; remove the line.")
    return f"{'' if line.startswith('*') else ' '}{words}{'' if line.endswith('*') else ' '}"


def _address(line: str) -> str:
    if not _ADDRESS.fullmatch(line):
        raise ValueError(
            f"“{line[:60]}” is neither an e-mail address nor a domain; write ann@example.com or example.com."
        )
    return normalise_email(line).removeprefix("@")


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))
