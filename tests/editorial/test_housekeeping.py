"""What a server does by itself from time to time, as its settings have it."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from cms.content.articles import Article, article
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from tests.installation import Installation
from tests.security.serving import served


async def test_a_server_empties_the_trash_and_prunes_revisions(
    installation: Installation, migrated_url: str, tmp_path: Path
) -> None:
    """After `CMS_TRASH_DAYS`, and down to `CMS_REVISIONS_KEPT`; what is in the trash for less long stays there."""
    often = await installation.make(tag, name="Rope")
    old, young = [await installation.make(article, title=title) for title in ("Old", "Young")]
    for number in range(3):
        async with installation.work(Role.EDITOR) as work:
            tags = work.service(tag)
            await tags.change(await tags.get(often.id), {"name": f"Rope {number}"})
    for record in (old, young):
        async with installation.work() as work:
            service = work.service(article)
            await service.delete(await service.get(record.id, Action.DELETE), 0)
    async with installation.database.session() as session:
        past = utc_now() - timedelta(days=3)
        await session.execute(update(Article).where(Article.id == old.id).values(trashed_at=past))
    settings = {"CMS_TRASH_DAYS": "2", "CMS_REVISIONS_KEPT": "2"}

    async def left() -> tuple[list[str], list[int]]:
        articles, revisions = await installation.rows("articles"), await installation.rows("revisions")
        numbers = [row["number"] for row in revisions if row["record_id"] == often.id]
        return [row["title"] for row in articles], numbers

    assert await left() == (["Old", "Young"], [1, 2, 3, 4])
    async with served(migrated_url, tmp_path, installation.people, settings), asyncio.timeout(60):
        while await left() != (["Young"], [3, 4]):  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.1)
