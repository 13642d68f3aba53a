"""Reading files: text, front matter, and YAML that can do no harm."""

from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cms.exchange.frontmatter import FileError, Plain, decode, line_of, load, split, unwrap


def refusal(text: str) -> tuple[str, int | None]:
    with pytest.raises(FileError) as caught:
        load(text)
    return str(caught.value), caught.value.line


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbftitle: A\r\nname: B\rlast: C\n") == "title: A\nname: B\nlast: C\n"


def test_utf_16_is_refused_with_what_to_do() -> None:
    with pytest.raises(FileError, match=r"UTF-16; save it as UTF-8\."):
        decode("title: A".encode("utf-16"))


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(FileError, match="no UTF-8") as caught:
        decode(b"title: A\nname: \xff\n")
    assert caught.value.line == 2


def test_front_matter_and_body_are_told_apart() -> None:
    matter = split("---\ntitle: A\n---\n\nText.\n\nMore.\n")
    assert (matter.yaml, matter.body) == ("title: A\n", "Text.\n\nMore.")


@pytest.mark.parametrize("text", ["title: A\n", "", "----\ntitle: A\n---\n"])
def test_a_file_without_front_matter_is_refused(text: str) -> None:
    with pytest.raises(FileError, match="has to begin with front matter"):
        split(text)


def test_front_matter_without_an_end_is_refused() -> None:
    with pytest.raises(FileError, match="has no end"):
        split("---\ntitle: A\n")


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
def test_any_body_survives(body: str) -> None:
    written = "---\ntitle: A\n---\n" + (f"\n{body}\n" if body else "")
    assert split(written).body == body


def test_plain_scalars_mean_no_more_than_they_say() -> None:
    values = load("a: no\nb: 12:30\nc: 010\nd: 2026-01-01\ne: 1e3\nf: on\ng: 0x1F\n")
    assert values == {"a": "no", "b": "12:30", "c": "010", "d": "2026-01-01", "e": "1e3", "f": "on", "g": "0x1F"}


def test_null_true_and_numbers_are_known_and_keep_their_spelling() -> None:
    values = load("a: true\nb: 1984\nc: 1.50\nd:\ne: '1984'\n")
    assert values == {
        "a": Plain("true", True), "b": Plain("1984", 1984), "c": Plain("1.50", 1.5), "d": Plain("", None), "e": "1984",
    }  # fmt: skip
    assert unwrap(values["b"], as_text=True) == "1984"
    assert unwrap(values["d"], as_text=True) is None


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert load("") == load("# nothing\n") == load("{}\n") == {}


@pytest.mark.parametrize(
    ("text", "sentence", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "“a” stands here a second time; keep one of them.", 3),
        ("a: 1\nb: &x 2\n", "Anchors (“&name”) are not taken; write the value out.", 2),
        ("a: *x\n", "Aliases (“*name”) are not taken; write the value out.", 1),
        ("a: 1\nb: !!int x\n", "Tags such as “tag:yaml.org,2002:int” are not taken; leave it out.", 2),
        ("- a\n", "This has to be a mapping: “name: value”, a line for each.", 1),
        ("just text\n", "This has to be a mapping: “name: value”, a line for each.", 1),
        ("? [a]\n: b\n", "A name has to be a text.", 1),
        ("a: 1\n---\nb: 2\n", "There is a second document in this YAML; a file holds one.", 2),
    ],
)  # fmt: skip
def test_what_is_no_plain_mapping_is_refused_with_its_line(text: str, sentence: str, line: int) -> None:
    assert refusal(text) == (sentence, line)


def test_broken_yaml_is_refused_with_its_line() -> None:
    sentence, line = refusal("title: A\nname: 'B\n")
    assert sentence.startswith("This is not well-formed YAML: ")
    assert line == 3


def test_control_characters_are_refused_with_their_line() -> None:
    assert refusal("title: A\nname: \x07\n") == ("This is no YAML: it holds a control character.", 2)


def test_a_thousand_levels_are_refused_at_the_twentieth() -> None:
    sentence, _ = refusal("a: " + "[" * 900 + "]" * 900)
    assert sentence == "This is more than 20 levels deep."


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))
    assert refusal(bomb)[1] == 1


def test_a_field_is_found_by_its_line() -> None:
    text = "title: A\ntags:\n- one\n- two\nseo:\n  title: B\n"
    assert line_of(text, 2, ("tags", 1)) == 5
    assert line_of(text, 2, ("seo", "title")) == 7
    assert line_of(text, 2, ("nothing",)) == 2


@given(st.text())
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    with suppress(FileError):
        assert isinstance(load(text), dict)


# PyYAML's own writer gets these three line breaks of other alphabets wrong; what this project writes quotes them.
_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), min_size=1)
_VALUES = _WORDS | st.booleans() | st.integers(-(10**15), 10**15) | st.none()


@given(st.dictionaries(_WORDS, _VALUES))
def test_what_others_write_is_read_as_it_was_meant(values: dict[str, object]) -> None:
    written = yaml.safe_dump(values, allow_unicode=True)
    assert {key: unwrap(value) for key, value in load(written).items()} == values
