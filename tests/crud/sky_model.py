"""A naive model of the planets: rows as plain values, filters as plain functions, an order as a sort.

What the read plan answers is held against it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.policy import Actor, Role
from tests.toys import Explorer, Kind, Mission, Moon, Planet, Star, planet_missions

ME, OTHER = UUID(int=7), UUID(int=8)
TIMES = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
STARS = {"sun": UUID(int=101), "vega": UUID(int=102)}
MISSIONS = {"apollo": UUID(int=201), "gemini": UUID(int=202), "dark": UUID(int=203)}
"""“dark” is classified."""


@dataclass(frozen=True)
class Row:
    """A planet."""

    id: UUID
    name: str
    kind: Kind
    mass: float | None
    rank: int
    rings: int | None
    is_habitable: bool
    discovered_at: datetime | None
    is_classified: bool
    owner: UUID | None
    star: str
    missions: frozenset[str] = field(default_factory=frozenset)
    moons: tuple[tuple[str, bool], ...] = ()
    """Names, and whether each is classified."""

    def is_visible(self, actor: Actor) -> bool:
        """Whether the actor may see the planet."""
        is_own = actor.role is Role.AUTHOR and self.owner == actor.id
        return actor.is_staff or not self.is_classified or is_own

    def seen_missions(self, actor: Actor) -> frozenset[str]:
        """Those that the actor may see."""
        return self.missions if actor.is_staff else self.missions - {"dark"}

    def seen_moons(self, actor: Actor) -> set[str]:
        """As above."""
        return {name for name, is_classified in self.moons if actor.is_staff or not is_classified}


async def fill(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Put these planets in the place of all others."""
    for table in (Moon, planet_missions, Planet, Explorer, Star, Mission):
        await session.execute(delete(table))
    stamps = {"version": 1, "created_at": TIMES[0], "updated_at": TIMES[0]}
    people = [{"id": i, "name": "n", "email": f"{i}@example.org", "pin": "p", **stamps} for i in (ME, OTHER)]
    await session.execute(insert(Explorer), people)
    await session.execute(insert(Star), [{"id": i, "slug": s, "name": s.title(), **stamps} for s, i in STARS.items()])
    missions = [
        {"id": i, "slug": s, "name": s.title(), "is_classified": s == "dark", **stamps} for s, i in MISSIONS.items()
    ]
    await session.execute(insert(Mission), missions)
    if not rows:
        return
    await session.execute(insert(Planet), [_planet(row) | stamps for row in rows])
    links = [{"planet_id": r.id, "mission_id": MISSIONS[m]} for r in rows for m in sorted(r.missions)]
    moons = [
        {"id": UUID(int=r.id.int * 16 + n), "name": name, "is_classified": hidden, "planet_id": r.id, **stamps}
        for r in rows
        for n, (name, hidden) in enumerate(r.moons)
    ]
    if links:
        await session.execute(insert(planet_missions), links)
    if moons:
        await session.execute(insert(Moon), moons)


def _planet(row: Row) -> dict[str, Any]:
    names = ("id", "name", "kind", "mass", "rank", "rings", "is_habitable", "discovered_at", "is_classified")
    values = {name: getattr(row, name) for name in names}
    return {**values, "slug": f"p{row.id.int}", "star_id": STARS[row.star], "owner_id": row.owner}


def expected(rows: Sequence[Row], actor: Actor, filters: Sequence[str], sort: Sequence[tuple[str, bool]]) -> list[Row]:
    """The planets that meet all filters, in order: null before every value, ties by id."""
    found = [r for r in rows if r.is_visible(actor) and all(FILTERS[f](r, actor) for f in filters)]
    found.sort(key=lambda r: r.id, reverse=sort[-1][1])
    for name, is_descending in reversed(sort):
        found.sort(key=lambda r, n=name: _rank(getattr(r, n)), reverse=is_descending)  # type: ignore[misc]  # n is a default
    return found


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


Holds = Callable[[Row, Actor], bool]


def _nothing(row: Row, actor: Actor) -> bool:
    return False


def _all(row: Row, actor: Actor) -> bool:
    return True


_A, _B = (time.isoformat().replace("+00:00", "Z") for time in TIMES)

