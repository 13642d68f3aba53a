"""What routes ask for: who is calling, and a unit of work on their behalf."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi_users.authentication import BearerTransport

from cms.auth.actors import actor_of_bearer
from cms.auth.tokens import Tokens
from cms.crud.policy import ANONYMOUS, Actor
from cms.crud.problems import Unauthorized
from cms.crud.service import UnitOfWork

TRANSPORT = BearerTransport(tokenUrl="api/v1/auth/login")
BAD_TOKEN = "This token is not valid, or its session has ended. Sign in again."  # noqa: S105 - a sentence


async def get_token(request: Request, _scheme: Annotated[str | None, Security(TRANSPORT.scheme)]) -> str | None:
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


async def get_actor(request: Request, token: Annotated[str | None, Depends(get_token)]) -> Actor:
    """Who is calling: anonymous without a token, which costs no statement; else in one.

    :raises Unauthorized: for a token that is not ours, or whose session has ended.
    """
    if token is None:
        return ANONYMOUS
    claims = get_tokens(request).read(token)
    actor = await request.app.state.database.read_soon(actor_of_bearer, claims) if claims else None
    if actor is None:
        raise Unauthorized(BAD_TOKEN)
    request.scope.setdefault("state", {})["actor_id"] = str(actor.id)  # for the access log
    return actor  # type: ignore[no-any-return]  # the application's state is untyped


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
    async with request.app.state.database.session() as session:
        yield UnitOfWork(session, actor, request.app.state.reader)


async def get_anonymous_work(request: Request) -> AsyncIterator[UnitOfWork]:
    """One transaction for somebody who is about to sign in: a stale token must not stand in the way."""
    async with request.app.state.database.session() as session:
        yield UnitOfWork(session, ANONYMOUS, request.app.state.reader)


def get_tokens(request: Request) -> Tokens:
    """The writer and reader of this installation's tokens."""
    return Tokens(request.app.state.settings.secret_key.get_secret_value())


Token = Annotated[str | None, Depends(get_token)]
Work = Annotated[UnitOfWork, Depends(get_work, scope="function")]
AnonymousWork = Annotated[UnitOfWork, Depends(get_anonymous_work, scope="function")]
