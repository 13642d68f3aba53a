"""Entity tags, and what a writer says of the version it holds."""

import pytest

from cms.crud.conditional import (
    ANY_VERSION,
    check_version,
    entity_tag,
    expected_version,
    is_unchanged,
    stale,
)
from cms.crud.problems import BadQuery, PreconditionFailed, PreconditionRequired


def test_a_tag_names_the_version_and_these_very_bytes() -> None:
    tag = entity_tag(3, b"{}")
    assert tag.startswith('"v3-')
    assert tag.endswith('"')
    assert tag == entity_tag(3, b"{}")
    assert len({tag, entity_tag(4, b"{}"), entity_tag(3, b"[]")}) == 3


@pytest.mark.parametrize(
    ("held", "unchanged"),
    [
        (None, False),
        ("*", True),
        (" * ", True),
        ('"v1-ab"', True),
        ('W/"v1-ab"', True),
        ('"x", W/"v1-ab"', True),
        ('"v1-a"', False),
        ("v1-ab", False),
        ("", False),
        ('"v1"', False),
    ],
)
def test_a_caller_that_holds_the_answer_is_known(held: str | None, unchanged: bool) -> None:
    assert is_unchanged(held, '"v1-ab"') is unchanged


@pytest.mark.parametrize(
    ("if_match", "version", "expected"),
    [
        ('"v3-0123456789abcdef"', None, 3),
        ('"v3"', None, 3),
        ('W/"v3-ab"', None, 3),
        ('"theirs", "v3"', None, 3),
        ("*", None, ANY_VERSION),
        (None, 3, 3),
        ('"v3"', 3, 3),
        ("*", 3, 3),
        ('"v0"', None, -1),
    ],
)
def test_an_expected_version_is_read(if_match: str | None, version: int | None, expected: int) -> None:
    assert expected_version(if_match, version) == expected


def test_a_version_has_to_be_said() -> None:
    with pytest.raises(PreconditionRequired, match="send If-Match with the ETag you read, or “version” in the body"):
        expected_version(None)


@pytest.mark.parametrize("if_match", ["", "3", "v3", '"3"', '"v3-xyz"', '"v"', '"v٣"', '"v' + "9" * 11 + '"', "**"])
def test_a_tag_that_is_not_ours_is_refused(if_match: str) -> None:
    with pytest.raises(BadQuery, match="If-Match is not one of our tags"):
        expected_version(if_match)


def test_two_versions_that_differ_are_refused() -> None:
    with pytest.raises(BadQuery, match="name different versions"):
        expected_version('"v3"', 4)


@pytest.mark.parametrize("expected", [ANY_VERSION, 5])
def test_who_holds_the_current_version_passes(expected: int) -> None:
    check_version(expected, 5)


@pytest.mark.parametrize("expected", [4, 6, -1])
def test_who_does_not_is_told_the_current_one(expected: int) -> None:
    """R01."""
    with pytest.raises(PreconditionFailed) as caught:
        check_version(expected, 5)
    assert caught.value.extensions == {"current_version": 5}
    assert str(caught.value) == str(stale(expected, 5))