FILTERS: dict[str, Holds] = {
    "name=a": lambda r, _: r.name == "a",
    "name__ne=a": lambda r, _: r.name != "a",
    "name__lt=b": lambda r, _: r.name < "b",
    "name__lte=b": lambda r, _: r.name <= "b",
    "name__gt=b": lambda r, _: r.name > "b",
    "name__gte=b": lambda r, _: r.name >= "b",
    "name__in=a,É": lambda r, _: r.name in {"a", "É"},
    "name__in=": _nothing,
    "name__nin=a,É": lambda r, _: r.name not in {"a", "É"},
    "name__nin=": _all,
    "name__contains=a": lambda r, _: "a" in r.name,
    "name__contains=%": lambda r, _: "%" in r.name,
    "name__contains=_": lambda r, _: "_" in r.name,
    "name__contains=\\": lambda r, _: "\\" in r.name,
    "name__icontains=A": lambda r, _: "a" in r.name.lower(),
    "name__icontains=é": lambda r, _: "é" in r.name.lower(),
    "name__startswith=a": lambda r, _: r.name.startswith("a"),
    "name__endswith=b": lambda r, _: r.name.endswith("b"),
    "kind=gas": lambda r, _: r.kind is Kind.GAS,
    "kind__ne=gas": lambda r, _: r.kind is not Kind.GAS,
    "kind__in=gas,ice": lambda r, _: r.kind in {Kind.GAS, Kind.ICE},
    "kind__nin=gas,ice": lambda r, _: r.kind is Kind.ROCKY,
    "is_giant=true": lambda r, _: r.kind is Kind.GAS,
    "is_giant__ne=true": lambda r, _: r.kind is not Kind.GAS,
    "mass=2": lambda r, _: r.mass == 2,
    "mass__ne=2": lambda r, _: r.mass != 2,
    "mass__lt=2": lambda r, _: r.mass is not None and r.mass < 2,
    "mass__gte=-1.5": lambda r, _: r.mass is not None and r.mass >= -1.5,
    "mass__in=0,2": lambda r, _: r.mass in {0, 2},
    "mass__nin=0,2": lambda r, _: r.mass not in {0, 2},
    "mass__isnull=true": lambda r, _: r.mass is None,
    "mass__isnull=false": lambda r, _: r.mass is not None,
    "rank__gt=0": lambda r, _: r.rank > 0,
    "rank__lte=0": lambda r, _: r.rank <= 0,
    "rings__nin=": _all,
    "is_habitable=true": lambda r, _: r.is_habitable,
    "is_habitable__ne=true": lambda r, _: not r.is_habitable,
    f"discovered_at={_B}": lambda r, _: r.discovered_at == TIMES[1],
    f"discovered_at__gt={_A}": lambda r, _: r.discovered_at is not None and r.discovered_at > TIMES[0],
    f"discovered_at__in={_A}": lambda r, _: r.discovered_at == TIMES[0],
    "discovered_at__isnull=true": lambda r, _: r.discovered_at is None,
    "star=sun": lambda r, _: r.star == "sun",
    f"star={STARS['vega']}": lambda r, _: r.star == "vega",
    "star__ne=sun": lambda r, _: r.star != "sun",
    f"star__in=sun,{STARS['vega']},nowhere": _all,
    "star__nin=sun": lambda r, _: r.star != "sun",
    "star__in=": _nothing,
    "star__isnull=true": _nothing,
    "star__name__startswith=V": lambda r, _: r.star == "vega",
    "star__slug__ne=sun": lambda r, _: r.star != "sun",
    f"owner={ME}": lambda r, _: r.owner == ME,
    f"owner__ne={ME}": lambda r, _: r.owner != ME,
    "owner__isnull=true": lambda r, _: r.owner is None,
    "owner__isnull=false": lambda r, _: r.owner is not None,
    "owner__name=n": lambda r, _: r.owner is not None,
    "owner__name__ne=n": lambda r, _: r.owner is None,
    "missions=apollo": lambda r, a: "apollo" in r.seen_missions(a),
    "missions__ne=apollo": lambda r, a: "apollo" not in r.seen_missions(a),
    "missions=dark": lambda r, a: "dark" in r.seen_missions(a),
    "missions__ne=dark": lambda r, a: "dark" not in r.seen_missions(a),
    f"missions__nin={MISSIONS['dark']}": lambda r, a: "dark" not in r.seen_missions(a),
    "missions__in=apollo,dark": lambda r, a: bool(r.seen_missions(a) & {"apollo", "dark"}),
    "missions__in=": _nothing,
    "missions__nin=": _all,
    f"missions__all=apollo,{MISSIONS['gemini']}": lambda r, a: {"apollo", "gemini"} <= r.seen_missions(a),
    "missions__all=apollo,dark": lambda r, a: {"apollo", "dark"} <= r.seen_missions(a),
    "missions__all=apollo,nowhere": _nothing,
    "missions__all=": _nothing,
    "missions__isnull=true": lambda r, a: not r.seen_missions(a),
    "missions__isnull=false": lambda r, a: bool(r.seen_missions(a)),
    "missions__slug__all=apollo,gemini": lambda r, a: {"apollo", "gemini"} <= r.seen_missions(a),
    "missions__slug__in=dark,gemini": lambda r, a: bool(r.seen_missions(a) & {"dark", "gemini"}),
    "missions__slug__startswith=d": lambda r, a: "dark" in r.seen_missions(a),
    "missions__name__ne=Dark": lambda r, a: "dark" not in r.seen_missions(a),
    "moons__name=x": lambda r, a: "x" in r.seen_moons(a),
    "moons__name__ne=x": lambda r, a: "x" not in r.seen_moons(a),
    "moons__name__all=x,y": lambda r, a: {"x", "y"} <= r.seen_moons(a),
    "moons__isnull=true": lambda r, a: not r.seen_moons(a),
    "moons__isnull=false": lambda r, a: bool(r.seen_moons(a)),
}
