"""Publishing on time: at its second, once, in order, however many processes run (R26, R28, R29, R30)."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json import dumps, loads
from math import inf
from pathlib import Path
from random import Random
from signal import SIGCONT
from time import monotonic
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from cms.content.articles import Article, article
from cms.crud.fields import now, utc_now
from cms.crud.policy import Role
from cms.crud.schemas import create_schema
from cms.database import Database
from cms.editorial.drafts import draft_schema
from cms.editorial.history import QUIET, Revision
from cms.editorial.pending import Draft, Kind, Transition
from cms.editorial.recorder import record_changes
from cms.editorial.transitions import LEASE, TICK, Transitions
from cms.editorial.workflow import EditorialService
from cms.events.outbox import Event
from cms.outages import DatabaseUnavailable
from tests.admin.browsing import Visitor
from tests.editorial.test_drafts import act, draft, kinds, live, save
from tests.installation import Installation, furnish
from tests.logging import logged
from tests.problems import assert_problem
from tests.security.serving import ROOT, Served, Wire, served

ANY = {"If-Match": "*"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to be so."""
    while True:
        if await condition():
            return
        await asyncio.sleep(0.02)


async def nothing_waits(installation: Installation) -> bool:
    return not await installation.rows("transitions")


async def has_title(installation: Installation, record: str, title: str) -> bool:
    answer = await installation.send("GET", f"/articles/{record}")
    return bool(answer.json()["title"] == title)


def str_url(installation: Installation) -> str:
    """The URL of its database."""
    return installation.database.url.render_as_string(hide_password=False)


def office(installation: Installation) -> Transitions:
    """What takes care of times, of one process."""
    return Transitions(installation.database, installation.app.state.reader)


async def database_time(installation: Installation) -> datetime:
    async with installation.database.session() as session:
        return (await session.execute(select(now()))).scalar_one()


async def let_pass(installation: Installation, seconds: float = 3600) -> None:
    """Move everything that waits so far into the past, as time would."""
    past = timedelta(seconds=seconds)
    async with installation.database.session() as session:
        for row in (await session.execute(select(Transition))).scalars():
            row.due_at -= past
        for waiting in (await session.execute(select(Draft).where(Draft.publish_at.is_not(None)))).scalars():
            assert waiting.publish_at is not None
            waiting.publish_at -= past
        for record in (await session.execute(select(Article.id, Article.published_at, Article.unpublish_at))).all():
            times = {
                name: time - past
                for name, time in zip(("published_at", "unpublish_at"), record[1:], strict=True)
                if time is not None
            }
            table = Article.__table__
            await session.execute(update(table).where(table.c.id == record.id).values(**times))  # type: ignore[arg-type]


async def soon(installation: Installation, seconds: float = 1800) -> str:
    return (await database_time(installation) + timedelta(seconds=seconds)).isoformat()


async def test_a_scheduled_replacement_takes_its_place(installation: Installation) -> None:
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    scheduled = await act(installation, record, "publish", at=await soon(installation))
    assert scheduled.status_code == 200, scheduled.text
    assert scheduled.json()["title"] == "Tide"
    assert await office(installation).catch_up() == 0
    await let_pass(installation)
    assert await office(installation).catch_up() == 1
    assert await office(installation).catch_up() == 0
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Ebb"
    assert (await kinds(installation))[-2:] == ["article.scheduled", "article.published"]
    assert await installation.rows("transitions") == []


async def test_first_publication_and_expiry_each_tell_once(installation: Installation) -> None:
    made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide"})
    record = made.json()["id"]
    await act(installation, record, "publish", at=await soon(installation, 600))
    await act(installation, record, "unpublish", at=await soon(installation, 1200))
    assert len(await installation.rows("transitions")) == 2
    await let_pass(installation)
    assert await office(installation).catch_up() == 2
    assert await kinds(installation) == [
        "article.created", "article.scheduled", "article.updated", "article.published", "article.unpublished",
    ]  # fmt: skip


