"""The routes of authentication: register, log in and out, and one's own account.

fastapi-users' machinery inside our own thin routes: its routers answer in their own shapes, tell who has an
account and take fields that are not theirs to take.
"""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi_users.authentication import AuthenticationBackend
from fastapi_users.exceptions import UserAlreadyExists
from sqlalchemy import Connection, select

from cms.auth.adapter import SessionStrategy, UserManager
from cms.auth.dependencies import (
    BAD_TOKEN,
    TRANSPORT,
    AnonymousWork,
    SignedInActor,
    Token,
    Work,
    get_tokens,
)
from cms.auth.own_account import change_own_account
from cms.auth.passwords import queue
from cms.auth.schemas import AccessToken, Account, AccountUpdate, Registered, Registration
from cms.auth.signing_in import client_address, refuse_unknown_fields, sign_in
from cms.auth.strength import LONGEST
from cms.auth.throttle import Limit
from cms.auth.users import EMAIL_LENGTH, User, normalise_name, user
from cms.crud.answers import answer_record, answer_unless_held, cache_headers
from cms.crud.bodies import JsonRoute, SecretRoute
from cms.crud.conditional import expected_version
from cms.crud.doors import WRITE_PROBLEMS, IfMatch, IfNoneMatch, refuse_parameters, require_json
from cms.crud.idempotency import keep, once
from cms.crud.policy import ANONYMOUS, Door
from cms.crud.problems import (
    BadQuery,
    Conflict,
    FieldError,
    Invalid,
    PreconditionFailed,
    PreconditionRequired,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
    responses,
)
from cms.crud.service import UnitOfWork

REGISTRATIONS = Limit(60, 3600)
"""Accounts that one address may ask for."""

_ACCOUNT_FIELDS = tuple(Account.model_fields)


def get_strategy(request: Request, work: AnonymousWork) -> SessionStrategy:
    """How tokens are written and ended."""
    return SessionStrategy(work, get_tokens(request), request.headers.get("User-Agent", ""))


backend: AuthenticationBackend[User, UUID] = AuthenticationBackend("bearer", TRANSPORT, get_strategy)  # type: ignore[type-var]  # mapped attributes satisfy the protocol
BearerStrategy = Annotated[SessionStrategy, Depends(backend.get_strategy)]


def build_auth_router(prefix: str = "") -> APIRouter:
    """The routes under `/auth` and `/users/me`; they stand before the routes of the content type `users`.

    :param prefix: the path that they lie under.
    """
    router = APIRouter(prefix=prefix, route_class=JsonRoute)
    json_only = [Depends(refuse_parameters), Depends(require_json)]
    router.post(
        "/auth/register",
        status_code=HTTPStatus.CREATED,
        tags=["auth"],
        operation_id="register",
        summary="Ask for an account",
        response_model=Registered,
        responses=responses(BadQuery, Conflict, UnsupportedMedia, Invalid, TooManyRequests, Unavailable),
        dependencies=json_only,
    )(register)
    _add_sessions(router)
    _add_own_account(router, json_only)
    return router


def _add_sessions(router: APIRouter) -> None:
    router.add_api_route(
        "/auth/login",
        login,
        methods=["POST"],
        route_class_override=SecretRoute,
        tags=["auth"],
        operation_id="login",
        summary="Sign in",
        response_model=AccessToken,
        responses=responses(BadQuery, Unauthorized, Invalid, TooManyRequests, Unavailable),
        dependencies=[Depends(refuse_parameters), Depends(refuse_unknown_fields)],
    )
    router.add_api_route(
        "/auth/logout",
        logout,
        methods=["POST"],
        route_class_override=SecretRoute,
        status_code=HTTPStatus.NO_CONTENT,
        tags=["auth"],
        operation_id="logout",
        summary="Sign out",
        responses=responses(BadQuery, Unauthorized, Unavailable),
        dependencies=[Depends(refuse_parameters)],
    )


