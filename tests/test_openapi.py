"""The OpenAPI document: complete, stable, true to itself, and the same as the snapshot that reviewers see."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from cms.config import Settings
from cms.content import registry
from cms.crud.conditional import TAG_PATTERN, expected_version
from cms.crud.problems import BadQuery
from cms.crud.values import TEXT_PATTERN
from cms.editorial.behaviours import Publishable, Reviewable, Trashable
from cms.main import create_app
from tests.documents import Document

SNAPSHOT = Path(__file__).parent / "openapi.json"
REFRESH = "The API has changed. If that is meant, refresh the snapshot: cms openapi > tests/openapi.json"
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.fixture(scope="module")
def document(assembled: FastAPI) -> Document:
    """The document as it is served."""
    return Document(assembled.openapi())


def properties(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property anywhere in a schema, with its place."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from ((f"{where}/{name}", member) for name, member in schema["properties"].items())
        for name, part in schema.items():
            yield from properties(part, f"{where}/{name}")
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part, where)


def test_it_is_the_snapshot(document: Document) -> None:
    known = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert document.content == known, REFRESH


def test_it_does_not_depend_on_the_process_that_makes_it(document: Document, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/other.db"
    again = create_app(Settings(database_url=url, media_url=str(tmp_path), log_directory=None, docs=True)).openapi()
    assert json.dumps(again) == json.dumps(document.content)


def test_it_says_what_it_is(document: Document) -> None:
    assert document.content["openapi"].startswith("3.1")
    assert document.content["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    described = {tag["name"]: tag["description"] for tag in document.content["tags"]}
    used = {tag for *_, operation in document.operations() for tag in operation["tags"]}
    assert used == described.keys()
    assert all(text.endswith(".") for text in described.values())


def test_operations_have_stable_names(document: Document) -> None:
    names = [operation["operationId"] for *_, operation in document.operations()]
    assert [name for name, times in Counter(names).items() if times > 1] == []
    expected = {"register", "login", "logout", "get_own_account", "update_own_account"}
    expected |= {
        "replace_media_file",
        "get_current_file",
        "get_file",
        "get_health",
        "get_readiness",
        "get_site",
        "update_site",
        "list_site_revisions",
        "get_site_revision",
        "diff_site",
        "restore_site_revision",
        "list_changes",
        "undo_change",
    }
    for content_type in registry:
        if content_type.name == "site":
            continue
        verbs = ["get", "create", "update", "replace", "delete", "diff"]
        expected |= {f"{verb}_{content_type.singular}_revision" for verb in ("get", "restore")}
        expected.add(f"list_{content_type.singular}_revisions")
        verbs += ["publish", "unpublish"] if issubclass(content_type.model, Publishable) else []
        verbs += ["submit", "approve", "return"] if issubclass(content_type.model, Reviewable) else []
        verbs += ["restore"] if issubclass(content_type.model, Trashable) else []
        if issubclass(content_type.model, Publishable):
            expected |= {f"cancel_{content_type.singular}_schedule", f"discard_{content_type.singular}_draft"}
        expected |= {
            f"list_{content_type.name}",
            f"bulk_{content_type.name}",
            *(f"{verb}_{content_type.singular}" for verb in verbs),
        }
    assert set(names) == expected


def test_everything_is_described(document: Document) -> None:
    bare = []
    for method, path, operation in document.operations():
        where = f"{method} {path}"
        bare += [] if operation.get("summary") else [where]
        bare += [f"{where} {p['name']}" for p in operation.get("parameters", []) if not p.get("description")]
        answers = operation["responses"].items()
        bare += [
            f"{where} {s}" for s, a in answers if a.get("description", "Successful Response") == "Successful Response"
        ]
    for name, schema in document.schemas.items():
        bare += [] if schema.get("description") else [name]
    for where, member in properties(document.schemas, ""):
        bare += [] if member.get("description") or "$ref" in member else [where]
    assert bare == []


def test_every_parameter_and_answer_is_typed(document: Document) -> None:
    untyped = []
    for method, path, operation in document.operations():
        where = f"{method} {path}"
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            untyped += [] if {"type", "anyOf", "$ref"} & schema.keys() else [f"{where} {parameter['name']}"]
        for status, answer in operation["responses"].items():
            has_body = status not in {"204", "304"}
            untyped += [] if bool(answer.get("content")) is has_body else [f"{where} {status}"]
    for where, member in properties(document.schemas, ""):
        untyped += [] if {"type", "anyOf", "$ref", "enum", "const"} & member.keys() else [where]
    assert untyped == []


def test_every_error_is_a_problem(document: Document) -> None:
    for method, path, operation in document.operations():
        errors = {s: a for s, a in operation["responses"].items() if s.startswith(("4", "5"))}
        assert "400" in errors, (method, path)
        for status, answer in errors.items():
            assert answer["content"] == PROBLEM, (method, path, status)
        if path.startswith("/api/v1"):
            assert "503" in errors, (method, path)
    assert not {"HTTPValidationError", "ValidationError"} & document.schemas.keys()


def test_one_schema_has_one_name(document: Document) -> None:
    assert [name for name in document.schemas if re.search(r"-(Input|Output)$|__", name)] == []
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document.content)))
    assert named == document.schemas.keys()


def test_writes_ask_who_is_there(document: Document) -> None:
    schemes = document.content["components"]["securitySchemes"]
    assert schemes
    for method, path, operation in document.operations():
        security = operation["security"]
        assert {name for choice in security for name in choice} <= schemes.keys()
        is_open = path.endswith(("/register", "/login"))
        is_write = method != "GET" and not is_open
        assert not is_write or security, (method, path)
        assert not is_write or {} not in security or path == "/api/v1/comments", (method, path)
        assert is_write or is_open or {} in security or security == [] or path == "/api/v1/users/me", (method, path)


def test_bodies_that_are_written_take_no_unknown_key(document: Document) -> None:
    """H17."""
    for method, path, operation in document.operations():
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            if kind != "application/json":
                continue
            options = media["schema"].get("anyOf", [media["schema"]])
            for option in options:
                schema = document.resolved(option)
                assert schema.get("type") == "null" or schema["additionalProperties"] is False, (method, path)


def test_examples_are_what_they_are_examples_of(document: Document) -> None:
    faults = []
    for where, member in properties(document.schemas, ""):
        for example in member.get("examples", []):
            faults += [f"{where}: {fault}" for fault in document.faults(example, member)]
    for method, path, operation in document.operations():
        for parameter in operation.get("parameters", []):
            if "example" in parameter:
                faults += [f"{method} {path} {f}" for f in document.faults(parameter["example"], parameter["schema"])]
            for example in parameter["schema"].get("examples", []):
                faults += [f"{method} {path} {f}" for f in document.faults(example, parameter["schema"])]
    assert faults == []


def test_headers_are_texts(document: Document) -> None:
    """A header can't be null: a client that believed it could would send the word."""
    for method, path, operation in document.operations():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "header":
                assert parameter["schema"]["type"] == "string", (method, path, parameter["name"])


