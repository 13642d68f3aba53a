"""`comment_count` is right after every path, and agrees with what the public finds; threads go as a whole."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, event, func, select
from sqlalchemy.orm import Mapper

from cms.auth.throttle import Throttle
from cms.content import counts
from cms.content.articles import article
from cms.content.comments import Comment, CommentStatus, comment
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.crud.schemas import create_schema, update_schema
from cms.exchange.apply import apply
from tests.admin.browsing import Visitor
from tests.installation import Installation
from tests.problems import assert_problem
from tests.statements import recorded

ANY = {"If-Match": "*"}
SLUGS = ("one", "two")
ARTICLES, NUMBERS, STATUSES = st.sampled_from(SLUGS), st.integers(0, 99), st.sampled_from(CommentStatus)
Change = Callable[[Any, Any], Awaitable[Any]]


class Commenting(RuleBasedStateMachine):
    """Everything that can happen to the comments of two articles, in any order.

    It runs in a thread of its own, since Hypothesis knows no coroutines; what it asks runs on the test's event loop.
    """

    site: ClassVar[Installation]
    loop: ClassVar[asyncio.AbstractEventLoop]
    folder: ClassVar[Path]
    numbers: ClassVar[Any]
    finished: ClassVar[Any]

    def run(self, asked: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(60)

    @initialize()
    def empty(self) -> None:
        """Two articles without comments."""
        self.run(self._empty())

    @rule(slug=ARTICLES, status=STATUSES)
    def say(self, slug: str, status: CommentStatus) -> None:
        """A moderator writes."""
        self.run(self._send("POST", "", {"article": slug, "content": "Said.", "status": status}))

    @rule(slug=ARTICLES, role=st.sampled_from([Role.ANONYMOUS, Role.READER]))
    def send(self, slug: str, role: Role) -> None:
        """Somebody writes, past the rules."""
        words = {"name": "Ann", "email": "ann@example.org", "content": f"Sent {next(self.numbers)}."}
        self.run(self._send("POST", "", {"article": slug, **words}, role))

    @rule(number=NUMBERS, status=STATUSES)
    def reply(self, number: int, status: CommentStatus) -> None:
        """A moderator answers."""
        if found := self._pick(number, deepest=4):
            body = {"article": str(found["article_id"]), "parent": str(found["id"]), "content": "R.", "status": status}
            self.run(self._send("POST", "", body))

    @rule(number=NUMBERS, status=STATUSES)
    def decide(self, number: int, status: CommentStatus) -> None:
        """A moderator decides."""
        if found := self._pick(number):
            self.run(self._send("PATCH", f"/{found['id']}", {"status": status}))

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        """A moderator deletes a comment, and with it the replies to it."""
        if found := self._pick(number):
            self.run(self._send("DELETE", f"/{found['id']}"))

    @rule(statuses=st.lists(STATUSES, min_size=1, max_size=4))
    def decide_at_once(self, statuses: list[CommentStatus]) -> None:
        """Many in one transaction."""
        self.run(self._decide_at_once(statuses))

    @rule(number=NUMBERS)
    def delete_past_the_service(self, number: int) -> None:
        """The database then deletes the replies by itself."""
        if found := self._pick(number):
            self.run(self._past_the_service(found["id"], lambda session, record: session.delete(record)))

    @rule(number=NUMBERS, status=STATUSES)
    def decide_past_the_service(self, number: int, status: CommentStatus) -> None:
        """Without a flush of one's own before the end."""

        async def set_status(_: Any, record: Comment) -> None:
            record.status = status

        if found := self._pick(number):
            self.run(self._past_the_service(found["id"], set_status))

    @rule(number=NUMBERS, slug=ARTICLES)
    def move_past_the_service(self, number: int, slug: str) -> None:
        """No service moves a comment; somebody who goes round them might."""

        async def move(session: Any, record: Comment) -> None:
            record.article_id = await session.scalar(select(article.model.id).where(article.model.slug == slug))

        if found := self._pick(number):
            self.run(self._past_the_service(found["id"], move))

    @rule(number=NUMBERS)
    def change_one_s_mind(self, number: int) -> None:
        """A savepoint that is undone, in a transaction that is kept."""
        if found := self._pick(number):
            self.run(self._in_a_savepoint(found["id"]))

    @rule(numbers=st.lists(NUMBERS, min_size=1, max_size=3), status=STATUSES)
    def decide_in_bulk(self, numbers: list[int], status: CommentStatus) -> None:
        """One request about several."""
        found = {row["id"]: row["version"] for number in numbers if (row := self._pick(number))}
        items = [{"id": str(record_id), "version": version} for record_id, version in found.items()]
        if items:
            body = {"action": "update", "items": items, "changes": {"status": status}}
            self.run(self._send("POST", "/bulk", body))

    @rule(number=NUMBERS, status=STATUSES)
    def decide_at_a_desk(self, number: int, status: CommentStatus) -> None:
        """In the queue of the back office."""
        if found := self._pick(number):
            self.run(self._decide_at_a_desk(found, status))

    @rule(back=st.integers(0, 3))
    def undo(self, back: int) -> None:
        """One of the last changes of comments; what later ones stand on is refused."""
        self.run(self._undo(back))

    @rule(number=NUMBERS)
    def restore_the_first_revision(self, number: int) -> None:
        """The status is part of it."""
        if found := self._pick(number):
            self.run(self._restore(found["id"]))

    @rule(slug=ARTICLES)
    def trash(self, slug: str) -> None:
        """The article goes and comes back with its comments."""
        self.run(self._trash(slug))

    @rule(slug=ARTICLES, status=STATUSES, number=st.integers(0, 3))
    def apply(self, slug: str, status: CommentStatus, number: int) -> None:
        """A file brings a comment in, or changes it."""
        self.run(self._apply(slug, status, number))

    @invariant()
    def is_right(self) -> None:
        """As counted one by one; and lists and `include` agree."""
        self.run(self._check())

    def teardown(self) -> None:
        next(self.finished)

    def _pick(self, number: int, deepest: int = 5) -> dict[str, Any] | None:
        rows = [row for row in self.run(self.site.rows("comments")) if row["depth"] <= deepest]
        return rows[number % len(rows)] if rows else None

    async def _empty(self) -> None:
        self.site.app.state.throttle = Throttle(None)
        async with self.site.database.session() as session:
            for record in (await session.scalars(select(article.model))).all():
                await session.delete(record)
        for slug in SLUGS:
            await self.site.make(article, title=slug, slug=slug, published_at=utc_now())

    async def _send(self, method: str, path: str, body: Any = None, role: Role = Role.EDITOR) -> None:
        options = {} if body is None else {"json": body}
        answer = await self.site.send(method, f"/comments{path}", role, headers=ANY, **options)
        assert answer.status_code in {200, 201, 204, 429}, answer.text

    async def _decide_at_once(self, statuses: list[CommentStatus]) -> None:
        async with self.site.work() as work:
            service = work.service(comment)
            for record, status in zip((await work.session.scalars(select(Comment))).all(), statuses, strict=False):
                await service.update(record, update_schema(comment)(status=status), record.version)

    async def _past_the_service(self, record_id: UUID, change: Change) -> None:
        async with self.site.database.session() as session:
            await change(session, await session.get(Comment, record_id))

    async def _in_a_savepoint(self, record_id: UUID) -> None:
        async with self.site.database.session() as session:
            record = await session.get_one(Comment, record_id)
            savepoint = await session.begin_nested()
            record.status = CommentStatus.APPROVED
            await session.flush()
            await savepoint.rollback()
            async with session.begin_nested():
                record = await session.get_one(Comment, record_id, populate_existing=True)
                record.status = CommentStatus.REJECTED

    async def _decide_at_a_desk(self, row: dict[str, Any], status: CommentStatus) -> None:
        desk = Visitor(self.site.client, self.site.people[Role.EDITOR].cookie)
        items = [{"id": str(row["id"]), "version": row["version"], "status": status}]
        token = {"X-CSRF-Token": await desk.token(), "Accept": "application/json"}
        answer = (await desk.call("POST", "/moderation/decide", json={"items": items}, headers=token)).response
        assert answer.status_code == 200, answer.text

    async def _undo(self, back: int) -> None:
        found = (await self.site.send("GET", "/changes?type=comments&limit=4", Role.EDITOR)).json()["items"]
        if len(found) > back:
            answer = await self.site.send("POST", f"/changes/{found[back]['id']}/undo", Role.EDITOR)
            assert _was_moved(answer) or answer.status_code in {200, 403, 404, 409}, answer.text

    async def _restore(self, record_id: UUID) -> None:
        path = f"/comments/{record_id}/revisions/1/restore"
        answer = await self.site.send("POST", path, Role.EDITOR, headers=ANY)
        assert _was_moved(answer) or answer.status_code in {200, 404, 409}, answer.text

    async def _trash(self, slug: str) -> None:
        gone = await self.site.send("DELETE", f"/articles/{slug}", Role.EDITOR, headers=ANY)
        assert gone.status_code == 204, gone.text
        assert (await self.site.send("GET", f"/comments?article={slug}")).json()["total"] == 0
        back = await self.site.send("POST", f"/articles/{slug}/restore", Role.EDITOR)
        assert back.status_code == 200, back.text

    async def _apply(self, slug: str, status: CommentStatus, number: int) -> None:
        path = self.folder / "comments" / f"{slug}-{number}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"article: {slug}\nname: Ann\ncontent: Filed.\nstatus: {status}\n")
        state = self.site.app.state
        report = await apply(state.database, state.registry, state.reader, state.storage, self.folder)
        path.unlink()
        moved = all("stays where it was written" in note.sentence for note in report.refused)
        assert moved, report.refused  # its comment was moved past the service before

    async def _check(self) -> None:
        comments, articles = await self.site.rows("comments"), await self.site.rows("articles")
        for row in articles:
            mine = [c for c in comments if c["article_id"] == row["id"] and c["status"] is CommentStatus.APPROVED]
            path = f"/articles/{row['id']}?include=comments"
            shown = (await self.site.send("GET", path)).json()
            listed = (await self.site.send("GET", f"/comments?article={row['id']}")).json()
            assert row["comment_count"] == shown["comment_count"] == len(mine)
            assert listed["total"] == len(listed["items"]) == len(mine)
            assert {c["id"] for c in shown["comments"]} == {c["id"] for c in listed["items"]}


