"""What the public may not see leaves no trace, whatever is asked (A08, A09, A10, A11).

The whole public site is read twice, with every parameter of every route: once while hidden records stand beside the
public ones, and once when they are gone for good. The two readings have to be the same.
"""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Connection, delete, select

from cms.content import registry
from cms.content.articles import Article, article
from cms.content.categories import category
from cms.content.comments import Comment, CommentStatus, comment
from cms.content.pages import Page, page
from cms.content.tags import tag
from cms.crud.content_type import ContentType
from cms.crud.fields import now, utc_now
from cms.crud.filters import Parameter
from cms.crud.policy import Action, Role
from cms.crud.query import list_parameters
from tests.installation import Installation
from tests.problems import assert_problem

CANARY = "zqcanary"
"""Stands in every text of every hidden record, and nowhere else."""
STAGES = ("draft", "scheduled", "expired", "trashed")
SAME_PATH = ("lt", "lte", "gt", "nin", "contains", "startswith", "endswith")
"""Operators that enter a plan like others that stay."""
HEADERS = ("content-type", "cache-control", "vary", "content-length", "www-authenticate", "allow")


class Site:
    """A site with public and hidden records of every kind that can be hidden."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.hidden: dict[type[Any], list[UUID]] = {Article: [], Page: [], Comment: []}

    async def furnish(self) -> None:
        """Write the public records, and the hidden ones beside them."""
        make = self.installation.make
        await make(category, name="News", slug="news")
        await make(tag, name="Rope", slug="rope")
        shown = await make(article, title="Shown", content="Public.", published_at=utc_now(), **self.links())
        root = await make(page, title="Root", slug="root", published_at=utc_now())
        await make(page, title="Leaf", parent=str(root.id), published_at=utc_now())
        approved = await make(comment, article="shown", content="Seen.", status=CommentStatus.APPROVED)
        for stage in STAGES:
            times = _times(stage)
            words: dict[str, Any] = {"title": f"{CANARY} {stage}", "content": f"{CANARY} text"}
            seo = {"title": CANARY, "description": CANARY}
            hidden = await make(article, excerpt=CANARY, seo=seo, **words, **times, **self.links())
            below = await make(page, seo=seo, parent="root", **words, **times)
            self.hidden[Article].append(hidden.id)
            self.hidden[Page].append(below.id)
            await self.comment(hidden.id, CommentStatus.APPROVED)
            if stage == "trashed":
                await self.trash(article, hidden.id)
                await self.trash(page, below.id)
        for status in (CommentStatus.PENDING, CommentStatus.REJECTED, CommentStatus.SPAM):
            await self.comment(shown.id, status, parent=str(approved.id))

    def links(self) -> dict[str, Any]:
        """What public and hidden articles share."""
        return {"category": "news", "tags": ["rope"]}

    async def comment(self, article_id: UUID, status: CommentStatus, **over: Any) -> None:
        """A comment that nobody should see."""
        texts: dict[str, Any] = {"name": CANARY, "email": f"{CANARY}@example.org", "content": CANARY}
        made = await self.installation.make(comment, article=str(article_id), status=status, **texts, **over)
        self.hidden[Comment].append(made.id)

    async def trash(self, content_type: ContentType[Any], record_id: UUID) -> None:
        """Move a record to the trash."""
        async with self.installation.work() as work:
            service = work.service(content_type)
            await service.delete(await service.get(record_id, Action.DELETE), 0)

    async def remove_hidden(self) -> None:
        """Take every hidden record out of the database, past every service."""
        async with self.installation.database.session() as session:
            for model in (Comment, Article, Page):
                await session.execute(delete(model).where(model.id.in_(self.hidden[model])))

    def addresses(self, *, is_whole: bool) -> list[str]:
        """Lists with their parameters, and every record by every name.

        :param is_whole: with every operator of every filter, of every type.
        """
        return list(dict.fromkeys([*self._lists(is_whole=is_whole), *self._records()]))

    def _lists(self, *, is_whole: bool) -> Iterator[str]:
        for content_type in registry:
            if content_type.name in {"site", "users"}:
                continue
            yield from (f"/{content_type.name}", f"/{content_type.name}?limit=1")
            hides = content_type.model in self.hidden
            hidden_id = self.hidden[content_type.model if hides else Article][0]
            for name, parameter in list_parameters(content_type, registry).items():
                if is_whole or (hides and name.rpartition("__")[2] not in SAME_PATH):
                    yield from (f"/{content_type.name}?{name}={value}" for value in _values(parameter, hidden_id))

    def _records(self) -> Iterator[str]:
        for model, ids in self.hidden.items():
            name = registry.by_model(model).name
            yield from (f"/{name}/{record_id}" for record_id in ids)
            yield from (f"/{name}/{CANARY}-{stage}" for stage in STAGES)
        yield from ("/articles/shown?include=comments", "/articles/shown?fields=comment_count,tags")
        yield from ("/articles/shown", "/pages/root", "/pages/leaf", "/categories/news", "/tags/rope")
        yield f"/articles?q={CANARY}&include=comments&status=draft"
        yield f"/pages?path=/root/{CANARY}-draft"

    async def read(self, role: Role, addresses: list[str]) -> dict[str, tuple[Any, ...]]:
        """What every address answers: status, headers, and the body without the id of the request."""
        return {address: _gist(await self.installation.send("GET", address, role)) for address in addresses}


def _times(stage: str) -> dict[str, Any]:
    past, future = utc_now() - timedelta(days=2), utc_now() + timedelta(days=2)
    if stage == "scheduled":
        return {"published_at": future}
    if stage == "expired":
        return {"published_at": past, "unpublish_at": past + timedelta(days=1)}
    return {"published_at": past} if stage == "trashed" else {}


def _values(parameter: Parameter, hidden_id: UUID) -> list[str]:
    """Values that would find hidden records."""
    schema: Any = parameter.schema
    items = schema.get("items", schema)
    if parameter.name in {"limit", "skip", "cursor"}:
        return {"limit": ["1"], "skip": ["1"]}.get(parameter.name, [])
    if "enum" in items:
        return list(items["enum"])
    by_kind = {"boolean": ["true", "false"], "integer": ["0"]}
    by_format = {"date-time": ["2000-01-01T00:00:00Z"], "uuid": [str(hidden_id)]}
    text = CANARY if parameter.name == "q" or "contains" in parameter.name or "with" in parameter.name else ""
    return by_kind.get(items["type"]) or by_format.get(items.get("format", "")) or [text or f"{CANARY}-draft"]


def _gist(response: httpx.Response) -> tuple[Any, ...]:
    body = re.sub(r'"request_id":"[^"]*"', "", response.text)
    return response.status_code, {name: response.headers.get(name) for name in HEADERS}, body


@pytest.fixture
async def site(installation: Installation) -> Site:
    """A site with public and hidden records."""
    site = Site(installation)
    await site.furnish()
    return site


@pytest.mark.parametrize("role", [Role.ANONYMOUS, Role.READER, Role.AUTHOR])
async def test_hidden_records_leave_no_trace(site: Site, role: Role) -> None:
    """A08, A09, A10, A11: not in a member, a total, a cursor, an order, a status or a header."""
    is_whole = role is Role.ANONYMOUS and site.installation.database.is_sqlite  # the rest is in `make test-long`
    every = 1 if is_whole else 5
    addresses = site.addresses(is_whole=False)
    await _assert_no_trace(site, role, ["/articles", "/pages", "/comments", *addresses[::every]])


@pytest.mark.long
@pytest.mark.parametrize("role", [Role.ANONYMOUS, Role.READER, Role.AUTHOR])
async def test_hidden_records_leave_no_trace_whatever_the_operator(site: Site, role: Role) -> None:
    """A08, A09, A10, A11: as above, with every parameter there is."""
    await _assert_no_trace(site, role, site.addresses(is_whole=True))


async def _assert_no_trace(site: Site, role: Role, addresses: list[str]) -> None:
    beside = await site.read(role, addresses)
    leaks = [a for a, (status, _, body) in beside.items() if status == 200 and CANARY in body]
    assert leaks == []
    assert {a: gist for a, gist in beside.items() if gist[0] not in {200, 404}} == {}
    await site.remove_hidden()
    alone = await site.read(role, addresses)
    assert [address for address in addresses if beside[address] != alone[address]] == []
    assert '"total":1,' in alone["/articles"][2]
    assert '"total":2,' in alone["/pages"][2]
    assert '"total":1,' in alone["/comments"][2]


async def test_the_crawl_would_notice_a_leak(site: Site) -> None:
    """Who may see the hidden records gets other answers to the same questions."""
    addresses = site.addresses(is_whole=False)[::3]
    beside = await site.read(Role.EDITOR, addresses)
    leaks = [a for a, (status, _, body) in beside.items() if status == 200 and CANARY in body]
    await site.remove_hidden()
    alone = await site.read(Role.EDITOR, addresses)
    changed = [address for address in addresses if beside[address] != alone[address]]
    assert len(leaks) > len(addresses) / 3
    assert len(changed) > len(addresses) / 2


async def test_what_is_hidden_is_not_there_whatever_is_tried(site: Site) -> None:
    """A11, A15: neither written to, nor commented on, nor referred to."""
    send, hidden = site.installation.send, site.hidden
    for role in (Role.READER, Role.AUTHOR):
        for record_id in hidden[Article]:
            path = f"/articles/{record_id}"
            for method, rest in (("PATCH", ""), ("DELETE", ""), ("POST", "/publish")):
                options: dict[str, Any] = {"json": {}} if method != "DELETE" else {}
                response = await send(method, path + rest, role, headers={"If-Match": "*"}, **options)
                assert response.status_code == 404, (method, rest, response.text)
                assert CANARY not in response.text
    for record_id in hidden[Article]:
        values = {"article": str(record_id), "name": "Ann", "email": "ann@example.org", "content": "Hm."}
        refused = await send("POST", "/comments", json=values)
        assert_problem(refused, 422, "/article")
        nowhere = await send("POST", "/comments", json={**values, "article": str(UUID(int=9))})
        assert _anonymised(refused, record_id) == _anonymised(nowhere, UUID(int=9))


def _anonymised(response: httpx.Response, record_id: UUID) -> str:
    return re.sub(r'"request_id":"[^"]*"', "", response.text).replace(str(record_id), "…")


async def test_a_draft_answers_like_nothing_at_all(site: Site) -> None:
    """A11: but for the key, which the caller named."""
    draft, nothing = f"{CANARY}-draft", f"{CANARY}-drift"
    for name in ("articles", "pages"):
        answers = [await site.installation.send("GET", f"/{name}/{key}") for key in (draft, nothing)]
        assert {answer.status_code for answer in answers} == {404}
        gists = [_gist(answer)[1:] for answer in answers]
        assert gists[0][0] == gists[1][0]
        assert gists[0][1] == gists[1][1].replace(nothing, draft)


async def test_authors_show_their_public_fields_and_no_others(site: Site) -> None:
    """A09."""
    answer = (await site.installation.send("GET", "/articles/shown?include=comments")).json()
    assert list(answer["author"]) == ["id", "name"]
    assert list(answer["category"]) == ["id", "name", "slug"]
    assert list(answer["tags"][0]) == ["id", "name", "slug"]
    assert "example.org" not in str(answer)


async def test_a_scheduled_article_appears_and_goes_at_its_second(installation: Installation) -> None:
    """A10: by the database's clock, with nothing running."""

    def read_clock(connection: Connection) -> Any:
        return connection.execute(select(now())).scalar_one()

    start = await installation.database.read(read_clock)
    times = {"published_at": start + timedelta(seconds=1.2), "unpublish_at": start + timedelta(seconds=2.4)}
    await installation.make(article, title="Soon", **times)
    seen: list[tuple[Any, int, Any]] = []
    while not seen or seen[-1][0] < times["unpublish_at"] + timedelta(seconds=0.2):
        before = await installation.database.read(read_clock)
        one = await installation.send("GET", "/articles/soon")
        listed = await installation.send("GET", "/articles")
        after = await installation.database.read(read_clock)
        if not any(before <= time <= after for time in times.values()):
            seen.append((after, one.status_code, listed.json()["total"]))
        await asyncio.sleep(0.03)
    for time, status, total in seen:
        is_out = times["published_at"] <= time < times["unpublish_at"]
        assert (status, total) == ((200, 1) if is_out else (404, 0)), time - start
    assert [status for _, status, _ in seen].count(200) > 5
