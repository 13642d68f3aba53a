"""Invitations: administrators offer accounts by links; whoever was sent one makes theirs, and is signed in."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from admin.auth import HOME, actor_of, open_work
from admin.notices import SECONDS, Notice
from admin.screens import MenuEntry, Page
from admin.security import form_of
from admin.shell import shell_of
from admin.telling import ago
from cms.auth.invitations import (
    LIFETIMES,
    ROLES,
    USUAL_LIFETIME,
    MadeInvitation,
    accept,
    find_invitation,
    invite,
    open_invitations,
    revoke_invitation,
)
from cms.auth.sessions import BROWSER_LIFETIME, close_session
from cms.auth.signing_in import client_address
from cms.auth.strength import SHORTEST
from cms.auth.throttle import Limit
from cms.crud.fields import utc_now
from cms.crud.policy import ANONYMOUS, Actor, Role
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound, Problem
from cms.crud.values import is_uuid

HERE: Final = "/admin/invitations"
INVITATION_PATH: Final = "/admin/invitation/"
"""What stands before the token of an invitation; the rest of such an address is kept out of logs."""
MAKING: Final = Limit(60, 3600)
"""Invitations that one person makes."""
VISITS: Final = Limit(60, 60)
"""Invitations that one address opens or answers: more than people do, far less than guessing would need."""


async def show_invitations(request: Request) -> Response:
    """The invitations that wait for an answer, and the form for another one."""
    return await _screen(request)


async def make(request: Request) -> Response:
    """Make an invitation; its address is shown once, for only a hash of it is kept."""
    form, actor = form_of(request), actor_of(request)
    email, days = str(form.get("email", ""))[:1000], str(form.get("days", USUAL_LIFETIME))
    role = next((role for role in ROLES if role == form.get("role")), Role.ANONYMOUS)
    typed = {"email": email, "role": str(role), "days": days}
    try:
        if days not in {str(lifetime) for lifetime in LIFETIMES}:
            sentence = "Choose how long it may be accepted."
            raise Invalid(sentence, errors=[FieldError(sentence, "/days")])
        await request.app.state.throttle.check(f"invite:{actor.id}", MAKING)
        async with open_work(request, actor) as work:
            made = await invite(work, email, role, timedelta(days=int(days)))
    except Problem as problem:
        return await _screen(request, typed=typed, problem=problem)
    return await _screen(request, made)


async def revoke(request: Request) -> Response:
    """Withdraw an invitation.

    :raises NotFound: if nobody can accept it anyway.
    """
    invitation_id = str(form_of(request).get("invitation", ""))
    if not is_uuid(invitation_id):
        raise NotFound("There is no such invitation.")
    async with open_work(request, actor_of(request)) as work:
        await revoke_invitation(work, UUID(invitation_id))
    return shell_of(request).go(HERE, Notice("withdrawn"))


async def show_invitation(request: Request) -> Response:
    """What somebody was invited to, with the form that accepts it.

    :raises NotFound: if it can't be accepted.
    """
    return await _invitation(request)


async def answer(request: Request) -> Response:
    """Make the account, in a session that is new.

    :raises NotFound: if the invitation can't be accepted.
    """
    form, state = form_of(request), request.app.state
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    found = await _found(request)
    before: Actor | None = getattr(request.state, "actor", None)
    agent = request.headers.get("user-agent", "")
    try:
        if password != str(form.get("repeated", "")):
            sentence = "The two passwords differ; type the same one twice."
            raise Invalid(sentence, errors=[FieldError(sentence, "/repeated")])
        async with open_work(request, ANONYMOUS) as work:
            opened = await accept(work, found, name, password, agent)
            if before is not None and before.session_id is not None:
                await close_session(work.session, before.session_id)
    except (Invalid, Conflict) as problem:
        # Who came second finds the address taken, and is told that the invitation was accepted.
        await state.database.read(find_invitation, request.path_params["token"])
        return await _invitation(request, name, problem)
    cookies = shell_of(request).cookies
    response = RedirectResponse(HOME, 303)
    cookies.set(response, cookies.session, opened.secret, int(BROWSER_LIFETIME.total_seconds()))
    cookies.set(response, cookies.notice, Notice("welcome").write(), SECONDS)
    cookies.drop(response, cookies.visitor)
    return response


async def _found(request: Request) -> Any:
    await request.app.state.throttle.check(f"invitation:{client_address(request)}", VISITS)
    return await request.app.state.database.read(find_invitation, request.path_params["token"])


async def _invitation(request: Request, name: str = "", problem: Problem | None = None) -> Response:
    context = {
        "invitation": await _found(request),
        "token": request.path_params["token"],
        "name": name,
        "shortest": SHORTEST,
        "messages": messages_of(problem),
        "problem": problem,
        "signed_in": getattr(request.state, "actor", None),
    }
    return await shell_of(request).render(request, "invitation.html", context, problem.status if problem else 200)


async def _screen(
    request: Request,
    made: MadeInvitation | None = None,
    typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    state = request.app.state
    site = str(state.settings.public_url or request.base_url.replace(path="")).rstrip("/")
    context = {
        "invitations": await state.database.read(open_invitations),
        "made": made,
        "address": f"{site}{INVITATION_PATH}{made.token}" if made else "",
        "typed": typed or {"email": "", "role": str(Role.AUTHOR), "days": str(USUAL_LIFETIME)},
        "roles": ROLES,
        "lifetimes": LIFETIMES,
        "messages": messages_of(problem),
        "problem": problem,
        "ago": ago,
        "now": utc_now(),
    }
    return await shell_of(request).render(request, "invitations.html", context, problem.status if problem else 200)


def messages_of(problem: Problem | None) -> dict[str, str]:
    """What is wrong with each field, by its name."""
    return {(error.pointer or "").strip("/"): error.detail for error in problem.errors} if problem else {}


PAGES = (
    Page("/invitations", show_invitations, least=Role.ADMIN, menu=MenuEntry("Invitations", "System", "user-plus", 51)),
    Page("/invitations", make, methods=("POST",), least=Role.ADMIN),
    Page("/invitations/revoke", revoke, methods=("POST",), least=Role.ADMIN),
    Page("/invitation/{token}", show_invitation, least=None),
    Page("/invitation/{token}", answer, methods=("POST",), least=None),
)
