"""Accounts from outside, at both doors: what ends a session, who has an account, how often one may try."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import AnyHttpUrl
from sqlalchemy import delete, update

from cms.auth import passwords
from cms.auth.accounts import create_user
from cms.auth.passwords import Hasher
from cms.auth.sessions import BROWSER_LIFETIME, UserSession
from cms.auth.throttle import Throttle
from cms.auth.users import User
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.main import create_app
from tests.admin.browsing import Page, Visitor
from tests.installation import Installation, settings_for
from tests.problems import assert_problem
from tests.security.attacks import ANY, SAME_ID

PASSWORD, OTHER = "plum kettle orbit 41", "velvet gravel teapot"


@pytest.fixture(autouse=True)
async def site(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """With somebody of each role who has a password that can be typed, and somebody who is switched off."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    kept = await passwords.hash_password(PASSWORD)
    async with installation.work() as work:
        await work.session.execute(update(User).values(password=kept))
        off = await create_user(work, "sleeper@example.org", Role.AUTHOR, PASSWORD, "Sleeper")
        off.is_active = False
    return installation


async def bearer(site: Installation, email: str) -> dict[str, str]:
    """Sign in over REST; the headers of that session."""
    answer = await site.send("POST", "/auth/login", data={"username": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def browser(site: Installation, email: str) -> Visitor:
    """Sign in at the back office."""
    visitor = Visitor(site.client)
    page = await visitor.get("/login")
    assert (await visitor.send(page.forms[0], email=email, password=PASSWORD)).status == 303
    return visitor


async def status(site: Installation, headers: dict[str, str]) -> int:
    return (await site.send("GET", "/users/me", headers=headers)).status_code


def is_sent_to_sign_in(page: Page) -> bool:
    return page.status == 303 and page.response.headers["location"].startswith("/admin/login")


async def test_c05_a_new_password_leaves_one_session_alive(site: Installation) -> None:
    """C05: two devices and a browser; changed on one: the others are 401 and sent to sign in, at once."""
    here, there = await bearer(site, "author@example.org"), await bearer(site, "author@example.org")
    visitor = await browser(site, "author@example.org")
    assert (await visitor.get("/")).status == 200
    change = {"password": OTHER, "current_password": PASSWORD}
    changed = await site.send("PATCH", "/users/me", headers={**here, **ANY}, json=change)
    assert changed.status_code == 200, changed.text
    assert (await status(site, here), await status(site, there)) == (200, 401)
    assert is_sent_to_sign_in(await visitor.get("/"))
    assert is_sent_to_sign_in(await visitor.get("/article/list"))
    me = site.actor(Role.AUTHOR).id
    assert len([row for row in await site.rows("sessions") if row["user_id"] == me]) == 1, "only the new session lives"


@pytest.mark.parametrize("loss", ["switched off", "demoted", "deleted"])
async def test_c06_who_loses_the_right_loses_it_with_the_next_request(site: Installation, loss: str) -> None:
    """C06: changed in the database itself, behind every service: bearer and cookie are refused at once."""
    headers, visitor = await bearer(site, "editor@example.org"), await browser(site, "editor@example.org")
    write: dict[str, Any] = {"json": {"name": "Rope"}, "headers": headers}
    assert (await site.send("POST", "/tags", **write)).status_code == 201
    assert (await visitor.get("/tag/list")).status == 200
    me = site.actor(Role.EDITOR).id
    async with site.database.session() as session:
        if loss == "deleted":
            await session.execute(delete(UserSession).where(UserSession.user_id == me))
            await session.execute(delete(User).where(User.id == me))
        else:
            values: dict[str, Any] = {"is_active": False} if loss == "switched off" else {"role": Role.READER}
            await session.execute(update(User).where(User.id == me).values(**values))
    refused = await site.send("POST", "/tags", json={"name": "Knot"}, headers=headers)
    assert refused.status_code == (403 if loss == "demoted" else 401)
    assert is_sent_to_sign_in(await visitor.get("/tag/list"))
    assert (await visitor.call("POST", "/tag/create", data={"name": "Knot"})).status in {303, 403}
    assert [row["name"] for row in await site.rows("tags")] == ["Rope"]


async def test_c06_there_are_two_kinds_of_credentials(assembled: Any) -> None:
    """C06: API keys would be a third one; there are none, so nothing outlives an account by way of them."""
    schemes = assembled.openapi()["components"]["securitySchemes"]
    assert [scheme["type"] for scheme in schemes.values()] == ["oauth2"]
    assert not [name for name in User.metadata.tables if "key" in name or "token" in name]


@pytest.fixture
async def production(migrated_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The same database, served as in production, on HTTPS."""
    url, environment = AnyHttpUrl("https://cms.example"), {"environment": "production"}
    app = create_app(settings_for(migrated_url, tmp_path).model_copy(update={"public_url": url, **environment}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://cms.example") as client:
        yield client
    await app.state.database.dispose()


async def test_c09_every_cookie_has_its_flags(site: Installation, production: httpx.AsyncClient) -> None:
    """C09: every Set-Cookie of a whole visit in production: signing in, a notice, a session prolonged, signing out."""
    visitor, answers = Visitor(production), []
    answers.append(login := await visitor.get("/login"))
    answers.append(done := await visitor.send(login.forms[0], email="admin@example.org", password=PASSWORD))
    assert done.status == 303
    answers.append(await visitor.send((await visitor.get("/tag/create")).edit, name="Rope"))
    answers.append(await visitor.get("/tag/list"))
    async with site.database.session() as session:
        await session.execute(update(UserSession).values(expires_at=utc_now() + BROWSER_LIFETIME / 100))
    answers.append(await visitor.get("/"))
    answers.append(await visitor.post("/logout"))
    answers.append(await visitor.get("/login"))
    cookies = [cookie for page in answers for cookie in page.response.headers.get_list("set-cookie")]
    assert {cookie.partition("=")[0] for cookie in cookies} >= {"__Host-masthead", "__Host-masthead-visitor"}
    assert len(cookies) >= 4
    for cookie in cookies:
        name, *flags = [flag.strip().lower() for flag in cookie.split(";")]
        assert name.startswith("__host-")
        assert {"secure", "httponly", "path=/"} <= set(flags), cookie
        assert {"samesite=strict", "samesite=lax"} & set(flags), cookie
        assert not [flag for flag in flags if flag.startswith("domain")]
        (age,) = [int(found[1]) for flag in flags if (found := re.fullmatch(r"max-age=(\d+)", flag))]
        assert age <= BROWSER_LIFETIME.total_seconds()


KNOWN, UNKNOWN, OFF = "reader@example.org", "nobody@example.org", "sleeper@example.org"


async def test_c12_no_answer_tells_who_has_an_account(site: Installation) -> None:
    """C12: existing, absent and disabled, at register, login and the door of the back office: the same status, body
    and headers. Forgetting, verifying and inviting do not exist, whoever is asked about."""
    doors: dict[str, Any] = {
        "/auth/login": lambda email: {"data": {"username": email, "password": OTHER}},
        "/auth/register": lambda email: {"json": {"email": email, "name": "Some Body", "password": OTHER}},
        "/auth/forgot-password": lambda email: {"json": {"email": email}},
        "/auth/reset-password": lambda email: {"json": {"token": email, "password": OTHER}},
        "/auth/request-verify-token": lambda email: {"json": {"email": email}},
        "/auth/verify": lambda email: {"json": {"token": email}},
        "/auth/invite": lambda email: {"json": {"email": email}},
    }
    for path, options in doors.items():
        said = []
        for email in (KNOWN, UNKNOWN, OFF):
            site.app.state.throttle = Throttle(None)
            answer = await site.send("POST", path, headers=SAME_ID, **options(email))
            headers = [pair for pair in answer.headers.multi_items() if pair[0] != "content-length"]
            said.append((answer.status_code, answer.text.replace(email, "…"), headers))
            async with site.database.session() as session:
                await session.execute(delete(User).where(User.name == "Some Body"))
        assert said == said[:1] * 3, path
        assert said[0][0] == {"/auth/login": 401, "/auth/register": 201}.get(path, 404)


async def test_c12_nor_does_the_door_of_the_back_office(site: Installation) -> None:
    """C12: with a wrong password, and with the right one of an account that is switched off."""
    said = []
    for email, password in ((KNOWN, OTHER), (UNKNOWN, OTHER), (OFF, OTHER), (OFF, PASSWORD)):
        visitor = Visitor(site.client, name="masthead-visitor", cookie="the same browser")
        form = (await visitor.get("/login")).forms[0]
        page = await visitor.send(form, email=email, password=password)
        headers = {
            name: value
            for name, value in page.response.headers.items()
            if name not in {"content-length", "x-request-id"}
        }
        said.append((page.status, page.html.replace(email, "…"), headers))
    assert said == said[:1] * 4
    assert said[0][0] == 401


@pytest.mark.parametrize("door", ["api", "back office"])
async def test_c14_sixty_wrong_passwords(site: Installation, door: str) -> None:
    """C14: from the eleventh attempt on 429 with Retry-After, at either door, whatever the password."""
    visitor = Visitor(site.client)
    form = (await visitor.get("/login")).forms[0]
    for attempt in range(1, 61):
        password = PASSWORD if attempt == 60 else OTHER
        if door == "api":
            data = {"username": KNOWN, "password": password}
            answer = await site.send("POST", "/auth/login", data=data)
        else:
            answer = (await visitor.send(form, email=KNOWN, password=password)).response
        assert answer.status_code == (401 if attempt <= 10 else 429), attempt
        assert attempt <= 10 or 1 <= int(answer.headers["retry-after"]) <= 3600


async def test_r41_twenty_at_once_who_want_the_same(site: Installation) -> None:
    """R41: one title, one slug, one address, one name: distinct slugs, or 409 for all but one; never 500."""

    async def twenty(path: str, **body: Any) -> list[httpx.Response]:
        return await asyncio.gather(*(site.send("POST", path, Role.ADMIN, json=body) for _ in range(20)))

    titled = await twenty("/articles", title="One title")
    assert [answer.status_code for answer in titled] == [201] * 20
    assert len({answer.json()["slug"] for answer in titled}) == 20
    for path, body, field in (
        ("/articles", {"title": "Two", "slug": "one-slug"}, "/slug"),
        ("/tags", {"name": "Rope", "slug": "rope"}, "/slug"),
        ("/users", {"email": "same@example.org", "name": "Same", "password": OTHER}, None),
    ):
        answers = await twenty(path, **body)
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19, path
        for answer in answers:
            assert answer.status_code == 201 or assert_problem(answer, 409, field)
    assert len([row for row in await site.rows("users") if row["email"] == "same@example.org"]) == 1


async def test_r41_twenty_who_register_with_one_address(site: Installation) -> None:
    """R41: one account; and nobody is told whose address it is."""
    clients = [
        httpx.AsyncClient(
            transport=httpx.ASGITransport(site.app, False, client=(f"203.0.113.{n}", 1)), base_url="http://localhost"
        )
        for n in range(20)
    ]
    body = {"email": "same@example.org", "password": OTHER}
    answers = await asyncio.gather(
        *(client.post("/api/v1/auth/register", json={**body, "name": f"Same {n}"}) for n, client in enumerate(clients))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len([row for row in await site.rows("users") if row["email"] == "same@example.org"]) == 1
    for client in clients:
        await client.aclose()
