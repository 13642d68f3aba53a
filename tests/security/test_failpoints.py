"""A process that dies in the middle of a change leaves all of it or nothing, whatever it was at (R05, R06, D11)."""

import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from subprocess import PIPE
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from admin.security import Cookies
from cms.content.articles import Article, article
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from cms.editorial.pending import Draft, Transition
from tests.installation import API, Installation
from tests.security.dying import COMMITTED, COMMITTING, DIED
from tests.security.ruins import Dump, Ground, PostgresGround, Reading, Rows, SqliteGround, differences
from tests.security.serving import ROOT

ANY = {"If-Match": "*"}
RECORDED = {"change_sets", "revisions", "events"}
FURTHER = {"admin": {"redirects", "drafts"}}
"""What some orders change besides."""
OFTEN = {
    "publish", "unpublish", "draft", "delete", "restore", "revise", "bulk update", "bulk trash", "bulk restore",
    "bulk publish", "undo", "undo publish", "due", "admin", "files",
}  # fmt: skip
"""What is killed in every run of the suite; the rest in `make test-long`."""
Order = dict[str, Any]
Told = dict[str, Any]
Dying = Callable[[Order], Told]


class Office:
    """An installation with something to be done, and the orders to do it.

    :param folder: for files that are to be taken in.
    """

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.installation = installation
        self.folder = folder
        self.orders: dict[str, Order] = {}
        self._numbers = count(1)

    def request(self, name: str, method: str, path: str, role: Role = Role.EDITOR, **body: Any) -> None:
        """Put down an order to send a request; a POST has a key, so that its answer is kept."""
        headers = {**ANY, "Authorization": f"Bearer {self.installation.people[role].token}", "X-Request-ID": name}
        if method == "POST":
            headers["Idempotency-Key"] = f"the key of {name}"
        sent = {"method": method, "url": API + path, "headers": headers, **({"json": body} if body else {})}
        self.orders[name] = {"request": sent}

    async def send(self, method: str, path: str, role: Role = Role.EDITOR, **body: Any) -> Any:
        """Do something beforehand."""
        answer = await self.installation.send(method, path, role, headers=ANY, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def article(self, **values: Any) -> Any:
        """A public article, with tags and comments."""
        number = next(self._numbers)
        texts = {"title": f"Tide {number}", "content": f"Water {number}.", "tags": ["rope"], "published_at": utc_now()}
        made = await self.installation.make(article, Role.EDITOR, **{**texts, **values})
        said = {"article": str(made.id), "name": "Ann", "email": "ann@example.org", "content": f"Yes, {number}."}
        for status in (CommentStatus.APPROVED, CommentStatus.PENDING):
            await self.installation.make(comment, Role.EDITOR, status=status, **said)
        return made

    async def drafted(self, **more: Any) -> str:
        """A public article with a working draft that changes most of it."""
        made = await self.article()
        change = {"title": f"Ebb {made.slug}", "slug": f"ebb-{made.slug}", "content": "Mud.", "tags": ["knot"], **more}
        await self.send("PATCH", f"/articles/{made.id}?draft=true", **change)
        return str(made.id)

    async def tree(self) -> Any:
        """A public page with pages below it."""
        number = next(self._numbers)
        root = await self.installation.make(page, Role.EDITOR, title=f"Root {number}", published_at=utc_now())
        for name in ("Branch", "Twig"):
            await self.installation.make(page, Role.EDITOR, title=f"{name} {number}", parent=str(root.id))
        return root

    async def several(self) -> list[dict[str, Any]]:
        """Items of a bulk order."""
        return [{"id": str(made.id), "version": made.version} for made in [await self.article() for _ in range(3)]]

    async def furnish(self) -> None:
        """Everything that may be done."""
        for name in ("rope", "knot"):
            await self.installation.make(tag, name=name)
        await self._publishing()
        await self._trash()
        await self._history()
        await self._files()
        await self._late()

    async def _publishing(self) -> None:
        self.request("publish", "POST", f"/articles/{await self.drafted()}/publish")
        self.request("discard", "DELETE", f"/articles/{await self.drafted()}/draft")
        scheduled = await self.drafted()
        await self.send("POST", f"/articles/{scheduled}/publish", at="2999-01-01T00:00:00Z")
        self.request("unpublish", "POST", f"/articles/{scheduled}/unpublish")
        self.request("schedule", "POST", f"/articles/{await self.drafted()}/publish", at="2999-01-01T00:00:00Z")
        path = f"/articles/{(await self.article()).id}?draft=true"
        self.request("draft", "PATCH", path, title="Ebb", content="Mud.", tags=["knot"])
        path = f"/articles/{(await self.article()).id}"
        self.request("update", "PATCH", path, title="Ebb", slug="the-ebb", content="Mud.", tags=["knot", "rope"])
        submitted = await self.article(published_at=None)
        await self.send("POST", f"/articles/{submitted.id}/submit")
        self.request("approve", "POST", f"/articles/{submitted.id}/approve")
        drafted = await self.drafted()
        person, cookies = self.installation.people[Role.EDITOR], Cookies(self.installation.app.state.settings)
        version = (await self.send("GET", f"/articles/{drafted}?version=draft"))["version"]
        form = {"csrf_token": cookies.token(person.cookie), "_version": str(version), "_leads_on": "yes"}
        headers = {"Cookie": f"{cookies.session}={person.cookie}", "X-Request-ID": "admin"}
        sent = {"method": "POST", "url": f"/admin/article/publish/{drafted}", "headers": headers}
        self.orders["admin"] = {"request": {**sent, "data": form}}

    async def _trash(self) -> None:
        self.request("delete", "DELETE", f"/pages/{(await self.tree()).id}")
        trashed = (await self.tree()).id
        await self.send("DELETE", f"/pages/{trashed}")
        self.request("restore", "POST", f"/pages/{trashed}/restore")
        doomed = (await self.article()).id
        await self.send("DELETE", f"/articles/{doomed}")
        self.request("purge", "DELETE", f"/articles/{doomed}?permanent=true", Role.ADMIN)
        await self.installation.make(tag, name="hemp")
        await self.article(tags=["hemp", "rope"])
        self.request("untag", "DELETE", "/tags/hemp")

    async def _history(self) -> None:
        edited = (await self.article()).id
        await self.send("PATCH", f"/articles/{edited}", title="Ebb", content="Mud.", tags=["knot"])
        self.request("revise", "POST", f"/articles/{edited}/revisions/1/restore")
        changes = {"content": "Mud.", "tags": ["knot"]}
        self.request(
            "bulk update", "POST", "/articles/bulk", action="update", items=await self.several(), changes=changes
        )
        self.request("bulk trash", "POST", "/articles/bulk", action="trash", items=await self.several())
        done = await self.send("POST", "/articles/bulk", action="trash", items=await self.several())
        self.request("undo", "POST", f"/changes/{done['change_set']}/undo", Role.ADMIN)
        gone = await self.several()
        await self.send("POST", "/articles/bulk", action="trash", items=gone)
        again = [{**item, "version": item["version"] + 1} for item in gone]
        self.request("bulk restore", "POST", "/articles/bulk", action="restore", items=again)
        drafts = [
            {"id": made, "version": (await self.send("GET", f"/articles/{made}?version=draft"))["version"]}
            for made in (await self.drafted(), await self.drafted())
        ]
        self.request("bulk publish", "POST", "/articles/bulk", action="publish", items=drafts)
        await self.send("POST", f"/articles/{await self.drafted()}/publish")
        (latest, *_) = (await self.send("GET", "/changes?limit=1"))["items"]
        self.request("undo publish", "POST", f"/changes/{latest['id']}/undo")
        host = await self.article()
        waiting = next(
            row
            for row in await self.installation.rows("comments")
            if row["article_id"] == host.id and row["status"] is CommentStatus.PENDING
        )
        self.request("moderate", "PATCH", f"/comments/{waiting['id']}", status="approved")

    async def _files(self) -> None:
        """A new tag, and a record that is there with other words."""
        filed = await self.article()
        text = "---\ntitle: Ebb\nauthor: editor@example.org\ntags: [silk]\n---\nMud.\n"
        files = {"tags/silk.yaml": "name: Silk\n", f"articles/{filed.slug}.md": text}
        for path, content in files.items():
            file = self.folder / "content" / path
            file.parent.mkdir(parents=True)
            file.write_text(content)
        self.orders["files"] = {"job": "files", "folder": str(self.folder / "content")}

    async def _late(self) -> None:
        """A replacement that is due, and something that has been in the trash for long; and a change in two halves."""
        due, past = UUID(await self.drafted()), utc_now() - timedelta(days=40)
        await self.send("POST", f"/articles/{due}/publish", at="2999-01-01T00:00:00Z")
        old = await self.article()
        async with self.installation.work() as work:
            service = work.service(article)
            await service.delete(await service.get(old.id, Action.DELETE), 0)
        async with self.installation.database.session() as session:
            await session.execute(update(Transition).where(Transition.record_id == due).values(due_at=utc_now()))
            await session.execute(update(Draft).where(Draft.record_id == due).values(publish_at=utc_now()))
            await session.execute(update(Article).where(Article.id == old.id).values(trashed_at=past))
        self.orders["due"] = {"job": "due"}
        self.orders["trash"] = {"job": "trash"}


class Killer:
    """Has orders followed, and the process that follows them die.

    :param dying: follows them. :param first: what is on the ground before every order.
    """

    def __init__(self, dying: Dying, ground: Ground, first: Rows) -> None:
        self.deaths = 0
        self._dying = dying
        self._ground = ground
        self._first = first
        self._reading = Reading(first)
        self._before = self._reading.dump(first)

    async def follow(self, order: Order, last: int | None = None) -> tuple[Told, Dump]:
        """Have an order followed, from the beginning, up to a point or to the end.

        :returns: the answer, and what is there then.
        """
        await self._ground.restore()
        told = self._dying({**order, "url": self._ground.url, "last": last})
        rows = await self._ground.read()
        return told, self._before if rows == self._first else self._reading.dump(rows)

    async def sweep(self, name: str, order: Order, most: int | None) -> list[str]:
        """Kill it at every point, or at that many besides those of the commit.

        :returns: what was found that should not be there, or not be missing.
        """
        told, after = await self.follow(order)
        points: list[str] = told["points"]
        assert told["said"][:1] in {"", "2", "3"}, (name, told["said"])
        changed = differences(self._before, after)
        assert set(changed) >= RECORDED | FURTHER.get(name, set()), (name, changed)
        faults = []
        for last in chosen(points, most):
            told, left = await self.follow(order, last)
            assert told == {"status": DIED}, (name, last)
            self.deaths += 1
            wanted = after if COMMITTED in points[:last] else self._before
            if left != wanted:
                where = f"{name}, {last} of {len(points)}, {points[last - 1][:60]}"
                faults.append(f"{where}: {differences(left, wanted)}")
        return faults


def chosen(points: list[str], most: int | None) -> list[int]:
    """The numbers of the points at which to die: all, or those of the commit and some others."""
    every = range(1, len(points) + 1)
    if most is None:
        return list(every)
    fixed = {number for number in every if points[number - 1] in {COMMITTING, COMMITTED}}
    rest = [number for number in every if number not in fixed]
    return sorted({*fixed, *random.Random(len(points)).sample(rest, min(most, len(rest)))})  # noqa: S311 - no secret


@pytest.fixture(scope="module")
def dying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dying]:
    """What follows orders, in a process that has one application for all of them."""
    command = [sys.executable, "-m", "tests.security.dying", str(tmp_path_factory.mktemp("dying"))]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:  # noqa: S603 - our own
        sent, received = process.stdin, process.stdout
        assert sent is not None
        assert received is not None

        def follow(order: Order) -> Told:
            print(json.dumps(order), file=sent, flush=True)
            return json.loads(received.readline())  # type: ignore[no-any-return]  # as it says

        yield follow
        sent.close()


