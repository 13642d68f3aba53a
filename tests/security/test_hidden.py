"""What is hidden is nowhere: on no route, by no status, under no parent, for nobody else, in no sentence."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from admin.security import Cookies
from cms.content import registry
from cms.content.articles import article
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from tests.contract.test_permissions import Caller
from tests.installation import API, Installation
from tests.permissions import permissions
from tests.samples import HOST, make_host, make_sample
from tests.security.attacks import ANY, NOWHERE, SOME_OR_ALL, ask, fingerprint, gets, sampled

CANARY = "zqcanary"
STATES = ("draft", "scheduled", "expired", "withdrawn", "trashed")
"""Of these, “withdrawn” is what other products call private, “expired” what they call archived."""
ELSEWHERE = (
    "/feed", "/rss", "/rss.xml", "/atom.xml", "/feed.json", "/sitemap.xml", "/sitemap-authors.xml", "/oembed",
    "/archive", "/search", "/robots.txt", "/api/v1/search", "/api/v1/feed", "/api/v1/archive",
    "/api/v1/revisions", "/graphql",
)  # fmt: skip
"""Side doors of other products. One that is built has to be in the document, and is then crawled with the rest."""


async def hide(site: Installation, kind: ContentType[Any], state: str, **links: Any) -> Any:
    """A record in a state that the public does not see, with the canary in every text."""
    past = utc_now() - timedelta(days=2)
    texts: dict[str, Any] = {"title": f"{CANARY} {state}", "content": f"{CANARY} text"}
    seo: Any = {"title": CANARY, "description": CANARY}
    times: dict[str, Any] = {
        "scheduled": {"published_at": utc_now() + timedelta(days=2)},
        "expired": {"published_at": past, "unpublish_at": past + timedelta(days=1)},
        "withdrawn": {"published_at": past},
        "trashed": {"published_at": past},
    }.get(state, {})
    if kind is article:
        links["excerpt"] = CANARY
    record = await site.make(kind, Role.EDITOR, seo=seo, **texts, **times, **links)
    if state == "withdrawn":
        answer = await site.send("POST", f"/{kind.name}/{record.id}/unpublish", Role.EDITOR)
        assert answer.status_code == 200, answer.text
    if state == "trashed":
        async with site.work() as work:
            service = work.service(kind)
            await service.delete(await service.get(record.id, Action.DELETE), 0)
    return record


@pytest.fixture
async def hidden(installation: Installation) -> dict[str, list[UUID]]:
    """Hidden articles, pages and comments, by the name of their type; one public record of each beside them."""
    site = installation
    await make_host(site)
    await site.make(page, title="Root", slug="root", published_at=utc_now())
    found: dict[str, list[UUID]] = {"articles": [], "pages": [], "comments": []}
    words: dict[str, Any] = {"name": CANARY, "email": f"{CANARY}@example.org", "content": CANARY}
    for state in STATES:
        below = await hide(site, article, state)
        found["articles"].append(below.id)
        found["pages"].append((await hide(site, page, state, parent="root")).id)
        if state != "trashed":
            spoken = await site.make(comment, article=str(below.id), status=CommentStatus.APPROVED, **words)
            found["comments"].append(spoken.id)
    await site.make(
        comment, article=HOST, status=CommentStatus.APPROVED, name="Ann", email="a@b.example", content="Yes."
    )
    for status in (CommentStatus.PENDING, CommentStatus.SPAM, CommentStatus.REJECTED):
        found["comments"].append((await site.make(comment, article=HOST, status=status, **words)).id)
    return found


def spelled_out(path: str, hidden: dict[str, list[UUID]]) -> list[str]:
    """An address with every key of something hidden of its type in the place of its parameters."""
    slugs = [f"{CANARY}-{state}" for state in STATES]
    if "{key}" in path or "{pk}" in path:
        name = path.removeprefix(API).removeprefix("/admin").split("/")[1].removesuffix("s") + "s"
        keys = [*map(str, hidden[name]), *slugs] if name in hidden else [str(hidden["articles"][0]), slugs[0]]
        places = [path.replace("{key}", key).replace("{pk}", key).replace("{number}", "1") for key in keys]
        return [f"{place}?from=1&to=1" if path.endswith("/diff") else place for place in places]
    if "{" in path:
        return [
            path.replace("{first}", "00").replace("{second}", "00").replace("{name}", "x.png").replace("{path}", "x")
        ]
    return [path, *(f"{path}?path=/root/{slug}" for slug in slugs if path == f"{API}/pages")]


@SOME_OR_ALL
async def test_a10_no_route_shows_what_is_hidden(
    installation: Installation, hidden: dict[str, list[UUID]], most: int | None
) -> None:
    """A10: ANON and READER on every GET route that there is: 5 states, no canary, and only the published counted."""
    cases = [(p, address) for p in (*gets(installation.app), *ELSEWHERE) for address in spelled_out(p, hidden)]
    assert len(cases) > 150
    for role in (Role.ANONYMOUS, Role.READER):
        person = installation.people.get(role)
        signed = {"Authorization": f"Bearer {person.token}"} if person else {}
        headers = {**signed, "Cookie": f"masthead={person.cookie}"} if person else signed
        for path, address in sampled(cases, most):
            answer = await installation.client.get(address, headers=headers)
            said = f"{answer.text}{answer.headers}"
            for own in (address, *re.findall(f"{CANARY}-[a-z]+", address)):  # the caller's own words are no news
                said = said.replace(own, "")
            assert CANARY not in said, address
            assert answer.status_code < 500, address
            assert path not in ELSEWHERE or answer.status_code == 404, "a new door: take it off this list"
        for name in hidden:
            answer = await installation.send("GET", f"/{name}", role)
            assert CANARY not in answer.text
            assert answer.json()["total"] == 1, name
        host = (await installation.send("GET", f"/articles/{HOST}?include=comments", role)).json()
        assert (host["comment_count"], len(host["comments"])) == (1, 1)


async def test_a11_a_draft_answers_like_nothing(installation: Installation, hidden: dict[str, list[UUID]]) -> None:
    """A11: by id and by slug: 404, the same body, the same headers."""
    for name in ("articles", "pages"):
        pairs = [(str(record_id), NOWHERE) for record_id in hidden[name]]
        pairs += [(f"{CANARY}-{state}", f"zqcanery-{state}") for state in STATES]
        for key, random in pairs:
            there, nothing = await ask(installation, f"/{name}/{key}"), await ask(installation, f"/{name}/{random}")
            assert there.status == 404
            assert len(key) == len(random)
            assert (there.headers, there.body.replace(key, random)) == (nothing.headers, nothing.body)


async def test_a15_a_child_has_no_address_below_a_wrong_parent(installation: Installation) -> None:
    """A15: comments, revisions, media, entries: 404, and the row is still there."""
    host = await make_host(installation)
    other = await installation.make(article, title="Other", published_at=utc_now())
    spoken = await installation.make(comment, article=HOST, content="Yes.", status=CommentStatus.APPROVED)
    file = await make_sample(installation, registry.by_name("media"))
    edited = await installation.send("PATCH", f"/articles/{host.id}", Role.ADMIN, headers=ANY, json={"title": "Host"})
    assert edited.status_code == 200, "it alone has a second revision"
    before = await fingerprint(installation)
    both = (f"comments/{spoken.id}", f"media/{file.id}", f"entries/{spoken.id}", "revisions/7", "revisions/7/restore")
    children = [(parent.id, child) for parent in (host, other) for child in both]
    children += [(other.id, "revisions/2"), (other.id, "revisions/2/restore"), (other.id, "diff?from=1&to=2")]
    for parent, child in children:
        for method in ("GET", "DELETE", "PATCH", "PUT", "POST"):
            options: dict[str, Any] = {"json": {}} if method in {"PATCH", "PUT", "POST"} else {}
            answer = await installation.send(method, f"/articles/{parent}/{child}", Role.ADMIN, headers=ANY, **options)
            is_no_verb = answer.status_code == 405 and child.startswith(("revisions", "diff"))
            assert answer.status_code == 404 or is_no_verb, (method, child, answer.text)
    assert await fingerprint(installation) == before
    nested = [path for path in installation.app.openapi()["paths"] if path.startswith(API) and path.count("{") > 1]
    others = [path for path in nested if not re.search(r"/{key}/revisions/{number}(/restore)?$", path)]
    assert others == [], "A child below a parent: show here that a wrong parent is 404."
    found = await installation.send("GET", f"/articles/{host.id}/revisions/2", Role.ADMIN)
    assert found.status_code == 200, "under its own parent it is there"


class Stranger(Caller):
    """Calls every route about a record of somebody else's that was made before."""

    def __init__(self, installation: Installation, role: Role, records: dict[str, Any]) -> None:
        super().__init__(installation, role)
        self.records = records

    async def record_of(self, content_type: ContentType[Any], path: str) -> Any:
        return self.records[content_type.name]

    async def link(self, content_type: ContentType[Any], record: Any) -> str:
        """No link at all: nothing is made for the sake of a request that is refused."""
        return NOWHERE

    async def invitation(self) -> str:
        """No token of any, as above."""
        return NOWHERE

    async def invited(self) -> str:
        """None that was invited, as above."""
        return NOWHERE


