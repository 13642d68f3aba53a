"""Every route of the application, mounted ones too, called as every role, against the one table (B12, B13, A16)."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from admin.assets import STATIC
from admin.security import Cookies
from cms.auth import passwords
from cms.auth.accounts import create_user
from cms.auth.invitations import invite
from cms.auth.passwords import Hasher, hash_password
from cms.auth.users import User
from cms.content import registry
from cms.content.articles import article
from cms.content.comments import CommentStatus
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Actor, Role
from cms.crud.problems import NotFound
from cms.crud.service import UnitOfWork
from cms.delivery.links import make_link
from cms.editorial.behaviours import Publishable, Trashable
from cms.editorial.drafts import draft_schema
from cms.editorial.workflow import EditorialService
from tests.installation import API, Installation
from tests.permissions import TABLE, own_permissions, permissions, rows
from tests.problems import assert_problem
from tests.samples import SAMPLES, make_host, make_sample, picture

WHERE = sorted(permissions())
PASSWORD = "velvet gravel teapot"  # noqa: S105 - of this test
ENDS = {
    ("POST", f"{API}/auth/logout"),
    ("POST", "/admin/login"),
    ("POST", "/admin/logout"),
    ("POST", "/admin/invitation/{token}"),
    ("POST", "/admin/profile/end-others"),
}
"""What ends a session comes last."""
STYLE = min(path.name for path in STATIC.glob("*.css"))
WITH_A_DRAFT = frozenset({"schedule", "draft", "submit", "approve", "return"})
"""The last words of addresses that are about working drafts."""
OF_PEOPLE = ("/admin/invitation", "/admin/profile")
OF_SCRIPTS = (
    "/admin/media-library/{pk}", "/admin/media/trash", "/admin/moderation/reply", "/admin/moderation/unreply",
    "/admin/preview-markdown",
)  # fmt: skip
"""Addresses of the back office that take JSON."""
NOTE = {"note": "Name your sources."}
VIEW = {"verb": "save"}
numbers = count(1)


def addresses(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path that the application answers to; a screen of the back office once for each type."""
    for found in iter_route_contexts(app.routes):
        if isinstance(found.original_route, Mount):
            yield from _mounted(found.original_route)
        elif found.path is None or not found.methods:
            raise AssertionError(f"A test has to learn how to list {found.original_route!r}.")
        else:
            yield from ((method, found.path) for method in found.methods)


def _mounted(mount: Mount) -> Iterator[tuple[str, str]]:
    if isinstance(mount.app, StaticFiles):
        yield "GET", f"{mount.path}/{{path}}"
    for route in mount.routes:
        if isinstance(route, Mount):
            yield from ((method, mount.path + path) for method, path in _mounted(route))
        elif isinstance(route, Route):
            names = [content_type.singular for content_type in registry] if "{identity}" in route.path else [""]
            for method in route.methods or ():
                yield from ((method, mount.path + route.path.replace("{identity}", name)) for name in names)
        else:
            raise AssertionError(f"A test has to learn how to list {route!r}.")


def test_every_route_has_its_row(assembled: FastAPI) -> None:
    """B12: a route that nobody decided about can't be merged."""
    found, known = set(addresses(assembled)), permissions()
    undecided = sorted(" ".join(where) for where in found - known.keys() if where[0] != "HEAD")
    assert undecided == [], "These have no row in tests/permissions.py: say there what each role gets."
    unknown = sorted(" ".join(where) for where in known.keys() - found)
    assert unknown == [], "These rows of tests/permissions.py belong to no route: remove them."
    assert {path for method, path in found if method == "HEAD"} <= {path for method, path in found if method == "GET"}


def test_no_route_has_two_rows() -> None:
    twice = [where for where, times in Counter(where for where, _ in rows(TABLE)).items() if times > 1]
    assert twice == []


def in_history(place: str, number: int = 1) -> str:
    """An address with a revision: the one that a new record has, where no other is named."""
    return place.replace("{number}", str(number)) + (f"?from={number}&to={number}" if place.endswith("/diff") else "")


