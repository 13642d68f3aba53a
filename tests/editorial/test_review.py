"""Review: authors submit, editors approve or return; nobody else's work goes public unread (B16)."""

from pathlib import Path
from typing import Any

from cms.crud.policy import Role
from cms.exchange.apply import apply
from tests.editorial.test_drafts import act, draft, kinds, live, save
from tests.editorial.test_transitions import let_pass, office, soon
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}


async def written(installation: Installation, role: Role = Role.AUTHOR, **values: Any) -> str:
    made = await installation.send("POST", "/articles", role, json={"title": "Tide", **values})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def status(installation: Installation, record: str) -> str:
    return str((await installation.send("GET", f"/articles/{record}", Role.EDITOR)).json()["status"])


async def test_an_article_is_submitted_returned_and_approved(installation: Installation) -> None:
    record = await written(installation)
    assert (await act(installation, record, "submit", Role.AUTHOR)).json()["status"] == "in_review"
    listed = await installation.send("GET", "/articles?status=in_review", Role.EDITOR)
    assert [item["id"] for item in listed.json()["items"]] == [record]
    returned = await act(installation, record, "return", note="Name your sources.")
    assert returned.json()["status"] == "draft"
    state = (await draft(installation, record, Role.AUTHOR)).json()["draft"]
    assert (state["review"], state["review_note"], state["is_saved"]) == ("returned", "Name your sources.", False)
    assert_problem(await act(installation, record, "approve"), 409)
    await act(installation, record, "submit", Role.AUTHOR)
    assert (await act(installation, record, "approve")).json()["status"] == "published"
    assert await kinds(installation) == [
        "article.created", "article.submitted", "article.returned", "article.submitted", "article.published",
    ]  # fmt: skip


async def test_an_edit_after_submission_needs_another_one(installation: Installation) -> None:
    """B16."""
    record = await written(installation)
    await act(installation, record, "submit", Role.AUTHOR)
    changed = await installation.send("PATCH", f"/articles/{record}", Role.AUTHOR, json={"title": "Ebb"}, headers=ANY)
    assert (changed.status_code, changed.json()["status"]) == (200, "draft")
    assert_problem(await act(installation, record, "approve"), 409)


async def test_an_edit_of_a_draft_after_approval_drops_approval_and_schedule(installation: Installation) -> None:
    """B16: by its author; an editor may mend a comma."""
    record = (await live(installation, Role.AUTHOR))["id"]
    assert_problem(await act(installation, record, "submit", Role.AUTHOR), 409)
    await save(installation, record, Role.AUTHOR, title="Ebb")
    submitted = await act(installation, record, "submit", Role.AUTHOR)
    assert (submitted.status_code, submitted.json()["status"]) == (200, "published")
    approved = await act(installation, record, "approve", at="2999-01-01T00:00:00Z")
    assert approved.status_code == 200, approved.text
    await save(installation, record, Role.EDITOR, content="Less.")
    state = (await draft(installation, record)).json()["draft"]
    assert (state["review"], state["publish_at"]) == ("approved", "2999-01-01T00:00:00Z")
    assert_problem(await act(installation, record, "submit", Role.AUTHOR), 409)
    await save(installation, record, Role.AUTHOR, title="Something else")
    state = (await draft(installation, record)).json()["draft"]
    assert (state["review"], state["publish_at"]) == (None, None)
    assert await installation.rows("transitions") == []
    assert_problem(await act(installation, record, "approve"), 409)
    await act(installation, record, "submit", Role.AUTHOR)
    assert (await act(installation, record, "approve")).json()["title"] == "Something else"


