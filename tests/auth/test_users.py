"""Accounts: who may change what (B02, B08, C11), and that somebody always administers."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event

from cms.auth.accounts import create_user
from cms.auth.adapter import UserDatabase
from cms.auth.own_account import CONFIRMATIONS
from cms.auth.passwords import generate_password, verify_password
from cms.auth.strength import weakness
from cms.auth.users import User, UserService, normalise_email, user
from cms.crud.policy import SYSTEM, Role
from cms.crud.problems import Conflict, Invalid, Unauthorized
from cms.crud.schemas import read_schema, reference_schema, view_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from tests.auth.people import NEW_PASSWORD, PASSWORD, Enrol, Person, account_of, count_users, registry
from tests.problems import assert_problem


async def patch_me(person: Person, headers: dict[str, str], **change: Any) -> httpx.Response:
    return await person.client.patch("/users/me", headers={"If-Match": "*", **headers}, json=change)


async def test_ones_own_account_has_an_etag_and_is_not_sent_twice(reader: Person, client: httpx.AsyncClient) -> None:
    headers = await reader.bearer()
    response = await client.get("/users/me", headers=headers)
    assert response.headers["etag"].startswith('"v1-')
    assert response.headers["cache-control"] == "private, no-cache"
    again = await client.get("/users/me", headers={**headers, "If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    assert response.json()["created_at"].endswith("Z")
    assert_problem(await client.get("/users/me?fields=password", headers=headers), 400, parameter="fields")
    assert_problem(await client.get("/users/me"), 401)


async def test_a_name_is_changed_by_who_holds_the_version(reader: Person, client: httpx.AsyncClient) -> None:
    headers = await reader.bearer()
    tag = (await client.get("/users/me", headers=headers)).headers["etag"]
    response = await patch_me(reader, {**headers, "If-Match": tag}, name="Rita Two")
    assert response.status_code == 200
    assert (response.json()["name"], response.json()["version"]) == ("Rita Two", 2)
    assert response.headers["etag"].startswith('"v2-')
    stale = await patch_me(reader, {**headers, "If-Match": tag}, name="Rita Three")
    assert assert_problem(stale, 412)["current_version"] == 2
    assert_problem(await client.patch("/users/me", headers=headers, json={"name": "X"}), 428)
    by_body = await client.patch("/users/me", headers=headers, json={"name": "Rita Four", "version": 2})
    assert by_body.json()["name"] == "Rita Four"
    assert_problem(await client.patch("/users/me", json={"name": "X", "version": 1}), 401)


PRIVILEGES = {
    "role": "admin",
    "is_superuser": True,
    "is_verified": True,
    "is_active": True,
    "id": "0192f0c1-0000-7000-8000-000000000000",
    "hashed_password": "x",
    "created_at": "2020-01-01T00:00:00Z",
    "search_text": "x",
    "permissions": ["*"],
}


@pytest.mark.parametrize("key", PRIVILEGES)
async def test_nobody_gives_themselves_more(reader: Person, database: Database, key: str) -> None:
    """B02: as JSON, and a valid change beside it is not made either."""
    response = await patch_me(reader, await reader.bearer(), **{key: PRIVILEGES[key], "name": "Other"})
    assert_problem(response, 422, f"/{key}")
    account = await account_of(database, reader.email)
    assert account is not None
    assert (account.role, account.name) == (Role.READER, "Rita")


async def test_a_form_or_a_query_gives_nobody_more(reader: Person, client: httpx.AsyncClient) -> None:
    """B02."""
    headers = {**await reader.bearer(), "If-Match": "*"}
    assert_problem(await client.patch("/users/me", headers=headers, data={"role": "admin"}), 415)
    assert_problem(await client.patch("/users/me?role=admin", headers=headers, json={"name": "X"}), 400)


@pytest.mark.parametrize("change", [{"password": NEW_PASSWORD}, {"email": "rita@elsewhere.example"}])
async def test_a_password_or_an_address_is_changed_by_who_knows_the_password(
    reader: Person, database: Database, change: dict[str, str]
) -> None:
    """C11: a token alone is not enough."""
    headers = await reader.bearer()
    before = await account_of(database, reader.email)
    assert_problem(await patch_me(reader, headers, **change), 422, "/current_password")
    wrong = await patch_me(reader, headers, **change, current_password=NEW_PASSWORD)
    assert_problem(wrong, 422, "/current_password")
    after = await account_of(database, reader.email)
    assert before is not None
    assert after is not None
    assert (after.version, after.password) == (before.version, before.password)
    assert (await patch_me(reader, headers, **change, current_password=PASSWORD)).status_code == 200


async def test_trying_passwords_through_a_stolen_token_is_limited(reader: Person) -> None:
    """C11, C14."""
    headers = await reader.bearer()
    for _ in range(CONFIRMATIONS.times):
        answer = await patch_me(reader, headers, password=NEW_PASSWORD, current_password=NEW_PASSWORD)
        assert_problem(answer, 422)
    answer = await patch_me(reader, headers, password=NEW_PASSWORD, current_password=PASSWORD)
    assert_problem(answer, 429)


async def test_the_same_address_again_needs_no_password(reader: Person) -> None:
    response = await patch_me(reader, await reader.bearer(), email="RITA@example.org", name="Rita Two")
    assert response.status_code == 200
    assert response.json()["email"] == reader.email


@pytest.mark.parametrize(
    "password", ["short", "passwordpassword", "rita and nothing else", "x" * 129, "velvet \x00 gravel teapot"]
)
async def test_a_bad_new_password_is_refused_beside_its_field(reader: Person, password: str) -> None:
    """C22, C23."""
    response = await patch_me(reader, await reader.bearer(), password=password, current_password=PASSWORD)
    assert_problem(response, 422, "/password")
    assert (await reader.log_in(PASSWORD)).status_code == 200


@pytest.mark.parametrize("field", ["password", "current_password", "email", "name"])
async def test_half_a_character_is_no_500(reader: Person, field: str) -> None:
    headers = {**await reader.bearer(), "If-Match": "*", "Content-Type": "application/json"}
    change = {"password": NEW_PASSWORD, "current_password": PASSWORD, field: "\ud800 gravel teapot"}
    response = await reader.client.patch("/users/me", headers=headers, content=json.dumps(change))
    assert_problem(response, 422)


async def test_an_address_or_a_name_of_somebody_else_is_a_conflict(reader: Person, enrol: Enrol) -> None:
    other = await enrol("Other")
    headers = await reader.bearer()
    assert_problem(await patch_me(reader, headers, name=other.name), 409, "/name")
    taken = await patch_me(reader, headers, email=other.email, current_password=PASSWORD)
    assert_problem(taken, 409, "/email")


async def test_only_administrators_see_and_change_accounts(
    enrol: Enrol, admin: Person, client: httpx.AsyncClient
) -> None:
    """B08, A25: an editor does not touch an administrator, nor anybody."""
    for role in (Role.READER, Role.AUTHOR, Role.EDITOR):
        person = await enrol(f"Some{role.value}", role)
        headers = {**await person.bearer(), "If-Match": "*"}
        assert_problem(await client.get("/users", headers=headers), 403)
        for target in (admin, person):
            path = f"/users/{target.id}"
            assert_problem(await client.get(path, headers=headers), 403)
            for change in ({"role": "admin"}, {"email": "x@example.org"}, {"password": NEW_PASSWORD}, {"name": "X"}):
                assert_problem(await client.patch(path, headers=headers, json=change), 403)
            assert_problem(await client.delete(path, headers=headers), 403)
        new = {"email": "n@example.org", "name": "New", "password": NEW_PASSWORD, "role": "admin"}
        assert_problem(await client.post("/users", headers=headers, json=new), 403)
    assert_problem(await client.get("/users"), 401)


async def test_the_password_is_written_and_never_read(admin: Person, reader: Person, client: httpx.AsyncClient) -> None:
    """A01, A05, A08: no field, filter, sort or search leads to it."""
    for schema in (read_schema(user, registry), view_schema(user, registry)):
        assert not {"password", "hashed_password", "search_text"} & set(schema.model_fields)
    assert set(reference_schema(user).model_fields) == {"id", "name"}
    headers = await admin.bearer()
    for name in ("password", "hashed_password"):
        for query in (f"fields={name}", f"sort={name}", f"{name}__startswith=$a", f"{name}=x", f"include={name}"):
            assert_problem(await client.get(f"/users?{query}", headers=headers), 400)
    assert (await client.get("/users?q=argon2id", headers=headers)).json()["total"] == 0
    assert "argon2" not in (await client.get("/users", headers=headers)).text
    change = {"password": NEW_PASSWORD}
    response = await client.patch(f"/users/{reader.id}", headers={**headers, "If-Match": "*"}, json=change)
    assert response.status_code == 200
    assert "argon2" not in response.text
    assert (await reader.log_in(NEW_PASSWORD)).status_code == 200


async def test_no_statement_holds_a_password_as_it_was_typed(
    admin: Person, reader: Person, client: httpx.AsyncClient
) -> None:
    """H16: neither one's own change nor an administrator's, together with other fields or alone."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *further: Any) -> None:
        sent.append(f"{statement} {parameters}")

    headers, mine = {**await admin.bearer(), "If-Match": "*"}, await reader.bearer()
    event.listen(Engine, "before_cursor_execute", note)
    try:
        change = {"password": NEW_PASSWORD, "role": "author", "name": "Rita Two"}
        own = await patch_me(reader, mine, password=NEW_PASSWORD, name="R", current_password=PASSWORD)
        answers = [own, await client.patch(f"/users/{reader.id}", headers=headers, json=change)]
        new = {"email": "new@example.org", "name": "New", "password": NEW_PASSWORD}
        answers.append(await client.post("/users", headers=headers, json=new))
        answers.append(await client.post("/auth/register", json={**new, "email": "n@example.org", "name": "N"}))
        await reader.log_in(NEW_PASSWORD)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert [answer.status_code for answer in answers] == [200, 200, 201, 201]
    assert any("argon2id" in line for line in sent)
    assert not any(NEW_PASSWORD in line or PASSWORD in line for line in sent)


