"""What the public may see, as a predicate, handed to the core's read plan."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from cms.crud.fields import as_predicate
from cms.crud.policy import ACTOR_ID, Action, Actor, Policy, Role
from cms.editorial.behaviours import Status, not_trashed, published

_STAGES = frozenset({"published_at", "unpublish_at", "review", "review_note"})


class OutsideOfTrash(Policy):
    """Everybody sees what is not in the trash; what is, staff see where they ask for it, authors what is their own."""

    def visible(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        """Anything but the trash."""
        return and_(*not_trashed(table)) if not_trashed(table) else None

    def aside(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        """The trash: all of it for staff, what is their own for authors."""
        if not not_trashed(table):
            return None
        is_trashed = as_predicate(table.trashed_at.is_not(None))
        if role.at_least(Role.EDITOR):
            return is_trashed
        if role.at_least(Role.AUTHOR) and self.own is not None:
            return and_(getattr(table, self.own) == ACTOR_ID, is_trashed)
        return None

    def looks_aside(self, filters: Sequence[tuple[Any, Any]]) -> bool:
        """Whether a filter names the status of what is in the trash."""
        return any(
            spec.name == "status" and (value == Status.TRASHED if spec.operator == "eq" else Status.TRASHED in value)
            for spec, value in filters
            if spec.operator in {"eq", "in"}
        )


class PublishedOrStaff(OutsideOfTrash):
    """The public sees what is published, authors their own besides, staff everything that is not in the trash.

    Authors write and submit their own; when something goes public is for editors to say.

    :param own: the column that holds the author's id; None where records have no author.
    """

    def __init__(self, own: str | None = None) -> None:
        super().__init__(own=own)

    def can(self, actor: Actor, action: Action, record: Any = None) -> bool:
        """Authors change and delete what is still theirs alone: once it has a time to go public, it is for editors.

        A working draft over it remains theirs: it changes nothing that anybody else sees.
        """
        if action in {Action.UPDATE, Action.DELETE} and record is not None and not actor.is_staff:
            return super().can(actor, action, record) and record.published_at is None
        return super().can(actor, action, record)

    def reason(self, actor: Actor, action: Action, record: Any) -> str | None:
        """That it is the author's own, but published, is no matter of role."""
        is_own = self.own is not None and getattr(record, self.own) == actor.id
        if is_own and record.published_at is not None and action in {Action.UPDATE, Action.DELETE}:
            return "This is published, or about to be; ask an editor to change it."
        return None

    def can_set(self, actor: Actor, field: str, value: Any) -> bool:
        """Authors neither schedule nor approve, nor hand their work to another name."""
        if actor.is_staff:
            return True
        if field in _STAGES:
            return value is None
        is_owner_field = self.own is not None and field == self.own.removesuffix("_id")
        return not is_owner_field or value is None or str(value).lower() == str(actor.id)

    def visible(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        """Published, or the actor's own, or anything for staff; never the trash."""
        if role.at_least(Role.EDITOR):
            return super().visible(table, role)
        if role.at_least(Role.AUTHOR) and self.own is not None:
            # That it is not trashed is said outside: only then does the index of slugs serve, which holds no others.
            return and_(*not_trashed(table), or_(published(table), getattr(table, self.own) == ACTOR_ID))
        return published(table)
