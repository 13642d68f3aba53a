"""Which record a name in a file means: found in bulk, one statement for each type, and kept for the transaction."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, or_, select

from cms.crud.conditions import visible
from cms.crud.content_type import ContentType
from cms.crud.policy import Actor
from cms.crud.values import is_uuid
from cms.exchange.layout import Layout, Naming, layout_of
from cms.exchange.rows import CHUNK, chunks


class References:
    """The records that files refer to.

    :param actor: whose eyes they are found by; what the actor can't see is not there.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._ids: dict[str, dict[str, UUID]] = {}
        self._asked: dict[str, set[str]] = {}

    def look_up(self, connection: Connection, target: ContentType[Any], keys: Iterable[str]) -> None:
        """Find the records of these keys that were not asked for before."""
        layout = layout_of(target)
        asked = self._asked.setdefault(target.name, set())
        wanted = {layout.normal_key(key) for key in keys} - asked
        asked |= wanted
        for chunk in chunks(sorted(wanted), CHUNK):
            self._find(connection, layout, chunk)

    def id_of(self, target: ContentType[Any], key: str) -> UUID | None:
        """The id of the record of that key; None where there is none."""
        return self._ids.get(target.name, {}).get(layout_of(target).normal_key(key))

    def learn(self, content_type: ContentType[Any], key: str, record_id: UUID) -> None:
        """Remember a record that was just written."""
        key = layout_of(content_type).normal_key(key)
        self._asked.setdefault(content_type.name, set()).add(key)
        self._ids.setdefault(content_type.name, {})[key] = record_id

    def _find(self, connection: Connection, layout: Layout, keys: list[str]) -> None:
        target = layout.content_type
        model: Any = target.model
        ids = {key: UUID(key) if is_uuid(key) else layout.identity(key) for key in keys}
        names: dict[UUID, list[str]] = {}
        for key, record_id in ids.items():
            if record_id is not None:
                names.setdefault(record_id, []).append(key)
        columns = [model.id] if target.key_field is None else [model.id, getattr(model, target.key_field)]
        matches: list[ColumnElement[bool]] = [model.id.in_(list(names))]
        if target.key_field is not None and layout.naming is not Naming.ID:
            matches.append(columns[1].in_([key for key, record_id in ids.items() if record_id is None]))
        statement = select(*columns).where(or_(*matches), *visible(target, model, self._actor.role))
        known = self._ids.setdefault(target.name, {})
        for record_id, *own in connection.execute(statement, {"actor_id": self._actor.id}):
            known |= dict.fromkeys((*names.get(record_id, ()), *map(str, own)), record_id)


def names_of(connection: Connection, target: ContentType[Any], ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """The natural keys of records, by id; the id itself where there is none."""
    wanted = set(ids)
    if target.key_field is None:
        return {record_id: str(record_id) for record_id in wanted}
    model: Any = target.model
    names: dict[UUID, str] = {}
    for chunk in chunks(sorted(wanted), CHUNK):
        statement = select(model.id, getattr(model, target.key_field)).where(model.id.in_(chunk))
        names |= {record_id: str(key) for record_id, key in connection.execute(statement)}
    return names
