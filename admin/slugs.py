"""The slug that a title would make, for a form that shows it while one types."""

from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from cms.crud.content_type import ContentType
from cms.crud.search import like_pattern
from cms.crud.slugs import make_slug


def made_slug(content_type: ContentType[Any], title: str) -> str:
    """What the title makes, whether or not that is taken."""
    probe = SimpleNamespace(slug=None, **{content_type.title_field: title})
    make_slug(content_type, probe)
    return str(probe.slug)


def is_made(content_type: ContentType[Any], title: str, slug: str) -> bool:
    """Whether a slug is what the title makes, perhaps with a number behind it."""
    base = made_slug(content_type, title)
    ending = slug.removeprefix(f"{base}-")
    return slug == base or (ending != slug and ending.isdecimal())


def free_slug(connection: Connection, content_type: ContentType[Any], title: str, own: UUID | None) -> str:
    """The slug that a record of that title would get now.

    :param own: the record that asks; what it holds itself is not taken.
    """
    base, model = made_slug(content_type, title), content_type.model
    columns: Any = model
    like = columns.slug.like(like_pattern(base, before=""), escape="\\")
    held = select(columns.slug).where(like, *([] if own is None else [columns.id != own]))
    if "trashed_at" in content_type.fields:
        held = held.where(columns.trashed_at.is_(None))
    taken = set(connection.execute(held).scalars())
    return base if base not in taken else next(slug for n in count(2) if (slug := f"{base}-{n}") not in taken)
