"""What a text becomes: HTML, plain text, excerpt, words and minutes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms.editorial.markdown import (
    make_excerpt,
    parse,
    plain_text,
    reading_minutes,
    render,
    render_comment,
    word_count,
)
from cms.editorial.prose import count_words

FILES = {"a b.png": "/media/1.png", "paper.pdf": "https://cdn.example/2.pdf"}

POST = """# The *harbour*

![Boats](media:lost.png) The first “paragraph” has `code` & more.
Its second line.

> A quotation.

- an item with <b>bold</b><br>text

```python
print("<hello>")
```

| Name | Age |
|:-----|----:|
| Ada  | 36  |

The last paragraph.[^1]

[^1]: A note.
"""


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>\n"),
        ("a  \nb\nc", "<p>a<br>\nb\nc</p>\n"),
        ("[a](/b 'c')", '<p><a href="/b" title="c" rel="noopener">a</a></p>\n'),
        ("[a](https://b.example)", '<p><a href="https://b.example" rel="noopener">a</a></p>\n'),
        ("[a](ftp://b.example)", '<p><a rel="noopener">a</a></p>\n'),
        (
            "[up](#top) [no](#)",
            '<p><a href="#uc-top" rel="noopener">up</a> <a href="#" rel="noopener">no</a></p>\n',
        ),
        ("[a](#uc-b)", '<p><a href="#uc-b" rel="noopener">a</a></p>\n'),
        ("```js x\na < b\n```", '<pre><code class="language-js">a &lt; b\n</code></pre>\n'),
        ("<kbd class='x'>K</kbd>", "<p><kbd>K</kbd></p>\n"),
        ("<blink>a</blink>", "<p>a</p>\n"),
        (
            "<img src=a width=10 height=50% alt=b>",
            '<img src="a" width="10" height="50%" alt="b" loading="lazy">',
        ),
        ("", ""),
        ("\n\n", ""),
        ("\0a\ud800", "<p>\ufffda\ufffd</p>\n"),
        ("a\u202eb\u200bc", "<p>a\u202eb\u200bc</p>\n"),
    ],
)
def test_markdown_becomes_html(markdown: str, html: str) -> None:
    assert render(markdown) == html


@pytest.mark.parametrize(
    "literal",
    [
        "{{ 7*7 }}",
        "{% include '/etc/passwd' %}",
        "${7*7}",
        "[[../../etc/passwd]]",
        "!INCLUDE x",
    ],
)
def test_template_and_include_syntax_stays_literal(literal: str) -> None:
    assert render(literal) == f"<p>{literal}</p>\n"
    assert render_comment(literal) == f"<p>{literal}</p>\n"


def test_attribute_access_in_braces_is_not_evaluated() -> None:
    assert render("`{0.__class__}`") == "<p><code>{0.__class__}</code></p>\n"
    assert render_comment("{0.__class__}") == "<p>{0.<strong>class</strong>}</p>\n"


def test_headings_get_prefixed_ids_that_are_each_used_once() -> None:
    html = render("# Über uns!\n# a\n# a\n# a-1\n# a\n# ???\n# *b* `c`")
    ids = ["über-uns", "a", "a-1", "a-1-1", "a-2", "section", "b-c"]
    assert [part.split('"')[0] for part in html.split('id="uc-')[1:]] == ids


def test_table_cells_are_aligned_without_style() -> None:
    html = render("|a|b|c|\n|:-|-:|-|\n|1|2|3|")
    assert '<td align="left">1</td>\n<td align="right">2</td>\n<td>3</td>' in html


def test_footnotes_point_at_each_other() -> None:
    html = render("x[^n] y[^n] [^unknown]\n\n[^n]: note")
    assert '<sup class="footnote-ref"><a href="#uc-fn1" id="uc-fnref1" rel="noopener">[1]</a></sup>' in html
    assert '<li id="uc-fn1">' in html
    assert '<a href="#uc-fnref1" class="footnote-backref" rel="noopener">' in html
    assert "[^unknown]" in html


def test_media_addresses_lead_to_the_file() -> None:
    html = render("![x](<media:a b.png> 't') [y](media:paper.pdf)", media_url=FILES.get)
    assert '<img src="/media/1.png" alt="x" title="t" loading="lazy">' in html
    assert '<a href="https://cdn.example/2.pdf" rel="noopener">y</a>' in html


def test_media_addresses_in_html_lead_to_the_file_too() -> None:
    html = render('<img src="media:a b.png"> <img src="media:lost.png" alt="lost">', media_url=FILES.get)
    assert html == '<p><img src="/media/1.png" loading="lazy"> <img alt="lost" loading="lazy"></p>\n'


@pytest.mark.parametrize("source", ["media:lost.png", "media:", "data:image/png;base64,AAAA", "file:///a.png"])
def test_an_image_that_can_not_be_shown_becomes_its_alt_text(source: str) -> None:
    assert render(f"![the *old* harbour]({source})", media_url=FILES.get) == "<p>the old harbour</p>\n"


def test_a_link_to_a_file_that_is_not_there_keeps_its_text() -> None:
    assert render("[y](media:lost.pdf)", media_url=FILES.get) == '<p><a rel="noopener">y</a></p>\n'


def test_plain_text_has_a_line_for_each_block_and_no_markup() -> None:
    assert plain_text(POST).splitlines() == [
        "The harbour",
        "Boats The first “paragraph” has code & more. Its second line.",
        "A quotation.",
        "an item with bold text",
        'print("<hello>")',
        "Name",
        "Age",
        "Ada",
        "36",
        "The last paragraph.",
        "A note.",
    ]


def test_plain_text_keeps_the_words_of_html_blocks_apart() -> None:
    assert plain_text("<div><p>one</p><p>two &amp; three</p></div>") == "one two & three"
    assert plain_text("a <svg><text>hidden *too*</text></svg> b") == "a b"


def test_an_excerpt_is_the_prose_of_the_paragraphs() -> None:
    assert make_excerpt(POST) == ("The first “paragraph” has code & more. Its second line. The last paragraph.")


def test_an_excerpt_of_a_text_without_paragraphs_takes_those_of_lists() -> None:
    assert make_excerpt("# T\n\n- one\n\n- two\n\n```\ncode\n```") == "one two"
    assert make_excerpt("# T\n\n![only](a.png)\n\n    code") == ""


@pytest.mark.parametrize(
    ("markdown", "limit", "excerpt"),
    [
        ("One two. Three four.", 20, "One two. Three four."),
        ("One two. Three four.", 14, "One two."),
        ("“One two.” Three four five", 14, "“One two.”"),
        ("One, two, three, four", 12, "One, two,…"),
        ("Met by J. R. Hartley today", 14, "Met by J. R.…"),
        ("Unbelievable", 6, "Unbel…"),
        ("A Unbelievable", 8, "A Unbel…"),
        ("一二三。四五六七八", 6, "一二三。"),
        ("一二三四五六七八", 6, "一二三四五…"),
        ("abcde\u0301fgh", 6, "abcd…"),
        ("ab👩\u200d🚀cdefgh", 4, "ab…"),
        ("ab👩\u200d🚀cdefgh", 5, "ab…"),
        ("abcdefgh", 1, "…"),
        ("a &amp; b &lt; c", 9, "a & b < c"),
        ("a &amp; b &lt; c", 6, "a & b…"),
        ("one\n\ntwo\n\nthree", 9, "one two…"),
    ],
)
def test_an_excerpt_ends_with_a_sentence_or_a_word(markdown: str, limit: int, excerpt: str) -> None:
    assert make_excerpt(markdown, limit) == excerpt


def test_an_excerpt_must_have_room() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make_excerpt("a", 0)


@pytest.mark.parametrize(
    ("markdown", "words", "minutes"),
    [
        ("", 0, 1),
        ("one — two-three, four!", 3, 1),
        ("word " * 238, 238, 1),
        ("word " * 239, 239, 2),
        ("漢字かなハングル 한글 and words", 12, 1),
        ("漢" * 501, 501, 2),
        ("漢" * 250 + " word" * 119, 369, 1),
    ],
)
def test_words_and_minutes_are_counted(markdown: str, words: int, minutes: int) -> None:
    assert word_count(markdown) == words
    assert reading_minutes(markdown) == minutes


@given(st.text("a1_-’é \n\u00a0\x1f漢", max_size=30))
def test_a_word_is_what_has_a_letter_or_a_digit(text: str) -> None:
    words, characters = count_words(text)
    assert characters == text.count("漢")
    assert words == len(re.findall(r"[^\W_]\S*", text.replace("漢", " ")))


@pytest.mark.parametrize("markdown", [POST, "", "![x](media:lost.png) y", "<div>a</div>\n\n# b"])
def test_parsing_once_gives_what_the_single_functions_give(markdown: str) -> None:
    rendered = parse(markdown, media_url=FILES.get, excerpt_limit=30)
    assert rendered.html == render(markdown, media_url=FILES.get)
    assert rendered.text == plain_text(markdown)
    assert rendered.excerpt == make_excerpt(markdown, 30)
    assert rendered.words == word_count(markdown)
    assert rendered.minutes == reading_minutes(markdown)


def test_rendering_gives_the_same_bytes_every_time() -> None:
    assert len({render(POST, media_url=FILES.get) for _ in range(20)}) == 1


@given(st.text(st.characters(codec=None)), st.integers(1, 40))
def test_any_text_gives_results_that_can_be_stored(markdown: str, limit: int) -> None:
    rendered = parse(markdown, excerpt_limit=limit)
    assert len(rendered.excerpt) <= limit
    stored = rendered.html + rendered.text + rendered.excerpt + render_comment(markdown)
    assert b"\0" not in stored.encode()


def test_blocks_say_on_which_lines_they_begin() -> None:
    """Where that is asked for; nothing else of what readers get differs."""
    text = "# A\n\n> b\n\n- c\n- d\n\n```js\ne\n```\n\n<b data-line='x' class='y'>f</b><i>\n\n![g](media:a%20b.png)\n"
    shown, stored = (parse(text, media_url=FILES.get, with_lines=is_on) for is_on in (True, False))
    assert re.sub(r' data-line="\d+"', "", shown.html) == stored.html
    assert "data-line" not in parse("<p data-line='1'>a</p>").html
    assert re.findall(r'<(\w+)[^>]*? data-line="(\d+)"', shown.html) == [
        ("h1", "1"), ("blockquote", "3"), ("p", "3"), ("ul", "5"), ("li", "5"), ("li", "6"), ("code", "8"), ("p", "12"),
        ("p", "14"),
    ]  # fmt: skip