async def test_nothing_is_approved_that_was_submitted_after_it_was_read(installation: Installation) -> None:
    """B16: an editor who names the version that they read, of a text or of changes to one."""
    record = await written(installation)
    changed = await live(installation, Role.AUTHOR)
    await save(installation, changed["id"], Role.AUTHOR, title="Ebb")
    for each, query in ((record, ""), (changed["id"], "?draft=true")):
        path = f"/articles/{each}"
        await act(installation, each, "submit", Role.AUTHOR)
        read = await installation.send("GET", f"{path}?version=draft", Role.EDITOR)
        seen = {"If-Match": read.headers["etag"]}
        await installation.send("PATCH", f"{path}{query}", Role.AUTHOR, json={"title": "Worse"}, headers=ANY)
        await act(installation, each, "submit", Role.AUTHOR)
        for verb in ("approve", "publish", "return", "submit"):
            body = {"note": "No."} if verb == "return" else None
            refused = await installation.send("POST", f"{path}/{verb}", Role.EDITOR, headers=seen, json=body)
            assert_problem(refused, 412)
        read = await installation.send("GET", f"{path}?version=draft", Role.EDITOR)
        seen = {"If-Match": read.headers["etag"]}
        approved = await installation.send("POST", f"{path}/approve", Role.EDITOR, headers=seen)
        assert (approved.status_code, approved.json()["title"]) == (200, "Worse")


async def test_a_returned_draft_says_why(installation: Installation) -> None:
    record = (await live(installation, Role.AUTHOR))["id"]
    await save(installation, record, Role.AUTHOR, title="Ebb")
    await act(installation, record, "submit", Role.AUTHOR)
    await act(installation, record, "return", note="No.")
    await save(installation, record, Role.AUTHOR, title="Flood")
    state = (await draft(installation, record, Role.AUTHOR)).json()["draft"]
    assert (state["review"], state["review_note"]) == ("returned", "No.")
    assert (await act(installation, record, "publish")).json()["title"] == "Flood"
    assert "No." not in (await installation.send("GET", f"/articles/{record}")).text
    assert_problem(await act(installation, record, "return", note=""), 422, "/note")
    assert_problem(await act(installation, record, "return", note="a\0"), 422, "/note")


async def test_a_draft_over_what_is_not_public_is_reviewed_with_its_record(installation: Installation) -> None:
    """B16: the record is submitted, a draft of it is saved: what was read is not what would be published."""
    record = await written(installation)
    await act(installation, record, "submit", Role.AUTHOR)
    await save(installation, record, Role.AUTHOR, title="Unread")
    assert await status(installation, record) == "draft"
    assert_problem(await act(installation, record, "approve"), 409)
    await act(installation, record, "submit", Role.AUTHOR)
    await save(installation, record, Role.EDITOR, content="Mended.")
    assert (await act(installation, record, "approve")).json()["title"] == "Unread"


async def test_calling_an_approved_publication_off_puts_it_back_into_review(installation: Installation) -> None:
    record = await written(installation)
    path = f"/articles/{record}/schedule"
    await act(installation, record, "submit", Role.AUTHOR)
    await act(installation, record, "approve", at="2999-01-01T00:00:00Z")
    assert await status(installation, record) == "scheduled"
    stale = await installation.send("DELETE", path, Role.EDITOR, headers={"If-Match": '"v1"'})
    assert_problem(stale, 412)
    assert (await installation.send("DELETE", path, Role.EDITOR, headers=ANY)).status_code == 204
    assert await status(installation, record) == "in_review"
    assert_problem(await installation.send("DELETE", path, Role.EDITOR, headers=ANY), 409)
    await act(installation, record, "approve")
    await save(installation, record, Role.AUTHOR, title="Ebb")
    await act(installation, record, "submit", Role.AUTHOR)
    await act(installation, record, "approve", at="2999-01-01T00:00:00Z")
    assert (await installation.send("DELETE", path, Role.EDITOR, headers=ANY)).status_code == 204
    assert (await draft(installation, record)).json()["draft"]["review"] == "submitted"
    await act(installation, record, "unpublish")
    assert await status(installation, record) == "draft"