async def test_a_bad_password_from_an_administrator_is_refused_too(
    admin: Person, reader: Person, client: httpx.AsyncClient
) -> None:
    """C22: whoever sets it, and with the new name counted as the user's own."""
    headers = {**await admin.bearer(), "If-Match": "*"}
    path = f"/users/{reader.id}"
    for change in (
        {"password": "short"},
        {"password": None},
        {"password": "qwertyuiop12"},
        {"name": "Lighthouse", "password": "the lighthouse keeper"},
    ):
        assert_problem(await client.patch(path, headers=headers, json=change), 422, "/password")
    assert (await reader.log_in(PASSWORD)).status_code == 200


@pytest.mark.parametrize("change", [{"role": "editor"}, {"is_active": False}])
async def test_the_last_administrator_stays_one(
    admin: Person, enrol: Enrol, client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    """B08: neither demoted nor switched off nor deleted, whatever inactive ones there are."""
    await enrol("Retired", Role.ADMIN, is_active=False)
    headers = {**await admin.bearer(), "If-Match": "*"}
    path = f"/users/{admin.id}"
    assert_problem(await client.patch(path, headers=headers, json=change), 409)
    assert_problem(await client.delete(path, headers=headers), 409)
    assert (await client.get("/users", headers=headers)).status_code == 200
    await enrol("Second", Role.ADMIN)
    assert (await client.patch(path, headers=headers, json=change)).status_code == 200
    assert_problem(await client.get("/users", headers=headers), 401)


async def test_two_administrators_who_remove_each_other_leave_one(
    admin: Person, enrol: Enrol, client: httpx.AsyncClient, database: Database
) -> None:
    """B08: at once, on both databases."""
    other = await enrol("Other", Role.ADMIN)
    for _ in range(5):
        pairs = [(await one.bearer(), two) for one, two in ((admin, other), (other, admin))]
        answers = await asyncio.gather(
            *(
                client.patch(f"/users/{two.id}", headers={**headers, "If-Match": "*"}, json={"role": "reader"})
                for headers, two in pairs
            )
        )
        assert min(answer.status_code for answer in answers) == 200
        left = [await account_of(database, person.email) for person in (admin, other)]
        assert [account.role for account in left if account is not None].count(Role.ADMIN) == 1
        async with database.session() as session:
            for person in (admin, other):
                (await session.get_one(User, person.id)).role = Role.ADMIN


async def test_an_account_of_the_role_anonymous_makes_no_sense(
    admin: Person, reader: Person, client: httpx.AsyncClient
) -> None:
    headers = {**await admin.bearer(), "If-Match": "*"}
    response = await client.patch(f"/users/{reader.id}", headers=headers, json={"role": "anonymous"})
    assert_problem(response, 422, "/role")


async def test_an_administrator_makes_replaces_and_deletes_accounts(admin: Person, client: httpx.AsyncClient) -> None:
    headers = {**await admin.bearer(), "If-Match": "*"}
    new = {"email": "NEW@example.org", "name": "New", "password": PASSWORD, "role": "author"}
    made = await client.post("/users", headers=headers, json=new)
    assert made.status_code == 201
    assert made.json()["email"] == "new@example.org"
    assert_problem(await client.post("/users", headers=headers, json={**new, "name": "Newer"}), 409, "/email")
    path = f"/users/{made.json()['id']}"
    replaced = await client.put(path, headers=headers, json={**new, "name": "Newest", "password": NEW_PASSWORD})
    assert (replaced.json()["name"], replaced.json()["role"]) == ("Newest", "author")
    assert (await client.get("/users?role=author&q=newest", headers=headers)).json()["total"] == 1
    assert (await client.delete(path, headers=headers)).status_code == 204


async def test_the_adapter_finds_an_account_by_its_address(reader: Person, database: Database, work: Any) -> None:
    async with database.session() as session:
        found = await UserDatabase(work(session)).get_by_email("RITA@example.org")
        assert found is not None
        assert found.id == reader.id
        with pytest.raises(Unauthorized):
            await UserService(work(session), user).own()


@pytest.fixture
def work(app: FastAPI) -> Any:
    """Makes a unit of work of the system."""
    return lambda session: UnitOfWork(session, SYSTEM, app.state.reader)


async def test_the_first_administrator_comes_from_the_command_line(
    database: Database, work: Any, client: httpx.AsyncClient
) -> None:
    """C24: there is no default account."""
    assert await count_users(database) == 0
    password = generate_password()
    async with database.session() as session:
        made = await create_user(work(session), " Chief@Example.org", Role.ADMIN, password)
    assert (made.email, made.name, made.role, made.is_active) == ("chief@example.org", "Chief", Role.ADMIN, True)
    chief = Person(made.id, made.email, made.name, client)
    assert (await chief.log_in(password)).status_code == 200


@pytest.mark.parametrize(
    ("email", "password", "pointer"),
    [
        ("chief", PASSWORD, "/email"),
        ("chief@example.org", "short", "/password"),
        ("chief@example.org", "passwordpassword", "/password"),
    ],
)
async def test_the_command_line_is_told_what_is_wrong(
    database: Database, work: Any, email: str, password: str, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        async with database.session() as session:
            await create_user(work(session), email, Role.ADMIN, password)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert await count_users(database) == 0


async def test_the_command_line_makes_nobody_twice(database: Database, work: Any, admin: Person) -> None:
    with pytest.raises(Conflict) as refused:
        async with database.session() as session:
            await create_user(work(session), admin.email, Role.ADMIN, PASSWORD, "Somebody")
    assert [error.pointer for error in refused.value.errors] == ["/email"]


def test_generated_passwords_are_good_and_never_the_same() -> None:
    made = {generate_password() for _ in range(100)}
    assert len(made) == 100
    assert all(weakness(password) is None for password in made)


async def test_a_hash_that_is_none_matches_nothing() -> None:
    assert (await verify_password(PASSWORD, None)).is_right is False
    assert (await verify_password(PASSWORD, "!")).is_right is False
    assert (await verify_password("\ud800 gravel teapot", None)).is_right is False


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ada@Example.ORG ", "ada@example.org"),
        ("A\u030ada@example.org", "\u00e5da@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("Stra\u00dfe@example.org", "strasse@example.org"),
    ],
)
def test_an_address_has_one_spelling(typed: str, kept: str) -> None:
    assert normalise_email(typed) == kept
    assert normalise_email(kept) == kept
