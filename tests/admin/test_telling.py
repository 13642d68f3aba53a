"""What was done, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from admin.comparing import compare
from admin.telling import ago, by, summary_of
from cms.content.articles import article
from cms.crud.policy import Door

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (86_400 * 3, "3 days ago"),
        (86_400 * 400, "1 year ago"),
        (-30, "in a moment"),
        (-86_400 * 7 + 5, "in 7 days"),
        (-3_700, "in 1 hour"),
    ],
)
def test_how_long_ago(seconds: int, told: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == told


@pytest.mark.parametrize(
    ("verb", "fields", "told"),
    [
        ("updated", ["title"], "Changed title"),
        ("updated", ["title", "seo"], "Changed title and SEO"),
        ("updated", ["a", "b", "c", "d", "e"], "Changed a, b, c and 2 more"),
        ("updated", [], "Changed nothing that is shown"),
        ("updated", ["unpublish_at"], "Changed when it ends"),
        ("updated", ["published_at", "title"], "Changed title and when readers began to see it"),
        ("published", ["published_at", "review"], "Published"),
        ("published", ["published_at", "title"], "Published, with another title"),
        ("created", ["title", "slug"], "Created"),
    ],
)
def test_one_line_about_a_change(verb: str, fields: list[str], told: str) -> None:
    assert summary_of(verb, fields) == told


def test_what_took_back_an_earlier_change_says_so() -> None:
    assert summary_of("updated", ["title"], is_draft=True, is_undo=True) == "Undo: changed title in the working draft"


def test_who_did_it() -> None:
    assert by({"name": "Ann"}, Door.ADMIN) == "Ann"
    assert by({"name": "Ann"}, Door.FILES) == "Ann, through files"
    assert by({"name": None}, Door.ADMIN) == "Somebody whose account is gone"
    assert [by(None, door) for door in (Door.REST, Door.SYSTEM, Door.FILES)] == ["The public", "The system", "Files"]


def test_places_far_apart_are_told_apart_and_near_ones_together() -> None:
    lines = [f"Line {n}" for n in range(1, 41)]
    before = {"content": "\n".join(lines)}
    changed = [*lines[:4], "Five", *lines[5:7], "New", *lines[7:29], *lines[30:]]
    (row,) = compare(article, before, {"content": "\n".join(changed)}, {})
    assert [place.line for place in row.places] == [3, 28]
    near, far = row.places
    assert "".join(piece.text for piece in near.after) == "Line 3\nLine 4\nFive\nLine 6\nLine 7\nNew\nLine 8\nLine 9\n"
    assert "".join(piece.text for piece in far.before) == "Line 28\nLine 29\nLine 30\nLine 31\nLine 32\n"
    assert "Line 30" not in "".join(piece.text for piece in far.after)


def test_what_has_no_words_is_told_as_people_read_it() -> None:
    gone = "019abcde-0000-7000-8000-000000000001"
    before = {"published_at": "2026-01-01T08:00:00Z", "flag": True, "author": gone, "content": "a\r\nb"}
    after = {"published_at": None, "flag": False, "author": None, "content": "a\nb", "odd": "2026-13-01T08:00:00Z"}
    rows = {row.label: row for row in compare(article, before, after, {})}
    told = {label: [piece.text.strip() for place in row.places for piece in place.both] for label, row in rows.items()}
    assert told["Published at"] == ["2026-01-01 08:00 UTC"]
    assert told["Flag"] == ["Yes", "No"]
    assert told["Author"] == [f"{gone} (gone)"]
    assert told["Odd"] == ["2026-13-01T08:00:00Z"]
    assert rows["Content"].note == "Only the ends of lines are others."


def test_very_many_places_are_counted() -> None:
    before = {"content": "\n".join(f"Same {n}\n\n\n\n\n\nOld {n}" for n in range(250))}
    after = {"content": str(before["content"]).replace("Old", "New")}
    (row,) = compare(article, before, after, {})
    assert len(row.places) == 200
    assert row.note == "… and 50 more places."


def test_a_place_that_is_very_long_is_cut() -> None:
    (row,) = compare(article, {"content": "a" * 90_000}, {"content": "b" * 90_000}, {})
    (place,) = row.places
    for side in (place.before, place.after, place.both):
        assert sum(len(piece.text) for piece in side) == 50_001
        assert side[-1].text.endswith("…")
    assert row.note.startswith("This is too long")
