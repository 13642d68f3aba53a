"""Site settings: one record that holds what the whole site is called and allows."""

from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.answers import answer_unless_held, written
from cms.crud.bodies import JsonRoute
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
    refuse_parameters,
    require_json,
    typed,
)
from cms.crud.fields import Rules, ShortText, Summary, Title, text
from cms.crud.models import Record
from cms.crud.policy import Action, Actor, Policy, Role
from cms.crud.problems import Conflict, FieldError, Invalid, NotFound, responses
from cms.crud.schemas import read_schema, update_schema
from cms.crud.service import Service, UnitOfWork

LANGUAGE_PATTERN = r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$"
SITE_ID = UUID(int=1)
"""The id of the one record."""


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
        60, Rules(minimum=1, hint="A time zone such as Europe/Lisbon.", example="Europe/Lisbon"), default="UTC"
    )
    posts_per_page: Mapped[int] = mapped_column(default=10, info={"rules": Rules(within=(1, 100))})
    allow_anonymous_comments: Mapped[bool] = mapped_column(default=True)


class SiteService(Service[Site]):
    """Changes the settings; there is nothing to create or delete."""

    async def prepare(self, record: Site, changed: frozenset[str]) -> None:
        """The one record has the one id; its values make sense."""
        record.id = SITE_ID
        if record.timezone not in available_timezones():
            raise _wrong("timezone", f"“{record.timezone}” is no time zone; name one such as Europe/Lisbon.")
        if not 1 <= record.posts_per_page <= 100:
            raise _wrong("posts_per_page", "Between 1 and 100 posts fit a page.")

    async def delete(self, record: Site, expected: int) -> None:
        """Refuse: a site without settings is none.

        :raises Conflict: always.
        """
        raise Conflict("The settings of the site can be changed, but not deleted.")


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, f"/{field}")])


async def read_site(session: AsyncSession) -> Site:
    """The settings as they stand; the defaults where none were saved yet."""
    found = (await session.execute(select(Site))).scalar_one_or_none()
    return found or Site(allow_anonymous_comments=True)


site = ContentType(
    Site,
    name="site",
    read_fields=(
        "id", "title", "tagline", "description", "language", "timezone", "posts_per_page", "allow_anonymous_comments",
        "version", "created_at", "updated_at",
    ),
    write_fields=(
        "title", "tagline", "description", "language", "timezone", "posts_per_page", "allow_anonymous_comments",
    ),
    reference_fields=("id", "title"),
    list_fields=("title", "tagline", "timezone"),
    service=SiteService,
    policy=Policy(write=Role.ADMIN),
)  # fmt: skip


def build_site_router(doors: Doors) -> APIRouter:
    """`GET` and `PATCH /site`: the one record needs no key."""
    router = APIRouter(prefix="/site", tags=["site"], route_class=JsonRoute)
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
