"""The shell of every page: layout, menu, notices, token; and the steps from one page to the next."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from sqladmin.models import BaseView
from sqladmin.templating import Jinja2Templates
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from admin.assets import fingerprints
from admin.clock import chosen_zone, shown, zone_name
from admin.menu import creatable, menu_of, read_waiting
from admin.notices import SECONDS, Notice, read_notice
from admin.screens import Page
from admin.security import Cookies, new_seed, wants_json
from cms.config import Settings
from cms.crud.policy import ANONYMOUS, Actor
from cms.crud.problems import PROBLEM_JSON, Problem
from cms.media.storage import StorageError
from cms.outages import DatabaseUnavailable

TEMPLATES: Final = Path(__file__).parent / "templates"
THEME: Final = "masthead-theme"
"""The cookie in which a page's script keeps the theme; the server draws the next page in it at once."""
VISITOR_SECONDS: Final = 12 * 3600
_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address. It may be mistyped, or what was here is gone.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address takes what a button sends; it is no page to open.",
}
_BLAND: Final = "Something went wrong on our side. Nothing was changed."


class Shell:
    """Draws pages.

    :param templates: SQLAdmin's templates, ours among them.
    :param views: the screens of content types. :param pages: the others.
    """

    def __init__(
        self,
        templates: Jinja2Templates,
        views: Sequence[BaseView],
        pages: Sequence[Page],
        cookies: Cookies,
        settings: Settings,
    ) -> None:
        self.cookies = cookies
        self._templates = templates
        self._views = views
        self._pages = pages
        self._settings = settings
        templates.env.globals.update(asset=_address, chosen_zone=chosen_zone, zone_name=zone_name)
        templates.env.filters["shown"] = shown

    async def render(
        self, request: Request, template: str, context: Mapping[str, Any] | None = None, status: int = 200
    ) -> Response:
        """A page."""
        seed = self.cookies.seed(request.cookies)
        notice = read_notice(request.cookies.get(self.cookies.notice, ""))
        shared = {
            "actor": getattr(request.state, "actor", ANONYMOUS),
            "csrf_token": self.cookies.token(seed or (visitor := new_seed())),
            "notice": notice,
            "site_name": self._settings.site_name,
            "public_url": self._settings.public_url,
            "theme": theme if (theme := request.cookies.get(THEME)) in {"light", "dark"} else None,
            **await self._menu(request),
        }
        response = await self._templates.TemplateResponse(request, template, {**shared, **(context or {})}, status)
        if seed is None:
            self.cookies.set(response, self.cookies.visitor, visitor, VISITOR_SECONDS)
        if notice is not None:
            self.cookies.drop(response, self.cookies.notice)
        return response

    def go(self, path: str, notice: Notice | None = None) -> Response:
        """Lead on to another page after a change, with something to say there."""
        response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        if notice is not None:
            self.cookies.set(response, self.cookies.notice, notice.write(), SECONDS)
        return response

    async def error(
        self,
        request: Request,
        status: int,
        sentence: str,
        headers: Mapping[str, str] | None = None,
        *,
        back: str | None = None,
    ) -> Response:
        """A page that says what went wrong.

        :param back: the page of a form that went wrong.
        """
        context = {
            "status": status,
            "title": HTTPStatus(status).phrase,
            "sentence": sentence,
            "back": back,
            "request_id": getattr(request.state, "request_id", ""),
        }
        response = await self.render(request, "error.html", context, status)
        response.headers.update(headers or {})
        return response

    async def on_error(self, request: Request, error: Exception) -> Response:
        """The page of an error, or a problem document where a script asked; one that nobody foresaw tells nothing."""
        status, sentence, headers = _told(error)
        if not wants_json(request):
            return await self.error(request, status, sentence, headers)
        problem = error if isinstance(error, Problem) else Problem(sentence)
        body = {**problem.body(getattr(request.state, "request_id", None)), "status": status}
        body["title"] = HTTPStatus(status).phrase
        return JSONResponse(body, status, dict(headers or {}), PROBLEM_JSON)

    async def _menu(self, request: Request) -> dict[str, Any]:
        """What the frame shows to who is signed in; counts are left out while the database is away."""
        actor: Actor | None = getattr(request.state, "actor", None)
        if actor is None:
            return {}
        state, waiting = request.app.state, dict[str, int]()
        with suppress(DatabaseUnavailable):
            waiting = await state.database.read(read_waiting, state.registry, actor)
        forms = [view.identity for view in self._views if getattr(view, "can_create", False)]
        has_profile = any(page.path == "/profile" for page in self._pages)
        return {
            "menu": menu_of(state.registry, self._pages, actor, waiting),
            "creatable": creatable(state.registry, actor, forms),
            "profile_url": "/admin/profile" if has_profile else None,
        }


def shell_of(request: Request) -> Shell:
    """The shell of the application that serves the request."""
    shell: Shell = request.app.state.shell
    return shell


def _told(error: Exception) -> tuple[int, str, Mapping[str, str] | None]:
    """The status, the sentence and the headers of an error."""
    if isinstance(error, DatabaseUnavailable | StorageError):
        return 503, str(error), {"Retry-After": "2"}
    if isinstance(error, Problem):
        return int(error.status), error.detail, error.headers
    if isinstance(error, HTTPException):
        sentence = _SENTENCES.get(HTTPStatus(error.status_code), str(error.detail))
        return error.status_code, sentence, error.headers
    return 500, _BLAND, None


def _address(name: str) -> str:
    """The address of a static file; it changes with the file, so browsers may keep it for good."""
    return f"/admin/static/{name}?v={fingerprints()[name]}"
