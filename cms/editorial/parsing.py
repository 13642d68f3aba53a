"""Markdown to checked tokens: which dialect we speak, and how much work one text may ask for."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, blockquote
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, strikethrough
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_ref

RAW_HTML = frozenset({"html_block", "html_inline"})
"""Types of the tokens whose content is HTML the author wrote."""


class MarkdownTooComplex(ValueError):
    """The text asks for far more work than a text of its length should; `str()` of it says what to change."""


def parse_article(markdown: str) -> list[Token]:
    """Return the tokens of an article: CommonMark, tables, strikethrough, footnotes, bare links, raw HTML.

    Parameters: `markdown`, any string; a lone surrogate is read as U+FFFD, as CommonMark has NUL read.
    Raises `MarkdownTooComplex`.
    """
    return _parse(ARTICLE, markdown)


def parse_comment(markdown: str) -> list[Token]:
    """Return the tokens of a comment: as above, but images, headings, tables, footnotes and HTML are literal.

    Raises `MarkdownTooComplex`.
    """
    return _parse(COMMENT, markdown)


def with_children(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield every token of `tokens`, each before the tokens inside it: a line's words, an image's alt."""
    waiting = list(reversed(tokens))
    while waiting:
        token = waiting.pop()
        yield token
        if token.children:
            waiting.extend(reversed(token.children))


def _parse(dialect: MarkdownIt, markdown: str) -> list[Token]:
    try:
        tokens = dialect.parse(markdown if markdown.isascii() else _SURROGATE.sub("\ufffd", markdown))
    except RecursionError as error:
        raise MarkdownTooComplex("This text is nested too deeply. Take out some of the levels.") from error
    every = list(with_children(tokens))
    _refuse_swollen_links(every, len(markdown))
    _refuse_deep_html(every)
    return tokens


