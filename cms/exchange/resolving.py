"""What a draft refers to, as ids: in which order drafts can be written, and why some can't be."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from cms.crud.content_type import ContentType
from cms.crud.policy import Actor
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.exchange.drafts import Draft, nearest
from cms.exchange.layout import Layout
from cms.exchange.references import References


class Refusal(Exception):
    """A draft can't be written; `str()` says why, `where` is the path of the field at fault."""

    def __init__(self, sentence: str, *where: Any) -> None:
        super().__init__(sentence)
        self.where = where


@dataclass(slots=True)
class Resolver:
    """Turns the names that files use into ids.

    :param refused: the paths of files that were refused, by type and key.
    """

    registry: Registry
    actor: Actor
    references: References
    refused: dict[tuple[str, str], str] = field(default_factory=dict)

    def look_up(self, connection: Connection, layout: Layout, drafts: list[Draft]) -> None:
        """Find everything that the drafts refer to, in one statement for each relation."""
        for info in layout.relations:
            keys = {key for draft in drafts for _, key in _named(draft, info)}
            self.references.look_up(connection, self.registry.target_of(info), keys)

    def resolve(self, draft: Draft, known: Callable[[ContentType[Any]], list[Draft]]) -> dict[str, Any]:
        """The draft's relations as ids: None or one, or a list of them.

        :param known: the drafts of a type, to suggest what may have been meant.
        :raises Refusal: if one of them does not exist.
        """
        resolved: dict[str, Any] = {}
        problems: list[Refusal] = []
        for info in draft.layout.relations:
            target = self.registry.target_of(info)
            ids: dict[UUID, None] = {}
            for where, key in _named(draft, info):
                if found := self.references.id_of(target, key):
                    ids[found] = None
                else:
                    problems.append(Refusal(self._sentence(target, key, known), *where))
            resolved[info.name] = list(ids) if info.shape is Shape.TO_MANY else next(iter(ids), None)
        if problems:
            raise Refusal(" ".join(map(str, problems)), *problems[0].where)
        return resolved

    def require(self, draft: Draft, resolved: dict[str, Any]) -> None:
        """See that a new record has what only somebody who acts could give by acting: its author.

        :raises Refusal: if it lacks that.
        """
        for info in draft.layout.relations:
            is_given = resolved[info.name] is not None or info.name in draft.on_create or self.actor.id is not None
            if info.shape is Shape.TO_ONE and not info.nullable and not is_given:
                raise Refusal(f"“{info.name}” is missing; name a user (“cms user create” makes one).")

    def _sentence(self, target: ContentType[Any], key: str, known: Callable[[ContentType[Any]], list[Draft]]) -> str:
        if path := self.refused.get((target.name, key)):
            return f"It needs “{path}”, which was refused."
        hint = nearest(key, [draft.key for draft in known(target)])
        return f"There is no {target.label.lower()} “{key[:100]}”.{hint}"


def levels(layout: Layout, drafts: list[Draft]) -> tuple[list[list[Draft]], list[Draft]]:
    """The drafts of a type, those that others refer to before these; and those that stand in a circle."""
    if not layout.parents:
        return [drafts], []
    by_key = {draft.key: draft for draft in drafts}
    above = {draft.key: {key for key in _parents(draft) if key in by_key} for draft in drafts}
    sorter = TopologicalSorter(above)
    with suppress(CycleError):  # what stands in no circle is sorted all the same
        sorter.prepare()
    found = []
    while ready := sorter.get_ready():
        found.append([by_key.pop(key) for key in sorted(ready)])
        sorter.done(*ready)
    return found, list(by_key.values())


def _parents(draft: Draft) -> Iterator[str]:
    return (key for info in draft.layout.parents for _, key in _named(draft, info))


def _named(draft: Draft, info: FieldInfo) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The keys that a relation of a draft names, each with its place."""
    value = getattr(draft.data, info.name)
    if isinstance(value, list):
        yield from (((info.name, index), key) for index, key in enumerate(value))
    elif value is not None:
        yield (info.name,), value
