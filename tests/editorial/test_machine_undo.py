"""Undo, whatever was done before: content is what it was, or what stands in the way is named (D11, R42)."""

from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from cms.crud.policy import Role
from tests.editorial.contents import Contents, read_contents
from tests.editorial.inverses import check_inverse
from tests.editorial.machines import Machine, clear, drive, step
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}
NUMBERS = st.integers(0, 9)
KINDS = ("articles", "pages", "tags", "categories", "menus", "comments")
PUBLISHABLE = st.sampled_from(("articles", "pages"))
NAMES = ("Tide", "Ebb", "Flow")
TEXTS = ("Water waits.", "Sand.\n\nStones.", "Wind.")
LATER = {"at": "2999-01-01T00:00:00Z"}
FINAL = ("deleted for good", "nothing to undo")
"""What is said where nothing later stands in the way, and yet there is no way back."""
NEEDED = "which is not there"
"""What is said where it refers to something that was in the trash already, whose trashing is named."""
IN_USE = ("already has", "has the slug", "had slugs that others have", "can't be placed")
"""What is said where the place of what comes back is taken."""


class Done:
    """A change-set, and what there was around it."""

    def __init__(self, change: str, before: Contents, after: Contents) -> None:
        self.change = change
        self.before = before
        self.after = after


