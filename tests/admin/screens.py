"""Every screen of the back office: those that its own routes open, and those that answer a form.

A route that is added is found by itself. One whose address has a parameter of a new kind fails here until `PARAMETERS`
says what stands for it; a template that no screen draws fails in `test_screens`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any, NamedTuple

from starlette.routing import Mount, Route

from admin.site import BASE, OPEN_TO_ALL
from cms.content.categories import category
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.admin.newsroom import LIVE, send
from tests.installation import Installation

Meanwhile = Callable[[Installation], Awaitable[None]]


class Screen(NamedTuple):
    """A page that somebody can have before them.

    :param path: its address below `/admin`; of the page with the form, for one that answers a form.
    :param role: who looks at it.
    :param action: how the address of the form ends. :param changes: what is filled in otherwise.
    :param meanwhile: what somebody else does between opening the form and sending it.
    """

    path: str
    role: Role = Role.ADMIN
    action: str | None = None
    changes: Mapping[str, str] = {}
    meanwhile: Meanwhile | None = None

    def __str__(self) -> str:
        return f"{self.path} ({self.role})" + (f" after sending {dict(self.changes)}" if self.action else "")


async def opened_by_routes(installation: Installation) -> list[Screen]:
    """What an administrator can open, and whoever is not signed in; of answers for scripts none."""
    records = {t.singular: await _record(installation, t) for t in installation.registry}
    token = await _invite(installation)
    paths = {
        route.format_map({"identity": identity, "pk": pk, "token": token})
        for route in _routes(installation)
        for identity, pk in records.items()
        if pk is not None or "{pk}" not in route
    }
    seen = [await _seen(installation, path) for path in sorted(paths)]
    return [screen for screen in seen if screen is not None]


async def main_screens(installation: Installation) -> dict[str, Screen]:
    """The twelve of a newsroom that one lives in, by a name that each may be called."""
    records = {t.singular: await _record(installation, t) for t in installation.registry}
    paths = {
        "dashboard": "/",
        "articles": "/article/list",
        "article": f"/article/edit/{records['article']}",
        "preview": f"/preview/article/{records['article']}",
        "history": f"/history/article/{records['article']}?from=1&to=4",
        "media-library": "/media-library",
        "moderation": "/moderation",
        "pages": "/page/tree",
        "menu": f"/menu/edit/{records['menu']}",
        "changes": "/changes?type=articles",
        "trash": "/trash",
    }
    screens = {name: Screen(path, Role.EDITOR) for name, path in paths.items()}
    return {**screens, "sign-in": Screen("/login", Role.ANONYMOUS)}


async def in_other_states(installation: Installation) -> list[Screen]:
    """Screens of a newsroom as they look with something particular on them."""
    articles = {row["slug"]: row["id"] for row in await installation.rows("articles")}
    live, draft = articles[LIVE], articles["the-harbour-masters-notebook"]
    (view,) = await installation.rows("saved_views")
    return [
        Screen("/", Role.AUTHOR),
        Screen("/", Role.EDITOR),
        Screen("/?month=2026-04"),
        Screen("/nothing"),
        Screen("/changes", Role.AUTHOR),
        Screen("/search?q=lighthouse"),
        Screen("/changes?type=tags&actor=nobody"),
        Screen("/media-library?q=nothing-like-this"),
        Screen("/moderation?status=approved"),
        Screen("/trash?q=nothing-like-this"),
        Screen(f"/history/article/{live}?view=inline"),
        Screen("/article/list?q=nothing-like-this"),
        Screen("/article/list?category__slug=harbours&sort=title"),
        Screen(f"/article/list?view={view['id']}&status=published", Role.EDITOR),
        Screen("/article/list?status=trashed"),
        *(
            Screen(f"/article/edit/{articles[slug]}")
            for slug in ("the-last-lamp-changer", "ice-on-the-breakwater", "twelve-knots-and-a-bend")
        ),
        *[screen async for screen in _answers(installation, live, draft)],
    ]


async def fetch(installation: Installation, screen: Screen) -> Page:
    """What the server answers."""
    visitor = visitor_of(installation, screen.role)
    page = await visitor.get(screen.path)
    if screen.action is None:
        return page
    if screen.meanwhile is not None:
        await screen.meanwhile(installation)
    return await visitor.send(page.form(screen.action), **screen.changes)


def visitor_of(installation: Installation, role: Role) -> Visitor:
    """A browser in which the one of that role is signed in."""
    person = installation.people.get(role)
    return Visitor(installation.client, person.cookie if person else None)


def _routes(installation: Installation) -> Iterator[str]:
    (mount,) = [route for route in installation.app.routes if isinstance(route, Mount) and route.path == BASE]
    yield from dict.fromkeys(r.path for r in mount.routes if isinstance(r, Route) and "GET" in (r.methods or ()))


async def _seen(installation: Installation, path: str) -> Screen | None:
    is_open = any(pattern.match(BASE + path) for pattern in OPEN_TO_ALL)
    screen = Screen(path, Role.ANONYMOUS if is_open else Role.ADMIN)
    page = await fetch(installation, screen)
    is_page = page.status == 200 and "html" in page.response.headers["content-type"]
    return screen if is_page else None


async def _record(installation: Installation, content_type: Any) -> str | None:
    """One of a type to look at: the live article, the main menu, and any of others."""
    rows = await installation.rows(content_type.model.__tablename__)
    chosen = [row for row in rows if row.get("slug") in {LIVE, "main"}] or rows
    return str(chosen[0]["id"]) if chosen else None


async def _invite(installation: Installation) -> str:
    invited = {"email": "guest@example.org", "role": "author"}
    page = await visitor_of(installation, Role.ADMIN).post("/invitations", **invited)
    return page.html.partition("/admin/invitation/")[2].partition('"')[0]


async def _answers(installation: Installation, live: Any, draft: Any) -> AsyncIterator[Screen]:
    token = await _invite(installation)
    yield Screen("/login", Role.ANONYMOUS, "/login", {"email": "admin@example.org", "password": "wrong"})
    yield Screen(f"/invitation/{token}", Role.ANONYMOUS, token, {"name": "", "password": "short", "repeated": "other"})
    yield Screen("/invitations", action="/invitations", changes={"email": "another@example.org"})
    yield Screen("/invitations", action="/invitations", changes={"email": "nobody"})
    yield Screen("/profile", action="/password", changes={"current_password": "wrong", "password": "short"})
    yield Screen("/media/create", action="/create", changes={"alt": "x" * 2_000})
    yield Screen("/menu/create", action="/create", changes={"title": "", "items": "- no: [such"})
    yield Screen(
        "/article/create", action="/create", changes={"title": "", "slug": "Not a slug", "seo.title": "x" * 99}
    )
    yield Screen(f"/preview/article/{live}", action=str(live))
    yield Screen("/trash", action="/empty")
    yield Screen("/trash", action="/trash/delete")
    yield Screen("/user/list", action="/bulk", changes={"action": "delete", "records": await _account(installation)})
    mine = {"title": "Mine", "content": "The wind had gone round.\n\nNobody spoke."}
    yield Screen(f"/article/edit/{draft}", action=str(draft), changes=mine, meanwhile=_rewrite(draft))
    change = await _outdated(installation, live)
    yield Screen(f"/changes?change={change}", action=change)
    yield Screen(f"/history/article/{await _unfit(installation)}?to=1", action="/restore")


async def _account(installation: Installation) -> str:
    """Somebody whose account can be deleted, as a list names them."""
    (row,) = [row for row in await installation.rows("users") if row["role"] == Role.READER]
    return f"{row['id']}:{row['version']}"


def _rewrite(record: Any) -> Meanwhile:
    async def meanwhile(installation: Installation) -> None:
        change = {"title": "Theirs", "excerpt": "Theirs too.", "content": "The wind had turned.\n\nNobody laughed."}
        await send(installation, "PATCH", f"/articles/{record}", Role.EDITOR, json=change, headers={"If-Match": "*"})

    return meanwhile


async def _outdated(installation: Installation, record: Any) -> str:
    """A change that a later one stands on."""
    found = await send(installation, "GET", f"/changes?record={record}", Role.ADMIN)
    return str(found["items"][-2]["id"])


async def _unfit(installation: Installation) -> str:
    """A record whose first revision names what is gone."""
    gone = await installation.make(category, name="Gone")
    made = await send(installation, "POST", "/articles", Role.ADMIN, json={"title": "Tides", "category": "gone"})
    path, any_version = f"/articles/{made['id']}", {"If-Match": "*"}
    await send(installation, "PATCH", path, Role.ADMIN, json={"title": "Ebb", "category": None}, headers=any_version)
    await send(installation, "DELETE", f"/categories/{gone.id}", Role.ADMIN, headers=any_version)
    return str(made["id"])
