"""fastapi-users over our own tables: its adapter, its manager and its strategy, in our unit of work.

Nothing here commits, nothing hashes in the event loop, and what may be written is an allow-list.
"""

from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from fastapi_users import BaseUserManager, UUIDIDMixin
from fastapi_users.authentication import Strategy
from fastapi_users.db import BaseUserDatabase
from fastapi_users.exceptions import UserAlreadyExists
from loguru import logger
from pydantic import ValidationError
from sqlalchemy import Connection, select

from cms.auth.actors import actor_of_bearer
from cms.auth.passwords import verify_password
from cms.auth.sessions import SessionKind, close_session, open_session
from cms.auth.tokens import Claims, Tokens
from cms.auth.users import User, UserService, is_email, normalise_email, user
from cms.crud.policy import SYSTEM, Role
from cms.crud.problems import Conflict, invalid_from
from cms.crud.schemas import create_schema
from cms.crud.service import UnitOfWork
from cms.database import Database


class UserDatabase(BaseUserDatabase[User, UUID]):  # type: ignore[type-var]  # mapped attributes satisfy the protocol
    """Reads and writes accounts within a unit of work; flushes, never commits."""

    def __init__(self, work: UnitOfWork) -> None:
        self._session = work.session
        # Whoever registers may not make accounts; the application makes one for them, with the least role.
        self._service = UserService(replace(work, actor=SYSTEM), user)

    async def get(self, id: UUID) -> User | None:
        """The account of that id, locked."""
        return await self._session.get(User, id, with_for_update=True)

    async def get_by_email(self, email: str) -> User | None:
        """The account of that e-mail address."""
        found = await self._session.execute(select(User).where(User.email == normalise_email(email)))
        return found.scalar_one_or_none()

    async def create(self, create_dict: dict[str, Any]) -> User:
        """Make an account of a reader, from `email`, `name` and `password`.

        :raises UserAlreadyExists: if the e-mail address is taken; the database decides, not a look before.
        :raises Problem: for anything else that can't be accepted.
        """
        try:
            data = create_schema(user)(**create_dict, role=Role.READER, is_active=True)
            return await self._service.create(data)
        except ValidationError as error:
            raise invalid_from(error) from None
        except Conflict as conflict:
            if any(error.pointer == "/email" for error in conflict.errors):
                raise UserAlreadyExists from conflict
            raise

    async def update(self, user: User, update_dict: dict[str, Any]) -> User:
        """Keep a better hash of an unchanged password; every other change goes through the service."""
        user.password = update_dict["hashed_password"]
        await self._session.flush()
        return user


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):  # type: ignore[type-var]  # as above
    """Registers and authenticates, off the event loop and without telling who exists."""

    def __init__(self, work: UnitOfWork, database: Database) -> None:
        super().__init__(UserDatabase(work))
        self._database = database

    async def register(self, email: str, name: str, password: str) -> User:
        """Make an account of a reader.

        :raises UserAlreadyExists: if the e-mail address is taken.
        """
        made = await self.user_db.create({"email": email, "name": name, "password": password})
        await self.on_after_register(made)
        return made

    async def authenticate(self, credentials: OAuth2PasswordRequestForm) -> User | None:
        """The active account of these credentials, locked.

        An unknown address, an inactive account and a wrong password cost the same and give the same None. The
        hash is compared before the transaction begins, so that no writer waits for it, and again in it.
        """
        found = await self._database.read(find_credentials, credentials.username)
        kept = found[1] if found is not None else None
        verdict = await verify_password(credentials.password, kept)
        if found is None or not verdict.is_right:
            return None
        user = await self.user_db.get(found[0])
        if user is None or not user.is_active or user.password != kept:
            return None
        if verdict.better is not None:
            await self.user_db.update(user, {"hashed_password": verdict.better})
        return user

    async def on_after_register(self, user: User, request: Request | None = None) -> None:
        """Log it, by id: the log holds no addresses."""
        logger.info("Registered: user {}", user.id)

    async def on_after_login(
        self, user: User, request: Request | None = None, response: Response | None = None
    ) -> None:
        """Log it, as above."""
        logger.info("Signed in: user {}", user.id)


class SessionStrategy(Strategy[User, UUID]):  # type: ignore[type-var]  # as above
    """Tokens that name a row in `sessions`, so that they end when it does.

    :param user_agent: what the device calls itself.
    """

    def __init__(self, work: UnitOfWork, tokens: Tokens, user_agent: str = "") -> None:
        self._session = work.session
        self._tokens = tokens
        self._user_agent = user_agent

    async def read_token(
        self,
        token: str | None,
        user_manager: BaseUserManager[User, UUID],  # type: ignore[type-var]  # as above
    ) -> User | None:
        """The account that a token speaks for; None where the token is not ours or its session has ended."""
        claims = self._tokens.read(token) if token else None
        if claims is None:
            return None
        actor = await self._session.run_sync(lambda session: actor_of_bearer(session.connection(), claims))
        return await self._session.get(User, actor.id) if actor else None

    async def write_token(self, user: User) -> str:
        """Open a session and sign the token that names it."""
        opened = await open_session(self._session, user.id, SessionKind.BEARER, self._user_agent)
        return self._tokens.write(Claims(user.id, opened.id), opened.expires_at)

    async def destroy_token(self, token: str, user: User) -> None:
        """Close the session that the token names."""
        if claims := self._tokens.read(token):
            await close_session(self._session, claims.session_id)


def find_credentials(connection: Connection, email: str) -> tuple[UUID, str] | None:
    """The id and the kept hash of the active account of an e-mail address."""
    address = normalise_email(email[:1000])
    if not is_email(address):
        return None
    found = connection.execute(select(User.id, User.password).where(User.email == address, User.is_active))
    row = found.one_or_none()
    return None if row is None else (row.id, row.password)