def said(response: httpx.Response) -> str:
    """The gist of an answer."""
    return " ".join(re.sub("<[^>]*>", " ", response.text).split())[:300]


class Caller:
    """Calls routes as somebody, each with a request that is right in every way but perhaps for who sends it."""

    def __init__(self, installation: Installation, role: Role) -> None:
        self.installation = installation
        self.role = role
        self.types = {content_type.name: content_type for content_type in registry}
        self.types |= {content_type.singular: content_type for content_type in registry}
        self.types["media-library"] = self.types["media"]
        self.file: Any = None

    async def call(self, method: str, path: str) -> tuple[httpx.Response, bool]:
        """The response, and whether the record that the route is about is the same as before."""
        words = path.removeprefix(API).removeprefix("/admin").split("/")
        content_type = next((self.types[word] for word in words if word in self.types), None)
        is_keyed = "{key}" in path or "{pk}" in path or (path.startswith(API) and path.endswith("/bulk"))
        record = await self.record_of(content_type, path) if content_type and is_keyed else None
        if record is not None:
            before = await self.row(content_type, record.id)
        key = str(record.id) if record is not None else "_"
        place = path.replace("{key}", key).replace("{pk}", key).replace("{path}", STYLE)
        place = place.replace("/media/{first}/{second}/{name}", self.file.url if self.file else "")
        place = place.replace("/media/{media_id}/{name}", self.file.permalink if self.file else "")
        place = in_history(place, await self.newest_of_site() if path.startswith(f"{API}/site/") else 1)
        if "{token}" in place:
            place = place.replace(
                "{token}", await self.invitation() if "/invitation/" in path else await self.preview()
            )
        for name in ("{id}", "{change_id}"):
            if name in place:
                place = place.replace(name, await self.change())
        response = await self.send(method, path, place, content_type, record)
        return response, record is None or before == await self.row(content_type, record.id)

    async def newest_of_site(self) -> int:
        """The revision of the settings that a change of them leaves behind."""
        title = f"Site {next(numbers)}"
        await self.installation.send("PATCH", "/site", Role.ADMIN, headers={"If-Match": "*"}, json={"title": title})
        listed = await self.installation.send("GET", "/site/revisions", Role.ADMIN)
        return int(listed.json()["items"][0]["number"])

    async def record_of(self, content_type: ContentType[Any], path: str) -> Any:
        """A record of somebody else's: public, or in the trash where it is to be restored."""
        over: dict[str, Any] = {}
        if issubclass(content_type.model, Publishable):
            over["published_at"] = utc_now()
        if content_type.name == "comments":
            over["status"] = CommentStatus.APPROVED
        record = await make_sample(self.installation, content_type, next(numbers), **over)
        if path.rpartition("/")[2] in WITH_A_DRAFT:
            await self.draft(content_type, record.id, path.rpartition("/")[2])
        is_of_revision = "revisions" in path or "/history/" in path
        if "restore" in path.split("/") and issubclass(content_type.model, Trashable) and not is_of_revision:
            async with self.installation.work() as work:
                service = work.service(content_type)
                await service.delete(await service.get(record.id, Action.DELETE), 0)
        return record

    async def draft(self, content_type: ContentType[Any], record_id: UUID, verb: str) -> None:
        """Save a working draft, and do what has to come before the verb."""
        async with self.installation.work(Role.EDITOR) as work:
            service = work.service(content_type)
            assert isinstance(service, EditorialService)
            record = await service.get(record_id, Action.DRAFT)
            await service.save_draft(record, draft_schema(content_type)(title=f"Draft {next(numbers)}"), 0)
            if verb in {"approve", "return"}:
                await service.submit(record)
            if verb == "schedule":
                await service.publish(record, utc_now() + timedelta(days=1))

    async def preview(self) -> str:
        """The token of a link that works."""
        record = await make_sample(self.installation, registry.by_name("articles"), next(numbers))
        async with self.installation.work(Role.EDITOR) as work:
            return (await make_link(work, registry.by_name("articles"), record.id, timedelta(days=1))).token

    async def invitation(self) -> str:
        """The token of an invitation that can be accepted."""
        async with self.installation.work() as work:
            return (await invite(work, f"new{next(numbers)}@example.org", Role.AUTHOR, timedelta(days=1))).token

    async def invited(self) -> str:
        """The id of an invitation that can be withdrawn."""
        await self.invitation()
        return str((await self.installation.rows("invitations"))[-1]["id"])

    async def link(self, content_type: ContentType[Any], record: Any) -> str:
        """The id of a link to the preview of a record."""
        async with self.installation.work() as work:
            return str((await make_link(work, content_type, record.id, timedelta(days=1))).id)

    async def change(self) -> str:
        """The id of a change that can be undone."""
        await make_sample(self.installation, registry.by_name("tags"), next(numbers))
        return str((await self.installation.rows("change_sets"))[-1]["id"])

    async def row(self, content_type: Any, record_id: UUID) -> Mapping[str, Any] | None:
        """The record's row."""
        rows = await self.installation.rows(content_type.model.__tablename__)
        return next((row for row in rows if row["id"] == record_id), None)

    async def send(self, method: str, path: str, place: str, content_type: Any, record: Any) -> httpx.Response:
        """The request."""
        if path.startswith("/admin"):
            return await self.send_form(method, path, place, content_type, record)
        return await self.send_json(method, path, place, content_type, record)

    async def send_json(self, method: str, path: str, place: str, content_type: Any, record: Any) -> httpx.Response:
        """A request to the API."""
        options: dict[str, Any] = {"headers": {"If-Match": "*"}}
        number = next(numbers)
        if path.endswith("/register"):
            values = {"email": f"new{number}@example.org", "name": f"New {number}", "password": PASSWORD}
            options["json"] = values
        elif path.endswith("/login"):
            options["data"] = {"username": "admin@example.org", "password": PASSWORD}
        elif path.endswith("/users/me") and method == "PATCH":
            options["json"] = {"name": f"Me {number}"}
        elif path.endswith(("/bulk", "/return")):
            options["json"] = NOTE if path.endswith("/return") else order(content_type, record)
        elif (path == f"{API}/media" and method == "POST") or path.endswith("/file"):
            options["files"] = {"file": ("p.png", picture(number))}
        elif content_type is not None and (method == "PUT" or (method == "POST" and "{key}" not in path)):
            values = SAMPLES[content_type.name].create(number)
            options["json"] = {"alt": "x"} if content_type.name == "media" else values
        elif method == "PATCH":
            options["json"] = SAMPLES[content_type.name].change
        return await self.request(method, place, options)

    async def send_form(self, method: str, path: str, place: str, content_type: Any, record: Any) -> httpx.Response:
        """A request to the back office, with the token of the browser that sends it."""
        cookies = Cookies(self.installation.app.state.settings)
        person = self.installation.people.get(self.role)
        name, seed = (cookies.session, person.cookie) if person else (cookies.visitor, "a visitor")
        options: dict[str, Any] = {"headers": {"Cookie": f"{name}={seed}"}}
        options["params"] = asked_by(path, content_type)
        if path in OF_SCRIPTS or "/move/" in path:
            options["headers"]["X-CSRF-Token"] = cookies.token(seed)
            options["json"] = await self.said_by_script(path, content_type, record)
        elif method == "POST":
            form = {"csrf_token": cookies.token(seed), **await self.fields(path, content_type, record)}
            if path == "/admin/media/create":
                options["files"] = {"file": ("p.png", picture(next(numbers)))}
            if path == "/admin/media-library/{pk}/file":
                options["files"] = {"file": ("p.png", picture(next(numbers)))}
                form["version"] = str(record.version)
            options["data"] = form
        return await self.request(method, place, options)

    async def said_by_script(self, path: str, content_type: Any, record: Any) -> dict[str, Any]:
        """What the script of a screen sends to that address."""
        if path == "/admin/preview-markdown":
            return {"text": "Some *words*."}
        if "/move/" in path:
            return {"version": record.version, "parent": None, "after": None}
        if path == "/admin/media-library/{pk}":
            return {"version": record.version, "alt": "A new text."}
        kind = content_type or self.types["comments"]
        chosen = await self.record_of(kind, path)
        if path == "/admin/moderation/reply":
            return {"parent": str(chosen.id), "version": chosen.version, "content": "Thank you."}
        if path == "/admin/moderation/unreply":
            return {"comment": str(chosen.id), "change": await self.change()}
        return {"items": [{"id": str(chosen.id), "version": chosen.version}]}

    async def fields(self, path: str, content_type: Any, record: Any) -> dict[str, str]:
        """What a form of that address has."""
        if path.endswith("/login"):
            return {"email": "admin@example.org", "password": PASSWORD}
        if path.endswith(("/create", "/autosave")):
            values = {**SAMPLES[content_type.name].create(next(numbers))}
            values.pop("items", None)
            values.pop("number", None)
            if "article" in values:
                values["article"] = str((await make_host(self.installation)).id)
            return {name: str(value) for name, value in values.items()}
        if path.endswith("/bulk"):
            record = await self.record_of(content_type, path)
            return {"only": f"delete {record.id}:{record.version}", "confirmed": "yes"}
        of_screens = ("/admin/trash/", "/admin/history/", "/admin/preview/", "/admin/presence/", *OF_PEOPLE)
        if path.startswith(of_screens) or path.endswith(("/views", "/step/{pk}")):
            return await self.fields_of_screen(path, content_type, record)
        if record is None:
            return {}
        change = SAMPLES[content_type.name].change
        return {"_version": str(record.version), **{name: str(value) for name, value in change.items()}}

    async def fields_of_people(self, path: str) -> dict[str, str]:
        """What a form of the screens of accounts has."""
        number = next(numbers)
        if path.endswith("/revoke"):
            return {"invitation": await self.invited()}
        if path.endswith("/{token}"):
            return {"name": f"Guest {number}", "password": PASSWORD, "repeated": PASSWORD}
        person = self.installation.people.get(self.role)
        rows = await self.installation.rows("users")
        own = next((row for row in rows if person is not None and row["id"] == person.actor.id), {})
        names = {"name": str(own.get("name", "")), "version": str(own.get("version", 1))}
        return {
            **names,
            "email": str(own.get("email", f"new{number}@example.org")),
            "role": "author",
            "session": str(UUID(int=number)),
            "password": PASSWORD,
            "repeated": PASSWORD,
        } | ({"email": f"new{number}@example.org"} if path.endswith("/invitations") else {})

    async def fields_of_screen(self, path: str, content_type: Any, record: Any) -> dict[str, str]:
        """What a form of a screen that is no form of a record has."""
        if path.startswith(OF_PEOPLE):
            return await self.fields_of_people(path)
        if path.startswith("/admin/presence/") or path.endswith("/views"):
            return (
                {"tab": str(UUID(int=next(numbers)))} if "/presence/" in path else VIEW | {"name": str(next(numbers))}
            )
        if path.endswith("/step/{pk}"):
            return {"version": str(record.version)}
        if path.startswith("/admin/history/"):
            return {"number": "1", "version": str(record.version)}
        if path.startswith("/admin/preview/"):
            return {"link": await self.link(content_type, record)} if path.endswith("/revoke") else {"days": "7"}
        trashed = await self.record_of(self.types["articles"], "/restore")
        return {"record": f"articles:{trashed.id}", "confirmed": "yes"}

    async def request(self, method: str, place: str, options: dict[str, Any]) -> httpx.Response:
        """Send it, signed."""
        person = self.installation.people.get(self.role)
        headers = options.pop("headers", {})
        if place.startswith(API) and person is not None:
            headers["Authorization"] = f"Bearer {person.token}"
        self.installation.client.cookies.clear()  # each request brings its own
        return await self.installation.client.request(method, place, headers=headers, **options)