def _was_moved(answer: Any) -> bool:
    """Whether a comment that was moved past the service can't be moved back by one."""
    return answer.status_code == 422 and "stays where it was written" in answer.text


@pytest.mark.parametrize("examples", [12, pytest.param(300, marks=pytest.mark.long)])
async def test_the_count_is_right_after_every_path(installation: Installation, tmp_path: Path, examples: int) -> None:
    """The same sequences each time, on both databases."""
    machine = type("Machine", (Commenting,), {
        "site": installation, "loop": asyncio.get_running_loop(), "folder": tmp_path, "numbers": count(),
        "finished": count(),
    })  # fmt: skip
    chosen = settings(
        max_examples=examples, stateful_step_count=15, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=chosen)
    assert next(machine.finished) >= examples  # type: ignore[attr-defined]  # declared by the base class


async def make_thread(site: Installation) -> list[Any]:
    """A comment, two replies to it, and a reply to the first of these; the fifth stands beside them."""
    await site.make(article, title="One", slug="one", published_at=utc_now())

    async def say(**over: Any) -> Any:
        return await site.make(comment, article="one", content="Said.", **{"status": "approved", **over})

    top = await say()
    first, second = await say(parent=str(top.id)), await say(parent=str(top.id), status="pending")
    return [top, first, second, await say(parent=str(first.id)), await say()]


