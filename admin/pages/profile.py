"""The profile: one's own name, e-mail address, time zone and password, and the devices on which one is signed in."""

from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of, open_work
from admin.devices import device_of
from admin.notices import Notice
from admin.pages.invitations import messages_of
from admin.screens import Page
from admin.security import form_of
from admin.shell import shell_of
from admin.telling import ago
from cms.auth.own_account import change_own_account
from cms.auth.schemas import AccountUpdate
from cms.auth.sessions import Device, close_session_of, close_sessions_of, open_sessions
from cms.auth.strength import SHORTEST
from cms.auth.users import User
from cms.crud.fields import utc_now
from cms.crud.problems import FieldError, Invalid, NotFound, PreconditionFailed, Problem, invalid_from
from cms.crud.values import is_uuid

HERE: Final = "/admin/profile"
_CHANGED: Final = "Your account was changed in another window meanwhile. Check what stands here, and save again."


async def show_profile(request: Request) -> Response:
    """One's own account."""
    return await _screen(request)


async def save(request: Request) -> Response:
    """Change the name, the time zone and the e-mail address; another address asks for the present password."""
    form = form_of(request)
    typed = {name: str(form.get(name, "")).strip() for name in ("name", "email", "time_zone")}
    current = str(form.get("current_password", "")) or None
    sent = {**typed, "time_zone": typed["time_zone"] or None, "current_password": current}
    return await _change(request, sent, "saved", typed)


async def change_password(request: Request) -> Response:
    """Change the password, which asks for the present one and signs all other devices out."""
    form = form_of(request)
    sent = {name: str(form.get(name, "")) for name in ("password", "current_password")}
    if sent["password"] != str(form.get("repeated", "")):
        sentence = "The two passwords differ; type the same one twice."
        return await _screen(request, problem=Invalid(sentence, errors=[FieldError(sentence, "/repeated")]))
    return await _change(request, sent, "new_password")


async def end_session(request: Request) -> Response:
    """Sign one of one's own devices out.

    :raises NotFound: for what can be none.
    """
    actor, session_id = actor_of(request), str(form_of(request).get("session", ""))
    if not is_uuid(session_id):
        raise NotFound("You have no such session; it may have ended already.")
    async with open_work(request, actor) as work:
        assert actor.id is not None  # noqa: S101 - who is signed in has one
        await close_session_of(work.session, actor.id, UUID(session_id))
    return shell_of(request).go(HERE, Notice("device_ended"))


async def end_others(request: Request) -> Response:
    """Sign all of one's own devices out but this one."""
    actor = actor_of(request)
    async with open_work(request, actor) as work:
        assert actor.id is not None  # noqa: S101 - who is signed in has one
        await close_sessions_of(work.session, actor.id, except_=actor.session_id)
    return shell_of(request).go(HERE, Notice("all_ended"))


def read_profile(connection: Connection, user_id: UUID) -> tuple[Any, list[Device]]:
    """One's own account and devices, of one snapshot."""
    columns = User.name, User.email, User.time_zone, User.role, User.version, User.created_at
    return connection.execute(select(*columns).where(User.id == user_id)).one(), open_sessions(connection, user_id)


async def _change(request: Request, sent: dict[str, Any], done: str, typed: dict[str, str] | None = None) -> Response:
    version = str(form_of(request).get("version", ""))
    expected = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else -1
    try:
        data = AccountUpdate.model_validate(sent)
        async with open_work(request, actor_of(request)) as work:
            await change_own_account(request, work, data, expected)
    except ValidationError as error:
        return await _screen(request, typed, invalid_from(error, AccountUpdate))
    except PreconditionFailed as problem:
        return await _screen(request, typed, type(problem)(_CHANGED))
    except Problem as problem:
        return await _screen(request, typed, problem)
    return shell_of(request).go(HERE, Notice(done))


async def _screen(request: Request, typed: dict[str, str] | None = None, problem: Problem | None = None) -> Response:
    account, devices = await request.app.state.database.read(read_profile, actor_of(request).id)
    context = {
        "account": account,
        "typed": typed or {"name": account.name, "email": account.email, "time_zone": account.time_zone or ""},
        "devices": devices,
        "device_of": device_of,
        "shortest": SHORTEST,
        "messages": messages_of(problem),
        "problem": problem,
        "ago": ago,
        "now": utc_now(),
    }
    return await shell_of(request).render(request, "profile.html", context, problem.status if problem else 200)


PAGES = (
    Page("/profile", show_profile),
    Page("/profile", save, methods=("POST",)),
    Page("/profile/password", change_password, methods=("POST",)),
    Page("/profile/end", end_session, methods=("POST",)),
    Page("/profile/end-others", end_others, methods=("POST",)),
)
