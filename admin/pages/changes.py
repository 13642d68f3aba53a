"""The log of changes: who did what to which records, through which door and when; old and new values; undo of each."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of
from admin.clock import start_of
from admin.comparing import related_ids, shown_value
from admin.fields import label_of
from admin.pages.undo import log_of
from admin.reading import titles_of
from admin.screens import MenuEntry, Page
from admin.shell import shell_of
from admin.telling import DOORS, ago, by, icon_of, listed, summary_of, taken_back
from cms.auth.users import User
from cms.crud.content_type import ContentType
from cms.crud.fields import utc_now
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Actor, Role
from cms.crud.problems import BadQuery, NotFound
from cms.crud.query import parse
from cms.crud.registry import Registry
from cms.crud.values import is_uuid
from cms.editorial.changes import Changes, parameters
from cms.editorial.history import ChangeSet

MOST_PEOPLE = 200
MOST_RECORDS = 20
"""Records of one change-set that are told in full."""
FILTERS = ("type", "actor", "door", "record", "since", "until")
_NOUNS = {"updated": "Changed", "drafted": "Changed drafts of"}


class Log(NamedTuple):
    """What the screen shows.

    :param items: the change-sets. :param people: those who could have acted: id and name.
    :param titles: what related records are called, by id.
    """

    items: list[Item]
    next: str | None
    previous: str | None
    people: list[tuple[str, str]]
    titles: Mapping[str, str]


class Line(NamedTuple):
    """A record in a change-set, in words.

    :param url: its history at that revision. :param values: label, old and new value of each field.
    """

    content_type: ContentType[Any]
    title: str
    url: str
    summary: str
    values: list[tuple[str, str, str]]


async def show_changes(request: Request) -> Response:
    """A page of the log, narrowed by the address; or one change-set by its id.

    :raises NotFound: for a change that is not there, or that the actor may not know of.
    """
    state, actor, changes = request.app.state, actor_of(request), log_of(request)
    wanted, problem = _asked(request.query_params), None
    try:
        log: Log = await state.database.read(read_log, state.reader, changes, actor, wanted)
    except BadQuery as error:
        problem = error
        log = await state.database.read(read_log, state.reader, changes, actor, {"limit": "1"})
        log = log._replace(items=[], next=None, previous=None)
    address = QueryParams([(name, value) for name, value in request.query_params.items() if name in FILTERS and value])
    context = {
        "log": log,
        "rows": [(item, told(state.registry, item), lines(state.registry, item, log.titles)) for item in log.items],
        "asked": dict(request.query_params),
        "address": f"&{address}" if str(address) else "",
        "is_narrowed": bool(str(address)) or "change" in wanted,
        "types": [state.registry.by_name(name) for name in changes.types_for(actor)],
        "doors": DOORS,
        "problem": problem,
        "icon_of": icon_of,
        "by": by,
        "ago": ago,
        "now": utc_now(),
    }
    return await shell_of(request).render(request, "changes.html", context, problem.status if problem else 200)


def read_log(connection: Connection, reader: Reader, changes: Changes, actor: Actor, wanted: Mapping[str, str]) -> Log:
    """All that the screen shows, of one snapshot."""
    if "change" in wanted:
        page: Item = {"items": [_one(connection, changes, actor, wanted["change"])], "next": None, "previous": None}
    else:
        page = changes.page(connection, actor, parse(wanted.items(), parameters(reader.registry)))
    staff = (Role.AUTHOR, Role.EDITOR, Role.ADMIN)
    found = connection.execute(select(User.id, User.name).where(User.role.in_(staff)).order_by(User.name, User.id))
    people = [(str(row.id), row.name) for row in found.fetchmany(MOST_PEOPLE)]
    titles = _titles(connection, reader, page["items"], actor)
    return Log(page["items"], page["next"], page["previous"], people, titles)


def told(registry: Registry, item: Item) -> str:
    """One line about a change-set."""
    said = _done(registry, item["records"])
    return taken_back(said) if item["undoes"] else said


def _done(registry: Registry, records: list[Item]) -> str:
    if not records:
        return "Changed what you may not see"
    if len(records) == 1:
        return summary_of(records[0]["verb"], records[0]["fields"], is_draft=records[0]["is_draft"])
    counts = Counter((record["verb"], record["type"]) for record in records)
    said = [f"{_verb(verb)} {_count(registry.by_name(kind), n)}" for (verb, kind), n in counts.most_common()]
    return listed([said[0], *(f"{part[0].lower()}{part[1:]}" for part in said[1:])])


def lines(registry: Registry, item: Item, titles: Mapping[str, str]) -> list[Line]:
    """The first records of a change-set, with what became of their fields."""
    return [_line(registry.by_name(record["type"]), record, titles) for record in item["records"][:MOST_RECORDS]]


def _line(content_type: ContentType[Any], record: Item, titles: Mapping[str, str]) -> Line:
    values = [
        (label_of(name), _side(change["old"], titles), _side(change["new"], titles))
        for name, change in record["fields"].items()
    ]
    url = f"/admin/history/{content_type.singular}/{record['id']}?to={record['number']}"
    title = str(record["title"] or content_type.label)
    summary = summary_of(record["verb"], record["fields"], is_draft=record["is_draft"])
    return Line(content_type, title, url, summary, values)


def _side(value: Any, titles: Mapping[str, str]) -> str:
    if value in (None, "", []):
        return ""
    if isinstance(value, list) and all(isinstance(one, str) and is_uuid(one) for one in value):
        return ", ".join(shown_value(one, titles) for one in value)
    return shown_value(value, titles)


def _count(content_type: ContentType[Any], count: int) -> str:
    return f"{count} {content_type.label.lower() if count == 1 else label_of(content_type.name).lower()}"


def _verb(verb: str) -> str:
    return _NOUNS.get(verb) or summary_of(verb, ())


def _one(connection: Connection, changes: Changes, actor: Actor, named: str) -> Item:
    """One change-set, if there is one of which the actor may know.

    :raises NotFound: otherwise.
    """
    is_there = is_uuid(named) and connection.scalar(select(ChangeSet.id).where(ChangeSet.id == UUID(named)))
    item = changes.one(connection, actor, UUID(named)) if is_there else None
    if item is None or not item["records"]:
        raise NotFound("There is no such change.")
    return item


def _titles(connection: Connection, reader: Reader, items: Iterable[Item], actor: Actor) -> dict[str, str]:
    """What the related records that old and new values name are called, where the actor may see them."""
    wanted: dict[str, set[str]] = {}
    for record in (record for item in items for record in item["records"]):
        content_type = reader.registry.by_name(record["type"])
        sides = [{name: change[side] for name, change in record["fields"].items()} for side in ("old", "new")]
        for name, ids in related_ids(content_type, sides).items():
            target = reader.registry.target_of(content_type.fields[name])
            wanted.setdefault(target.name, set()).update(ids)
    return {
        choice.id: choice.label
        for name, ids in wanted.items()
        for choice in titles_of(connection, reader, reader.registry.by_name(name), ids, actor).values()
    }


def _asked(params: QueryParams) -> dict[str, str]:
    """The parameters that were filled in; days as the times at which they begin and end for who looks."""
    given = {name: value.strip() for name, value in params.items() if value.strip()}
    for name, days in (("since", 0), ("until", 1)):
        try:
            day = date.fromisoformat(given[name])
            given[name] = start_of(day + timedelta(days)).isoformat()
        except (KeyError, ValueError, OverflowError):
            continue  # not a day: the parser of the log says what is wrong with it
    return given


PAGES = (Page("/changes", show_changes, least=Role.EDITOR, menu=MenuEntry("Change log", "System", "history", 60)),)
