"""Comments: threaded replies under articles, shown once they are approved."""

from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, ForeignKey, Index, Select, and_, exists, false, inspect, null, select
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from cms.auth.signing_in import client_address
from cms.auth.throttle import Limit, Throttle
from cms.auth.users import User
from cms.content import moderation
from cms.content.articles import Article, article
from cms.content.counts import keep_counts
from cms.content.site import read_site
from cms.crud.answers import answer_record, cache_headers
from cms.crud.conditional import check_version
from cms.crud.content_type import ContentType
from cms.crud.doors import Doors, Handler, json_body, typed
from cms.crud.fields import Control, Email, Html, Rules, choice, text
from cms.crud.models import Record
from cms.crud.policy import ANONYMOUS, Action, Actor, Policy, Role
from cms.crud.problems import FieldError, Invalid, Unauthorized
from cms.crud.schemas import create_schema
from cms.crud.search import Searchable, lowered
from cms.crud.service import Service, UnitOfWork
from cms.editorial.markdown import MarkdownTooComplex, count_links, render_comment
from cms.editorial.routes import EditorialRoutes

MAX_THREAD = 5
"""The deepest level of a reply."""
MAX_CONTENT = 5_000
COMMENT_RATE = Limit(20, 60)
"""How many comments one address may send."""


