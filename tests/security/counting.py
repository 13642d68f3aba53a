"""A process that counts: `python -m tests.security.counting URL TIMES`, one transaction for each.

It reads a number, adds one and writes it back, through the application's own unit of work; then it says what it met.
"""

import asyncio
import json
import sys
from time import perf_counter

from cms.content import registry
from cms.content.articles import article
from cms.crud.conditional import ANY_VERSION
from cms.crud.cursor import Cursors
from cms.crud.plan import Reader
from cms.crud.policy import SYSTEM, Action
from cms.crud.schemas import update_schema
from cms.crud.service import UnitOfWork
from cms.database import Database
from cms.editorial.recorder import record_changes

SLUG = "counted"


async def count(url: str, times: int) -> dict[str, object]:
    """How long the longest transaction took, and what went wrong."""
    database, reader = Database(url), Reader(registry, Cursors("a secret that signs cursors"))
    record_changes(database.sessions, registry)
    longest, errors = 0.0, []
    for _ in range(times):
        started = perf_counter()
        try:
            async with database.session() as session:
                articles = UnitOfWork(session, SYSTEM, reader).service(article)
                record = await articles.get(SLUG, Action.UPDATE)
                await asyncio.sleep(0.001)  # time for the others to come in between
                await articles.update(record, update_schema(article)(excerpt=str(int(record.excerpt) + 1)), ANY_VERSION)
        except Exception as error:  # noqa: BLE001 - whatever a client would see
            errors.append(repr(error))
        longest = max(longest, perf_counter() - started)
    await database.dispose()
    return {"longest": longest, "errors": errors}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(count(sys.argv[1], int(sys.argv[2])))))  # noqa: T201 - what it is for
