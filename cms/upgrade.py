"""Migrations, run: the same for the command and for tests.

`cms migrate` and `cms demo` run this as a process of its own, `python -m cms.upgrade`, since a process that has
imported Alembic holds 12 MB more for good.
"""

import sys
from importlib.resources import files

from alembic import command
from alembic.config import Config
from asyncpg import PostgresError
from sqlalchemy.exc import SQLAlchemyError

from cms.config import load_settings
from cms.outages import explain


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


def main() -> str | None:
    """Bring the database that the settings name up to date.

    :returns: why it can't be, in a sentence.
    """
    try:
        upgrade(load_settings().database_url)
    except (OSError, SQLAlchemyError, PostgresError) as error:
        return explain(error) or f"The database can't be migrated: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
