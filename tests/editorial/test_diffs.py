"""The difference of two snapshots: complete, readable, and never slow."""

import json
import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cms.editorial.diffs import Change, Difference, Edit, Hunk, SetDifference, TextDifference, Words, diff
from cms.editorial.lines import Text
from cms.editorial.merge import Kind

KINDS = {"text": Kind.LINES, "tags": Kind.SET}
ADAPTER = TypeAdapter(list[Difference])

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
records = st.dictionaries(st.sampled_from(["text", "tags", "seo", "title"]), json_values)
sentences = st.text(st.sampled_from("ab ,\n"), max_size=30)


def difference(before: Any, after: Any, name: str = "text") -> Difference:
    """The one difference of two values of a field."""
    (found,) = diff({name: before}, {name: after}, KINDS)
    return found


def text_difference(before: Any, after: Any) -> TextDifference:
    found = difference(before, after).text
    assert found is not None
    return found


def applied(before: str, found: TextDifference) -> list[str]:
    """The lines of the text with the hunks put in."""
    lines = list(Text.of(before).lines)
    for hunk in reversed(found.hunks):
        start = hunk.before_line - 1
        assert tuple(lines[start : start + len(hunk.before)]) == hunk.before
        lines[start : start + len(hunk.before)] = hunk.after
    return lines


