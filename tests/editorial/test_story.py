"""What the editorial engine is for, told once from end to end, over two processes as `cms serve` runs them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from cms.crud.fields import now
from cms.crud.policy import Role
from cms.database import Database
from cms.editorial.transitions import TICK
from tests.installation import furnish
from tests.problems import assert_problem
from tests.security.serving import served

ANY = {"If-Match": "*"}
TEXT = "One.\n\nTwo.\n\nThree.\n"
FIFTY = 50


@dataclass(frozen=True)
class Newsroom:
    """Two processes over one database.

    :param editors: an editor at each. :param readers: the public at each.
    """

    database: Database
    editors: tuple[httpx.AsyncClient, httpx.AsyncClient]
    readers: tuple[httpx.AsyncClient, httpx.AsyncClient]

    async def time(self) -> datetime:
        """What the database's clock shows."""
        async with self.database.session() as session:
            return (await session.execute(select(now()))).scalar_one()


@asynccontextmanager
async def newsroom(url: str, folder: Path) -> AsyncIterator[Newsroom]:
    """Serve a migrated database by two processes."""
    database = Database(url)
    people, editors, readers = await furnish(database), [], []
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.dispose)
        for name in ("one", "two"):
            (folder / name).mkdir()
            site = await stack.enter_async_context(served(url, folder / name, people))
            base = f"http://127.0.0.1:{site.port}/api/v1"
            bearer = {"Authorization": f"Bearer {people[Role.EDITOR].token}"}
            editors.append(await stack.enter_async_context(httpx.AsyncClient(base_url=base, headers=bearer)))
            readers.append(await stack.enter_async_context(httpx.AsyncClient(base_url=base)))
        yield Newsroom(database, (editors[0], editors[1]), (readers[0], readers[1]))


async def done(answer: Any) -> Any:
    """The body of an answer that has to be a success."""
    response = await answer
    assert response.status_code < 300, response.text
    return response.json()


async def shown(room: Newsroom, path: str) -> list[tuple[str, bytes]]:
    """The ETag and the bytes that the public gets of each process."""
    answers = [await reader.get(path) for reader in room.readers]
    assert {answer.status_code for answer in answers} == {200}
    return [(answer.headers["ETag"], answer.content) for answer in answers]


async def log_of(room: Newsroom, record: str) -> list[tuple[str, dict[str, Any]]]:
    """What was done to a record, oldest first: the verb, and the fields with old and new values."""
    found = await done(room.editors[1].get("/changes", params={"type": "articles", "record": record}))
    return [(one["verb"], one["fields"]) for change in reversed(found["items"]) for one in change["records"]]


async def test_a_live_article_is_replaced_at_its_second_and_once(migrated_url: str, tmp_path: Path) -> None:
    """A draft moves no byte; both processes show it at its second; the log has one publication, old and new."""
    async with newsroom(migrated_url, tmp_path) as room:
        one, two = room.editors
        record = (await done(one.post("/articles", json={"title": "Tide", "content": TEXT})))["id"]
        path = f"/articles/{record}"
        await done(one.post(f"{path}/publish"))
        before = await shown(room, path)
        await done(one.patch(f"{path}?draft=true", headers=ANY, json={"title": "Ebb"}))
        assert await shown(room, path) == before
        due = await room.time() + timedelta(seconds=1.5)
        await done(two.post(f"{path}/publish", json={"at": due.isoformat()}))
        seen: list[datetime] = []
        while len(seen) < 2:
            asked = await room.time()
            answer = await shown(room, path)
            if asked < due - timedelta(seconds=0.2):
                assert answer == before
            assert asked < due + timedelta(seconds=1), "late"
            seen = [asked for etag, body in answer if b'"title":"Ebb"' in body and etag != before[0][0]]
        await asyncio.sleep(2 * TICK)
        log = await log_of(room, record)
        assert [verb for verb, _ in log] == ["created", "published", "drafted", "scheduled", "published"]
        titles = [fields["title"] for verb, fields in log[2:] if "title" in fields]
        assert titles
        assert {(title["old"], title["new"]) for title in titles} == {("Tide", "Ebb")}


async def test_colleagues_and_fifty_articles(migrated_url: str, tmp_path: Path) -> None:
    """An overlap is told on all three sides, what does not overlap is merged; one undo brings fifty back."""
    async with newsroom(migrated_url, tmp_path) as room:
        one, two = room.editors
        first = await done(one.post("/articles", json={"title": "Tide", "content": TEXT}))
        path, stale = f"/articles/{first['id']}", {"If-Match": f'"v{first["version"]}"'}
        ours = {"title": "Theirs", "content": TEXT.replace("One", "Zero")}
        theirs = await done(one.patch(path, headers=stale, json=ours))
        assert (await two.patch(path, headers=stale, json={"title": "Mine"})).status_code == 412
        refused = assert_problem(await two.patch(f"{path}?merge=true", headers=stale, json={"title": "Mine"}), 409)
        assert refused["conflicts"] == {"title": {"base": "Tide", "mine": "Mine", "theirs": "Theirs"}}
        assert (await done(one.get(path)))["version"] == theirs["version"]
        mine = {"content": TEXT.replace("Three", "Four")}
        merged = await done(two.patch(f"{path}?merge=true", headers=stale, json=mine))
        assert (merged["title"], merged["content"]) == ("Theirs", "Zero.\n\nTwo.\n\nFour.\n")

        made = [await done(one.post("/articles", json={"title": f"Tide {n}"})) for n in range(FIFTY)]
        for article in made:
            await done(one.post(f"/articles/{article['id']}/publish"))
        shelf = await room.readers[1].get("/articles")
        assert shelf.json()["total"] == FIFTY
        items = [{"id": article["id"], "version": article["version"] + 1} for article in made]
        gone = await done(one.post("/articles/bulk", json={"action": "trash", "items": items}))
        assert (await room.readers[1].get("/articles")).json()["total"] == 0
        await done(two.post(f"/changes/{gone['change_set']}/undo"))
        back = (await room.readers[0].get("/articles")).json()
        aside = {"version", "updated_at"}
        assert [{k: v for k, v in item.items() if k not in aside} for item in back["items"]] == [
            {k: v for k, v in item.items() if k not in aside} for item in shelf.json()["items"]
        ]
