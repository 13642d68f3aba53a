"""Publishing on time: what the public sees is what a simple model says, at every instant (R26, R28, R30)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant
from sqlalchemy import Table, select

from cms.content.articles import article
from cms.crud.fields import now
from cms.crud.models import Base
from cms.crud.policy import Role
from cms.editorial.transitions import Transitions
from tests.editorial.machines import Machine, clear, drive, step
from tests.installation import Installation

ANY = {"If-Match": "*"}
HOUR = timedelta(hours=1)
WHICH = st.integers(0, 1)
WHEN = st.sampled_from((None, 1, 2, 3, 5, -1, -4))
"""At which full hour from now; the clock of the tests always stands at half past."""
TIMES = {
    "articles": ("published_at", "unpublish_at", "trashed_at"),
    "drafts": ("publish_at",),
    "transitions": ("due_at",),
}


@dataclass
class Known:
    """What has been said about an article; times in hours.

    :param taken_from: the title that the draft was made from.
    """

    id: str
    title: str
    published_at: float | None = None
    unpublish_at: float | None = None
    replace_at: float | None = None
    is_trashed: bool = False
    trashed_at: float = 0
    former: tuple[float | None, float | None] = None, None
    """The times of its publication and its end before the step at hand."""
    draft: str | None = None
    taken_from: str = ""

    def is_live(self, time: float) -> bool:
        """Whether the public sees it, the trash aside."""
        return is_out(self.published_at, self.unpublish_at, time)

    @property
    def is_in_conflict(self) -> bool:
        """Whether the draft can't be merged any more."""
        return self.draft is not None and self.title not in (self.taken_from, self.draft)

    def apply_draft(self) -> None:
        """What the draft says is public."""
        self.title, self.draft, self.replace_at = self.draft or self.title, None, None


def is_out(published_at: float | None, unpublish_at: float | None, time: float) -> bool:
    """Whether the public sees at a time what has these times."""
    return published_at is not None and published_at <= time and (unpublish_at is None or unpublish_at > time)