class _Dialect(MarkdownIt):
    """Leaves it to the sanitiser which addresses are safe, so that an unsafe link keeps its text."""

    def validateLink(self, url: str) -> bool:  # noqa: N802  (the parser's name for it)
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802  (the parser's name for it)
        # Most links of a site lead to its own pages, and such an address stands as it is.
        return url if _OWN_PAGE.fullmatch(url) else super().normalizeLink(url)


class _Renderer(RendererHTML):
    """Looks for attributes only where there are some: few tokens have any."""

    @staticmethod
    def renderAttrs(token: Token) -> str:  # noqa: N802  (the renderer's name for it)
        return RendererHTML.renderAttrs(token) if token.attrs else ""


class _Budget(list[Token]):
    """The list the block rules append to; it refuses the token that goes too deep, or one too many."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.most = 2 * length + 2_000

    def append(self, token: Token) -> None:
        # Past its maximum depth the parser drops text without a word; losing an author's words is no answer.
        if token.nesting == 1 and token.level >= _MAX_NESTING - 1:
            raise MarkdownTooComplex(
                "This text nests lists or quotations too deeply. Keep lists to six levels and quotations to twelve."
            )
        # Rows too short for their table are filled up with empty cells: 2 KB of text can ask for 65,536.
        if len(self) >= self.most:
            raise MarkdownTooComplex(
                "This text has too many table cells or list items for its length. Take out the empty ones."
            )
        super().append(token)


def _normalise(state: StateCore) -> None:
    # The parser's own rule says the same in regular expressions, in twenty times as long.
    state.src = state.src.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _set_budget(state: StateCore) -> None:
    state.tokens = _Budget(len(state.src))
    state.env["quote checks left"] = 6 * state.src.count("\n") + 2_000


def _counted_blockquote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    # Each line that continues a quotation lazily is looked at once for every level it stands in.
    state.env["quote checks left"] -= 1
    if state.env["quote checks left"] < 0:
        raise MarkdownTooComplex(
            "This text has too many lines in nested quotations. Begin each of them with “>”, or nest less."
        )
    return blockquote(state, start, end, silent)


def _short_footnote_ref(state: StateInline, silent: bool) -> bool:
    # The plugin looks for the end of a label through the whole paragraph, once for each “[^” in it.
    if state.src.find("]", state.pos, state.pos + _LONGEST_LABEL) < 0:
        return False
    return footnote_ref(state, silent)


def _strike(state: StateInline) -> None:
    # Without a tilde there is none to pair, and the rule would ask every token of the paragraph.
    if "~" in state.src:
        strikethrough.postProcess(state)


def _link_bare_addresses(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and "://" in token.content:
            token.children = list(_with_links(state.md, token.children or []))


def _with_links(dialect: MarkdownIt, children: Sequence[Token]) -> Iterator[Token]:
    linked = 0
    for token in children:
        linked += token.nesting if token.tag == "a" else 0
        if token.type == "text" and not linked and "://" in token.content:
            yield from _split_at_addresses(dialect, token)
        else:
            yield token


def _split_at_addresses(dialect: MarkdownIt, token: Token) -> Iterator[Token]:
    done = 0
    for match in _ADDRESS.finditer(token.content):
        address = _without_closing_punctuation(match[0])
        yield _text(token.content[done : match.start()])
        yield Token("link_open", "a", 1, attrs={"href": dialect.normalizeLink(address)})
        yield _text(address)
        yield Token("link_close", "a", -1)
        done = match.start() + len(address)
    yield _text(token.content[done:])


def _without_closing_punctuation(address: str) -> str:
    address = address.rstrip(_CLOSING)
    # A bracket that was opened inside the address belongs to it; one that was opened before it does not.
    surplus = address.count(")") - address.count("(")
    brackets = len(address) - len(address.rstrip(")"))
    return address[: len(address) - max(0, min(surplus, brackets))].rstrip(_CLOSING)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _refuse_swollen_links(every: Sequence[Token], length: int) -> None:
    # “[a]” repeats the whole address of its definition: many short references make the square of their
    # length.
    size = sum(len(str(value)) for token in every if token.attrs for value in token.attrs.values())
    if size > 4 * length + 100_000:
        raise MarkdownTooComplex("This text repeats a very long link too often. Shorten its address.")


def _refuse_deep_html(every: Sequence[Token]) -> None:
    is_open, depth, formatting = Counter[str](), 0, 0
    for tag in _TAG.finditer("".join([token.content for token in every if token.type in RAW_HTML])):
        if len(tag["rest"]) > _LONGEST_HTML_RUN:
            raise MarkdownTooComplex("The HTML in this text has a tag that is too long. Shorten it.")
        name = tag["name"].lower()
        step = -1 if tag["end"] else 1
        if name not in _CLOSED_BY_ITSELF and is_open[name] + step >= 0:
            is_open[name] += step
            depth += step
            formatting += step * (name in _REOPENED)
        if depth > _DEEPEST_HTML or formatting > _MOST_REOPENED:
            raise MarkdownTooComplex("The HTML in this text leaves too many tags open. Close some of them.")


def _dialect(*, html: bool) -> MarkdownIt:
    dialect = _Dialect("commonmark", {"html": html, "maxNesting": _MAX_NESTING}, renderer_cls=_Renderer)
    dialect.enable("strikethrough")
    dialect.inline.ruler2.at("strikethrough", _strike)
    dialect.block.ruler.at("blockquote", _counted_blockquote, {"alt": list(_QUOTE_INTERRUPTS)})
    dialect.core.ruler.at("normalize", _normalise)
    dialect.core.ruler.before("normalize", "budget", _set_budget)
    dialect.core.ruler.after("text_join", "bare_addresses", _link_bare_addresses)
    return dialect


def _article() -> MarkdownIt:
    dialect = _dialect(html=True).enable("table")
    # Footnotes written in place are parsed by recursion without a limit, so only those with a label are
    # spoken.
    footnote_plugin(dialect, inline=False)
    dialect.inline.ruler.at("footnote_ref", _short_footnote_ref)
    return dialect


_MAX_NESTING = 16
_LONGEST_LABEL = 100
_DEEPEST_HTML = 100
_LONGEST_HTML_RUN = 50_000
_QUOTE_INTERRUPTS = ("paragraph", "reference", "blockquote", "list")
_MOST_REOPENED = 20
# HTML opens all of these again in every later paragraph, until they are closed.
_REOPENED = {"b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u"}
_CLOSED_BY_ITSELF = {
    "a", "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li", "link",
    "meta", "option", "p", "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th", "thead", "tr",
    "track", "wbr",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][^\s<>/]*)(?P<rest>[^<]*)")
_OWN_PAGE = re.compile(r"/(?!/)[\w./-]*", re.ASCII)
_ADDRESS = re.compile(r"\bhttps?://[^\s<>]+", re.IGNORECASE)
_CLOSING = "?!.,:;*_~'\"”’»"

ARTICLE = _article()
COMMENT = _dialect(html=False).disable(["image", "heading", "lheading"])
