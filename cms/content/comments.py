"""Comments: threaded replies under articles, shown once they are approved."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy import ColumnElement, ForeignKey, and_, func, inspect, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from cms.auth.signing_in import client_address
from cms.auth.throttle import Limit, Throttle
from cms.auth.users import User
from cms.content.articles import Article, article
from cms.content.site import read_site
from cms.crud.content_type import ContentType
from cms.crud.fields import Control, Email, Html, Rules, choice, text
from cms.crud.models import Record
from cms.crud.policy import ANONYMOUS, Action, Actor, Policy, Role
from cms.crud.problems import FieldError, Invalid, Unauthorized
from cms.crud.search import Searchable
from cms.crud.service import Service
from cms.editorial.markdown import MarkdownTooComplex, render_comment

MAX_THREAD = 5
"""The deepest level of a reply."""
MAX_CONTENT = 5_000
COMMENT_RATE = Limit(20, 60)
"""How many comments one address may send."""


class CommentStatus(StrEnum):
    """What moderators decided about a comment."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SPAM = "spam"


class Comment(Searchable, Record):
    """A comment; its text goes with its article."""

    __tablename__ = "comments"

    article_id: Mapped[UUID] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), index=True)
    article: Mapped[Article] = relationship(lazy="raise")
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"), index=True)
    parent: Mapped["Comment | None"] = relationship(remote_side="Comment.id", lazy="raise")
    depth: Mapped[int] = mapped_column(default=1)
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    author: Mapped[User | None] = relationship(lazy="raise")
    name: Mapped[str | None] = text(100, Rules(hint="How the writer wants to be called."), nullable=True)
    email: Mapped[Email | None]
    content: Mapped[str] = text(
        MAX_CONTENT, Rules(Control.MARKDOWN, minimum=1, hint="Simple Markdown, without images.")
    )
    content_html: Mapped[Html] = mapped_column(default="")
    status: Mapped[CommentStatus] = choice(CommentStatus, default=CommentStatus.PENDING, index=True)


class CommentPolicy(Policy):
    """Anyone may comment where the site lets them; the public sees what staff approved, under what it sees."""

    def can(self, actor: Actor, action: Action, record: Any = None) -> bool:
        """Everybody reads and creates; the rest is moderation."""
        return action in {Action.READ, Action.CREATE} or actor.is_staff

    def can_set(self, actor: Actor, field: str, value: Any) -> bool:
        """Only staff decides about a comment, and none speaks for another."""
        return actor.is_staff or field not in {"status", "author"}

    def visible(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        """Approved comments of visible articles; staff sees all."""
        if role.at_least(Role.EDITOR):
            return None
        parent = aliased(Article)
        shown = article.policy.visible(parent, role)
        of_visible = select(parent.id).where(parent.id == table.article_id, *([] if shown is None else [shown]))
        return and_(table.status == CommentStatus.APPROVED, of_visible.correlate_except(parent).exists())


class CommentService(Service[Comment]):
    """Writes comments and keeps their articles' counts."""

    async def prepare(self, record: Comment, changed: frozenset[str]) -> None:
        """Place the comment in its thread, render it, and hold it for moderation where that is due."""
        if record.depth is None:
            await self._admit(record)
        elif moved := [name for name in ("article", "parent") if _has_changed(record, f"{name}_id")]:
            raise _misplaced("A comment stays where it was written.", moved[0])
        if "parent" in changed:
            record.depth = await self._depth(record)
        if "content" in changed:
            record.content_html = _rendered(record.content)

    async def after_save(self, record: Comment) -> None:
        """Count the article's approved comments anew: its row is locked first, so that two counts can't cross."""
        await self._recount(record.article_id)

    async def delete(self, record: Comment, expected: int) -> None:
        """Delete a comment with the replies to it."""
        await super().delete(record, expected)
        await self._recount(record.article_id)

    async def _recount(self, article_id: UUID) -> None:
        await self.session.execute(select(Article.id).where(Article.id == article_id).with_for_update())
        approved = select(func.count()).where(
            Comment.article_id == article_id, Comment.status == CommentStatus.APPROVED
        )
        counted = update(Article).where(Article.id == article_id).values(comment_count=approved.scalar_subquery())
        await self.session.execute(counted.values(updated_at=Article.updated_at), execution_options=_IN_PLACE)

    async def _admit(self, record: Comment) -> None:
        """Let a new comment in: the signed in are named by their account, others have to say who they are."""
        if self.actor.is_staff:
            record.author_id = record.author_id or self.actor.id if not record.name else record.author_id
            return
        site = await read_site(self.session)
        if self.actor.role is ANONYMOUS.role and not site.allow_anonymous_comments:
            raise Unauthorized("This site takes comments from signed-in readers only; sign in first.")
        if self.actor.id is None and not (record.name and record.email):
            missing = [FieldError(f"Say your {n}.", f"/{n}") for n in ("name", "email") if not getattr(record, n)]
            raise Invalid(" ".join(error.detail for error in missing), errors=missing)
        record.author_id = self.actor.id
        record.status = CommentStatus.PENDING

    async def _depth(self, record: Comment) -> int:
        if record.parent_id is None:
            return 1
        found = await self.session.execute(
            select(Comment.article_id, Comment.depth).where(Comment.id == record.parent_id)
        )
        article_id, depth = found.one()
        if article_id != record.article_id:
            raise _misplaced("The comment that this replies to belongs to another article.")
        if depth >= MAX_THREAD:
            raise _misplaced(f"Threads are at most {MAX_THREAD} levels deep; reply further up.")
        return int(depth) + 1


_IN_PLACE = {"synchronize_session": False}


def _misplaced(detail: str, field: str = "parent") -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, f"/{field}")])


def _has_changed(record: Comment, name: str) -> bool:
    return bool(inspect(record).attrs[name].history.has_changes())


def _rendered(markdown: str) -> str:
    try:
        return render_comment(markdown)
    except MarkdownTooComplex as error:
        raise Invalid(str(error), errors=[FieldError(str(error), "/content")]) from error


async def limit_comments(request: Request) -> None:
    """Take only so many comments a minute from one address.

    :raises TooManyRequests: saying when to come back.
    """
    if request.method == "POST":
        throttle: Throttle = request.app.state.throttle
        await throttle.check(f"comment:{client_address(request)}", COMMENT_RATE)


comment = ContentType(
    Comment,
    name="comments",
    read_fields=(
        "id", "article", "parent", "depth", "author", "name", "content", "content_html", "status", "version",
        "created_at",         "updated_at",
    ),
    write_fields=("article", "parent", "name", "email", "content", "author", "status"),
    reference_fields=("id", "name"),
    list_fields=("content", "name", "email", "article", "status", "created_at"),
    search_fields=("content", "name"),
    filter_fields=("id", "article", "parent", "author", "status", "created_at"),
    sort_fields=("created_at", "updated_at"),
    service=CommentService,
    policy=CommentPolicy(),
)  # fmt: skip
