"""What HTML may leave this house: two allow-lists, one for what staff publish and one for comments."""

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

import nh3

UNSEEN_TAGS = {
    "script", "style", "template", "iframe", "object", "noscript", "noembed", "noframes",
    "title", "textarea", "select", "svg", "math", "xmp", "plaintext",
}  # fmt: skip
"""Tags that go together with all they contain."""

MediaURL = Callable[[str], str | None]

ID_PREFIX = "uc-"
"""Stands before every id in content (“user content”), so that none can shadow a property of `document`."""


def sanitise(html: str, media_url: MediaURL | None = None, with_lines: bool = False) -> str:
    """Return what of an article's `html` is on the allow-list, with `media:` addresses resolved.

    Parameters: `html`, any fragment that can be encoded as UTF-8; `media_url`, as in `destination`; it must
    not raise, for the sanitiser would report that aside and drop the attribute; `with_lines` keeps the numbers
    in `data-line`. Scripts and their like go
    with their content, other unknown tags leave theirs behind. Sanitising the result again changes nothing,
    unless the fragment's tags were nested wrongly; then a few rounds settle it.
    """
    is_plain = media_url is None and not with_lines
    return (_ARTICLE if is_plain else _article_cleaner(media_url, with_lines)).clean(html)


def sanitise_comment(html: str) -> str:
    """Return what of a comment's `html` is on the shorter allow-list: no images, headings or ids."""
    return _COMMENT.clean(html)


def text_of(html: str) -> str:
    """Return the text a reader of `html` would see, tags and all, as one line still escaped as HTML text."""
    # Without the space, the words of two neighbouring blocks would run together.
    return " ".join(_TEXT.clean(html.replace("<", " <")).split())


def destination(url: str, media_url: MediaURL | None = None) -> str | None:
    """Return the address that a link or image to `url` may have, or None if it may have none.

    Parameters: `url`, as written; `media_url`, which is given the decoded path of a `media:<path>` address
    and returns the public address of that file, or None if there is no such file. Relative addresses and
    those of http, https, mailto and tel pass; any other scheme, spelled in whatever way, does not.
    """
    scheme, colon, path = url.partition(":")
    if not colon or not _BEFORE_SCHEME_ENDS.isdisjoint(scheme):
        return url
    if scheme.lower() in _SCHEMES:
        return url
    if scheme.lower() == "media" and media_url is not None:
        resolved = media_url(unquote(path))
        return None if resolved is None else destination(resolved)
    return None


def _article_cleaner(media_url: MediaURL | None, with_lines: bool = False) -> nh3.Cleaner:
    everywhere = _ARTICLE_ATTRIBUTES["*"] | ({"data-line"} if with_lines else set())
    return nh3.Cleaner(
        tags=_ARTICLE_TAGS,
        attributes={**_ARTICLE_ATTRIBUTES, "*": everywhere},
        # One value only: several would be written in an order that changes from call to call.
        set_tag_attribute_values={"img": {"loading": "lazy"}},
        url_schemes={*_SCHEMES, "media"},
        attribute_filter=partial(_attribute, media_url),
        clean_content_tags=UNSEEN_TAGS,
        id_prefix=ID_PREFIX,
        link_rel="noopener",
    )


def _attribute(media_url: MediaURL | None, _tag: str, name: str, value: str) -> str | None:
    if name == "href" and value.startswith("#") and len(value) > 1:
        return value if value.startswith(f"#{ID_PREFIX}") else f"#{ID_PREFIX}{value[1:]}"
    if name in {"href", "src"}:
        return destination(value, media_url)
    pattern = _VALUES.get(name)
    return value if pattern is None or pattern.fullmatch(value) else None


_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_BEFORE_SCHEME_ENDS = frozenset("/?#")
_COMMENT_TAGS = {
    "a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "strong", "ul",
}  # fmt: skip
_ARTICLE_TAGS = _COMMENT_TAGS | {
    "abbr", "b", "caption", "cite", "dd", "del", "details", "dfn", "div", "dl", "dt", "figcaption", "figure",
    "h1", "h2", "h3", "h4", "h5", "h6", "i", "img", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "samp",
    "section", "small", "span", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "time", "tr", "u", "var", "wbr",
}  # fmt: skip
_ARTICLE_ATTRIBUTES = {
    "*": {"id", "title", "lang", "dir"},
    "a": {"href", "class"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "li": {"value"},
    "ol": {"start", "reversed"},
    "section": {"class"},
    "sup": {"class"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
_CLASS = re.compile(r"language-[\w+#.-]{1,40}|footnotes|footnote-ref|footnote-backref")
_SMALL_NUMBER = re.compile(r"[1-9]\d?")
_VALUES = {
    "class": _CLASS,
    "colspan": _SMALL_NUMBER,
    "rowspan": _SMALL_NUMBER,
    "width": re.compile(r"\d{1,4}%?"),
    "height": re.compile(r"\d{1,4}%?"),
    "align": re.compile(r"left|center|right"),
    "data-line": re.compile(r"[1-9]\d{0,5}"),
}
_ARTICLE = _article_cleaner(None)
"""For the texts that name no media files: making a cleaner takes as long as cleaning a page."""
_COMMENT = nh3.Cleaner(
    tags=_COMMENT_TAGS,
    attributes={"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}},
    url_schemes=set(_SCHEMES),
    attribute_filter=partial(_attribute, None),
    clean_content_tags=UNSEEN_TAGS,
    link_rel="nofollow ugc noopener",
)
_TEXT = nh3.Cleaner(tags=set(), clean_content_tags=UNSEEN_TAGS)
