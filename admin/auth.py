"""Who is in the back office: the users of the API, signed in with a session of this server behind a cookie."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqladmin.authentication import AuthenticationBackend
from sqladmin.authorization import AuthorizationBackend
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from admin.clock import use_zone
from admin.notices import SECONDS, Notice
from admin.security import Cookies, form_of, wants_json
from cms.auth.actors import actor_of_cookie
from cms.auth.sessions import BROWSER_LIFETIME, SessionKind, close_session, open_session, renew_session
from cms.auth.signing_in import sign_in
from cms.crud.content_type import ContentType
from cms.crud.policy import ANONYMOUS, Action, Actor, Door, Role
from cms.crud.problems import PROBLEM_JSON, Forbidden, Unauthorized
from cms.crud.registry import Registry
from cms.crud.service import UnitOfWork

HOME = "/admin/"
LOGIN = "/admin/login"
NO_ENTRY = "Your account reads and comments; the back office is for authors, editors and administrators."
ENDED = "Your session has ended. Sign in again; what you typed is still in this page."
_OWN_PATH = re.compile(r"/admin/[A-Za-z0-9_/-]*\Z", re.ASCII)


class Sessions(AuthenticationBackend):
    """SQLAdmin's door, with rows of `sessions` instead of its signed cookie: deleting the row shuts the door.

    :param cookies: the cookies' names and flags.
    """

    def __init__(self, cookies: Cookies) -> None:
        self.middlewares = []  # SQLAdmin's own would keep the session in the browser
        self.cookies = cookies

    async def login(self, request: Request) -> Response:
        """Sign in with the form's e-mail address and password, in a session that is new.

        :raises Problem: with a sentence, if that can't be.
        """
        form = form_of(request)
        agent = request.headers.get("user-agent", "")
        before = await self.find_actor(request)  # it may write, and would wait for what `sign_in` has begun to write
        async with open_work(request, ANONYMOUS) as work:
            user = await sign_in(request, work, str(form.get("email", "")), str(form.get("password", "")))
            if not user.role.at_least(Role.AUTHOR):
                raise Forbidden(NO_ENTRY)
            await _close(work, before)
            opened = await open_session(work.session, user.id, SessionKind.BROWSER, agent)
        response = RedirectResponse(own_path(str(form.get("next", ""))), 303)
        self.cookies.set(response, self.cookies.session, opened.secret, int(BROWSER_LIFETIME.total_seconds()))
        self.cookies.drop(response, self.cookies.visitor)
        return response

    async def logout(self, request: Request) -> Response:
        """Sign out: the session is gone, whoever holds a copy of its cookie."""
        before = await self.find_actor(request)
        async with open_work(request, ANONYMOUS) as work:
            await _close(work, before)
        response = RedirectResponse(LOGIN, 303)
        self.cookies.drop(response, self.cookies.session)
        self.cookies.set(response, self.cookies.notice, Notice("signed_out").write(), SECONDS)
        return response

    async def authenticate(self, request: Request) -> Response | bool:
        """Let those in who are signed in and may work here; everybody else is sent to sign in."""
        actor = await self.find_actor(request)
        if actor is not None and actor.role.at_least(Role.AUTHOR):
            return True
        if wants_json(request):
            problem = Unauthorized(ENDED)
            return JSONResponse(problem.body(None), problem.status, media_type=PROBLEM_JSON)
        path = request.scope["path"]
        follows = f"?next={path}" if _is_page(request.method, path) else ""
        response = RedirectResponse(LOGIN + follows, 303)
        if self.cookies.session in request.cookies:
            self.cookies.drop(response, self.cookies.session)
            self.cookies.set(response, self.cookies.notice, Notice("ended").write(), SECONDS)
        return response

    async def get_user_id(self, request: Request) -> Any:
        """The id of who is signed in."""
        return actor_of(request).id

    async def find_actor(self, request: Request) -> Actor | None:
        """Who is signed in, if anybody; asked of the database once a request, which then runs on their clock."""
        known: Actor | None = getattr(request.state, "actor", None)
        if known is not None:
            return known
        secret = request.cookies.get(self.cookies.session)
        visit = await request.app.state.database.read(actor_of_cookie, secret) if secret else None
        use_zone(visit.time_zone if visit else None)
        if visit is None:
            return None
        request.state.actor = visit.actor
        request.state.actor_id = str(visit.actor.id)  # for the access log
        if visit.is_due:
            async with open_work(request, visit.actor) as work:
                await renew_session(work.session, visit.actor.session_id)
        actor: Actor = visit.actor
        return actor


class Rights(AuthorizationBackend):
    """SQLAdmin's permissions, answered by the policy of each content type."""

    def __init__(self, registry: Registry) -> None:
        self._types = {content_type.singular: content_type for content_type in registry}

    def has_permission(self, request: Request, identity: str, action: str, obj: Any | None = None) -> bool:
        """Whether the actor may do that. A screen stands open to those who may change records of its type."""
        content_type = self._types.get(identity)
        actor = getattr(request.state, "actor", ANONYMOUS)
        return content_type is not None and is_open(content_type, actor)


def is_open(content_type: ContentType[Any], actor: Actor) -> bool:
    """Whether the actor works on records of that type at all."""
    return content_type.policy.can(actor, Action.READ) and content_type.policy.can(actor, Action.UPDATE)


def actor_of(request: Request) -> Actor:
    """Who is signed in; the door has let nobody else pass."""
    actor: Actor = request.state.actor
    return actor


@asynccontextmanager
async def open_work(request: Request, actor: Actor) -> AsyncIterator[UnitOfWork]:
    """One transaction on the actor's behalf, as REST has it: committed when the block ends, else rolled back."""
    state = request.app.state
    async with state.database.session() as session:
        request_id = request.scope.get("state", {}).get("request_id")
        yield UnitOfWork(session, actor, state.reader, door=Door.ADMIN, request_id=request_id)


async def _close(work: UnitOfWork, actor: Actor | None) -> None:
    if actor is not None and actor.session_id is not None:
        await close_session(work.session, actor.session_id)


def _is_page(method: str, path: str) -> bool:
    """Whether one can go on there after signing in: to any page but the first, and to the form that one has sent."""
    is_form = path.endswith("/create") or "/edit/" in path
    return path != HOME and _OWN_PATH.match(path) is not None and (method == "GET" or is_form)


def own_path(path: str) -> str:
    """A path to go on to: of the back office, whatever was asked for."""
    return path if _OWN_PATH.match(path) and "//" not in path else HOME
