"""Content types that are no blog, and a tiny application for them: what the core is tested on.

Their tables live in a metadata of their own, so that migrations never see them. The application believes its
headers: `X-Role` names the role, `X-Actor` the id of who is asking.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Header, Request
from pydantic import Field
from sqlalchemy import Column, ColumnElement, ForeignKey, MetaData, Table, or_, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from cms.crud.content_type import ContentType
from cms.crud.cursor import Cursors
from cms.crud.doors import Doors
from cms.crud.fields import (
    Email,
    Markdown,
    Model,
    Name,
    Rules,
    ShortText,
    Slug,
    Summary,
    Url,
    as_predicate,
    choice,
    structured,
    text,
)
from cms.crud.idempotency import Attempts, KeptAnswer, once
from cms.crud.models import NAMING_CONVENTION, Record
from cms.crud.plan import Reader
from cms.crud.policy import ACTOR_ID, Actor, AdminOnly, Policy, Role
from cms.crud.problem_handler import add_problem_handler
from cms.crud.problems import Unavailable
from cms.crud.registry import Registry
from cms.crud.router import add_routes, build_router
from cms.crud.search import Searchable
from cms.crud.service import Service, UnitOfWork
from cms.outages import DatabaseUnavailable

SECRET = "a secret that signs the cursors of toys"  # noqa: S105 - of toys alone


class Toy(Record):
    """Base of the toys: a record whose table stands apart from the application's."""

    __abstract__ = True

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


KeptAnswer.metadata.tables[KeptAnswer.__tablename__].to_metadata(Toy.metadata)


class Classified(Policy):
    """Classified rows are for staff, and for who owns them."""

    def visible(self, table: Any, role: Role) -> ColumnElement[bool] | None:
        if role.at_least(Role.EDITOR):
            return None
        is_open = as_predicate(table.is_classified.is_(False))
        if self.own is None or not role.at_least(Role.AUTHOR):
            return is_open
        return or_(is_open, getattr(table, self.own) == ACTOR_ID)


class Kind(StrEnum):
    """What a planet is made of."""

    ROCKY = "rocky"
    GAS = "gas"
    ICE = "ice"


class Orbit(Model):
    """How a planet goes round its star."""

    distance: float
    inclination: float = 0.0
    resonances: Annotated[tuple[int, ...], Field(max_length=5)] = ()


class Explorer(Toy):
    """Somebody who finds planets; a person with secrets."""

    __tablename__ = "explorers"
    __natural_key__ = "email"

    name: Mapped[Name] = mapped_column(index=True)
    email: Mapped[Email] = mapped_column(unique=True)
    pin: Mapped[str] = text(100, index=True)


class Star(Toy):
    """What planets go round."""

    __tablename__ = "stars"
    __natural_key__ = "slug"

    slug: Mapped[Slug]
    name: Mapped[Name] = mapped_column(index=True)


class Mission(Toy):
    """A flight to some planets."""

    __tablename__ = "missions"
    __natural_key__ = "slug"

    slug: Mapped[Slug]
    name: Mapped[Name] = mapped_column(index=True)
    is_classified: Mapped[bool] = mapped_column(default=False, index=True)


