"""Comments: who may, where, how deep; moderation; and a count that is right."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import HOST, make_host

ANY = {"If-Match": "*"}
ANN = {"article": HOST, "name": "Ann", "email": "ann@example.org", "content": "*Yes.*"}


async def say(installation: Installation, role: Role = Role.ANONYMOUS, **over: Any) -> httpx.Response:
    """Send a comment; those of the roles differ, since the same text is refused."""
    said = {**ANN, "content": f"*Yes*, {role}."} if role is not Role.ANONYMOUS else ANN
    body = {name: value for name, value in {**said, **over}.items() if value is not None}
    return await installation.send("POST", "/comments", role, json=body)


async def moderate(installation: Installation, record_id: str, status: str) -> httpx.Response:
    return await installation.send("PATCH", f"/comments/{record_id}", Role.EDITOR, headers=ANY, json={"status": status})


async def count_shown(installation: Installation) -> int:
    article = (await installation.send("GET", f"/articles/{HOST}?include=comments")).json()
    listed = (await installation.send("GET", f"/comments?article={HOST}")).json()
    assert article["comment_count"] == len(article["comments"]) == listed["total"]
    return int(listed["total"])


async def test_an_anonymous_comment_waits_and_is_then_shown(installation: Installation) -> None:
    await make_host(installation)
    made = await say(installation)
    assert made.status_code == 201
    assert (made.json()["status"], made.json()["author"]) == ("pending", None)
    assert made.json()["content_html"] == "<p><em>Yes.</em></p>\n"
    assert await count_shown(installation) == 0
    assert_problem(await installation.send("GET", f"/comments/{made.json()['id']}"), 404)
    assert (await moderate(installation, made.json()["id"], "approved")).status_code == 200
    assert await count_shown(installation) == 1


async def test_nobody_approves_their_own(installation: Installation) -> None:
    """B15."""
    await make_host(installation)
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR):
        refused = await say(installation, role, status="approved")
        assert_problem(refused, 403, "/status")
        refused = await say(installation, role, author=str(installation.actor(Role.EDITOR).id))
        assert_problem(refused, 403, "/author")
        made = await say(installation, role)
        assert made.json()["status"] == "pending"


async def test_the_signed_in_are_named_by_their_account(installation: Installation) -> None:
    await make_host(installation)
    made = await say(installation, Role.READER, name=None, email=None)
    assert made.json()["author"] == {"id": str(installation.actor(Role.READER).id), "name": "Reader"}


async def test_the_anonymous_say_who_they_are(installation: Installation) -> None:
    await make_host(installation)
    assert_problem(await say(installation, name=None), 422, "/name")
    assert_problem(await say(installation, email=None), 422, "/email")


async def test_a_site_may_ask_for_an_account(installation: Installation) -> None:
    await make_host(installation)
    closed = {"allow_anonymous_comments": False}
    await installation.send("PATCH", "/site", Role.ADMIN, headers=ANY, json=closed)
    assert_problem(await say(installation), 401)
    assert (await say(installation, Role.READER)).status_code == 201


async def test_an_address_is_never_answered(installation: Installation) -> None:
    """A01: not even to those who moderate."""
    await make_host(installation)
    made = await say(installation, email="secret@example.org")
    record_id = made.json()["id"]
    answers = [made, await moderate(installation, record_id, "approved")]
    for role in Role:
        paths = (f"/comments/{record_id}", "/comments", f"/articles/{HOST}?include=comments")
        answers += [await installation.send("GET", path, role) for path in paths]
        for path in ("/comments?fields=email", "/comments?email=secret@example.org", "/comments?sort=email"):
            assert_problem(await installation.send("GET", path, role), 400)
        found = await installation.send("GET", "/comments?q=secret", role)
        assert found.json()["total"] == 0
    assert all(answer.is_success and "secret@" not in answer.text for answer in answers)
    (row,) = await installation.rows("comments")
    assert row["email"] == "secret@example.org"


async def test_threads_end_at_their_fifth_level(installation: Installation) -> None:
    await make_host(installation)
    parent: str | None = None
    for depth in range(1, 6):
        made = await say(installation, Role.EDITOR, parent=parent, status="approved")
        assert made.json()["depth"] == depth
        parent = made.json()["id"]
    assert_problem(await say(installation, Role.EDITOR, parent=parent), 422, "/parent")


async def test_a_reply_belongs_to_the_article_of_what_it_replies_to(installation: Installation) -> None:
    """A15, B15."""
    await make_host(installation)
    await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Other"})
    first = (await say(installation, Role.EDITOR, status="approved")).json()
    assert_problem(await say(installation, Role.EDITOR, article="other", parent=first["id"]), 422, "/parent")
    hidden = (await say(installation)).json()
    assert_problem(await say(installation, content="Why?", parent=hidden["id"]), 422, "/parent")
    assert_problem(await say(installation, parent=str(UUID(int=7))), 422, "/parent")


async def test_a_thread_does_not_leave_its_article_or_grow_by_moving(installation: Installation) -> None:
    await make_host(installation)
    await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Other"})
    top = (await say(installation, Role.EDITOR, status="approved")).json()
    reply = (await say(installation, Role.EDITOR, status="approved", parent=top["id"])).json()
    path = f"/comments/{top['id']}"
    onto_itself = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json={"parent": reply["id"]})
    assert_problem(onto_itself, 422, "/parent")
    away = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json={"article": "other"})
    assert_problem(away, 422, "/article")
    assert await count_shown(installation) == 2


async def test_what_is_deleted_takes_its_replies_along(installation: Installation) -> None:
    await make_host(installation)
    top = (await say(installation, Role.EDITOR, status="approved")).json()
    await say(installation, Role.EDITOR, status="approved", parent=top["id"])
    await say(installation, Role.EDITOR, status="approved")
    assert await count_shown(installation) == 3
    await installation.send("DELETE", f"/comments/{top['id']}", Role.EDITOR, headers=ANY)
    assert await count_shown(installation) == 1


async def test_a_count_is_no_change_of_the_article(installation: Installation) -> None:
    await make_host(installation)
    before = (await installation.rows("articles"))[0]
    await say(installation, Role.EDITOR, status="approved")
    after = (await installation.rows("articles"))[0]
    assert {name for name in before if before[name] != after[name]} == {"comment_count"}


async def test_the_text_is_made_safe(installation: Installation) -> None:
    await make_host(installation)
    made = await say(installation, content="<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![p](/x.png)")
    html = made.json()["content_html"]
    assert "<img" not in html
    assert 'href="javascript' not in html


@pytest.mark.parametrize("content", ["", "x" * 5_001, None])
async def test_a_text_is_needed_and_not_too_long(installation: Installation, content: str | None) -> None:
    await make_host(installation)
    assert_problem(await say(installation, content=content), 422, "/content")


async def test_a_text_that_nests_too_deeply_is_refused_in_words(installation: Installation) -> None:
    await make_host(installation)
    problem = assert_problem(await say(installation, content=">" * 300 + " x"), 422, "/content")
    assert "too deeply" in problem["detail"]
