"""The offer to lead readers on from the address that they know, where a form gives a public record another one."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData

from admin.reading import Opened
from cms.crud.content_type import ContentType
from cms.editorial.addresses import address_of

CONTROL: Final = "_leads_on"
"""The control that takes the offer: it says yes or no; the last one sent counts."""


class FormerAddress(NamedTuple):
    """The address by which readers know a record.

    :param slug: what it is made from. :param parent: the id of the record above it; empty where there is none.
    :param is_moved: whether the working draft gives it another. :param leads_on: whether this one then leads there.
    """

    path: str
    slug: str
    parent: str
    is_moved: bool
    leads_on: bool


def former_address(content_type: ContentType[Any], opened: Opened | None) -> FormerAddress | None:
    """The address of a record that readers see; None where there is nothing to lead them on from."""
    if opened is None:
        return None
    public = opened.public or opened.item
    if public.get("is_published") is not True or "slug" not in content_type.write_fields:
        return None
    path = address_of(content_type, SimpleNamespace(**public))
    known, shown = _made_of(public), _made_of(opened.item)
    is_moved = known != shown
    leads_on = opened.draft.keeps_address if opened.draft is not None and is_moved else True
    return FormerAddress(str(path), *known, is_moved=is_moved, leads_on=leads_on)


def read_choice(sent: FormData) -> bool | None:
    """Whether the offer was taken; None where the form made none."""
    said = sent.getlist(CONTROL)
    return said[-1] == "yes" if said else None


def _made_of(item: Mapping[str, Any]) -> tuple[str, str]:
    parent = item.get("parent")
    return str(item["slug"] or ""), str(parent["id"]) if parent else ""
