"""A canary in every field of all that is hidden: no route sings of it, and no answer is another for its being there."""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import pytest

from cms.content.articles import article
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Actor, Role
from cms.editorial.visibility import PublishedOrStaff
from tests.installation import API, Installation
from tests.security.attacks import ANY, NOWHERE, SAME_ID, Said, document_of, gets, sampled
from tests.security.hiding import CANARY, Site

Declared = dict[str, Any]
"""A parameter, as the document has it."""
STRANGERS = (Role.ANONYMOUS, Role.READER, Role.AUTHOR)
"""Who is shown nothing; the author is another one than whose work is hidden."""
HIDING = ("articles", "pages", "comments", "media")
"""What may be hidden of."""
ASIDE = {"sort", "include", "q", "cursor", "total", "limit", "skip", "fields", "from", "to"}
"""Parameters that are no filters."""
LIVE = ["live-returned", "live-failed", "former"]
"""Slugs of what is public, and has something hidden."""
KEY = "{hidden}"
"""Stands in addresses for what is hidden, or for nothing."""
TOKEN = re.compile(r'(name="csrf_token" value|content)="[0-9a-f]{64}"')
"""What the back office's forms carry, which is another one for each visitor."""


def values(parameter: Declared) -> list[str]:
    """Values of a parameter, as it is declared: first of all those that would find what is hidden."""
    name, schema = parameter["name"], parameter["schema"]
    items = schema.get("items", schema)
    if "enum" in items:
        return list(items["enum"])
    if items["type"] == "boolean":
        return ["false", "true"]
    if items["type"] in {"integer", "number"}:
        return ["1", "2"] if name in ASIDE else ["0", "1"]
    if name == "cursor":
        return ["x"]
    known = {"date-time": ["2000-01-01T00:00:00Z", "2990-01-01T00:00:00Z"], "uuid": [NOWHERE]}
    return known.get(items.get("format", ""), [CANARY, f"{CANARY}-draft", "live-saved", "knot"])


def singly(path: str, parameters: Sequence[Declared]) -> Iterator[str]:
    """An address with each value of each parameter."""
    yield path
    yield from (f"{path}?{p['name']}={value}" for p in parameters for value in values(p))


def together(path: str, parameters: Sequence[Declared]) -> Iterator[str]:
    """A list with each filter and none, in each order, and in turn with and without what else it takes."""
    named = {p["name"]: p for p in parameters}
    filters = ["", *(f"{name}={values(p)[0]}" for name, p in named.items() if name not in ASIDE)]
    orders = [f"sort={name}" for name in values(named["sort"])]
    others = [["", f"{name}={values(named[name])[0]}"] for name in ("include", "q") if name in named]
    shapes = list(product(*others))
    for (turn, chosen), (place, order) in product(enumerate(filters), enumerate(orders)):
        yield f"{path}?" + "&".join(filter(None, (chosen, order, *shapes[(turn + place) % len(shapes)])))


class Crawl:
    """Asks as somebody.

    :param role: who that is.
    """

    def __init__(self, site: Site, role: Role, most: int | None) -> None:
        self.site = site
        self.most = most
        self._client = site.installation.client
        person = site.installation.people.get(role)
        signed = {"Authorization": f"Bearer {person.token}", "Cookie": f"masthead={person.cookie}"} if person else {}
        self._headers = {**SAME_ID, **signed}

    async def ask(self, address: str) -> Said:
        """All of an answer, but for what is another one each time."""
        self._client.cookies.clear()
        answer = await self._client.get(address, headers=self._headers)
        headers = [pair for pair in answer.headers.multi_items() if pair[0] != "set-cookie"]
        return Said(answer.status_code, tuple(headers), TOKEN.sub("", answer.text))

    async def read(self) -> dict[str, Said]:
        """What is said at every address that has nothing of the hidden in it, but perhaps a guess."""
        addresses = sampled(dict.fromkeys(self._addresses()), self.most)
        return {address: await self.ask(address) for address in addresses}

    async def faults(self, before: dict[str, Said]) -> list[str]:
        """The addresses that tell something by now."""
        found = []
        for address, said in before.items():
            now = await self.ask(address)
            if now != said or (CANARY in f"{now.body}{now.headers}" and CANARY not in address):
                found.append(address)
            assert now.status < 500, address
        nothing: dict[str, tuple[Any, ...]] = {}
        for address, key in sampled(dict.fromkeys(self._hidden()), self.most):
            beside = address.replace(KEY, twin(key))
            if beside not in nothing:
                nothing[beside] = gist(await self.ask(beside), twin(key))
            said = await self.ask(address.replace(KEY, key))
            if gist(said, key) != nothing[beside] or CANARY in said.body.replace(key, "…"):
                found.append(address.replace(KEY, key))
        return found

    def _addresses(self) -> Iterator[str]:
        for path, parameters in self._routes():
            for place in self._spelled_out(path):
                yield from singly(place, parameters)
            if path in {f"{API}/{name}" for name in HIDING}:
                yield from together(path, parameters)

    def _routes(self) -> Iterator[tuple[str, list[Declared]]]:
        """Every route that answers GET, and the parameters that it declares."""
        app = self.site.installation.app
        declared = {
            path: o.get("parameters", []) for method, path, o in document_of(app).operations() if method == "GET"
        }
        for path in gets(app):
            yield path, [p for p in declared.get(path, []) if p["in"] == "query"]

    def _spelled_out(self, path: str) -> list[str]:
        """An address with the keys of something public."""
        name = noun(path)
        plural = next((n for n in self.site.public if n in {name, f"{name}s", f"{name[:-1]}ies"}), "articles")
        keys = [self.site.public[plural], *(LIVE if plural in {"articles", "pages"} else [])]
        places = [path.replace("{key}", key).replace("{pk}", key) for key in keys]
        found = dict.fromkeys(place.replace("{number}", number) for place in places for number in ("1", "2"))
        return [place for place in found if "{" not in place]

    def _hidden(self) -> Iterator[tuple[str, str]]:
        """Every address that may name something hidden, and the key of what it is to name."""
        for path, parameters in self._routes():
            for plural, keys in self.site.keys.items():
                if noun(path) in {plural, plural[:-1]} and ("{key}" in path or "{pk}" in path):
                    place = path.replace("{key}", KEY).replace("{pk}", KEY).replace("{number}", "1")
                    ends = "?from=1&to=1" if path.endswith("/diff") else ""
                    yield from ((place + ends, key) for key in keys)
                    yield from product(singly(place, parameters), keys[:2])
                elif "{" not in path:
                    by_key = [p["name"] for p in parameters if {CANARY, NOWHERE} & set(values(p))]
                    yield from product((f"{path}?{name}={KEY}" for name in by_key), keys[:2])


