"""Making accounts from the command line and from files: the first administrator has nobody to make it."""

from pydantic import ValidationError

from cms.auth.users import User, user
from cms.crud.policy import Role
from cms.crud.problems import invalid_from
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork


async def create_user(work: UnitOfWork, email: str, role: Role, password: str, name: str = "") -> User:
    """Make an account.

    :param work: on behalf of an administrator, or of the system.
    :param name: how others see the user; by default what stands before the `@`.
    :raises Problem: with a sentence for each value that can't be accepted.
    """
    values = {"email": email, "name": name or email.partition("@")[0], "role": role, "password": password}
    try:
        data = create_schema(user)(**values)
    except ValidationError as error:
        raise invalid_from(error) from None
    return await work.service(user).create(data)
