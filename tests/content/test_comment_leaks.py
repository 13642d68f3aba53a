"""A19: comments that are not approved, and the addresses of those who write, reach nobody who may not have them."""

from typing import Any

import httpx
import pytest

from cms.auth.throttle import Throttle
from cms.content.articles import article
from cms.content.comments import CommentStatus, comment
from cms.crud.fields import utc_now
from cms.crud.models import Base
from cms.crud.policy import Action, Role
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import HOST, make_host

ANY = {"If-Match": "*"}
CANARY = "zqcanary"
"""Stands in all that is hidden."""
PRIVATE: dict[str, Any] = {"email": f"{CANARY}@example.org", "website": f"https://{CANARY}.example"}
HIDDEN = (CommentStatus.PENDING, CommentStatus.REJECTED, CommentStatus.SPAM)
OUTSIDERS = (Role.ANONYMOUS, Role.READER, Role.AUTHOR)


@pytest.fixture
async def hidden(installation: Installation) -> list[Any]:
    """Comments that nobody should see, beside one that everybody sees, but for who wrote it."""
    await make_host(installation)
    author = str(installation.actor(Role.AUTHOR).id)
    below = await installation.make(article, title="Gone", slug="gone", author=author, published_at=utc_now())
    shown = await installation.make(
        comment, article=HOST, name="Ann", content="Seen.", status=CommentStatus.APPROVED, **PRIVATE
    )
    texts: dict[str, Any] = {"name": CANARY, "content": f"{CANARY} said", **PRIVATE}
    made = [await installation.make(comment, article=HOST, status=status, **texts) for status in HIDDEN]
    made += [
        await installation.make(comment, article=HOST, status=status, parent=str(shown.id), **texts)
        for status in HIDDEN
    ]
    made.append(await installation.make(comment, article="gone", status=CommentStatus.APPROVED, **texts))
    async with installation.work() as work:
        await work.service(article).delete(await work.service(article).get(below.id, Action.DELETE), 1)
    return made


def assert_silent(answer: httpx.Response, asked: str) -> None:
    """That an answer has nothing hidden in it.

    :param asked: what to name if it has.
    """
    assert CANARY not in f"{answer.text}{answer.headers}", asked
    assert answer.status_code < 500, asked


async def test_a19_json_shows_no_hidden_comment_and_no_address(installation: Installation, hidden: list[Any]) -> None:
    """A19: no list, filter, sort, search, include or key of theirs, for whoever does not moderate."""
    keys = [str(record.id) for record in hidden]
    queries = [
        "", f"?article={HOST}", "?article=gone", "?sort=-updated_at", "?fields=content,name,parent,author,status",
        *(f"?status={status}" for status in CommentStatus), f"?status__nin={CommentStatus.APPROVED}",
        *(f"?id={key}" for key in keys), *(f"?parent={key}" for key in keys), "?parent__isnull=false",
        *(f"?id__in={key}" for key in keys), "?total=exact&limit=1", "?created_at__gte=2020-01-01T00:00:00Z",
    ]  # fmt: skip
    for role in OUTSIDERS:
        for query in queries:
            answer = await installation.send("GET", f"/comments{query}", role)
            assert_silent(answer, query)
            assert answer.json()["total"] <= 1, query
        assert (await installation.send("GET", f"/comments?q={CANARY}", role)).json()["total"] == 0
        for key in keys:
            assert_problem(await installation.send("GET", f"/comments/{key}", role), 404)
        for path in (f"/articles/{HOST}?include=comments", "/articles?include=comments", "/articles"):
            answer = await installation.send("GET", path, role)
            assert_silent(answer, path)
            (host,) = answer.json().get("items", [answer.json()])
            assert host["comment_count"] == 1
            assert [c["content"] for c in host.get("comments", [])] in ([], ["Seen."])


async def test_a19_addresses_and_traps_have_no_name_over_rest(installation: Installation, hidden: list[Any]) -> None:
    """A19: for moderators neither: what is private is in the back office alone."""
    for role in Role:
        for path in ("/comments", f"/comments/{hidden[0].id}", f"/articles/{HOST}?include=comments"):
            answer = await installation.send("GET", path, role)
            assert f"{CANARY}@" not in answer.text
            assert f"{CANARY}.example" not in answer.text
        for name in ("email", "website", "fingerprint"):
            for query in (f"fields={name}", f"{name}=x", f"{name}__contains=x", f"sort={name}"):
                assert_problem(await installation.send("GET", f"/comments?{query}", role), 400)


