"""Merging two edits of one record: nothing that either side typed is lost, and what overlaps is told."""

import random
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cms.content import registry
from cms.editorial.lines import LineMatcher, Text
from cms.editorial.merge import Conflict, Kind, Region, kinds_of, merge
from tests.toys import planet

KINDS = {"text": Kind.LINES, "tags": Kind.SET}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(st.sampled_from(["text", "tags", "seo", "title"]), json_values)
lines = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=12)
long_texts = st.text(st.sampled_from("ab\n\r"), max_size=20)
tags = st.lists(st.sampled_from("abcdef"), unique=True)

edits = st.dictionaries(st.integers(0, 29), st.sampled_from(["drop", "replace", "insert"]), max_size=4)


def edited(base: list[str], edits: dict[int, str], mark: str) -> list[str]:
    """The lines after the edits, by their number; new lines begin with the mark."""
    result = []
    for number, line in enumerate(base):
        edit = edits.get(number, "keep")
        result += [f"{mark} {number}"] if edit in {"replace", "insert"} else []
        result += [line] if edit in {"keep", "insert"} else []
    return result


def merged(name: str, base: Any, mine: Any, theirs: Any) -> Any:
    """The merged value of one field; a conflict where there is one."""
    result = merge({name: base}, {name: mine}, {name: theirs}, KINDS)
    return result.conflicts.get(name, result.values.get(name, theirs))


class TestFields:
    def test_what_one_side_changed_is_combined(self) -> None:
        base = {"title": "a", "rank": 1, "slug": "x"}
        result = merge(base, {**base, "title": "b"}, {**base, "rank": 2}, {})
        assert (result.values, result.conflicts) == ({"title": "b"}, {})

    def test_what_is_not_sent_is_theirs(self) -> None:
        assert merge({"title": "a", "rank": 1}, {"rank": 1}, {"title": "b", "rank": 1}, {}).values == {}

    def test_the_same_change_on_both_sides_is_no_conflict(self) -> None:
        assert merged("title", "a", "b", "b") == "b"

    def test_an_overlap_is_a_conflict(self) -> None:
        assert merged("title", "a", "b", "c") == Conflict("a", "b", "c")

    def test_a_field_that_came_after_the_base_was_null(self) -> None:
        assert merge({}, {"subtitle": "mine"}, {"subtitle": None}, {}).values == {"subtitle": "mine"}
        assert merge({}, {"subtitle": "mine"}, {"subtitle": "theirs"}, {}).conflicts

    @pytest.mark.parametrize(
        ("base", "mine", "theirs"), [(0, False, 1), (1, True, 2), ([1], [True], [2]), (0, None, 1)]
    )
    def test_values_that_python_takes_for_equal_differ(self, base: Any, mine: Any, theirs: Any) -> None:
        assert merged("title", base, mine, theirs) == Conflict(base, mine, theirs)

    def test_a_number_that_is_none_is_itself(self) -> None:
        nothing, same_nothing = float("nan"), float("nan")
        assert merge({"rank": nothing}, {"rank": same_nothing}, {"rank": 3}, {}).values == {}


