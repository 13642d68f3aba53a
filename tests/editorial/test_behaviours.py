"""Behaviours: where a record stands is the same in Python and in SQL, on every database."""

from datetime import timedelta
from itertools import product

from sqlalchemy import MetaData, select

from cms.content.articles import Article
from cms.crud.fields import utc_now
from cms.crud.models import NAMING_CONVENTION, Base, Record
from cms.crud.policy import Role
from cms.editorial.behaviours import Publishable, Status
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


class Notice(Publishable, Record):
    """A toy that nobody reviews and no list is narrowed by; its table stands apart from the application's."""

    __tablename__ = "notices"

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def test_what_is_neither_reviewed_nor_narrowed_has_no_second_index_of_its_stages() -> None:
    names = {str(index.name) for index in Base.metadata.tables["articles"].indexes}
    assert "ix_articles_stage" in names
    mine = {str(index.name) for index in Notice.metadata.tables["notices"].indexes}
    assert "ix_notices_published_at" in mine
    assert "ix_notices_stage" not in mine
