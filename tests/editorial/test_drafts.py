"""Working drafts: edits of live records that nobody sees before they are published."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.editorial.history import FIRST_DRAFT
from cms.editorial.pending import Draft, Kind, Transition
from cms.editorial.transitions import Transitions
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}
CANARY = "zzcanaryzz"


async def live(installation: Installation, role: Role = Role.EDITOR, **values: Any) -> dict[str, Any]:
    """A public article, perhaps of an author's."""
    made = await installation.send("POST", "/articles", role, json={"title": "Tide", "content": "Water.", **values})
    assert made.status_code == 201, made.text
    published = await installation.send("POST", f"/articles/{made.json()['id']}/publish", Role.EDITOR)
    assert published.status_code == 200, published.text
    found: dict[str, Any] = published.json()
    return found


async def save(
    installation: Installation, record: str, role: Role = Role.EDITOR, etag: str = "*", query: str = "", **values: Any
) -> httpx.Response:
    """Put something into the working draft."""
    path = f"/articles/{record}?draft=true{query}"
    return await installation.send("PATCH", path, role, json=values, headers={"If-Match": etag})


async def draft(installation: Installation, record: str, role: Role = Role.EDITOR, query: str = "") -> httpx.Response:
    return await installation.send("GET", f"/articles/{record}?version=draft{query}", role)


async def act(installation: Installation, record: str, verb: str, role: Role = Role.EDITOR, **body: Any) -> Any:
    options = {"json": body} if body else {}
    return await installation.send("POST", f"/articles/{record}/{verb}", role, **options)


async def seen(installation: Installation, record: str) -> list[tuple[bytes, str]]:
    """All that the public gets to see, with its entity tags."""
    paths = [
        f"/articles/{record}", f"/articles/{record}?include=comments", "/articles", "/articles?q=tide",
        "/articles?sort=-updated_at&fields=title,content,content_html,version", "/articles?tags=rope", "/pages",
        "/articles?status=published", f"/articles?q={CANARY}",
    ]  # fmt: skip
    answers = [await installation.send("GET", path) for path in paths]
    return [(answer.content, answer.headers.get("ETag", "")) for answer in answers]


async def kinds(installation: Installation) -> list[str]:
    return [row["kind"] for row in await installation.rows("events") if row["kind"].startswith("article.")]


async def test_a_draft_is_saved_read_and_published(installation: Installation) -> None:
    record = await live(installation)
    before = await seen(installation, record["id"])
    saved = await save(installation, record["id"], etag=f'"v{record["version"]}"', title="Ebb", content="*Less*.")
    assert saved.status_code == 200, saved.text
    assert saved.headers["ETag"].startswith(f'"v{FIRST_DRAFT + 1}-')
    assert saved.json()["content_html"] == "<p><em>Less</em>.</p>\n"
    assert saved.json()["draft"]["is_saved"]
    read = await draft(installation, record["id"])
    assert (read.content, read.headers["ETag"]) == (saved.content, saved.headers["ETag"])
    assert await seen(installation, record["id"]) == before
    published = await act(installation, record["id"], "publish")
    assert published.status_code == 200, published.text
    assert (published.json()["title"], published.json()["version"]) == ("Ebb", record["version"] + 1)
    now = await draft(installation, record["id"])
    assert now.json()["version"] == published.json()["version"]
    assert not now.json()["draft"]["is_saved"]
    assert await kinds(installation) == [
        "article.created", "article.published", "article.drafted", "article.published",
    ]  # fmt: skip


async def test_the_public_sees_nothing_of_a_draft(installation: Installation) -> None:
    """A canary in every field, saved, scheduled, cancelled, submitted, returned and discarded: not a byte moves."""
    await installation.send("POST", "/tags", Role.EDITOR, json={"name": "Rope"})
    canary = (await installation.send("POST", "/tags", Role.EDITOR, json={"name": f"Tag {CANARY}"})).json()["slug"]
    category = await installation.send("POST", "/categories", Role.EDITOR, json={"name": f"Category {CANARY}"})
    record = (await live(installation, Role.AUTHOR, tags=["rope"]))["id"]
    before = await seen(installation, record)
    everything = {
        "title": CANARY, "slug": f"slug-{CANARY}", "excerpt": CANARY, "content": CANARY, "tags": [canary],
        "category": category.json()["id"], "seo": {"title": CANARY},
    }  # fmt: skip
    assert (await save(installation, record, **everything)).status_code == 200
    assert await seen(installation, record) == before
    await act(installation, record, "publish", at="2999-01-01T00:00:00Z")
    assert await seen(installation, record) == before
    cancelled = await installation.send("DELETE", f"/articles/{record}/schedule", Role.EDITOR, headers=ANY)
    assert cancelled.status_code == 204
    assert await seen(installation, record) == before
    await act(installation, record, "submit", Role.AUTHOR)
    await act(installation, record, "return", note=CANARY)
    assert await seen(installation, record) == before
    assert CANARY in (await draft(installation, record, Role.AUTHOR)).text
    for query in ("", "&fields=title,content", "&fields=seo", "&include=comments"):
        for role, status in ((Role.ANONYMOUS, 401), (Role.READER, 403)):
            for method in ("GET", "HEAD"):
                answer = await installation.send(method, f"/articles/{record}?version=draft{query}", role)
                assert answer.status_code == status
                assert CANARY not in answer.text
    discarded = await installation.send("DELETE", f"/articles/{record}/draft", Role.EDITOR, headers=ANY)
    assert discarded.status_code == 204
    assert await seen(installation, record) == before
    assert CANARY not in (await draft(installation, record)).text