async def test_what_an_editor_schedules_without_review_can_be_called_off(installation: Installation) -> None:
    record = await written(installation, Role.EDITOR)
    await act(installation, record, "publish", at="2999-01-01T00:00:00Z")
    cancelled = await installation.send("DELETE", f"/articles/{record}/schedule", Role.EDITOR, headers=ANY)
    assert cancelled.status_code == 204
    assert await status(installation, record) == "draft"
    assert await kinds(installation) == ["article.created", "article.scheduled", "article.unscheduled"]


LATER, EARLIER = "2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"


async def test_authors_publish_through_no_door_and_by_no_trick(installation: Installation) -> None:
    """B16: each attempt is refused, and nothing is public afterwards, nor will be."""
    record = await written(installation)
    path = f"/articles/{record}"

    async def attempt(method: str, place: str, **body: Any) -> int:
        answer = await installation.send(method, place, Role.AUTHOR, json=body, headers=ANY)
        return answer.status_code

    for time in (EARLIER, LATER):
        assert await attempt("POST", "/articles", title="X", published_at=time) == 403
        assert await attempt("PATCH", path, published_at=time) == 403
        assert await attempt("PATCH", f"{path}?merge=true", published_at=time) == 403
        assert await attempt("PUT", path, title="X", published_at=time) == 403
        assert await attempt("POST", f"{path}/publish", at=time) == 403
        assert await attempt("POST", f"{path}/approve", at=time) == 403
        assert await attempt("PATCH", f"{path}?draft=true", published_at=time) == 422
        assert await attempt("PATCH", path, review="approved") == 422
    await save(installation, record, Role.AUTHOR, title="Ebb")
    await act(installation, record, "submit", Role.AUTHOR)
    for verb in ("publish", "approve", "unpublish"):
        assert await attempt("POST", f"{path}/{verb}") == 403
    assert await attempt("POST", f"{path}/return", note="x") == 403
    items = [{"id": record, "version": 2}]
    assert await attempt("POST", "/articles/bulk", action="publish", items=items) >= 400
    changes = {"published_at": EARLIER}
    assert await attempt("POST", "/articles/bulk", action="update", items=items, changes=changes) >= 400
    assert await status(installation, record) == "in_review"
    assert await installation.rows("transitions") == []


async def test_authors_do_not_republish_what_was_taken_back(installation: Installation) -> None:
    """B16: an editor publishes and takes it back; its author restores the revision that was public."""
    record = await written(installation)
    await act(installation, record, "publish")
    await act(installation, record, "unpublish")
    for number in (1, 2, 3):
        await installation.send("POST", f"/articles/{record}/revisions/{number}/restore", Role.AUTHOR, headers=ANY)
        assert await status(installation, record) == "draft"
    changes = (await installation.send("GET", "/changes", Role.EDITOR)).json()
    for change in changes["items"]:
        await installation.send("POST", f"/changes/{change['id']}/undo", Role.AUTHOR)
    assert_problem(await installation.send("GET", f"/articles/{record}"), 404)


async def test_authors_do_not_republish_what_has_expired(installation: Installation) -> None:
    """B16: by no time and no way back; nor by what they propose, before an editor says yes."""
    record = await written(installation)
    path, past = f"/articles/{record}", {"published_at": EARLIER, "unpublish_at": "2021-01-01T00:00:00Z"}
    assert (await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json=past)).status_code == 200
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", "", {"unpublish_at": None}),
        ("PATCH", "", {"unpublish_at": LATER}),
        ("PATCH", "?merge=true", {"unpublish_at": None}),
        ("PATCH", "", {"title": "Ebb"}),
        ("PUT", "", {"title": "Ebb"}),
        ("POST", "/publish", {}),
        ("POST", "/unpublish", {"at": LATER}),
        ("POST", "/approve", {}),
        ("POST", "/revisions/1/restore", {}),
        ("POST", "/revisions/1/restore", {"fields": ["unpublish_at"]}),
        ("DELETE", "", {}),
    ]
    for method, place, body in attempts:
        answer = await installation.send(method, path + place, Role.AUTHOR, headers=ANY, json=body or None)
        assert_problem(answer, 403)
    assert_problem(await save(installation, record, Role.AUTHOR, unpublish_at=None), 422, "/unpublish_at")
    await save(installation, record, Role.AUTHOR, title="Ebb")
    assert (await act(installation, record, "submit", Role.AUTHOR)).status_code == 200
    assert await status(installation, record) == "expired"
    assert_problem(await installation.send("GET", path), 404)
    assert await installation.rows("transitions") == []
    assert (await act(installation, record, "approve")).json()["status"] == "published"
    assert (await installation.send("GET", path)).json()["title"] == "Ebb"


