"""Site settings: one record that holds what the whole site is called and allows."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from cms.content.moderation import Rules as CommentRules
from cms.content.moderation import blocked_addresses, blocked_words
from cms.crud.answers import answer_unless_held, written
from cms.crud.conditional import expected_version
from cms.crud.content_type import ContentType
from cms.crud.doors import (
    READ_PROBLEMS,
    VERSION_PROBLEMS,
    WRITE_PROBLEMS,
    Doors,
    IfMatch,
    IfNoneMatch,
    json_body,
    json_router,
    refuse_parameters,
    require_json,
    typed,
)
from cms.crud.fields import Control, Rules, ShortText, Summary, Title, text
from cms.crud.models import Record
from cms.crud.policy import Action, Actor, Policy, Role
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound, responses
from cms.crud.schemas import read_schema, update_schema
from cms.crud.service import Service, UnitOfWork
from cms.crud.zones import ZONE_EXAMPLE, ZONE_LENGTH, is_zone, no_zone

LANGUAGE_PATTERN = r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$"
SITE_ID = UUID(int=1)
"""The id of the one record."""
LONGEST_LIST = 20_000
"""The most characters of a list of what is blocked."""

_COMMENTS = CommentRules()  # as they are until somebody changes them


def _number(default: int, least: int, most: int, hint: str) -> Any:
    return mapped_column(default=default, info={"rules": Rules(within=(least, most), hint=hint, example=default)})


def _list(hint: str, example: str) -> Any:
    return text(LONGEST_LIST, Rules(Control.TEXTAREA, hint=hint, example=example), default="")


class Site(Record):
    """The settings of the site."""

    __tablename__ = "site"

    title: Mapped[Title] = mapped_column(default="Masthead")
    tagline: Mapped[ShortText] = mapped_column(default="")
    description: Mapped[Summary] = mapped_column(default="")
    language: Mapped[str] = text(
        20, Rules(pattern=LANGUAGE_PATTERN, hint="A language tag such as en or pt-BR.", example="en"), default="en"
    )
    timezone: Mapped[str] = text(
        ZONE_LENGTH,
        Rules(Control.TIME_ZONE, minimum=1, hint=f"A time zone such as {ZONE_EXAMPLE}.", example=ZONE_EXAMPLE),
        default="UTC",
    )
    posts_per_page: Mapped[int] = mapped_column(default=10, info={"rules": Rules(within=(1, 100))})
    allow_anonymous_comments: Mapped[bool] = mapped_column(default=True)
    comments_trust_known_authors: Mapped[bool] = mapped_column(
        default=_COMMENTS.trust_known_authors,
        info={
            "rules": Rules(hint="The signed-in need not wait once a comment of theirs was approved and none was spam.")
        },
    )
    comments_max_links: Mapped[int] = _number(
        _COMMENTS.max_links, 0, 100, "A comment with more links waits for a moderator; with twice as many it is spam."
    )
    comments_flood_limit: Mapped[int] = _number(
        _COMMENTS.flood_limit, 0, 1_000, "How many comments one writer may send in the minutes below; 0 for any number."
    )
    comments_flood_minutes: Mapped[int] = _number(
        _COMMENTS.flood_minutes, 1, 1_440, "The minutes in which the comments of one writer are counted."
    )
    comments_duplicate_minutes: Mapped[int] = _number(
        _COMMENTS.duplicate_minutes,
        0,
        43_200,
        "For how many minutes the same text is refused under the same article; 0 for not at all.",
    )
    comments_blocked_words: Mapped[str] = _list(
        "Comments with one of these are spam. One a line; a star stands for the rest of a word, as in casino*.",
        "casino*",
    )
    comments_blocked_addresses: Mapped[str] = _list(
        "Comments of these are spam. One a line: an e-mail address, or a domain with all below it.", "spam.example"
    )

    @property
    def comment_rules(self) -> CommentRules:
        """What is asked of comments."""
        return CommentRules(**{rule.name: getattr(self, f"comments_{rule.name}") for rule in fields(CommentRules)})


class SiteService(Service[Site]):
    """Changes the settings; there is nothing to create or delete."""

    async def prepare(self, record: Site, changed: frozenset[str]) -> None:
        """The one record has the one id; its values make sense."""
        record.id = SITE_ID
        if not is_zone(record.timezone):
            raise _wrong("timezone", no_zone(record.timezone))
        if not 1 <= record.posts_per_page <= 100:
            raise _wrong("posts_per_page", "Between 1 and 100 posts fit a page.")
        _check("comments_blocked_words", blocked_words, record.comments_blocked_words)
        _check("comments_blocked_addresses", blocked_addresses, record.comments_blocked_addresses)

    async def delete(self, record: Site, expected: int) -> None:
        """Refuse: a site without settings is none.

        :raises Conflict: always.
        """
        raise Conflict("The settings of the site can be changed, but not deleted.")


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, f"/{field}")])


def _check(field: str, read: Callable[[str], object], lines: str) -> None:
    try:
        read(lines)
    except ValueError as error:
        raise _wrong(field, str(error)) from error


async def read_site(session: AsyncSession) -> Site:
    """The settings as they stand; the defaults where none were saved yet."""
    found = (await session.execute(select(Site))).scalar_one_or_none()
    return found or Site(**_defaults())


def _defaults() -> dict[str, Any]:
    defaults = {column.key: column.default for column in Site.__table__.columns}
    return {key: default.arg for key, default in defaults.items() if default is not None and default.is_scalar}


site = ContentType(
    Site,
    name="site",
    read_fields=(
        "id", "title", "tagline", "description", "language", "timezone", "posts_per_page", "allow_anonymous_comments",
        "comments_trust_known_authors", "comments_max_links", "comments_flood_limit", "comments_flood_minutes",
        "comments_duplicate_minutes", "version", "created_at", "updated_at",
    ),
    write_fields=(
        "title", "tagline", "description", "language", "timezone", "posts_per_page", "allow_anonymous_comments",
        "comments_trust_known_authors", "comments_max_links", "comments_flood_limit", "comments_flood_minutes",
        "comments_duplicate_minutes", "comments_blocked_words", "comments_blocked_addresses",
    ),
    reference_fields=("id", "title"),
    list_fields=("title", "tagline", "timezone"),
    service=SiteService,
    policy=Policy(write=Role.ADMIN),
)  # fmt: skip


def build_site_router(doors: Doors) -> APIRouter:
    """`GET` and `PATCH /site`: the one record needs no key."""
    router = json_router(site, doors)
    router.add_api_route(
        "",
        typed(_get_site, actor=doors.actor, if_none_match=IfNoneMatch),
        methods=["GET"],
        operation_id="get_site",
        summary="Get the settings of the site",
        response_model=read_schema(site, doors.registry),
        responses={**responses(*READ_PROBLEMS, NotFound), 304: {"description": "The caller's copy is current."}},
    )
    router.add_api_route(
        "",
        typed(_update_site, work=doors.work, data=json_body(update_schema(site)), if_match=IfMatch),
        methods=["PATCH"],
        operation_id="update_site",
        summary="Change the settings of the site",
        response_model=read_schema(site, doors.registry),
        responses=responses(*WRITE_PROBLEMS, *VERSION_PROBLEMS),
        dependencies=[Depends(refuse_parameters), Depends(require_json)],
    )
    return router


async def _get_site(request: Request, actor: Actor, if_none_match: str | None = None) -> Response:
    refuse_parameters(request)
    found = await request.app.state.database.read(request.app.state.reader.one, site, SITE_ID, actor)
    if found is None:
        raise NotFound("The site has no settings yet; run “cms migrate”.")
    item, version = found
    return answer_unless_held(item, version, actor, if_none_match)


async def _update_site(work: UnitOfWork, data: BaseModel, if_match: str | None = None) -> Response:
    service = work.service(site)
    record = await service.get(SITE_ID, Action.UPDATE)
    await service.update(record, data, expected_version(if_match, getattr(data, "version", None)))
    return await written(work, site, record.id)
