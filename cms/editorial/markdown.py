"""Markdown to what a site shows of it: safe HTML, plain text, an excerpt, and the minutes it takes to read.

Everything here is synchronous and pure. An ordinary text costs about a third of a millisecond per 1,000
characters and the worst one found 25 times that, so a caller on the event loop hands texts of more than
`THREAD_ABOVE_CHARACTERS` to a thread. A writer who needs more than one of the results calls `parse` once.

NUL characters and lone surrogates are read as U+FFFD (“�”), so results can always be encoded and stored.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from cms.editorial.parsing import (
    ARTICLE,
    COMMENT,
    RAW_HTML,
    MarkdownTooComplex,
    parse_article,
    parse_comment,
    with_children,
)
from cms.editorial.prose import count_words, excerpt_of, inline_text, minutes_for, text_of_tokens
from cms.editorial.sanitising import ID_PREFIX, MediaURL, destination, sanitise, sanitise_comment

__all__ = [
    "THREAD_ABOVE_CHARACTERS",
    "MarkdownTooComplex",
    "MediaURL",
    "Rendered",
    "count_links",
    "make_excerpt",
    "parse",
    "plain_text",
    "reading_minutes",
    "render",
    "render_comment",
    "word_count",
]

THREAD_ABOVE_CHARACTERS = 2_000
"""Texts longer than this are rendered in a worker thread: at most 20 ms of work stay on the event loop."""

EXCERPT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Rendered:
    """All that is derived from one Markdown text.

    `html` is sanitised; `text` and `excerpt` are plain characters, to be escaped by whoever shows them;
    `words` counts a Chinese, Japanese or Korean character as one; `minutes` is at least 1.
    """

    html: str
    text: str
    excerpt: str
    words: int
    minutes: int


def parse(
    markdown: str,
    *,
    media_url: MediaURL | None = None,
    excerpt_limit: int = EXCERPT_CHARACTERS,
    with_lines: bool = False,
) -> Rendered:
    """Parse an article or page once and derive everything from it.

    Parameters and errors are those of `render` and `make_excerpt`, whose `limit` is `excerpt_limit` here;
    `with_lines` has every block say in `data-line` at which line of the text it begins, the first being 1.
    """
    tokens = parse_article(markdown)
    text, excerpt = text_of_tokens(tokens), excerpt_of(tokens, excerpt_limit)
    if with_lines:
        _number_blocks(tokens)
    # Rendering comes last, because it puts the alt text in the place of images that can't be shown.
    html = _html_of(tokens, markdown, media_url, with_lines)
    words, characters = count_words(text)
    return Rendered(html, text, excerpt, words + characters, minutes_for(words, characters))


def render(markdown: str, *, media_url: MediaURL | None = None) -> str:
    """Return the sanitised HTML of an article or page.

    Raw HTML passes as far as the allow-list goes. Headings get ids that begin with “uc-”, and links to
    `#heading` follow them. Links carry `rel="noopener"` without `nofollow`: who writes articles is trusted.

    Parameters: `markdown`; `media_url`, which turns the path of a `media:<path>` address into a public
    address, or None if there is no such file: then a link has no address and an image becomes its alt text.
    It must not raise.
    Raises `MarkdownTooComplex`.
    """
    return _html_of(parse_article(markdown), markdown, media_url)


def render_comment(markdown: str) -> str:
    """Return the sanitised HTML of a comment: no images, headings, tables or HTML.

    Links carry `rel="nofollow ugc noopener"`. Raises `MarkdownTooComplex`.
    """
    tokens = parse_comment(markdown)
    return sanitise_comment(COMMENT.renderer.render(tokens, COMMENT.options, {}))


def count_links(markdown: str) -> int:
    """Return how many links a comment has, for the rule that holds comments with many.

    Raises `MarkdownTooComplex`.
    """
    return sum(token.type == "link_open" for token in with_children(parse_comment(markdown)))


def plain_text(markdown: str) -> str:
    """Return the text without markup, a line for each block; code and alt text included.

    Raises `MarkdownTooComplex`.
    """
    return text_of_tokens(parse_article(markdown))


def make_excerpt(markdown: str, limit: int = EXCERPT_CHARACTERS) -> str:
    """Return the beginning of the prose, in whole sentences or whole words, as plain text.

    Only paragraphs count (those in lists and quotations only where there are no others), without images.
    Parameters: `limit`, the most characters to return, ellipsis included, at least 1.
    Raises `ValueError` for a smaller limit, `MarkdownTooComplex`.
    """
    return excerpt_of(parse_article(markdown), limit)


def reading_minutes(markdown: str) -> int:
    """Return how many minutes reading takes: 238 words or 500 CJK characters each, at least 1.

    Raises `MarkdownTooComplex`.
    """
    return minutes_for(*count_words(plain_text(markdown)))


def word_count(markdown: str) -> int:
    """Return the number of words; each CJK character counts as one. Raises `MarkdownTooComplex`."""
    return sum(count_words(plain_text(markdown)))


def _html_of(tokens: Sequence[Token], markdown: str, media_url: MediaURL | None, with_lines: bool = False) -> str:
    _name_headings(tokens)
    _align_cells(tokens)
    if "![" in markdown:
        _place_images(tokens, media_url)
    html = sanitise(ARTICLE.renderer.render(tokens, ARTICLE.options, {}), media_url, with_lines)
    if len(html) > 16 * len(markdown) + 100_000:
        raise MarkdownTooComplex(
            "This text makes too much HTML for its length. Close tags left open, and repeat fewer footnotes."
        )
    if "<" in markdown and any(token.type in RAW_HTML for token in with_children(tokens)):
        html = _settled(html, media_url, with_lines)
    return html


def _settled(html: str, media_url: MediaURL | None, with_lines: bool) -> str:
    # Wrongly nested HTML is rearranged by whoever parses it: we store what the next parser will make of it.
    for _ in range(_ROUNDS):
        html, before = sanitise(html, media_url, with_lines), html
        if html == before:
            return html
    raise MarkdownTooComplex("The HTML in this text is nested so wrongly that it can't be kept. Simplify it.")


def _number_blocks(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.map and token.nesting >= 0:
            token.attrSet("data-line", str(token.map[0] + 1))


def _name_headings(tokens: Sequence[Token]) -> None:
    taken = Counter[str]()
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", ID_PREFIX + _free_name(inline_text(inline.children or ()), taken))


def _free_name(title: str, taken: Counter[str]) -> str:
    name = candidate = _NOT_WORD.sub("-", title.lower())[:_LONGEST_ID].strip("-") or "section"
    while candidate in taken:
        candidate = f"{name}-{taken[name]}"
        taken[name] += 1
    taken[candidate] += 1
    return candidate


def _align_cells(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.tag in {"td", "th"} and "style" in token.attrs:
            token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}


def _place_images(tokens: Sequence[Token], media_url: MediaURL | None) -> None:
    for token in with_children(tokens):
        if token.type == "image":
            source = destination(str(token.attrs["src"]), media_url)
            if source is None:
                token.type, token.content = "text", inline_text([token])
            else:
                token.attrs["src"] = source


_ROUNDS = 5
_LONGEST_ID = 80
_NOT_WORD = re.compile(r"\W+")
