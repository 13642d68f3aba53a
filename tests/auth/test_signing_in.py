"""Signing in: one answer, the same work, and not too often (C12, C13, C14, C15, I07)."""

import asyncio
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from loguru import logger

from cms.auth import passwords
from cms.auth.passwords import Hasher, Verdict
from cms.auth.signing_in import ACCOUNT, client_address
from cms.crud.policy import Role
from cms.database import Database
from tests.auth.people import NEW_PASSWORD, PASSWORD, Connect, Enrol, Person, account_of, count_sessions, log_in
from tests.problems import assert_problem


class CountingHasher(Hasher):
    """The real work, counted: what was compared with a real hash, and what with the decoy."""

    def __init__(self) -> None:
        super().__init__()
        self.verified: list[bool] = []
        self.hashed = 0

    def verify(self, password: str, kept: str | None) -> Verdict:
        self.verified.append(kept is not None)
        return super().verify(password, kept)

    def hash(self, password: str) -> str:
        self.hashed += 1
        return super().hash(password)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Every line that is logged."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="TRACE", format="{message} {extra}")
    yield lines
    logger.remove(sink)


async def test_a_token_opens_ones_own_account(reader: Person, client: httpx.AsyncClient) -> None:
    response = await reader.log_in()
    assert response.status_code == 200
    assert set(response.json()) == {"access_token", "token_type"}
    assert response.json()["token_type"] == "bearer"  # noqa: S105 - the name of a scheme
    assert response.headers["cache-control"] == "no-store"
    headers = {"Authorization": f"bearer {response.json()['access_token']}"}
    account = (await client.get("/users/me", headers=headers)).json()
    assert account["email"] == reader.email
    assert set(account) == {"id", "email", "name", "role", "time_zone", "version", "created_at", "updated_at"}


@pytest.mark.parametrize("typed", ["RITA@EXAMPLE.ORG", "  rita@example.org ", "Rita@Example.Org"])
async def test_an_address_is_found_however_it_is_typed(reader: Person, typed: str) -> None:
    assert (await log_in(reader.client, typed, PASSWORD)).status_code == 200


async def test_one_answer_for_a_wrong_password_an_unknown_address_and_an_inactive_account(
    reader: Person, enrol: Enrol, connect: Connect
) -> None:
    """C12: the same status, body and headers."""
    sleeper = await enrol("Sleeper", is_active=False)
    answers = []
    cases = [(reader.email, "wrong gravel teapot"), ("nobody@example.org", PASSWORD), (sleeper.email, PASSWORD)]
    cases += [("not an address", PASSWORD), ("\x00@example.org", PASSWORD), ("x", " ")]
    for email, password in cases:
        response = await log_in(connect(), email, password)
        assert_problem(response, 401)
        answers.append((response.status_code, response.text, sorted(response.headers.items())))
    assert answers == answers[:1] * len(answers)


async def test_every_refusal_costs_the_same_work(
    reader: Person, enrol: Enrol, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C13: one comparison each, of a hash of the same cost."""
    sleeper = await enrol("Sleeper", is_active=False)
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "HASHER", hasher)
    real = await passwords.hash_password(PASSWORD)
    assert hasher._decoy.split("$")[1:4] == real.split("$")[1:4]  # noqa: SLF001 - the same parameters
    assert len(hasher._decoy) == len(real)  # noqa: SLF001 - and sizes
    hasher.hashed = 0
    for email in (reader.email, "nobody@example.org", sleeper.email, "no address"):
        await log_in(client, email, "wrong gravel teapot")
    assert hasher.verified == [True, False, False, False]
    assert hasher.hashed == 0


async def test_every_refusal_takes_the_same_time(real_hashes: None, enrol: Enrol, connect: Connect) -> None:
    """C13: a coarse look at the clock; the work itself is counted above."""
    known = await enrol("Known")
    times: dict[str, list[float]] = {known.email: [], "nobody@example.org": []}
    for attempt in range(8):
        for email, taken in times.items():
            client = connect(f"203.0.113.{attempt}")
            started = time.process_time()
            await log_in(client, email, "wrong gravel teapot")
            taken.append(time.process_time() - started)
    one, other = (min(taken) for taken in times.values())
    assert abs(one - other) < 0.5 * max(one, other)


async def test_the_password_of_another_normal_form_is_the_same(reader: Person, client: httpx.AsyncClient) -> None:
    """C22: NFC and NFD."""
    headers = {**await reader.bearer(), "If-Match": "*"}
    change = {"password": "mu\u0308\u00dfige Flo\u0308\u00dfe", "current_password": PASSWORD}
    assert (await client.patch("/users/me", headers=headers, json=change)).status_code == 200
    assert (await reader.log_in("m\u00fc\u00dfige Fl\u00f6\u00dfe")).status_code == 200


async def test_a_long_password_is_refused_before_it_is_hashed(
    reader: Person, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C23: 1 MB, in no time; and 72 equal bytes make no equal passwords."""
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "HASHER", hasher)
    started = time.process_time()
    assert_problem(await reader.log_in("x" * 1_000_000), 422, "/password")
    assert time.process_time() - started < 0.5
    assert (await passwords.verify_password("x" * 129, None)).is_right is False
    assert (hasher.verified, hasher.hashed) == ([], 0)
    kept = await passwords.hash_password("y" * 72 + "one")
    assert (await passwords.verify_password("y" * 72 + "two", kept)).is_right is False


