"""Taking back a change: from the toast that told of it, and from the log."""

import re
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.notices import SECONDS, Notice
from admin.reading import open_record
from admin.screens import Page
from admin.security import wants_json
from admin.shell import shell_of
from cms.auth.users import user
from cms.crud.problems import Conflict, NotFound
from cms.crud.values import is_uuid
from cms.editorial.changes import Changes
from cms.editorial.undo import undo

LOG = "/admin/changes"
_OF_RECORD = re.compile(r"/admin/([a-z_]{1,60})/(?:edit|details)/([0-9a-f-]{36})\Z", re.ASCII)
_ELSEWHERE = re.compile(r"/admin/(?:login|logout|undo/.*|[^/]+/(?:bulk|create))\Z", re.ASCII)


def log_of(request: Request) -> Changes:
    """The log of changes of the application that serves the request."""
    reader = request.app.state.reader
    return Changes(reader.registry, user, reader.cursors)


async def undo_change(request: Request) -> Response:
    """Take a change back, all of it or nothing, and go back to where that was asked for.

    :raises NotFound: if there is no such change. :raises Problem: as `undo` does.
    """
    named = str(request.path_params["change_id"])
    if not is_uuid(named):
        raise NotFound("There is no such change.")
    try:
        async with open_work(request, actor_of(request)) as work:
            undone_by = await undo(work, log_of(request), UUID(named))
    except Conflict as conflict:
        return await _refused(request, conflict)
    shell, notice = shell_of(request), Notice("undone", change_id=str(undone_by))
    url = await _where_from(request)
    if not wants_json(request):
        return shell.go(url, notice)
    response = JSONResponse({"change": str(undone_by), "url": url})
    shell.cookies.set(response, shell.cookies.notice, notice.write(), SECONDS)  # told by the page that follows
    return response


async def _refused(request: Request, conflict: Conflict) -> Response:
    """Say what stands in the way, and lead to it."""
    if wants_json(request):
        raise conflict
    context = {
        "sentence": conflict.detail,
        "later": conflict.extensions.get("later_change") if actor_of(request).is_staff else None,
        "back": await _where_from(request),
    }
    return await shell_of(request).render(request, "undo_refused.html", context, conflict.status)


async def _where_from(request: Request) -> str:
    """The page of ours that the browser was on; a list where that page's record is not there any more."""
    came = urlsplit(request.headers.get("referer", ""))
    if came.netloc != request.headers.get("host") or not came.path.startswith("/admin/"):
        return LOG if actor_of(request).is_staff else "/admin/"
    if (of_record := _OF_RECORD.match(came.path)) and not await _is_there(request, *of_record.groups()):
        return f"/admin/{of_record[1]}/list"
    if _ELSEWHERE.match(came.path):
        return "/admin/"
    return f"{came.path}?{came.query}" if came.query else came.path


async def _is_there(request: Request, identity: str, pk: str) -> bool:
    state = request.app.state
    content_type = next((known for known in state.registry if known.singular == identity), None)
    if content_type is None:
        return False
    return await state.database.read(open_record, state.reader, content_type, pk, actor_of(request)) is not None


PAGES = (Page("/undo/{change_id}", undo_change, methods=("POST",)),)