async def belongings(installation: Installation, *, is_hidden: bool) -> dict[str, Any]:
    """A record of each type that belongs to the editor, or to the house."""
    records = {}
    for number, content_type in enumerate(registry):
        if is_hidden and content_type.name in {"articles", "pages"}:
            records[content_type.name] = await hide(installation, content_type, "draft")
        elif content_type.name == "users":
            records["users"] = await make_sample(installation, content_type, number, name=f"{CANARY} user")
        else:
            records[content_type.name] = await make_sample(installation, content_type, number)
    return records


def cells() -> Iterator[tuple[Role, str, str]]:
    """Each role at each route with an id that is not one's to use, whoever it belongs to."""
    for role in (Role.ANONYMOUS, Role.READER, Role.AUTHOR, Role.EDITOR):
        for method, path in sorted(permissions()):
            is_theirs = identity_of(path) not in {"users", "user", "site"}
            if ("{key}" in path or "{pk}" in path) and not (is_theirs and role is Role.EDITOR):
                yield role, method, path


def is_presence(role: Role, _: str, path: str) -> bool:
    """Whether it is told who has before them what an author may read: that reaches nothing."""
    return role is Role.AUTHOR and path.startswith("/admin/presence/")


def identity_of(path: str) -> str:
    """The name of the type that an address is about."""
    names = {name for content_type in registry for name in (content_type.name, content_type.singular)}
    return next((word for word in path.removeprefix(API).split("/") if word in names), "")


