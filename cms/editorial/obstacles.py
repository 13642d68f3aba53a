"""What stands in the way of undoing a change: the later change that made something else of the same."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, UniqueConstraint, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.content_type import ContentType
from cms.crud.problems import Conflict, FieldError
from cms.crud.structure import Shape
from cms.crud.usages import Use
from cms.editorial.behaviours import Nested, Trashable
from cms.editorial.changes import Changes
from cms.editorial.history import FIRST_DRAFT, ChangeSet, Revision
from cms.editorial.notes import Note
from cms.editorial.revisions import name_actors
from cms.editorial.trash import BELOW

_LATER = (
    Revision.change_set_id,
    Revision.verb,
    Revision.before,
    Revision.version,
    Revision.occurred_at,
    ChangeSet.actor_id,
)


async def changed_since(
    session: AsyncSession, changes: Changes, noted: Note, last: int, names: Collection[str]
) -> Conflict:
    """What to say where a record is not any more what a change made of it.

    :param last: the id of the revision of that change; :param names: the fields that differ now.
    """
    for name in names:
        info = noted.content_type.fields.get(name)
        if info is not None and info.shape is Shape.TO_MANY and (ids := noted.values.get(name)):
            target = changes.registry.target_of(info)
            if gone := await _gone(session, target, ids):  # which no change of this record tells
                title = f"The {noted.content_type.label.lower()} “{title_of(noted)}”"
                return await gone_since(session, changes, target, gone, title)
    later = [
        row
        for row in await session.execute(_later(noted.record_id).where(Revision.id > last))
        if (row.version >= FIRST_DRAFT) is (noted.version >= FIRST_DRAFT)
    ]
    guilty = next((row for row in later if not names or {*names} & row.before.keys()), later[0] if later else None)
    return await _conflict(session, changes, noted.content_type, title_of(noted), guilty, names)


async def _gone(session: AsyncSession, target: ContentType[Any], ids: Iterable[str]) -> list[str]:
    """Which of these records are not there any more."""
    there = await session.execute(select(target.model.id).where(target.model.id.in_(map(UUID, ids))))
    return sorted({*ids} - {str(record_id) for record_id in there.scalars()})


async def gone_since(
    session: AsyncSession, changes: Changes, target: ContentType[Any], ids: Collection[str], needed_by: str
) -> Conflict:
    """What to say where a record that a change needs is not there any more."""
    record_id = UUID(next(iter(ids)))
    newest = (await session.execute(_later(record_id).order_by(None).order_by(Revision.id.desc()).limit(1))).first()
    named = select(Revision.values).where(Revision.record_id == record_id).order_by(Revision.id.desc()).limit(1)
    values = (await session.execute(named)).scalar_one_or_none() or {}
    title = values.get(target.title_field) or str(record_id)
    said = f"{needed_by} needs the {target.label.lower()} “{title}”, which is not there"
    return await _told(session, changes, said, newest, ())


async def hangs_since(session: AsyncSession, changes: Changes, noted: Note, below: UUID) -> Conflict:
    """What to say where undoing a creation would take along what was put below the record since."""
    first = (await session.execute(_later(below).limit(1))).first()
    said = f"The {noted.content_type.label.lower()} “{title_of(noted)}” has others below it by now"
    return await _told(session, changes, said, first, ())


async def used_since(
    session: AsyncSession, changes: Changes, noted: Note, last: int, uses: Iterable[Use], said: Conflict
) -> Conflict:
    """What to say where a record can't go because others use it by now.

    :param last: the id of the revision of the change that is undone. :param uses: where the record may be used.
    :param said: the refusal to delete it, which names who uses it.
    """
    users = [(user, use) for use in uses if (user := await _user(session, use)) is not None]
    guilty = await _made(session, last, *users[0]) if users else None
    label, places = noted.content_type.label.lower(), "; ".join(said.extensions["usages"])
    return await _told(session, changes, f"The {label} “{title_of(noted)}” is used by {places}", guilty, ())


async def taken_since(
    session: AsyncSession, changes: Changes, noted: Note, last: int, slugs: Mapping[UUID, str], said: Conflict
) -> Conflict | None:
    """What to say where another record has by now what this one, or one below it, had, and no two can have.

    :param last: as `used_since` has it. :param slugs: those that records get back with it, where they have others.
    :param said: the refusal to give it back. :returns: None if it was for something else.
    """
    if (lost := await _lost(session, noted, slugs, said)) is None:
        return None
    owner, title, name, taken = lost
    model: Any = noted.content_type.model
    out = (model.trashed_at.is_(None),) if issubclass(model, Trashable) else ()
    use = Use(noted.content_type, and_(getattr(model, name) == taken, model.id != owner, *out), (name, "trashed_at"))
    holder = await _user(session, use)
    guilty = None if holder is None else await _made(session, last, holder, use)
    label = noted.content_type.label.lower()
    had = f"The {label} “{title}” had a {name} that another {label} has by now"
    told = await _told(session, changes, had, guilty, ())
    return Conflict(told.detail, errors=said.errors, **{**said.extensions, **told.extensions})


async def _lost(
    session: AsyncSession, noted: Note, slugs: Mapping[UUID, str], said: Conflict
) -> tuple[UUID, str, str, Any] | None:
    """Who can't get back what it had: its id and title, the field, and what that was. The first of several."""
    pointer = (said.errors[0].pointer if said.errors else None) or ""
    name = pointer.removeprefix("/")
    if _is_unique(noted.content_type, name):
        return noted.record_id, title_of(noted), name, noted.before.get(name, noted.values.get(name))
    if not pointer.startswith(BELOW):
        return None
    model: Any = noted.content_type.model
    owner = UUID(pointer.removeprefix(BELOW))
    own = select(getattr(model, noted.content_type.title_field), model.slug).where(model.id == owner)
    title, slug = (await session.execute(own)).one()
    return owner, title, "slug", slugs.get(owner, slug)


