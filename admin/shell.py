"""The shell of every page: layout, menu, notices, token; and the steps from one page to the next."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqladmin.models import BaseView, ModelView
from sqladmin.templating import Jinja2Templates
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from admin.notices import SECONDS, Notice, read_notice
from admin.security import Cookies, new_seed
from cms.config import Settings
from cms.crud.policy import ANONYMOUS
from cms.crud.problems import Problem
from cms.media.storage import StorageError
from cms.outages import DatabaseUnavailable

STATIC: Final = Path(__file__).parent / "static"
TEMPLATES: Final = Path(__file__).parent / "templates"
VISITOR_SECONDS: Final = 12 * 3600
_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address. It may be mistyped, or what was here is gone.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address takes what a button sends; it is no page to open.",
}
_BLAND: Final = "Something went wrong on our side. Nothing was changed."


class MenuEntry(NamedTuple):
    """A link of the menu."""

    identity: str
    label: str
    group: str


class Shell:
    """Draws pages.

    :param templates: SQLAdmin's templates, ours among them.
    :param views: the screens that the menu leads to.
    """

    def __init__(
        self, templates: Jinja2Templates, views: Sequence[BaseView], cookies: Cookies, settings: Settings
    ) -> None:
        self.cookies = cookies
        self._templates = templates
        self._views = views
        self._site_name = settings.site_name
        self._assets = {path.name: _fingerprint(path) for path in STATIC.iterdir()}

    async def render(
        self, request: Request, template: str, context: Mapping[str, Any] | None = None, status: int = 200
    ) -> Response:
        """A page."""
        seed = self.cookies.seed(request.cookies)
        notice = read_notice(request.cookies.get(self.cookies.notice, ""))
        shared = {
            "actor": getattr(request.state, "actor", ANONYMOUS),
            "asset": self._asset,
            "csrf_token": self.cookies.token(seed or (visitor := new_seed())),
            "menu": self._menu(request),
            "notice": notice,
            "site_name": self._site_name,
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
        """The page of an error; one that nobody foresaw tells nothing of itself."""
        if isinstance(error, DatabaseUnavailable | StorageError):
            return await self.error(request, 503, str(error), {"Retry-After": "2"})
        if isinstance(error, Problem):
            return await self.error(request, error.status, error.detail, error.headers)
        if isinstance(error, HTTPException):
            sentence = _SENTENCES.get(HTTPStatus(error.status_code), str(error.detail))
            return await self.error(request, error.status_code, sentence, error.headers)
        return await self.error(request, 500, _BLAND)

    def _menu(self, request: Request) -> list[MenuEntry]:
        if getattr(request.state, "actor", None) is None:
            return []
        open_views = [v for v in self._views if isinstance(v, ModelView) and v.is_accessible(request)]
        return [MenuEntry(v.identity, v.name_plural, v.category) for v in open_views]

    def _asset(self, name: str) -> str:
        """The address of a static file; it changes with the file, so browsers may keep it for good."""
        return f"/admin/static/{name}?v={self._assets[name]}"


def shell_of(request: Request) -> Shell:
    """The shell of the application that serves the request."""
    shell: Shell = request.app.state.shell
    return shell


def _fingerprint(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=6).hexdigest()