async def test_a19_no_history_over_rest_tells_them(installation: Installation, hidden: list[Any]) -> None:
    """A19: neither revision, difference nor change of a comment, nor undoing it; moderators read it where they work."""
    path = f"/comments/{hidden[0].id}"
    body = {"email": f"{CANARY}2@example.org", "website": None}
    changed = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json=body)
    assert changed.status_code == 200, changed.text
    log = await installation.send("GET", "/changes?type=comments", Role.EDITOR)
    (told,) = log.json()["items"][0]["records"]
    masked = {"old": "***", "new": "***", "is_excerpt": False}
    assert told["fields"] == {"email": masked, "website": masked}
    undone = await installation.send("POST", f"/changes/{log.json()['items'][0]['id']}/undo", Role.EDITOR)
    whole = await installation.send("GET", f"{path}/revisions/2", Role.EDITOR)
    difference = await installation.send("GET", f"{path}/diff?from=1&to=2", Role.EDITOR)
    assert (whole.json()["values"]["email"], whole.json()["values"]["website"]) == ("***", "***")
    assert [field["name"] for field in difference.json()["fields"]] == ["email", "website"]
    restored = await installation.send("POST", f"{path}/revisions/2/restore", Role.EDITOR, headers=ANY)
    stale = {"If-Match": f'"v{changed.json()["version"] - 1}"'}
    other = {"email": "third@example.org"}
    overlap = await installation.send("PATCH", f"{path}?merge=true", Role.EDITOR, headers=stale, json=other)
    assert_problem(overlap, 409, "/email")
    for role in (Role.EDITOR, Role.ADMIN):
        for again in ("/changes", f"{path}/revisions", f"{path}/revisions/1", f"{path}/diff?from=1&to=2"):
            answer = await installation.send("GET", again, role)
            assert answer.status_code == 200, answer.text
            assert f"{CANARY}@" not in answer.text, again
            assert f"{CANARY}2@" not in answer.text, again
            assert f"{CANARY}.example" not in answer.text, again
    for answer in (log, undone, whole, difference, restored, overlap):
        assert "@example.org" not in answer.text, answer.text
    cookie = {"Cookie": f"masthead={installation.people[Role.EDITOR].cookie}"}
    page = await installation.client.get(f"/admin/history/comment/{hidden[0].id}?from=1&to=2", headers=cookie)
    assert f"{CANARY}2" in page.text


async def test_a19_no_file_and_no_event_holds_them(installation: Installation, hidden: list[Any]) -> None:
    """A19: what is exported, by whomever; and what others may be told of later, which names a record and no words."""
    for role in (Role.EDITOR, Role.ADMIN):
        cookie = {"Cookie": f"masthead={installation.people[role].cookie}"}
        for kind in ("csv", "json"):
            exported = await installation.client.get(f"/admin/comment/export?format={kind}", headers=cookie)
            assert f"{CANARY} said" in exported.text
            assert f"{CANARY}@" not in exported.text
            assert f"{CANARY}.example" not in exported.text
    events = [row for row in await installation.rows("events") if row["record_type"] == "comments"]
    assert {row["record_id"] for row in events} >= {record.id for record in hidden}
    assert CANARY not in str(events)


async def test_a19_where_a_comment_came_from_is_not_kept(installation: Installation) -> None:
    """A19: neither the address of the machine nor what its browser is called, which then nobody can be shown."""
    await make_host(installation)
    headers = {"User-Agent": f"{CANARY}/1.0", "X-Forwarded-For": "198.51.100.7", "Idempotency-Key": "one"}
    words = {"article": HOST, "name": "Bo", "email": "bo@example.org", "content": "Mine."}
    made = await installation.send("POST", "/comments", json=words, headers=headers)
    assert made.status_code == 201, made.text
    for table in Base.metadata.tables:
        stored = str(await installation.rows(table))
        assert not [own for own in (CANARY, "198.51.100.7", "127.0.0.1") if own in stored], table


async def test_a19_no_get_route_shows_them(installation: Installation, hidden: list[Any]) -> None:
    """A19: whatever else there is, now and later."""
    keys = [str(hidden[0].id), str((await make_host(installation)).id), HOST, "gone"]
    for role in OUTSIDERS:
        person = installation.people.get(role)
        signed = {"Authorization": f"Bearer {person.token}"} if person else {}
        for path, methods in installation.app.openapi()["paths"].items():
            for address in {path.replace("{key}", key) for key in keys} if "get" in methods else ():
                answer = await installation.client.get(address.replace("{", "").replace("}", ""), headers=signed)
                assert_silent(answer, address)


async def test_a19_html_shows_them_to_moderators_alone(installation: Installation, hidden: list[Any]) -> None:
    """A19: authors may enter the back office, and find nothing of it there."""
    first = hidden[0].id
    pages = [
        "/admin/", "/admin/comment/list", f"/admin/comment/list?q={CANARY}", f"/admin/comment/edit/{first}",
        f"/admin/comment/details/{first}", "/admin/article/list", f"/admin/comment/lookup?field=parent&term={CANARY}",
        f"/admin/article/details/{hidden[0].article_id}", f"/admin/article/edit/{hidden[-1].article_id}",
    ]  # fmt: skip
    for role in Role:
        person = installation.people.get(role)
        headers = {"Cookie": f"masthead={person.cookie}"} if person else {}
        seen = []
        for path in pages:
            installation.client.cookies.clear()
            answer = await installation.client.get(path, headers=headers)
            own = answer.text.replace(f"q={CANARY}", "").replace(f"q%3D{CANARY}", "").replace(f'value="{CANARY}"', "")
            seen.append(CANARY in own)
        assert any(seen) == role.at_least(Role.EDITOR), (role, dict(zip(pages, seen, strict=True)))


async def test_a19_refusals_and_answers_tell_writers_nothing(installation: Installation, hidden: list[Any]) -> None:
    """A19: neither whose text is repeated, nor what became of one's own."""
    installation.app.state.throttle = Throttle(None)
    for role in OUTSIDERS:
        words = {"article": HOST, "name": "Bo", "email": "bo@example.org", "content": f"Mine, {role}."}
        made = await installation.send(
            "POST", "/comments", role, json={**words, "website": f"https://{CANARY}.example"}
        )
        assert made.json()["status"] == "pending"
        assert_silent(made, "")
        again = await installation.send("POST", "/comments", role, json={**words, "content": f"{CANARY} said"})
        assert_problem(again, 409)
        assert_silent(again, "")
        for method in ("PATCH", "PUT", "DELETE"):
            options: dict[str, Any] = {} if method == "DELETE" else {"json": words}
            path = f"/comments/{made.json()['id']}"
            refused = await installation.send(method, path, role, headers=ANY, **options)
            assert refused.status_code in {401, 403, 404}
            assert_silent(refused, "")
