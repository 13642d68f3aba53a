"""A site with something public, and beside it everything that the public may not see, marked in every field."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from cms.auth.users import user
from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import CommentStatus, comment
from cms.content.menus import menu
from cms.content.pages import page
from cms.content.redirects import redirect
from cms.content.tags import tag
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.editorial.pending import Draft, Transition
from cms.editorial.transitions import Transitions
from tests.installation import Installation
from tests.samples import make_sample
from tests.security.attacks import ANY

CANARY = "zqcanary"
"""Stands in every text that is hidden, and nowhere else."""
LATER = "2999-01-01T00:00:00Z"
STATES = ("draft", "scheduled", "expired", "withdrawn", "trashed", "pending", "returned", "approved")
DRAFTS = ("saved", "pending", "returned", "scheduled", "failed")
"""States of working drafts over what is public."""


class Site:
    """An installation of which some is to be hidden.

    :param keys: the ids and slugs of what is hidden, by the plural name of its type.
    """

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.keys: dict[str, list[str]] = {"articles": [], "pages": [], "comments": [], "media": [], "users": []}
        self.public: dict[str, str] = {}
        """The id of something public of each type."""
        self._live: dict[tuple[str, str], str] = {}
        self._owner = ""

    async def furnish(self) -> None:
        """Write what is public: among it records whose drafts, comments and former texts are to be hidden."""
        site = self.installation
        owner = await make_sample(site, user, 1, name="Olga")
        self._owner = str(owner.id)
        records = {
            "users": owner,
            "categories": await site.make(category, name="News", slug="news"),
            "tags": await site.make(tag, name="Rope", slug="rope"),
            "menus": await site.make(menu, title="Main", items=[{"label": "Home", "url": "/", "items": []}]),
            "redirects": await site.make(redirect, source="/old", target="/new"),
            "media": await make_sample(site, site.registry.by_name("media"), 1),
        }
        await site.make(tag, name="Knot", slug="knot")
        await site.make(category, name="Views", slug="views")
        self.cover = str(records["media"].id)
        self.public = {name: str(record.id) for name, record in records.items()}
        for kind in (article, page):
            for state in DRAFTS:
                made = await self._make(kind, f"live-{state}", published_at=utc_now(), content="Live.")
                self._live[kind.name, state] = str(made.id)
                self.public[kind.name] = str(made.id)
            former = await self._make(kind, "former", title=CANARY, content=CANARY, published_at=utc_now())
            change = {"title": "Former", "content": "Now.", **({"excerpt": "Now."} if kind is article else {})}
            await self._send("PATCH", f"/{kind.name}/{former.id}", **change)
        said = await self._comment(self.public["articles"], CommentStatus.APPROVED, "Ann", parent=None)
        self.public["comments"] = str(said.id)

    async def hide(self) -> None:
        """Add what is hidden."""
        site = self.installation
        for kind in (article, page):
            for state in STATES:
                await self._hide(kind, state)
            for state in DRAFTS:
                await self._draft(kind, state, self._live[kind.name, state])
        await self._fail_what_is_due()
        host, thread = self.public["articles"], self.public["comments"]
        for status in (CommentStatus.PENDING, CommentStatus.REJECTED, CommentStatus.SPAM):
            for parent in (None, thread):
                said = await self._comment(host, status, CANARY, parent=parent)
                self.keys["comments"].append(str(said.id))
        for hidden in [key for key in self.keys["articles"] if not key.startswith(CANARY)][:4]:
            said = await self._comment(hidden, CommentStatus.APPROVED, CANARY, parent=None)
            self.keys["comments"].append(str(said.id))
        file = await make_sample(site, site.registry.by_name("media"), 2)
        await self._send("PATCH", f"/media/{file.id}", alt=CANARY, caption=CANARY)
        await self._send("DELETE", f"/media/{file.id}")
        self.keys["media"].append(str(file.id))
        person = await make_sample(site, user, 2, name=CANARY, email=f"{CANARY}@example.org")
        self.keys["users"].append(str(person.id))

    async def _make(self, kind: ContentType[Any], slug: str, **values: Any) -> Any:
        """A record of somebody who is nobody of this crawl."""
        links: dict[str, Any] = {"parent": "live-saved"} if kind is page and slug != "live-saved" else {}
        if kind is article:
            links = {"author": self._owner, "category": "news", "tags": ["rope"], "cover": self.cover}
        title = slug.replace("-", " ").capitalize()
        return await self.installation.make(kind, Role.EDITOR, **{"title": title, "slug": slug, **links, **values})

    async def _hide(self, kind: ContentType[Any], state: str) -> None:
        past, slug = utc_now() - timedelta(days=2), f"{CANARY}-{state}"
        times: dict[str, Any] = {
            "scheduled": {"published_at": utc_now() + timedelta(days=2)},
            "expired": {"published_at": past, "unpublish_at": past + timedelta(days=1)},
            "withdrawn": {"published_at": past},
            "trashed": {"published_at": past},
        }.get(state, {})
        made = await self._make(kind, slug, **_texts(kind, state), **times)
        self.keys[kind.name] += [str(made.id), slug]
        await self._bring_to(kind, str(made.id), state)

    async def _draft(self, kind: ContentType[Any], state: str, record: str) -> None:
        """A working draft that changes every field."""
        links: dict[str, Any] = {"category": "views", "tags": ["knot"], "cover": None} if kind is article else {}
        slug = "former" if state == "failed" else f"{CANARY}-over-{state}"
        change = {**_texts(kind, state), **links, "slug": slug}
        await self._send("PATCH", f"/{kind.name}/{record}?draft=true", **change)
        if state != "failed":
            self.keys[kind.name].append(slug)
        await self._bring_to(kind, record, {"scheduled": "due", "failed": "due"}.get(state, state))

    async def _bring_to(self, kind: ContentType[Any], record: str, state: str) -> None:
        path = f"/{kind.name}/{record}"
        if state in {"pending", "returned", "approved"}:
            await self._send("POST", f"{path}/submit")
        if state == "returned":
            await self._send("POST", f"{path}/return", note=f"{CANARY}: name your sources.")
        elif state in {"approved", "due"}:
            await self._send("POST", f"{path}/{'approve' if state == 'approved' else 'publish'}", at=LATER)
        elif state == "withdrawn":
            await self._send("POST", f"{path}/unpublish")
        elif state == "trashed":
            await self._send("DELETE", path)

    async def _fail_what_is_due(self) -> None:
        """Let the time come at which a draft can't take the place of what is public, since its slug is taken."""
        site, past = self.installation, utc_now() - timedelta(days=1)
        failing = [UUID(self._live[name, "failed"]) for name in ("articles", "pages")]
        async with site.database.session() as session:
            await session.execute(update(Transition).where(Transition.record_id.in_(failing)).values(due_at=past))
            await session.execute(update(Draft).where(Draft.record_id.in_(failing)).values(publish_at=past))
        assert await Transitions(site.database, site.app.state.reader).catch_up() == len(failing)
        assert len([row for row in await site.rows("drafts") if row["problem"]]) == len(failing)

    async def _comment(self, host: str, status: CommentStatus, word: str, *, parent: str | None) -> Any:
        words: dict[str, Any] = {"name": word, "email": f"{word.lower()}@example.org", "content": f"{word} says so."}
        return await self.installation.make(comment, article=host, status=status, parent=parent, **words)

    async def _send(self, method: str, path: str, **body: Any) -> None:
        answer = await self.installation.send(method, path, Role.EDITOR, headers=ANY, json=body or None)
        assert answer.status_code < 300, answer.text


def _texts(kind: ContentType[Any], state: str) -> dict[str, Any]:
    """The canary in every text that a record of the type has."""
    texts: dict[str, Any] = {"title": f"{CANARY} {state}", "content": f"{CANARY} text"}
    texts["seo"] = {"title": CANARY, "description": CANARY}
    return {**texts, "excerpt": CANARY} if kind is article else texts
