"""The trash: what was deleted, of all types, until it empties itself; the way back, and for administrators the end."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of, open_work
from admin.notices import Notice
from admin.screens import MenuEntry, Page
from admin.security import form_of
from admin.shell import shell_of
from admin.telling import ago
from admin.trashed import PER_PAGE, Trash, read_trash, trashable
from cms.crud.conditional import ANY_VERSION
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.policy import Door, Role
from cms.crud.problems import BadQuery, Conflict, NotFound
from cms.crud.service import UnitOfWork
from cms.crud.values import MAX_SEARCH, is_uuid
from cms.editorial.emptying import empty_trash
from cms.editorial.recorder import change_left_by
from cms.editorial.trash import TrashingService

HERE = "/admin/trash"
LAST_PAGE = 10_000


async def show_trash(request: Request) -> Response:
    """What is in the trash, as far as the actor may see it, the latest first."""
    return await _page(request)


async def restore(request: Request) -> Response:
    """Take a record out of the trash; where its slug is taken, another one is proposed.

    :raises Problem: if it can't be.
    """
    form = form_of(request)
    content_type, pk = _named(request)
    slug = str(form.get("slug", "")) or None
    below = {UUID(name[6:]): str(value) for name, value in form.items() if name[:6] == "slugs." and is_uuid(name[6:])}
    try:
        async with open_work(request, actor_of(request)) as work:
            await _service(work, content_type).restore(pk, slug, below)
    except Conflict as conflict:
        context = {"conflict": conflict, "record": f"{content_type.name}:{pk}"}
        return await _page(request, context, conflict.status)
    change_id = change_left_by(work.session)
    return shell_of(request).go(HERE, Notice("restored", change_id=str(change_id) if change_id else None))


async def delete(request: Request) -> Response:
    """Delete a record for good, once who asks for it is sure: that can't be undone.

    :raises Problem: if it can't be.
    """
    content_type, pk = _named(request)
    is_sure = form_of(request).get("confirmed") == "yes"
    try:
        async with open_work(request, actor_of(request)) as work:
            service = _service(work, content_type)
            record = await service.get_doomed(pk)
            title = str(getattr(record, content_type.title_field))
            if is_sure:
                await service.purge(record, ANY_VERSION)
    except Conflict as conflict:
        return await _page(request, {"conflict": conflict}, conflict.status)
    if is_sure:
        return shell_of(request).go(HERE, Notice("purged"))
    context = {"question": f"Delete “{title}” for good?", "step": "delete", "record": f"{content_type.name}:{pk}"}
    return await shell_of(request).render(request, "trash_confirm.html", context)


async def empty(request: Request) -> Response:
    """Delete for good all that is in the trash and not in use, once who asks for it is sure."""
    state, actor = request.app.state, actor_of(request)
    types = trashable(state.registry, actor)
    trash: Trash = await state.database.read(read_trash, types, actor, "", 1, None)
    if form_of(request).get("confirmed") != "yes":
        count = f"{trash.total:,} records" if trash.total != 1 else "1 record"
        context = {"question": f"Empty the trash of {count}?", "step": "empty", "record": None}
        return await shell_of(request).render(request, "trash_confirm.html", context)
    await empty_trash(state.database, state.reader, timedelta(0), actor, Door.ADMIN)
    trash = await state.database.read(read_trash, types, actor, "", 1, None)
    return shell_of(request).go(HERE, Notice("half_emptied" if trash.total else "emptied"))


async def _page(request: Request, more: dict[str, Any] | None = None, status: int = 200) -> Response:
    state, actor, params = request.app.state, actor_of(request), request.query_params
    types = trashable(state.registry, actor)
    kind, term = params.get("type", ""), params.get("q", "").replace("\x00", "").strip()
    if (kind and kind not in {t.name for t in types}) or len(term) > MAX_SEARCH:
        raise BadQuery("The trash can't be searched like that; the address may be mistyped.")
    page = _number(params.get("page", "1"))
    days = state.settings.trash_days
    keeps = timedelta(days=days) if days else None
    wanted = [t for t in types if kind in ("", t.name)]
    trash: Trash = await state.database.read(read_trash, wanted, actor, term, page, keeps)
    context = {
        "trash": trash,
        "types": types,
        "kind": kind,
        "term": term,
        "page": page,
        "last_page": max(1, -(-trash.total // PER_PAGE)),
        "days": days,
        "is_admin": actor.role is Role.ADMIN,
        "conflict": None,
        "ago": ago,
        "now": utc_now(),
    }
    return await shell_of(request).render(request, "trash.html", {**context, **(more or {})}, status)


def _named(request: Request) -> tuple[ContentType[Any], UUID]:
    """The type and the id that a form names.

    :raises NotFound: if there can be no such record in the trash.
    """
    name, _, pk = str(form_of(request).get("record", "")).partition(":")
    types = {t.name: t for t in trashable(request.app.state.registry, actor_of(request))}
    if name not in types or not is_uuid(pk):
        raise NotFound("There is no such record in the trash. It may have been restored, or deleted for good.")
    return types[name], UUID(pk)


def _service(work: UnitOfWork, content_type: ContentType[Any]) -> TrashingService[Any]:
    service = work.service(content_type)
    assert isinstance(service, TrashingService)  # noqa: S101 - trashable types declare such a service
    return service


def _number(text: str) -> int:
    return min(int(text), LAST_PAGE) or 1 if text.isascii() and text.isdecimal() and len(text) < 10 else 1


PAGES = (
    Page("/trash", show_trash, menu=MenuEntry("Trash", "System", "trash", 70)),
    Page("/trash/restore", restore, methods=("POST",)),
    Page("/trash/delete", delete, methods=("POST",), least=Role.ADMIN),
    Page("/trash/empty", empty, methods=("POST",), least=Role.ADMIN),
)
