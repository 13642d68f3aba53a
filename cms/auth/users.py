"""Users: who may sign in, in which role. The one place where accounts are made and changed."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Boolean, func, inspect, select
from sqlalchemy.orm import Mapped, mapped_column

from cms.auth.passwords import hash_password
from cms.auth.sessions import close_sessions_of
from cms.auth.strength import LONGEST, SHORTEST, weakness
from cms.crud.conditional import check_version
from cms.crud.content_type import ContentType
from cms.crud.fields import Control, Rules, choice, text
from cms.crud.models import Record
from cms.crud.policy import Action, AdminOnly, Role
from cms.crud.problems import Conflict, FieldError, Invalid, Unauthorized
from cms.crud.search import Searchable
from cms.crud.service import Service
from cms.crud.zones import ZONE_EXAMPLE, ZONE_LENGTH, is_zone, no_zone

EMAIL_LENGTH = 254
NAME_LENGTH = 100
EMAIL_PATTERN = r'^[^\s@"(),:;<>\[\]\\]{1,64}@[^\s@"(),:;<>\[\]\\_.-]+(?:[.-][^\s@"(),:;<>\[\]\\_.-]+)*$'

ZONE_HINT = (
    f"The zone of the times in the back office, such as {ZONE_EXAMPLE}; UTC and the browser's where there is none."
)

OWN_FIELDS = ("email", "name", "time_zone", "password")
"""What everybody may change of their own account."""

_ADMINS_LOCK = 0x6D617374
"""The PostgreSQL advisory lock under which administrators are counted; a number that nothing else uses."""


class User(Searchable, Record):
    """An account."""

    __tablename__ = "users"
    __natural_key__: ClassVar[str | None] = "email"

    email: Mapped[str] = text(
        EMAIL_LENGTH,
        Rules(
            Control.EMAIL,
            3,
            EMAIL_PATTERN,
            "An e-mail address to sign in with, such as ada@example.org.",
        ),
        unique=True,
    )
    name: Mapped[str] = text(NAME_LENGTH, Rules(minimum=1, hint="How everybody sees this user."), unique=True)
    role: Mapped[Role] = choice(Role, default=Role.READER, index=True)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, index=True)
    time_zone: Mapped[str | None] = text(ZONE_LENGTH, Rules(Control.TIME_ZONE, 1, hint=ZONE_HINT, example=ZONE_EXAMPLE))
    password: Mapped[str] = text(
        LONGEST,
        Rules(Control.PASSWORD, SHORTEST, hint=f"At least {SHORTEST} characters, and hard to guess."),
        name="hashed_password",
        key="password",
    )
    """The argon2 hash. What is assigned is a password; the service hashes it before it is saved."""


class UserService(Service[User]):
    """Writes accounts: strong passwords, hashed; always an administrator; sessions that end in time."""

    async def prepare(self, record: User, changed: frozenset[str]) -> None:
        """Normalise, check and hash what was assigned; end the sessions that the change makes wrong.

        :raises Invalid: naming each field that can't be accepted.
        :raises Conflict: if nobody would be left to administer.
        """
        record.email = normalise_email(record.email)
        record.name = normalise_name(record.name)
        has_new_password = _has_changed(record, "password")
        if errors := _errors_of(record, has_new_password=has_new_password):
            raise Invalid(" ".join(error.detail for error in errors), errors=errors)
        if has_new_password:  # before anything asks the database, which would write the password as it was typed
            record.password = await hash_password(record.password)
        if inspect(record).persistent:
            with self.session.no_autoflush:
                await self._keep_an_admin(record, is_leaving=not _is_admin(record.role, record.is_active))
                await self._end_sessions(record, has_new_password=has_new_password)

    async def delete(self, record: User, expected: int) -> None:
        """Delete an account that nothing refers to; its sessions go with it.

        :raises Conflict: if it is in use, or the last active administrator.
        """
        self.require(Action.DELETE, record)
        check_version(expected, record.version)
        await self._keep_an_admin(record, is_leaving=True)
        await super().delete(record, expected)

    async def sign_out(self, key: str) -> User:
        """End all sessions of an account: its tokens and cookies are worth nothing from the next request on.

        :raises NotFound: if there is no such account. :raises Forbidden: if the actor may not change it.
        """
        record = await self.get(key, Action.UPDATE)
        await close_sessions_of(self.session, record.id)
        return record

    async def own(self) -> User:
        """The account of the actor, locked.

        :raises Unauthorized: if nobody is signed in.
        """
        statement = select(User).where(User.id == self.actor.id, User.is_active).with_for_update()
        record = (await self.session.execute(statement)).scalar_one_or_none()
        if record is None:
            raise Unauthorized()
        return record

    async def update_own(self, record: User, values: Mapping[str, Any], expected: int) -> User:
        """Change one's own account, which the policy leaves to administrators otherwise.

        :param values: any of `email`, `name`, `time_zone` and `password`; nobody gives themselves a role.
        :raises PreconditionFailed: if `expected` is not the current version.
        """
        check_version(expected, record.version)
        allowed = {name: values[name] for name in OWN_FIELDS if name in values}
        return await self._change(record, allowed, set(allowed))

    async def _keep_an_admin(self, record: User, *, is_leaving: bool) -> None:
        was_admin = _is_admin(_previous(record, "role"), _previous(record, "is_active"))
        if not (was_admin and is_leaving):
            return
        if self.session.get_bind().dialect.name == "postgresql":
            # Two who remove each other would each still count the other. SQLite has one writer anyway.
            await self.session.execute(select(func.pg_advisory_xact_lock(_ADMINS_LOCK)))
        others = select(User.id).where(User.role == Role.ADMIN, User.is_active, User.id != record.id).limit(1)
        if (await self.session.execute(others)).first() is None:
            raise Conflict(
                f"“{_previous(record, 'name')}” is the last active administrator and has to stay one. "
                "Make somebody else administrator first."
            )

    async def _end_sessions(self, record: User, *, has_new_password: bool) -> None:
        if _has_changed(record, "role") or (_has_changed(record, "is_active") and not record.is_active):
            await close_sessions_of(self.session, record.id)
        elif has_new_password:
            kept = self.actor.session_id if record.id == self.actor.id else None
            await close_sessions_of(self.session, record.id, except_=kept)


user = ContentType(
    User,
    name="users",
    read_fields=("id", "name", "email", "role", "is_active", "time_zone", "version", "created_at", "updated_at"),
    write_fields=("email", "name", "role", "is_active", "time_zone", "password"),
    reference_fields=("id", "name"),
    list_fields=("name", "email", "role", "is_active", "created_at"),
    search_fields=("name", "email"),
    filter_fields=("email", "name", "role", "is_active", "created_at"),
    sort_fields=("name", "email", "role", "created_at", "updated_at"),
    policy=AdminOnly(),
    service=UserService,
)


def normalise_email(email: str) -> str:
    """The one spelling of an e-mail address under which an account is kept and found."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).casefold())


