"""Registering: a reader and nothing more (B01), and no word about who has an account (C12)."""

import asyncio
from typing import Any

import httpx
import pytest

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.router import REGISTRATIONS
from cms.crud.policy import Role
from cms.database import Database
from tests.auth.people import NEW_PASSWORD, PASSWORD, Connect, Person, account_of, count_users, log_in
from tests.problems import assert_problem

ADA = {"email": "ada@example.org", "password": NEW_PASSWORD, "name": "Ada"}


async def register(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/auth/register", json={**ADA, **changes})


async def test_who_registers_is_a_reader_and_can_sign_in(client: httpx.AsyncClient, database: Database) -> None:
    response = await register(client, email="  Ada@Example.ORG ", name="  Ada   Lovelace ")
    assert response.status_code == 201
    assert response.json()["role"] == "reader"
    account = await account_of(database, "ada@example.org")
    assert account is not None
    assert (account.name, account.role, account.is_active) == ("Ada Lovelace", Role.READER, True)
    assert account.password.startswith("$argon2id$")
    assert (await log_in(client, "ada@example.org", NEW_PASSWORD)).status_code == 200


PRIVILEGES = {
    "role": "admin",
    "roles": ["admin"],
    "is_superuser": True,
    "is_verified": True,
    "is_active": True,
    "is_staff": True,
    "id": "0192f0c1-0000-7000-8000-000000000000",
    "version": 7,
    "hashed_password": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
    "created_at": "2020-01-01T00:00:00Z",
    "permissions": ["*"],
    "current_password": "x",
}


@pytest.mark.parametrize("key", PRIVILEGES)
async def test_nothing_else_can_be_assigned(client: httpx.AsyncClient, database: Database, key: str) -> None:
    """B01: refused by name, and nobody is made."""
    assert_problem(await register(client, **{key: PRIVILEGES[key]}), 422, f"/{key}")
    assert await count_users(database) == 0


async def test_a_form_or_a_query_assigns_nothing_either(client: httpx.AsyncClient, database: Database) -> None:
    """B01."""
    assert_problem(await client.post("/auth/register", data={**ADA, "role": "admin"}), 415)
    assert_problem(await client.post("/auth/register?role=admin", json=ADA), 400)
    assert await count_users(database) == 0


async def test_an_address_that_has_an_account_gets_the_same_answer(
    reader: Person, client: httpx.AsyncClient, database: Database
) -> None:
    """C12: and the account that is there is not touched."""
    before = await account_of(database, reader.email)
    known = await register(client, email=reader.email.upper(), name="Somebody")
    unknown = await register(client, email="fresh@example.org", name="Somebodx")
    assert known.status_code == unknown.status_code == 201
    assert known.json() == {**unknown.json(), "email": reader.email.upper(), "name": "Somebody"}
    headers = [{k: v for k, v in r.headers.items() if k != "content-length"} for r in (known, unknown)]
    assert headers[0] == headers[1]
    after = await account_of(database, reader.email)
    assert before is not None
    assert after is not None
    assert (after.name, after.password, after.version) == (before.name, before.password, before.version)
    assert (await log_in(client, reader.email, NEW_PASSWORD)).status_code == 401
    assert (await reader.log_in(PASSWORD)).status_code == 200
    assert await count_users(database) == 2


async def test_a_known_address_costs_the_same_hash(
    reader: Person, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C13."""
    made: list[str] = []

    class CountingHasher(Hasher):
        def hash(self, password: str) -> str:
            made.append(super().hash(password))
            return made[-1]

    monkeypatch.setattr(passwords, "HASHER", CountingHasher(memory=64, rounds=1))
    await register(client, email=reader.email, name="Somebody")
    await register(client, email="fresh@example.org", name="Somebodx")
    assert len(made) == 2


async def test_a_name_that_is_taken_is_a_conflict_whatever_the_address(
    reader: Person, client: httpx.AsyncClient
) -> None:
    """C12: names are public, addresses are not."""
    known = await register(client, email=reader.email, name="Rita")
    unknown = await register(client, email="fresh@example.org", name=" Rita ")
    problem = assert_problem(known, 409, "/name")
    assert assert_problem(unknown, 409, "/name") == problem


async def test_six_at_once_with_one_address_make_one_account(connect: Connect, database: Database) -> None:
    """C12: the database decides who was first; nobody sees a 500."""
    answers = await asyncio.gather(*(register(connect(), name=f"Ada {n}") for n in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert await count_users(database) == 1


async def test_six_at_once_with_one_name_make_one_account(connect: Connect, database: Database) -> None:
    answers = await asyncio.gather(*(register(connect(), email=f"ada{n}@example.org") for n in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert await count_users(database) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"password": "short"}, "/password"),
        ({"password": ""}, "/password"),
        ({"password": "passwordpassword"}, "/password"),
        ({"password": "ada@example.org!!"}, "/password"),
        ({"password": "x" * 129}, "/password"),
        ({"password": "x" * 1_000_000}, "/password"),
        ({"password": "velvet gravel\x00 teapot"}, "/password"),
        ({"password": None}, "/password"),
        ({"email": "ada"}, "/email"),
        ({"email": "ada@"}, "/email"),
        ({"email": "a b@example.org"}, "/email"),
        ({"email": "ada@example.org\r\nBcc: x@y.z"}, "/email"),
        ({"email": "ada\x00@example.org"}, "/email"),
        ({"email": "ada\u200b@example.org"}, "/email"),
        ({"email": "\u00df" * 60 + "@" + "\u00df" * 180}, "/email"),
        ({"email": "x" * 250 + "@example.org"}, "/email"),
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "Ada\x00"}, "/name"),
        ({"name": "A\u202eda"}, "/name"),
        ({"name": ["Ada"]}, "/name"),
    ],
)
async def test_what_can_not_be_accepted_is_named(
    client: httpx.AsyncClient, database: Database, changes: dict[str, Any], pointer: str
) -> None:
    """C22, C23."""
    response = await register(client, **changes)
    assert_problem(response, 422, pointer)
    if isinstance(changes.get("password"), str) and changes["password"]:
        assert changes["password"] not in response.text
    assert await count_users(database) == 0


async def test_accounts_are_not_made_without_end(client: httpx.AsyncClient, connect: Connect) -> None:
    for n in range(REGISTRATIONS.times):
        assert (await register(client, email=f"a{n}@example.org", name=f"A {n}")).status_code == 201
    assert_problem(await register(client), 429)
    assert (await register(connect("203.0.113.2"))).status_code == 201
