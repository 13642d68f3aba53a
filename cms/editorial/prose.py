"""What there is to read in the tokens of a text: its words, its first sentences, and how long they take."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import unescape
from itertools import pairwise
from math import ceil

from markdown_it.token import Token

from cms.editorial.sanitising import UNSEEN_TAGS, text_of

WORDS_A_MINUTE = 238
"""Silent reading of English non-fiction: Brysbaert (2019), Journal of Memory and Language 109."""
CJK_CHARACTERS_A_MINUTE = 500
"""Chinese, Japanese and Korean, at the rate Medium uses."""


def text_of_tokens(tokens: Sequence[Token]) -> str:
    """Return all text in `tokens`, a line for each block: code and alt text too, but no scripts or styles."""
    return "\n".join(filter(None, map(_block_text, tokens)))


def inline_text(tokens: Sequence[Token], *, images: bool = True) -> str:
    """Return the text of the tokens inside one block, on one line, with its images' alt text or without."""
    return " ".join("".join(_pieces(tokens, images)).split())


def excerpt_of(tokens: Sequence[Token], limit: int) -> str:
    """Return whole sentences or words from the first paragraphs, at most `limit` characters.

    Raises `ValueError` for a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"An excerpt of “{limit}” characters can't be made. Ask for at least 1.")
    paragraphs = [(token.level, inline) for token, inline in pairwise(tokens) if token.type == "paragraph_open"]
    top = [inline for level, inline in paragraphs if level == 0]
    prose, length = [], 0
    for inline in top or [inline for _, inline in paragraphs]:
        prose.append(inline_text(inline.children or (), images=False))
        length += len(prose[-1])
        if length > limit:
            break
    return _shortened(" ".join(filter(None, prose)), limit)


def count_words(text: str) -> tuple[int, int]:
    """Return how many words `text` has beside its CJK characters, and how many of those."""
    if text.isascii():  # a quarter of what splitting it costs
        return (b" " + text.encode().translate(_KINDS, _SYMBOLS)).count(b" a"), 0
    words, characters = _CJK.subn(" ", text)
    return sum([word[0].isalnum() or _WORD.search(word) is not None for word in words.split()]), characters


def minutes_for(words: int, characters: int) -> int:
    """Return in how many minutes so much is read, at least 1."""
    return max(1, ceil(words / WORDS_A_MINUTE + characters / CJK_CHARACTERS_A_MINUTE))


def _block_text(token: Token) -> str:
    if token.type == "inline":
        return inline_text(token.children or ())
    if token.type == "html_block":
        return unescape(text_of(token.content))
    return token.content.strip()


def _pieces(tokens: Sequence[Token], images: bool) -> Iterator[str]:
    unseen = ""
    for token in tokens:
        if token.type == "html_inline":
            unseen = _still_unseen(unseen, token.content.lower())
            yield " " if token.content.startswith("<br") else ""
        elif unseen:
            continue
        elif token.type == "image":
            yield from _pieces(token.children or (), images) if images else ()
        else:
            yield " " if token.type in {"softbreak", "hardbreak"} else token.content


def _still_unseen(unseen: str, tag: str) -> str:
    """Return the name of the element whose content is not shown after `tag`, or nothing."""
    if unseen:
        return "" if tag.startswith(f"</{unseen}") else unseen
    match = _UNSEEN.match(tag)
    return match[1] if match else ""


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, limit + 1) if match.end() <= limit]
    if ends and ends[-1] >= limit // 2:
        return text[: ends[-1]]
    space = text.rfind(" ", limit // 2, limit)
    return text[: space if space > 0 else _between_characters(text, limit - 1)].rstrip() + "…"


def _between_characters(text: str, cut: int) -> int:
    # An accent or a joined emoji is several code points to us and one character to its reader.
    while cut > 0 and (unicodedata.category(text[cut])[0] == "M" or _JOINER in text[cut - 1 : cut + 1]):
        cut -= 1
    return cut


_JOINER = "\u200d"
_UNSEEN = re.compile(rf"<({'|'.join(sorted(UNSEEN_TAGS))})\b")
_WORD = re.compile(r"[^\W_]")
# Each ASCII character as a letter or a space; without symbols, a word begins wherever a letter follows a space.
_ASCII = [chr(code) for code in range(128)]
_KINDS = bytes(ord("a" if character.isalnum() else " ") for character in _ASCII).ljust(256)
_SYMBOLS = bytes(ord(character) for character in _ASCII if not (character.isalnum() or character.isspace()))
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")
# A full stop after one or two letters more often ends an initial or a title (“J.”, “Dr.”) than a sentence.
_SENTENCE_END = re.compile(r"(?:(?<=\S\S\S)\.|[!?…])['\"”’»)]*(?=\s)|[。！？]")
