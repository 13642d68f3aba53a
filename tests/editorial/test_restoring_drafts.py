"""Revisions taken into working drafts: what once was is there to edit again, and nothing that is public moves."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from cms.content.articles import article
from cms.content.tags import tag
from cms.crud.conditional import ANY_VERSION
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from cms.crud.problems import NotFound, PreconditionFailed
from cms.editorial.restoring import Misfits, restore_into_draft
from cms.editorial.revisions import Histories
from tests.editorial.test_revisions import record_old
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}


async def take(
    installation: Installation, record_id: UUID, number: int, expected: int = ANY_VERSION, role: Role = Role.EDITOR
) -> Misfits:
    async with installation.work(role) as work:
        record = await work.service(article).get(record_id, Action.DRAFT)
        return await restore_into_draft(work, article, record, number, expected)


async def draft(installation: Installation) -> dict[str, Any]:
    (row,) = await installation.rows("drafts")
    values: dict[str, Any] = row["content"]
    return values


async def test_a_discarded_draft_comes_back(installation: Installation) -> None:
    record = await installation.make(article, title="Tide", published_at=utc_now())
    path = f"/articles/{record.id}"
    body = {"title": "Ebb", "content": "Water *waits*."}
    await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, headers=ANY, json=body)
    await installation.send("DELETE", f"{path}/draft", Role.EDITOR, headers=ANY)
    assert await take(installation, record.id, 2) == {}
    assert (await draft(installation))["title"] == "Ebb"
    assert (await draft(installation))["content"] == "Water *waits*."
    public = (await installation.send("GET", path)).json()
    assert (public["title"], public["content"], public["version"]) == ("Tide", "", record.version)


async def test_rest_takes_a_revision_into_the_draft(installation: Installation) -> None:
    """Also that of a draft, which restoring would not; all of it, or some fields."""
    record = await installation.make(article, title="Tide", published_at=utc_now())
    path = f"/articles/{record.id}"
    body = {"title": "Ebb", "content": "Water *waits*."}
    await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, headers=ANY, json=body)
    await installation.send("DELETE", f"{path}/draft", Role.EDITOR, headers=ANY)

    async def restore(query: str, role: Role = Role.EDITOR, **wanted: Any) -> httpx.Response:
        address = f"{path}/revisions/2/restore{query}"
        return await installation.send("POST", address, role, headers=ANY, json=wanted)

    assert_problem(await restore(""), 409)
    assert_problem(await restore("?draft=perhaps"), 400)
    assert_problem(await restore("?draft=true", Role.AUTHOR), 403)
    assert_problem(await restore("?draft=true", fields=["nam"]), 422, "/fields/0")
    taken = await restore("?draft=true", fields=["title"])
    assert (taken.json()["title"], taken.json()["content"], taken.json()["left_alone"]) == ("Ebb", "", [])
    seen = await installation.send("GET", f"{path}?version=draft", Role.EDITOR)
    assert seen.headers["etag"] == taken.headers["etag"]
    assert (await restore("?draft=true")).json()["content"] == "Water *waits*."
    stale = {"If-Match": taken.headers["etag"]}
    late = await installation.send("POST", f"{path}/revisions/1/restore?draft=true", Role.EDITOR, headers=stale)
    assert_problem(late, 412)
    public = (await installation.send("GET", path)).json()
    assert (public["title"], public["content"], public["version"]) == ("Tide", "", record.version)


async def test_what_does_not_fit_is_named_and_left_alone(installation: Installation) -> None:
    kept = await installation.make(tag, name="Rope")
    record = await installation.make(article, Role.AUTHOR, title="Tide")
    gone, editor = str(UUID(int=7)), str(installation.actor(Role.EDITOR).id)
    old = {"title": "Ebb", "body": "x", "tags": [gone, str(kept.id)], "author": editor, "published_at": "2020-01-01"}
    await record_old(installation, record.id, old)
    misfits = await take(installation, record.id, 90, role=Role.AUTHOR)
    assert misfits.keys() == {"body", "tags", "author"}
    assert misfits["body"] == "There is no field “body” any more."
    values = await draft(installation)
    assert (values["title"], values["tags"]) == ("Ebb", [str(kept.id)])
    assert values["author"] == str(installation.actor(Role.AUTHOR).id)


async def test_it_needs_a_revision_a_draft_and_its_version(installation: Installation) -> None:
    record = await installation.make(article, title="Tide")
    with pytest.raises(NotFound):
        await take(installation, record.id, 9)
    with pytest.raises(PreconditionFailed):
        await take(installation, record.id, 1, expected=record.version + 1)
    rope = await installation.make(tag, name="Rope")
    async with installation.work() as work:
        with pytest.raises(NotFound, match="no working draft"):
            await restore_into_draft(work, tag, rope, 1, ANY_VERSION)


async def test_the_newest_revision_and_the_one_before(installation: Installation) -> None:
    record = await installation.make(article, title="Tide")
    path = f"/articles/{record.id}"
    for title in ("Ebb", "Flow"):
        await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json={"title": title})
    histories = Histories(installation.registry, article, installation.app.state.reader.cursors)
    of = article, str(record.id), installation.actor(Role.EDITOR)
    newest = [await installation.database.read(histories.newest, *of, before=number) for number in (None, 3, 2, 1)]
    assert newest == [3, 2, 1, None]
