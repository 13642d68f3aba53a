"""The queue of comments: each with the thread that it answers, decided by one key, taken back by another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, func, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from admin.auth import actor_of, open_work
from admin.bodies import read_body
from admin.changes import MOST_AT_ONCE, Done, Target, change_records, read_target
from admin.notices import Notice
from admin.pages.undo import log_of
from admin.screens import Page
from admin.security import form_of, wants_json
from admin.shell import shell_of
from cms.content.comments import MAX_CONTENT, MAX_THREAD, Comment, CommentStatus, comment
from cms.content.site import read_site
from cms.crud.conditional import check_version
from cms.crud.filters import Filter
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Action, Actor, Role
from cms.crud.problems import BadQuery, Invalid, invalid_from
from cms.crud.query import Query
from cms.crud.schemas import create_schema, update_schema
from cms.crud.service import Service
from cms.editorial.recorder import change_left_by
from cms.editorial.undo import undo

PAGE_SIZE: Final = 30
ADDRESS: Final = "/admin/moderation"
_FIELDS: Final = (
    "id", "version", "content_html", "name", "email", "author", "article", "parent", "depth", "status", "created_at",
)  # fmt: skip
_DONE: Final = {
    CommentStatus.APPROVED: "approved", CommentStatus.REJECTED: "rejected",
    CommentStatus.SPAM: "marked_spam", CommentStatus.PENDING: "waits_again",
}  # fmt: skip
_CHANGES: Final = {status: update_schema(comment).model_validate({"status": status}) for status in CommentStatus}


class Verdict(BaseModel):
    """What becomes of a comment.

    :param version: the version of it that was seen.
    """

    model_config = ConfigDict(extra="forbid")

    id: UUID
    version: int
    status: CommentStatus


class Verdicts(BaseModel):
    """What becomes of several comments: of all of them, or of none."""

    model_config = ConfigDict(extra="forbid")

    items: list[Verdict] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Reply(BaseModel):
    """An answer in the name of the site."""

    model_config = ConfigDict(extra="forbid")

    parent: UUID
    version: int
    content: str = Field(min_length=1, max_length=MAX_CONTENT)


class TakenBack(BaseModel):
    """A reply that is taken back, with the comment that it answered.

    :param change: the change-set that the reply left behind.
    """

    model_config = ConfigDict(extra="forbid")

    change: UUID
    comment: UUID


class Card(NamedTuple):
    """A comment in the queue.

    :param above: the comments that it answers, from the first of the thread down.
    """

    item: Item
    above: list[Item]


class Queue(NamedTuple):
    """A page of the queue, and how many comments there are of each status."""

    cards: list[Card]
    counts: dict[CommentStatus, int]


async def show_queue(request: Request) -> Response:
    """The comments of a status, those that wait first of all; the oldest first where somebody has to decide."""
    status = _status(request.query_params.get("status", CommentStatus.PENDING))
    page = _page_number(request.query_params.get("page", "1"))
    state, actor = request.app.state, actor_of(request)
    queue = await state.database.read(read_queue, state.reader, status, page, actor)
    last = max(1, -(-queue.counts[status] // PAGE_SIZE))
    if page > last:
        return shell_of(request).go(f"{ADDRESS}?status={status}&page={last}")
    context = {"queue": queue, "status": str(status), "statuses": list(CommentStatus), "page": page, "last_page": last}
    context["max_thread"] = MAX_THREAD
    return await shell_of(request).render(request, "moderation.html", context)


async def decide(request: Request) -> Response:
    """Decide about comments: JSON from the page's script, or the fields of its form."""
    if wants_json(request):
        verdicts = await read_body(request, Verdicts)
        done = await _carry_out(request, verdicts.items)
        items = [{"id": str(c.id), "version": c.version, "status": c.status} for c in done.records]
        return JSONResponse({"change_id": _text(done.change_id), "items": items})
    form = form_of(request)
    if only := str(form.get("only", "")):
        record, _, wanted = only.rpartition(":")
        chosen = [record]
    else:
        wanted, chosen = str(form.get("status", "")), [str(value) for value in form.getlist("records")]
    if not chosen:
        return shell_of(request).go(ADDRESS, Notice("none_chosen"))
    if len(chosen) > MOST_AT_ONCE:
        raise BadQuery(f"At most {MOST_AT_ONCE} records can be changed at once.")
    status = _status(wanted)
    targets = [read_target(*text.partition(":")[::2]) for text in dict.fromkeys(chosen)]
    done = await _carry_out(request, [Verdict(id=t.pk, version=t.version, status=status) for t in targets])
    many = len(targets) if len(targets) > 1 else None
    return shell_of(request).go(ADDRESS, Notice(_DONE[status], many=many, change_id=_text(done.change_id)))