async def test_what_was_approved_goes_public_and_not_what_its_author_made_of_it(installation: Installation) -> None:
    """B16: while an approval waits for its time, its author's edit is a draft, which needs an approval of its own."""
    record = await written(installation)
    await act(installation, record, "submit", Role.AUTHOR)
    await act(installation, record, "approve", at=await soon(installation))
    changed = {"title": "Unread"}
    assert_problem(await installation.send("PATCH", f"/articles/{record}", Role.AUTHOR, headers=ANY, json=changed), 403)
    assert (await save(installation, record, Role.AUTHOR, **changed)).status_code == 200
    state = (await draft(installation, record, Role.AUTHOR)).json()["draft"]
    assert (state["review"], state["publish_at"]) == (None, None)
    assert_problem(await act(installation, record, "approve"), 409)
    await let_pass(installation)
    assert await office(installation).catch_up() == 1
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Tide"
    assert (await draft(installation, record, Role.AUTHOR)).json()["title"] == "Unread"


async def test_authors_publish_by_no_replay_draft_or_merge(installation: Installation) -> None:
    """B16: under the key of an editor's publication; by what a draft, a merge or the trash would bring along."""
    record = await written(installation)
    path, key = f"/articles/{record}", {"Idempotency-Key": "the editor's"}
    published = await installation.send("POST", f"{path}/publish", Role.EDITOR, headers=key)
    assert published.status_code == 200
    await act(installation, record, "unpublish")
    replayed = await installation.send("POST", f"{path}/publish", Role.AUTHOR, headers=key)
    assert_problem(replayed, 403)
    assert await status(installation, record) == "draft"
    stale = {"If-Match": f'"v{published.json()["version"]}"'}
    body = {"published_at": published.json()["published_at"]}
    merged = await installation.send("PATCH", f"{path}?merge=true", Role.AUTHOR, headers=stale, json=body)
    assert merged.json()["published_at"] is None, merged.text  # the base had it, so it is no change of theirs
    assert (await installation.send("DELETE", path, Role.AUTHOR, headers=ANY)).status_code == 204
    assert (await installation.send("POST", f"{path}/restore", Role.AUTHOR, headers=ANY)).status_code == 200
    assert await status(installation, record) == "draft"
    assert_problem(await installation.send("GET", path), 404)


async def test_authors_publish_by_no_file(installation: Installation, tmp_path: Path) -> None:
    """B16: a file that says so is refused for an author as every other door refuses it."""
    state = installation.app.state
    (tmp_path / "articles").mkdir()
    for slug, more in (("tide", f"published_at: {EARLIER}\n"), ("ebb", f"published_at: {LATER}\n"), ("own", "")):
        text = f"---\ntitle: Tide\nauthor: author@example.org\n{more}---\nText.\n"
        (tmp_path / "articles" / f"{slug}.md").write_text(text, encoding="utf-8")
    author = installation.actor(Role.AUTHOR)
    report = await apply(state.database, state.registry, state.reader, state.storage, tmp_path, actor=author)
    assert len(report.refused) == 2
    rows = await installation.rows("articles")
    assert [(row["slug"], row["published_at"]) for row in rows] == [("own", None)]
