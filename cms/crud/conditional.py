"""Conditional requests (RFC 9110, section 13; RFC 6585): entity tags tied to the version of the record."""

import hashlib
import re

from cms.crud.problems import BadQuery, PreconditionFailed, PreconditionRequired

TAG_PATTERN = r'^(?:\*|(?:W/)?"v[0-9]{1,10}(?:-[0-9a-f]+)?")$'
"""What `If-Match` takes, for the document; a list of such tags can be read too."""

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_VERSION_TAG = re.compile(r"v(\d{1,10})(?:-[0-9a-f]+)?\Z", re.ASCII)

ANY_VERSION = 0
"""What `If-Match: *` expects: that the record exists, whatever its version."""


def entity_tag(version: int, body: bytes) -> str:
    """The strong entity tag of an answer: the record's version, and a hash of these very bytes."""
    return f'"v{version}-{hashlib.blake2b(body, digest_size=8).hexdigest()}"'


def is_unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller already holds this answer, so that a 304 will do."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag.strip('"') in _TAG.findall(if_none_match)


def expected_version(if_match: str | None, version: int | None = None) -> int:
    """The version that a writer made its change from.

    :param if_match: the header: an entity tag of ours, `"v<version>"`, or `*`.
    :param version: the `version` of the body.
    :returns: the version; `ANY_VERSION` for `*`.
    :raises PreconditionRequired: if neither is given.
    :raises BadQuery: if the header is no tag of ours, or contradicts the body.
    """
    if if_match is None:
        if version is None:
            raise PreconditionRequired(
                "Say which version you changed: send If-Match with the ETag you read, or “version” in the body."
            )
        return version
    named = _version_of(if_match)
    if version is not None and named not in (ANY_VERSION, version):
        raise BadQuery("If-Match and the “version” of the body name different versions; send one of them.")
    return version if version is not None else named


def check_version(expected: int, current: int) -> None:
    """Let a writer pass that holds the current version.

    :raises PreconditionFailed: with `current_version`, otherwise.
    """
    if expected not in (ANY_VERSION, current):
        raise stale(expected, current)


def stale(expected: int, current: int) -> PreconditionFailed:
    """What to tell a writer whose version is not the current one."""
    return PreconditionFailed(
        f"This was changed meanwhile: you have version {expected}, the current one is {current}. "
        "Nothing was saved; read it again and apply your change to that.",
        current_version=current,
    )


def _version_of(if_match: str) -> int:
    if if_match.strip() == "*":
        return ANY_VERSION
    for tag in _TAG.findall(if_match):
        if match := _VERSION_TAG.match(tag):
            return int(match.group(1)) or -1
    raise BadQuery('If-Match is not one of our tags; send the ETag you read, "v<version>" or *.')