planet_missions = Table(
    "planet_missions",
    Toy.metadata,
    Column("planet_id", ForeignKey("planets.id", ondelete="CASCADE"), primary_key=True),
    Column("mission_id", ForeignKey("missions.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Planet(Searchable, Toy):
    """A planet: a column of every type, and a relation of every kind."""

    __tablename__ = "planets"
    __natural_key__ = "slug"

    slug: Mapped[Slug]
    name: Mapped[Name] = mapped_column(index=True)
    summary: Mapped[Summary | None]
    notes: Mapped[Markdown] = mapped_column(default="")
    homepage: Mapped[Url | None]
    designation: Mapped[str | None] = text(20, unique=True, nullable=True)
    kind: Mapped[Kind] = choice(Kind, default=Kind.ROCKY, index=True)
    mass: Mapped[float | None] = mapped_column(index=True)
    rank: Mapped[int] = mapped_column(default=0, index=True)
    rings: Mapped[int | None] = mapped_column(index=True)
    is_habitable: Mapped[bool] = mapped_column(default=False, index=True)
    discovered_at: Mapped[datetime | None] = mapped_column(index=True)
    orbit: Mapped[Orbit | None] = structured(Orbit)
    marks: Mapped[list[str]] = structured(list[str], default=list)
    codename: Mapped[ShortText] = mapped_column(default="", index=True)
    """Private: written, never read."""
    launch_code: Mapped[str] = text(100, default="", index=True)
    """Secret: in no allow-list at all."""
    is_classified: Mapped[bool] = mapped_column(default=False, index=True)
    star_id: Mapped[UUID] = mapped_column(ForeignKey("stars.id", ondelete="RESTRICT"), index=True)
    star: Mapped[Star] = relationship(lazy="raise")
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("explorers.id", ondelete="SET NULL"), index=True)
    owner: Mapped[Explorer | None] = relationship(lazy="raise")
    missions: Mapped[list[Mission]] = relationship(secondary=planet_missions, lazy="raise")
    moons: Mapped[list["Moon"]] = relationship(lazy="raise", viewonly=True)

    @hybrid_property
    def is_giant(self) -> bool:
        """Whether it is made of gas."""
        return self.kind is Kind.GAS

    @is_giant.inplace.expression
    @classmethod
    def _is_giant(cls) -> ColumnElement[bool]:
        return as_predicate(cls.kind == Kind.GAS)


class Moon(Toy):
    """A moon; nothing but its id names it."""

    __tablename__ = "moons"

    name: Mapped[Name] = mapped_column(index=True)
    radius: Mapped[float | None] = mapped_column(index=True)
    is_classified: Mapped[bool] = mapped_column(default=False, index=True)
    planet_id: Mapped[UUID] = mapped_column(ForeignKey("planets.id", ondelete="RESTRICT"), index=True)
    planet: Mapped[Planet] = relationship(lazy="raise")


class Region(Toy):
    """A part of the sky, in a tree."""

    __tablename__ = "regions"

    name: Mapped[Name] = mapped_column(index=True)
    note: Mapped[ShortText] = mapped_column(default="")
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("regions.id", ondelete="RESTRICT"), index=True)
    parent: Mapped["Region | None"] = relationship(remote_side="Region.id", lazy="raise")
    children: Mapped[list["Region"]] = relationship(remote_side="Region.parent_id", lazy="raise", viewonly=True)


class Probe(Toy):
    """A probe; its service finds it a planet where none is named."""

    __tablename__ = "probes"

    name: Mapped[Name] = mapped_column(index=True)
    planet_id: Mapped[UUID] = mapped_column(
        ForeignKey("planets.id", ondelete="CASCADE"), index=True, info={"rules": Rules(derived=True)}
    )
    planet: Mapped[Planet] = relationship(lazy="raise")


class ProbeService(Service[Probe]):
    """Writes probes."""

    async def prepare(self, record: Probe, changed: frozenset[str]) -> None:
        """The first planet is as good as any."""
        if record.planet_id is None:
            planets = select(Planet.id).order_by(Planet.slug).limit(1)
            record.planet_id = (await self.session.execute(planets)).scalar_one()


class SpaceStation(Toy):
    """Something that is only read, and has two words in its name."""

    __tablename__ = "stations"

    name: Mapped[Name] = mapped_column(index=True)
    crew: Mapped[int] = mapped_column(default=0, index=True)


planet = ContentType(
    Planet,
    name="planets",
    read_fields=(
        "id", "slug", "name", "summary", "notes", "homepage", "designation", "kind", "mass", "rank", "rings",
        "is_habitable", "is_giant",
        "discovered_at", "orbit", "marks", "star", "owner", "missions", "version", "created_at", "updated_at",
    ),
    write_fields=(
        "name", "slug", "summary", "notes", "homepage", "designation", "kind", "mass", "rank", "rings", "is_habitable",
        "discovered_at",
        "orbit", "marks", "codename", "is_classified", "star", "owner", "missions",
    ),
    detail_fields=("notes",),
    search_fields=("name", "summary", "notes"),
    filter_fields=(
        "id", "slug", "name", "kind", "mass", "rank", "rings", "is_habitable", "is_giant", "discovered_at", "star",
        "owner",
        "missions", "moons", "created_at",
    ),
    sort_fields=("name", "slug", "kind", "mass", "rank", "rings", "is_habitable", "discovered_at", "created_at"),
    include_fields=("moons", "missions"),
    policy=Classified(own="owner_id"),
)  # fmt: skip
star = ContentType(
    Star,
    name="stars",
    read_fields=("id", "slug", "name", "version"),
    write_fields=("name", "slug"),
    filter_fields=("slug", "name"),
    sort_fields=("name",),
)
mission = ContentType(
    Mission,
    name="missions",
    read_fields=("id", "slug", "name", "version"),
    write_fields=("name", "slug", "is_classified"),
    filter_fields=("slug", "name"),
    sort_fields=("-name", "created_at"),
    policy=Classified(),
)
moon = ContentType(
    Moon,
    name="moons",
    read_fields=("id", "name", "radius", "planet", "version"),
    write_fields=("name", "radius", "planet", "is_classified"),
    reference_fields=("id", "name"),
    filter_fields=("name", "radius", "planet"),
    sort_fields=("name", "radius"),
    policy=Classified(),
)
region = ContentType(
    Region,
    name="regions",
    read_fields=("id", "name", "parent", "version"),
    write_fields=("name", "note", "parent"),
    reference_fields=("id", "name", "note"),
    filter_fields=("name", "parent", "children"),
    sort_fields=("name",),
    include_fields=("children",),
)
probe = ContentType(
    Probe,
    name="probes",
    read_fields=("id", "name", "planet", "version"),
    write_fields=("name", "planet"),
    reference_fields=("id", "name"),
    sort_fields=("name",),
    service=ProbeService,
)
explorer = ContentType(
    Explorer,
    name="explorers",
    read_fields=("id", "name", "email", "version"),
    write_fields=("name", "email", "pin"),
    reference_fields=("id", "name"),
    filter_fields=("name", "email"),
    sort_fields=("name",),
    policy=AdminOnly(),
)
station = ContentType(
    SpaceStation,
    name="stations",
    read_fields=("id", "name", "crew", "version"),
    reference_fields=("id", "name"),
    filter_fields=("crew",),
    sort_fields=("name",),
)
registry = Registry(planet, moon, star, mission, region, probe, explorer, station)


def actor_of(role: Role, actor_id: UUID | None = None) -> Actor:
    """Somebody of that role."""
    return Actor(actor_id or (None if role is Role.ANONYMOUS else UUID(int=7)), role)


async def get_actor(request: Request) -> Actor:
    """Who the request says is asking."""
    actor_id = request.headers.get("x-actor")
    return actor_of(Role(request.headers.get("x-role", Role.ANONYMOUS)), UUID(actor_id) if actor_id else None)


async def get_work(
    request: Request,
    x_role: Annotated[Role, Header()] = Role.ANONYMOUS,
    x_actor: Annotated[UUID | None, Header()] = None,
) -> AsyncIterator[UnitOfWork]:
    """The request's unit of work."""
    actor = actor_of(x_role, x_actor)
    async with once(request, actor, request.app.state.database.session()) as session:
        yield UnitOfWork(session, actor, request.app.state.reader)


def create_toy_app() -> FastAPI:
    """An application of toys; `app.state.database` has to be a database with their tables."""
    app = FastAPI(title="Toys")
    app.state.reader = Reader(registry, Cursors(SECRET))
    app.state.attempts = Attempts(SECRET)
    add_problem_handler(app, {DatabaseUnavailable: Unavailable})
    doors = Doors(registry, get_actor, get_work, "/api/v1")
    add_routes(app, *(build_router(content_type, doors) for content_type in registry))
    return app


def signed_in(role: Role, actor_id: UUID | None = None) -> dict[str, str]:
    """The headers of somebody of that role."""
    return {"X-Role": role.value} | ({"X-Actor": str(actor_id)} if actor_id else {})


EDITOR = signed_in(Role.EDITOR)
