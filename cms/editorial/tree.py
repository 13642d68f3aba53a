"""Trees: a record's path follows its parent's, and no record is its own ancestor."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, select, update

from cms.crud.content_type import M
from cms.crud.fields import as_predicate
from cms.crud.policy import Action
from cms.crud.problems import Conflict, FieldError, Invalid
from cms.crud.relations import lock_records
from cms.crud.search import like_pattern
from cms.editorial.behaviours import MAX_DEPTH, Trashable, not_trashed
from cms.editorial.workflow import EditorialService

LONGEST_PATH = 1000
"""The most characters of a path; its column holds no more."""


class TreeService(EditorialService[M]):
    """A service of `Nested` records."""

    slug_columns: ClassVar[frozenset[str]] = frozenset({"slug", "path"})

    async def prepare(self, record: M, changed: frozenset[str]) -> None:
        """Keep the path of the record, and of all below it, in step with its parent and slug."""
        await super().prepare(record, changed)
        node: Any = record
        above = await self._path_of(node.parent_id)
        path = f"{above}/{node.slug}"
        if node.path == path:
            return
        if node.path is not None and f"{above}/".startswith(f"{node.path}/"):
            raise _misplaced("A record can't be placed below itself; choose another parent.")
        await self._check_fit(node.path, path)
        if node.path is not None:
            await self._move_descendants(node.path, path)
        node.path = path

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
        model: Any = self.content_type.model
        moved = literal(new).concat(func.substr(model.path, len(old) + 1))
        await self.session.execute(
            update(model).where(self._below(old)).values(path=moved).execution_options(synchronize_session=False)
        )

    def _below(self, path: str) -> ColumnElement[bool]:
        model: Any = self.content_type.model
        is_below = as_predicate(model.path.like(like_pattern(f"{path}/", before=""), escape="\\"))
        return and_(is_below, *not_trashed(model))  # what is in the trash gets its path when it comes out


def _trashed_at(model: Any) -> tuple[Any, ...]:
    return (model.trashed_at,) if issubclass(model, Trashable) else ()


def _require_room(depth: int, length: int) -> None:
    if depth > MAX_DEPTH:
        raise _misplaced(f"That is {depth} levels deep; at most {MAX_DEPTH} are possible.")
    if length > LONGEST_PATH:
        raise _misplaced(f"That makes a path of {length} characters; {LONGEST_PATH} fit. Shorten the slugs.")


def _misplaced(detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, "/parent")])
