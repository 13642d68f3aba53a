"""Who else has a record open, for its form."""

import re
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, is_open, open_work
from admin.reading import titles_of
from admin.screens import Page
from admin.security import form_of
from cms.auth.presence import Neighbour, arrive, leave
from cms.crud.problems import Forbidden, Invalid, NotFound

_TAB: Final = re.compile(r"[0-9a-f-]{36}\Z", re.ASCII)
_NOTHING: Final = "There is no such record."


async def note_presence(request: Request) -> Response:
    """Take note of a page that is open, or is being left, and tell who else has its record open.

    :raises NotFound: for a record that the actor does not see. :raises Forbidden: for a type that is not theirs.
    """
    state, actor, form = request.app.state, actor_of(request), form_of(request)
    identity, pk, tab = request.path_params["identity"], request.path_params["pk"], str(form.get("tab", ""))
    content_type = next((t for t in state.registry if t.singular == identity), None)
    if content_type is None:
        raise NotFound(_NOTHING)
    if not is_open(content_type, actor):
        raise Forbidden("You don't work on this.")
    if not await state.database.read(titles_of, state.reader, content_type, [pk], actor):
        raise NotFound(_NOTHING)
    if not _TAB.match(tab):
        raise Invalid("A page names itself by a UUID.")
    assert actor.id is not None  # noqa: S101 - who is signed in has one
    user_id = actor.id

    def note(session: Session) -> list[Neighbour]:
        if form.get("leaving"):
            leave(session.connection(), user_id, tab)
            return []
        return arrive(session.connection(), UUID(pk), user_id, tab)

    async with open_work(request, actor) as work:
        others = await work.session.run_sync(note)
    people = [{"name": other.name, "is_me": other.id == user_id} for other in others]
    return JSONResponse({"people": people})


PAGES = (Page("/presence/{identity}/{pk}", note_presence, ("POST",)),)
