"""Publishing, taking back, trashing and restoring; and what is written down of it."""

from datetime import timedelta
from typing import Any

import pytest

from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}


async def write(installation: Installation, **values: Any) -> str:
    response = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide", **values})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def step(installation: Installation, record_id: str, verb: str, **body: Any) -> Any:
    options = {"json": body} if body else {}
    return await installation.send("POST", f"/articles/{record_id}/{verb}", Role.EDITOR, **options)


async def kinds(installation: Installation) -> list[str]:
    rows = await installation.rows("events")
    return [row["kind"] for row in rows if row["kind"].startswith("article.")]


async def test_an_article_is_published_and_taken_back(installation: Installation) -> None:
    record = await write(installation)
    published = (await step(installation, record, "publish")).json()
    assert (published["status"], published["is_published"], published["version"]) == ("published", True, 2)
    again = (await step(installation, record, "publish")).json()
    assert (again["published_at"], again["version"]) == (published["published_at"], 2)
    back = (await step(installation, record, "unpublish")).json()
    assert (back["status"], back["published_at"], back["version"]) == ("draft", None, 3)
    assert_problem(await step(installation, record, "unpublish"), 409)
    assert await kinds(installation) == ["article.created", "article.published", "article.unpublished"]


async def test_whatever_it_is_called_what_readers_see_and_no_longer_see_is_told(installation: Installation) -> None:
    record = await write(installation, published_at="2026-01-01T08:00:00Z")
    assert (await step(installation, record, "unpublish", at="2026-01-02T08:00:00Z")).status_code == 200
    assert await kinds(installation) == ["article.created", "article.published", "article.unpublished"]
    values = {"unpublish_at": None, "title": "Ebb"}
    path = f"/articles/{record}"
    assert (await installation.send("PATCH", path, Role.EDITOR, json=values, headers=ANY)).status_code == 200
    assert (await kinds(installation))[3:] == ["article.published"]
    verbs = [row["verb"] for row in await installation.rows("revisions") if row["record_type"] == "articles"]
    assert verbs == ["created", "unpublished", "published"]
    for moved, kind in (("2026-01-01T09:00:00Z", "updated"), ("2999-01-01T09:00:00Z", "unpublished")):
        answer = await installation.send("PATCH", path, Role.EDITOR, json={"published_at": moved}, headers=ANY)
        assert answer.status_code == 200, answer.text
        assert (await kinds(installation))[-1] == f"article.{kind}"
    await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, json={"title": "Flow"}, headers=ANY)
    assert (await step(installation, record, "publish", at="2999-01-01T09:00:00Z")).status_code == 200
    assert (await kinds(installation))[-1] == "article.scheduled"
    assert (await installation.send("DELETE", path, Role.EDITOR, headers=ANY)).status_code == 204
    assert (await step(installation, record, "restore")).status_code == 200
    assert (await kinds(installation))[-2:] == ["article.trashed", "article.restored"]


async def test_a_publication_can_wait_and_end(installation: Installation) -> None:
    record, now = await write(installation), utc_now()
    soon, later = (now + timedelta(days=days) for days in (1, 2))
    scheduled = (await step(installation, record, "publish", at=soon.isoformat())).json()
    assert (scheduled["status"], scheduled["is_published"]) == ("scheduled", False)
    assert_problem(await step(installation, record, "unpublish", at=now.isoformat()), 422, "/at")
    ending = (await step(installation, record, "unpublish", at=later.isoformat())).json()
    assert ending["unpublish_at"] is not None
    assert (await step(installation, record, "publish")).json()["status"] == "published"


async def test_what_has_expired_can_be_published_anew(installation: Installation) -> None:
    past = utc_now() - timedelta(days=2)
    times = {"published_at": past.isoformat(), "unpublish_at": (past + timedelta(days=1)).isoformat()}
    record = await write(installation, **times)
    assert (await installation.send("GET", f"/articles/{record}", Role.EDITOR)).json()["status"] == "expired"
    anew = (await step(installation, record, "publish")).json()
    assert (anew["status"], anew["unpublish_at"]) == ("published", None)


@pytest.mark.parametrize("body", [{"at": "2026-01-01T00:00:00"}, {"at": 5}, {"when": "now"}])
async def test_a_moment_that_is_none_is_refused(installation: Installation, body: dict[str, Any]) -> None:
    record = await write(installation)
    assert_problem(await step(installation, record, "publish", **body), 422, f"/{next(iter(body))}")


async def test_the_trash_gives_back_what_it_took(installation: Installation) -> None:
    record = await write(installation, published_at="2026-01-01T00:00:00Z")
    before = (await installation.send("GET", f"/articles/{record}")).json()
    deleted = await installation.send("DELETE", f"/articles/{record}", Role.EDITOR, headers=ANY)
    assert deleted.status_code == 204
    assert_problem(await installation.send("GET", f"/articles/{record}", Role.EDITOR), 404)
    assert_problem(await step(installation, record, "publish"), 404)
    restored = (await step(installation, record, "restore")).json()
    assert {name for name in before if before[name] != restored[name]} == {"version", "updated_at"}
    assert_problem(await step(installation, record, "restore"), 404)
    assert await kinds(installation) == ["article.created", "article.published", "article.trashed", "article.restored"]
