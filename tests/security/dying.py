"""An application that dies: for each order a process is forked that sends one request, and ends without a word within.

Orders come in as lines of JSON, one answer goes out for each. A process dies at one of the points of its work: before
a statement, before a commit, or after it.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from loguru import logger
from sqlalchemy import Engine, event, make_url
from sqlalchemy.orm import Session

from cms.content.articles import article
from cms.crud.policy import SYSTEM, Action
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.editorial.emptying import empty_trash
from cms.editorial.recorder import record_changes
from cms.editorial.transitions import Transitions
from cms.events.outbox import emit
from cms.exchange.apply import apply
from cms.main import create_app
from tests.installation import settings_for

DIED = 9
PATIENCE = 30
"""Seconds after which a process that hangs is ended."""
COMMITTING, COMMITTED = "COMMITTING", "COMMITTED"
"""The points at a commit; the others are the statements themselves."""


class Points:
    """What a process comes to in its work; at one of the points it ends, there and then."""

    def __init__(self) -> None:
        self._passed: list[str] = []
        self._last: int | None = None
        event.listen(Engine, "before_cursor_execute", self._execute)
        event.listen(Engine, "commit", lambda _: self._reach(COMMITTING))
        event.listen(Session, "after_commit", self._commit)

    def begin(self, last: int | None) -> list[str]:
        """Begin to count.

        :param last: the number, from 1, of the point at which to end; None for none.
        :returns: the points, as they come.
        """
        self._passed, self._last = [], last
        return self._passed

    def _execute(self, connection: Any, cursor: Any, statement: str, *further: Any) -> None:
        self._reach(" ".join(statement.split()))

    def _commit(self, _: Session) -> None:
        if self._passed[-1] == COMMITTING:  # not of a savepoint alone
            self._reach(COMMITTED)

    def _reach(self, point: str) -> None:
        self._passed.append(point)
        if len(self._passed) == self._last:
            os._exit(DIED)


async def follow(app: FastAPI, order: Mapping[str, Any]) -> str:
    """Do what the order says, over the database that it names; what came of it."""
    database: Database = app.state.database
    if "job" in order:
        await JOBS[order["job"]](app, order)
        said = ""
    else:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(**order["request"])
        said = f"{answer.status_code} {answer.text[:500]}"
    await database.dispose()
    return said


async def take_turns(app: FastAPI, order: Mapping[str, Any]) -> None:
    """What is due."""
    await Transitions(app.state.database, app.state.reader).catch_up()


async def empty(app: FastAPI, order: Mapping[str, Any]) -> None:
    """What has been in the trash for long."""
    await empty_trash(app.state.database, app.state.reader, timedelta(days=30))


async def take_in(app: FastAPI, order: Mapping[str, Any]) -> None:
    """A folder of files."""
    state = app.state
    report = await apply(state.database, state.registry, state.reader, state.storage, Path(order["folder"]))
    assert report.refused == [], report.refused


async def tell_later(app: FastAPI, order: Mapping[str, Any]) -> None:
    """A change that is not atomic, which is what all this is to find: its event has a transaction of its own."""
    async with app.state.database.session() as session:
        service = UnitOfWork(session, SYSTEM, app.state.reader).service(article)
        record = await service.get(order["record"], Action.UPDATE)
        record.title = "Half done"
        await service.save(record)
    told = {"kind": "article.told", "record_type": "articles", "record_id": record.id, "version": 1, "actor_id": None}
    async with app.state.database.session() as session:
        await session.run_sync(lambda sync: emit(sync.connection(), [told]))


JOBS: Mapping[str, Callable[[FastAPI, Mapping[str, Any]], Awaitable[None]]] = {
    "due": take_turns,
    "trash": empty,
    "files": take_in,
    "torn": tell_later,
}


def answer(app: FastAPI, order: Mapping[str, Any], points: list[str]) -> None:
    """Follow an order to its end."""
    print(json.dumps({"said": asyncio.run(follow(app, order)), "points": points}), flush=True)  # noqa: T201 - the answer


def live_and_die(app: FastAPI, order: Mapping[str, Any], points: list[str]) -> None:
    """The life of a forked process; it never returns."""
    signal.alarm(PATIENCE)
    try:
        answer(app, order, points)
    except Exception:  # noqa: BLE001 - nobody else would hear of it
        traceback.print_exc()
    finally:
        os._exit(1)  # without the farewells of the process that this one was forked from


def work_on(app: FastAPI, url: str) -> None:
    """Have the application work on another database."""
    if app.state.database.url != make_url(url):
        app.state.database = Database(url)
        record_changes(app.state.database.sessions, app.state.registry)


def main(folder: Path) -> None:
    """Follow orders until there are no more: here, or, with a point to die at, in a process that is forked for it."""
    logger.remove()
    app = create_app(settings_for(f"sqlite+aiosqlite:///{folder}/unused.db", folder))
    points = Points()
    for line in sys.stdin:
        order = json.loads(line)
        work_on(app, order["url"])
        if order["last"] is None:
            answer(app, order, points.begin(None))  # what it compiles is there for those that are forked
            continue
        while threading.active_count() > 1:  # a thread would not be forked
            time.sleep(0.001)
        gc.freeze()
        process = os.fork()
        if not process:
            live_and_die(app, order, points.begin(order["last"]))
        print(json.dumps({"status": os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(Path(sys.argv[1]))