async def test_what_waits_is_kept_in_step_with_the_times_of_its_record(installation: Installation) -> None:
    made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide"})
    record, path = made.json()["id"], f"/articles/{made.json()['id']}"

    async def waiting() -> dict[str, datetime]:
        return {row["kind"]: row["due_at"] for row in await installation.rows("transitions")}

    first, second = await soon(installation, 600), await soon(installation, 1200)
    await installation.send("PATCH", path, Role.EDITOR, json={"unpublish_at": second}, headers=ANY)
    assert await waiting() == {}
    await installation.send("PATCH", path, Role.EDITOR, json={"published_at": first}, headers=ANY)
    assert set(await waiting()) == {"publish", "unpublish"}
    await installation.send("PATCH", path, Role.EDITOR, json={"title": "Ebb"}, headers=ANY)
    assert len(await waiting()) == 2
    await installation.send("DELETE", path, Role.EDITOR, headers=ANY)
    assert await waiting() == {}
    await installation.send("POST", f"{path}/restore", Role.EDITOR)
    assert set(await waiting()) == {"publish", "unpublish"}
    await act(installation, record, "publish")
    assert set(await waiting()) == {"unpublish"}
    await installation.send("PATCH", path, Role.EDITOR, json={"unpublish_at": None}, headers=ANY)
    assert await waiting() == {}


class NeverDue:
    """A database in which nothing waits."""

    async def read_soon(self, *_: Any) -> float:
        return inf

    def session(self) -> Any:
        raise AssertionError("Nothing is to be done.")


async def test_what_came_about_by_itself_is_told_even_if_somebody_acts_before_anybody_looks(
    installation: Installation,
) -> None:
    record = (await live(installation))["id"]
    assert (await act(installation, record, "unpublish")).status_code == 200
    assert (await act(installation, record, "publish", at=await soon(installation))).status_code == 200
    before = len(await kinds(installation))
    await let_pass(installation)
    assert (await act(installation, record, "unpublish")).status_code == 200
    assert (await kinds(installation))[before:] == ["article.published", "article.unpublished"]
    assert await office(installation).catch_up() == 0


async def test_a_replacement_that_comes_late_is_judged_by_its_own_time(installation: Installation) -> None:
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at=await soon(installation, 600))
    assert (await act(installation, record, "unpublish", at=await soon(installation, 1200))).status_code == 200
    await let_pass(installation)
    assert await office(installation).catch_up() == 2
    assert (await kinds(installation))[-2:] == ["article.published", "article.unpublished"]
    assert [row["title"] for row in await installation.rows("articles")] == ["Ebb"]


async def test_times_that_rows_no_longer_have_bring_nothing(installation: Installation) -> None:
    """A write that goes round everything leaves a transition behind: it is dropped when it is due."""
    made = await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Tide"})
    await act(installation, made.json()["id"], "publish", at=await soon(installation, 600))
    async with installation.database.session() as session:
        await session.execute(update(Transition).values(due_at=utc_now() - timedelta(days=1)))
        session.add(Transition(record_type="articles", record_id=uuid7(), kind=Kind.PUBLISH, due_at=LONG_AGO))
        record_id = UUID(made.json()["id"])
        session.add(Transition(record_type="articles", record_id=record_id, kind=Kind.REPLACE, due_at=LONG_AGO))
    async with (stopped := Transitions(NeverDue(), installation.app.state.reader)):
        pass
    assert await stopped.catch_up() == 0
    assert await office(installation).catch_up() == 3
    assert (await kinds(installation))[-1] == "article.scheduled"
    assert await installation.rows("transitions") == []