class Undoing(Machine):
    """Whatever can be done to content is done, and undone, in any order."""

    undone: ClassVar[list[str]] = []
    """What was taken back, in all runs."""

    @initialize()
    def empty(self) -> None:
        """Begin with a little of everything."""
        self.run(clear(self.site))
        self.now: Contents = self.run(read_contents(self.site))
        self.log: list[Done] = []
        for kind in ("tags", "categories", "articles", "comments", "pages", "menus"):
            for n, m in ((0, 2), (1, 1)):
                self.make(kind, n, m)

    @step(kind=st.sampled_from(KINDS), n=NUMBERS, m=NUMBERS)
    def make(self, kind: str, n: int, m: int) -> None:
        """A new record, perhaps with others that it refers to."""
        if body := self._body(kind, n, m):
            self._do("POST", f"/{kind}", json=body)

    @step(kind=st.sampled_from(KINDS), n=NUMBERS, m=NUMBERS, whole=st.booleans())
    def change(self, kind: str, n: int, m: int, *, whole: bool) -> None:
        """All, or one, of what a record has."""
        body = self._body(kind, m, n)
        if (key := self._pick(kind, n)) and body:
            fixed = {"article", "parent", "slug"} if kind == "comments" else {"slug"}
            sent = {name: value for name, value in body.items() if name not in fixed}
            name = sorted(sent)[m % len(sent)]
            self._do("PATCH", f"/{kind}/{key}", json=sent if whole else {name: sent[name]})

    @step(kind=st.sampled_from(("articles", "pages", "tags")), n=NUMBERS, m=NUMBERS)
    def rename(self, kind: str, n: int, m: int) -> None:
        """Another slug, which others below or beside it may want, too."""
        if key := self._pick(kind, n):
            self._do("PATCH", f"/{kind}/{key}", json={"slug": NAMES[m % 3].lower()})

    @step(kind=st.sampled_from(KINDS), n=NUMBERS)
    def delete(self, kind: str, n: int) -> None:
        """Into the trash, or for good where there is none."""
        if key := self._pick(kind, n):
            self._do("DELETE", f"/{kind}/{key}")

    @step(kind=PUBLISHABLE, n=NUMBERS, slug=st.sampled_from((None, "apart")))
    def restore(self, kind: str, n: int, slug: str | None) -> None:
        """Out of the trash."""
        if key := self._pick(kind, n, trashed=True):
            self._do("POST", f"/{kind}/{key}/restore", **({"json": {"slug": slug}} if slug else {}))

    @step(kind=PUBLISHABLE, n=NUMBERS)
    def purge(self, kind: str, n: int) -> None:
        """For good."""
        if key := self._pick(kind, n, trashed=True):
            self._do("DELETE", f"/{kind}/{key}?permanent=true")

    @step(kind=PUBLISHABLE, n=NUMBERS, verb=st.sampled_from(("publish", "unpublish")), at=st.booleans())
    def publish(self, kind: str, n: int, verb: str, *, at: bool) -> None:
        """Now or later."""
        if key := self._pick(kind, n):
            self._do("POST", f"/{kind}/{key}/{verb}", **({"json": LATER} if at else {}))

    @step(n=NUMBERS, verb=st.sampled_from(("submit", "approve", "return")), later=st.booleans())
    def review(self, n: int, verb: str, *, later: bool) -> None:
        """Of an article that has no time yet, or else of its working draft."""
        if key := self._pick("articles", n):
            bodies = {"return": {"note": "Name your sources."}, "approve": LATER if later else None}
            body = bodies.get(verb)
            self._do("POST", f"/articles/{key}/{verb}", **({"json": body} if body else {}))

    @step(n=NUMBERS, m=NUMBERS)
    def draft(self, n: int, m: int) -> None:
        """Aside from what is public."""
        if key := self._pick("articles", n):
            self._do("PATCH", f"/articles/{key}?draft=true", json={"title": NAMES[m % 3], "content": TEXTS[m % 3]})

    @step(n=NUMBERS)
    def discard(self, n: int) -> None:
        """What was drafted."""
        if key := self._pick("articles", n):
            self._do("DELETE", f"/articles/{key}/draft")

    @step(kind=PUBLISHABLE, action=st.sampled_from(("trash", "restore", "publish", "unpublish", "update", "delete")))
    def bulk(self, kind: str, action: str) -> None:
        """All of a type."""
        rows = self.now.rows(kind, trashed=action in {"restore", "delete"})
        if rows:
            changes = {"changes": {"content": "The same for all."}} if action == "update" else {}
            items = [{"id": row["id"], "version": self._versions[row["id"]]} for row in rows]
            self._do("POST", f"/{kind}/bulk", json={"action": action, "items": items, **changes})

    @step(kind=st.sampled_from(KINDS), n=NUMBERS, m=NUMBERS)
    def go_back(self, kind: str, n: int, m: int) -> None:
        """To a revision."""
        if key := self._pick(kind, n):
            self._do("POST", f"/{kind}/{key}/revisions/{m + 1}/restore")

    @step(times=st.integers(1, 3))
    def undo_the_last(self, times: int) -> None:
        """And that, and that."""
        for _ in range(times if self.log else 0):
            last = self.log[-1]
            answer = self._undo(last)
            if answer.status_code == 200:
                assert self.now.comparable(last.before) == last.before.comparable(last.before)
            elif NEEDED in answer.json()["detail"]:
                assert answer.json()["later_change"] in {done.change for done in self.log}, answer.text
            else:
                assert any(text in answer.json()["detail"] for text in FINAL), answer.text

    @step(n=NUMBERS)
    def undo_an_earlier_one(self, n: int) -> None:
        """Exactly that, and nothing else; or what came later is named."""
        if len(self.log) < 2:
            return
        done = self.log[-2 - n % (len(self.log) - 1)]
        later = {other.change for other in self.log[self.log.index(done) + 1 :]}
        before = self.now
        answer = self._undo(done)
        if answer.status_code == 200:
            self.run(check_inverse(self.site, done.change, before, self.now))
        elif "later_change" in answer.json():
            assert answer.json()["later_change"] in later, answer.text
        elif "usages" not in answer.json():
            assert any(text in answer.json()["detail"] for text in (*FINAL, *IN_USE)), answer.text

    def _undo(self, done: Done) -> httpx.Response:
        answer = self._do("POST", f"/changes/{done.change}/undo")
        if answer.status_code == 200:
            self.undone.append(done.change)
        else:
            assert_problem(answer, 409)
        return answer

    def _do(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send something; what is refused changes nothing, what is done is one change-set."""
        next(self.steps)
        answer: httpx.Response = self.run(self.site.send(method, path, Role.ADMIN, headers=ANY, **options))
        assert answer.status_code < 500, (method, path, options, answer.text)
        before, self.now = self.now, self.run(read_contents(self.site))
        newest = self.run(self._newest())
        if answer.status_code >= 400:
            assert_problem(answer, answer.status_code)
            assert not before.changed(self.now), (method, path, options, answer.text)
            assert newest == (self.log[-1].change if self.log else None)
        elif newest is not None and newest != (self.log[-1].change if self.log else None):
            self.log.append(Done(newest, before, self.now))
        else:
            assert not before.changed(self.now), (method, path, options)
        return answer

    async def _newest(self) -> str | None:
        self._versions = {
            str(row["id"]): row["version"] for kind in ("articles", "pages") for row in await self.site.rows(kind)
        }
        rows = await self.site.rows("change_sets")
        return str(rows[-1]["id"]) if rows else None

    def _pick(self, kind: str, n: int, *, trashed: bool = False) -> str | None:
        rows = self.now.rows(kind, trashed=trashed)
        return rows[n % len(rows)]["id"] if rows else None

    def _body(self, kind: str, n: int, m: int) -> dict[str, Any] | None:
        """Something to send of that type; None where that needs what is not there."""
        title, content = NAMES[n % 3], TEXTS[m % 3]
        above = self._pick(kind, m) if m % 2 and kind in {"pages", "categories", "comments"} else None
        if kind == "articles":
            tags = [row["id"] for row in self.now.rows("tags")]
            links = {"tags": tags[: m % 3], "category": self._pick("categories", n) if n % 2 else None}
            return {"title": title, "content": content, "seo": {"title": title} if n % 2 else None, **links}
        if kind == "comments":
            article = self.now.tables[kind][above]["article_id"] if above else self._pick("articles", n)
            status = ("pending", "approved", "spam")[n % 3]
            words = {"name": "Ann", "email": "ann@example.org", "content": content, "status": status}
            return {"article": article, "parent": above, **words} if article else None
        bodies: dict[str, dict[str, Any]] = {
            "pages": {"title": title, "content": content, "parent": above, "position": n},
            "tags": {"name": title},
            "categories": {"name": title, "description": content if n % 2 else None, "parent": above, "position": n},
            "menus": {"title": title, "items": [{"label": title, "url": "/", "items": []}] * (m % 3)},
        }
        return bodies[kind]


@pytest.mark.parametrize(("examples", "steps"), [(4, 50), pytest.param(150, 40, marks=pytest.mark.long)])
async def test_whatever_was_done_can_be_undone(installation: Installation, examples: int, steps: int) -> None:
    """R42: the last change is reversed exactly, and that too; of earlier ones, what came later is named."""
    Undoing.undone.clear()
    assert await drive(Undoing, installation, examples, steps) > examples * steps / 2
    assert len(Undoing.undone) > examples * steps / 20, "most of it was refused"
