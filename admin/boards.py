"""What the dashboard shows, read in one snapshot: a statement for each part, whatever types there are.

Every part is narrowed by what the actor's role sees of each type, as any list is.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, String, and_, case, cast, func, literal, null, select, union_all

from admin.auth import is_open
from cms.auth.users import User
from cms.content.comments import CommentStatus, comment
from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.fields import now
from cms.crud.filters import Filter
from cms.crud.nodes import Item
from cms.crud.plan import Reader
from cms.crud.policy import Actor
from cms.crud.query import Query
from cms.crud.registry import Registry
from cms.editorial.behaviours import Publishable, Reviewable, published
from cms.editorial.history import QUIET, ChangeSet, Revision
from cms.editorial.pending import Draft
from cms.editorial.reviewing import proposed, submitted

FEW = 6
WEEKS = 12
MOST_SCHEDULED = 100
_RECENT = 60
_PAUSE = timedelta(minutes=10)
_NAMES = ("title", "name", "path", "content")
"""Where the values of a revision say what its record is called, the first that they have."""


class Entry(NamedTuple):
    """A text of any type.

    :param at: the time that counts for the part in which it stands.
    """

    content_type: ContentType[Any]
    id: UUID
    title: str
    status: str
    at: datetime
    author: str | None


class Deed(NamedTuple):
    """Something that somebody did: to one record, or to several at once.

    :param actor: who; None for the public and the system. :param door: which way it came in.
    :param fields: what of it changed. :param many: how many other records.
    :param since: when it began, where it is several saves in a row.
    """

    id: UUID
    actor: str | None
    door: Any
    at: datetime
    verb: str
    fields: tuple[str, ...]
    content_type: ContentType[Any]
    title: str
    many: int
    record_id: UUID
    is_undo: bool
    since: datetime | None = None


class Board(NamedTuple):
    """What the first page shows; a part that the actor has no use for is None.

    :param weeks: the first day of each week, and how many texts went public in it.
    """

    mine: list[Entry]
    in_review: list[Entry] | None
    scheduled: list[Entry]
    recent: list[Entry]
    comments: list[Item] | None
    deeds: list[Deed]
    weeks: list[tuple[datetime, int]]


def read_board(
    connection: Connection, reader: Reader, actor: Actor, span: tuple[datetime, datetime], time: datetime
) -> Board:
    """All parts of the first page.

    :param span: the time that the calendar shows. :param time: what is now, on the clock by which weeks begin.
    """
    texts = [t for t in reader.registry if issubclass(t.model, Publishable) and is_open(t, actor)]
    owned = [t for t in texts if t.policy.own is not None]
    reviewed = [t for t in texts if issubclass(t.model, Reviewable)]
    is_staff = actor.is_staff
    unfinished = _entries(connection, owned, actor, _mine(actor), _updated_at)
    changed = _entries(connection, texts, actor, _changed_by(actor), _draft_saved_at)
    mine = [*unfinished, *(entry._replace(status="unpublished_changes") for entry in changed)]
    return Board(
        sorted(mine, key=lambda entry: entry.at, reverse=True)[:FEW],
        _in_review(connection, reviewed, actor) if is_staff else None,
        _scheduled(connection, reader.registry, texts, actor, span),
        _entries(connection, texts, actor, published, _published_at),
        _waiting(connection, reader, actor) if is_staff else None,
        _deeds(connection, reader.registry, actor),
        _weeks(connection, texts, actor, time),
    )


Condition = Callable[[Any], ColumnElement[bool]]
Time = Callable[[Any], Any]
_updated_at, _published_at = attrgetter("updated_at"), attrgetter("published_at")


def _mine(actor: Actor) -> Condition:
    def mine(table: Any) -> ColumnElement[bool]:
        return and_(table.author_id == actor.id, table.published_at.is_(None))

    return mine


def _changed_by(actor: Actor) -> Condition:
    """What was published, with changes that the actor was the last to make, and that readers don't see yet."""
    drafts = select(Draft.record_id).where(Draft.actor_id == actor.id, Draft.values.is_not(None))

    def changed(table: Any) -> ColumnElement[bool]:
        return and_(table.id.in_(drafts), table.published_at.is_not(None))

    return changed


def _draft_saved_at(table: Any) -> ColumnElement[datetime]:
    return select(Draft.updated_at).where(Draft.record_id == table.id).scalar_subquery()


def _in_review(connection: Connection, types: Sequence[ContentType[Any]], actor: Actor) -> list[Entry]:
    waiting = [*_entries(connection, types, actor, submitted, _updated_at), *proposals(connection, types, actor)]
    return sorted(waiting, key=lambda entry: entry.at, reverse=True)[:FEW]


def proposals(connection: Connection, types: Sequence[ContentType[Any]], actor: Actor, most: int = FEW) -> list[Entry]:
    """What was published, with changes that somebody has submitted, the latest first.

    :param types: such as are published and reviewed.
    """
    return _entries(connection, types, actor, proposed, _draft_saved_at, most)


def _entries(
    connection: Connection,
    types: Sequence[ContentType[Any]],
    actor: Actor,
    condition: Condition,
    by: Time,
    most: int = FEW,
) -> list[Entry]:
    """The texts that meet a condition, of all types in one statement, the latest first."""
    if not types:
        return []
    parts = [select(_part(t, actor, condition, by, most).subquery()) for t in types]
    known = {t.name: t for t in types}
    rows = connection.execute(union_all(*parts), {"actor_id": actor.id})
    entries = [
        Entry(known[row.type], row.id, row.title or "Untitled", str(row.status), row.at, row.author) for row in rows
    ]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:most]


