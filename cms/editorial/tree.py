"""Trees: a record's path follows its parent's, and no record is its own ancestor."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, literal, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value

from cms.crud.conditional import check_version
from cms.crud.content_type import ContentType, M
from cms.crud.fields import as_predicate
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid
from cms.crud.relations import lock_records
from cms.crud.search import like_pattern
from cms.editorial.behaviours import MAX_DEPTH, Publishable, Trashable, not_trashed
from cms.editorial.notes import Note
from cms.editorial.recorder import note
from cms.editorial.snapshots import snapshot
from cms.editorial.workflow import EditorialService
from cms.events.outbox import emit

LONGEST_PATH = 1000
"""The most characters of a path; its column holds no more."""
ROOM = 100
"""How far apart siblings are put that get new positions: the next ones find room between them."""
_LAST = 2**31 - 1


class TreeService(EditorialService[M]):
    """A service of `Nested` records."""

    slug_columns: ClassVar[frozenset[str]] = frozenset({"slug", "path"})

    async def prepare(self, record: M, changed: frozenset[str]) -> None:
        """Keep the path of the record, and of all below it, in step with its parent and slug."""
        await super().prepare(record, changed)
        node: Any = record
        if getattr(node, "trashed_at", None) is not None:
            return  # what is in the trash gets its path when it comes out
        above = await self._path_of(node.parent_id)
        path = f"{above}/{node.slug}"
        if node.path == path:
            return
        old = await self._former_path(node)
        if old == path:  # moved along with what is above it, since it was loaded
            node.path = path
            return
        if old is not None and f"{above}/".startswith(f"{old}/"):
            raise _misplaced("A record can't be placed below itself; choose another parent.")
        await self._check_fit(old, path)
        if old is not None:
            await self._move_descendants(old, path)
        node.path = path

    async def _former_path(self, node: Any) -> str | None:
        """Where a record is by now; nowhere, if it is new, whatever path it was not inserted for."""
        if node.path is None:
            return None
        model: Any = self.content_type.model
        path: str | None = await self.session.scalar(select(model.path).where(model.id == node.id))
        return path

    async def _check_fit(self, old: str | None, new: str) -> None:
        """Refuse a path that is too deep or too long, of the record or of any below it."""
        depth, length = new.count("/"), len(new)
        if old is not None:
            path: Any = self.content_type.model.path  # type: ignore[attr-defined]  # of `Nested`
            slashes = func.length(path) - func.length(func.replace(path, "/", ""))
            deepest = select(func.max(slashes), func.max(func.length(path))).where(self._below(old))
            most, longest = (await self.session.execute(deepest)).one()
            depth += max(0, (most or 0) - old.count("/"))
            length += max(0, (longest or 0) - len(old))
        _require_room(depth, length)

    async def get(self, key: str | UUID, action: Action = Action.READ) -> M:
        """As ever; who is to write waits for the others who do."""
        if action is not Action.READ:
            await self.hold()
        return await super().get(key, action)

    async def hold(self) -> None:
        """Let one transaction at a time write to the tree: each locks parents and children, in no one order."""
        if self.session.get_bind().dialect.name == "postgresql":
            table = self.content_type.model.__tablename__
            await self.session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"tree of {table}"))))

    async def below(self, record: M) -> Sequence[M]:
        """All records below it, level by level."""
        model: Any = self.content_type.model
        ids = select(model.id).where(model.parent_id == record.id).cte(recursive=True)
        ids = ids.union_all(select(model.id).where(model.parent_id == ids.c.id))
        found: Sequence[Any] = await lock_records(
            self.session, self.content_type, self.actor, model.id.in_(select(ids.c.id))
        )
        levels: list[list[Any]] = [[record]]
        while levels[-1]:
            above = {node.id for node in levels[-1]}
            levels.append([node for node in found if node.parent_id in above])
        return [node for level in levels[1:] for node in level]

    async def place(self, records: Sequence[M]) -> None:
        """Make the paths anew: what is above them may have moved meanwhile."""
        first, *below = cast("Sequence[Any]", records)
        paths = {first.parent_id: await self._path_of(first.parent_id)}
        for node in (first, *below):
            node.path = paths[node.id] = f"{paths[node.parent_id]}/{node.slug}"
            _require_room(node.path.count("/"), len(node.path))

    async def addresses(self, record: M) -> Mapping[UUID, str]:
        """Its path, and those of all below it that readers see: nobody is to learn of others."""
        model: Any = self.content_type.model
        node: Any = record
        is_seen = [model.is_published] if issubclass(model, Publishable) else []
        of_them = select(model.id, model.path).where(or_(model.id == node.id, and_(self._below(node.path), *is_seen)))
        found = await self.session.execute(of_them)
        return {row.id: row.path for row in found}

    async def move(self, record: M, parent_id: UUID | None, after_id: UUID | None, expected: int) -> Sequence[M]:
        """Put the record below another, or at the top: right after one that is there, or first of all.

        :returns: the record, and those whose positions had to make room for it.
        :raises PreconditionFailed: if `expected` is not the current version. :raises Invalid: if it can't be there.
        :raises Conflict: if the one that it is to follow is somewhere else by now.
        """
        self.require(Action.UPDATE, record)
        check_version(expected, record.version)
        positions = await self._positions_around(record, parent_id, after_id)
        position = positions.pop(record.id)
        others = await self._make_room(positions)
        parent = str(parent_id) if parent_id is not None else None
        await self.change(record, {"parent": parent, "position": position})
        return [record, *others]

    async def _make_room(self, positions: Mapping[UUID, int]) -> Sequence[M]:
        """Give records these positions: in one statement, where a flush would send one for each of them."""
        if not positions:
            return ()
        model: Any = self.content_type.model
        found: Sequence[Any] = await lock_records(self.session, self.content_type, self.actor, model.id.in_(positions))
        for node in found:
            self.require(Action.UPDATE, node)
        rows = [{"of_id": node.id, "to": positions[node.id], "next": node.version + 1} for node in found]
        moved = update(model.__table__).where(model.id == bindparam("of_id"))
        moved = moved.values(position=bindparam("to"), version=bindparam("next"))
        await (await self.session.connection()).execute(moved, rows)
        for node in found:
            before = {"position": node.position}
            set_committed_value(node, "position", positions[node.id])
            set_committed_value(node, "version", node.version + 1)
            values = snapshot(self.content_type, node)
            note(self.session.sync_session, Note(self.content_type, node.id, "updated", node.version, before, values))
        await self.follow(found)
        return found

    async def _positions_around(self, moved: Any, parent_id: UUID | None, after_id: UUID | None) -> dict[UUID, int]:
        """The position that a record needs to follow a sibling, and those that siblings need to make room, by id."""
        model: Any = self.content_type.model
        is_sibling = (model.parent_id == parent_id, model.id != moved.id, *not_trashed(model))
        found = await self.session.execute(
            select(model.id, model.position).where(*is_sibling).order_by(*in_order(self.content_type))
        )
        known = {row.id: row.position for row in found}
        ids = list(known)
        if after_id is not None and after_id not in known:
            raise Conflict("What it was put behind is somewhere else by now, so nothing was moved.")
        at = ids.index(after_id) + 1 if after_id is not None else 0
        position = find_room([*known.values()], at, moved.position)
        if position is not None:
            return {moved.id: position}
        ids.insert(at, moved.id)
        spaced = {record_id: place * ROOM for place, record_id in enumerate(ids, 1)}
        return {id_: place for id_, place in spaced.items() if id_ == moved.id or place != known[id_]}

    async def _path_of(self, record_id: Any) -> str:
        if record_id is None:
            return ""
        model: Any = self.content_type.model
        above = select(model.path, *_trashed_at(model)).where(model.id == record_id).with_for_update()
        path, *trashed_at = (await self.session.execute(above)).one()
        if any(trashed_at):
            raise Conflict(f"The {self.content_type.label.lower()} above it is in the trash; restore that first.")
        return str(path)

    async def _move_descendants(self, old: str, new: str) -> None:
        """Give all below its path; they are no other than before, so that nothing but an event tells of it."""
        model: Any = self.content_type.model
        moved = literal(new).concat(func.substr(model.path, len(old) + 1))
        statement = update(model).where(self._below(old)).values(path=moved).returning(model.id, model.version)
        found = await self.session.execute(statement, execution_options={"synchronize_session": False})
        of_all = {"kind": f"{self.content_type.singular}.moved", "record_type": self.content_type.name}
        events = [
            {**of_all, "record_id": row.id, "version": row.version, "actor_id": self.actor.id} for row in found.all()
        ]
        await self.session.run_sync(lambda session: emit(session.connection(), events))

    def _below(self, path: str) -> ColumnElement[bool]:
        model: Any = self.content_type.model
        is_below = as_predicate(model.path.like(like_pattern(f"{path}/", before=""), escape="\\"))
        return and_(is_below, *not_trashed(model))  # what is in the trash gets its path when it comes out


def in_order(content_type: ContentType[Any]) -> tuple[Any, ...]:
    """The order of siblings, as columns: by their positions; those of the same position by their titles."""
    model: Any = content_type.model
    return model.position, getattr(model, content_type.title_field), model.id


def find_room(positions: Sequence[int], at: int, now: int) -> int | None:
    """A position between two neighbours, by preference the present one; None where they leave no room.

    :param positions: of the siblings, in their order. :param at: how many of them come before.
    """
    floor = positions[at - 1] if at else -1
    ceiling = positions[at] if at < len(positions) else min(floor + 2 * ROOM, _LAST)
    if floor < now < ceiling:
        return now
    return (floor + ceiling) // 2 if ceiling - floor > 1 else None


def _trashed_at(model: Any) -> tuple[Any, ...]:
    return (model.trashed_at,) if issubclass(model, Trashable) else ()


def _require_room(depth: int, length: int) -> None:
    if depth > MAX_DEPTH:
        raise _misplaced(f"That is {depth} levels deep; at most {MAX_DEPTH} are possible.")
    if length > LONGEST_PATH:
        raise _misplaced(f"That makes a path of {length} characters; {LONGEST_PATH} fit. Shorten the slugs.")


def _misplaced(detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, "/parent")])
