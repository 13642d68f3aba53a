"""Whether the process lives, and whether it can do its work."""

from typing import Any

from fastapi import APIRouter, Request
from loguru import logger
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from cms.crud.problems import Unavailable, responses
from cms.migrated import pending


class Health(BaseModel):
    """How the application is."""

    status: str = Field(description="Always `ok`; anything else is an error.", examples=["ok"])


def build_health_router() -> APIRouter:
    """`/healthz` answers while the process lives; `/readyz` while the database and the media storage work too."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", operation_id="get_health", summary="Whether the process lives")
    async def get_health() -> Health:
        return Health(status="ok")

    @router.get(
        "/readyz",
        operation_id="get_readiness",
        summary="Whether the application can do its work",
        responses=responses(Unavailable),
    )
    async def get_readiness(request: Request) -> Health:
        missing: list[str] = await request.app.state.database.read(_pending)
        if missing:
            logger.error("Not ready: {} migrations are pending; run “cms migrate”.", len(missing))
            raise Unavailable("The database has not been migrated; run “cms migrate”.")
        await request.app.state.storage.check()
        return Health(status="ok")

    return router


def _pending(connection: Connection) -> list[Any]:
    connection.execute(select(1))
    return list(pending(connection))
