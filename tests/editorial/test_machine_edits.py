"""Edits that cross each other, merged or not, of what is public and of a working draft: none is lost (R01, R03)."""

import asyncio
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from cms.crud.policy import Role
from cms.editorial.history import FIRST_DRAFT
from tests.admin.browsing import Visitor
from tests.editorial.edits_model import Held, Line, Values, check_merged, overlaps, read_of, recorded_of
from tests.editorial.edits_people import ACTORS, DRAFT, ROLES, ROW, Answered, Copy, Editors, Sent
from tests.editorial.machines import clear, drive, step
from tests.installation import Installation
from tests.problems import assert_problem

ACTOR, FLAGS = st.sampled_from(ACTORS), st.booleans()
KINDS = ("title", "insert", "cut", "set", "tag", "category", "seo", "no seo")
EDITS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3)), min_size=1, max_size=3)


class Editing(Editors):
    """An editor at the back office, another one over REST, and a program, on one article."""

    @initialize()
    def begin(self) -> None:
        """Everybody has the article before them."""
        self.run(clear(self.site))
        self.row, self.drafts = Line(), Line(version=FIRST_DRAFT)
        self.held: Held | None = None
        self.path = self.run(self.make())
        self.visitor = Visitor(self.site.client, self.site.people[Role.EDITOR].cookie)
        self.copies = [self.run(self.look(actor, draft=False)) for actor in ACTORS]
        self.row.push(1, self.copies[0].values)
        self.open()

    @step(actor=ACTOR, draft=FLAGS)
    def read(self, actor: int, *, draft: bool) -> None:
        """Read it anew, as it is or as its draft makes it."""
        self.copies[actor] = self.run(self.look(actor, draft=draft))

    @step()
    def open(self) -> None:
        """Open the form."""
        self.form = self.run(self.visitor.get(self.path.replace("/articles/", "/article/edit/"))).edit

    @step(actor=ACTOR, edits=EDITS, draft=FLAGS, merges=FLAGS)
    def write(self, actor: int, edits: Any, *, draft: bool, merges: bool) -> None:
        """Change what one has read, some time ago."""
        sent = self._sent(actor, edits, draft=draft, merges=merges)
        self._judge([self.run(self.send(actor, sent))], [actor])

    @step(actor=ACTOR, edits=EDITS)
    def replace(self, actor: int, edits: Any) -> None:
        """Send all of what one has read, with a change."""
        copy = self.copies[actor]
        sent = Sent(ROW, copy, {**copy.values, **self.edited(copy.values, edits)}, merges=False)
        self._judge([self.run(self.send(actor, sent, "PUT"))], [actor])

    @step(edits=EDITS, keeps=FLAGS)
    def send_the_form(self, edits: Any, *, keeps: bool) -> None:
        """Save at the back office; what was refused can be sent again, over what it was refused for."""
        answered, form = self.run(self.send_form(edits))
        self._judge([answered])
        if form is not None:
            self.form = form
        elif not keeps:
            self.open()

    @step(edits=st.tuples(EDITS, EDITS, EDITS), draft=FLAGS, merges=st.tuples(FLAGS, FLAGS))
    def write_at_once(self, edits: Any, merges: Any, *, draft: bool) -> None:
        """All send what they have, at the same time."""

        async def all_at_once() -> Any:
            sent = [self._sent(a, edits[a], draft=draft, merges=merges[a]) for a in ACTORS]
            return await asyncio.gather(*(self.send(a, sent[a]) for a in ACTORS), self.send_form(edits[2]))

        *others, (last, form) = self.run(all_at_once())
        self._judge([*others, last], [*ACTORS, None])
        self.form = form or self.form

    @step(actor=ACTOR)
    def publish(self, actor: int) -> None:
        """Put the draft in the place of what is public."""
        answer = self.run(self.site.send("POST", f"{self.path}/publish", ROLES[actor]))
        if self.held is None:
            assert (answer.status_code, answer.json()["version"]) == (200, self.row.version)
            return
        base, mine = self.held.base, self.held.changes
        sure, perhaps = overlaps(base, mine, self.row.values)
        if answer.status_code == 409:
            assert sure <= set(answer.json()["conflicts"]) <= perhaps
            return
        assert (answer.status_code, sure) == (200, set()), answer.text
        found = read_of(answer.json())
        assert not (wrong := check_merged(base, mine, self.row.values, found)), wrong
        self.held, self.drafts.version = None, self.drafts.version + 1
        if found != self.row.values:
            self.row.push(self.row.version + 1, found)
        assert answer.json()["version"] == self.row.version

    @step(actor=ACTOR, knows=FLAGS)
    def discard(self, actor: int, *, knows: bool) -> None:
        """Drop the draft, perhaps only if it is the one that was read."""
        version = self.copies[actor].version
        headers = {"If-Match": f'"v{version}"' if knows else "*"}
        answer = self.run(self.site.send("DELETE", f"{self.path}/draft", ROLES[actor], headers=headers))
        if knows and self.held and version != self.drafts.version:
            assert_problem(answer, 412)
            return
        assert answer.status_code == 204, answer.text
        if self.held:
            self.held, self.drafts.version = None, self.drafts.version + 1

    @invariant()
    def is_what_was_acknowledged(self) -> None:
        """What the public sees, and what the draft makes of it, is what somebody was told is saved."""
        if not hasattr(self, "path"):
            return
        public = self.run(self.site.send("GET", self.path)).json()
        assert (public["version"], read_of(public)) == (self.row.version, self.row.values)
        shown = self.run(self.site.send("GET", f"{self.path}?version=draft", Role.EDITOR)).json()
        assert shown["draft"]["is_saved"] == (self.held is not None)
        assert (shown["version"], read_of(shown)) == self._shown()

    def teardown(self) -> None:
        """Every value that was ever saved is in the revisions."""
        if hasattr(self, "path"):
            kept = {row["version"]: row["content"] for row in self.run(self.site.rows("revisions"))}
            for line in (self.row, self.drafts):
                assert line.history == {version: recorded_of(kept[version]) for version in line.history}

    def _shown(self) -> tuple[int, Values]:
        """The version and the values that the draft has; without one, the record."""
        if self.held is None:
            return self.row.version, self.row.values
        return self.drafts.version, {**self.row.values, **self.held.changes}

    def _judge(self, answers: list[Answered], actors: Any = (None,)) -> None:
        """What was taken is there, with what others had saved; what was refused had to be."""
        next(self.steps)
        passed = {ROW: [(self.row.version, self.row.values)], DRAFT: [self._shown()]}
        numbers = {row["version"]: row["number"] for row in self.run(self.site.rows("revisions"))}
        # Who does not merge can't have come after another one who wrote.
        taken = [answered for answered in answers if answered.status == 200 and answered.version]
        waiting = sorted(taken, key=lambda answered: (numbers[answered.version], answered.sent.merges))
        while waiting:
            answered = self._next_of(waiting)
            waiting.remove(answered)
            take = self._take if answered.sent.where == ROW else self._take_draft
            take(answered)
            passed[ROW].append((self.row.version, self.row.values))
            passed[DRAFT] += [self._shown()]
        for actor, answered in zip(actors, answers, strict=True):
            if answered.status != 200:
                self._refused(answered, passed[answered.sent.where])
            elif not answered.version:
                self._needless(answered.sent, [values for _, values in passed[DRAFT]])
            elif actor is not None:
                self.copies[actor] = Copy(answered.version, answered.found or {})

    def _next_of(self, waiting: list[Answered]) -> Answered:
        """Which of them was taken next: of those with one version, one wrote it, others found nothing left to do."""
        tied = [one for one in waiting if (one.sent.where, one.version) == (waiting[0].sent.where, waiting[0].version)]
        return next((one for one in tied if self._fits(one)), tied[0])

    def _fits(self, answered: Answered) -> bool:
        sent = answered.sent
        version, before = self._shown() if sent.where == DRAFT else (self.row.version, self.row.values)
        try:
            self._check_taken(sent, version, before, answered.found or {**before, **sent.mine})
        except AssertionError:
            return False
        return True

    def _take(self, answered: Answered) -> None:
        sent, before, found = answered.sent, self.row.values, answered.found
        assert found is not None
        self._check_taken(sent, self.row.version, before, found)
        if found != before:
            self.row.push(self.row.version + 1, found)
            if self.held is not None:
                self.drafts.push(self.drafts.version + 1, self._shown()[1])
        assert answered.version == self.row.version

    def _take_draft(self, answered: Answered) -> None:
        sent, (version, before), found = answered.sent, self._shown(), answered.found
        assert found is not None
        self._check_taken(sent, version, before, found)
        if found == before:
            assert answered.version == version
            return
        self.held = self.held or Held(self.row.values, self.row.values)
        self.held.take({name: found[name] for name in sent.mine}, self.row.values)
        self.drafts.push(self.drafts.version + 1, self._shown()[1])
        assert (answered.version, found) == (self.drafts.version, self.drafts.values)

    def _needless(self, sent: Sent, passed: list[Values]) -> None:
        """A form was taken and wrote nothing: all that was typed in it was there."""
        assert any(not check_merged(sent.copy.values, sent.mine, values, values) for values in passed), sent

    def _check_taken(self, sent: Sent, version: int, before: Values, found: Values) -> None:
        if not sent.mine:
            assert found == before
            return
        if sent.copy.version == version:
            assert found == {**before, **sent.mine}
            return
        assert sent.merges
        sure, _ = overlaps(sent.copy.values, sent.mine, before)
        assert not sure
        assert not (wrong := check_merged(sent.copy.values, sent.mine, before, found)), wrong

    def _refused(self, answered: Answered, passed: list[tuple[int, Values]]) -> None:
        """By something that was there by then, and that its sender had not seen."""
        sent, problem = answered.sent, answered.problem
        if answered.status == 412:
            assert not sent.merges
            told = problem["current_version"] if problem else None
            assert told != sent.copy.version
            assert told is None or told in [version for version, _ in passed], (told, passed)
            return
        assert (answered.status, sent.merges) == (409, True), problem
        either = [overlaps(sent.copy.values, sent.mine, values) for _, values in passed]
        if problem is None:  # a page
            assert any(perhaps for _, perhaps in either)
            return
        told = set(problem["conflicts"])
        assert any(told and sure <= told <= perhaps for sure, perhaps in either), problem

    def _sent(self, actor: int, edits: Any, *, draft: bool, merges: bool) -> Sent:
        copy = self.copies[actor]
        return Sent(DRAFT if draft else ROW, copy, self.edited(copy.values, edits), merges)


