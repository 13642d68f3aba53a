"""Access in two questions: may this actor do that, and which rows may it see.

Every door asks the same policy. `visible` is a predicate over SQL, so a list, a join, a count, a filter and a search
all leave out the same rows; its result depends on the role alone, so that a read plan compiled for a role serves all
of its actors, whose id is bound as `ACTOR_ID` when the plan runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Uuid, bindparam


class Role(StrEnum):
    """What somebody may do, from least to most; each role may do what those before it may."""

    ANONYMOUS = "anonymous"
    READER = "reader"
    AUTHOR = "author"
    EDITOR = "editor"
    ADMIN = "admin"

    def at_least(self, role: "Role") -> bool:
        """Whether this role may do what `role` may."""
        return _RANK[self] >= _RANK[role]


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking.

    :param id: the user's id; None for the anonymous public and for the system.
    :param role: what the actor may do.
    :param name: how others see the actor.
    :param session_id: the session that the actor signed in with, if any.
    """

    id: UUID | None
    role: Role
    name: str = ""
    session_id: UUID | None = None

    @property
    def is_staff(self) -> bool:
        """Whether the actor works on everybody's content."""
        return self.role.at_least(Role.EDITOR)


class Door(StrEnum):
    """Which way a change came in."""

    REST = "rest"
    ADMIN = "admin"
    FILES = "files"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from, for whatever records it.

    :param actor_id: who is acting; None for the anonymous public and for the system.
    :param request_id: names the request in logs, where there is one.
    """

    actor_id: UUID | None = None
    door: Door = Door.SYSTEM
    request_id: str | None = None


ANONYMOUS = Actor(None, Role.ANONYMOUS)
SYSTEM = Actor(None, Role.ADMIN, "system")


class Action(StrEnum):
    """What can be done to content."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PUBLISH = "publish"
    DRAFT = "draft"
    """Save an edit that nobody sees but those who may make one."""
    PURGE = "purge"
    """Delete for good what is in the trash."""


ACTOR_ID: BindParameter[UUID] = bindparam("actor_id", type_=Uuid(), value=None)
"""The actor's id inside a visibility predicate; whoever runs a statement binds it."""


class Policy:
    """Who may do what to the records of a content type, and who sees which.

    :param read: the least role that may read the type at all.
    :param write: the least role that may create, change and delete any record.
    :param own: the column that holds a record's owner; the least role in `own_write` may create records, and change
        and delete those that it owns.
    :param own_write: see `own`.
    """

    def __init__(
        self,
        read: Role = Role.ANONYMOUS,
        write: Role = Role.EDITOR,
        *,
        own: str | None = None,
        own_write: Role = Role.AUTHOR,
    ) -> None:
        self.read = read
        self.write = write
        self.own = own
        self.own_write = own_write

    def can(self, actor: Actor, action: Action, record: Any = None) -> bool:
        """Whether the actor may do that: to the type where `record` is None, to this record otherwise."""
        if action is Action.READ:
            return actor.role.at_least(self.read)
        if action is Action.PURGE:
            return actor.role.at_least(Role.ADMIN)
        if actor.role.at_least(self.write):
            return True
        if self.own is None or action is Action.PUBLISH or not actor.role.at_least(self.own_write):
            return False
        return record is None or getattr(record, self.own) == actor.id

    def reason(self, actor: Actor, action: Action, record: Any) -> str | None:
        """Why the actor may not do that to a record, where that is more than a matter of role: one sentence."""
        return None

    def can_set(self, actor: Actor, field: str, value: Any) -> bool:
        """Whether the actor may give a writable field that value; asked for each field that was sent."""
        return True

    def visible(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        """Which rows a role sees, as a predicate over `table` (a mapped class or an alias of one); None means all."""
        return None

    def aside(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        """Which rows that are set aside, as in a trash, a role sees where it asks for them; None means none."""
        return None

    def looks_aside(self, filters: Sequence[tuple[Any, Any]]) -> bool:
        """Whether a list with these filters and values asks for rows that are set aside."""
        return False


class AdminOnly(Policy):
    """Only administrators may read and write; nested short forms stay visible, since they show public fields alone."""

    def __init__(self) -> None:
        super().__init__(read=Role.ADMIN, write=Role.ADMIN)