def asked_by(path: str, content_type: Any) -> dict[str, str]:
    """What the address of a screen has behind its question mark."""
    if path.endswith("/lookup"):
        return {"field": LOOKED_UP.get(content_type.name, "none")}
    return {"format": "csv"} if path.endswith("/export") else {"step": "unpublish"} if "/step/" in path else {}


def order(content_type: ContentType[Any], record: Any) -> dict[str, Any]:
    """A bulk request about one record."""
    items = [{"id": str(record.id), "version": record.version}]
    return {"action": "update", "items": items, "changes": SAMPLES[content_type.name].change}


LOOKED_UP = {
    "articles": "category",
    "pages": "parent",
    "categories": "parent",
    "comments": "article",
    "media": "owner",
}
"""A relation that a picker of each type looks up."""


@pytest.fixture
async def caller_installation(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """With a password that the administrator can type."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    async with installation.database.session() as session:
        account = await session.get(User, installation.actor(Role.ADMIN).id)
        assert account is not None
        account.password = await hash_password(PASSWORD)
    await make_host(installation)
    return installation


@pytest.mark.parametrize("every", [pytest.param(3, id="some"), pytest.param(1, id="all", marks=pytest.mark.long)])
@pytest.mark.parametrize("role", Role)
async def test_every_role_gets_what_the_table_says(caller_installation: Installation, role: Role, every: int) -> None:
    """B12, A16: and where a change is refused, nothing has changed.

    Every route on SQLite; of them every third on PostgreSQL, and all in `make test-long`: rights ask no database.
    """
    caller, wrong = Caller(caller_installation, role), []
    tried = WHERE if caller_installation.database.is_sqlite else sorted({*WHERE[::every], *ENDS})
    stored = await make_sample(caller_installation, registry.by_name("media"), 999)
    caller.file = stored
    for method, path in sorted(tried, key=lambda where: where in ENDS):
        status = permissions()[method, path][role]
        response, is_same = await caller.call(method, path)
        if response.status_code != status:
            wrong.append(f"{method} {path}: {response.status_code} {said(response)}")
        elif method != "GET" and status >= 400 and not is_same:
            wrong.append(f"{method} {path}: refused, and changed all the same")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("where", sorted(own_permissions()), ids=" ".join)
async def test_authors_get_what_the_table_says_at_what_is_theirs(
    caller_installation: Installation, where: tuple[str, str]
) -> None:
    """A16: and what is theirs stays theirs alone; a colleague's article is not even seen before it is public."""
    (method, path), name = where, where[1].split("/")[3]
    if name == "media":
        files = {"file": ("own.png", picture(5))}
        made = await caller_installation.send("POST", "/media", Role.AUTHOR, files=files)
    else:
        made = await caller_installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})
    record = made.json()
    place = in_history(path.removeprefix(API).replace("{key}", record["id"]))
    bodies = {"PATCH": {"title": "New"}, "PUT": {"title": "New"}} if name == "articles" else {"PATCH": {}, "PUT": {}}
    options = {"json": bodies[method]} if method in bodies else {"json": NOTE} if path.endswith("/return") else {}
    response = await caller_installation.send(method, place, Role.AUTHOR, headers={"If-Match": "*"}, **options)
    assert response.status_code == own_permissions()[where], response.text