def _part(content_type: ContentType[Any], actor: Actor, condition: Condition, by: Time, most: int) -> Any:
    table: Any = content_type.model
    own = content_type.policy.own
    writer = select(User.name).where(User.id == getattr(table, own)).scalar_subquery() if own else cast(null(), String)
    at = by(table)
    statement = select(
        literal(content_type.name).label("type"),
        table.id.label("id"),
        getattr(table, content_type.title_field).label("title"),
        table.status.label("status"),
        at.label("at"),
        writer.label("author"),
    )
    shown = visible(content_type, table, actor.role)
    return statement.where(*shown, condition(table)).order_by(at.desc()).limit(most)


def _scheduled(
    connection: Connection,
    registry: Registry,
    types: Sequence[ContentType[Any]],
    actor: Actor,
    span: tuple[datetime, datetime],
) -> list[Entry]:
    """What goes public in a span of time: texts for the first time, and for the staff what takes their place."""

    def to_come(table: Any) -> ColumnElement[bool]:
        return and_(table.published_at > now(), table.published_at >= span[0], table.published_at < span[1])

    entries = _entries(connection, types, actor, to_come, _published_at, MOST_SCHEDULED)
    if actor.is_staff:
        due = Draft.publish_at.between(*span), Draft.values.is_not(None)
        columns = Draft.record_type, Draft.record_id, Draft.publish_at, Draft.values["title"].as_string().label("title")
        for row in connection.execute(select(*columns).where(*due).limit(MOST_SCHEDULED)):
            content_type = registry.by_name(row.record_type)
            entries.append(
                Entry(content_type, row.record_id, row.title or "Untitled", "scheduled", row.publish_at, None)
            )
    return sorted(entries, key=lambda entry: entry.at)


def _waiting(connection: Connection, reader: Reader, actor: Actor) -> list[Item]:
    """The newest comments that nobody has decided about."""
    pending = ((Filter("status", None, "eq"), CommentStatus.PENDING),)
    fields = ("id", "content", "name", "author", "article", "created_at")
    query = Query(fields, filters=pending, sort=(("created_at", True),), limit=FEW, total=False)
    return reader.page(connection, comment, query, actor).items


def _deeds(connection: Connection, registry: Registry, actor: Actor) -> list[Deed]:
    """What was done last: by anybody, for the staff; by themselves, for everybody else."""
    types = [t.name for t in registry if is_open(t, actor)]
    latest = select(ChangeSet.id).order_by(ChangeSet.id.desc()).limit(_RECENT)
    if not actor.is_staff:
        latest = latest.where(ChangeSet.actor_id == actor.id)
    first = func.min(Revision.id)  # of a change-set with thousands, one is told
    of_latest = Revision.change_set_id.in_(latest), Revision.verb.not_in(QUIET)
    counted = select(first, func.count()).where(*of_latest).group_by(Revision.change_set_id)
    counts: dict[int, int] = {row[0]: row[1] for row in connection.execute(counted)}
    title = func.coalesce(*(Revision.values[name].as_string() for name in _NAMES))
    columns = (
        ChangeSet.id, User.name, ChangeSet.door, ChangeSet.occurred_at, Revision.verb, Revision.record_type,
        title.label("title"), Revision.id.label("revision"), Revision.before,
        Revision.record_id, ChangeSet.undoes_id,
    )  # fmt: skip
    told = (
        select(*columns)
        .join(ChangeSet, Revision.change_set_id == ChangeSet.id)
        .outerjoin(User, User.id == ChangeSet.actor_id)
        .where(Revision.id.in_(list(counts)), Revision.record_type.in_(types))
        .order_by(ChangeSet.id.desc())
    )
    deeds: list[Deed] = []
    for row in connection.execute(told):
        deed = Deed(
            row.id, row.name, row.door, row.occurred_at, row.verb, tuple(row.before),
            registry.by_name(row.record_type), (row.title or "")[:90], counts[row.revision] - 1, row.record_id,
            row.undoes_id is not None,
        )  # fmt: skip
        place = next((place for place, later in enumerate(deeds) if _goes_on(later, deed)), None)
        if place is not None:
            fields = tuple(dict.fromkeys((*deeds[place].fields, *deed.fields)))
            deeds[place] = deeds[place]._replace(fields=fields, since=deed.at)
        elif len(deeds) == FEW + 2:
            break
        else:
            deeds.append(deed)
    return deeds


def _goes_on(later: Deed, earlier: Deed) -> bool:
    """Whether two deeds are one to those who look: one who writes saves every other second, others in between."""
    alike = ("record_id", "actor", "verb", "door", "is_undo")
    are_alike = all(getattr(later, name) == getattr(earlier, name) for name in alike)
    return are_alike and not later.many and not earlier.many and (later.since or later.at) - earlier.at < _PAUSE


def _weeks(
    connection: Connection, types: Sequence[ContentType[Any]], actor: Actor, time: datetime
) -> list[tuple[datetime, int]]:
    """How many texts went public in each of the last weeks, the oldest first."""
    monday = (time - timedelta(days=time.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [monday - timedelta(weeks=ago) for ago in range(WEEKS - 1, -1, -1)]
    parts = []
    for content_type in types:
        table: Any = content_type.model
        at = table.published_at
        counts = [
            func.coalesce(func.sum(case((and_(at >= start, at < start + timedelta(weeks=1)), 1), else_=0)), 0)
            for start in starts
        ]
        shown = visible(content_type, table, actor.role)
        parts.append(select(*counts).where(*shown, published(table), at >= starts[0]))
    rows = connection.execute(union_all(*parts), {"actor_id": actor.id}).all() if parts else []
    return [(start, sum(int(row[place]) for row in rows)) for place, start in enumerate(starts)]
