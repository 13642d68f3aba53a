"""What stands in front of every screen: the door, the token, the origin, the headers; and which routes there are."""

import re
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from starlette.routing import Mount, Route

from admin.security import POLICY
from cms.content.articles import article
from cms.content.comments import comment
from cms.content.tags import tag
from cms.crud.models import Base
from cms.crud.policy import Role
from cms.outages import DatabaseUnavailable
from tests.admin.browsing import Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation

NOBODY = "00000000-0000-7000-8000-000000000000"
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:81"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
]


OPEN = {"/login", "/logout", "/invitation/{token}"}
"""What those may open who are not signed in."""


async def digest(installation: Installation) -> str:
    """A fingerprint of every row there is."""
    rows = {name: await installation.rows(name) for name in sorted(Base.metadata.tables)}
    return sha256(repr(rows).encode()).hexdigest()


def routes_of(installation: Installation) -> Iterator[tuple[str, str]]:
    """Every method and address of the back office, its parameters filled in."""
    (mount,) = [r for r in installation.app.routes if isinstance(r, Mount) and r.path == "/admin"]
    for route in mount.routes:
        if isinstance(route, Route):
            for method in (route.methods or set()) - {"HEAD"}:
                yield method, route.path.replace("{identity}", "article").replace("{pk}", NOBODY)


async def test_every_page_is_behind_the_door(installation: Installation, visit: Visit) -> None:
    stranger = visit(Role.ANONYMOUS)
    token = await stranger.token()
    routes = [(method, path) for method, path in routes_of(installation) if path not in OPEN]
    assert len(routes) > 10
    for method, path in routes:
        answer = await stranger.call(method, path, data={"csrf_token": token} if method == "POST" else None)
        assert answer.status == 303, path
        assert answer.response.headers["location"].startswith("/admin/login")


async def test_readers_may_not_enter(installation: Installation, visit: Visit) -> None:
    reader = visit(Role.READER)
    assert (await reader.get("/article/list")).status == 303


@pytest.mark.parametrize("headers", FOREIGN)
async def test_d01_a_request_from_elsewhere_changes_nothing(
    installation: Installation, admin: Visitor, headers: dict[str, str]
) -> None:
    made = await installation.make(tag, name="Rope")
    token = await admin.token()
    before = await digest(installation)
    for method, path in routes_of(installation):
        if method != "GET":
            refused = await admin.call(method, path, data={"csrf_token": token}, headers=headers)
            assert refused.status == 403, path
            assert "Nothing was changed" in refused.text
    body = {"csrf_token": token, "name": "Evil", "_version": "1"}
    assert (await admin.call("POST", f"/tag/edit/{made.id}", data=body, headers=headers)).status == 403
    assert await digest(installation) == before


async def test_d01_a_form_without_the_token_of_this_browser_changes_nothing(
    installation: Installation, admin: Visitor, editor: Visitor, visit: Visit
) -> None:
    made = await installation.make(tag, name="Rope")
    tokens = ["", "x", "é", await editor.token(), await visit(Role.ANONYMOUS).token()]
    before = await digest(installation)
    for token in tokens:
        for path in (f"/tag/edit/{made.id}", "/tag/create", "/tag/bulk", "/logout", "/login"):
            data = {"csrf_token": token, "name": "Evil", "_version": "1"}
            assert (await admin.call("POST", path, data=data)).status == 403
    json = await admin.call("POST", f"/tag/edit/{made.id}", json={"name": "Evil"})
    assert json.status == 403
    assert await digest(installation) == before


async def test_d01_the_token_may_come_as_a_header(installation: Installation, admin: Visitor) -> None:
    made = await installation.make(tag, name="Rope")
    data = {"name": "Rope and cloth", "_version": "1"}
    headers = {"X-CSRF-Token": await admin.token(), "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert (await admin.call("POST", f"/tag/edit/{made.id}", data=data, headers=headers)).status == 303


async def test_a_stranger_has_no_file_taken_in(installation: Installation, visit: Visit) -> None:
    """The answer comes before the file was read: of its many pieces the first has not been asked for."""
    asked: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(5):
            asked.append(number)
            yield b"x" * 1000

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    stranger = visit(Role.ANONYMOUS)
    assert (await stranger.call("POST", "/media/create", content=pieces(), headers=headers)).status == 303
    assert asked == []


async def test_d02_reading_changes_nothing(installation: Installation, admin: Visitor) -> None:
    """Follow every link there is, twice; of links that differ in what their parameters say alone, the first."""
    made = await installation.make(article, title="Slow tides", content="Text.")
    await installation.make(comment, article=str(made.id), content="Nice.")
    before = await digest(installation)
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = ["/admin/", "/admin/article/delete", "/admin/logout", f"/admin/article/publish/{made.id}"]
    while waiting:
        path = waiting.pop()
        address = urlsplit(path)
        shape = (address.path, frozenset(name for name, _ in parse_qsl(address.query)))
        if shape in seen or not path.startswith("/admin"):
            continue
        seen.add(shape)
        page = await admin.get(path)
        await admin.get(path)
        assert page.status < 500, path
        waiting += [urljoin(path, link).partition("#")[0] for link in page.links]
    assert len(seen) > 40
    assert await digest(installation) == before


async def test_d02_what_changes_something_is_no_page_to_open(installation: Installation, admin: Visitor) -> None:
    changing = {path for method, path in routes_of(installation) if method == "POST"}
    opened = {path for method, path in routes_of(installation) if method == "GET"}
    for path in changing - opened:
        page = await admin.get(path)
        assert page.status == 405, path
        assert "no page to open" in page.text


async def test_d03_nobody_is_signed_out_by_a_picture(installation: Installation, admin: Visitor) -> None:
    assert (await admin.get("/logout")).status == 405
    assert (await admin.get("/")).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/article/export/csv"),
        ("GET", "/article/export/json"),
        ("POST", "/article/import"),
        ("GET", "/article/ajax/lookup?name=category&term=a"),
        ("DELETE", f"/article/delete?pks={NOBODY}"),
        ("GET", f"/article/{NOBODY}/content/download/"),
        ("GET", f"/article/{NOBODY}/content/preview/"),
        ("GET", "/article/action/publish?pks=1"),
        ("GET", "/static/css/tabler.min.css"),
    ],
)
async def test_b13_stock_routes_are_closed(installation: Installation, admin: Visitor, method: str, path: str) -> None:
    headers = {"X-CSRF-Token": await admin.token()}
    assert (await admin.call(method, path, headers=headers)).status in {404, 405}


