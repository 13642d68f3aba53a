"""What attacks share: the routes that there are, answers that can be compared byte by byte, prints of the database."""

import json
import random
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

import pytest
from fastapi import FastAPI

from cms.content import registry
from cms.crud.content_type import ContentType
from cms.crud.models import Base
from cms.crud.policy import Role
from tests.contract.test_permissions import addresses
from tests.documents import Document
from tests.installation import API, Installation

SAME_ID = {"X-Request-ID": "the-same-each-time"}
"""Answers repeat it, so that two of them can be equal to the last byte."""
NOWHERE = "01a205d0-73e4-7308-bf85-5f083ee8aa18"
"""The id of nothing."""
ANY = {"If-Match": "*"}
SOME_OR_ALL = pytest.mark.parametrize(
    "most", [pytest.param(40, id="some"), pytest.param(None, id="all", marks=pytest.mark.long)]
)
"""Where there are thousands of cases: a sample that is the same each time, and all of them in `make test-long`."""

T = TypeVar("T")


def sampled(cases: Iterable[T], most: int | None) -> list[T]:
    """Some of the cases, the same ones each time; all where `most` is None."""
    every = list(cases)
    return every if most is None else random.Random(20).sample(every, min(most, len(every)))  # noqa: S311 - no secret


class Said(NamedTuple):
    """All that an answer tells."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def about(self, name: str, other: str) -> "Said":
        """The same about something else: names that the caller sent are repeated to the caller."""
        headers = tuple((key, value) for key, value in self.headers if key != "content-length")
        as_json = json.dumps(name, ensure_ascii=False)[1:-1]
        return Said(self.status, headers, self.body.replace(as_json, other))


async def ask(site: Installation, path: str, role: Role = Role.ANONYMOUS, method: str = "GET", **options: Any) -> Said:
    """Send a request below `/api/v1`; all of its answer."""
    headers = {**SAME_ID, **options.pop("headers", {})}
    answer = await site.send(method, path, role, headers=headers, **options)
    return Said(answer.status_code, tuple(answer.headers.multi_items()), answer.text)


def document_of(app: FastAPI) -> Document:
    """What the application says of itself."""
    return Document(app.openapi())


def lists(app: FastAPI) -> list[str]:
    """Every list of a content type, from the document, without `/api/v1`."""
    return [path for path in all_lists(app) if path.removeprefix("/") in {t.name for t in registry}]


def all_lists(app: FastAPI) -> list[str]:
    """Every address that answers in pages, those of revisions and of changes too, about a record that is not there."""
    found = []
    for method, path, operation in document_of(app).operations():
        named = {parameter["name"] for parameter in operation.get("parameters", ())}
        if method == "GET" and "limit" in named:
            found.append(path.removeprefix(API).replace("{key}", NOWHERE))
    return found


def gets(app: FastAPI) -> list[str]:
    """Every address that answers GET, those of mounted applications too."""
    return sorted({path for method, path in addresses(app) if method == "GET"})


def json_writes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path, without `/api/v1`, of every operation that takes a body of JSON."""
    for method, path, operation in document_of(app).operations():
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            yield method, path.removeprefix(API)


def hidden_columns(content_type: ContentType[Any]) -> list[str]:
    """The columns of a type that no reader is shown, and that no parameter may lead to."""
    columns = content_type.model.__table__.columns
    shown = {*content_type.read_fields, *(f"{name}_id" for name in content_type.fields)}
    return sorted({name for column in columns for name in (column.name, column.key)} - shown)


def type_of(path: str) -> ContentType[Any]:
    """The content type that an address below `/api/v1` is about."""
    return registry.by_name(path.split("/")[1])


async def fingerprint(site: Installation) -> str:
    """Of every row of every table."""
    rows = {name: await site.rows(name) for name in sorted(Base.metadata.tables)}
    return sha256(repr(rows).encode()).hexdigest()
