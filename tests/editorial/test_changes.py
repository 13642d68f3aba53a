"""The log of changes: who did what, with old and new values; nothing for who may not know it (A12, D12)."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.users import User
from cms.content.articles import article
from cms.content.menus import menu
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.models import Base
from cms.crud.policy import Origin, Role
from cms.crud.schemas import create_schema
from cms.editorial.changes import EXCERPT, excerpts
from cms.exchange.apply import apply
from tests.admin.browsing import Visitor
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import HOST, SAMPLES, make_host, make_sample
from tests.statements import recorded

ANY = {"If-Match": "*"}
CANARY = "zqcanary velvet gravel"


async def read(installation: Installation, role: Role = Role.EDITOR, **params: Any) -> dict[str, Any]:
    response = await installation.send("GET", "/changes", role, params=params)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def test_the_log_tells_the_story(installation: Installation) -> None:
    rope = await installation.make(tag, Role.EDITOR, name="Rope")
    record = await installation.make(article, Role.EDITOR, title="Tide")
    headers = {**ANY, "X-Request-ID": "0123456789abcdef"}
    body = {"title": "Ebb", "tags": ["rope"]}
    sent = await installation.send("PATCH", f"/articles/{record.id}", Role.EDITOR, headers=headers, json=body)
    assert sent.status_code == 200
    newest = (await read(installation))["items"][0]
    assert newest["actor"] == {"id": str(installation.actor(Role.EDITOR).id), "name": "Editor"}
    assert newest["door"] == "rest"
    assert newest["request_id"] == sent.headers["x-request-id"]
    assert newest["record_count"] == 1
    assert newest["records"] == [
        {
            "type": "articles",
            "id": str(record.id),
            "title": "Ebb",
            "verb": "updated",
            "version": 2,
            "number": 2,
            "is_draft": False,
            "fields": {
                "title": {"old": "Tide", "new": "Ebb", "is_excerpt": False},
                "tags": {"old": [], "new": [str(rope.id)], "is_excerpt": False},
            },
        }
    ]


async def test_filters(installation: Installation) -> None:
    start = utc_now()
    rope = await installation.make(tag, Role.EDITOR, name="Rope")
    record = await installation.make(article, Role.ADMIN, title="Tide")
    await installation.send("PATCH", f"/tags/{rope.id}", Role.ADMIN, headers=ANY, json={"name": "Knot"})
    editor, admin = (str(installation.actor(role).id) for role in (Role.EDITOR, Role.ADMIN))

    async def told(**params: Any) -> list[tuple[str, str]]:
        items = (await read(installation, **params))["items"]
        return [(one["type"], one["verb"]) for item in items for one in item["records"]]

    tag_changes = [("tags", "updated"), ("tags", "created")]
    assert await told(type="tags") == tag_changes
    assert await told(record=str(rope.id)) == tag_changes
    assert await told(record=str(record.id), type="articles") == [("articles", "created")]
    assert await told(record=str(record.id), type="tags") == []
    assert await told(actor=editor) == [("tags", "created")]
    assert await told(actor=admin) == [("tags", "updated"), ("articles", "created")]
    assert await told(actor=str(uuid4())) == []
    assert await told(door="rest") == [("tags", "updated")]
    assert await told(since=start.isoformat(), until=utc_now().isoformat()) == [
        ("tags", "updated"),
        ("articles", "created"),
        ("tags", "created"),
    ]
    assert await told(since=(utc_now() + timedelta(hours=1)).isoformat()) == []
    for wrong in ({"type": "tag"}, {"actor": "me"}, {"since": "now"}, {"limit": "0"}, {"sort": "id"}, {"skip": "1"}):
        assert_problem(await installation.send("GET", "/changes", Role.EDITOR, params=wrong), 400)


async def test_pages(installation: Installation) -> None:
    for number in range(5):
        await installation.make(tag, name=f"Rope {number}")
    first = await read(installation, limit=2)
    second = await read(installation, limit=2, cursor=first["next"])
    titles = [item["records"][0]["title"] for page in (first, second) for item in page["items"]]
    assert titles == ["Rope 4", "Rope 3", "Rope 2", "Rope 1"]
    assert (await read(installation, limit=2, cursor=second["previous"]))["items"] == first["items"]


async def test_the_log_is_for_staff(installation: Installation) -> None:
    """A12."""
    for role, status in ((Role.ANONYMOUS, 401), (Role.READER, 403), (Role.AUTHOR, 403)):
        assert_problem(await installation.send("GET", "/changes", role), status)
        assert_problem(await installation.send("GET", "/changes?nonsense=1", role), status)


async def test_editors_read_what_they_may_edit(installation: Installation) -> None:
    """A12: neither accounts nor settings, not even where one change was of both."""
    await make_sample(installation, installation.registry.by_name("users"))
    await installation.send("PATCH", "/site", Role.ADMIN, headers=ANY, json={"tagline": "Hush."})
    types = [{one["type"] for one in item["records"]} for item in (await read(installation, Role.ADMIN))["items"]]
    assert types[:2] == [{"site"}, {"users"}]
    assert (await read(installation))["items"] == []
    assert (await read(installation, type="users"))["items"] == []
    async with installation.work() as work:
        users, tags = (work.service(installation.registry.by_name(name)) for name in ("users", "tags"))
        await users.change(await users.get(UUID(int=1)), {"name": "Hushed"})
        await tags.create(tag_body("Rope"))
    (shown,) = (await read(installation))["items"]
    assert shown["record_count"] == 1
    assert [one["type"] for one in shown["records"]] == ["tags"]
    assert (await read(installation, Role.ADMIN))["items"][0]["record_count"] == 2


def tag_body(name: str) -> Any:
    return create_schema(tag)(name=name)


async def test_what_was_made_and_deleted_has_one_side(installation: Installation) -> None:
    record = await installation.make(tag, name="Rope")
    await installation.send("DELETE", f"/tags/{record.id}", Role.EDITOR, headers=ANY)
    deleted, made = (item["records"][0] for item in (await read(installation))["items"])
    assert made["fields"]["name"] == {"old": None, "new": "Rope", "is_excerpt": False}
    assert deleted["fields"]["name"] == {"old": "Rope", "new": None, "is_excerpt": False}
    assert deleted["title"] == "Rope"


def test_long_texts_are_told_from_where_they_differ() -> None:
    same, old, new = "a" * 5_000, "b" * 1_000, "c"
    told = excerpts(same + old, same + new + same)
    assert told["is_excerpt"]
    assert told["old"].startswith("…aaa")
    assert "ab" in told["old"]
    assert "ac" in told["new"]
    assert max(len(told["old"]), len(told["new"])) <= EXCERPT + 2
    assert excerpts("short", "shorter") == {"old": "short", "new": "shorter", "is_excerpt": False}
    assert excerpts(None, same)["new"] == "a" * EXCERPT + "…"
    assert excerpts(same, same + "b")["new"].endswith("ab")


async def test_what_is_very_large_is_left_to_the_revision(installation: Installation) -> None:
    record = await installation.make(menu, title="Main")
    items = [{"label": f"Link {n}", "url": "/" + "x" * 200, "items": []} for n in range(40)]
    await installation.send("PATCH", f"/menus/{record.id}", Role.EDITOR, headers=ANY, json={"items": items})
    fields = (await read(installation))["items"][0]["records"][0]["fields"]
    assert fields["items"] == {"old": [], "new": None, "is_excerpt": True}
    whole = await installation.send("GET", f"/menus/{record.id}/revisions/2", Role.EDITOR)
    assert whole.json()["values"]["items"] == items


async def test_of_very_many_records_the_first_are_told(installation: Installation) -> None:
    async with installation.work() as work:
        service = work.service(tag)
        for number in range(103):
            await service.create(tag_body(f"Rope {number}"))
    newest = (await read(installation))["items"][0]
    assert newest["record_count"] == 103
    assert len(newest["records"]) == 100


async def test_a_page_takes_as_many_statements_however_long_it_is(installation: Installation) -> None:
    counts = []
    for limit in (1, 20):
        await installation.make(tag, name=f"Rope {limit}")
        with recorded() as statements:
            await read(installation, limit=limit)
        counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_who_acted_and_is_gone_is_told_by_id(installation: Installation) -> None:
    gone = uuid4()
    async with installation.database.session() as session:
        session.sync_session.info["origin"] = Origin(gone)
        session.add(tag.model(name="Rope", slug="rope"))
    assert (await read(installation))["items"][0]["actor"] == {"id": str(gone), "name": None}


async def test_what_a_deleted_account_leaves_behind_is_told(installation: Installation) -> None:
    """The database would take it out of its comments and files unseen."""
    await make_host(installation)
    writer = str(installation.actor(Role.READER).id)
    said = {"article": HOST, "content": "Water waits.", "author": writer}
    made = (await installation.send("POST", "/comments", Role.EDITOR, json=said)).json()
    gone = await installation.send("DELETE", f"/users/{writer}", Role.ADMIN, headers=ANY)
    assert gone.status_code == 204, gone.text
    told = (await read(installation, Role.ADMIN))["items"][0]["records"]
    assert [(one["type"], one["id"], one["verb"]) for one in told] == [
        ("comments", made["id"], "updated"), ("users", writer, "deleted"),
    ]  # fmt: skip
    assert told[0]["fields"] == {"author": {"old": writer, "new": None, "is_excerpt": False}}
    assert told[0]["version"] == made["version"] + 1


@pytest.mark.parametrize("role", [Role.ADMIN, Role.READER])
async def test_nothing_of_a_password_is_kept(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    """D12, A12: made and changed, by an administrator and by oneself: neither it nor its hash stands anywhere else."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    typed = [f"{CANARY} {number}" for number in range(3)]
    body = {**SAMPLES["users"].create(1), "password": typed[0]}
    made = await installation.send("POST", "/users", Role.ADMIN, json=body)
    assert made.status_code == 201, made.text
    path = f"/users/{made.json()['id']}"
    for password in typed[1:]:
        values = {"password": password, "name": f"User {password[-1]}"}
        assert (await installation.send("PATCH", path, Role.ADMIN, headers=ANY, json=values)).status_code == 200
    async with installation.database.session() as session:
        account = await session.get(User, installation.actor(role).id)
        assert account is not None
        account.password = await passwords.hash_password(f"{CANARY} of old")
    own = {"password": CANARY, "current_password": f"{CANARY} of old"}
    changed = await installation.send("PATCH", "/users/me", role, headers=ANY, json=own)
    assert changed.status_code == 200, changed.text
    hashes = await hashes_of(installation)
    assert len(hashes) == 2
    await assert_not_stored(installation, CANARY, "argon2", *hashes)
    log = await read(installation, Role.ADMIN, type="users", limit=3)
    told = [item["records"][0]["fields"]["password"] for item in log["items"]]
    assert told == [{"old": "***", "new": "***", "is_excerpt": False}] * 3  # by oneself, then twice by the test
    whole = await installation.send("GET", f"{path}/revisions/3", Role.ADMIN)
    assert "password" not in whole.json()["values"]
    assert "password" in whole.json()["fields"]
    restored = await installation.send("POST", f"{path}/revisions/1/restore", Role.ADMIN, headers=ANY)
    assert restored.status_code == 200
    assert await hashes_of(installation) == hashes


