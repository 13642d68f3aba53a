"""Behaviours: where a record stands is the same in Python and in SQL, on every database."""

from datetime import timedelta
from itertools import product

from sqlalchemy import select

from cms.content.articles import Article
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from cms.editorial.behaviours import Status
from tests.installation import Installation


async def test_python_and_sql_agree_where_a_record_stands(installation: Installation) -> None:
    past, future = utc_now() - timedelta(hours=1), utc_now() + timedelta(hours=1)
    earlier, later = past - timedelta(hours=1), future + timedelta(hours=1)
    times = product((None, earlier, future), (None, past, later), (None, past))
    async with installation.database.session() as session:
        for number, (published, unpublish, trashed) in enumerate(times):
            record = Article(title="Tide", slug=f"tide-{number}", author_id=installation.actor(Role.ADMIN).id)
            record.published_at, record.unpublish_at, record.trashed_at = published, unpublish, trashed
            session.add(record)
    async with installation.database.session() as session:
        found = (await session.execute(select(Article, Article.status, Article.is_published))).all()
    assert len(found) == 18
    for record, status, is_published in found:
        assert (record.status, record.is_published) == (status, bool(is_published)), record.slug
        assert is_published == (status is Status.PUBLISHED), record.slug
    stages = {status for _, status, _ in found}
    assert stages == set(Status) - {Status.IN_REVIEW}