async def test_ten_failures_a_minute_and_no_more(reader: Person) -> None:
    """C14: the eleventh attempt is told when to come back, even with the right password."""
    for _ in range(10):
        assert_problem(await reader.log_in("wrong gravel teapot"), 401)
    refused = await reader.log_in()
    assert_problem(refused, 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 60


async def test_attempts_at_once_are_counted_before_they_are_answered(reader: Person) -> None:
    """C14: sixty in parallel get no more than sixty one after the other."""
    answers = await asyncio.gather(*(reader.log_in("wrong gravel teapot") for _ in range(60)))
    assert [answer.status_code for answer in answers].count(401) == 10
    assert {answer.status_code for answer in answers} == {401, 429}


async def test_only_failures_count(reader: Person) -> None:
    for _ in range(15):
        assert (await reader.log_in("wrong gravel teapot")).status_code == 401
        assert (await reader.log_in("wrong gravel teapot")).status_code == 401
        assert (await reader.log_in()).status_code == 200
    many = [await reader.log_in() for _ in range(70)]
    assert {answer.status_code for answer in many} == {200}


async def test_an_unknown_address_is_throttled_like_a_known_one(client: httpx.AsyncClient) -> None:
    """C12, C14."""
    answers = [await log_in(client, "nobody@example.org", PASSWORD) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


async def test_no_header_and_no_spelling_gets_around_the_limit(reader: Person, client: httpx.AsyncClient) -> None:
    """C15: forwarded headers are not read here; case and spaces of the address are one account."""
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP")
    spellings = (reader.email, reader.email.upper(), f" {reader.email} ", reader.email.title())
    answers = []
    for attempt in range(24):
        headers = dict.fromkeys(names, f"198.51.100.{attempt}")
        form = {"username": spellings[attempt % 4], "password": "wrong gravel teapot"}
        answers.append((await client.post("/auth/login", data=form, headers=headers)).status_code)
    assert answers == [401] * 10 + [429] * 14


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_what_counts_as_one_address(host: str, counted: str) -> None:
    """C15."""
    assert client_address(Request({"type": "http", "client": (host, 1)})) == counted
    assert client_address(Request({"type": "http", "client": None})) == ""


async def test_one_customer_of_ipv6_is_one_address(reader: Person, connect: Connect) -> None:
    """C15: a customer has a whole /64 to choose addresses from."""
    answers = [
        await log_in(connect(f"2001:db8:0:1::{n + 1:x}"), reader.email, "wrong gravel teapot") for n in range(11)
    ]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    elsewhere = await log_in(connect("2001:db8:0:2::1"), reader.email, PASSWORD)
    assert elsewhere.status_code == 200


async def test_one_account_is_tried_a_hundred_times_in_a_row_from_anywhere(reader: Person, connect: Connect) -> None:
    """C14: and one address can't use that up alone."""
    statuses = []
    for attempt in range(ACCOUNT.times + 1):
        client = connect(f"203.0.{attempt // 10}.7")
        statuses.append((await log_in(client, reader.email, "wrong gravel teapot")).status_code)
    assert statuses == [401] * ACCOUNT.times + [429]


async def test_trying_one_password_on_everybody_is_limited_too(client: httpx.AsyncClient) -> None:
    """C14."""
    answers = [await log_in(client, f"user{n}@example.org", PASSWORD) for n in range(61)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429]


async def test_the_event_loop_does_not_stall_while_passwords_are_compared(real_hashes: None, reader: Person) -> None:
    """I07: eight bad sign-ins at once; whoever reads in the meantime is not kept waiting."""
    stalled = 0.0
    is_done = False

    async def watch() -> None:
        nonlocal stalled
        while not is_done:
            started = time.perf_counter()
            await asyncio.sleep(0.005)
            stalled += max(0.0, time.perf_counter() - started - 0.03)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    answers = await asyncio.gather(*(reader.log_in("wrong gravel teapot") for _ in range(8)))
    elapsed = time.perf_counter() - started
    is_done = True
    await watching
    assert {answer.status_code for answer in answers} == {401}
    assert stalled < 0.4 * elapsed, "hashed in the loop, it stands still for nearly all of that time"


async def test_a_queue_that_is_too_long_sends_people_away(
    reader: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I07: the memory that waiting takes is bounded."""
    monkeypatch.setattr(passwords, "MOST_WAITING", 2)
    clients = [connect(f"203.0.113.{n}") for n in range(30)]
    answers = await asyncio.gather(*(log_in(c, reader.email, "wrong gravel teapot") for c in clients))
    assert {answer.status_code for answer in answers} == {401, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "5"


async def test_no_writer_waits_for_a_password_to_be_compared(
    real_hashes: None, reader: Person, database: Database
) -> None:
    """I07: on SQLite one transaction writes at a time, and none is open while a hash is made."""
    attempts = asyncio.gather(*(reader.log_in("wrong gravel teapot") for _ in range(4)))
    await asyncio.sleep(0.05)
    assert await account_of(database, reader.email) is not None
    assert not attempts.done()
    await attempts


async def test_a_cheaper_hash_is_replaced_when_its_owner_signs_in(
    reader: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=128, rounds=2))
    await reader.bearer()
    account = await account_of(database, reader.email)
    assert account is not None
    assert "m=128,t=2" in account.password
    assert (await reader.log_in()).status_code == 200


class PausedHasher(Hasher):
    """Compares only when it is let."""

    def __init__(self) -> None:
        super().__init__(memory=64, rounds=1)
        self.asked, self.go_on = Event(), Event()

    def verify(self, password: str, kept: str | None) -> Verdict:
        self.asked.set()
        assert self.go_on.wait(10)
        return super().verify(password, kept)


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": NEW_PASSWORD}])
async def test_what_changes_while_a_password_is_compared_counts(
    admin: Person, reader: Person, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """C06, C11: neither a sign-in nor a change of one's own password slips through."""
    by_admin = {**await admin.bearer(), "If-Match": "*"}
    own = {**await reader.bearer(), "If-Match": "*"}
    hasher = PausedHasher()
    monkeypatch.setattr(passwords, "HASHER", hasher)
    signing_in = asyncio.create_task(reader.log_in())
    changing = asyncio.create_task(
        client.patch("/users/me", headers=own, json={"password": "copper lantern moss", "current_password": PASSWORD})
    )
    assert await asyncio.to_thread(hasher.asked.wait, 10)
    await asyncio.sleep(0.1)
    answer = await client.patch(f"/users/{reader.id}", headers=by_admin, json=change)
    assert answer.status_code == 200
    hasher.go_on.set()
    assert_problem(await signing_in, 401)
    assert_problem(await changing, 401)


async def test_a_stale_token_does_not_stand_in_the_way(reader: Person, client: httpx.AsyncClient) -> None:
    form = {"username": reader.email, "password": PASSWORD}
    response = await client.post("/auth/login", data=form, headers={"Authorization": "Bearer stale"})
    assert response.status_code == 200


async def test_a_form_that_lacks_something_is_told_what(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post("/auth/login", data={"username": "x"}), 422, "/password")
    assert_problem(await client.post("/auth/login", json={"username": "x", "password": "y"}), 422, "/username")


async def test_no_secret_and_no_address_reaches_the_log(
    reader: Person, client: httpx.AsyncClient, log: list[str]
) -> None:
    """H16."""
    canary = "canary gravel teapot 7"
    await reader.log_in(canary)
    registration = {"email": "new@example.org", "password": canary, "name": "New"}
    assert (await client.post("/auth/register", json=registration)).status_code == 201
    headers = await reader.bearer()
    await client.patch(
        "/users/me", headers=headers, json={"password": canary, "current_password": canary, "version": 1}
    )
    text = "".join(log)
    assert "Signed in" in text
    assert "Registered" in text
    for secret in ("canary", PASSWORD, headers["Authorization"][7:], reader.email, "new@example.org"):
        assert secret not in text


async def test_the_access_log_is_told_who_asked(app: FastAPI, reader: Person) -> None:
    seen: dict[str, object] = {}

    async def remember(scope: dict[str, object], receive: object, send: object) -> None:
        scope["state"] = seen
        await app(scope, receive, send)  # type: ignore[arg-type]  # ASGI, written out

    headers = await reader.bearer()
    transport = httpx.ASGITransport(remember)  # type: ignore[arg-type]  # as above
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.get("/api/v1/users/me", headers=headers)
    assert seen["actor_id"] == str(reader.id)


async def test_each_sign_in_is_a_session_of_its_own(reader: Person, database: Database) -> None:
    """C10: nothing that was sent before is taken over."""
    assert await reader.bearer() != await reader.bearer()
    assert await count_sessions(database, reader.id) == 2


async def test_everybody_signs_in_alike(enrol: Enrol) -> None:
    for role in (Role.READER, Role.AUTHOR, Role.EDITOR, Role.ADMIN):
        person = await enrol(f"Some {role.value}".replace(" ", ""), role)
        account = await person.client.get("/users/me", headers=await person.bearer())
        assert account.json()["role"] == role.value
