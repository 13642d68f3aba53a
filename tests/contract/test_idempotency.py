"""Every POST of the API can be sent again under its key; those that can't have a reason (R12, R13)."""

from copy import deepcopy
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.users import User
from cms.content.tags import tag
from cms.crud.content_type import ContentType
from cms.crud.idempotency import HEADER, PARAMETER, REPLAYED
from cms.crud.models import Base
from cms.crud.policy import Role
from cms.main import create_app
from tests.contract.test_permissions import PASSWORD, Caller, addresses
from tests.installation import API, Installation, settings_for
from tests.problems import assert_problem
from tests.samples import SAMPLES, make_host, make_sample

EXEMPT = {
    f"{API}/auth/login": "its answer is a token, which is stored nowhere; signing in twice makes two sessions",
    f"{API}/auth/logout": "it ends a session, which can't end twice: the answer is 401 then",
}
"""What takes no key, and why."""
NEW = {"email": "new@example.org", "name": "Newcomer", "password": PASSWORD}


def posts(app: FastAPI) -> list[str]:
    """The paths of every POST of the API."""
    return sorted(path for method, path in addresses(app) if method == "POST" and path.startswith(API))


class Repeater(Caller):
    """Sends each request twice, under one key."""

    key = ""
    first: httpx.Response
    before: dict[str, Any]

    async def record_of(self, content_type: ContentType[Any], path: str) -> Any:
        """As ever; a revision is restored of what is not in the trash."""
        return await super().record_of(content_type, path.replace("/revisions/{number}/restore", ""))

    async def send_json(self, method: str, path: str, place: str, content_type: Any, record: Any) -> httpx.Response:
        """As ever, but for what takes a change or a revision that has to be made first."""
        if path.endswith("/undo"):
            await make_sample(self.installation, tag, 99)
            made = max(await self.installation.rows("change_sets"), key=lambda row: row["occurred_at"])
            return await self.request(method, place.replace("{id}", str(made["id"])), {})
        if "{number}" in path:
            return await self.request(method, place.replace("{number}", "1"), {"headers": {"If-Match": "*"}})
        return await super().send_json(method, path, place, content_type, record)

    async def request(self, method: str, place: str, options: dict[str, Any]) -> httpx.Response:
        """The second answer; the first one, and every row as it was between the two, are put by."""
        keyed = {**options, "headers": {**options.get("headers", {}), HEADER: self.key}}
        self.first = await super().request(method, place, deepcopy(keyed))
        self.before = await rows(self.installation)
        return await super().request(method, place, deepcopy(keyed))


async def rows(site: Installation) -> dict[str, Any]:
    """Everything that is stored."""
    return {name: await site.rows(name) for name in sorted(Base.metadata.tables)}


@pytest.fixture
async def site(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Where hashing takes no time, and there is an article to comment on."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    await make_host(installation)
    return installation


async def test_every_post_is_done_once(site: Installation) -> None:
    """R12, R13: the same bytes and headers, and not one row more or less."""
    caller, wrong = Repeater(site, Role.ADMIN), []
    for path in posts(site.app):
        if path in EXEMPT:
            continue
        caller.key = f"the key of {path}"
        again, _ = await caller.call("POST", path)
        if not caller.first.is_success:
            wrong.append(f"{path}: {caller.first.status_code} {caller.first.text[:300]}")
        elif stated(again) != stated(caller.first) or again.headers.get(REPLAYED) != "true":
            wrong.append(f"{path}: answered {again.status_code}, not what it was answered first")
        elif await rows(site) != caller.before:
            wrong.append(f"{path}: the second attempt changed something")
    assert wrong == [], "\n".join(wrong)


def stated(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """An answer, but for what each has of its own."""
    own = {"x-request-id", REPLAYED.lower()}
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k not in own}


def test_the_document_tells_of_keys_where_they_are_taken(assembled: FastAPI) -> None:
    """R13."""
    assert set(posts(assembled)) >= EXEMPT.keys(), "These are no routes any more."
    document, told = assembled.openapi(), set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if PARAMETER in operation.get("parameters", ()):
                assert {"409", "422"} <= operation["responses"].keys(), path
                told.add((method, path))
    assert told == {("post", path) for path in posts(assembled) if path not in EXEMPT}


async def test_tokens_are_not_kept(site: Installation) -> None:
    """R13: of two sign-ins under one key each has a token of its own, and neither is stored with an answer."""
    await site.send("POST", "/auth/register", json=NEW)
    form = {"username": NEW["email"], "password": PASSWORD}
    tokens = set()
    for _ in range(2):
        answer = await site.send("POST", "/auth/login", data=form, headers={HEADER: "one"})
        assert answer.status_code == 200
        assert REPLAYED not in answer.headers
        tokens.add(answer.json()["access_token"])
    assert len(tokens) == 2
    assert await site.rows("kept_answers") == []


async def test_registering_again_does_not_tell_who_has_an_account(site: Installation) -> None:
    """C12, R13: known or not, the first answer is kept and given again, and an account is made once."""
    known = {**NEW, "email": "editor@example.org", "name": "Somebody"}
    answers = []
    for body in (NEW, known):
        first, again = [
            await site.send("POST", "/auth/register", json=body, headers={HEADER: body["name"]}) for _ in range(2)
        ]
        assert stated(first) == stated(again)
        answers.append([first, again])
    for new, old in zip(*answers, strict=True):
        assert new.status_code == old.status_code == 201
        assert new.headers.keys() == old.headers.keys()
    assert len(await site.rows(User.__tablename__)) == len(site.people) + 1
    assert len(await site.rows("kept_answers")) == 2


async def test_a_name_that_is_taken_leaves_the_key_free(site: Installation) -> None:
    """R13."""
    taken = {**NEW, "name": "Editor"}
    assert_problem(await site.send("POST", "/auth/register", json=taken, headers={HEADER: "one"}), 409, "/name")
    assert (await site.send("POST", "/auth/register", json=NEW, headers={HEADER: "one"})).status_code == 201


async def test_what_was_answered_to_one_is_not_answered_to_another(site: Installation) -> None:
    """R13: the same key and the same body, of everybody who may write an article."""
    body, seen = SAMPLES["articles"].create(1), []
    for role in (Role.AUTHOR, Role.EDITOR, Role.ADMIN):
        answer = await site.send("POST", "/articles", role, json=body, headers={HEADER: "one"})
        assert answer.status_code == 201, answer.text
        assert REPLAYED not in answer.headers
        seen.append(answer.json()["id"])
    assert len(set(seen)) == 3


async def test_scripts_of_other_sites_may_send_keys_where_they_may_read(migrated_url: str, tmp_path: Any) -> None:
    """R13: CORS."""
    app = create_app(settings_for(migrated_url, tmp_path, cors_origins=("https://a.example",)))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": HEADER.lower()}
        allowed = await client.options(f"{API}/tags", headers={"Origin": "https://a.example", **wish})
        assert allowed.status_code == 200
        read = await client.get("/healthz", headers={"Origin": "https://a.example"})
    assert REPLAYED in read.headers["Access-Control-Expose-Headers"]
