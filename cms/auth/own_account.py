"""Changing one's own account: what takes over an account asks for the present password, at every door."""

from uuid import UUID

from fastapi import Request
from sqlalchemy import Connection, select

from cms.auth.passwords import verify_password
from cms.auth.schemas import AccountUpdate
from cms.auth.throttle import Limit
from cms.auth.users import User, UserService, normalise_email, user
from cms.crud.problems import FieldError, Invalid, Unauthorized
from cms.crud.service import UnitOfWork

CONFIRMATIONS = Limit(10, 60)
"""Times that somebody signed in may try the present password."""


async def change_own_account(request: Request, work: UnitOfWork, data: AccountUpdate, expected: int) -> User:
    """Change one's name, e-mail address, time zone or password; a new password ends all other sessions.

    :param work: on behalf of whose account it is; it has not begun to write.
    :param expected: the version that the change was made from.
    :raises Invalid: for a value that won't do, or where the present password is needed and not right.
    :raises PreconditionFailed: if `expected` is not the current version.
    """
    confirmed = await _confirm(request, work.actor.id, data)
    service = UserService(work, user)
    account = await service.own()
    if confirmed is not None and account.password != confirmed:
        # Changed meanwhile, which ended this session.
        raise Unauthorized("Your password was changed meanwhile, which ended this session. Sign in again.")
    values = {name: getattr(data, name) for name in data.model_fields_set & {"email", "name", "time_zone"}}
    if "password" in data.model_fields_set:
        values["password"] = data.password.get_secret_value()
    return await service.update_own(account, values, expected)


async def _confirm(request: Request, user_id: UUID | None, data: AccountUpdate) -> str | None:
    """Have the present password proved where the change asks for it, before a transaction begins.

    :returns: the hash that it was compared with; None where no proof was needed.
    """
    state = request.app.state
    email, kept = await state.database.read(_find_account, user_id)
    has_new_email = "email" in data.model_fields_set and normalise_email(data.email) != email
    if not has_new_email and "password" not in data.model_fields_set:
        return None
    if data.current_password is None:
        raise _invalid("Send your present password too: it is needed to change the password or the e-mail address.")
    await state.throttle.check(f"confirm:{user_id}", CONFIRMATIONS)
    verdict = await verify_password(data.current_password.get_secret_value(), kept)
    if not verdict.is_right:
        raise _invalid("This is not your present password.")
    return str(kept)


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, "/current_password")])


def _find_account(connection: Connection, user_id: UUID) -> tuple[str, str | None]:
    row = connection.execute(select(User.email, User.password).where(User.id == user_id)).one_or_none()
    return ("", None) if row is None else (row.email, row.password)