async def test_a_draft_over_what_others_may_not_see_is_not_there_for_them(installation: Installation) -> None:
    made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide"})
    record = made.json()["id"]
    await save(installation, record, title=CANARY)
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR):
        assert_problem(await draft(installation, record, role), 404)
        assert_problem(await save(installation, record, role, title="Mine"), 404)
    public = await live(installation, title="Ebb")
    assert_problem(await draft(installation, public["id"], Role.AUTHOR), 403)
    assert_problem(await save(installation, public["id"], Role.AUTHOR, title="Mine"), 403)
    assert_problem(await draft(installation, "nothing-of-that-name"), 404)
    assert (await draft(installation, public["slug"])).json()["title"] == "Ebb"


async def test_what_a_draft_needs_of_its_query(installation: Installation) -> None:
    record = (await live(installation))["id"]
    assert_problem(await draft(installation, record, query="&vrsn=x"), 400)
    assert_problem(await installation.send("GET", f"/articles/{record}?version=old", Role.EDITOR), 400)
    public = await installation.send("GET", f"/articles/{record}?version=public")
    assert public.content == (await installation.send("GET", f"/articles/{record}")).content
    assert_problem(await save(installation, record, query="&mrg=1", title="Ebb"), 400)
    assert_problem(await installation.send("GET", "/tags/x?version=draft", Role.EDITOR), 400)
    await installation.send("POST", "/tags", Role.EDITOR, json={"name": "Rope"})
    refused = await installation.send(
        "PATCH", "/tags/rope?draft=true", Role.EDITOR, json={"name": "Ropes"}, headers=ANY
    )
    assert_problem(refused, 400)
    only = await draft(installation, record, query="&fields=title")
    assert only.json() == {"title": "Tide"}
    etag = (await draft(installation, record)).headers["ETag"]
    held = await installation.send(
        "GET", f"/articles/{record}?version=draft", Role.EDITOR, headers={"If-None-Match": etag}
    )
    assert held.status_code == 304


async def test_a_stale_save_of_a_draft_is_told_its_version(installation: Installation) -> None:
    record = await live(installation)
    tag = f'"v{record["version"]}"'
    first = await save(installation, record["id"], etag=tag, title="One")
    second = await save(installation, record["id"], etag=tag, title="Two")
    assert assert_problem(second, 412)["current_version"] == first.json()["version"]
    third = await save(installation, record["id"], etag=first.headers["ETag"], title="Three")
    assert third.json()["version"] == first.json()["version"] + 1
    in_body = await installation.send(
        "PATCH", f"/articles/{record['id']}?draft=true", Role.EDITOR,
        json={"title": "Four", "version": third.json()["version"]},
    )  # fmt: skip
    assert in_body.json()["title"] == "Four"
    unchanged = await save(installation, record["id"], etag=in_body.headers["ETag"], title="Four")
    assert unchanged.headers["ETag"] == in_body.headers["ETag"]
    stale = await installation.send(
        "DELETE", f"/articles/{record['id']}/draft", Role.EDITOR, headers={"If-Match": first.headers["ETag"]}
    )
    assert_problem(stale, 412)


