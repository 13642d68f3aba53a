"""Toys: their tables, their application, and a way to make some."""

from collections.abc import AsyncIterator
from typing import Any, Protocol
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from cms.crud.content_type import ContentType
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from tests.databases import Server, create_tables
from tests.toys import Toy, create_toy_app, moon, planet, star


class Make(Protocol):
    """Makes a record as the system, through its service; columns that nobody may write are set afterwards."""

    async def __call__(self, content_type: ContentType[Any], **values: Any) -> Any: ...


@pytest.fixture
def database_url(server: Server) -> str:
    """The URL of a database with the tables of the toys, empty."""
    return server.empty("toys", create_tables(Toy.metadata))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the toys, empty."""
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture(scope="session")
def built_app() -> FastAPI:
    """The application of toys, put together once: that takes longer than most tests."""
    return create_toy_app()


@pytest.fixture
def app(built_app: FastAPI, database: Database) -> FastAPI:
    """The application of toys over the database."""
    built_app.state.database = database
    return built_app


@pytest.fixture
def reader(app: FastAPI) -> Reader:
    """The application's reader."""
    found: Reader = app.state.reader
    return found


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application's API; failures of the application reach it as answers."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
        yield client


@pytest.fixture
def make(database: Database, reader: Reader) -> Make:
    """Makes records."""

    async def make(content_type: ContentType[Any], **values: Any) -> Any:
        unwritable = {name: values.pop(name) for name in set(values) - set(content_type.write_fields)}
        async with database.session() as session:
            service = UnitOfWork(session, SYSTEM, reader).service(content_type)
            record = await service.create(create_schema(content_type)(**values))
            if unwritable:
                model = content_type.model
                await session.execute(update(model).where(model.id == record.id).values(unwritable))
        return record

    return make


@pytest.fixture
async def sun(make: Make) -> Any:
    """The star that planets of tests go round."""
    return await make(star, name="Sun", slug="sun")


class Sky:
    """What many tests look at: a hidden row beside a visible one, wherever a row can be hidden."""

    def __init__(self, make: Make) -> None:
        self._make = make

    async def planet(self, name: str, **values: Any) -> Any:
        """A planet of the sun."""
        return await self._make(planet, **{"name": name, "star": "sun", **values})

    async def moon(self, name: str, planet_id: UUID, **values: Any) -> Any:
        """A moon of a planet."""
        return await self._make(moon, **{"name": name, "planet": str(planet_id), **values})


@pytest.fixture
def sky(make: Make, sun: Any) -> Sky:
    """Makes planets and moons."""
    return Sky(make)
