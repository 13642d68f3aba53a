"""The OpenAPI document, completed, and a reader for it that needs nothing from elsewhere."""

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from cms.config import Settings
from cms.crud.idempotency import PARAMETER
from cms.crud.policy import ANONYMOUS, Action
from cms.crud.problems import (
    PROBLEM_JSON,
    BadQuery,
    ContentTooLarge,
    FieldErrorDocument,
    OverlapDocument,
    Problem,
    ProblemDocument,
    responses,
)
from cms.crud.registry import Registry

DESCRIPTION = """Published content for everyone, and all of it for those who sign in.

Lists take filters (`field=value`, `field__op=value`, `relation__field=value`), `sort`, `q`, `fields`, `include` and
`cursor`; what a route does not know is refused, with the nearest name. Writes of a record need the version they were
made from, as `If-Match` or as `version` in the body. Errors are `application/problem+json` (RFC 9457)."""

METHODS = ("get", "post", "patch", "put", "delete")


def describe(app: FastAPI, registry: Registry, settings: Settings) -> None:
    """Give the application its complete document, and the page that shows it where the settings want that."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = build_document(app, registry, str(settings.public_url or "/"))
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to change the document
    if settings.shows_docs:
        app.add_route("/docs", _show_docs, methods=["GET"], include_in_schema=False)


def build_document(app: FastAPI, registry: Registry, public_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the application."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        separate_input_output_schemas=False,
        license_info={"name": "MIT", "identifier": "MIT"},
        servers=[{"url": public_url.rstrip("/") or "/"}],
        tags=[{"name": name, "description": text} for name, text in _tags(registry).items()],
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (ProblemDocument, FieldErrorDocument, OverlapDocument):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[schema["title"]] = _renamed(schema)
    for name, schema in schemas.items():
        schema.setdefault("description", f"The form of “{name.removeprefix('Body_')}”.")
    open_to_all = {f"create_{t.singular}" for t in registry if t.policy.can(ANONYMOUS, Action.CREATE)}
    for operations in document["paths"].values():
        for method in METHODS:
            if method in operations:
                is_open = method == "get" or operations[method]["operationId"] in open_to_all
                _complete(operations[method], schemas, is_open=is_open)
                if method == "delete" and "428" in operations[method]["responses"]:
                    _require_version(operations[method])
    _link(document["paths"])
    return document


def _renamed(schema: Any) -> Any:
    """The schema with references to the classes of documents turned into those to their titles."""
    if isinstance(schema, dict):
        return {
            key: value.removesuffix("Document") if key == "$ref" else _renamed(value) for key, value in schema.items()
        }
    return [_renamed(item) for item in schema] if isinstance(schema, list) else schema


def _tags(registry: Registry) -> dict[str, str]:
    types = {t.name: (t.model.__doc__ or t.label).split("\n")[0] for t in registry}
    return {
        "auth": "Accounts: asking for one, signing in and out.",
        **types,
        "changes": "The log of changes: who did what, with old and new values; and undo.",
        "files": "Uploaded files, by their address.",
        "health": "Whether the application lives, and whether it can work.",
    }


def _complete(operation: dict[str, Any], schemas: dict[str, Any], *, is_open: bool) -> None:
    """Say what FastAPI leaves open: what an answer holds, what comes in its headers, who has to sign in."""
    answers = operation["responses"]
    _refuse(operation, answers)
    for status, answer in answers.items():
        if status.startswith(("4", "5")):
            answer["content"] = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        elif answer["description"] == "Successful Response":
            answer["description"] = _description(answer, schemas)
        if headers := _headers(status, answers):
            answer["headers"] = headers
    operation["responses"] = dict(sorted(answers.items()))
    if "security" not in operation:
        operation["security"] = []
    elif is_open and not operation["operationId"].endswith("own_account"):
        operation["security"] = [{}, *operation["security"]]  # the anonymous read what is public


def _refuse(operation: dict[str, Any], answers: dict[str, Any]) -> None:
    """Say what every parameter and every body can meet."""
    if "requestBody" in operation:
        answers.setdefault("413", _problem(ContentTooLarge))
    elif PARAMETER not in operation.get("parameters", ()):  # a key may have been used for another request
        answers.pop("422", None)  # assumed for every parameter; ours answer 400
    answers.setdefault("400", _problem(BadQuery))


def _require_version(operation: dict[str, Any]) -> None:
    """Where there is no body to hold the version, the header has to."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "if-match":
            parameter["required"] = True


def _link(paths: dict[str, Any]) -> None:
    """Say where an answer leads: a list to its first record, a new record to what it is for, a deleted one back."""
    for path, operations in paths.items():
        if (one := paths.get(f"{path}/{{key}}")) is None:
            continue
        start = f"{path}/{{key}}/"
        below = {p.removeprefix(start): item for p, item in paths.items() if p.startswith(start)}
        verbs = {verb: item for verb, item in below.items() if "post" in item and "/" not in verb}
        _lead(operations["get"], "200", "$response.body#/items/0/id", [one["get"]])
        if "post" in operations:
            following = [*one.values(), *(item["post"] for verb, item in verbs.items() if verb != "restore")]
            _lead(operations["post"], "201", "$response.body#/id", following)
        if "restore" in verbs:
            _lead(one["delete"], "204", "$request.path.key", [verbs["restore"]["post"]])


def _lead(operation: dict[str, Any], status: str, key: str, targets: list[dict[str, Any]]) -> None:
    links = operation["responses"][status].setdefault("links", {})
    for target in targets:
        parameters = {"path.key": key}
        if any(p["name"] == "if-match" for p in target["parameters"]):
            parameters["header.if-match"] = "$response.header.ETag"
        name = target["operationId"]
        links[name] = {"operationId": name, "parameters": parameters, "description": f"{target['summary']}."}


def _problem(problem: type[Problem]) -> dict[str, Any]:
    return responses(problem)[int(problem.status)]


def _description(answer: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What a successful answer holds, in the words of its schema."""
    reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    text: str = schemas.get(reference.rpartition("/")[2], {}).get("description", "Done; there is nothing to say.")
    return text


def _headers(status: str, answers: dict[str, Any]) -> dict[str, Any]:
    """The headers that a caller may have to read."""
    is_record = "304" in answers or "412" in answers
    names = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}.get(status, [])
    names += ["ETag"] if (is_record and status in {"200", "304"}) or status == "201" else []
    names += ["Location"] if status == "201" else []
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


_HEADERS = {
    "ETag": "The version that was answered; If-Match and If-None-Match take it.",
    "Location": "The address of the new record.",
    "Retry-After": "In how many seconds to come back.",
    "WWW-Authenticate": "`Bearer`.",
}


async def _show_docs(request: Request) -> HTMLResponse:
    document = request.app.openapi()
    page, policy = _template()
    html = page.render(document=document, methods=METHODS)
    return HTMLResponse(html, headers={"Content-Security-Policy": policy})


@cache
def _template() -> tuple[Any, str]:
    """The page, and a policy that lets in its own style sheet and nothing else."""
    source = files("cms").joinpath("openapi.html").read_text(encoding="utf-8")
    style = source.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source), policy
