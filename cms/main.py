"""The composition root: the only module that knows all the others."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from admin import answer_too_large, mount_admin
from admin.pages.invitations import INVITATION_PATH
from admin.security import Cookies
from cms import __version__
from cms.auth.dependencies import get_actor, get_work
from cms.auth.router import build_auth_router
from cms.auth.throttle import Throttle
from cms.auth.users import user
from cms.body_limit import BodyLimit
from cms.config import Settings, load_settings
from cms.content import registry
from cms.content.comments import build_comments_router
from cms.content.site import SITE_ID, build_site_router
from cms.crud.cursor import Cursors
from cms.crud.doors import Doors
from cms.crud.idempotency import HEADER, REPLAYED, Attempts
from cms.crud.plan import Reader
from cms.crud.problem_handler import add_problem_handler
from cms.crud.problems import Unavailable
from cms.crud.router import add_routes
from cms.database import Database
from cms.delivery.links import tidy_links
from cms.delivery.preview import PREVIEW_PATH
from cms.delivery.router import build_preview_router
from cms.editorial.bulk import build_bulk_router
from cms.editorial.emptying import HOURLY, empty_trash
from cms.editorial.history_router import build_changes_router, build_history_router
from cms.editorial.recorder import record_changes
from cms.editorial.retention import prune
from cms.editorial.router import build_workflow_router
from cms.editorial.routes import EditorialRoutes
from cms.editorial.transitions import Job, Transitions
from cms.events.outbox import UNTOLD_AFTER, give_up
from cms.head import HeadAsGet
from cms.health import build_health_router
from cms.media import rendering, sweeping
from cms.media.records import MEDIA_PATH
from cms.media.router import build_files_router, build_media_router
from cms.media.storage import StorageError, open_storage
from cms.middleware import (
    AccessLog,
    ClientAddress,
    RequestId,
    SecurityHeaders,
    TrustedHost,
    surround,
)
from cms.openapi import describe
from cms.outages import DatabaseUnavailable
from cms.shedding import Gate, Shedding

if TYPE_CHECKING:
    from cms.events.webhook import Webhook

API = "/api/v1"
BODY_LIMIT = 2 * 1024 * 1024
"""The most bytes of a body, uploads aside."""
UPLOAD_LIMIT = 26 * 1024 * 1024
"""The most bytes of an upload: 25 MiB of file, and the form around it."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Put the application together.

    :param settings: read from the environment where left out.
    :returns: an application that opens its connections when it starts, and closes them when it stops.
    :raises SettingsError: if the environment does not describe a runnable installation.
    """
    settings = settings or load_settings()
    app = FastAPI(
        title=settings.site_name,
        version=__version__,
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.shows_docs else None,
        separate_input_output_schemas=False,
    )
    _provide(app, settings)
    add_problem_handler(app, {DatabaseUnavailable: Unavailable, StorageError: Unavailable})
    add_routes(app, *_build_api(), build_files_router(), build_preview_router(), build_health_router())
    mount_admin(app, registry)
    describe(app, registry, settings)
    surround(app, _layers(settings, app.state.gate))
    return app


def _provide(app: FastAPI, settings: Settings) -> None:
    """Open what requests share; nothing here waits for a connection yet."""
    database = Database(settings.database_url)
    record_changes(database.sessions, registry)
    app.state.settings = settings
    app.state.database = database
    app.state.registry = registry
    app.state.reader = Reader(registry, Cursors(settings.secret_key.get_secret_value()))
    app.state.attempts = Attempts(settings.secret_key.get_secret_value())
    app.state.throttle = Throttle(settings.redis_url)
    app.state.storage = open_storage(settings.media_url)
    app.state.gate = Gate(cookie=Cookies(settings).session, public_url=str(settings.public_url or ""))


def _build_api() -> Iterator[APIRouter]:
    doors = Doors(registry, get_actor, get_work, API, [{get_actor.scheme_name: []}])
    yield build_auth_router(API)
    special: dict[str, Callable[[Doors], APIRouter]] = {
        "media": build_media_router,
        "site": build_site_router,
    }
    yield build_changes_router(doors, user)
    for content_type in registry:
        is_one = content_type.name == "site"
        yield build_history_router(content_type, doors, user, SITE_ID if is_one else None)
        if not is_one:
            yield build_bulk_router(content_type, doors)
        if content_type.name in special:
            yield special[content_type.name](doors)
            if content_type.name == "media":
                yield build_workflow_router(content_type, doors)
            continue
        yield (
            build_comments_router(doors)
            if content_type.name == "comments"
            else EditorialRoutes(content_type, doors).build()
        )
        yield build_workflow_router(content_type, doors)


def _layers(settings: Settings, gate: Gate) -> list[Middleware]:
    """What every request passes, outermost first."""
    public_url = str(settings.public_url or "")
    uploads = {f"{API}/media": UPLOAD_LIMIT, "/admin/media": UPLOAD_LIMIT, "/admin/media-library": UPLOAD_LIMIT}
    return [
        Middleware(Shedding, gate=gate),
        Middleware(RequestId),
        Middleware(ClientAddress, trusted=settings.trusted_proxies),
        Middleware(SecurityHeaders, public_url=public_url),
        Middleware(AccessLog, secret_under=(PREVIEW_PATH, INVITATION_PATH)),
        Middleware(TrustedHost, public_url=public_url, development=not settings.is_production),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match", HEADER],
            expose_headers=["ETag", "Location", "X-Request-ID", "Retry-After", REPLAYED],
        ),
        Middleware(BodyLimit, default=BODY_LIMIT, uploads=uploads, pages={"/admin": answer_too_large}),
        Middleware(HeadAsGet, except_under=(MEDIA_PATH, "/admin")),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database, reader = app.state.database, app.state.reader
    transitions = Transitions(database, reader)
    if days := app.state.settings.trash_days:

        async def empty() -> None:
            await empty_trash(database, reader, timedelta(days=days))

        transitions.every(HOURLY, empty)
    transitions.every(HOURLY, _pruning(database, app.state.settings))
    transitions.every(HOURLY, partial(tidy_links, database, app.state.registry))
    transitions.every(rendering.EVERY, rendering.Renderer(database, app.state.storage).work)
    transitions.every(sweeping.EVERY, partial(sweeping.sweep, database, app.state.storage))
    webhook = _told_to(app.state.settings, database, transitions)
    async with transitions:
        yield
    if webhook is not None:
        await webhook.close()
    await app.state.database.dispose()
    await app.state.throttle.close()


def _told_to(settings: Settings, database: Database, transitions: Transitions) -> "Webhook | None":
    """Have events told, where somebody is to be told of them; only then the client is imported."""
    if settings.webhook_url is None:
        transitions.every(HOURLY, partial(give_up, database, UNTOLD_AFTER))
        return None
    module = import_module("cms.events.webhook")
    webhook: Webhook = module.Webhook(database, str(settings.webhook_url), settings.webhook_keys)
    transitions.every(module.EVERY, webhook.work)
    transitions.every(HOURLY, webhook.give_up)
    return webhook


def _pruning(database: Database, settings: Settings) -> Job:
    older_than = timedelta(days=settings.revisions_days) if settings.revisions_days else None

    async def prune_history() -> None:
        await prune(database, settings.revisions_kept, older_than)

    return prune_history
