"""The whole application as tests meet it: migrated tables, every door, and somebody of each role, signed in."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import Connection, Table, select

from cms.auth.sessions import SessionKind, open_session
from cms.auth.throttle import Throttle
from cms.auth.tokens import Claims, Tokens
from cms.auth.users import User
from cms.config import Settings
from cms.content.site import SITE_ID, Site
from cms.crud.content_type import ContentType
from cms.crud.models import Base
from cms.crud.policy import ANONYMOUS, Actor, Role
from cms.crud.registry import Registry
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.editorial.recorder import record_changes
from cms.media.storage import open_storage

API = "/api/v1"
SECRET = "the secret of a test installation"  # noqa: S105 - as it says
SIGNED_IN = tuple(role for role in Role if role is not Role.ANONYMOUS)


class Person(NamedTuple):
    """Somebody who is signed in, over REST and in the back office.

    :param token: what the Authorization header carries.
    :param cookie: what the browser's cookie carries.
    """

    actor: Actor
    token: str
    cookie: str


@dataclass(frozen=True)
class Installation:
    """A running application.

    :param people: one of each role.
    """

    app: FastAPI
    client: httpx.AsyncClient
    people: Mapping[Role, Person]

    @property
    def database(self) -> Database:
        """Its database."""
        database: Database = self.app.state.database
        return database

    @property
    def registry(self) -> Registry:
        """Its content types."""
        registry: Registry = self.app.state.registry
        return registry

    def actor(self, role: Role) -> Actor:
        """The one of that role."""
        return self.people[role].actor if role in self.people else ANONYMOUS

    async def send(
        self,
        method: str,
        path: str,
        role: Role = Role.ANONYMOUS,
        *,
        headers: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        """Call the API as somebody.

        :param path: below `/api/v1`.
        :param rest: whatever httpx takes, such as `json`.
        """
        person = self.people.get(role)
        signed = {"Authorization": f"Bearer {person.token}"} if person else {}
        return await self.client.request(method, API + path, headers={**signed, **(headers or {})}, **rest)

    @asynccontextmanager
    async def work(self, role: Role = Role.ADMIN) -> AsyncIterator[UnitOfWork]:
        """One transaction on behalf of the one of that role."""
        actor = self.actor(role)
        async with self.database.session() as session:
            yield UnitOfWork(session, actor, self.app.state.reader)

    async def make(self, content_type: ContentType[Any], role: Role = Role.ADMIN, **values: Any) -> Any:
        """A new record, written as the one of that role writes it."""
        async with self.work(role) as work:
            return await work.service(content_type).create(create_schema(content_type)(**values))

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a table, in the order of its primary key."""
        declared: Table = Base.metadata.tables[table]

        def read(connection: Connection) -> list[dict[str, Any]]:
            found = connection.execute(select(declared).order_by(*declared.primary_key.columns))
            return [dict(row) for row in found.mappings()]

        return await self.database.read(read)


def settings_for(url: str, media: Path, **others: Any) -> Settings:
    """The settings of an installation that writes no log files."""
    return Settings(
        database_url=url, media_url=str(media), secret_key=SecretStr(SECRET), log_directory=None, docs=True, **others
    )


@asynccontextmanager
async def installed(app: FastAPI, settings: Settings) -> AsyncIterator[Installation]:
    """The application over the database and the storage of these settings, with its people."""
    app.state.database, app.state.throttle = Database(settings.database_url), Throttle(None)
    app.state.storage = open_storage(settings.media_url)
    record_changes(app.state.database.sessions, app.state.registry)
    people = await furnish(app.state.database)
    for person in people.values():  # they are at work already, not strangers who wait for two seconds at most
        for name, value in ((b"authorization", f"Bearer {person.token}"), (b"cookie", f"masthead={person.cookie}")):
            app.state.gate.remember(app.state.gate.credential_of({"headers": [(name, value.encode())]}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Installation(app, client, people)
    await app.state.database.dispose()


async def furnish(database: Database, roles: Sequence[Role] = SIGNED_IN) -> dict[Role, Person]:
    """Bring in what a migrated database has but an emptied one lacks: the settings; and somebody of each role."""
    tokens, people = Tokens(SECRET), {}
    async with database.session() as session:
        if await session.get(Site, SITE_ID) is None:
            session.add(Site(id=SITE_ID))
        for number, role in enumerate(roles, 1):
            user_id, name = UUID(int=number), role.value.capitalize()
            session.add(User(id=user_id, email=f"{role}@example.org", name=name, role=role, password="!"))  # noqa: S106 - nobody types it
            await session.flush()
            bearer = await open_session(session, user_id, SessionKind.BEARER)
            browser = await open_session(session, user_id, SessionKind.BROWSER)
            token = tokens.write(Claims(user_id, bearer.id), bearer.expires_at)
            people[role] = Person(Actor(user_id, role, name, bearer.id), token, browser.secret)
    return people