class Publishing(Machine):
    """Two articles, an editor who changes plans, and a clock: as it moves, all times that are kept move back."""

    @initialize()
    def begin(self) -> None:
        """Two articles that nobody sees."""
        self.run(clear(self.site))
        self.office = Transitions(self.site.database, self.site.app.state.reader)
        self.clock, self.started = 0.5, self.run(self._time())
        made = [self.run(self.site.make(article, title=self._word())) for _ in range(2)]
        self.known = [Known(str(record.id), record.title) for record in made]
        self.due: list[tuple[float, str, Known]] = []
        """What time has brought, and nobody has been told of yet."""
        self._news()

    @step(n=WHICH, hours=WHEN)
    def publish(self, n: int, hours: int | None) -> None:
        """Now, at a time to come, or as of a time that is past."""
        known, at = self.known[n], self._at(hours)
        answer = self._act(known, "publish", at)
        if known.is_trashed:
            return self._expect(known, answer, 404)
        if known.is_live(self.clock) and at is not None and at > self.clock:
            if known.draft is not None:
                known.replace_at = at
            return self._expect(known, answer, 200 if known.draft is not None else 409)
        if known.is_in_conflict:
            return self._expect(known, answer, 409)
        start = self.clock if at is None else at
        is_expired = known.unpublish_at is not None and known.unpublish_at <= start
        if is_expired:
            known.unpublish_at = None
        if at is not None or known.published_at is None or is_expired or known.published_at > start:
            known.published_at = start
        known.apply_draft()
        return self._expect(known, answer, 200)

    @step(n=WHICH, hours=WHEN)
    def unpublish(self, n: int, hours: int | None) -> None:
        """Now, or at a time; not before it has come."""
        known, at = self.known[n], self._at(hours)
        answer = self._act(known, "unpublish", at)
        if known.is_trashed:
            return self._expect(known, answer, 404)
        if known.published_at is None:
            return self._expect(known, answer, 409)
        if at is not None and at <= known.published_at:
            return self._expect(known, answer, 422)
        if at is None:
            known.published_at = known.replace_at = None
        known.unpublish_at = at
        return self._expect(known, answer, 200)

    @step(n=WHICH)
    def cancel(self, n: int) -> None:
        """Call a publication or an expiry off; that always wins."""
        known = self.known[n]
        answer = self._send("DELETE", f"/articles/{known.id}/schedule", headers=ANY)
        if known.is_trashed:
            return self._expect(known, answer, 404)
        if known.replace_at is not None:
            known.replace_at = None
        elif known.published_at is not None and known.published_at > self.clock:
            known.published_at = None
        elif known.unpublish_at is not None and known.unpublish_at > self.clock:
            known.unpublish_at = None
        else:
            return self._expect(known, answer, 409)
        return self._expect(known, answer, 204)

    @step(n=WHICH)
    def draft(self, n: int) -> None:
        """Write what is to replace it."""
        known, word = self.known[n], self._word()
        answer = self._send("PATCH", f"/articles/{known.id}?draft=true", json={"title": word}, headers=ANY)
        if known.is_trashed:
            return self._expect(known, answer, 404)
        known.taken_from, known.draft = known.title if known.draft is None else known.taken_from, word
        return self._expect(known, answer, 200)

    @step(n=WHICH)
    def discard(self, n: int) -> None:
        """Drop that."""
        known = self.known[n]
        answer = self._send("DELETE", f"/articles/{known.id}/draft", headers=ANY)
        if not known.is_trashed:
            known.draft = known.replace_at = None
        self._expect(known, answer, 404 if known.is_trashed else 204)

    @step(n=WHICH)
    def change(self, n: int) -> None:
        """Change what is public, so that a draft no longer fits."""
        known, word = self.known[n], self._word()
        answer = self._send("PATCH", f"/articles/{known.id}", json={"title": word}, headers=ANY)
        if not known.is_trashed:
            known.title = word
        self._expect(known, answer, 404 if known.is_trashed else 200)

    @step(n=WHICH)
    def trash_or_restore(self, n: int) -> None:
        """Whichever there is to do."""
        known = self.known[n]
        if known.is_trashed:
            answer = self._send("POST", f"/articles/{known.id}/restore")
        else:
            answer = self._send("DELETE", f"/articles/{known.id}", headers=ANY)
        if known.is_trashed:
            was_live, is_live = known.is_live(known.trashed_at), known.is_live(self.clock)
            came = [] if was_live is is_live else ["published" if is_live else "unpublished"]
            self._expect(known, answer, 200, ["restored", *came])
        else:
            self._expect(known, answer, 204, ["trashed"])
        known.is_trashed, known.trashed_at = not known.is_trashed, self.clock

    @step(hours=st.sampled_from((1, 2, 4)), looks=st.booleans())
    def wait(self, hours: int, *, looks: bool) -> None:
        """Time passes, perhaps while no process runs."""
        until = self.clock + hours
        for known in self.known:
            for kind, at in self._times(known):
                if self.clock < at <= until:
                    self.due.append((at, kind, known))
        self.run(self._let_pass(hours))
        self.clock = until
        if looks:
            self.look()

    @step()
    def look(self) -> None:
        """A process does what is due: in the order of the times, each thing once, and tells of each once."""
        expected = [(at, self._done(at, kind, known)) for at, kind, known in sorted(self.due, key=lambda due: due[0])]
        self.due = []
        self.run(self.office.catch_up())
        told = self._news()
        for _, group in groupby(expected, key=lambda due: due[0]):
            at_once = [found for _, found in group if found]
            assert sorted(told[: len(at_once)]) == sorted(at_once)
            told = told[len(at_once) :]
        assert not told
        assert self.run(self.office.catch_up()) == 0

    @invariant()
    def is_seen(self) -> None:
        """One by one, and in a list with its total."""
        next(self.steps)
        shown = {known.id: known.title for known in self.known if known.is_live(self.clock) and not known.is_trashed}
        listed = self.run(self.site.send("GET", "/articles")).json()
        assert {item["id"]: item["title"] for item in listed["items"]} == shown
        assert listed["total"] == len(shown)
        for known in self.known:
            answer = self.run(self.site.send("GET", f"/articles/{known.id}"))
            assert (answer.json().get("title") if answer.status_code == 200 else None) == (
                known.title if known.id in shown else None
            )

    def _times(self, known: Known) -> list[tuple[str, float]]:
        """What time will bring."""
        is_out = known.published_at is not None and not known.is_trashed
        times = {
            "published": known.published_at if is_out else None,
            "unpublished": known.unpublish_at if is_out else None,
            "replaced": known.replace_at,
        }
        return [(kind, at) for kind, at in times.items() if at is not None]

    def _done(self, at: float, kind: str, known: Known) -> tuple[str, str] | None:
        """What the world is told of something that is due."""
        if kind != "replaced":
            return f"article.{kind}", known.id
        if known.replace_at != at:
            return None  # called off meanwhile
        known.replace_at = None
        if known.is_trashed or not known.is_live(at) or known.is_in_conflict:
            return "article.publishing_failed", known.id
        known.apply_draft()
        return "article.published", known.id

    def _expect(self, known: Known, answer: httpx.Response, status: int, kinds: Sequence[str] = ()) -> None:
        """The answer, and one event at the most; before it, perhaps, what time had brought and nobody had told yet.

        :param kinds: the events, where they are others than what the public sees, and no longer sees, makes of it.
        """
        assert answer.status_code == status, answer.text
        told = self._news()
        was_live, is_live = is_out(*known.former, self.clock), known.is_live(self.clock)
        known.former = known.published_at, known.unpublish_at
        direct = told[-(len(kinds) or 1) :]
        if kinds:
            assert direct == [(f"article.{kind}", known.id) for kind in kinds]
        elif not known.is_trashed and was_live is not is_live:
            assert direct == [("article.published" if is_live else "article.unpublished", known.id)]
        else:
            assert ("article.unpublished", known.id) not in direct
            assert is_live or ("article.published", known.id) not in direct
        if early := told[: -len(direct)]:
            of_it = sorted(
                (due for due in self.due if due[2] is known and due[1] != "replaced"), key=lambda due: due[0]
            )
            assert early == [(f"article.{kind}", known.id) for _, kind, _ in of_it]
            self.due = [due for due in self.due if due not in of_it]
        assert status < 400 or not told

    def _news(self) -> list[tuple[str, str]]:
        """The events since it was last asked for them."""
        rows = self.run(self.site.rows("events"))
        found = [(row["kind"], str(row["record_id"])) for row in rows]
        fresh, self._told = found[getattr(self, "_told", 0) :], len(found)
        return fresh

    def _act(self, known: Known, verb: str, at: float | None) -> httpx.Response:
        # Hours as they stand now: each that has passed has moved all times back, not the clock on.
        options = {} if at is None else {"json": {"at": (self.started + (at - self.clock) * HOUR).isoformat()}}
        return self._send("POST", f"/articles/{known.id}/{verb}", **options)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer: httpx.Response = self.run(self.site.send(method, path, Role.EDITOR, **options))
        return answer

    def _at(self, hours: int | None) -> float | None:
        """The full hour that many hours from now."""
        return None if hours is None else self.clock + hours - (0.5 if hours > 0 else -0.5)

    def _word(self) -> str:
        return f"w{next(self.numbers)}"

    async def _time(self) -> datetime:
        async with self.site.database.session() as session:
            return (await session.execute(select(now()))).scalar_one()

    async def _let_pass(self, hours: int) -> None:
        """Move all that is kept of times back, which is what a clock that moves on looks like."""
        async with self.site.database.engine.begin() as connection:
            for name, columns in TIMES.items():
                table: Table = Base.metadata.tables[name]
                for row in (await connection.execute(select(table))).mappings().all():
                    earlier = {column: row[column] - hours * HOUR for column in columns if row[column] is not None}
                    (key,) = table.primary_key.columns
                    if earlier:
                        await connection.execute(table.update().where(key == row[key.name]).values(**earlier))


@pytest.mark.parametrize(("examples", "steps"), [(4, 50), pytest.param(150, 30, marks=pytest.mark.long)])
async def test_the_public_sees_what_was_said_at_every_instant(
    installation: Installation, examples: int, steps: int
) -> None:
    """R26, R30: whatever was planned, called off and changed, and whether or not a process ran meanwhile."""
    assert await drive(Publishing, installation, examples, steps) > examples * steps / 2
