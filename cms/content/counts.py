"""How many approved comments an article has, kept right by whatever changes comments through a session.

What a flush did to comments is noted; the articles concerned are counted once, at the end of the transaction. So a
hundred comments approved at once cost as much as one, articles are locked last and in one order, and nobody has to
remember to count: neither services nor those who go round them.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, event, func, inspect, select, update
from sqlalchemy.orm import Mapper, Session, object_session

from cms.content.articles import Article

_UNCOUNTED = "articles_with_uncounted_comments"
"""Where a session keeps their ids."""
_CHUNK = 1_000
"""Articles that one statement counts for."""


def keep_counts(model: Any, shown: str) -> None:
    """Keep `comment_count` of articles in step with a class of comments.

    :param shown: the status of those that count.
    """

    def on_insert(_mapper: Mapper[Any], _connection: Connection, record: Any) -> None:
        if record.status == shown:
            _note(record, record.article_id)

    def before_commit(session: Session) -> None:
        if not session.in_nested_transaction():
            _count_noted(session, model, shown)

    event.listen(model, "after_insert", on_insert)
    event.listen(model, "after_update", _on_update)
    event.listen(model, "after_delete", _on_delete)
    event.listen(Session, "before_commit", before_commit)


def _on_update(_mapper: Mapper[Any], _connection: Connection, record: Any) -> None:
    attributes = inspect(record).attrs
    if attributes.status.history.has_changes() or attributes.article_id.history.has_changes():
        _note(record, record.article_id, *attributes.article_id.history.deleted or ())


def _on_delete(_mapper: Mapper[Any], _connection: Connection, record: Any) -> None:
    _note(record, record.article_id)  # whatever its status: the database deletes the replies to it besides


def _note(record: Any, *article_ids: UUID) -> None:
    session = object_session(record)
    assert session is not None  # noqa: S101 - it is being flushed
    session.info.setdefault(_UNCOUNTED, set()).update(article_ids)


def _count_noted(session: Session, model: Any, shown: str) -> None:
    session.flush()
    ids = sorted(session.info.pop(_UNCOUNTED, ()))
    for start in range(0, len(ids), _CHUNK):
        _count(session, model, shown, ids[start : start + _CHUNK])


def _count(session: Session, model: Any, shown: str, ids: list[UUID]) -> None:
    """Count anew. The rows are locked first, by a statement of their own, so that two counts can't cross."""
    session.execute(select(Article.id).where(Article.id.in_(ids)).order_by(Article.id).with_for_update(key_share=True))
    approved = select(func.count()).where(model.article_id == Article.id, model.status == shown).scalar_subquery()
    counted = update(Article).where(Article.id.in_(ids)).values(comment_count=approved, updated_at=Article.updated_at)
    session.execute(counted, execution_options={"synchronize_session": False})
