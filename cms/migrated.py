"""Which migrations a database still lacks: asked by readiness and by the doctor, without what runs migrations."""

import re
from ast import literal_eval
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, inspect, text

_LINK = re.compile(r"^(revision|down_revision)\b[^=\n]*= (.+)$", re.MULTILINE)
"""Where a migration says what it is called and what it follows. They stand in one line, without branches."""


def pending(connection: Connection) -> list[str]:
    """The revisions that a database still lacks, oldest first; empty where it is up to date."""
    known, current = _revisions(), _current(connection)
    reached = max((known.index(revision) for revision in current if revision in known), default=-1)
    return list(known[reached + 1 :])


@cache
def _revisions() -> tuple[str, ...]:
    """Every revision, oldest first. Read, not imported: a migration imports Alembic, which a server has no use for."""
    scripts = (file.read_text("utf-8") for file in (files("migrations") / "versions").iterdir() if file.is_file())
    links = [{name: literal_eval(value) for name, value in _LINK.findall(script)} for script in scripts]
    following = {link["down_revision"]: link["revision"] for link in links if link}
    found: list[str] = []
    while revision := following.get(found[-1] if found else None):
        found.append(revision)
    return tuple(found)


def _current(connection: Connection) -> set[str]:
    """Where the database stands; nowhere, if it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