def normalise_name(name: str) -> str:
    """The one spelling of a name: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def is_email(email: str) -> bool:
    """Whether a normalised text can be the e-mail address of an account."""
    return len(email) <= EMAIL_LENGTH and re.fullmatch(EMAIL_PATTERN, email) is not None and email.isprintable()


def _errors_of(record: User, *, has_new_password: bool) -> list[FieldError]:
    errors = []
    if not is_email(record.email):
        errors.append(FieldError("This is no e-mail address, such as ada@example.org.", "/email"))
    if not 0 < len(record.name) <= NAME_LENGTH or not record.name.isprintable():
        errors.append(FieldError(f"A name has 1 to {NAME_LENGTH} characters that can be seen.", "/name"))
    if record.role is Role.ANONYMOUS:
        errors.append(FieldError("An account is reader, author, editor or admin.", "/role"))
    if record.time_zone is not None and not is_zone(record.time_zone):
        errors.append(FieldError(no_zone(record.time_zone), "/time_zone"))
    problem = weakness(record.password, (record.name, record.email)) if has_new_password else None
    return [*errors, FieldError(problem, "/password")] if problem else errors


def _is_admin(role: Role, is_active: bool) -> bool:
    return role is Role.ADMIN and is_active


def _has_changed(record: User, name: str) -> bool:
    return bool(inspect(record).attrs[name].history.has_changes())


def _previous(record: User, name: str) -> Any:
    """The value that is still in the database."""
    history = inspect(record).attrs[name].history
    return history.deleted[0] if history.deleted else getattr(record, name)