class TestSets:
    def test_both_sides_add_and_remove(self) -> None:
        assert merged("tags", ["a", "b", "c"], ["e", "a", "b"], ["b", "c", "d"]) == ["b", "d", "e"]

    def test_the_order_of_a_set_is_no_edit(self) -> None:
        assert merge({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, {"tags": ["a", "b"]}, KINDS).values == {}

    def test_an_element_that_is_named_twice_is_no_edit(self) -> None:
        assert merge({"tags": ["a"]}, {"tags": ["a"]}, {"tags": ["b", "b"]}, KINDS).values == {}

    def test_a_set_that_was_absent_was_empty(self) -> None:
        assert merge({}, {"tags": ["a"]}, {"tags": ["b"]}, KINDS).values == {"tags": ["b", "a"]}

    def test_what_is_no_set_is_compared_as_a_whole(self) -> None:
        assert merged("tags", ["a"], [1], None) == Conflict(["a"], [1], None)

    @given(base=tags, mine=tags, theirs=tags)
    def test_every_addition_and_removal_counts(self, base: list[str], mine: list[str], theirs: list[str]) -> None:
        gone = (set(base) - set(mine)) | (set(base) - set(theirs))
        assert set(merged("tags", base, mine, theirs)) == (set(base) | set(mine) | set(theirs)) - gone


class TestStructures:
    def test_members_are_merged_one_by_one(self) -> None:
        base = {"title": "a", "image": {"alt": "x", "width": 1}, "gone": 1}
        mine = {"title": "b", "image": {"alt": "x", "width": 2}, "gone": 1, "new": None}
        theirs = {"title": "a", "image": {"alt": "y", "width": 1}}
        assert merged("seo", base, mine, theirs) == {"title": "b", "image": {"alt": "y", "width": 2}, "new": None}

    def test_a_member_in_conflict_puts_the_whole_into_conflict(self) -> None:
        base, mine, theirs = {"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"b": 3}}
        assert merged("seo", base, mine, theirs) == Conflict(base, mine, theirs)

    def test_removing_what_the_other_changed_is_a_conflict(self) -> None:
        assert isinstance(merged("seo", {"a": 1, "b": 1}, {"b": 1}, {"a": 2, "b": 1}), Conflict)

    def test_both_sides_may_begin_from_nothing(self) -> None:
        assert merged("seo", None, {"a": 1}, {"b": 2}) == {"a": 1, "b": 2}

    def test_depth_has_an_end(self) -> None:
        def nested(leaf: dict[str, int], depth: int) -> Any:
            value: Any = leaf
            for _ in range(depth):
                value = {"deeper": value}
            return value

        sides = {"x": 1}, {"x": 2}, {"x": 1, "y": 1}
        assert merged("seo", *(nested(side, 20) for side in sides)) == nested({"x": 2, "y": 1}, 20)
        assert isinstance(merged("seo", *(nested(side, 200) for side in sides)), Conflict)


class TestTexts:
    def test_edits_of_different_lines_are_both_kept(self) -> None:
        base = "one\ntwo\nthree\nfour\n"
        assert merged("text", base, "ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nFOUR\n") == "ONE\ntwo\nthree\nFOUR\n"

    def test_a_conflict_shows_the_regions(self) -> None:
        conflict = merged("text", "a\nb\nc\nd\ne\n", "a\nmine\nc\nd\nE\n", "a\ntheirs\nc\nd\ne\n")
        assert isinstance(conflict, Conflict)
        assert [region for region in conflict.regions if region.disputed] == [
            Region(True, ("b",), ("mine",), ("theirs",))
        ]
        assert "\n".join(line for region in conflict.regions for line in region.mine) == "a\nmine\nc\nd\nE\n"
        assert "\n".join(line for region in conflict.regions for line in region.theirs) == "a\ntheirs\nc\nd\nE\n"

    def test_a_text_that_one_side_emptied_is_a_conflict(self) -> None:
        assert merged("text", "a", None, "b") == Conflict("a", None, "b")
        conflict = merged("text", None, "a", "b")
        assert conflict.regions == (Region(True, (), ("a",), ("b",)),)

    def test_lines_at_the_end_without_a_line_ending(self) -> None:
        assert merged("text", "a\nb\nc", "a\nb\nc\nd", "A\nb\nc") == "A\nb\nc\nd"
        assert merged("text", "a\nb\nc", "a\nb\nc\n", "A\nb\nc") == "A\nb\nc\n"
        assert merged("text", "a\nb\nc\n", "a\nb\nc\nd\n", "a\nb\nc") == "a\nb\nc\nd"

    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
    def test_line_endings_of_a_browser_are_no_edit(self, ending: str) -> None:
        assert merged("text", "a\nb\nc\n", "a\nb\nC\n".replace("\n", "\r\n"), f"A{ending}b{ending}c{ending}") == (
            f"A{ending}b{ending}C{ending}"
        )
        assert merge({"text": "a\nb"}, {"text": "a\r\nb"}, {"text": "A\nb"}, KINDS).values == {}

    def test_characters_that_only_python_takes_for_line_endings_are_text(self) -> None:
        text = "a\x0cb\u2028c\x85d"
        assert Text.of(text).lines == (text,)

    @given(
        text=st.text(st.sampled_from("ab\n")) | st.text(st.sampled_from("ab\n")).map(lambda x: x.replace("\n", "\r"))
    )
    def test_a_text_is_its_lines(self, text: str) -> None:
        assert str(Text.of(text)) == text

    @given(base=lines, mine=lines, theirs=lines)
    def test_edits_apart_are_both_kept(self, base: list[str], mine: list[str], theirs: list[str]) -> None:
        def joined(top: list[str], bottom: list[str]) -> str:
            return "\n".join([*top, "the first fence", "the second", *bottom])

        expected = joined(mine, theirs)
        assert merged("text", joined(base, base), joined(mine, base), joined(base, theirs)) == expected

    @given(mine=edits, theirs=edits, repeats=st.booleans())
    def test_no_edit_is_lost(self, mine: dict[int, str], theirs: dict[int, str], repeats: bool) -> None:
        base = [f"line {i % 3 if repeats else i}" for i in range(30)]
        one, other = edited(base, mine, "mine"), edited(base, theirs, "theirs")
        text = merged("text", "\n".join(base), "\n".join(one), "\n".join(other))
        assume(isinstance(text, str))
        result = text.split("\n")
        assert [line for line in result if line.startswith("mine")] == [x for x in one if x.startswith("mine")]
        assert [line for line in result if line.startswith("theirs")] == [x for x in other if x.startswith("theirs")]
        kept = Counter(base)
        kept.subtract(Counter(base) - Counter(one))
        kept.subtract(Counter(base) - Counter(other))
        told = Counter(line for line in result if line.startswith("line"))
        assert all(told[line] >= kept[line] for line in kept)
        assert repeats or set(told) == {line for line in base if line in one and line in other}

    @given(base=lines, mine=lines, theirs=lines)
    def test_regions_cover_both_texts(self, base: list[str], mine: list[str], theirs: list[str]) -> None:
        conflict = merged("text", "\n".join(base), "\n".join(mine), "\n".join(theirs))
        assume(isinstance(conflict, Conflict))
        for region in conflict.regions:
            assert region.disputed == (region.mine != region.theirs)
        for text, side in ((conflict.mine, "mine"), (conflict.theirs, "theirs")):
            kept = {line for region in conflict.regions if region.disputed for line in getattr(region, side)}
            assert kept <= {*Text.of(text).lines, ""}


class TestLaws:
    @given(base=records, mine=records)
    def test_without_their_edit_mine_stands(self, base: dict[str, Any], mine: dict[str, Any]) -> None:
        kinds = {"text": Kind.LINES}
        result = merge(base, mine, base, kinds)
        assert result.conflicts == {}
        for name, value in mine.items():
            assert repr(result.values.get(name, base.get(name))) == repr(value)

    @given(base=records, theirs=records)
    def test_without_my_edit_theirs_stands(self, base: dict[str, Any], theirs: dict[str, Any]) -> None:
        result = merge(base, base, {**dict.fromkeys(base), **theirs}, KINDS)
        assert (result.values, result.conflicts) == ({}, {})

    @given(base=records, mine=records, theirs=records)
    def test_conflicts_are_the_same_from_both_sides(
        self, base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]
    ) -> None:
        sides = {**dict.fromkeys(theirs), **mine}, {**dict.fromkeys(mine), **theirs}
        here, there = merge(base, *sides, KINDS), merge(base, sides[1], sides[0], KINDS)
        assert here.conflicts.keys() == there.conflicts.keys()
        assert not here.conflicts.keys() & here.values.keys()

    @given(base=long_texts, mine=long_texts, theirs=long_texts)
    def test_texts_conflict_alike_from_both_sides(self, base: str, mine: str, theirs: str) -> None:
        here, there = merged("text", base, mine, theirs), merged("text", base, theirs, mine)
        assert isinstance(here, Conflict) == isinstance(there, Conflict)

    @given(a=lines, b=lines)
    def test_matching_lines_ascend_and_are_equal(self, a: list[str], b: list[str]) -> None:
        blocks = LineMatcher(None, a, b).get_matching_blocks()
        i = j = 0
        for start_i, start_j, length in blocks:
            assert start_i >= i
            assert start_j >= j
            assert a[start_i : start_i + length] == b[start_j : start_j + length]
            i, j = start_i + length, start_j + length
        assert blocks[-1] == (len(a), len(b), 0)


def changed(text: list[str], mark: str, start: int, step: int) -> str:
    """The text with one line in `step` replaced."""
    return "\n".join(f"{mark} {i}" if i % step == start else line for i, line in enumerate(text))


shuffled = random.Random(1)  # noqa: S311 - no secret
LONG = {
    "distinct lines": [f"line {i}" for i in range(20_000)],
    "one line again and again": ["la"] * 20_000,
    "a hundred lines again and again": [str(i % 100) for i in range(20_000)],
    "nothing but line feeds": [""] * 50_000,
    "two lines in no order": shuffled.choices(["a", "b"], k=20_000),
    "long lines that begin alike": ["x" * 2_000 + str(i % 3) for i in range(100)],
    "one line without an end": ["word " * 40_000],
}


class TestSizes:
    @pytest.mark.parametrize("text", LONG.values(), ids=LONG)
    @pytest.mark.parametrize("step", [10, 1_000])
    def test_no_text_takes_long(self, text: list[str], step: int) -> None:
        start = time.process_time()
        merge(
            {"text": "\n".join(text)},
            {"text": changed(text, "mine", 0, step)},
            {"text": changed(text, "theirs", 5, step)},
            KINDS,
        )
        assert time.process_time() - start < 15  # under coverage on a slow machine; the square would take minutes

    def test_thousands_of_edits_between_each_other_are_merged(self) -> None:
        text = LONG["distinct lines"]
        combined = [f"mine {i}" if i % 4 == 0 else f"theirs {i}" if i % 4 == 2 else line for i, line in enumerate(text)]
        result = merged("text", "\n".join(text), changed(text, "mine", 0, 4), changed(text, "theirs", 2, 4))
        assert result == "\n".join(combined)

    def test_a_few_edits_are_found_among_equal_lines(self) -> None:
        mine, theirs = ["la"] * 20_000, ["la"] * 20_000
        mine[15_000:15_000], mine[5_000:5_000] = ["mine"], ["mine"]
        theirs[10_000:10_000] = ["theirs"]
        both = [*mine[:10_001], "theirs", *mine[10_001:]]
        assert (
            merged("text", "la\n" * 20_000, "\n".join(mine) + "\n", "\n".join(theirs) + "\n") == "\n".join(both) + "\n"
        )


class TestKinds:
    def test_kinds_follow_from_the_declaration(self) -> None:
        kinds = kinds_of(planet)
        assert {kinds["summary"], kinds["notes"]} == {Kind.LINES}
        assert kinds["missions"] is Kind.SET
        assert {kinds[name] for name in ("name", "kind", "mass", "orbit", "marks", "star")} == {Kind.PLAIN}

    def test_every_content_type_has_kinds_for_what_is_written(self) -> None:
        for content_type in registry:
            assert kinds_of(content_type).keys() >= set(content_type.write_fields)