def _add_own_account(router: APIRouter, json_only: list[Any]) -> None:
    router.get(
        "/users/me",
        tags=["users"],
        operation_id="get_own_account",
        summary="Your own account",
        response_model=Account,
        responses={
            HTTPStatus.NOT_MODIFIED: {"description": "The caller's copy is current."},
            **responses(BadQuery, Unauthorized, Unavailable),
        },
        dependencies=json_only[:1],
    )(get_own_account)
    router.patch(
        "/users/me",
        tags=["users"],
        operation_id="update_own_account",
        summary="Change your own account",
        response_model=Account,
        responses=responses(*WRITE_PROBLEMS, PreconditionFailed, PreconditionRequired),
        dependencies=json_only,
    )(update_own_account)


async def register(request: Request, data: Registration) -> Response:
    """Ask for an account, as a reader.

    The answer is the same whether or not the address has an account, which is never changed or made twice.
    Names are public: one that is taken is a conflict.
    """
    state = request.app.state
    await state.throttle.check(f"register:{client_address(request)}", REGISTRATIONS)
    registered = Registered(email=data.email, name=data.name)
    answer = Response(registered.model_dump_json(), HTTPStatus.CREATED, media_type="application/json")
    try:
        # In the queue of strangers, and hashed before the transaction begins: no writer waits for it.
        async with queue(), once(request, ANONYMOUS, state.database.session()) as session:
            manager = UserManager(UnitOfWork(session, ANONYMOUS, state.reader, door=Door.REST), state.database)
            await manager.register(data.email, data.name, data.password.get_secret_value())
            await keep(request, answer)
    except (UserAlreadyExists, Conflict) as error:
        name = normalise_name(data.name)
        if await state.database.read(_is_name_taken, name):
            detail = f"Another user already has the name “{name}”; choose another one."
            raise Conflict(detail, errors=[FieldError(detail, "/name")]) from None
        if isinstance(error, Conflict):
            raise
        async with once(request, ANONYMOUS, state.database.session()):
            await keep(request, answer)  # or that there is none would tell who has an account
    return answer


async def login(
    request: Request,
    work: AnonymousWork,
    strategy: BearerStrategy,
    username: Annotated[str, Form(max_length=EMAIL_LENGTH, description="Your e-mail address.")],
    password: Annotated[
        str, Form(max_length=LONGEST, description="Your password.", json_schema_extra={"format": "password"})
    ],
) -> Response:
    """Sign in. The token names a session, which logging out, a new password or another role ends at once."""
    account = await sign_in(request, work, username, password)
    response = await backend.login(strategy, account)
    response.headers["Cache-Control"] = "no-store"
    return response


async def logout(request: Request, work: AnonymousWork, strategy: BearerStrategy, token: Token) -> Response:
    """Sign out: this token's session ends, on every device that holds the token."""
    account = await strategy.read_token(token, UserManager(work, request.app.state.database))
    if account is None or token is None:
        raise Unauthorized(BAD_TOKEN) if token else Unauthorized()
    return await backend.logout(strategy, account, token)


async def get_own_account(request: Request, actor: SignedInActor, if_none_match: IfNoneMatch = None) -> Response:
    """Your own account, with the ETag that changing it needs."""
    state = request.app.state
    found = await state.database.read(state.reader.one, user, actor.id, actor, fields=_ACCOUNT_FIELDS)
    if found is None:
        raise Unauthorized(BAD_TOKEN)
    item, version = found
    return answer_unless_held(item, version, actor, if_none_match)


async def update_own_account(
    request: Request,
    actor: SignedInActor,
    work: Work,
    data: AccountUpdate,
    if_match: IfMatch = None,
) -> Response:
    """Change your name, e-mail address, time zone or password. A new password signs you out everywhere but here."""
    expected = expected_version(if_match, data.version)
    account = await change_own_account(request, work, data, expected)
    item, version = await work.read(user, account.id)
    return answer_record({name: item[name] for name in _ACCOUNT_FIELDS}, version, cache_headers(actor))


def _is_name_taken(connection: Connection, name: str) -> bool:
    return connection.execute(select(User.id).where(User.name == name)).first() is not None
