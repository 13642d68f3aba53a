"""The document: everything typed, every answer described, names that typed clients can rely on."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cms.crud.query import detail_parameters, list_parameters
from cms.crud.schemas import page_schema, read_schema, view_schema
from tests.crud.conftest import Make, Sky
from tests.toys import EDITOR, create_toy_app, mission, planet, registry

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = create_toy_app().openapi()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((method, path, item[method]) for method in METHODS & set(item))


def test_operations_have_stable_names(document: dict[str, Any]) -> None:
    named = {op["operationId"]: f"{method} {path}" for method, path, op in operations(document)}
    writable = {"planet", "star", "mission", "moon", "region", "probe", "explorer"}
    assert len(named) == len(list(operations(document)))
    assert set(named) == {
        *(f"list_{t.name}" for t in registry),
        *(f"get_{t.singular}" for t in registry),
        *(f"{verb}_{name}" for verb in ("create", "update", "replace", "delete") for name in writable),
    }
    assert named["list_planets"] == "get /api/v1/planets"
    assert named["update_planet"] == "patch /api/v1/planets/{key}"
    assert named["replace_planet"] == "put /api/v1/planets/{key}"
    assert named["get_space_station"] == "get /api/v1/stations/{key}"


def test_every_parameter_is_typed_and_described(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["name"].startswith("x-"):
                continue  # the toy application's own way to sign in
            kind = parameter["schema"]
            where = (method, path, parameter["name"])
            assert kind.get("type") or kind.get("anyOf"), where
            assert parameter["description"].endswith("."), where
            if kind.get("type") == "array":
                assert kind["items"]["type"], where
                assert (parameter["style"], parameter["explode"]) == ("form", False), where


def test_the_document_knows_the_parameters_that_are_read(document: dict[str, Any]) -> None:
    for content_type in registry:
        for path, table in (
            (f"/api/v1/{content_type.name}", list_parameters(content_type, registry)),
            (f"/api/v1/{content_type.name}/{{key}}", detail_parameters(content_type)),
        ):
            shown = [p["name"] for p in document["paths"][path]["get"]["parameters"] if p["in"] == "query"]
            assert shown == list(table)


def test_allow_lists_are_enumerations(document: dict[str, Any]) -> None:
    shown = {p["name"]: p["schema"] for p in document["paths"]["/api/v1/planets"]["get"]["parameters"]}
    assert shown["fields"]["items"]["enum"] == list(planet.read_fields)
    assert shown["include"]["items"]["enum"] == ["moons", "missions"]
    assert shown["sort"]["items"]["enum"][:2] == ["name", "slug"]
    assert "-discovered_at" in shown["sort"]["items"]["enum"]
    assert shown["kind"]["enum"] == ["rocky", "gas", "ice"]
    assert shown["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 100}
    assert shown["discovered_at__gte"] == {"type": "string", "format": "date-time"}
    text = {"type": "string", "maxLength": 2000, "pattern": r"^[^\x00]*$"}
    assert shown["star__in"] == {"type": "array", "items": text, "maxItems": 100}


def test_every_answer_is_described(document: dict[str, Any]) -> None:
    expected = {
        "get": {"200", "400", "401", "403", "503"},
        "post": {"201", "400", "401", "403", "409", "415", "422", "429", "503"},
        "patch": {"200", "400", "401", "403", "404", "409", "412", "415", "422", "428", "429", "503"},
    }
    expected["put"] = expected["patch"]
    expected["delete"] = expected["patch"] - {"200"} | {"204"}
    for method, path, operation in operations(document):
        answers = expected[method] | ({"404", "304"} if method == "get" and path.endswith("{key}") else set())
        assert answers <= set(operation["responses"]), (method, path)
        for status, answer in operation["responses"].items():
            if status >= "400" and (method, status) != (
                "get",
                "422",
            ):  # FastAPI's own guess, which the application removes
                problem = answer["content"]["application/problem+json"]["schema"]
                assert problem == {"$ref": "#/components/schemas/Problem"}, (method, path, status)
                assert answer["description"]


def test_every_body_and_answer_has_a_schema_of_its_own(document: dict[str, Any]) -> None:
    def schema_of(method: str, path: str, status: str) -> Any:
        return document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]

    def body_of(method: str, path: str) -> Any:
        return document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]

    one, many = "/api/v1/planets/{key}", "/api/v1/planets"
    assert schema_of("get", many, "200") == {"$ref": "#/components/schemas/PlanetPage"}
    assert schema_of("get", one, "200") == {"$ref": "#/components/schemas/PlanetView"}
    assert schema_of("post", many, "201") == {"$ref": "#/components/schemas/PlanetRead"}
    assert body_of("post", many) == {"$ref": "#/components/schemas/PlanetCreate"}
    assert body_of("put", one) == {"$ref": "#/components/schemas/PlanetReplace"}
    assert body_of("patch", one) == {"$ref": "#/components/schemas/PlanetUpdate"}
    assert "content" not in document["paths"][one]["delete"]["responses"]["204"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """The schema of problems is added once, by the application."""
    led = set(re.findall(r"#/components/schemas/([^'\"]+)", str(document)))
    assert led - set(document["components"]["schemas"]) == {"Problem"}


def test_no_secret_stands_in_the_document(document: dict[str, Any]) -> None:
    """A01, A08: not even its name."""
    for secret in ("launch_code", "search_text", "owner_id"):
        assert secret not in str(document)
    answers = {
        n: s for n, s in document["components"]["schemas"].items() if not n.endswith(("Create", "Update", "Replace"))
    }
    assert "codename" not in str(answers)
    assert "pin" not in document["components"]["schemas"]["ExplorerRead"]["properties"]


async def test_answers_are_what_the_document_says(
    client: httpx.AsyncClient, app: FastAPI, sky: Sky, make: Make
) -> None:
    """Handlers answer finished bytes: this is what holds them and the document together."""
    await make(mission, name="Voyager")
    body = {
        "name": "Mars", "star": "sun", "missions": ["voyager"], "orbit": {"distance": 1}, "mass": 1.5, "rings": 2,
        "discovered_at": "2026-01-01T00:00:00Z", "summary": "Red.", "homepage": "/mars",
    }  # fmt: skip
    written = await client.post("/planets", json=body, headers=EDITOR)
    await sky.moon("Phobos", written.json()["id"])
    whole = read_schema(planet, registry).model_validate_json(written.content, strict=True)
    assert set(written.json()) == set(type(whole).model_fields)
    params = {"include": "moons,missions"}
    read = await client.get("/planets/mars", params=params)
    view_schema(planet, registry).model_validate_json(read.content, strict=True)
    listed = await client.get("/planets", params=params)
    page_schema(planet, registry).model_validate_json(listed.content, strict=True)
    assert set(listed.json()["items"][0]) == {*planet.short_fields, "moons"}
