"""Where readers find a record: what links, bookmarks and search engines know it by."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cms.crud.content_type import ContentType


def address_of(content_type: ContentType[Any], record: Any) -> str | None:
    """The path of a record on the public site: its own in a tree, else `/<type>/<slug>`; None where it has no slug.

    :param record: the record, or whatever has its fields as attributes.
    """
    if "path" in content_type.fields:
        return str(record.path)
    return f"/{content_type.name}/{record.slug}" if "slug" in content_type.fields else None


def moved(former: Mapping[UUID, str], addresses: Mapping[UUID, str]) -> dict[str, str]:
    """Which addresses are others now, by what they were.

    :param former: the addresses of records before, by id. :param addresses: those that they have now.
    """
    return {old: addresses[id_] for id_, old in former.items() if addresses.get(id_, old) != old}