async def test_what_authors_have_written_is_not_seen_by_others_and_not_theirs_once_public(
    caller_installation: Installation,
) -> None:
    """A16, A11."""
    send = caller_installation.send
    record = (await send("POST", "/articles", Role.AUTHOR, json={"title": "Mine"})).json()
    path, theirs = f"/articles/{record['id']}", {"If-Match": "*"}
    async with caller_installation.work() as work:
        other = await create_user(work, "other@example.org", Role.AUTHOR, PASSWORD)
        colleague = Actor(other.id, Role.AUTHOR)
    async with caller_installation.database.session() as session:
        service = UnitOfWork(session, colleague, caller_installation.app.state.reader).service(article)
        with pytest.raises(NotFound):
            await service.get(record["id"])
    for method in ("GET", "PATCH", "DELETE"):
        options = {"json": {"title": "Taken"}} if method == "PATCH" else {}
        refused = await send(method, path, Role.READER, headers=theirs, **options)
        assert_problem(refused, 404)
    assert (await send("POST", f"{path}/publish", Role.EDITOR)).status_code == 200
    assert_problem(await send("PATCH", path, Role.AUTHOR, headers=theirs, json={"title": "Late"}), 403)
    assert_problem(await send("DELETE", path, Role.AUTHOR, headers=theirs), 403)