async def test_replies_go_with_their_comment_one_by_one_and_the_deepest_first(installation: Installation) -> None:
    """Whoever listens to flushes sees each of them, and never one whose parent is gone."""
    top, first, second, deepest, beside = await make_thread(installation)
    gone: list[UUID] = []

    def note(_mapper: Mapper[Any], _connection: Connection, record: Comment) -> None:
        gone.append(record.id)

    event.listen(Comment, "after_delete", note)
    try:
        answer = await installation.send("DELETE", f"/comments/{top.id}", Role.EDITOR, headers=ANY)
    finally:
        event.remove(Comment, "after_delete", note)
    assert answer.status_code == 204
    assert gone[0] == deepest.id
    assert set(gone[1:3]) == {first.id, second.id}
    assert gone[3:] == [top.id]
    assert [row["id"] for row in await installation.rows("comments")] == [beside.id]
    told = [row["record_id"] for row in await installation.rows("events") if row["kind"] == "comment.deleted"]
    assert set(told) == set(gone)
    assert (await installation.rows("articles"))[0]["comment_count"] == 1


async def test_a_thread_stays_whole_where_its_comment_may_not_be_deleted(installation: Installation) -> None:
    (top, *_) = await make_thread(installation)
    for role, version, status in ((Role.READER, "*", 403), (Role.EDITOR, '"v7"', 412)):
        headers = {"If-Match": version}
        assert_problem(await installation.send("DELETE", f"/comments/{top.id}", role, headers=headers), status)
    assert len(await installation.rows("comments")) == 5