def _is_unique(content_type: ContentType[Any], name: str) -> bool:
    """Whether no two records may have one value of a field, those in the trash aside."""
    table: Any = content_type.model.__table__
    unique = [found.columns for found in table.indexes if found.unique]
    unique += [found.columns for found in table.constraints if isinstance(found, UniqueConstraint)]
    return any([column.key for column in columns] == [name] for columns in unique)


async def trashed_above(session: AsyncSession, noted: Note, last: int) -> str | None:
    """The id of the record that one is below, where a later change has put that into the trash.

    :param last: as `used_since` has it.
    """
    model: Any = noted.content_type.model
    above: str | None = noted.values.get("parent")
    if above is None or not (issubclass(model, Nested) and issubclass(model, Trashable)):
        return None
    undone = select(Revision.change_set_id).where(Revision.id == last).scalar_subquery()
    is_later = Revision.record_id == UUID(above), Revision.id > last, Revision.change_set_id != undone
    trashed = select(model.id).where(model.id == UUID(above), model.trashed_at.is_not(None))
    found = await session.execute(trashed.where(select(Revision.id).where(*is_later).exists()))
    return above if found.first() else None


async def _user(session: AsyncSession, use: Use) -> UUID | None:
    found = await session.execute(select(use.content_type.model.id).where(use.where).limit(1))
    record_id: UUID | None = found.scalar()
    return record_id


async def _made(session: AsyncSession, last: int, record_id: UUID, use: Use) -> Any:
    """The latest change after a revision that gave a record, or its draft, what it uses another one by."""
    undone = select(Revision.change_set_id).where(Revision.id == last).scalar_subquery()
    is_later = Revision.id > last, Revision.change_set_id != undone
    later = _later(record_id).where(*is_later).order_by(None).order_by(Revision.id.desc())
    rows = (row for row in await session.execute(later) if (row.version >= FIRST_DRAFT) is use.is_draft)
    is_it = (row for row in rows if not use.fields or row.verb == "created" or {*use.fields} & row.before.keys())
    return next(is_it, None)


async def _conflict(
    session: AsyncSession,
    changes: Changes,
    content_type: ContentType[Any],
    title: str,
    guilty: Any,
    names: Collection[str],
) -> Conflict:
    what = ", ".join(f"“{name}”" for name in names)
    said = f"The {content_type.label.lower()} “{title}” is not what this change made of it{what and f': see {what}'}"
    return await _told(session, changes, said, guilty, names)


async def _told(session: AsyncSession, changes: Changes, said: str, guilty: Any, names: Collection[str]) -> Conflict:
    errors = [FieldError(f"“{name}” was changed since.", f"/{name}") for name in names]
    if guilty is None:
        return Conflict(f"{said}. Nothing was undone.", errors=errors)
    people = changes.people
    named = await session.run_sync(lambda sync: name_actors(sync.connection(), people, [guilty.actor_id]))
    who = next((person["name"] for person in named.values() if person["name"]), None)
    by = f" by {who}" if who else ""
    time = f"{guilty.occurred_at:%Y-%m-%d %H:%M:%S} UTC"
    detail = f"{said}: it was {guilty.verb}{by} on {time}. Undo that change first; nothing was undone."
    return Conflict(detail, errors=errors, later_change=str(guilty.change_set_id))


def title_of(noted: Note) -> str:
    """What to call the record of a note."""
    return str(noted.values.get(noted.content_type.title_field) or noted.record_id)


def _later(record_id: UUID) -> Select[Any]:
    joined = select(*_LATER).join_from(Revision, ChangeSet, ChangeSet.id == Revision.change_set_id)
    return joined.where(Revision.record_id == record_id).order_by(Revision.id)
