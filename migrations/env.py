"""How Alembic reaches the database and the tables: over the application's own settings and declarations."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, String, create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import cms.auth.invitations
import cms.auth.presence
import cms.auth.saved_views
import cms.auth.sessions
import cms.content
import cms.crud.idempotency
import cms.delivery.links
import cms.editorial.history
import cms.editorial.pending
import cms.events.outbox
from cms.config import load_settings
from cms.crud.fields import Structured, UTCDateTime
from cms.crud.models import Base
from migrations.trigrams import write_down

DECLARED = (
    cms.auth.invitations,
    cms.auth.presence,
    cms.auth.saved_views,
    cms.auth.sessions,
    cms.content,
    cms.crud.idempotency,
    cms.delivery.links,
    cms.editorial.history,
    cms.editorial.pending,
    cms.events.outbox,
)
"""The modules whose import declares every table."""


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our column types down as what they are to the database: old migrations need none of our code."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Structured):
        return "sa.JSON()"
    if kind == "type" and isinstance(item, String) and "postgresql" in item._variant_mapping:  # noqa: SLF001 - no other way to ask
        autogen.imports.add("from migrations.types import text")
        return f"text({item.length or ''})"
    return False


def include_object(_item: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Leave the trigram indexes out where the database has none."""
    is_trigram = kind == "index" and (name or "").endswith("_trgm")
    return not is_trigram or context.get_context().dialect.name == "postgresql"


def migrate(connection: Connection) -> None:
    """Run the migrations over a connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        include_object=include_object,
        process_revision_directives=write_down,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_async(url: str) -> None:
    """Run the migrations where the driver knows only asyncio."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def run() -> None:
    """Run the migrations on the database that the settings, or the caller, name."""
    url = context.config.get_main_option("sqlalchemy.url") or load_settings().database_url
    if make_url(url).get_backend_name() != "sqlite":
        asyncio.run(migrate_async(url))
        return
    Path(make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(make_url(url).set(drivername="sqlite"), poolclass=NullPool)
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()


run()