def test_a_deletion_asks_for_the_version_in_its_header(document: Document) -> None:
    """It has no body that could hold it."""
    for method, path, operation in document.operations():
        required = [p["name"] for p in operation.get("parameters", []) if p["in"] == "header" and p["required"]]
        assert required == (["if-match"] if method == "DELETE" else []), (method, path)


@pytest.mark.parametrize("header", ["*", '"v3"', 'W/"v3"', '"v12-00ff00ff00ff00ff"'])
def test_the_pattern_of_if_match_is_what_is_read(header: str) -> None:
    assert re.search(TAG_PATTERN, header)
    expected_version(header)


@pytest.mark.parametrize("header", ["", "null", "v3", '"3"', '"v3', '"v12345678901"', '"v3-xyz"'])
def test_what_the_pattern_of_if_match_leaves_out_is_refused(header: str) -> None:
    assert not re.search(TAG_PATTERN, header)
    with pytest.raises(BadQuery):
        expected_version(header)


def test_patterns_can_be_read_by_browsers(document: Document) -> None:
    """JavaScript's `u` flag allows no needless escapes: `\"` made the pattern of e-mail addresses unreadable."""
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(document.content)))
    assert patterns
    for pattern in map(json.loads, patterns):
        assert set(re.findall(r"\\(.)", pattern)) <= set("dDwWsSbBxunrtfv^$.*+?()[]{}|/\\"), pattern


def test_texts_in_queries_are_without_nul(document: Document) -> None:
    """As the reader has it; in bodies it is told by the answer."""
    for method, path, operation in document.operations():
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"].get("items", parameter["schema"])
            is_free = schema["type"] == "string" and not {"enum", "format"} & schema.keys()
            if parameter["in"] == "query" and is_free and parameter["name"] != "cursor":
                assert schema["pattern"] == TEXT_PATTERN, (method, path, parameter["name"])


def test_links_lead_from_answers_to_operations(document: Document) -> None:
    """A list leads to its first record, a new record to all that can be done with it, a trashed one back."""
    named = {operation["operationId"]: operation for *_, operation in document.operations()}
    linked = {
        name: set(links)
        for name, operation in named.items()
        for answer in operation["responses"].values()
        if (links := answer.get("links"))
    }
    assert linked["list_articles"] == {"get_article"}
    changes = {"get_article", "update_article", "replace_article", "delete_article"}
    assert linked["create_article"] == changes | {
        f"{verb}_article" for verb in ("publish", "unpublish", "submit", "approve", "return")
    }
    assert linked["delete_article"] == {"restore_article"}
    assert {f"list_{t.name}" for t in registry if t.name != "site"} <= linked.keys()
    for operation in named.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                target = named[link["operationId"]]
                known = {f"{p['in']}.{p['name']}" for p in target["parameters"]}
                assert link["parameters"].keys() <= known


def test_the_check_of_examples_would_find_a_wrong_one(document: Document) -> None:
    tag = {"$ref": "#/components/schemas/TagReference"}
    right = {"id": "01a205d0-73e4-7308-bf85-5f083ee8aa18", "name": "Rope", "slug": "rope"}
    assert document.faults(right, tag) == []
    faulty: list[Any] = [{**right, "id": "x"}, {**right, "more": 1}, {"id": right["id"]}, {**right, "name": None}, []]
    assert [] not in [document.faults(value, tag) for value in faulty]


def test_production_keeps_it_to_itself(tmp_path: Path) -> None:
    """H15: unless it is switched on."""
    options = {"public_url": "https://example.org", "secret_key": "s3cr3t-of-more-than-thirty-two-characters"}
    closed = Settings.model_validate({"environment": "production", "log_directory": None, **options})
    assert not closed.shows_docs
    paths = [getattr(route, "path", None) for route in create_app(closed).routes]
    assert "/openapi.json" not in paths
    assert "/docs" not in paths