def twin(key: str) -> str:
    """A key like another one, of nothing."""
    return f"zqcanery{key[8:]}" if key.startswith(CANARY) else NOWHERE


def noun(path: str) -> str:
    """What an address is about: the name of a type, in the plural, or of the back office in the singular."""
    return path.removeprefix(API).removeprefix("/admin").lstrip("/").split("/")[0]


def gist(said: Said, key: str) -> tuple[Any, ...]:
    """All of an answer about something, but for its key, which the caller sent."""
    return said.status, str(said.headers).replace(key, "…"), said.body.replace(key, "…")


@pytest.mark.parametrize("most", [pytest.param(16, id="some"), pytest.param(None, id="all", marks=pytest.mark.long)])
async def test_a10_a13_nothing_tells_of_what_is_hidden(installation: Installation, most: int | None) -> None:
    """A10, A13: every route × include × filter × order × search: no canary, no other total, no other byte or ETag.

    That the crawl notices is shown by editors, who get other answers to the same questions.
    """
    site = Site(installation)
    await site.furnish()
    # What authors are shown of others' is what readers are: some of it will do.
    crawls = {role: Crawl(site, role, most or (1_000 if role is Role.AUTHOR else None)) for role in STRANGERS}
    editor = Crawl(site, Role.EDITOR, 16)
    before, told = {role: await crawl.read() for role, crawl in crawls.items()}, await editor.read()
    await site.hide()
    faults = [f"{role}: {where}" for role, crawl in crawls.items() for where in await crawl.faults(before[role])]
    assert faults == [], "\n".join(faults)
    assert min(len(said) for said in before.values()) >= (most or 1_000)
    assert most or len(before[Role.ANONYMOUS]) > 5_000
    assert len(await editor.faults(told)) > len(told) / 2


async def test_a_preview_for_everybody_is_noticed(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above: of one route that asks nobody who they are."""
    can = PublishedOrStaff.can

    def let_anybody_draft(self: PublishedOrStaff, actor: Actor, action: Action, record: Any = None) -> bool:
        return action is Action.DRAFT or can(self, actor, action, record)

    made = await installation.make(article, title="Live", published_at=utc_now())
    crawl, change = Crawl(Site(installation), Role.READER, None), {"json": {"content": CANARY}, "headers": ANY}
    asked = [f"{API}/articles/live{query}" for query in ("", "?version=draft", "?include=comments")]
    for is_open, faults in ((False, []), (True, [asked[1]])):
        with monkeypatch.context() as patch:
            if is_open:
                patch.setattr(PublishedOrStaff, "can", let_anybody_draft)
            before = {address: await crawl.ask(address) for address in asked}
            saved = await installation.send("PATCH", f"/articles/{made.id}?draft=true", Role.EDITOR, **change)
            assert saved.status_code == 200, saved.text
            assert await crawl.faults(before) == faults
        await installation.send("DELETE", f"/articles/{made.id}/draft", Role.EDITOR, headers={"If-Match": "*"})
