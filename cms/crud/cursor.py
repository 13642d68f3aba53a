"""Keyset cursors: opaque, signed, for any allowed sort, in both directions.

A cursor holds the sort values of the record at a page's edge. It is signed, so that nobody can ask by it what the
parameters would not allow, and bound to the content type and the order it was made for.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cms.crud.problems import BadQuery, FieldError

Sort = tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts.

    :param sort: the order that the values belong to.
    :param values: the edge record's values of the sort fields, and its id last; as JSON values.
    :param backwards: whether the page lies before the edge.
    """

    sort: Sort
    values: tuple[Any, ...]
    backwards: bool


class Cursors:
    """Makes and reads cursors.

    :param secret: the key of the signature.
    """

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"cursor:" + secret.encode()).digest()

    def encode(self, name: str, sort: Sort, values: Sequence[Any], *, backwards: bool) -> str:
        """The cursor of an edge of a page of the content type `name`."""
        payload = orjson.dumps([sort, values, int(backwards)], default=str, option=orjson.OPT_UTC_Z)
        return urlsafe_b64encode(self._sign(name, payload) + payload).decode().rstrip("=")

    def decode(self, name: str, text: str) -> Position:
        """The position that a cursor holds.

        :raises BadQuery: for anything that `encode` did not make for this content type.
        """
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            raw = b""
        signature, payload = raw[:16], raw[16:]
        if not hmac.compare_digest(signature, self._sign(name, payload)):
            error = FieldError("This cursor is not one of ours; start again without it.", parameter="cursor")
            raise BadQuery(error.detail, errors=[error])
        sort, values, backwards = orjson.loads(payload)
        return Position(tuple((field, bool(desc)) for field, desc in sort), tuple(values), bool(backwards))

    def _sign(self, name: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, name.encode() + b"\x00" + payload, "sha256")[:16]
