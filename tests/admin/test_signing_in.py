"""Signing in and out: sessions of the server, behind cookies that nobody else can set or read."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import AnyHttpUrl

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.sessions import UserSession
from cms.auth.users import User
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.main import create_app
from tests.admin.browsing import Page, Visitor
from tests.admin.conftest import Visit
from tests.installation import Installation, settings_for

PASSWORD = "plum kettle orbit 41"  # noqa: S105 - of a test


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 at a thousandth of its cost."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))


@pytest.fixture(autouse=True)
async def with_password(installation: Installation, cheap_hashes: None) -> None:
    """Everybody has a password that can be typed."""
    kept = await passwords.hash_password(PASSWORD)
    async with installation.database.session() as session:
        for person in installation.people.values():
            account = await session.get(User, person.actor.id)
            assert account is not None
            account.password = kept


async def sign_in(visitor: Visitor, email: str, password: str = PASSWORD, **fields: str) -> Page:
    page = await visitor.get("/login")
    return await visitor.send(page.forms[0], email=email, password=password, **fields)


async def test_whoever_works_here_signs_in(installation: Installation, visit: Visit) -> None:
    for role in (Role.AUTHOR, Role.EDITOR, Role.ADMIN):
        visitor = visit(Role.ANONYMOUS)
        page = await sign_in(visitor, f"  {role.value.upper()}@example.org ")
        assert page.status == 303
        assert page.response.headers["location"] == "/admin/"
        assert role.value.capitalize() in (await visitor.get("/")).text


async def test_readers_are_told_why_not(installation: Installation, visit: Visit) -> None:
    page = await sign_in(visit(Role.ANONYMOUS), "reader@example.org")
    assert page.status == 403
    assert "the back office is for authors, editors and administrators" in page.text
    assert "masthead=" not in page.response.headers.get("set-cookie", "")


async def test_a_wrong_password_says_no_more_than_an_unknown_address(installation: Installation, visit: Visit) -> None:
    wrong = await sign_in(visit(Role.ANONYMOUS), "admin@example.org", "not it at all")
    unknown = await sign_in(visit(Role.ANONYMOUS), "nobody@example.org", "not it at all")
    assert wrong.status == unknown.status == 401
    texts = [re.sub(r'(?:value|content)="[^"]*"', "", page.html) for page in (wrong, unknown)]
    assert texts[0] == texts[1]
    assert wrong.forms[0].fields["email"] == ["admin@example.org"], "what was typed stays, the password aside"
    assert "not it at all" not in wrong.html


async def test_the_door_counts_tries_with_the_api(installation: Installation, visit: Visit) -> None:
    visitor = visit(Role.ANONYMOUS)
    statuses = {(await sign_in(visitor, "admin@example.org", "wrong")).status for _ in range(11)}
    assert statuses == {401, 429}
    form = {"username": "admin@example.org", "password": PASSWORD}
    assert (await installation.send("POST", "/auth/login", data=form)).status_code == 429


async def test_c08_a_copied_cookie_ends_with_its_session(installation: Installation, visit: Visit) -> None:
    visitor = visit(Role.ANONYMOUS)
    await sign_in(visitor, "editor@example.org")
    copy = Visitor(installation.client, visitor.cookies["masthead"])
    assert (await copy.get("/")).status == 200
    page = await visitor.post("/logout")
    assert page.status == 303
    assert "You are signed out." in (await visitor.get("/login")).text
    replayed = await copy.get("/")
    assert replayed.status == 303
    assert replayed.response.headers["location"].startswith("/admin/login")


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.READER}])
async def test_c08_demotion_and_deactivation_end_it_at_once(
    installation: Installation, visit: Visit, admin: Visitor, change: dict[str, object]
) -> None:
    editor = visit(Role.EDITOR)
    assert (await editor.get("/")).status == 200
    me = installation.actor(Role.EDITOR)
    form = (await admin.get(f"/user/edit/{me.id}")).edit
    answer = await admin.send(form, **({"is_active": None} if "is_active" in change else {"role": "reader"}))
    assert answer.status == 303
    assert (await editor.get("/")).status == 303


async def test_an_expired_session_is_over(installation: Installation, editor: Visitor) -> None:
    await end_sessions_at(installation, utc_now() - timedelta(seconds=1))
    page = await editor.get("/article/list")
    assert page.response.headers["location"] == "/admin/login?next=/admin/article/list"
    assert "Your session has ended" in (await editor.get("/login")).text


async def end_sessions_at(installation: Installation, time: datetime) -> None:
    async with installation.database.session() as session:
        for row in await installation.rows("sessions"):
            found = await session.get(UserSession, row["id"])
            assert found is not None
            found.expires_at = time


async def test_a_session_in_use_is_prolonged(installation: Installation, editor: Visitor) -> None:
    soon = utc_now() + timedelta(hours=2)
    await end_sessions_at(installation, soon)
    await editor.get("/")
    mine = [r for r in await installation.rows("sessions") if r["user_id"] == installation.actor(Role.EDITOR).id]
    assert max(row["expires_at"] for row in mine) > soon + timedelta(hours=8)


@pytest.mark.parametrize("planted", ["attacker-chosen", ""])
async def test_c10_the_session_is_new_at_sign_in(installation: Installation, visit: Visit, planted: str) -> None:
    visitor = visit(Role.ANONYMOUS)
    visitor.cookies["masthead"] = planted or installation.people[Role.EDITOR].cookie
    if not planted:
        await visitor.post("/logout")
    await sign_in(visitor, "admin@example.org")
    assert visitor.cookies["masthead"] != planted
    thief = Visitor(installation.client, planted or installation.people[Role.EDITOR].cookie)
    assert (await thief.get("/")).status == 303


async def test_c10_signing_in_anew_ends_the_session_before(installation: Installation, visit: Visit) -> None:
    visitor = visit(Role.ANONYMOUS)
    await sign_in(visitor, "editor@example.org")
    first = Visitor(installation.client, visitor.cookies["masthead"])
    again = await visitor.call(
        "POST",
        "/login",
        data={"csrf_token": await visitor.token(), "email": "editor@example.org", "password": PASSWORD},
    )
    assert again.status == 303
    assert (await first.get("/")).status == 303


@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_a_session_that_is_due_is_no_obstacle_at_the_door(
    installation: Installation, editor: Visitor, path: str
) -> None:
    """Prolonging it writes, and SQLite has one writer: neither door may wait for itself."""
    token, before = await editor.token(), editor.cookies["masthead"]
    await end_sessions_at(installation, utc_now() + timedelta(hours=2))
    data = {"csrf_token": token, "email": "editor@example.org", "password": PASSWORD}
    async with asyncio.timeout(5):
        page = await editor.call("POST", path, data=data)
    assert page.status == 303
    assert editor.cookies.get("masthead") != before
    assert (await Visitor(installation.client, before).get("/")).status == 303


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "https:evil.example", "/%09/evil.example",
        "javascript:alert(1)", "/admin//evil.example", "/admin/@evil.example", "/admin/../..//evil",
        "/admin/x%0d%0aX: y", "/admin/x\r\nX: y", "/api/v1/articles",
    ],
)  # fmt: skip
async def test_c27_signing_in_leads_nowhere_else(installation: Installation, visit: Visit, target: str) -> None:
    visitor = visit(Role.ANONYMOUS)
    page = await visitor.get("/login", params={"next": target})
    assert page.forms[0].fields["next"] == ["/admin/"]
    done = await sign_in(visitor, "admin@example.org", next=target)
    assert done.response.headers["location"] == "/admin/"


async def test_signing_in_leads_back_to_where_one_was(installation: Installation, visit: Visit) -> None:
    visitor = visit(Role.ANONYMOUS)
    sent = await visitor.get("/article/create")
    page = await visitor.get(sent.response.headers["location"])
    done = await visitor.send(page.forms[0], email="admin@example.org", password=PASSWORD)
    assert done.response.headers["location"] == "/admin/article/create"
    assert (await visitor.get("/login")).status == 303, "who is signed in need not sign in"


async def test_c09_cookies_are_out_of_reach(installation: Installation, visit: Visit) -> None:
    visitor = visit(Role.ANONYMOUS)
    first = (await visitor.get("/login")).response.headers.get_list("set-cookie")
    second = (await sign_in(visitor, "admin@example.org")).response.headers.get_list("set-cookie")
    third = (await visitor.post("/logout")).response.headers.get_list("set-cookie")
    cookies = [cookie.lower() for cookie in (*first, *second, *third)]
    assert len(cookies) >= 4
    for cookie in cookies:
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/;" in cookie + ";"
        assert int(re.search(r"max-age=(\d+)", cookie)[1]) <= 7 * 24 * 3600  # type: ignore[index]  # every one has it


async def test_c09_on_https_cookies_belong_to_this_host_alone(
    installation: Installation, migrated_url: str, tmp_path: Path
) -> None:
    settings = settings_for(migrated_url, tmp_path).model_copy(update={"public_url": AnyHttpUrl("https://cms.example")})
    app = create_app(settings)
    people = installation.people
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://cms.example") as client:
        login = await client.get("/admin/login")
        visitor = Visitor(client, people[Role.ADMIN].cookie, "__Host-masthead")
        assert (await visitor.get("/")).status == 200
        done = await visitor.post("/logout")
        plain = Visitor(client, people[Role.EDITOR].cookie, "masthead")
        assert (await plain.get("/")).status == 303, "a cookie that any subdomain can set signs nobody in"
    cookies = [*login.headers.get_list("set-cookie"), *done.response.headers.get_list("set-cookie")]
    assert len(cookies) >= 3
    for cookie in cookies:
        assert cookie.startswith("__Host-masthead")
        assert "; Secure" in cookie
        assert "Domain" not in cookie
    await app.state.database.dispose()
