"""Four processes that each read, add one and write back, on one database."""

import asyncio
import json
import sys

from cms.content.articles import article
from tests.installation import Installation
from tests.security.counting import SLUG
from tests.security.serving import ROOT

PROCESSES, TIMES = 4, 60


async def test_r03_four_processes_lose_no_count(installation: Installation, migrated_url: str) -> None:
    """R03: 4 × 60 transactions through the application's session: 240, none locked out, nobody waits over 5 s."""
    made = await installation.make(article, title="Counted", slug=SLUG, excerpt="0")
    command = [sys.executable, "-m", "tests.security.counting", migrated_url, str(TIMES)]
    processes = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    said = [json.loads((await process.communicate())[0]) for process in processes]
    assert [error for one in said for error in one["errors"]] == [], "no “database is locked”, for one"
    assert max(one["longest"] for one in said) <= 5.0
    (row,) = await installation.rows("articles")
    assert (row["excerpt"], row["version"]) == ("240", made.version + PROCESSES * TIMES)
    assert len([event for event in await installation.rows("events") if event["kind"] == "article.updated"]) == 240