async def test_versions_of_drafts_are_never_used_twice(installation: Installation) -> None:
    record = await live(installation)
    path = f"/articles/{record['id']}/draft"
    first = (await save(installation, record["id"], title="One")).headers["ETag"]
    assert_problem(await installation.send("DELETE", path, Role.EDITOR), 428)
    await installation.send("DELETE", path, Role.EDITOR, headers=ANY)
    assert (await installation.send("DELETE", path, Role.EDITOR, headers=ANY)).status_code == 204
    assert_problem(await save(installation, record["id"], etag=first, title="Late"), 412)
    again = (await save(installation, record["id"], title="Two")).json()["version"]
    assert again == FIRST_DRAFT + 3
    await act(installation, record["id"], "publish")
    assert (await save(installation, record["id"], title="Three")).json()["version"] == again + 2
    verbs = [row["verb"] for row in await installation.rows("revisions") if row["version"] >= FIRST_DRAFT]
    assert verbs == ["drafted", "discarded", "drafted", "applied", "drafted"]


async def test_nothing_has_to_be_complete_before_it_is_published(installation: Installation) -> None:
    """All problems at once, uniqueness included."""
    await live(installation, title="Ebb")
    record = (await live(installation))["id"]
    category = (await installation.send("POST", "/categories", Role.EDITOR, json={"name": "News"})).json()
    saved = await save(installation, record, title="", slug="ebb", content=None, category=category["id"], seo=None)
    assert saved.status_code == 200, saved.text
    assert saved.json()["category"] == {name: category[name] for name in saved.json()["category"]}
    gone = await installation.send("DELETE", f"/categories/{category['id']}", Role.EDITOR, headers=ANY)
    assert gone.status_code == 204
    assert (await draft(installation, record)).json()["category"] is None
    refused = assert_problem(await act(installation, record, "publish"), 422)
    assert {error["pointer"] for error in refused["errors"]} == {"/title", "/slug", "/content", "/category"}
    await save(installation, record, content="> " * 30 + "deep")
    refused = assert_problem(await act(installation, record, "publish"), 422)
    assert {error["pointer"] for error in refused["errors"]} == {"/title", "/slug", "/content", "/category"}
    assert "nests lists or quotations too deeply" in refused["errors"][-1]["detail"], "what its service says, as well"
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Tide"
    later = await act(installation, record, "publish", at="2999-01-01T00:00:00Z")
    assert later.status_code == 200
    await save(installation, record, title="Flood", slug="flood", content="More.", category=None)
    published = (await act(installation, record, "publish")).json()
    assert (published["slug"], published["content_html"]) == ("flood", "<p>More.</p>\n")
    assert await installation.rows("transitions") == []


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"title": 5}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"titel": "x"}, "/titel"),
        ({"slug": "No Slug"}, "/slug"),
        ({"tags": None}, "/tags"),
        ({"tags": ["unheard-of"]}, "/tags/0"),
        ({"category": "unheard-of"}, "/category"),
        ({"published_at": "2026-01-01T00:00:00Z"}, "/published_at"),
        ({"unpublish_at": None}, "/unpublish_at"),
        ({"review": "approved"}, "/review"),
    ],
)
async def test_what_is_there_is_of_its_type(installation: Installation, values: dict[str, Any], pointer: str) -> None:
    record = (await live(installation))["id"]
    assert_problem(await save(installation, record, **values), 422, pointer)


async def test_a_text_that_is_too_complex_is_kept_without_its_html(installation: Installation) -> None:
    record = await live(installation)
    saved = await save(installation, record["id"], content="> " * 3000 + "deep")
    assert saved.status_code == 200
    assert saved.json()["content_html"] == record["content_html"]
    assert_problem(await act(installation, record["id"], "publish"), 422, "/content")


async def test_a_draft_of_a_page_moves_nothing_below_it(installation: Installation) -> None:
    """What follows from a draft is tried out, and taken back."""
    top = (await installation.send("POST", "/pages", Role.EDITOR, json={"title": "Top"})).json()
    below = (await installation.send("POST", "/pages", Role.EDITOR, json={"title": "Low", "parent": top["id"]})).json()
    await installation.send("POST", f"/pages/{top['id']}/publish", Role.EDITOR)
    path = f"/pages/{top['id']}"
    saved = await installation.send("PATCH", f"{path}?draft=true", Role.EDITOR, json={"slug": "over"}, headers=ANY)
    assert (saved.json()["slug"], saved.json()["path"]) == ("over", "/over")
    rows = {row["id"]: row["path"] for row in await installation.rows("pages")}
    assert sorted(rows.values()) == ["/top", "/top/low"]
    moved = await installation.send(
        "PATCH", f"{path}?draft=true", Role.EDITOR, json={"parent": below["id"]}, headers=ANY
    )
    assert (moved.status_code, moved.json().get("path")) == (200, "/top"), moved.text
    assert_problem(await installation.send("POST", f"{path}/publish", Role.EDITOR), 422, "/parent")


