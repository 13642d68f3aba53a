"""What a draft would look like as a page, at the widths of desk and phone; and links that show it to others."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.notices import Notice
from admin.screens import Page
from admin.security import POLICY, form_of, wants_json
from admin.shell import shell_of
from admin.targets import type_of, words_of
from admin.telling import ago
from cms.auth.throttle import Limit
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.plan import Reader
from cms.crud.policy import Actor
from cms.crud.problems import FieldError, Invalid, NotFound
from cms.crud.values import is_uuid
from cms.delivery.links import LIFETIMES, USUAL_LIFETIME, MadeLink, make_link, open_links, revoke_link
from cms.delivery.preview import PREVIEW_PATH, Preview, can_be_previewed, read_preview, show_preview

MAKING: Final = Limit(60, 3600)
"""Links that one person makes."""
SHOWS: Final = {"now": "What it says now", "latest": "Later changes, too"}
"""What a link may show of a draft."""
_USUAL: Final[Mapping[str, str]] = {"days": str(USUAL_LIFETIME), "shows": "now"}
_FRAMING: Final = f"{POLICY}; frame-src 'self'"


async def show_screen(request: Request) -> Response:
    """The draft in a frame, and the links to it.

    :raises NotFound: :raises Forbidden: for who may not edit the record.
    """
    return await _screen(request)


async def show_page(request: Request) -> Response:
    """The draft as a page, for the frame and for nothing else.

    :raises NotFound: :raises Forbidden: for who may not edit the record.
    """
    state, pk = request.app.state, str(request.path_params["pk"])
    preview = await state.database.read(read_preview, state.reader, _type(request), pk, actor_of(request))
    return show_preview(preview, frame_ancestors="'self'")


async def share(request: Request) -> Response:
    """Make a link; its address is shown once, for only a hash of it is kept.

    :raises Problem: if that can't be.
    """
    content_type, pk, actor = _type(request), str(request.path_params["pk"]), actor_of(request)
    days = _chosen(request, "days", map(str, LIFETIMES), "Choose how long the link may work.")
    shows = _chosen(request, "shows", SHOWS, "Choose whether the link goes along with the draft.")
    await request.app.state.throttle.check(f"preview-link:{actor.id}", MAKING)
    preview = await request.app.state.database.read(read_preview, request.app.state.reader, content_type, pk, actor)
    async with open_work(request, actor) as work:
        shown = preview.frozen() if shows == "now" else None
        link = await make_link(work, content_type, pk, timedelta(days=int(days)), shown)
    address = f"{_site(request)}{PREVIEW_PATH}{link.token}"
    if wants_json(request):
        body = {"id": str(link.id), "url": address, "expires_at": link.expires_at.isoformat()}
        return JSONResponse(body, 201)
    return await _screen(request, link, address, {"days": days, "shows": shows})


async def revoke(request: Request) -> Response:
    """Have a link show nothing from now on.

    :raises NotFound: if the record has no such link. :raises Forbidden: for who may not edit it.
    """
    content_type, pk = _type(request), str(request.path_params["pk"])
    link_id = str(form_of(request).get("link", ""))
    if not is_uuid(link_id):
        raise NotFound(f"This {content_type.label.lower()} has no such preview link.")
    async with open_work(request, actor_of(request)) as work:
        await revoke_link(work, content_type, pk, UUID(link_id))
    if wants_json(request):
        return JSONResponse({"id": link_id})
    return shell_of(request).go(f"/admin/preview/{content_type.singular}/{pk}", Notice("link_revoked"))


def read_screen(
    connection: Connection, reader: Reader, content_type: ContentType[Any], pk: str, actor: Actor
) -> tuple[Preview, list[Any]]:
    """The draft and the links to it, of one snapshot."""
    preview = read_preview(connection, reader, content_type, pk, actor)
    return preview, list(open_links(connection, content_type, UUID(pk)))


async def _screen(
    request: Request, made: MadeLink | None = None, address: str = "", chosen: Mapping[str, str] = _USUAL
) -> Response:
    state, content_type, pk = request.app.state, _type(request), str(request.path_params["pk"])
    preview, links = await state.database.read(read_screen, state.reader, content_type, pk, actor_of(request))
    context = {
        **words_of(content_type),
        "pk": pk,
        "preview": preview,
        "links": links,
        "made": made,
        "address": address,
        "lifetimes": LIFETIMES,
        "chosen": chosen,
        "shows": SHOWS,
        "ago": ago,
        "now": utc_now(),
    }
    response = await shell_of(request).render(request, "preview.html", context)
    response.headers["content-security-policy"] = _FRAMING
    return response


def _type(request: Request) -> ContentType[Any]:
    """The content type that the address names.

    :raises NotFound: for one whose records have no page. :raises Forbidden: for one that the actor does not work on.
    """
    content_type = type_of(request)
    if not can_be_previewed(content_type):
        raise NotFound(f"A {content_type.label.lower()} has no page of its own to preview.")
    return content_type


def _chosen(request: Request, name: str, choices: Iterable[str], sentence: str) -> str:
    """One of the choices of a menu; where a script leaves it out, the usual one.

    :raises Invalid: with that sentence, for something else.
    """
    chosen = str(form_of(request).get(name, _USUAL[name]))
    if chosen not in set(choices):
        raise Invalid(sentence, errors=[FieldError("Choose one of these.", f"/{name}")])
    return chosen


def _site(request: Request) -> str:
    """The address of the site, as others reach it."""
    return str(request.app.state.settings.public_url or request.base_url.replace(path="")).rstrip("/")


PAGES = (
    Page("/preview/{identity}/{pk}", show_screen),
    Page("/preview/{identity}/{pk}", share, methods=("POST",)),
    Page("/preview/{identity}/{pk}/page", show_page),
    Page("/preview/{identity}/{pk}/revoke", revoke, methods=("POST",)),
)
