"""Migrations, run and checked: the same for the command, for readiness and for tests."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text


def alembic_config(url: str) -> Config:
    """Alembic's configuration for a database, wherever the package is installed.

    :param url: of the database, as in the settings.
    """
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database's tables to a revision; blocks, and must not run inside an event loop."""
    command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Take a database's tables back to a revision; blocks, and must not run inside an event loop."""
    command.downgrade(alembic_config(url), revision)


def pending(connection: Connection) -> list[str]:
    """The revisions that a database still lacks, oldest first; empty where it is up to date."""
    url = str(connection.engine.url)
    scripts = ScriptDirectory.from_config(alembic_config(url))
    current = _current(connection)
    if current == set(scripts.get_heads()):
        return []
    known = [script.revision for script in scripts.walk_revisions()]
    newer = known[: known.index(next(iter(current)))] if current & set(known) else known
    return newer[::-1]


def _current(connection: Connection) -> set[str]:
    """Where the database stands; nowhere, if it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