class EditingOn(Editing):
    """The same, each run over what the one before it left: together they are one, longer than Hypothesis can draw."""

    left: ClassVar[dict[str, Any]] = {}

    @initialize()
    def begin(self) -> None:
        """Everybody has before them what they had."""
        if self.left:
            vars(self).update(self.left)
        else:
            super().begin()

    def teardown(self) -> None:
        """Every value that was ever saved is in the revisions, and is gone on from."""
        super().teardown()
        names = ("row", "drafts", "held", "path", "visitor", "copies", "form", "tags", "categories")
        self.left.update({name: getattr(self, name) for name in names if hasattr(self, "path")})


@pytest.mark.parametrize(("examples", "steps"), [(5, 16), pytest.param(50, 20, marks=pytest.mark.long)])
async def test_r01_no_edit_is_lost_silently(installation: Installation, examples: int, steps: int) -> None:
    """R01: 80 steps, the same ones each time; what was acknowledged is there, or was replaced."""
    assert await drive(Editing, installation, examples, steps) > examples * steps / 5


@pytest.mark.long
async def test_r01_nor_in_a_thousand_steps_on_one_article(installation: Installation) -> None:
    """R01: what the first of them saved is in the revisions after the last."""
    EditingOn.left.clear()
    assert await drive(EditingOn, installation, 160, 20) > 1_000
    assert EditingOn.left["row"].version > 100
