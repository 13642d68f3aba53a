"""How the records of a content type lie in files: where, under which name, with which keys."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel

from cms.auth.users import User, normalise_email
from cms.crud.content_type import ContentType
from cms.crud.fields import Control
from cms.crud.registry import Registry
from cms.crud.schemas import create_schema
from cms.crud.structure import FieldInfo, Shape
from cms.crud.values import is_uuid
from cms.media.records import Media

NAMESPACE = UUID("6c1d1f64-6f0a-5d1c-9d0e-3f1a52b7c0de")
"""Of the ids that are made from the names of files; changing it would make every such file a new record."""
CREATED_AT = "created_at"
"""A key that files may give of nearly any record, though nobody else may write it: imported content has a history."""


class Naming(StrEnum):
    """What the name of a file says about its record."""

    SLUG = "slug"
    """It is the natural key."""
    PATH = "path"
    """It is the path of a media file."""
    FREE = "free"
    """Nothing: the natural key stands inside."""
    ID = "id"
    """It is the id, or the id is made from it."""
    ONE = "one"
    """Nothing: there is one record."""


@dataclass(frozen=True, eq=False)
class Layout:
    """How a content type lies in files.

    :param body: the field that is the text below the front matter; None for plain YAML.
    :param keys: the keys of the YAML, in their order.
    """

    content_type: ContentType[Any]
    naming: Naming
    body: str | None
    keys: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder."""
        return self.content_type.name

    @property
    def suffix(self) -> str:
        """The ending of its files."""
        return ".md" if self.body else ".yaml"

    @property
    def suffixes(self) -> frozenset[str]:
        """The endings that are read."""
        return frozenset({".md", ".markdown"} if self.body else {".yaml", ".yml"})

    @cached_property
    def schema(self) -> type[BaseModel]:
        """What validates a record."""
        return create_schema(self.content_type)

    @cached_property
    def relations(self) -> tuple[FieldInfo, ...]:
        """The fields that lead to other records."""
        fields = (self.content_type.fields[name] for name in self.keys if name in self.content_type.write_fields)
        return tuple(info for info in fields if info.is_relation)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The fields that files give: the keys and the body, without `created_at`."""
        given = {*self.keys, self.body, *self.name_fields}
        return tuple(name for name in self.content_type.write_fields if name in given)

    @cached_property
    def name_fields(self) -> frozenset[str]:
        """The fields that the name of the file gives."""
        key = self.content_type.key_field
        return frozenset({key}) if key and self.naming in {Naming.SLUG, Naming.PATH} else frozenset()

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Fields that are never in files and made up for new records: passwords."""
        return tuple(name for name in self.content_type.write_fields if _is_secret(self.content_type.fields[name]))

    @property
    def parents(self) -> tuple[FieldInfo, ...]:
        """The relations to records of the same type, which have to be there first."""
        return tuple(info for info in self.relations if info.python_type is self.content_type.model)

    @property
    def is_dated(self) -> bool:
        """Whether written files tell when a record was made: where that is what orders records without a name."""
        return self.naming is Naming.ID and self.content_type.sort_names[0] == CREATED_AT

    def identity(self, stem: str) -> UUID | None:
        """The id of the record in a file of that name, where names decide about ids."""
        if self.naming is not Naming.ID:
            return None
        return UUID(stem) if is_uuid(stem) else uuid5(NAMESPACE, f"{self.name}/{stem}")

    def normal_key(self, key: str) -> str:
        """A key in the spelling in which the database has it."""
        return normalise_email(key) if issubclass(self.content_type.model, User) else key


@cache
def layout_of(content_type: ContentType[Any]) -> Layout:
    """How the type lies in files."""
    naming = _naming(content_type)
    body = _body(content_type)
    named = {content_type.key_field} if naming in {Naming.SLUG, Naming.PATH} else set()
    keys = [
        name
        for name in content_type.write_fields
        if name not in named and name != body and not _is_secret(content_type.fields[name])
    ]
    # An upload is new in any case; every other record may be older than this installation.
    created = [] if CREATED_AT in keys or naming is Naming.PATH else [CREATED_AT]
    return Layout(content_type, naming, body, (*keys, *created))


def ordered(registry: Registry) -> list[Layout]:
    """The writable types, each after those that it refers to: users, media (which texts refer to), the rest."""
    done: dict[ContentType[Any], Layout] = {}

    def visit(content_type: ContentType[Any], above: frozenset[Any]) -> None:
        if content_type in done or content_type in above or not content_type.write_fields:
            return
        for other in _needs(content_type, registry):
            visit(other, above | {content_type})
        done[content_type] = layout_of(content_type)

    for content_type in (*_first(registry), *registry):
        visit(content_type, frozenset())
    return list(done.values())


def _needs(content_type: ContentType[Any], registry: Registry) -> Iterator[ContentType[Any]]:
    fields = (content_type.fields[name] for name in content_type.write_fields)
    return (registry.target_of(info) for info in fields if info.is_relation)


def _first(registry: Registry) -> Iterable[ContentType[Any]]:
    return [t for model in (User, Media) for t in registry if issubclass(t.model, model)]


def _naming(content_type: ContentType[Any]) -> Naming:
    if issubclass(content_type.model, Media):
        return Naming.PATH
    if content_type.key_field is None:
        return Naming.ONE if content_type.name == content_type.singular else Naming.ID
    return Naming.SLUG if content_type.key_field == "slug" else Naming.FREE


def _body(content_type: ContentType[Any]) -> str | None:
    info = content_type.fields.get("content") if "content" in content_type.write_fields else None
    is_body = info is not None and info.rules.control is Control.MARKDOWN and content_type.key_field == "slug"
    return "content" if is_body else None


def _is_secret(info: FieldInfo) -> bool:
    return info.shape is Shape.COLUMN and info.rules.control is Control.PASSWORD
