"""The composition root: the only module that knows all the others."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from admin import answer_too_large, mount_admin
from admin.security import Cookies
from cms import __version__
from cms.auth.dependencies import get_actor, get_work
from cms.auth.router import build_auth_router
from cms.auth.throttle import Throttle
from cms.body_limit import BodyLimit
from cms.config import Settings, load_settings
from cms.content import registry
from cms.content.comments import limit_comments
from cms.content.site import build_site_router
from cms.crud.cursor import Cursors
from cms.crud.doors import Doors
from cms.crud.plan import Reader
from cms.crud.problem_handler import add_problem_handler
from cms.crud.problems import Unavailable
from cms.crud.router import build_router
from cms.database import Database
from cms.editorial.recorder import record_changes
from cms.editorial.router import build_workflow_router
from cms.head import HeadAsGet
from cms.health import build_health_router
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
from cms.shedding import Shedding

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
    app.include_router(_build_api(), prefix=API)
    app.include_router(build_files_router())
    app.include_router(build_health_router())
    mount_admin(app, registry)
    describe(app, registry, settings)
    surround(app, _layers(settings))
    return app


def _provide(app: FastAPI, settings: Settings) -> None:
    """Open what requests share; nothing here waits for a connection yet."""
    database = Database(settings.database_url)
    record_changes(database.sessions)
    app.state.settings = settings
    app.state.database = database
    app.state.registry = registry
    app.state.reader = Reader(registry, Cursors(settings.secret_key.get_secret_value()))
    app.state.throttle = Throttle(settings.redis_url)
    app.state.storage = open_storage(settings.media_url)


def _build_api() -> APIRouter:
    doors = Doors(registry, get_actor, get_work)
    api = APIRouter()
    api.include_router(build_auth_router())
    special: dict[str, Callable[[Doors], APIRouter]] = {
        "media": build_media_router,
        "site": build_site_router,
    }
    for content_type in registry:
        if content_type.name in special:
            api.include_router(special[content_type.name](doors))
            continue
        dependencies: list[Any] = [Depends(limit_comments)] if content_type.name == "comments" else []
        api.include_router(build_router(content_type, doors), dependencies=dependencies)
        api.include_router(build_workflow_router(content_type, doors))
    return api


def _layers(settings: Settings) -> list[Middleware]:
    """What every request passes, outermost first."""
    public_url = str(settings.public_url or "")
    uploads = {f"{API}/media": UPLOAD_LIMIT, "/admin/media": UPLOAD_LIMIT}
    return [
        Middleware(Shedding, cookie=Cookies(settings).session, public_url=public_url),
        Middleware(RequestId),
        Middleware(ClientAddress, trusted=settings.trusted_proxies),
        Middleware(SecurityHeaders, public_url=public_url),
        Middleware(AccessLog),
        Middleware(TrustedHost, public_url=public_url, development=not settings.is_production),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match"],
            expose_headers=["ETag", "Location", "X-Request-ID", "Retry-After"],
        ),
        Middleware(BodyLimit, default=BODY_LIMIT, uploads=uploads, pages={"/admin": answer_too_large}),
        Middleware(HeadAsGet, except_under=(MEDIA_PATH, "/admin")),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.database.dispose()
    await app.state.throttle.close()
