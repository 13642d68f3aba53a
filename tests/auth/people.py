"""People of the tests: their accounts, their sessions, and how they sign in."""

from typing import NamedTuple, Protocol
from uuid import UUID

import httpx
from sqlalchemy import Connection, func, select

from cms.auth.sessions import UserSession
from cms.auth.users import User, user
from cms.crud.policy import Role
from cms.crud.registry import Registry
from cms.database import Database

SECRET = "a secret of the tests, and of nothing else"  # noqa: S105 - as it says
PASSWORD = "slow tides under glass"  # noqa: S105 - of everybody here
NEW_PASSWORD = "velvet gravel teapot"  # noqa: S105 - of whoever changes it

registry = Registry(user)


class Person(NamedTuple):
    """An account of a test, and how it signs in."""

    id: UUID
    email: str
    name: str
    client: httpx.AsyncClient

    async def log_in(self, password: str = PASSWORD) -> httpx.Response:
        """Try to sign in."""
        return await log_in(self.client, self.email, password)

    async def bearer(self, password: str = PASSWORD) -> dict[str, str]:
        """Sign in; the headers of that session, a new one each time."""
        response = await self.log_in(password)
        assert response.status_code == 200, response.text
        return {"Authorization": f"Bearer {response.json()['access_token']}"}


class Connect(Protocol):
    """Makes a client of the API that calls from an address."""

    def __call__(self, address: str = "203.0.113.1") -> httpx.AsyncClient: ...


class Enrol(Protocol):
    """Makes an account, as the system."""

    async def __call__(self, name: str, role: Role = Role.READER, *, is_active: bool = True) -> Person: ...


async def log_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    """Try to sign in."""
    return await client.post("/auth/login", data={"username": email, "password": password})


async def account_of(database: Database, email: str) -> User | None:
    """The row of an account."""
    async with database.session() as session:
        return (await session.execute(select(User).where(User.email == email))).scalar_one_or_none()


async def count_sessions(database: Database, user_id: UUID) -> int:
    """How many sessions a user has."""

    def count(connection: Connection) -> int:
        query = select(func.count()).select_from(UserSession).where(UserSession.user_id == user_id)
        return int(connection.execute(query).scalar_one())

    return await database.read(count)


async def count_users(database: Database) -> int:
    """How many accounts there are."""

    def count(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(User)).scalar_one())

    return await database.read(count)
