"""Redirects: old addresses that lead to new ones."""

from enum import IntEnum

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from cms.crud.content_type import ContentType
from cms.crud.fields import Path, Rules, Url
from cms.crud.models import Record
from cms.crud.problems import FieldError, Invalid
from cms.crud.schemas import create_schema
from cms.crud.service import Service


class RedirectStatus(IntEnum):
    """What a redirect answers: for good, or for now."""

    PERMANENT = 301
    FOUND = 302
    TEMPORARY = 307
    LASTING = 308


class Redirect(Record):
    """A redirect."""

    __tablename__ = "redirects"
    __table_args__ = (CheckConstraint("status in (301, 302, 307, 308)", name="status"),)

    source: Mapped[Path] = mapped_column(unique=True)
    target: Mapped[Url] = mapped_column(index=True)
    status: Mapped[int] = mapped_column(default=301, info={"rules": Rules(example=301)})


class RedirectService(Service[Redirect]):
    """Writes redirects that lead somewhere."""

    async def follow(self, old: str, new: str) -> None:
        """Have an address that is no more lead to where it is now, and all that led to it lead there at once.

        What led away from the new address goes: there is something there again.
        """
        at_old, at_new = (select(Redirect).where(Redirect.source == path).with_for_update() for path in (old, new))
        for back in (await self.session.scalars(at_new)).all():
            await self.delete(back, back.version)
        to_old = select(Redirect).where(Redirect.target == old).order_by(Redirect.id).with_for_update()
        for chained in (await self.session.scalars(to_old)).all():
            await self.change(chained, {"target": new})
        known = (await self.session.scalars(at_old)).one_or_none()
        if known is None:
            await self.create(create_schema(self.content_type)(source=old, target=new))
        else:
            await self.change(known, {"target": new})

    async def prepare(self, record: Redirect, changed: frozenset[str]) -> None:
        """Refuse a redirect to itself, and a status that is none."""
        if record.source == record.target:
            raise _wrong("target", "A redirect can't lead to itself.")
        if record.status not in set(RedirectStatus):
            raise _wrong("status", "A redirect answers 301, 302, 307 or 308.")


def _wrong(field: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, f"/{field}")])


redirect = ContentType(
    Redirect,
    name="redirects",
    read_fields=("id", "source", "target", "status", "version", "created_at", "updated_at"),
    write_fields=("source", "target", "status"),
    reference_fields=("id", "source", "target"),
    list_fields=("source", "target", "status"),
    filter_fields=("id", "source", "target"),
    sort_fields=("source", "target", "created_at", "updated_at"),
    service=RedirectService,
)