@SOME_OR_ALL
@pytest.mark.parametrize("is_hidden", [True, False], ids=["hidden", "public"])
async def test_a16_a17_nobody_reaches_what_is_somebody_elses(
    installation: Installation, is_hidden: bool, most: int | None
) -> None:
    """A16: all verbs, all roles, every route with an id: refused in every cell, and no row has changed.

    A17: and no refusal has the title, the e-mail address or a column of what it is about. Whoever is nobody is 401
    over REST and sent to sign in at the back office, as the contract has it; everybody else 403 or 404.
    """
    await make_host(installation)
    records = await belongings(installation, is_hidden=is_hidden)
    before = await fingerprint(installation)
    closed = {"users", "user", "site", *(("articles", "pages", "article", "page") if is_hidden else ())}
    tried = [cell for cell in cells() if cell[1] != "GET" or identity_of(cell[2]) in closed]
    open_to_authors = {"media"} if is_hidden else {"media", "article"}
    tried = [cell for cell in tried if not (is_presence(*cell) and identity_of(cell[2]) in open_to_authors)]
    assert len(tried) > 150
    for role, method, path in sampled(tried, most):
        stranger = Stranger(installation, role, records)
        answer, _ = await stranger.call(method, path)
        is_sent_away = answer.status_code == 303 and answer.headers["location"].startswith("/admin/login")
        is_nobody = role is Role.ANONYMOUS and answer.status_code == 401
        assert answer.status_code in {403, 404} or is_sent_away or is_nobody, (role, method, path, answer.text)
        content_type = stranger.types.get(identity_of(path))  # none for what is of no type, such as a change
        told = answer.text.replace(str(records[content_type.name].id), "") if content_type else answer.text
        assert not [word for word in (CANARY, "u9@example.org", "hashed_password", "author_id") if word in told]
    assert await fingerprint(installation) == before


async def test_a17_many_at_once_tell_no_title(installation: Installation, hidden: dict[str, list[UUID]]) -> None:
    """A17: a bulk action with ids that one may not see, alone and beside one's own."""
    own = (await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    caller = Caller(installation, Role.AUTHOR)
    before = await fingerprint(installation)
    hers = [f"{record_id}:1" for record_id in hidden["articles"]]
    for records in (hers, [f"{own['id']}:1", *hers], [f"{NOWHERE}:1"]):
        for action in ("delete", "publish", "unpublish", "restore", "approve"):
            for confirmed in ("", "yes"):
                form = {"csrf_token": token_of(caller), "action": action, "confirmed": confirmed, "records": records}
                cookie = {"Cookie": f"masthead={installation.people[Role.AUTHOR].cookie}"}
                answer = await installation.client.post("/admin/article/bulk", data=form, headers=cookie)
                is_question = answer.status_code == 200 and not confirmed
                assert is_question or answer.status_code in {403, 404}, (action, answer.text)
                assert CANARY not in answer.text
                assert "@" not in answer.text.replace("author@example.org", "")
    assert await fingerprint(installation) == before


def token_of(caller: Caller) -> str:
    """The token that forms of this person's browser carry."""
    site = caller.installation
    return Cookies(site.app.state.settings).token(site.people[caller.role].cookie)