def registered(installation: Installation) -> set[str]:
    return {content_type.singular for content_type in installation.registry}


@pytest.mark.parametrize("role", [Role.AUTHOR, Role.EDITOR, Role.ADMIN])
async def test_b13_roles_decide_the_menu_and_each_screen(installation: Installation, visit: Visit, role: Role) -> None:
    visitor = visit(role)
    theirs = {
        Role.AUTHOR: {"article", "media"},
        Role.EDITOR: {t.singular for t in installation.registry} - {"user", "site"},
        Role.ADMIN: {t.singular for t in installation.registry},
    }[role]
    links = set((await visitor.get("/search")).links)
    moved = {"media": "/admin/media-library", "comment": "/admin/moderation"}
    menu = {name for name in registered(installation) if {moved.get(name), f"/admin/{name}/list"} & links}
    assert menu == theirs
    for content_type in installation.registry:
        identity = content_type.singular
        allowed = identity in theirs
        for path in (
            f"/{identity}/list",
            f"/{identity}/create",
            f"/{identity}/edit/{NOBODY}",
            f"/{identity}/details/{NOBODY}",
        ):
            assert ((await visitor.get(path)).status != 403) is (allowed and path != "/site/create"), path
        for path in (f"/{identity}/create", f"/{identity}/edit/{NOBODY}", f"/{identity}/bulk"):
            status = (await visitor.post(path)).status
            assert allowed or status == 403, path
        lookup = await visitor.get(f"/{identity}/lookup?field=author&term=a")
        assert (lookup.status == 403) is not allowed


@pytest.mark.parametrize(
    "path", ["/login", "/", "/article/list", "/article/create", "/nothing", "/logout", "/user/list"]
)
async def test_d06_d17_every_page_has_strict_headers(installation: Installation, editor: Visitor, path: str) -> None:
    headers = (await editor.get(path)).response.headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


async def test_d06_pages_hold_no_script_and_no_style_of_their_own(installation: Installation, admin: Visitor) -> None:
    made = await installation.make(article, title="Slow tides")
    for path in ("/login", "/", "/article/list", "/article/create", f"/article/edit/{made.id}", "/media/create", "/x"):
        html = (await admin.get(path)).html
        assert "<style" not in html
        assert " style=" not in html
        assert "onclick" not in html
        assert html.count("<script") == len(re.findall('<script (?:type="module" )?src="/admin/static/', html))
        assert "http://" not in html.replace("http://www.w3.org", "")
        assert "https://" not in html


async def test_static_files_are_kept_by_browsers_and_change_their_address(
    installation: Installation, visit: Visit
) -> None:
    stranger = visit(Role.ANONYMOUS)
    html = (await stranger.get("/login")).html
    path = html.partition('stylesheet" href="')[2].partition('"')[0]
    first = await stranger.get(path)
    assert first.status == 200
    assert "v=" in path
    assert "immutable" in first.response.headers["cache-control"]
    again = await stranger.get(path, headers={"If-None-Match": first.response.headers["etag"]})
    assert again.status == 304
    assert "immutable" in again.response.headers["cache-control"]
    for outside in ("/static/../shell.py", "/static/%2e%2e/shell.py", "/static/..%2fshell.py"):
        assert (await stranger.get(outside)).status == 404


@pytest.mark.parametrize("name", ["error", "message", "notice", "next", "q", "status", "sort", "page", "Call 555-0100"])
async def test_d08_a_text_in_the_address_is_not_shown(installation: Installation, admin: Visitor, name: str) -> None:
    for path in ("/article/list", "/login", "/", "/article/create", "/nothing"):
        page = await admin.get(path, params={name: "Call 555-0100"})
        assert "555-0100" not in page.text, path


async def test_a_page_that_fails_says_nothing_of_itself(
    installation: Installation, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("SELECT secret FROM users")

    monkeypatch.setattr("admin.listing.list_records", fail)
    page = await admin.get("/article/list", headers={"X-Request-ID": "a-request-of-mine"})
    assert page.status == 500
    assert "secret" not in page.html
    assert "RuntimeError" not in page.html
    assert "a-request-of-mine" in page.text
    assert page.response.headers["content-security-policy"] == POLICY


async def test_a_database_that_does_not_answer_is_said_in_words(
    installation: Installation, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await installation.make(tag, name="Rope")
    form = (await admin.get(f"/tag/edit/{made.id}")).edit

    def locked() -> Any:
        raise DatabaseUnavailable("The database is busy with another change.")

    monkeypatch.setattr(installation.app.state.database, "session", locked)
    refused = await admin.send(form, name="Rope and cloth")
    assert refused.status == 503
    assert refused.edit.fields["name"] == ["Rope and cloth"], "what was typed stays"


async def test_the_address_without_a_slash_leads_in(installation: Installation, admin: Visitor) -> None:
    page = await admin.get("/admin")
    assert page.status == 307
    assert page.response.headers["location"] == "/admin/"
