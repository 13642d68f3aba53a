"""Trees: a record's path follows its parent's, and no record is its own ancestor."""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, and_, func, literal, select, update

from cms.crud.conflicts import in_use
from cms.crud.content_type import M
from cms.crud.fields import as_predicate
from cms.crud.policy import Action
from cms.crud.problems import FieldError, Invalid
from cms.crud.search import like_pattern
from cms.crud.usages import name_records
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
        if depth > MAX_DEPTH:
            raise _misplaced(f"That is {depth} levels deep; at most {MAX_DEPTH} are possible.")
        if length > LONGEST_PATH:
            raise _misplaced(f"That makes a path of {length} characters; {LONGEST_PATH} fit. Shorten the slugs.")

    async def delete(self, record: M, expected: int) -> None:
        """Refuse to trash what others stand below; what is deleted for good is refused by its foreign key.

        :raises Conflict: naming them.
        """
        self.require(Action.DELETE, record)
        if isinstance(record, Trashable):
            model: Any = self.content_type.model
            below = and_(model.parent_id == record.id, *not_trashed(model))
            if names := await name_records(self.session, self.content_type, below, self.actor):
                raise in_use(self.content_type, names)
        await super().delete(record, expected)

    async def _path_of(self, record_id: Any) -> str:
        if record_id is None:
            return ""
        model: Any = self.content_type.model
        found = await self.session.execute(select(model.path).where(model.id == record_id).with_for_update())
        return str(found.scalar_one())

    async def _move_descendants(self, old: str, new: str) -> None:
        model: Any = self.content_type.model
        moved = literal(new).concat(func.substr(model.path, len(old) + 1))
        await self.session.execute(
            update(model).where(self._below(old)).values(path=moved).execution_options(synchronize_session=False)
        )

    def _below(self, path: str) -> ColumnElement[bool]:
        model: Any = self.content_type.model
        return as_predicate(model.path.like(like_pattern(f"{path}/", before=""), escape="\\"))


def _misplaced(detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, "/parent")])
