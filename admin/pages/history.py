"""The history of a record: what was done to it and by whom, any two of its revisions compared, and the way back."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from anyio import to_thread
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of, open_work
from admin.comparing import Compared, compare, related_ids
from admin.notices import Notice
from admin.reading import Opened, may, open_record, titles_of
from admin.screens import Page
from admin.security import form_of
from admin.shell import shell_of
from admin.targets import type_of, words_of
from admin.telling import ago, by, icon_of, summary_of
from cms.auth.users import user
from cms.crud.conditional import check_version
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor
from cms.crud.problems import BadQuery
from cms.crud.query import Query
from cms.crud.values import whole_number
from cms.editorial.behaviours import Publishable
from cms.editorial.pending import Draft
from cms.editorial.recorder import change_left_by
from cms.editorial.restoring import Misfits, restore_into_draft, restore_revision
from cms.editorial.revisions import Histories
from cms.editorial.snapshots import Values, revive

PER_PAGE = 25
VIEWS = ("side", "inline")
LAST_NUMBER = 2**31 - 1


class Wanted(NamedTuple):
    """What an address of the screen asks for.

    :param before: the number of the revision on the left; :param after: of that on the right; None for the usual ones.
    """

    before: int | None
    after: int | None
    view: str
    cursor: str | None


class Shown(NamedTuple):
    """What the screen shows.

    :param page: the timeline. :param sides: the two revisions that are compared; the first is None for a first one.
    :param opened: the record as it is now; None where it is in the trash, or gone.
    :param misfits: by number, what does not fit any more.
    """

    page: Item
    sides: tuple[Item | None, Item] | None
    values: tuple[Values, Values]
    opened: Opened | None
    draft: Any
    titles: Mapping[str, str]
    misfits: Mapping[int, Misfits]


async def show_history(request: Request) -> Response:
    """The timeline of a record, and two of its revisions beside each other.

    :raises NotFound: :raises Forbidden: for who may not edit the record.
    """
    state, actor, content_type = request.app.state, actor_of(request), type_of(request)
    wanted = _wanted(request)
    histories = Histories(state.registry, user, state.reader.cursors)
    pk = str(request.path_params["pk"])
    shown: Shown = await state.database.read(read_history, state.reader, histories, (content_type, pk, actor), wanted)
    rows: list[Compared] = []
    if shown.sides is not None:
        rows = await to_thread.run_sync(compare, content_type, *shown.values, shown.titles)
    context = {
        **frame_of(content_type, pk, shown.opened, actor),
        "shown": shown,
        "rows": rows,
        "view": wanted.view,
        "cursor": wanted.cursor,
        "summary_of": summary_of,
        "icon_of": icon_of,
        "by": by,
        "ago": ago,
        "now": utc_now(),
        "title": _title(content_type, shown),
    }
    return await shell_of(request).render(request, "history.html", context)


async def restore(request: Request) -> Response:
    """Give a record what a revision of it holds, as a new revision, or put that into its working draft.

    :raises Problem: if it can't be.
    """
    content_type, pk, form = type_of(request), str(request.path_params["pk"]), form_of(request)
    number, version = _number(form.get("number")), _number(form.get("version"))
    into_draft = form.get("into") == "draft"
    async with open_work(request, actor_of(request)) as work:
        service = work.service(content_type)
        record = await service.get(pk, Action.DRAFT if into_draft else Action.UPDATE)
        if into_draft:
            misfits = await restore_into_draft(work, content_type, record, number, version)
        else:
            check_version(version, record.version)
            misfits = await restore_revision(work, content_type, record, number)
    change_id = change_left_by(work.session)
    if misfits:
        context = {"pk": pk, "number": number, "misfits": misfits, "change_id": change_id}
        return await shell_of(request).render(request, "history_restored.html", {**context, **words_of(content_type)})
    code = "unchanged" if change_id is None else "drafted" if into_draft else "revived"
    notice = Notice(code, change_id=str(change_id) if change_id else None)
    return shell_of(request).go(f"/admin/history/{content_type.singular}/{pk}", notice)


def read_history(
    connection: Connection,
    reader: Reader,
    histories: Histories,
    of: tuple[ContentType[Any], str, Actor],
    wanted: Wanted,
) -> Shown:
    """All that the screen shows, of one snapshot."""
    content_type, pk, actor = of
    page = histories.page(connection, content_type, pk, actor, Query(limit=PER_PAGE, cursor=wanted.cursor, total=True))
    known = [head["number"] for head in page["items"]]
    newest = known[0] if known and wanted.cursor is None else histories.newest(connection, *of)
    after = wanted.after or newest
    sides, values, misfits = None, (Values(), Values()), dict[int, Misfits]()
    if after is not None:
        before = wanted.before or dict(pairwise(known)).get(after)
        is_first = after in known[-1:] and page["next"] is None
        if before is None and not is_first:
            before = histories.newest(connection, *of, before=after)
        numbers = [after] if before is None else [before, after]
        heads, recorded = histories.pair(connection, *of, numbers)
        sides = (heads[0] if before is not None else None, heads[-1])
        values = (recorded[0] if before is not None else Values(), recorded[-1])
        misfits = {n: revive(content_type, v)[1] for n, v in zip(numbers, recorded, strict=True)}
    titles = {
        choice.id: choice.label
        for name, ids in related_ids(content_type, values).items()
        for choice in titles_of(
            connection, reader, reader.registry.target_of(content_type.fields[name]), ids, actor
        ).values()
    }
    opened = open_record(connection, reader, content_type, pk, actor)
    return Shown(page, sides, values, opened, _draft(connection, pk), titles, misfits)


def _draft(connection: Connection, pk: str) -> Any:
    """The working draft, if there is one: when it was saved, and when it goes public."""
    columns = Draft.version, Draft.updated_at, Draft.publish_at
    statement = select(*columns).where(Draft.record_id == UUID(pk), Draft.values.is_not(None))
    return connection.execute(statement).one_or_none()


def frame_of(content_type: ContentType[Any], pk: str, opened: Opened | None, actor: Actor) -> dict[str, Any]:
    """What every screen about one record tells of it, and what the actor may do to it."""
    item = opened.item if opened else {}
    return {
        **words_of(content_type),
        "pk": pk,
        "item": item,
        "version": opened.version if opened else None,
        "may_update": bool(item) and may(content_type, actor, Action.UPDATE, item),
        "may_draft": bool(item) and has_drafts(content_type) and may(content_type, actor, Action.DRAFT, item),
        "is_live": bool(item) and item.get("is_published") is True,
    }


def has_drafts(content_type: ContentType[Any]) -> bool:
    """Whether records of the type are edited in working drafts."""
    return issubclass(content_type.model, Publishable)


def _title(content_type: ContentType[Any], shown: Shown) -> str:
    """What the record is called: now, or when it was last seen."""
    item = shown.opened.item if shown.opened else shown.values[1]
    return str(item.get(content_type.title_field) or content_type.label)


def _wanted(request: Request) -> Wanted:
    params = request.query_params
    numbers = {name: _number(params[name]) if params.get(name) else None for name in ("from", "to")}
    view = params.get("view", VIEWS[0])
    return Wanted(numbers["from"], numbers["to"], view if view in VIEWS else VIEWS[0], params.get("cursor") or None)


def _number(value: Any) -> int:
    """A number of a revision, or of a version, from an address or a form.

    :raises BadQuery: for anything else.
    """
    try:
        return whole_number(1, LAST_NUMBER)(str(value))
    except ValueError:
        raise BadQuery("There is no such revision; the address may be mistyped.") from None


PAGES = (
    Page("/history/{identity}/{pk}", show_history),
    Page("/history/{identity}/{pk}/restore", restore, methods=("POST",)),
)