async def test_what_can_not_be_published_on_time_says_why_and_stops_nobody(installation: Installation) -> None:
    """A conflict, something incomplete, too complex, not public any more, or in the trash."""
    names = ("conflict", "incomplete", "complex", "unpublished", "trashed", "good")
    records = {name: (await live(installation, title=f"Tide {name}"))["id"] for name in names}
    at = await soon(installation)
    for name, record in records.items():
        await save(installation, record, title="" if name == "incomplete" else f"Ebb {name}")
        assert (await act(installation, record, "publish", at=at)).status_code == 200
        if name == "complex":  # refused once its values are assigned
            await save(installation, record, title="Ebb", content="> " * 3_000 + "deep")
    theirs = {"title": "Theirs"}
    await installation.send("PATCH", f"/articles/{records['conflict']}", Role.EDITOR, json=theirs, headers=ANY)
    expired = {"published_at": "2020-01-01T00:00:00Z", "unpublish_at": "2020-01-02T00:00:00Z"}
    await installation.send("PATCH", f"/articles/{records['unpublished']}", Role.EDITOR, json=expired, headers=ANY)
    await installation.send("DELETE", f"/articles/{records['trashed']}", Role.EDITOR, headers=ANY)
    await let_pass(installation)
    assert await office(installation).catch_up() == 6
    assert await office(installation).catch_up() == 0
    assert (await kinds(installation)).count("article.publishing_failed") == 5
    assert (await installation.send("GET", f"/articles/{records['good']}")).json()["title"] == "Ebb good"
    for name, said in (
        ("conflict", "“title”"), ("incomplete", "/title"), ("complex", "too deeply"),
        ("unpublished", "not public any more"),
    ):  # fmt: skip
        state = (await draft(installation, records[name])).json()["draft"]
        assert (state["is_saved"], state["publish_at"]) == (True, None)
        assert said in state["problem"] or name == "incomplete"
    await save(installation, records["incomplete"], title="Whole")
    assert (await draft(installation, records["incomplete"])).json()["draft"]["problem"] is None


