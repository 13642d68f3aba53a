"""The back office as a whole: SQLAdmin's application with our routes, our door, and a screen per content type."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from fastapi import FastAPI
from sqladmin import Admin
from sqladmin.authentication import login_required
from sqlalchemy.ext.asyncio import async_sessionmaker
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, compile_path

from admin.assets import STATIC, Assets
from admin.auth import HOME, Rights, Sessions, actor_of, own_path
from admin.overrides import KINDS
from admin.pages import PAGES
from admin.screens import Page
from admin.security import Cookies, Guard, form_of, wants_json
from admin.shell import TEMPLATES, Shell
from admin.views import ContentView, build_view
from cms.crud.problems import Problem
from cms.crud.registry import Registry
from cms.media.storage import StorageError
from cms.middleware import surround
from cms.outages import DatabaseUnavailable

BASE = "/admin"
SCREENS = (
    ("/{identity}/list", "show_list", "GET"),
    ("/{identity}/create", "show_create", "GET"),
    ("/{identity}/create", "create", "POST"),
    ("/{identity}/edit/{pk}", "show_edit", "GET"),
    ("/{identity}/edit/{pk}", "edit", "POST"),
    ("/{identity}/details/{pk}", "show_details", "GET"),
    ("/{identity}/lookup", "lookup", "GET"),
    ("/{identity}/quick-create", "quick_create", "POST"),
    ("/{identity}/slug", "propose_slug", "GET"),
    ("/{identity}/autosave", "autosave", "POST"),
    ("/{identity}/autosave/{pk}", "autosave", "POST"),
    ("/{identity}/publish/{pk}", "publish", "POST"),
    ("/{identity}/unpublish/{pk}", "unpublish", "POST"),
    ("/{identity}/restore/{pk}", "restore", "POST"),
    ("/{identity}/bulk", "bulk", "POST"),
    ("/{identity}/step/{pk}", "step", "POST"),
    ("/{identity}/tree", "show_tree", "GET"),
    ("/{identity}/move/{pk}", "move", "POST"),
    ("/{identity}/peek/{pk}", "peek", "GET"),
    ("/{identity}/matching", "matching", "GET"),
    ("/{identity}/export", "export", "GET"),
    ("/{identity}/views", "keep", "POST"),
    ("/{identity}/columns", "choose_columns", "POST"),
)
"""Every screen of a content type: its path, the view's method, the HTTP method. There are no others."""
OPEN_TO_ALL = [
    compile_path(BASE + path)[0] for path in ("/login", "/logout", *(page.path for page in PAGES if page.least is None))
]
"""Where those may send something who are not signed in."""


def mount_admin(app: FastAPI, registry: Registry) -> None:
    """Put the back office under `/admin`.

    :param app: its `state` already holds settings, database, reader, throttle and storage.
    :param registry: the content types, in menu order.
    """
    site = Site(app, registry)
    for content_type in registry:
        site.add_view(build_view(content_type, registry, KINDS.get(content_type.model, ContentView)))


class Site(Admin):
    """SQLAdmin, with its stock screens closed: each of ours is reached through one table and one door.

    :param app: the application to stand in.
    """

    def __init__(self, app: FastAPI, registry: Registry) -> None:
        self.registry = registry
        self.cookies = Cookies(app.state.settings)
        self.sessions = Sessions(self.cookies)
        super().__init__(
            app,
            session_maker=async_sessionmaker(app.state.database.read_engine),  # its own, since SQLAdmin changes it
            base_url=BASE,
            title=app.state.settings.site_name,
            templates_dir=str(TEMPLATES),
            authentication_backend=self.sessions,
            authorization_backend=Rights(registry),
        )
        self.shell = Shell(self.templates, self.views, PAGES, self.cookies, app.state.settings)
        app.state.shell = self.shell
        self.admin.state = app.state
        self.admin.router.redirect_slashes = False
        self.admin.router.routes = self._routes()
        for kind in (HTTPException, Problem, DatabaseUnavailable, StorageError, Exception):
            self.admin.add_exception_handler(kind, self.shell.on_error)
        surround(self.admin, [Middleware(Guard, cookies=self.cookies, admit=self._admit, refuse=self._refuse)])
        app.router.routes.append(Route(BASE, _go_home, name="admin-home"))

    async def login(self, request: Request) -> Response:
        """The form to sign in; signing in."""
        if request.method == "POST":
            return await self._sign_in(request)
        if await self.sessions.find_actor(request) is not None and await self.sessions.authenticate(request) is True:
            return RedirectResponse(HOME, 303)
        next_ = own_path(request.query_params.get("next", ""))
        return await self.shell.render(request, "login.html", {"next": next_, "email": "", "error": None})

    async def logout(self, request: Request) -> Response:
        """Sign out."""
        return await self.sessions.logout(request)

    @login_required
    async def screen(self, request: Request, method: str) -> Response:
        """A screen of a content type, if the actor works on that type at all."""
        view = self._find_model_view(request.path_params["identity"])
        if not view.is_accessible(request):
            raise HTTPException(403, f"Your role, {actor_of(request).role.value}, does not work on this.")
        endpoint: Callable[[Request], Awaitable[Response]] = getattr(view, method)
        return await endpoint(request)

    async def page(self, request: Request, page: Page) -> Response:
        """A screen at an address of its own, if the actor's role opens it."""
        if page.least is None:
            await self.sessions.find_actor(request)
            return await page.endpoint(request)
        if (answer := await self.sessions.authenticate(request)) is not True:
            return cast(Response, answer)  # what else it answers with
        if not actor_of(request).role.at_least(page.least):
            raise HTTPException(403, f"Your role, {actor_of(request).role.value}, does not work on this.")
        return await page.endpoint(request)

    async def _sign_in(self, request: Request) -> Response:
        try:
            return await self.sessions.login(request)
        except (Problem, DatabaseUnavailable) as error:
            form = form_of(request)
            status = int(error.status) if isinstance(error, Problem) else 503
            context = {"next": own_path(str(form.get("next", ""))), "email": str(form.get("email", "")), "error": error}
            page = await self.shell.render(request, "login.html", context, status)
            again = error.headers.get("Retry-After") if isinstance(error, Problem) else "2"
            page.headers.update({"Retry-After": again} if again else {})
            return page

    async def _admit(self, request: Request) -> Response | None:
        if any(path.match(request.scope["path"]) for path in OPEN_TO_ALL):
            return None
        try:
            answer = await self.sessions.authenticate(request)
        except DatabaseUnavailable as error:
            return await self.shell.on_error(request, error)
        return answer if isinstance(answer, Response) else None

    async def _refuse(self, request: Request, sentence: str) -> Response:
        if wants_json(request):
            return await self.shell.on_error(request, HTTPException(403, sentence))
        return await self.shell.error(request, 403, sentence)

    def _routes(self) -> list[BaseRoute]:
        screens = [
            Route(path, partial(self.screen, method=method), methods=[http], name=method)
            for path, method, http in SCREENS
        ]
        pages = [Route(p.path, partial(self.page, page=p), methods=list(p.methods), name=p.section) for p in PAGES]
        return [
            Mount("/static", Assets(directory=STATIC), name="static"),
            Route("/login", self.login, methods=["GET", "POST"], name="login"),
            Route("/logout", self.logout, methods=["POST"], name="logout"),
            *pages,
            *screens,
        ]


async def _go_home(_: Request) -> Response:
    return RedirectResponse(HOME, 307)
