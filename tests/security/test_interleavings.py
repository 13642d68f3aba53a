"""Edits that cross each other: in whatever order four people read and write, none of what was acknowledged is lost."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cms.content.tags import tag
from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

ACTORS = st.integers(0, 3)
ROLES = (Role.EDITOR, Role.ADMIN, Role.EDITOR, Role.ADMIN)
WAYS = st.sampled_from(["an ETag", "a version header", "a version in the body"])
METHODS = st.sampled_from(["PATCH", "PUT"])


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("way", ["If-Match", "version"])
async def test_r01_the_second_of_two_is_refused(installation: Installation, method: str, way: str) -> None:
    """R01: two clients read version 1 and both write: the second is told the current version; 428 with none at all."""
    made = await installation.make(tag, name="Rope")
    path = f"/tags/{made.id}"
    reads = [await installation.send("GET", path, role) for role in (Role.EDITOR, Role.ADMIN)]

    async def write(role: Role, name: str, read: httpx.Response) -> httpx.Response:
        headers = {"If-Match": read.headers["etag"]} if way == "If-Match" else {}
        body = {"name": name, **({} if headers else {"version": read.json()["version"]})}
        return await installation.send(method, path, role, headers=headers, json=body)

    assert (await write(Role.EDITOR, "First", reads[0])).status_code == 200
    assert assert_problem(await write(Role.ADMIN, "Second", reads[1]), 412)["current_version"] == 2
    assert_problem(await installation.send(method, path, Role.ADMIN, json={"name": "Third"}), 428)
    (row,) = await installation.rows("tags")
    assert (row["name"], row["version"]) == ("First", 2)


@dataclass
class Copy:
    """What somebody has read: a text that every edit lengthens by a word, and its version."""

    words: list[str] = field(default_factory=list)
    version: int = 0
    etag: str = ""


class Editing(RuleBasedStateMachine):
    """Four people edit one record; what was acknowledged is compared with what is stored.

    It runs in a thread of its own, since Hypothesis knows no coroutines; what it asks runs on the test's event loop.
    """

    site: ClassVar[Installation]
    loop: ClassVar[asyncio.AbstractEventLoop]
    numbers: ClassVar[Any] = count()
    finished: ClassVar[Any] = count()

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.version = 1
        self.copies = [Copy() for _ in ROLES]

    def run(self, asked: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(30)

    @initialize()
    def make(self) -> None:
        """Everybody has the record before them."""
        self.path = f"/articles/{self.run(self._make())}"
        for actor in range(4):
            self.read(actor)

    @rule(actor=ACTORS)
    def read(self, actor: int) -> None:
        """Read it anew."""
        answer = self.run(self._send("GET", actor))
        record = answer.json()
        self.copies[actor] = Copy(record["content"].split(), record["version"], answer.headers["etag"])
        assert self.copies[actor].words == self.acknowledged

    @rule(actor=ACTORS, method=METHODS, way=WAYS)
    def write(self, actor: int, method: str, way: str) -> None:
        """Add a word to what one has read, some time ago."""
        self._judge([(actor, *self.run(self._write(actor, method, way)))])

    @rule(actors=st.permutations(range(4)), method=METHODS, way=WAYS)
    def write_at_once(self, actors: list[int], method: str, way: str) -> None:
        """All four send what they have, at the same time."""

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(self._write(actor, method, way) for actor in actors))

        self._judge([(actor, *found) for actor, found in zip(actors, self.run(all_at_once()), strict=True)])

    @rule(actor=ACTORS, method=METHODS)
    def write_without_a_version(self, actor: int, method: str) -> None:
        """Say nothing of what was read."""
        answer = self.run(self._send(method, actor, json={"title": "T", "content": "lost"}))
        assert_problem(answer, 428)

    @invariant()
    def nothing_is_lost(self) -> None:
        """What is stored is what was acknowledged, word for word."""
        if not hasattr(self, "path"):
            return
        record = self.run(self._send("GET", 0)).json()
        assert record["content"].split() == self.acknowledged
        assert record["version"] == self.version

    def teardown(self) -> None:
        next(self.finished)

    def _judge(self, answers: list[tuple[int, str, httpx.Response]]) -> None:
        """At most one of those who wrote at once is let in, and only from the current version."""
        before, current = self.version, [a for a, _, _ in answers if self.copies[a].version == self.version]
        kept = [(word, actor) for actor, word, answer in answers if answer.status_code == 200]
        assert len(kept) == min(1, len(current)), [answer.text for _, _, answer in answers]
        for word, actor in kept:
            assert self.copies[actor].version == before
            self.acknowledged, self.version = [*self.copies[actor].words, word], before + 1
        for actor, _, answer in answers:
            if answer.status_code != 200:  # by whoever came before the one who was let in, too
                told = assert_problem(answer, 412)["current_version"]
                assert told in {before, self.version} - {self.copies[actor].version}

    async def _make(self) -> str:
        body = {"title": f"Edited {next(self.numbers)}", "content": ""}
        return str((await self.site.send("POST", "/articles", Role.EDITOR, json=body)).json()["id"])

    async def _send(self, method: str, actor: int, **options: Any) -> httpx.Response:
        return await self.site.send(method, self.path, ROLES[actor], **options)

    async def _write(self, actor: int, method: str, way: str) -> tuple[str, httpx.Response]:
        copy, word = self.copies[actor], f"w{next(self.numbers)}"
        etag = copy.etag if way == "an ETag" else f'"v{copy.version}"'
        body: dict[str, Any] = {"title": "T", "content": " ".join([*copy.words, word])}
        if way == "a version in the body":
            return word, await self._send(method, actor, json={**body, "version": copy.version})
        return word, await self._send(method, actor, json=body, headers={"If-Match": etag})


@pytest.mark.parametrize("examples", [10, pytest.param(1_000, marks=pytest.mark.long)])
async def test_r01_no_edit_of_four_people_is_lost(installation: Installation, examples: int) -> None:
    """R01: 4 actors, 1,000 interleavings (in short: 10, the same ones each time): 0 lost."""
    machine = type("Machine", (Editing,), {
        "site": installation, "loop": asyncio.get_running_loop(), "numbers": count(), "finished": count(),
    })  # fmt: skip
    chosen = settings(
        max_examples=examples, stateful_step_count=8, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=chosen)
    assert next(machine.finished) >= examples  # type: ignore[attr-defined]  # declared by the base class
