"""What a file says that the database does not, and how to tell people."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection

from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.exchange.drafts import Draft
from cms.exchange.layout import CREATED_AT
from cms.exchange.references import names_of
from cms.exchange.rows import Row, is_same, stored

_SHOWN = 60
"""The most characters of a value in a line."""


class Difference(NamedTuple):
    """A field to write.

    :param kept: what the database holds; ids for relations.
    :param value: what it should hold.
    """

    info: FieldInfo
    kept: Any
    value: Any


def differences(draft: Draft, row: Row | None, resolved: Mapping[str, Any]) -> list[Difference]:
    """The fields in which a record is not what its file says; all of them for a new record.

    A file is the whole record, so a field that it leaves out is compared with its default; but what was derived in the
    place of one that is left out is no difference.

    :param resolved: the relations of the draft, as ids.
    """
    found = []
    for name in draft.layout.values:
        info = draft.layout.content_type.fields[name]
        value = resolved[name] if info.is_relation else getattr(draft.data, name)
        if row is None:
            found.append(Difference(info, None, value))
            continue
        if not value and name in row.made:
            continue
        if value is None and info.rules.derived and not info.nullable:
            default = getattr(info.column, "default", None)
            if default is None:
                continue  # only the service can tell, and it has
            value = default.arg
        if not is_same(info, row.values[name], stored(info, value)):
            found.append(Difference(info, row.values[name], value))
    if row is not None and draft.created_at is not None and draft.created_at != row.created_at:
        found.append(Difference(draft.layout.content_type.fields[CREATED_AT], row.created_at, draft.created_at))
    return found


def describe(connection: Connection, registry: Registry, changes: list[list[Difference]]) -> dict[int, tuple[str, ...]]:
    """Lines for people, one for each difference, by the `id` of each list."""
    ids: dict[Any, set[UUID]] = {}
    for difference in (one for several in changes for one in several):
        if difference.info.is_relation:
            related = (*_listed(difference.kept), *_listed(difference.value))
            ids.setdefault(difference.info.python_type, set()).update(related)
    names = {model: names_of(connection, registry.by_model(model), wanted) for model, wanted in ids.items()}
    return {id(several): tuple(_line(one, names) for one in several) for several in changes}


def _line(difference: Difference, names: Mapping[Any, Mapping[UUID, str]]) -> str:
    info = difference.info
    if info.is_relation:
        kept, value = (
            [names[info.python_type].get(i, str(i)) for i in _listed(ids)]
            for ids in (difference.kept, difference.value)
        )
        if info.shape is Shape.TO_MANY:
            gone, new = sorted(set(kept) - set(value)), sorted(set(value) - set(kept))
            return f"{info.name}: {' '.join([*(f'−{name}' for name in gone), *(f'+{name}' for name in new)])}"
        return f"{info.name}: {_shown(kept[0] if kept else None)} → {_shown(value[0] if value else None)}"
    kept, value = difference.kept, stored(info, difference.value)
    if isinstance(kept, str) and isinstance(value, str) and max(len(kept), len(value)) > _SHOWN:
        return f"{info.name}: {_counted(kept, value)}"
    return f"{info.name}: {_shown(kept)} → {_shown(value)}"


def _counted(kept: str, value: str) -> str:
    before, after = Counter(kept.splitlines()), Counter(value.splitlines())
    gone, new = (before - after).total(), (after - before).total()
    return f"{gone} lines out, {new} in" if gone or new else "lines in another order"


def _listed(value: Any) -> list[UUID]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    text = str(value.value) if isinstance(value, Enum) else str(value)
    return f"“{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}”"