async def reply(request: Request) -> Response:
    """Answer a comment in the name of the site, which approves it: nobody answers what nobody sees."""
    sent = await read_body(request, Reply)
    async with open_work(request, actor_of(request)) as work:
        service = work.service(comment)
        answered = await service.get(sent.parent, Action.UPDATE)
        check_version(sent.version, answered.version)
        if answered.status is not CommentStatus.APPROVED:
            await service.update(answered, _CHANGES[CommentStatus.APPROVED], sent.version)
        site = await read_site(work.session)
        values = {"article": str(answered.article_id), "parent": str(answered.id), "content": sent.content}
        said = {**values, "name": site.title, "status": CommentStatus.APPROVED}
        try:
            data = create_schema(comment).model_validate(said)
        except ValidationError as error:
            raise invalid_from(error, create_schema(comment)) from None
        made = await service.create(data)
    body = {"id": str(made.id), "version": answered.version, "change_id": _text(change_left_by(work.session))}
    return JSONResponse(body, 201)


async def take_back_reply(request: Request) -> Response:
    """Undo a reply, and what it did to the comment; unlike any undo it tells the version, so that the page stays."""
    sent = await read_body(request, TakenBack)
    async with open_work(request, actor_of(request)) as work:
        await undo(work, log_of(request), sent.change)
        answered = await work.service(comment).get(sent.comment, Action.UPDATE)
    return JSONResponse({"items": [{"id": str(answered.id), "version": answered.version}]})


def read_queue(connection: Connection, reader: Reader, status: CommentStatus, page: int, actor: Actor) -> Queue:
    """A page of comments with their threads; the number of statements does not depend on their number."""
    query = Query(
        _FIELDS,
        filters=((Filter("status", None, "eq"), status),),
        sort=(("created_at", status is not CommentStatus.PENDING),),
        limit=PAGE_SIZE,
        skip=(page - 1) * PAGE_SIZE,
        total=False,
    )
    items = reader.page(connection, comment, query, actor).items
    known = _above(connection, reader, items, actor)
    by_status = connection.execute(select(Comment.status, func.count()).group_by(Comment.status))
    counts = dict.fromkeys(CommentStatus, 0)
    for status_, count in by_status:
        counts[status_] = count
    return Queue([Card(item, _thread(item, known)) for item in items], counts)


def _above(connection: Connection, reader: Reader, items: Sequence[Item], actor: Actor) -> dict[UUID, Item]:
    """Every comment that one of these answers, however far up: a statement a level."""
    known: dict[UUID, Item] = {}
    level: Sequence[Item] = items
    for _ in range(MAX_THREAD - 1):
        wanted = tuple({item["parent"]["id"] for item in level if item["parent"]} - set(known))
        if not wanted:
            break
        query = Query(_FIELDS, filters=((Filter("id", None, "in"), wanted),), limit=len(wanted), total=False)
        level = reader.page(connection, comment, query, actor).items
        known |= {item["id"]: item for item in level}
    return known


def _thread(item: Item, known: Mapping[UUID, Item]) -> list[Item]:
    above: list[Item] = []
    while (parent := item["parent"]) and parent["id"] in known:
        item = known[parent["id"]]
        above.insert(0, item)
    return above


async def _carry_out(request: Request, verdicts: Sequence[Verdict]) -> Done:
    statuses = {verdict.id: verdict.status for verdict in verdicts}

    async def change(service: Service[Any], record: Any, version: int) -> None:
        await service.update(record, _CHANGES[statuses[record.id]], version)

    targets = [Target(verdict.id, verdict.version) for verdict in verdicts]
    return await change_records(request, comment, targets, change, Action.UPDATE)


def _status(text: str) -> CommentStatus:
    try:
        return CommentStatus(text)
    except ValueError:
        raise Invalid("Comments are pending, approved, rejected or spam.") from None


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 7 and int(text)):
        raise BadQuery("There is no such page.")
    return int(text)


def _text(change_id: UUID | None) -> str | None:
    return str(change_id) if change_id else None


PAGES = (
    Page("/moderation", show_queue, least=Role.EDITOR),
    Page("/moderation/decide", decide, ("POST",), Role.EDITOR),
    Page("/moderation/reply", reply, ("POST",), Role.EDITOR),
    Page("/moderation/unreply", take_back_reply, ("POST",), Role.EDITOR),
)
