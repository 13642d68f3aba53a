"""Failures in every layer, in production: they tell nothing but a constant sentence and the id of the request."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import AnyHttpUrl

from cms import __version__
from cms.crud.policy import Role
from cms.main import create_app
from tests.installation import Installation, installed, settings_for
from tests.samples import picture
from tests.security.attacks import ANY, NOWHERE
from tests.security.serving import served

AS_JSON = {"Content-Type": "application/json"}
CONFESSION = "SELECT hashed_password FROM users at /srv/cms/secret.py line 7"
TELLING = (
    "SELECT ", "INSERT ", "hashed_password", "/srv/", "/work/", "Traceback", "Error(", "RuntimeError", "sqlalchemy",
    "asyncpg", "sqlite", "fastapi", "starlette", "uvicorn", "python", "site-packages", ".py", __version__,
)  # fmt: skip


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The application as it is served in production, put together once."""
    folder = tmp_path_factory.mktemp("production")
    changes = {"environment": "production", "docs": None, "public_url": AnyHttpUrl("https://cms.example")}
    return create_app(settings_for(f"sqlite+aiosqlite:///{folder}/unused.db", folder).model_copy(update=changes))


@pytest.fixture
async def production(application: FastAPI, migrated_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """That application over a database of the test's own; its people are signed in."""
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with (
        installed(application, settings_for(migrated_url, tmp_path)) as site,
        httpx.AsyncClient(transport=transport, base_url="https://cms.example") as client,
    ):
        yield Installation(application, client, site.people)


def fail(*args: Any, **options: Any) -> Any:
    raise RuntimeError(CONFESSION)


async def fail_later(*args: Any, **options: Any) -> Any:
    raise RuntimeError(CONFESSION)


LAYERS: dict[str, Callable[[FastAPI, pytest.MonkeyPatch], None]] = {
    "who is asking": lambda _, patch: patch.setattr("cms.auth.dependencies.actor_of_bearer", fail),
    "the read plan": lambda _, patch: patch.setattr("cms.crud.plan.Reader.page", fail),
    "the service": lambda _, patch: patch.setattr("cms.crud.service.Service.create", fail_later),
    "the recorder": lambda _, patch: patch.setattr("cms.crud.service.Service.save", fail_later),
    "the rendering": lambda _, patch: patch.setattr("cms.content.writing.WritingService._render", fail_later),
    "the session": lambda app, patch: patch.setattr(app.state.database, "sessions", fail),
    "a statement": lambda _, patch: patch.setattr("sqlalchemy.engine.default.DefaultDialect.do_execute", fail),
    "the limits": lambda app, patch: patch.setattr(app.state.throttle, "check", fail_later),
    "the storage": lambda _, patch: patch.setattr("cms.media.router.store_upload", fail_later),
    "a screen": lambda _, patch: patch.setattr("admin.listing.list_records", fail),
    "the dashboard": lambda _, patch: patch.setattr("admin.pages.dashboard.read_board", fail),
    "a template": lambda _, patch: patch.setattr("jinja2.Template.render_async", fail_later),
}
"""Where something fails, and how to make it."""


async def requests(site: Installation) -> list[httpx.Response]:
    """One of each kind, so that each layer is passed by some."""
    send = site.send
    cookie = {"Cookie": f"__Host-masthead={site.people[Role.ADMIN].cookie}"}
    login = {"username": "nobody@example.org", "password": "velvet gravel teapot"}
    return [
        await send("GET", "/articles"),
        await send("GET", "/users/me", Role.EDITOR),
        await send("POST", "/articles", Role.EDITOR, json={"title": "Tide", "content": "*Water*"}),
        await send("POST", "/auth/login", data=login),
        await send("POST", "/media", Role.EDITOR, files={"file": ("p.png", picture())}),
        await site.client.get("/admin/", headers=cookie),
        await site.client.get("/admin/article/list", headers=cookie),
        await site.client.get("/readyz"),
    ]


def assert_clean(answer: httpx.Response) -> None:
    """Check that an answer tells nothing of what is behind it."""
    told = f"{answer.text}\n{[f'{k}: {v}' for k, v in answer.headers.items()]}"
    assert answer.is_success or [word for word in TELLING if word in told] == [], told
    assert CONFESSION not in told
    assert not {"server", "x-powered-by"} & set(answer.headers)
    assert re.fullmatch(r"[\w-]{8,64}", answer.headers["x-request-id"])


@pytest.mark.parametrize("layer", LAYERS)
async def test_h13_a_failure_in_any_layer_tells_nothing(
    production: Installation, monkeypatch: pytest.MonkeyPatch, layer: str
) -> None:
    """H13: no trace, SQL, path, version or `server`; a request id; and the body of a 500 is constant."""
    LAYERS[layer](production.app, monkeypatch)
    answers = await requests(production)
    for answer in answers:
        assert_clean(answer)
    failed = [answer for answer in answers if answer.status_code == 500]
    assert failed, "the layer is passed by none of the requests"
    bodies = {answer.text.replace(answer.headers["x-request-id"], "") for answer in failed}
    assert {body for body in bodies if body.startswith("{")} <= {
        '{"type":"about:blank","title":"Internal Server Error","status":500,'
        '"detail":"Something went wrong on our side. Nothing was changed.","request_id":""}'
    }


async def test_h13_refusals_tell_nothing_either(production: Installation) -> None:
    """H13: of routes, methods, queries, bodies, tokens, rights, versions and files that are wrong."""
    send = production.send
    made = (await send("POST", "/tags", Role.EDITOR, json={"name": "Rope"})).json()
    path, client = f"/tags/{made['id']}", production.client
    refused = [
        (404, await client.get("/nothing")), (405, await client.delete("/healthz")), (404, await client.get("/docs")),
        (404, await client.get("/openapi.json")), (400, await send("GET", "/articles?sort=x")),
        (422, await send("POST", "/tags", Role.EDITOR, json={"nmae": 1})), (401, await send("GET", "/users/me")),
        (401, await send("GET", "/tags", headers={"Authorization": "Bearer x"})),
        (403, await send("GET", "/users", Role.READER)),
        (404, await send("GET", f"/tags/{NOWHERE}")), (428, await send("DELETE", path, Role.EDITOR)),
        (412, await send("DELETE", path, Role.EDITOR, headers={"If-Match": '"v7"'})),
        (409, await send("POST", "/tags", Role.EDITOR, json={"name": "Rope", "slug": "rope"})),
        (415, await send("POST", "/tags", Role.EDITOR, content=b"x", headers={"Content-Type": "text/plain"})),
        (415, await send("POST", "/media", Role.EDITOR, files={"file": ("x.png", b"<html>")})),
        (413, await send("POST", "/tags", Role.EDITOR, content=b" " * 3_000_000, headers=AS_JSON)),
        (404, await client.get("/media/00/00/none.png")), (404, await client.get("/admin/static/none.css")),
        (400, await client.get("/", headers={"Host": "evil.example"})),
        (404, await send("PATCH", f"/articles/{NOWHERE}", Role.EDITOR, headers=ANY, json={})),
    ]  # fmt: skip
    for status, answer in refused:
        assert answer.status_code == status, answer.text
        assert_clean(answer)


async def test_h13_the_server_itself_does_not_introduce_itself(
    installation: Installation, migrated_url: str, tmp_path: Path
) -> None:
    """H13: as `cms serve` runs it, for what reaches the application and for what does not."""
    async with served(migrated_url, tmp_path, installation.people) as site:
        wire = site.wire()
        for request in (site.request("GET", "/healthz"), site.request("GET", "/nothing"), b"GET / HTTP/1.1\r\n\r\n"):
            answer = await wire.send(request)
            assert b"\r\nserver:" not in answer.headers
            assert b"uvicorn" not in answer.headers + answer.body
        wire.close()