async def test_what_was_never_published_is_published_with_its_draft(installation: Installation) -> None:
    made = await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Tide"})
    record = made.json()["id"]
    await save(installation, record, Role.AUTHOR, title="Ebb")
    scheduled = await act(installation, record, "publish", at="2999-01-01T00:00:00Z")
    assert (scheduled.json()["title"], scheduled.json()["status"]) == ("Ebb", "scheduled")
    assert not (await draft(installation, record)).json()["draft"]["is_saved"]
    assert await kinds(installation) == ["article.created", "article.drafted", "article.scheduled"]


async def test_there_is_nothing_to_publish_later_without_a_draft(installation: Installation) -> None:
    record = (await live(installation))["id"]
    assert_problem(await act(installation, record, "publish", at="2999-01-01T00:00:00Z"), 409)
    assert (await act(installation, record, "publish")).json()["version"] == 2


async def test_unpublishing_keeps_the_draft_and_drops_its_schedule(installation: Installation) -> None:
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at="2999-01-01T00:00:00Z")
    assert (await act(installation, record, "unpublish")).json()["status"] == "draft"
    state = (await draft(installation, record)).json()["draft"]
    assert (state["is_saved"], state["publish_at"]) == (True, None)
    assert await installation.rows("transitions") == []


async def test_a_record_that_moved_meanwhile_is_merged_or_said_to_conflict(installation: Installation) -> None:
    record = (await live(installation, content="One.\n\nTwo.\n\nThree.\n"))["id"]
    await save(installation, record, content="One.\n\nTwo.\n\nFour.\n", title="Mine")
    patch = {"content": "Zero.\n\nTwo.\n\nThree.\n"}
    await installation.send("PATCH", f"/articles/{record}", Role.EDITOR, json=patch, headers=ANY)
    shown = (await draft(installation, record)).json()
    assert (shown["title"], shown["content"]) == ("Mine", "One.\n\nTwo.\n\nFour.\n")
    published = (await act(installation, record, "publish")).json()
    assert (published["content"], published["title"]) == ("Zero.\n\nTwo.\n\nFour.\n", "Mine")
    await save(installation, record, title="Mine again")
    await installation.send("PATCH", f"/articles/{record}", Role.EDITOR, json={"title": "Theirs"}, headers=ANY)
    refused = assert_problem(await act(installation, record, "publish"), 409, "/title")
    assert refused["conflicts"] == {"title": {"base": "Mine", "mine": "Mine again", "theirs": "Theirs"}}


async def test_a_slug_that_is_taken_at_the_last_moment_is_a_conflict(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live(installation, title="Ebb")
    record = (await live(installation))["id"]
    await save(installation, record, slug="ebb")

    async def is_free(*_: Any) -> bool:
        return False

    monkeypatch.setattr("cms.editorial.drafts.DraftingService._is_taken", is_free)
    assert_problem(await act(installation, record, "publish"), 409, "/slug")


async def test_records_that_are_gone_take_what_waits_along(installation: Installation) -> None:
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at="2999-01-01T00:00:00Z")
    await installation.send("DELETE", f"/articles/{record}", Role.EDITOR, headers=ANY)
    assert [row["kind"] for row in await installation.rows("transitions")] == ["replace"]
    gone = await installation.send("DELETE", f"/articles/{record}?permanent=true", Role.ADMIN, headers=ANY)
    assert gone.status_code == 204, gone.text
    assert await installation.rows("transitions") == await installation.rows("drafts") == []


async def test_a_draft_can_go_back_to_what_the_record_was(installation: Installation) -> None:
    """R01: found by the machine of concurrent edits: the answer is 200, and the value that was sent is not in it."""
    record = (await live(installation, excerpt="Before."))["id"]
    await save(installation, record, title="Ebb")
    changed = await installation.send(
        "PATCH", f"/articles/{record}", Role.EDITOR, json={"excerpt": "After."}, headers={"If-Match": "*"}
    )
    assert changed.status_code == 200
    shown = (await draft(installation, record)).json()
    saved = await save(installation, record, etag=f'"v{shown["version"]}"', excerpt="Before.")
    assert (saved.status_code, saved.json()["excerpt"]) == (200, "Before.")