@asynccontextmanager
async def killing(dying: Dying, installation: Installation, folder: Path) -> AsyncIterator[Killer]:
    """A killer over what the installation now holds; nobody else is connected to it from now on."""
    database = installation.database
    await database.dispose()
    url = database.url.render_as_string(hide_password=False)
    is_sqlite = database.is_sqlite
    ground = SqliteGround(str(database.url.database), folder) if is_sqlite else await PostgresGround.of(url)
    try:
        await ground.restore()
        yield Killer(dying, ground, await ground.read())
    finally:
        await ground.close()


@pytest.mark.parametrize("most", [pytest.param(1, id="some"), pytest.param(None, id="every", marks=pytest.mark.long)])
async def test_r05_r06_d11_whoever_dies_leaves_all_or_nothing(
    dying: Dying, installation: Installation, tmp_path: Path, most: int | None
) -> None:
    """R05, R06, D11: rows, revisions, change-sets, events, kept answers, transitions, drafts and words of the search.

    At each statement, before each commit and after it; what the caller was told is there, with all that is recorded.
    """
    office = Office(installation, tmp_path)
    await office.furnish()
    names = [name for name in office.orders if most is None or name in OFTEN]
    async with killing(dying, installation, tmp_path) as killer:
        faults = [fault for name in names for fault in await killer.sweep(name, office.orders[name], most)]
    assert faults == [], "\n".join(faults)
    assert killer.deaths >= (15 if most is None else 3) * len(names)


async def test_a_change_in_two_halves_is_noticed(dying: Dying, installation: Installation, tmp_path: Path) -> None:
    """The test above would find an event that is written in a transaction of its own."""
    made = await installation.make(article, title="Tide")
    order = {"job": "torn", "record": str(made.id)}
    async with killing(dying, installation, tmp_path) as killer:
        faults = await killer.sweep("torn", order, 2)
    assert {fault.partition(": ")[2] for fault in faults} == {"['events']"}
    assert 2 <= len(faults) < killer.deaths
