"""How much work one text may ask for: in proportion to its length, or it is refused with a sentence."""

import sys
import time
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cms.editorial.markdown import MarkdownTooComplex, parse, render, render_comment
from cms.editorial.parsing import ARTICLE, parse_article

DEEP_QUOTE = "> " * 13
PROSE = "## Tide\n\nSome *words* and a [link](/a) with `code`, in **two** lines\nof a paragraph.\n\n- ebb\n- flood\n\n"

SLOW: dict[str, Callable[[int], str]] = {
    "images that never close": lambda n: "![[" * (n // 3),
    "brackets that never close": lambda n: "[" * n,
    "links that never close": lambda n: "[a](" * (n // 4),
    "references that never close": lambda n: "[a\n" * (n // 3),
    "stars": lambda n: "*" * n,
    "stars and underscores": lambda n: "*_" * (n // 2),
    "strong in words": lambda n: "a**b*" * (n // 5),
    "strikes": lambda n: "~~a " * (n // 4),
    "code marks of every length": lambda n: "".join("`" * i + " " for i in range(int((2 * n) ** 0.5))),
    "a wide table": lambda n: "|a" * (n // 6) + "|\n" + "|-" * (n // 6) + "|\n" + "|b" * (n // 6) + "|\n",
    "a long table": lambda n: "|a|b|\n|-|-|\n" + "|a|b|\n" * (n // 6),
    "a long list": lambda n: "- a\n" * (n // 4),
    "a long quotation": lambda n: "> a\n" * (n // 4),
    "lines lazily continuing a list": lambda n: "- " * 6 + "a\n" * (n // 2),
    "many equal headings": lambda n: "# a\n" * (n // 4),
    "headings that take each other's names": lambda n: (
        "".join(f"# a-{i}\n" for i in range(n // 12)) + "# a\n" * (n // 8)
    ),
    "images in images": lambda n: ("![" * 15 + "a" + "](b)" * 15 + " ") * (n // 106),
    "footnote marks that never close": lambda n: "[^a]: x\n\n" + "[^a" * (n // 3),
    "html tags that never close": lambda n: "<a b='" * (n // 6),
    "comments that never close": lambda n: "a <!-- " * (n // 7),
    "html of many names": lambda n: "".join(f"<x{i}></x{i}>" for i in range(n // 12)),
    "entities": lambda n: "&#1" * (n // 3),
    "bare addresses": lambda n: "http://a " * (n // 9),
    "closing brackets after an address": lambda n: "http://a" + ")" * n,
    "stops after an address": lambda n: "http://a" + ".)" * (n // 2),
    "images and nothing else": lambda n: "![](b)\n\n" * (n // 8),
}

REFUSED = {
    "nested quotations": ">" * 5_000 + "a",
    "nested lists": "- " * 5_000 + "a",
    "nested numbered lists": "1. " * 5_000 + "a",
    "lists nested line by line": "".join("  " * i + "- a\n" for i in range(200)),
    "nested footnotes": "[^a]: " * 1_000,
    "lines lazily continuing a deep quotation": DEEP_QUOTE + "a\n" * 5_000,
    "a table of 3,000 columns and hardly a cell": "|a" * 3_000 + "|\n" + "|-" * 3_000 + "|\n" + "|\n" * 3_000,
    "a small square table without cells": "|a" * 256 + "|\n" + "|-" * 256 + "|\n" + "|\n" * 256,
    "one long address used by many": "[a]: /" + "x" * 20_000 + "\n\n" + "[a]" * 5_000,
    "one footnote used by many": "[^a]: x\n\n" + "[^a]" * 5_000,
    "nested html": "<div>" * 5_000,
    "nested html among text": "x <b>" * 5_000,
    "one tag of many attributes": "<a " + "b " * 30_000 + ">",
    "some formatting that is reopened often": "<p>" + "".join(f"<i title={i}>" for i in range(19)) + "<p>a" * 2_000,
    "formatting that is reopened": "<p>" + "".join(f"<i title={i}>" for i in range(99)) + "</p>" + "<p>a" * 2_000,
}


def cpu_seconds(text: str) -> float:
    """The better of two runs, for other work on the machine can only make one slower."""
    seconds = []
    for _ in range(2):
        started = time.process_time()
        parse(text)
        render_comment(text)
        seconds.append(time.process_time() - started)
    return min(seconds)


@cache
def prose_seconds() -> float:
    """What 8,000 characters of prose cost on this machine."""
    return cpu_seconds(PROSE * (8_000 // len(PROSE)))


@pytest.mark.no_cover
@pytest.mark.parametrize("name", SLOW)
def test_four_times_the_text_takes_about_four_times_the_time(name: str) -> None:
    once, fourfold = cpu_seconds(SLOW[name](2_000)), cpu_seconds(SLOW[name](8_000))
    assert fourfold < 20 * prose_seconds()
    assert fourfold < 10 * max(once, 0.01)  # work that grows as the square takes sixteen times as long


@pytest.mark.parametrize("name", REFUSED)
def test_a_bomb_is_refused_quickly_with_a_sentence(name: str) -> None:
    started = time.process_time()
    with pytest.raises(MarkdownTooComplex, match=r"^T(his text|he HTML in this text) .*\.$"):
        render(REFUSED[name])
    assert time.process_time() - started < 8, "a tracer slows this down several times"


def test_six_levels_of_lists_and_twelve_of_quotations_are_kept_whole() -> None:
    assert "deepest" in render("- " * 6 + "deepest")
    assert "deepest" in render("> " * 12 + "deepest")


def test_a_table_may_be_wide_when_it_is_filled() -> None:
    cells = 1_000
    html = render("|a" * cells + "|\n" + "|-" * cells + "|\n" + "|b" * cells + "|\n")
    assert html.count("<td>b</td>") == cells


def test_html_that_never_settles_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cms.editorial.markdown._ROUNDS", 0)
    with pytest.raises(MarkdownTooComplex, match="nested so wrongly"):
        render("<b>x</b>")


def test_a_stack_that_is_almost_full_is_a_complex_text_and_no_crash() -> None:
    def deeper(levels: int) -> object:
        return deeper(levels - 1) if levels else parse_article("- " * 6 + "*a*")

    depth, frame = 0, sys._getframe()  # noqa: SLF001  (there is no public way to count frames cheaply)
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    with pytest.raises(MarkdownTooComplex, match="nested too deeply"):
        deeper(sys.getrecursionlimit() - depth - 20)


@pytest.mark.parametrize(
    ("markdown", "links"),
    [
        ("see https://a.example/b.", ["https://a.example/b"]),
        ("(https://a.example/b)", ["https://a.example/b"]),
        ("https://a.example/b_(c)", ["https://a.example/b_(c)"]),
        ("HTTP://a.example, http://b.example!", ["HTTP://a.example", "http://b.example"]),
        ("[https://a.example](https://b.example)", ["https://b.example"]),
        ("`https://a.example`", []),
        ("<https://a.example>", ["https://a.example"]),
        ("xhttps://a.example ftp://b.example", []),
        ("*https://a.example*", ["https://a.example"]),
    ],
)
def test_bare_addresses_become_links(markdown: str, links: list[str]) -> None:
    inline = parse_article(markdown)[1].children or []
    assert [token.attrs["href"] for token in inline if token.type == "link_open"] == links


@given(st.text("/abü.-_~%?#: @", max_size=12).map(lambda rest: f"/{rest}"))
def test_addresses_of_own_pages_are_what_the_parser_would_make_of_them(address: str) -> None:
    assert ARTICLE.normalizeLink(address) == MarkdownIt().normalizeLink(address)


@given(st.text("a \r\n\0~*", max_size=20))
def test_lines_and_strikes_are_read_as_the_parser_reads_them(markdown: str) -> None:
    plain = MarkdownIt("commonmark").enable("strikethrough")
    assert ARTICLE.render(markdown) == plain.render(markdown)
