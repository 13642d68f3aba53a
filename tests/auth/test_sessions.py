"""Sessions: what ends them ends them at the next request (C04, C05, C06, C08)."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Update, update

from cms.auth.actors import actor_of_bearer, actor_of_cookie
from cms.auth.adapter import SessionStrategy, UserManager
from cms.auth.sessions import (
    BROWSER_IDLE,
    BROWSER_LIFETIME,
    RENEWAL,
    SessionKind,
    UserSession,
    close_session,
    hash_secret,
    last_seen,
    open_session,
    renew_session,
    renewed_expiry,
)
from cms.auth.tokens import Claims, Tokens
from cms.auth.users import User, UserService, user
from cms.crud.fields import utc_now
from cms.crud.policy import ANONYMOUS, SYSTEM, Actor, Role
from cms.crud.problems import Forbidden, Unauthorized
from cms.crud.service import UnitOfWork
from cms.database import Database
from tests.auth.people import NEW_PASSWORD, PASSWORD, SECRET, Enrol, Person, count_sessions
from tests.problems import assert_problem
from tests.statements import recorded


async def is_signed_in(person: Person, headers: dict[str, str]) -> bool:
    response = await person.client.get("/users/me", headers=headers)
    if response.status_code != 200:
        assert_problem(response, 401)
    return response.status_code == 200


async def run(database: Database, statement: Update) -> None:
    async with database.session() as session:
        await session.execute(statement)


async def open_browser(database: Database, person: Person, user_agent: str = "") -> str:
    async with database.session() as session:
        return (await open_session(session, person.id, SessionKind.BROWSER, user_agent)).secret


async def test_logging_out_ends_the_token_and_no_other(reader: Person, client: httpx.AsyncClient) -> None:
    """C04: the very token is worth nothing afterwards."""
    one, other = await reader.bearer(), await reader.bearer()
    assert (await client.post("/auth/logout", headers=one)).status_code == 204
    assert not await is_signed_in(reader, one)
    assert await is_signed_in(reader, other)
    assert_problem(await client.post("/auth/logout", headers=one), 401)
    assert_problem(await client.post("/auth/logout"), 401)


async def test_a_new_password_ends_every_session_but_the_one_it_was_set_in(
    reader: Person, client: httpx.AsyncClient, database: Database
) -> None:
    """C05: two devices and a browser."""
    here, there = await reader.bearer(), await reader.bearer()
    secret = await open_browser(database, reader)
    change = {"password": NEW_PASSWORD, "current_password": PASSWORD, "version": 1}
    assert (await client.patch("/users/me", headers=here, json=change)).status_code == 200
    assert await is_signed_in(reader, here)
    assert not await is_signed_in(reader, there)
    assert await database.read(actor_of_cookie, secret) is None
    assert_problem(await reader.log_in(PASSWORD), 401)
    assert (await reader.log_in(NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize(
    "change", [{"password": NEW_PASSWORD}, {"role": "reader"}, {"role": "editor"}, {"is_active": False}]
)
async def test_what_an_administrator_changes_ends_all_of_a_users_sessions(
    admin: Person, enrol: Enrol, database: Database, client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    """C05, C06: token and cookie alike, at the next request."""
    person = await enrol("Paul", Role.AUTHOR)
    headers, secret = await person.bearer(), await open_browser(database, person)
    by_admin = {**await admin.bearer(), "If-Match": "*"}
    assert (await client.patch(f"/users/{person.id}", headers=by_admin, json=change)).status_code == 200
    assert not await is_signed_in(person, headers)
    assert await database.read(actor_of_cookie, secret) is None
    assert await count_sessions(database, person.id) == 0
    assert await is_signed_in(admin, by_admin)


async def test_a_change_of_name_or_the_same_values_again_end_nothing(
    admin: Person, enrol: Enrol, client: httpx.AsyncClient
) -> None:
    person = await enrol("Paul", Role.AUTHOR)
    headers = await person.bearer()
    by_admin = {**await admin.bearer(), "If-Match": "*"}
    same = {"name": "Pauline", "role": "author", "is_active": True, "email": person.email}
    assert (await client.patch(f"/users/{person.id}", headers=by_admin, json=same)).status_code == 200
    assert await is_signed_in(person, headers)


async def test_a_deleted_account_is_signed_out(
    admin: Person, reader: Person, client: httpx.AsyncClient, database: Database
) -> None:
    """C06: its sessions go with it."""
    headers = await reader.bearer()
    by_admin = {**await admin.bearer(), "If-Match": "*"}
    assert (await client.delete(f"/users/{reader.id}", headers=by_admin)).status_code == 204
    assert not await is_signed_in(reader, headers)
    assert await count_sessions(database, reader.id) == 0
    assert_problem(await reader.log_in(), 401)


async def test_a_row_that_somebody_changed_by_hand_counts_at_once(reader: Person, database: Database) -> None:
    """C06: nothing about an account is remembered between requests."""
    headers = await reader.bearer()
    await run(database, update(UserSession).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert not await is_signed_in(reader, headers)


async def test_a_role_counts_from_the_next_request_on(
    enrol: Enrol, database: Database, client: httpx.AsyncClient
) -> None:
    """C06: even where the session had stayed."""
    other = await enrol("Other", Role.ADMIN)
    headers = await other.bearer()
    assert (await client.get("/users", headers=headers)).status_code == 200
    await run(database, update(User).where(User.id == other.id).values(role=Role.EDITOR))
    assert_problem(await client.get("/users", headers=headers), 403)


async def test_who_is_asking_costs_one_statement_and_nobody_costs_none(
    reader: Person, database: Database, client: httpx.AsyncClient
) -> None:
    headers = await reader.bearer()
    with recorded() as statements:
        assert (await client.get("/users/me")).status_code == 401
    assert statements == []
    with recorded() as statements:
        await client.get("/users/me", headers=headers)
    assert len(statements) == 2, "the actor and the account"


async def test_a_cookie_speaks_for_its_user(reader: Person, database: Database) -> None:
    secret = await open_browser(database, reader)
    visit = await database.read(actor_of_cookie, secret)
    assert visit is not None
    assert (visit.actor.id, visit.actor.role, visit.actor.name) == (reader.id, Role.READER, "Rita")
    assert visit.actor.session_id is not None
    assert visit.is_due is False


async def test_a_cookie_ends_with_its_row(reader: Person, database: Database) -> None:
    """C08: a saved copy of the cookie is worth nothing after logging out."""
    secret = await open_browser(database, reader)
    visit = await database.read(actor_of_cookie, secret)
    assert visit is not None
    assert visit.actor.session_id is not None
    async with database.session() as session:
        await close_session(session, visit.actor.session_id)
    assert await database.read(actor_of_cookie, secret) is None


@pytest.mark.parametrize("secret", ["", "x", "\x00", "\ud800", "' OR ''='", "x" * 100_000])
async def test_a_cookie_that_is_none_speaks_for_nobody(reader: Person, database: Database, secret: str) -> None:
    await reader.bearer()
    assert await database.read(actor_of_cookie, secret) is None


async def test_the_table_holds_no_secret(reader: Person, database: Database) -> None:
    """C10: whoever reads a backup signs in nowhere; and every sign-in has a secret of its own."""
    secrets = [await open_browser(database, reader, "Firefox\x07 on a boat " * 50) for _ in range(3)]
    assert len(set(secrets)) == 3
    visit = await _visit(database, secrets[0])
    async with database.session() as session:
        kept = await session.get_one(UserSession, visit.actor.session_id)
    assert kept.secret_hash == hash_secret(secrets[0])
    assert len(kept.secret_hash) == 64
    assert await database.read(actor_of_cookie, kept.secret_hash) is None
    assert len(kept.user_agent) == 200
    assert kept.user_agent.isprintable()


async def _visit(database: Database, secret: str) -> Any:
    return await database.read(actor_of_cookie, secret)


async def test_a_token_is_no_cookie_and_a_cookie_no_token(
    reader: Person, database: Database, client: httpx.AsyncClient
) -> None:
    """C10."""
    secret = await open_browser(database, reader)
    visit = await _visit(database, secret)
    forged = Tokens(SECRET).write(Claims(reader.id, visit.actor.session_id), utc_now() + BROWSER_IDLE)
    assert not await is_signed_in(reader, {"Authorization": f"Bearer {forged}"})
    assert await database.read(actor_of_cookie, await _token(reader)) is None


async def _token(person: Person) -> str:
    return (await person.bearer())["Authorization"].removeprefix("Bearer ")


async def test_a_browser_in_use_stays_signed_in_up_to_a_week(reader: Person, database: Database) -> None:
    secret = await open_browser(database, reader)
    later = utc_now() + BROWSER_IDLE - 2 * RENEWAL
    await run(database, update(UserSession).values(expires_at=later))
    visit = await _visit(database, secret)
    assert visit.is_due
    async with database.session() as session:
        await renew_session(session, visit.actor.session_id)
    assert not (await _visit(database, secret)).is_due
    started = utc_now() - BROWSER_LIFETIME + RENEWAL / 2
    await run(database, update(UserSession).values(created_at=started, expires_at=started + BROWSER_LIFETIME))
    assert not (await _visit(database, secret)).is_due, "the week is over whatever happens"


def test_prolonging_has_to_be_worth_a_write() -> None:
    now = utc_now()
    assert renewed_expiry(now, now + BROWSER_IDLE) is None
    assert renewed_expiry(now, now + BROWSER_IDLE - RENEWAL / 2) is None
    assert renewed_expiry(now, now + RENEWAL) is not None
    assert renewed_expiry(now - BROWSER_LIFETIME, now) is None


async def test_a_browser_in_use_writes_once_in_five_minutes_and_tells_when_it_was_seen(
    reader: Person, database: Database
) -> None:
    secret = await open_browser(database, reader)
    assert timedelta(minutes=5) <= RENEWAL
    for minutes, is_due in ((0, False), (4, False), (6, True)):
        seen = utc_now() - timedelta(minutes=minutes)
        await run(database, update(UserSession).values(created_at=seen, expires_at=seen + BROWSER_IDLE))
        assert (await _visit(database, secret)).is_due is is_due, minutes
        assert await database.read(last_seen, [reader.id]) == {reader.id: seen}


async def test_last_seen_is_the_latest_that_any_session_tells(reader: Person, database: Database) -> None:
    assert await database.read(last_seen, [reader.id]) == {}
    await open_browser(database, reader)
    early, late = utc_now() - timedelta(hours=2), utc_now() - timedelta(hours=1)
    await run(database, update(UserSession).values(created_at=early, expires_at=early + BROWSER_IDLE))
    await reader.bearer()
    tokens = UserSession.kind == SessionKind.BEARER
    await run(database, update(UserSession).where(tokens).values(created_at=late))
    assert await database.read(last_seen, [reader.id]) == {reader.id: late}
    assert await database.read(last_seen, []) == {}


async def test_a_session_that_was_ended_meanwhile_is_not_prolonged(reader: Person, database: Database) -> None:
    secret = await open_browser(database, reader)
    session_id = (await _visit(database, secret)).actor.session_id
    await run(database, update(UserSession).values(expires_at=utc_now() + RENEWAL))

    async def renew() -> None:
        async with database.session() as session:
            await renew_session(session, session_id)

    async with database.session() as session:
        await close_session(session, session_id)
        renewing = asyncio.create_task(renew())
        await asyncio.sleep(0.2)  # it has to wait for the end, and to see it then
    await renewing
    assert await database.read(actor_of_cookie, secret) is None


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_nobody_but_administrators_signs_others_out(
    app: FastAPI, reader: Person, database: Database, role: Role
) -> None:
    """Not even themselves this way, which keeps one rule for everybody's account."""
    await reader.bearer()
    actor = ANONYMOUS if role is Role.ANONYMOUS else Actor(reader.id, role, "Rita")
    async with database.session() as session:
        service = UserService(UnitOfWork(session, actor, app.state.reader), user)
        with pytest.raises((Forbidden, Unauthorized)):
            await service.sign_out(str(reader.id))
    assert await count_sessions(database, reader.id) == 1


async def test_expired_sessions_go_when_their_user_signs_in(reader: Person, database: Database) -> None:
    for _ in range(3):
        await reader.bearer()
    await run(database, update(UserSession).values(expires_at=utc_now() - timedelta(seconds=1)))
    await reader.bearer()
    assert await count_sessions(database, reader.id) == 1


async def test_the_strategy_reads_what_it_writes(app: FastAPI, reader: Person, database: Database) -> None:
    token = await _token(reader)
    async with database.session() as session:
        work = UnitOfWork(session, SYSTEM, app.state.reader)
        strategy = SessionStrategy(work, Tokens(SECRET))
        manager = UserManager(work, database)
        found = await strategy.read_token(token, manager)
        assert found is not None
        assert found.id == reader.id
        await strategy.destroy_token(token, found)
        assert await strategy.read_token(token, manager) is None
        assert await strategy.read_token("x", manager) is None
        assert await strategy.read_token(None, manager) is None
    claims = Tokens(SECRET).read(token)
    assert claims is not None
    assert await database.read(actor_of_bearer, claims) is None