async def test_an_approved_reply_stays_when_what_it_replies_to_is_taken_away(installation: Installation) -> None:
    """The public then finds it at the top; lists, `include` and the count agree."""
    top, first, *_ = await make_thread(installation)
    await installation.send("PATCH", f"/comments/{top.id}", Role.EDITOR, headers=ANY, json={"status": "rejected"})
    shown = (await installation.send("GET", "/articles/one?include=comments")).json()
    listed = (await installation.send("GET", "/comments?article=one")).json()
    assert shown["comment_count"] == len(shown["comments"]) == listed["total"] == 3
    (reply,) = [item for item in listed["items"] if item["id"] == str(first.id)]
    assert reply["parent"] is None
    assert (await installation.send("GET", f"/comments?parent={top.id}")).json()["total"] == 0
    told = (await installation.send("GET", f"/comments/{first.id}", Role.EDITOR)).json()
    assert told["parent"]["id"] == str(top.id)


async def test_many_decisions_are_counted_once(installation: Installation) -> None:
    made = [record for record in await make_thread(installation) if record.status is CommentStatus.APPROVED]
    costs = []
    for chosen in (made[:1], made[1:]):
        with recorded() as statements:
            async with installation.work() as work:
                for record in chosen:
                    found = await work.service(comment).get(record.id)
                    await work.service(comment).update(found, update_schema(comment)(status="rejected"), found.version)
        costs.append(sum("UPDATE articles" in statement for statement in statements))
    assert costs == [1, 1]
    assert (await installation.rows("articles"))[0]["comment_count"] == 0


async def test_what_waits_costs_no_count(installation: Installation) -> None:
    await installation.make(article, title="One", slug="one", published_at=utc_now())
    with recorded() as statements:
        await installation.make(comment, Role.READER, article="one", content="Said.")
    assert not [statement for statement in statements if "UPDATE articles" in statement]


async def test_two_moderators_at_once_leave_the_right_count(installation: Installation) -> None:
    """Each in one transaction, in opposite orders: neither waits for the other's article."""
    made = await make_thread(installation)

    async def moderate(records: list[Any], status: CommentStatus) -> None:
        for record in records:
            answer = await installation.send(
                "PATCH", f"/comments/{record.id}", Role.EDITOR, headers=ANY, json={"status": status}
            )
            assert answer.status_code == 200, answer.text

    await asyncio.gather(
        moderate(made, CommentStatus.APPROVED),
        moderate(made[::-1], CommentStatus.SPAM),
        *(installation.make(comment, article="one", content=f"{n}", status="approved") for n in range(5)),
    )
    rows = await installation.rows("comments")
    approved = sum(row["status"] is CommentStatus.APPROVED for row in rows)
    assert (await installation.rows("articles"))[0]["comment_count"] == approved


async def test_many_articles_are_counted_in_bites(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_CHUNK", 2)
    async with installation.work() as work:
        schema = create_schema(article)
        titles = [f"Number {number}" for number in range(3)]
        made = [await work.service(article).create(schema(title=title)) for title in titles]
        for record in made:
            await work.service(comment).create(
                create_schema(comment)(article=str(record.id), content="Said.", status="approved")
            )
    async with installation.database.session() as session:
        total = await session.scalar(select(func.sum(article.model.comment_count)))
    assert total == 3