class TestFields:
    def test_only_what_differs_is_told(self) -> None:
        found = diff({"title": "a", "rank": 1}, {"title": "b", "rank": 1}, {})
        assert found == [Difference("title", Change.CHANGED, "a", "b")]

    def test_fields_that_one_side_lacks_are_named(self) -> None:
        assert diff({"old": 1, "both": 1}, {"both": 1, "new": None}, {}) == [
            Difference("new", Change.ADDED, None, None),
            Difference("old", Change.REMOVED, 1, None),
        ]

    def test_true_is_not_one(self) -> None:
        assert difference({"a": True}, {"a": 1}, "seo").members == (Difference("a", Change.CHANGED, True, 1),)

    def test_sets_tell_what_came_and_went(self) -> None:
        assert difference(["a", "b"], ["c", "b"], "tags").elements == SetDifference(("c",), ("a",))

    def test_a_set_has_no_order(self) -> None:
        assert diff({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, KINDS) == []

    def test_what_is_no_set_is_told_as_a_whole(self) -> None:
        assert difference(["a"], None, "tags") == Difference("tags", Change.CHANGED, ["a"], None)
        assert difference([1], ["a"], "tags").elements is None

    def test_structures_are_told_by_member(self) -> None:
        before, after = {"title": "a", "image": {"alt": "x"}, "old": 1}, {"title": "a", "image": {"alt": "y"}}
        assert difference(before, after, "seo").members == (
            Difference(
                "image",
                Change.CHANGED,
                {"alt": "x"},
                {"alt": "y"},
                members=(Difference("alt", Change.CHANGED, "x", "y"),),
            ),
            Difference("old", Change.REMOVED, 1, None),
        )

    def test_depth_has_an_end(self) -> None:
        before: Any = {"leaf": 1}
        after: Any = {"leaf": 2}
        for _ in range(200):
            before, after = {"deeper": before}, {"deeper": after}
        found: Difference | None = difference(before, after, "seo")
        depth = 0
        while found and found.members:
            (found,), depth = found.members, depth + 1
        assert depth == 50


class TestTexts:
    def test_changed_words_are_told_inside_changed_lines(self) -> None:
        found = text_difference("one\nthe quick fox\nthree\n", "one\nthe slow fox\nthree\nfour\n")
        words = (
            Words(Edit.KEPT, "the "),
            Words(Edit.REMOVED, "quick "),
            Words(Edit.ADDED, "slow "),
            Words(Edit.KEPT, "fox"),
        )
        assert found == TextDifference(
            (Hunk(2, 2, ("the quick fox",), ("the slow fox",), words), Hunk(4, 4, (), ("four",))), endings=False
        )

    @pytest.mark.parametrize(("before", "after"), [("a\nb", "a\r\nb"), ("a\nb", "a\nb\n")])
    def test_endings_are_told_without_hunks(self, before: str, after: str) -> None:
        assert text_difference(before, after) == TextDifference((), endings=True)

    def test_null_is_an_empty_text(self) -> None:
        assert text_difference(None, "a\nb").hunks == (Hunk(1, 1, (), ("a", "b")),)
        assert text_difference("a", None).hunks == (Hunk(1, 1, ("a",), ()),)

    def test_what_is_no_text_is_told_as_a_whole(self) -> None:
        assert difference("a", 1) == Difference("text", Change.CHANGED, "a", 1)

    def test_too_many_words_are_replaced_as_a_whole(self) -> None:
        before, after = "a " * 50_001, "b"
        (hunk,) = text_difference(before, after).hunks
        assert hunk.words == (Words(Edit.REMOVED, before), Words(Edit.ADDED, after))

    @given(before=sentences, after=sentences)
    def test_words_make_up_the_lines(self, before: str, after: str) -> None:
        for found in diff({"text": before}, {"text": after}, KINDS):
            assert found.text is not None
            assert applied(before, found.text) == list(Text.of(after).lines)
            for hunk in found.text.hunks:
                for lines, other in ((hunk.before, Edit.ADDED), (hunk.after, Edit.REMOVED)):
                    told = "".join(piece.text for piece in hunk.words if piece.edit is not other)
                    assert told == ("\n".join(lines) if hunk.before and hunk.after else "")
                assert all(piece.text for piece in hunk.words)


class TestLaws:
    @given(before=records, after=records)
    def test_a_difference_leads_from_before_to_after(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        result = dict(before)
        for found in diff(before, after, {"text": Kind.LINES}):
            assert repr(found.before) == repr(before.get(found.name))
            result[found.name] = found.after
            if found.change is Change.REMOVED:
                del result[found.name]
        assert {name: repr(value) for name, value in result.items()} == {k: repr(v) for k, v in after.items()}

    @given(record=records)
    def test_nothing_differs_from_itself(self, record: dict[str, Any]) -> None:
        assert diff(record, json.loads(json.dumps(record)), KINDS) == []

    @given(before=records, after=records)
    def test_differences_are_json(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        plain = ADAPTER.dump_python(diff(before, after, KINDS))
        json.dumps(plain)

    def test_openapi_can_describe_them(self) -> None:
        schema = ADAPTER.json_schema()
        assert set(schema["$defs"]) == {
            "Change", "Difference", "Edit", "Hunk", "SetDifference", "TextDifference", "Words",
        }  # fmt: skip


randomly = random.Random(1)  # noqa: S311 - no secret
VOCABULARY = [f"word{i}" for i in range(3_000)]


def prose(words: list[str], count: int, per_line: int) -> str:
    """Words drawn with repetition, so many to a line."""
    drawn = randomly.choices(words, k=count)
    return "\n".join(" ".join(drawn[i : i + per_line]) for i in range(0, count, per_line))


LONG = {
    "4,000 times one word": (" ".join(["word"] * 4_000), "begin " + " ".join(["word"] * 3_000) + " end"),
    "4,000 times two words": (prose(["a", "b"], 4_000, 4_000), prose(["a", "b"], 4_000, 4_000)),
    "400 KB of other words": (prose(VOCABULARY, 50_000, 50_000), prose(VOCABULARY, 50_000, 50_000)),
    "400 KB of other lines": (prose(VOCABULARY, 50_000, 10), prose(VOCABULARY, 50_000, 10)),
    "400 KB of one letter": ("x" * 400_000, "x" * 200_000 + "y" + "x" * 200_000),
    "400 KB of signs": ("!" * 400_000, "!?" * 200_000),
    "400 KB of short lines": (prose(["a", "b"], 200_000, 1), prose(["b", "c"], 200_000, 1)),
    "400 KB of line feeds": ("\n" * 400_000, "\n" * 200_000 + "x" + "\n" * 199_999),
}


class TestSizes:
    @pytest.mark.parametrize(("before", "after"), LONG.values(), ids=LONG)
    def test_no_text_takes_long(self, before: str, after: str) -> None:
        start = time.process_time()
        found = text_difference(before, after)
        assert time.process_time() - start < 15  # under coverage on a slow machine; the square would take minutes
        assert applied(before, found) == list(Text.of(after).lines)

    def test_a_few_changes_of_a_long_text_are_told_exactly(self) -> None:
        before = prose(VOCABULARY, 25_000, 10)
        lines = before.split("\n")
        lines[100], lines[2_000:2_000] = "another line", ["an added line"]
        hunks = text_difference(before, "\n".join(lines)).hunks
        assert [(hunk.before_line, len(hunk.before), len(hunk.after)) for hunk in hunks] == [(101, 1, 1), (2_001, 0, 1)]
