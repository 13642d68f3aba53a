"""Accounts: their tables, an application with the routes of authentication, and people who use it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from cms.auth import passwords
from cms.auth.accounts import create_user
from cms.auth.dependencies import get_actor, get_work
from cms.auth.passwords import Hasher
from cms.auth.router import build_auth_router
from cms.auth.throttle import Throttle
from cms.auth.users import User, user
from cms.config import Settings
from cms.crud.cursor import Cursors
from cms.crud.doors import Doors
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Role
from cms.crud.problem_handler import add_problem_handler
from cms.crud.problems import Unavailable
from cms.crud.router import add_routes, build_router
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.outages import DatabaseUnavailable
from tests.auth.people import PASSWORD, SECRET, Connect, Enrol, Person, registry
from tests.databases import Server, create_tables


@pytest.fixture(autouse=True)
def cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 at a thousandth of its cost, except where a test is about the cost."""
    if "real_hashes" not in request.fixturenames:
        monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))


@pytest.fixture
def real_hashes() -> None:
    """Hashes as expensive as they are outside of tests."""


@pytest.fixture
def database_url(server: Server) -> str:
    """The URL of a database with the tables of accounts, empty."""
    return server.empty("auth", create_tables(User.metadata))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of accounts, empty."""
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
def app(database: Database) -> FastAPI:
    """An application that knows users and nothing else."""
    app = FastAPI()
    app.state.settings = Settings(secret_key=SecretStr(SECRET))
    app.state.database = database
    app.state.reader = Reader(registry, Cursors(SECRET))
    app.state.throttle = Throttle(None)
    add_problem_handler(app, {DatabaseUnavailable: Unavailable})
    doors = Doors(registry, get_actor, get_work, "/api/v1")
    add_routes(app, build_auth_router(doors.prefix), build_router(user, doors))
    return app


@pytest.fixture
async def connect(app: FastAPI) -> AsyncIterator[Connect]:
    """Makes clients of the API, each from an address of its own; failures of the application reach them as answers."""
    clients: list[httpx.AsyncClient] = []

    def connect(address: str = "203.0.113.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40000))
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1"))
        return clients[-1]

    yield connect
    for client in clients:
        await client.aclose()


@pytest.fixture
def client(connect: Connect) -> httpx.AsyncClient:
    """A client of the API."""
    return connect()


@pytest.fixture
def enrol(app: FastAPI, database: Database, client: httpx.AsyncClient) -> Enrol:
    """Makes accounts, as the system."""

    async def enrol(name: str, role: Role = Role.READER, *, is_active: bool = True) -> Person:
        async with database.session() as session:
            work = UnitOfWork(session, SYSTEM, app.state.reader)
            account = await create_user(work, f"{name.lower()}@example.org", role, PASSWORD, name)
            account.is_active = is_active
        return Person(account.id, account.email, account.name, client)

    return enrol


@pytest.fixture
async def reader(enrol: Enrol) -> Person:
    """Somebody with the least role."""
    return await enrol("Rita")


@pytest.fixture
async def admin(enrol: Enrol) -> Person:
    """The only administrator."""
    return await enrol("Boss", Role.ADMIN)
