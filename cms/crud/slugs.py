"""Slugs made from titles; which of them are taken is for the database to say."""

from collections.abc import Collection
from typing import Any

from slugify import slugify
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from cms.crud.content_type import ContentType
from cms.crud.search import like_pattern
from cms.crud.values import is_uuid

SLUG_LENGTH = 110
"""The most characters of a slug made from a title; the column leaves room for a number behind it."""


def make_slug(content_type: ContentType[Any], record: Any) -> bool:
    """Give a record without a slug one made from its title.

    :returns: whether that was done; then the slug gives way to those already there.
    """
    if "slug" not in content_type.fields or record.slug:
        return False
    title = str(getattr(record, content_type.title_field) or "")
    slug = slugify(title, max_length=SLUG_LENGTH, word_boundary=True) or content_type.singular
    record.slug = f"{content_type.singular}-{slug}" if is_uuid(slug) else slug
    return True


async def next_slug(
    session: AsyncSession, content_type: ContentType[Any], base: str, besides: Collection[str] = ()
) -> str:
    """The slug to try after `base` was found taken: the highest number behind it, plus one.

    What is in a trash holds none.

    :param besides: slugs that are about to be taken.
    """
    model: Any = content_type.model
    base = base[:SLUG_LENGTH].rstrip("-")
    taken = select(model.slug).where(model.slug.like(like_pattern(f"{base}-", before=""), escape="\\"))
    if "trashed_at" in content_type.fields:
        taken = taken.where(model.trashed_at.is_(None))
    slugs = [*(await session.execute(taken)).scalars(), *(slug for slug in besides if slug.startswith(f"{base}-"))]
    endings = [slug.removeprefix(f"{base}-") for slug in slugs]
    numbers = [int(ending) for ending in endings if ending.isdecimal() and len(ending) < 8]
    return f"{base}-{max(numbers, default=1) + 1}"