async def test_nothing_of_a_password_is_kept_by_the_other_doors(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """D12, A12: set and changed by a form, and made for an account that comes as a file, here taken from its report."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    browser = Visitor(installation.client, installation.people[Role.ADMIN].cookie)
    blank = (await browser.get("/user/create")).edit
    made = await browser.send(blank, email="form@example.org", name="Form", password=f"{CANARY} 1")
    assert made.status == 303, made.text
    address = made.response.headers["location"]
    changed = await browser.send((await browser.get(address)).edit, name="Other", password=f"{CANARY} 2")
    assert changed.status == 303, changed.text
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "file.yaml").write_text("email: file@example.org\nname: File\n")
    actor, state = installation.actor(Role.ADMIN), installation.app.state
    report = await apply(state.database, state.registry, state.reader, state.storage, tmp_path, actor=actor)
    (of_file,) = report.passwords.values()
    hashes = await hashes_of(installation)
    assert len(hashes) == 2
    await assert_not_stored(installation, CANARY, "argon2", of_file, *hashes)
    log = await read(installation, Role.ADMIN, type="users", limit=3)
    assert [item["door"] for item in log["items"]] == ["files", "admin", "admin"]
    assert log["items"][1]["records"][0]["fields"]["password"] == {"old": "***", "new": "***", "is_excerpt": False}


async def hashes_of(installation: Installation) -> set[str]:
    return {row["hashed_password"] for row in await installation.rows("users")} - {"!"}


async def assert_not_stored(installation: Installation, *secrets: str) -> None:
    """None of these stands anywhere but in the one column."""
    for table in Base.metadata.tables:
        stored = str([{**row, "hashed_password": ""} for row in await installation.rows(table)])
        assert not [secret for secret in secrets if secret in stored], table
