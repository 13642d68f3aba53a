"""What is wrong with an installation, a sentence each: run by `cms doctor`, before and after it goes live."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Connection, Inspector, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from cms.auth.users import User
from cms.config import DEV_SECRET, Settings
from cms.crud.content_type import ContentType
from cms.crud.policy import Role
from cms.crud.registry import Registry
from cms.crud.structure import Shape
from cms.database import Database
from cms.media.storage import StorageError
from cms.migrated import pending
from cms.outages import DatabaseUnavailable


async def examine(app: FastAPI) -> list[str]:
    """Look an installation over.

    :param app: the application, put together but not serving.
    :returns: a sentence for each finding; empty where nothing is wrong.
    """
    settings: Settings = app.state.settings
    findings = [*_of_settings(settings), *_of_folders(settings)]
    findings += await _of_database(app.state.database, app.state.registry)
    try:
        await app.state.storage.check()
    except (StorageError, OSError) as error:
        findings.append(f"Uploaded files can't be kept: {error}")
    if not await app.state.throttle.reaches_redis():
        sentence = "Redis does not answer at CMS_REDIS_URL; limits are counted in each process alone until it does."
        findings.append(sentence)
    return findings


def _of_settings(settings: Settings) -> Iterator[str]:
    secret = settings.secret_key.get_secret_value()
    if secret == DEV_SECRET:
        yield "CMS_SECRET_KEY is the development default: whoever reads our source can sign in as anyone. Set it."
    elif len(secret) < 32 or len(set(secret)) < 10:
        yield "CMS_SECRET_KEY is weak: make it at least 32 random characters."
    if settings.public_url is None:
        yield "CMS_PUBLIC_URL is not set: links in answers are relative, and every host name is believed."
    if not settings.is_production:
        yield "CMS_ENVIRONMENT is development: set it to production before the public reads this site."


def _of_folders(settings: Settings) -> Iterator[str]:
    directory = settings.log_directory
    if directory is not None and not _is_writable(directory):
        yield f"The log folder {directory} can't be written to; change its permissions or CMS_LOG_DIRECTORY."


def _is_writable(directory: Path) -> bool:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".probe"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


async def _of_database(database: Database, registry: Registry) -> list[str]:
    try:
        return await database.read(lambda connection: list(_of_tables(connection, registry)))
    except DatabaseUnavailable as error:
        return [str(error)]
    except SQLAlchemyError as error:
        return [f"The database can't be read: {error}"]


def _of_tables(connection: Connection, registry: Registry) -> Iterator[str]:
    if missing := pending(connection):
        yield f"{len(missing)} migrations are pending; run “cms migrate”."
        return
    inspector = inspect(connection)
    for content_type in registry:
        yield from _of_indexes(inspector, content_type)
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA quick_check")).scalar() != "ok":
        yield "SQLite finds its file damaged; restore a backup."
    admins = select(User.id).where(User.role == Role.ADMIN, User.is_active).limit(1)
    if connection.execute(admins).first() is None:
        yield "There is no administrator; run “cms user create EMAIL --role admin”."


def _of_indexes(inspector: Inspector, content_type: ContentType[Any]) -> Iterator[str]:
    """What may be filtered or sorted by has to have its index in this very database, not just in the declaration."""
    table = content_type.model.__tablename__
    indexed = {names[0] for names in _index_columns(inspector, table) if names}
    for name in {*content_type.filter_fields, *content_type.sort_names}:
        field = content_type.fields[name]
        if (
            field.shape in {Shape.COLUMN, Shape.TO_ONE}
            and field.column is not None
            and field.column.name not in indexed
        ):
            yield f"{table}.{field.column.name} can be filtered or sorted by, but has no index in this database."


def _index_columns(inspector: Inspector, table: str) -> Iterator[list[str | None]]:
    yield list(inspector.get_pk_constraint(table)["constrained_columns"])
    for constraint in inspector.get_unique_constraints(table):
        yield list(constraint["column_names"])
    for index in inspector.get_indexes(table):
        yield list(index["column_names"])
