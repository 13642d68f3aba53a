"""What REST tells of what was recorded: of a field that is written and never read, that it changed, and nothing more.

The back office, which has these fields in its forms, has them in its histories too.
"""

from collections.abc import Iterable
from typing import Any

from cms.crud.content_type import ContentType
from cms.crud.nodes import Item
from cms.crud.registry import Registry
from cms.editorial.diffs import Difference
from cms.editorial.snapshots import MASK


def is_private(content_type: ContentType[Any], name: str) -> bool:
    """Whether the field is written and never read."""
    return name in content_type.write_fields and name not in content_type.read_fields


def mask_values(content_type: ContentType[Any], values: Item) -> Item:
    """Recorded values, by name."""
    return {name: MASK if is_private(content_type, name) else value for name, value in values.items()}


def mask_differences(content_type: ContentType[Any], fields: Iterable[Difference]) -> list[Difference]:
    """The fields that differ between two revisions."""
    return [Difference(d.name, d.change, MASK, MASK) if is_private(content_type, d.name) else d for d in fields]


def mask_change(registry: Registry, change: Item) -> Item:
    """A change-set, with what it did to each record."""
    return {**change, "records": [_mask_record(registry.by_name(one["type"]), one) for one in change["records"]]}


def _mask_record(content_type: ContentType[Any], record: Item) -> Item:
    sides = {"old": MASK, "new": MASK, "is_excerpt": False}
    fields = {name: sides if is_private(content_type, name) else told for name, told in record["fields"].items()}
    return {**record, "fields": fields}