class CommentStatus(StrEnum):
    """What moderators, or the rules of the site, decided about a comment."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SPAM = "spam"


class Comment(Searchable, Record):
    """A comment; its text goes with its article."""

    __tablename__ = "comments"
    __table_args__ = (
        # Those of an article, and those that wait, in the order of their writing; the second counts without the rows.
        Index("ix_comments_article_id_status", "article_id", "status", "created_at", "id"),
        Index("ix_comments_status_created_at", "status", "created_at", "id", "article_id"),
    )

    article_id: Mapped[UUID] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))
    article: Mapped[Article] = relationship(lazy="raise")
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("comments.id", ondelete="CASCADE"), index=True)
    parent: Mapped["Comment | None"] = relationship(remote_side="Comment.id", lazy="raise", viewonly=True)
    depth: Mapped[int] = mapped_column(default=1)
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    author: Mapped[User | None] = relationship(lazy="raise")
    name: Mapped[str | None] = text(100, Rules(hint="How the writer wants to be called."), nullable=True)
    email: Mapped[Email | None]
    content: Mapped[str] = text(
        MAX_CONTENT, Rules(Control.MARKDOWN, minimum=1, hint="Simple Markdown, without images.")
    )
    content_html: Mapped[Html] = mapped_column(default="")
    status: Mapped[CommentStatus] = choice(CommentStatus, default=CommentStatus.PENDING)
    website: Mapped[str | None] = text(
        2_000, Rules(hint="Leave it empty: forms keep it out of sight, and only robots fill it in."), nullable=True
    )
    fingerprint: Mapped[str] = text(32, default="")
    """The same for texts that say the same."""


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
    """Writes comments; those of people who do not moderate pass the rules of the site."""

    async def prepare(self, record: Comment, changed: frozenset[str]) -> None:
        """Place the comment in its thread, render it, and hold it for moderation where that is due."""
        is_new = record.depth is None
        if not is_new and (moved := [n for n in ("article", "parent") if _has_changed(record, f"{n}_id")]):
            raise _misplaced("A comment stays where it was written.", moved[0])
        if "parent" in changed:
            record.depth = await self._depth(record)
        if "content" in changed:
            record.content_html = _rendered(record.content)
            record.fingerprint = moderation.fingerprint(record.content)
        if is_new:
            await self._admit(record)

    async def delete(self, record: Comment, expected: int) -> None:
        """Delete a comment with the replies to it, the deepest first, each of them seen by whoever listens."""
        self.require(Action.DELETE, record)
        check_version(expected, record.version)
        for level in reversed(await self._replies(record)):
            for reply in level:
                await self.session.delete(reply)
            await self.session.flush()
        await super().delete(record, expected)

    async def _replies(self, record: Comment) -> list[list[Comment]]:
        """The replies to a comment, level by level; locked, so that none is added to them."""
        levels, above = [], [record]
        while above:
            ids = [comment.id for comment in above]
            below = select(Comment).where(Comment.parent_id.in_(ids)).with_for_update(of=Comment)
            above = list((await self.session.execute(below)).scalars())
            levels.append(above)
        return levels[:-1]

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
        record.status = await self._judged(record, site.comment_rules)

    async def _judged(self, record: Comment, rules: moderation.Rules) -> CommentStatus:
        """What the rules make of a new comment: two statements, whatever they are.

        :raises Conflict: for what is there already. :raises TooManyRequests: for one too many.
        """
        # Of two at once the second waits here, and then finds the first. No comment is locked after its article.
        await self.session.execute(_locked(record.article_id))
        found = (await self.session.execute(_look_up(record, rules))).one()
        past = moderation.Past(found.flooded_at, is_repeated=found.is_repeated, is_known=found.is_known)
        if refused := moderation.refusal(rules, past, record.created_at):
            raise refused
        incoming = moderation.Incoming(
            name=record.name,
            content=record.content,
            links=count_links(record.content),
            addresses=tuple(address for address in (record.email, found.account) if address),
            website=record.website,
        )
        return CommentStatus(moderation.judge(rules, incoming, is_known=past.is_known))

    async def _depth(self, record: Comment) -> int:
        if record.parent_id is None:
            return 1
        above = select(Comment.article_id, Comment.depth).where(Comment.id == record.parent_id)
        found = await self.session.execute(above.with_for_update(read=True, key_share=True))
        article_id, depth = found.one()
        if article_id != record.article_id:
            raise _misplaced("The comment that this replies to belongs to another article.")
        if depth >= MAX_THREAD:
            raise _misplaced(f"Threads are at most {MAX_THREAD} levels deep; reply further up.")
        return int(depth) + 1


def _locked(article_id: UUID) -> Select[Any]:
    return select(Article.id).where(Article.id == article_id).with_for_update(key_share=True)


def _look_up(record: Comment, rules: moderation.Rules) -> Select[Any]:
    """What has to be known before a comment is judged, in one statement."""
    by_writer = Comment.author_id == record.author_id
    approved, spam = (
        exists().where(by_writer, Comment.status == status) for status in (CommentStatus.APPROVED, CommentStatus.SPAM)
    )
    is_known: ColumnElement[bool] = and_(approved, ~spam)
    if record.author_id is None:  # nobody has proved to own that address
        by_writer = and_(Comment.author_id.is_(None), lowered(Comment.email) == (record.email or "").lower())
        is_known = false()
    is_recent = Comment.created_at > record.created_at - timedelta(minutes=rules.flood_minutes)
    nth = select(Comment.created_at).where(by_writer, is_recent).order_by(Comment.created_at.desc())
    nth = nth.offset(rules.flood_limit - 1).limit(1)
    is_repeated = exists().where(
        Comment.article_id == record.article_id,
        Comment.fingerprint == record.fingerprint,
        Comment.created_at > record.created_at - timedelta(minutes=rules.duplicate_minutes),
    )
    return select(
        (nth.scalar_subquery() if rules.flood_limit else null()).label("flooded_at"),
        is_repeated.label("is_repeated"),
        is_known.label("is_known"),
        select(User.email).where(User.id == record.author_id).scalar_subquery().label("account"),
    )


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
    """Take only so many new comments a minute from one address.

    :raises TooManyRequests: saying when to come back.
    """
    if request.method == "POST" and request.scope["path"].endswith(f"/{comment.name}"):
        throttle: Throttle = request.app.state.throttle
        await throttle.check(f"comment:{client_address(request)}", COMMENT_RATE)


comment = ContentType(
    Comment,
    name="comments",
    read_fields=(
        "id", "article", "parent", "depth", "author", "name", "content", "content_html", "status", "version",
        "created_at",         "updated_at",
    ),
    write_fields=("article", "parent", "name", "email", "content", "author", "status", "website"),
    reference_fields=("id", "name"),
    list_fields=("content", "name", "email", "article", "status", "created_at"),
    search_fields=("content", "name"),
    filter_fields=("id", "article", "parent", "author", "status", "created_at"),
    sort_fields=("created_at", "updated_at"),
    service=CommentService,
    policy=CommentPolicy(),
)  # fmt: skip
keep_counts(Comment, CommentStatus.APPROVED)


class _Routes(EditorialRoutes):
    """The generated routes, but for an answer that tells nobody what robots would like to know."""

    def _create(self) -> Handler:
        async def create_comment(request: Request, work: UnitOfWork, data: BaseModel) -> Response:
            record = await work.service(comment).create(data)
            item, version = await work.read(comment, record.id)
            if item["status"] == CommentStatus.SPAM and not work.actor.is_staff:
                item["status"] = CommentStatus.PENDING
            headers = {**cache_headers(work.actor), "Location": f"{request.scope['path']}/{record.id}"}
            return answer_record(item, version, headers, HTTPStatus.CREATED)

        return typed(create_comment, work=self.doors.work, data=json_body(create_schema(comment)))


def build_comments_router(doors: Doors) -> APIRouter:
    """The routes of comments: of each address so many writes a minute, and spam answered as what waits."""
    return _Routes(comment, doors, [Depends(limit_comments)]).build()