async def test_a_draft_tells_by_its_version_that_its_record_has_moved(installation: Installation) -> None:
    """R01: who has not seen what is public by now does not overwrite it through the draft."""
    await installation.make(tag, name="Rope")
    record = (await live(installation, excerpt="Before.", tags=["rope"]))["id"]
    saved = await save(installation, record, title="Ebb")
    old = saved.headers["etag"]
    for excerpt in ("After.", "Later."):
        await installation.send(
            "PATCH", f"/articles/{record}", Role.EDITOR, json={"excerpt": excerpt}, headers={"If-Match": "*"}
        )
    shown = (await draft(installation, record)).json()
    assert (shown["excerpt"], shown["title"]) == ("Later.", "Ebb")
    assert f'"v{shown["version"]}' not in old
    assert_problem(await save(installation, record, etag=old, excerpt="Mine."), 412)
    again = await save(installation, record, etag=f'"v{shown["version"]}"', excerpt="Mine.", tags=[])
    assert (again.json()["excerpt"], again.json()["tags"]) == ("Mine.", [])
    kinds = [event["kind"] for event in await installation.rows("events")]
    assert "article.followed" not in kinds
    published = await installation.send("POST", f"/articles/{record}/publish", Role.EDITOR)
    body = published.json()
    assert (body["title"], body["excerpt"], body["tags"]) == ("Ebb", "Mine.", [])


async def test_a_draft_stays_what_it_is_where_its_record_was_saved_unchanged(installation: Installation) -> None:
    record = await live(installation, excerpt="Before.")
    saved = await save(installation, record["id"], title="Ebb")
    path, same = f"/articles/{record['id']}", {"json": {"excerpt": "Before."}, "headers": {"If-Match": "*"}}
    unchanged = await installation.send("PATCH", path, Role.EDITOR, **same)
    assert (unchanged.status_code, unchanged.json()["version"]) == (200, record["version"])
    again = await save(installation, record["id"], etag=saved.headers["etag"], excerpt="Mine.")
    assert (again.status_code, again.json()["version"]) == (200, saved.json()["version"] + 1)


async def test_undoing_a_publication_gives_the_draft_back(installation: Installation) -> None:
    """R42: with the time that was set for it; and what undoes that takes it away again."""
    record = (await live(installation, excerpt="Before."))["id"]
    later = "2999-01-01T00:00:00Z"
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at=later)
    await act(installation, record, "publish")
    for title, is_saved in (("Tide", True), ("Ebb", False), ("Tide", True)):
        change = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"][0]["id"]
        undone = await installation.send("POST", f"/changes/{change}/undo", Role.EDITOR)
        assert undone.status_code == 200, undone.text
        assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == title
        shown = (await draft(installation, record)).json()
        assert (shown["title"], shown["draft"]["is_saved"]) == ("Ebb", is_saved)
        assert shown["draft"]["publish_at"] == (later if is_saved else None)


async def test_a_field_that_the_type_has_lost_keeps_no_draft_from_its_readers(installation: Installation) -> None:
    """It was renamed or removed since the draft was saved: the rest is published, and the draft's revisions name it."""
    for slug, is_scheduled in (("tide", False), ("flood", True)):
        record = (await live(installation, slug=slug))["id"]
        await save(installation, record, title="Ebb")
        async with installation.database.session() as session:
            row = (await session.scalars(select(Draft).where(Draft.record_id == UUID(record)))).one()
            row.values, row.base = {**(row.values or {}), "body": "New."}, {**row.base, "body": "Old."}
            if is_scheduled:
                row.publish_at = utc_now()
                due = Transition(record_type="articles", record_id=row.record_id, kind=Kind.REPLACE, due_at=utc_now())
                session.add(due)
        assert (await draft(installation, record)).json()["title"] == "Ebb"
        if not is_scheduled:
            published = await act(installation, record, "publish")
            assert published.status_code == 200, published.text
        else:
            assert await Transitions(installation.database, installation.app.state.reader).catch_up() == 1
        assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Ebb"
        assert not (await draft(installation, record)).json()["draft"]["is_saved"]


async def test_undo_that_a_draft_s_lost_relation_stands_against_names_what_took_it(installation: Installation) -> None:
    """R42: a tag of a discarded draft is gone for good."""
    rope = await installation.make(tag, name="Rope")
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb", tags=[str(rope.id)])
    assert (await installation.send("DELETE", f"/articles/{record}/draft", Role.EDITOR, headers=ANY)).status_code == 204
    discarded = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"][0]["id"]
    assert (await installation.send("DELETE", f"/tags/{rope.id}", Role.ADMIN, headers=ANY)).status_code == 204
    later = (await installation.send("GET", "/changes", Role.EDITOR)).json()["items"][0]["id"]
    problem = assert_problem(await installation.send("POST", f"/changes/{discarded}/undo", Role.EDITOR), 409)
    assert problem["later_change"] == later