async def test_an_unforeseen_failure_of_one_is_logged_and_the_others_go_on(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [(await live(installation, title=f"Tide {n}"))["id"] for n in range(2)]
    for n, record in enumerate(records):
        await save(installation, record, title=f"Ebb {n}")
        await act(installation, record, "publish", at=await soon(installation, 600 + n))
    await let_pass(installation)
    replace = EditorialService.replace_public

    async def fail_first(self: Any, record: Any, due_at: Any) -> None:
        if str(record.id) == records[0]:
            raise RuntimeError("A lamp went out.")
        await replace(self, record, due_at)

    with monkeypatch.context() as patch, logged() as lines:
        patch.setattr(EditorialService, "replace_public", fail_first)
        assert await office(installation).catch_up() == 1
    assert "A lamp went out." in "".join(lines)
    titles = [(await installation.send("GET", f"/articles/{record}")).json()["title"] for record in records]
    assert titles == ["Tide 0", "Ebb 1"]
    assert await office(installation).catch_up() == 1


async def test_it_runs_on_time_and_does_other_things_now_and_then(installation: Installation) -> None:
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    times: list[float] = []

    async def job() -> None:
        times.append(monotonic())
        if len(times) == 1:
            raise RuntimeError("Not yet.")

    running = office(installation)
    running.every(0.05, job)
    with logged() as lines:
        async with running:
            due = await database_time(installation) + timedelta(seconds=0.8)
            await act(installation, record, "publish", at=due.isoformat())
            await until(lambda: has_title(installation, record, "Ebb"))
            took = (await database_time(installation) - due).total_seconds()
            await asyncio.sleep(TICK)
    assert 0 <= took <= 5  # it is half a second at most where nothing else runs
    assert len(times) > 2
    assert "".join(lines).count("has to wait: Not yet.") == 1


async def test_a_database_that_is_away_is_told_once_and_waited_for(installation: Installation) -> None:
    class Away:
        """A database that does not answer twice."""

        asked = 0

        async def read_soon(self, function: Any, *args: Any) -> Any:
            self.asked += 1
            if self.asked < 3:
                raise DatabaseUnavailable("Nobody there.")
            return await installation.database.read_soon(function, *args)

        def session(self) -> Any:
            raise DatabaseUnavailable("Busy.")

    away = Away()
    with logged() as lines:
        async with Transitions(away, installation.app.state.reader):
            await until(lambda: asyncio.sleep(0.05, away.asked >= 4))
    assert "".join(lines).count("Nobody there.") == 1
    with pytest.raises(DatabaseUnavailable):
        await Transitions(away, installation.app.state.reader).catch_up()


@pytest.mark.parametrize("round_", range(4))
async def test_cancelling_before_the_time_always_wins(installation: Installation, round_: int) -> None:
    """Who is told that it is called off can rely on it; who is late is told so."""
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    async with office(installation), office(installation):
        due = await database_time(installation) + timedelta(seconds=0.4)
        await act(installation, record, "publish", at=due.isoformat())
        await asyncio.sleep(0.1 * (round_ + 1))
        cancelled = await installation.send("DELETE", f"/articles/{record}/schedule", Role.EDITOR, headers=ANY)
        answered = await database_time(installation)
        await asyncio.sleep(TICK + 0.3)
    title = (await installation.send("GET", f"/articles/{record}")).json()["title"]
    if cancelled.status_code == 204:
        assert title == "Tide"
    else:
        assert_problem(cancelled, 409)
        assert title == "Ebb"
        assert answered >= due, "it was refused before the time had come"
    published = [kind for kind in await kinds(installation) if kind == "article.published"]
    assert len(published) == (1 if title == "Tide" else 2)


@pytest.mark.parametrize("round_", range(4))
async def test_calling_a_first_publication_off_before_its_time_always_wins(
    installation: Installation, round_: int
) -> None:
    record = str((await installation.make(article, Role.EDITOR, title="Tide")).id)
    async with office(installation), office(installation):
        due = await database_time(installation) + timedelta(seconds=0.4)
        await act(installation, record, "publish", at=due.isoformat())
        await asyncio.sleep(0.1 * (round_ + 1))
        cancelled = await installation.send("DELETE", f"/articles/{record}/schedule", Role.EDITOR, headers=ANY)
        answered = await database_time(installation)
        await asyncio.sleep(TICK + 0.3)
    seen = await installation.send("GET", f"/articles/{record}")
    if cancelled.status_code == 204:
        assert_problem(seen, 404)
    else:
        assert_problem(cancelled, 409)
        assert seen.status_code == 200
        assert answered >= due, "it was refused before the time had come"
    published = [kind for kind in await kinds(installation) if kind == "article.published"]
    assert len(published) == (0 if cancelled.status_code == 204 else 1)


async def test_what_came_while_a_record_was_in_the_trash_is_told_when_it_comes_back(
    installation: Installation,
) -> None:
    record = str((await installation.make(article, Role.EDITOR, title="Tide")).id)
    await act(installation, record, "publish", at=await soon(installation))
    assert (await installation.send("DELETE", f"/articles/{record}", Role.EDITOR, headers=ANY)).status_code == 204
    await let_pass(installation)
    async with installation.database.session() as session:
        trashed = (await session.execute(select(Article.trashed_at))).scalar_one()
        assert trashed is not None
        await session.execute(update(Article).values(trashed_at=trashed - timedelta(hours=1)))
    await act(installation, record, "restore")
    assert (await kinds(installation))[-3:] == ["article.trashed", "article.restored", "article.published"]
    assert (await installation.send("GET", f"/articles/{record}")).status_code == 200


async def test_who_comes_too_late_to_call_a_publication_off_does_not_drop_its_end(
    installation: Installation,
) -> None:
    record = str((await installation.make(article, Role.EDITOR, title="Tide")).id)
    await act(installation, record, "publish", at=await soon(installation))
    end = await soon(installation, 7200)
    await act(installation, record, "unpublish", at=end)
    path = f"/articles/{record}/schedule"
    assert_problem(await installation.send("DELETE", f"{path}?of=nothing", Role.EDITOR, headers=ANY), 400)
    await let_pass(installation)
    assert_problem(await installation.send("DELETE", f"{path}?of=publication", Role.EDITOR, headers=ANY), 409)
    editor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    form = (await editor.get(f"/article/edit/{record}")).edit
    await editor.send(form, _then="unschedule")
    seen = (await installation.send("GET", f"/articles/{record}")).json()
    assert seen["unpublish_at"] is not None
    assert (await installation.send("DELETE", f"{path}?of=end", Role.EDITOR, headers=ANY)).status_code == 204
    assert (await installation.send("GET", f"/articles/{record}")).json()["unpublish_at"] is None


async def test_what_was_called_off_in_time_is_not_told_of(installation: Installation) -> None:
    """Its time comes before the commit: what was decided by one time is not told by another."""
    record = (await installation.make(article, Role.EDITOR, title="Tide")).id
    due = await database_time(installation) + timedelta(seconds=2)
    await act(installation, str(record), "publish", at=due.isoformat())
    async with installation.work(Role.EDITOR) as work:
        service = work.service(article)
        assert isinstance(service, EditorialService)
        await service.cancel_schedule(await service.get(record))
        await until(lambda: asyncio.sleep(0.05, datetime.now(UTC) > due + timedelta(seconds=0.2)))
    assert await kinds(installation) == ["article.created", "article.scheduled", "article.unscheduled"]
    assert_problem(await installation.send("GET", f"/articles/{record}"), 404)


async def backlog(installation: Installation, count: int) -> list[str]:
    """So many articles, every other with a draft, that became due one after the other; their ids in that order."""
    async with installation.work(Role.EDITOR) as work:
        service = work.service(article)
        assert isinstance(service, EditorialService)
        start, ids = await service.database_time(), []
        times = [start + timedelta(seconds=600 + n) for n in range(count)]
        Random(7).shuffle(times)  # noqa: S311 - no secret
        for n, at in enumerate(times):
            record = await service.create(create_schema(article)(title=f"Tide {n}"))
            ids.append((at, str(record.id)))
            if n % 2:
                await service.publish(record)
                await service.save_draft(record, draft_schema(article)(title=f"Ebb {n}"), 0)
            await service.publish(record, at)
    await let_pass(installation, 3600 + count)
    return [record for _, record in sorted(ids)]


async def told(installation: Installation, since: int) -> list[str]:
    """Of which records it was said, since that event, that they are published."""
    rows = await installation.rows("events")
    return [str(row["record_id"]) for row in rows if row["kind"] == "article.published" and row["id"] > since]


async def race(installation: Installation, count: int, workers: int = 4) -> float:
    """Let so many workers, each with connections of its own, do all of a backlog; the seconds that it took."""
    due = await backlog(installation, count)
    last = max(row["id"] for row in await installation.rows("events"))
    revisions = len(await installation.rows("revisions"))
    databases = [Database(str_url(installation)) for _ in range(workers)]
    for database in databases:
        record_changes(database.sessions, installation.registry)
    began = monotonic()
    async with AsyncExitStack() as stack:
        for database in databases:
            await stack.enter_async_context(Transitions(database, installation.app.state.reader))
        await until(lambda: nothing_waits(installation))
        took = monotonic() - began
    for database in databases:
        await database.dispose()
    assert await told(installation, last) == due
    assert len(await installation.rows("revisions")) == revisions + 2 * (count // 2)  # of the record and of its draft
    titles = Counter(row["title"].split()[0] for row in await installation.rows("articles"))
    assert titles == {"Tide": count - count // 2, "Ebb": count // 2}
    return took


async def test_four_workers_do_each_thing_once_and_in_order(installation: Installation) -> None:
    """R28; R30: after a stop, however many are due."""
    await race(installation, 40)


@pytest.mark.long
@pytest.mark.parametrize("round_", range(10))
async def test_four_workers_do_five_hundred_things_once(installation: Installation, round_: int) -> None:
    """R28: ten runs."""
    await race(installation, 500)


@pytest.mark.long
async def test_a_thousand_things_that_are_due_are_done_within_a_minute(installation: Installation) -> None:
    """R30."""
    assert await race(installation, 1000, workers=1) <= 60


@pytest.mark.parametrize("hours", [2, -2])
async def test_no_clock_but_the_database_s_decides(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """R26: the clock of the process is two hours off."""

    def wrong() -> datetime:
        return utc_now() + timedelta(hours=hours)

    for name, module in list(sys.modules.items()):
        if name.startswith(("cms.", "admin")) and hasattr(module, "utc_now"):
            monkeypatch.setattr(module, "utc_now", wrong)
    record = (await live(installation))["id"]
    assert (await installation.send("GET", f"/articles/{record}")).status_code == 200
    made = (await installation.send("POST", "/articles", Role.EDITOR, json={"title": "Flood"})).json()["id"]
    await act(installation, made, "publish", at=await soon(installation, 600))
    assert (await kinds(installation))[-1] == "article.scheduled"
    assert_problem(await installation.send("GET", f"/articles/{made}"), 404)
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at=await soon(installation, 600))
    assert await office(installation).catch_up() == 0
    await let_pass(installation, 660)
    assert await office(installation).catch_up() == 2
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Ebb"
    assert (await installation.send("GET", f"/articles/{made}")).status_code == 200
    assert_problem(await installation.send("DELETE", f"/articles/{made}/schedule", Role.EDITOR, headers=ANY), 409)
    editor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    await editor.send((await editor.get(f"/article/edit/{record}")).edit, title="Slack")
    seen = (await installation.send("GET", f"/articles/{record}")).json()
    assert seen["title"] == "Ebb", "a form changes the working draft of what is public"
    draft = (await installation.send("GET", f"/articles/{record}?version=draft", Role.EDITOR)).json()
    items = [{"id": record, "version": draft["version"]}]
    at_once = await installation.send("POST", "/articles/bulk", Role.EDITOR, json={"action": "publish", "items": items})
    assert at_once.json()["items"][0]["status"] == "published"


async def test_an_expiry_that_waits_is_called_off(installation: Installation) -> None:
    record = (await live(installation))["id"]
    await act(installation, record, "unpublish", at=await soon(installation))
    cancelled = await installation.send("DELETE", f"/articles/{record}/schedule", Role.EDITOR, headers=ANY)
    assert cancelled.status_code == 204
    assert await nothing_waits(installation)
    found = (await installation.send("GET", f"/articles/{record}", Role.EDITOR)).json()
    assert (found["status"], found["unpublish_at"]) == ("published", None)
    assert_problem(await installation.send("DELETE", f"/articles/{record}/schedule", Role.EDITOR, headers=ANY), 409)


WORKER = """
import asyncio, os, signal, sys
from cms.content import registry
from cms.crud.cursor import Cursors
from cms.crud.plan import Reader
from cms.database import Database
from cms.editorial.recorder import record_changes
from cms.editorial.transitions import Transitions
from cms.editorial.workflow import EditorialService

replace = EditorialService.replace_public

async def stop_in_the_middle(self, record, due_at):
    await replace(self, record, due_at)
    await self.session.flush()
    print("replaced", flush=True)
    os.kill(os.getpid(), getattr(signal, sys.argv[2]))

async def main():
    EditorialService.replace_public = stop_in_the_middle
    database = Database(sys.argv[1])
    record_changes(database.sessions, registry)
    print(await Transitions(database, Reader(registry, Cursors("secret"))).catch_up(), flush=True)

asyncio.run(main())
"""


async def half_done(installation: Installation, signal_name: str) -> tuple[str, asyncio.subprocess.Process]:
    """A replacement that is due, and a worker that was stopped in the middle of it."""
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at=await soon(installation))
    await let_pass(installation)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, str_url(installation), signal_name, stdout=PIPE, stderr=PIPE, cwd=ROOT
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"replaced\n"
    if signal_name == "SIGSTOP":  # a CONT that came before it would be lost, and the worker stand still for ever
        async with asyncio.timeout(LEASE):
            await until(lambda: is_stopped(worker.pid))
    return str(record), worker


async def is_stopped(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


async def test_what_a_killed_worker_left_half_done_is_done_by_another(installation: Installation) -> None:
    """R29: its transaction is rolled back, and nobody is published twice."""
    record, worker = await half_done(installation, "SIGKILL")
    await worker.communicate()
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Tide"
    async with office(installation), asyncio.timeout(LEASE + 5):
        await until(lambda: nothing_waits(installation))
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Ebb"
    assert (await kinds(installation)).count("article.published") == 2


async def test_what_a_stalled_worker_holds_is_taken_from_it(installation: Installation) -> None:
    """R29: it comes to late, and its write is refused. SQLite's one writer can't be taken from; it is freed on CONT."""
    record, worker = await half_done(installation, "SIGSTOP")
    if not installation.database.is_sqlite:
        async with office(installation), asyncio.timeout(LEASE + 5):
            await until(lambda: nothing_waits(installation))
    worker.send_signal(SIGCONT)
    await worker.communicate()
    assert await office(installation).catch_up() == 0
    assert (await installation.send("GET", f"/articles/{record}")).json()["title"] == "Ebb"
    assert (await kinds(installation)).count("article.published") == 2
    verbs = [row["verb"] for row in await installation.rows("revisions") if str(row["record_id"]) == record]
    assert verbs.count("published") == 2


@dataclass(frozen=True)
class Server:
    """One of several that serve the same."""

    site: Served
    wire: Wire

    async def send(self, method: str, path: str, etag: str = "", role: Role = Role.EDITOR, **body: Any) -> Any:
        content = dumps(body).encode() if body else b""
        answer = await self.wire.send(self.site.request(method, f"/api/v1{path}", role, content, etag))
        assert answer.status < 300, answer
        return loads(answer.body)

    async def has_title(self, record: str, title: str) -> bool:
        """Whether that is what the public sees."""
        found = await self.send("GET", f"/articles/{record}", role=Role.ANONYMOUS)
        return bool(found["title"] == title)


def wrong_clock(hours: int) -> dict[str, str]:
    """The environment of a process whose clock is that far off, by libfaketime; what takes time takes as long."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        pytest.skip("needs libfaketime: apt-get install faketime")
    return {"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"{hours:+}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@pytest.mark.parametrize("hours", [0, 2], ids=["right clocks", "clocks four hours apart"])
async def test_two_servers_replace_what_is_public_at_its_second_and_once(
    migrated_url: str, tmp_path: Path, hours: int
) -> None:
    """R26: two processes, as `cms serve` runs them, over one database: at its second, and with one event."""
    database = Database(migrated_url)
    if hours and database.is_sqlite:
        pytest.skip("SQLite has no clock but that of the process")
    people, servers = await furnish(database), []

    async def time() -> datetime:
        async with database.session() as session:
            return (await session.execute(select(now()))).scalar_one()

    async with AsyncExitStack() as stack:
        for name, ahead in (("one", hours), ("two", -hours)):
            (tmp_path / name).mkdir()
            clock = wrong_clock(ahead) if ahead else {}
            site = await stack.enter_async_context(served(migrated_url, tmp_path / name, people, clock))
            servers.append(Server(site, site.wire()))
            stack.callback(servers[-1].wire.close)
        one, two = servers
        record = (await one.send("POST", "/articles", title="Tide"))["id"]
        await one.send("POST", f"/articles/{record}/publish")
        await one.send("PATCH", f"/articles/{record}?draft=true", "*", title="Ebb")
        due = await time() + timedelta(seconds=3)
        await one.send("POST", f"/articles/{record}/publish", at=due.isoformat())
        assert await two.has_title(record, "Tide")
        await until(lambda: one.has_title(record, "Ebb"))
        seen_at = await time()
        assert await two.has_title(record, "Ebb")
        await asyncio.sleep(2 * TICK)
    assert due <= seen_at <= due + timedelta(seconds=1)
    verbs, events = await story(database, UUID(record))
    assert verbs == ["created", "published", "drafted", "scheduled", "applied", "published"]
    assert events == [f"article.{verb}" for verb in verbs if verb not in QUIET]


async def story(database: Database, record_id: UUID) -> tuple[list[str], list[str]]:
    """What was done to a record, and what was told of it; the database is not needed after that."""
    async with database.session() as session:
        saves = select(Revision.verb).where(Revision.record_id == record_id).order_by(Revision.id)
        told = select(Event.kind).where(Event.record_id == record_id).order_by(Event.id)
        found = [list((await session.execute(query)).scalars()) for query in (saves, told)]
    await database.dispose()
    return found[0], found[1]


async def test_a_record_that_somebody_writes_is_left_for_the_next_look(installation: Installation) -> None:
    """PostgreSQL's rows are locked one by one; SQLite's writer waits."""
    if installation.database.is_sqlite:
        return
    record = (await live(installation))["id"]
    await save(installation, record, title="Ebb")
    await act(installation, record, "publish", at=await soon(installation))
    await let_pass(installation)
    async with installation.database.session() as session:
        await session.execute(select(Article.id).where(Article.id == UUID(record)).with_for_update())
        await office(installation).catch_up()
        assert len(await installation.rows("transitions")) == 1
    assert await office(installation).catch_up() == 1
    assert await installation.rows("transitions") == []
