"""What routes ask for: who is calling, and a unit of work on their behalf."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer
from fastapi_users.authentication import BearerTransport
from sqlalchemy.ext.asyncio import AsyncSession

from cms.auth.actors import actor_of_bearer
from cms.auth.tokens import Tokens
from cms.crud.idempotency import once
from cms.crud.policy import ANONYMOUS, Actor, Door
from cms.crud.problems import Unauthorized
from cms.crud.service import UnitOfWork

_LOGIN = "api/v1/auth/login"
_SCHEME = "OAuth2PasswordBearer"

TRANSPORT = BearerTransport(tokenUrl=_LOGIN)
BAD_TOKEN = "This token is not valid, or its session has ended. Sign in again."  # noqa: S105 - a sentence


def bearer_token(request: HTTPConnection) -> str | None:
    """The bearer token of a request; None where it has no Authorization header at all.

    :raises Unauthorized: for a header that holds anything else.
    """
    headers = request.headers.getlist("Authorization")
    if not headers:
        return None
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token:
        raise Unauthorized(BAD_TOKEN)
    return token


class _TokenScheme(OAuth2PasswordBearer):
    """The scheme as documented, answering the token as we read it."""

    async def __call__(self, request: HTTPConnection) -> str | None:
        return bearer_token(request)


class _ActorScheme(OAuth2PasswordBearer):
    """The scheme as documented, answering whom the token speaks for: a dependency less to solve for each request."""

    async def __call__(self, request: HTTPConnection) -> Actor:  # type: ignore[override]  # FastAPI takes what it gets
        """Who is calling: anonymous without a token, which costs no statement; else in one.

        :raises Unauthorized: for a token that is not ours, or whose session has ended.
        """
        token = bearer_token(request)
        if token is None:
            return ANONYMOUS
        claims = get_tokens(request).read(token)
        actor = await request.app.state.database.read_soon(actor_of_bearer, claims) if claims else None
        if actor is None:
            raise Unauthorized(BAD_TOKEN)
        request.scope.setdefault("state", {})["actor_id"] = str(actor.id)  # for the access log
        return actor  # type: ignore[no-any-return]  # the application's state is untyped


get_token = _TokenScheme(_LOGIN, _SCHEME)
get_actor = _ActorScheme(_LOGIN, _SCHEME)

CurrentActor = Annotated[Actor, Depends(get_actor)]


async def get_signed_in(actor: CurrentActor) -> Actor:
    """Who is calling, and somebody has to be.

    :raises Unauthorized: for anonymous calls.
    """
    if actor.id is None:
        raise Unauthorized()
    return actor


SignedInActor = Annotated[Actor, Depends(get_signed_in)]


async def get_work(request: Request, actor: CurrentActor) -> AsyncIterator[UnitOfWork]:
    """One transaction for the caller, begun by its first statement and committed before the answer leaves."""
    async with once(request, actor, request.app.state.database.session()) as session:
        yield _work(request, session, actor)


def _work(request: Request, session: AsyncSession, actor: Actor) -> UnitOfWork:
    request_id = request.scope.get("state", {}).get("request_id")
    return UnitOfWork(session, actor, request.app.state.reader, door=Door.REST, request_id=request_id)


async def get_anonymous_work(request: Request) -> AsyncIterator[UnitOfWork]:
    """One transaction for somebody who is about to sign in: a stale token must not stand in the way."""
    async with request.app.state.database.session() as session:
        yield _work(request, session, ANONYMOUS)


def get_tokens(request: HTTPConnection) -> Tokens:
    """The writer and reader of this installation's tokens."""
    return Tokens(request.app.state.settings.secret_key.get_secret_value())


Token = Annotated[str | None, Depends(get_token)]
Work = Annotated[UnitOfWork, Depends(get_work, scope="function")]
AnonymousWork = Annotated[UnitOfWork, Depends(get_anonymous_work, scope="function")]
