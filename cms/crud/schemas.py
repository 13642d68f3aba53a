"""Schemas derived from a declaration: what a body may hold, what an answer holds.

Bodies name relations by id or natural key (`"category": "news"`). Answers show relations in their short form. Names
are stable (`ArticleCreate`, `ArticleUpdate`, `ArticleRead` …), since typed clients are generated from them.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from cms.crud.content_type import ContentType
from cms.crud.documentation import described, described_key
from cms.crud.fields import MAX_TEXT, Control, Matching, Time, refuse_unstorable
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.crud.values import is_uuid

MAX_RELATED = 100
"""The most records that one to-many relation may name in one body."""

Key = Annotated[str, StringConstraints(min_length=1, max_length=254), AfterValidator(refuse_unstorable)]
_BODY = ConfigDict(extra="forbid")


@cache
def create_schema(content_type: ContentType[Any]) -> type[BaseModel]:
    """The body that makes a record (POST) or replaces one (PUT): required fields are required.

    In a replacement a field that is left out returns to its default.
    """
    fields = {name: _written(content_type.fields[name], partial=False) for name in content_type.write_fields}
    return _body(f"{content_type.model.__name__}Create", f"{content_type.label}: a new record.", fields)


@cache
def update_schema(content_type: ContentType[Any]) -> type[BaseModel]:
    """The body that changes the fields it names and no others (PATCH); `version` may stand for If-Match."""
    fields = {name: _written(content_type.fields[name], partial=True) for name in content_type.write_fields}
    text = f"{content_type.label}: what is to change; what is left out stays."
    return _body(f"{content_type.model.__name__}Update", text, {**fields, "version": _VERSION})


@cache
def incomplete_schema(content_type: ContentType[Any], names: tuple[str, ...]) -> type[BaseModel]:
    """The body that changes some of these fields, and may leave any of them empty for the time being."""
    fields = {name: _unfinished(content_type.fields[name]) for name in names}
    text = f"{content_type.label}: what is to change; nothing has to be complete yet."
    return _body(f"{content_type.model.__name__}Draft", text, {**fields, "version": _VERSION})


@cache
def replace_schema(content_type: ContentType[Any]) -> type[BaseModel]:
    """The body of PUT: the whole record; `version` may stand for If-Match."""
    name = f"{content_type.model.__name__}Replace"
    model: type[BaseModel] = create_model(
        name,
        __base__=create_schema(content_type),
        version=_VERSION,
        __doc__=f"{content_type.label}: a whole record in place of another.",
    )
    return model


@cache
def read_schema(content_type: ContentType[Any], registry: Registry) -> type[BaseModel]:
    """A whole record, as writes answer it."""
    fields = {name: _read(content_type.fields[name], registry, optional=False) for name in content_type.read_fields}
    return _answer(f"{content_type.model.__name__}Read", f"{content_type.label}: the whole record.", fields)


@cache
def view_schema(content_type: ContentType[Any], registry: Registry) -> type[BaseModel]:
    """A record as reads answer it: `fields` leaves members out, `include` adds some, so none is sure to be there."""
    fields = {name: _read(content_type.fields[name], registry, optional=True) for name in content_type.read_fields}
    for name in content_type.include_fields:
        included: Any = included_schema(registry.target_of(content_type.fields[name]), registry)
        fields[name] = (list[included], _ABSENT)
    text = f"{content_type.label}: the members that were asked for."
    return _answer(f"{content_type.model.__name__}View", text, fields)


@cache
def included_schema(content_type: ContentType[Any], registry: Registry) -> type[BaseModel]:
    """A record inside another one that `include` asked for."""
    names = content_type.short_fields
    fields = {name: _read(content_type.fields[name], registry, optional=False) for name in names}
    text = f"{content_type.label}, inside the record it belongs to."
    return _answer(f"{content_type.model.__name__}Included", text, fields)


@cache
def page_schema(content_type: ContentType[Any], registry: Registry) -> type[BaseModel]:
    """One page of a list."""
    view = view_schema(content_type, registry)
    cursor = Field(description="A cursor to pass as `cursor`; null where there is nothing more.")
    fields: dict[str, Any] = {
        "items": (list[view], Field(description="The records.")),  # type: ignore[valid-type]  # made at run time
        "total": (int | None, Field(description="How many there are in all; null with `total=none`.", ge=0)),
        "next": (str | None, cursor),
        "previous": (str | None, cursor),
    }
    return _answer(f"{content_type.model.__name__}Page", f"A page of {content_type.name}.", fields)


@cache
def reference_schema(content_type: ContentType[Any]) -> type[BaseModel]:
    """The short form in which other records show this one."""
    names = content_type.reference_fields
    fields = {name: _plain(content_type.fields[name]) for name in names}
    text = f"{content_type.label}: the short form."
    return _answer(f"{content_type.model.__name__}Reference", text, fields)


_ABSENT: Any = Field(default=None, exclude=True, description="Where `include` asked for it.")
_VERSION: Any = (
    int | None,
    Field(None, ge=1, le=2**31 - 1, description="The version this change was made from; stands for If-Match."),
)


def _body(name: str, text: str, fields: dict[str, Any]) -> type[BaseModel]:
    model: type[BaseModel] = create_model(name, __config__=_BODY, __doc__=text, **fields)
    return model


def _answer(name: str, text: str, fields: dict[str, Any]) -> type[BaseModel]:
    config = ConfigDict(title=name, json_schema_extra=_without_defaults)
    model: type[BaseModel] = create_model(name, __config__=config, __doc__=text, **fields)
    return model


def _without_defaults(schema: dict[str, Any]) -> None:
    """A member that may be left out has no default: where it is absent, nothing stands for it."""
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


def _written(field: FieldInfo, *, partial: bool) -> Any:
    kind = _writable_type(field)
    told = described_key(field) if field.is_relation else described(field)
    derived = field.rules.derived and not partial
    if field.nullable or derived:
        return (kind | None, Field(None, **told))
    if partial:
        return (kind, Field(None, **told))
    default = _default_of(field)
    if default is _REQUIRED:
        return (kind, Field(**told))
    return (kind, Field(default_factory=default, **told))


def _unfinished(field: FieldInfo) -> Any:
    """A written field of which nothing is required but that what is there is of its type."""
    kind = _writable_type(field)
    if field.shape is Shape.TO_MANY:
        return (kind, Field(None))
    if field.python_type is str:
        return (Annotated[kind | None, WrapValidator(_unless_empty)], Field(None))
    return (kind | None, Field(None))


def _unless_empty(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return "" if isinstance(value, str) and not value.strip() else check(value)


def _writable_type(field: FieldInfo) -> Any:
    if field.shape is Shape.TO_ONE:
        return Key
    if field.shape is Shape.TO_MANY:
        return Annotated[list[Key], Field(max_length=MAX_RELATED)]
    kind = field.python_type
    if kind is str:
        return _text_type(field)
    if kind is datetime:
        return Time
    if kind is int:
        least, most = field.rules.within
        return Annotated[int, Field(ge=least, le=most)]
    return Annotated[kind, BeforeValidator(refuse_unstorable)]


def _text_type(field: FieldInfo) -> Any:
    rules = field.rules
    keeps_space = rules.control in {Control.MARKDOWN, Control.PASSWORD}
    constraints = StringConstraints(
        strip_whitespace=not keeps_space,
        min_length=rules.minimum or None,
        max_length=field.length or MAX_TEXT,
    )
    if rules.pattern is None:
        return Annotated[str, constraints, AfterValidator(refuse_unstorable)]
    if rules.control is Control.SLUG:
        return Annotated[str, constraints, Matching(rules.pattern, rules.hint), AfterValidator(refuse_id)]
    return Annotated[str, constraints, AfterValidator(refuse_unstorable), Matching(rules.pattern, rules.hint)]


def refuse_id(slug: str) -> str:
    """Refuse a slug in the form of an id: in an address, ids come first, and such a record would not be found."""
    if is_uuid(slug):
        raise ValueError("A slug can't have the form of an id; choose words.")
    return slug


class _Required:
    """Marks a field that has to be sent."""


_REQUIRED: Any = _Required()


def _default_of(field: FieldInfo) -> Callable[[], Any]:
    if field.shape is Shape.TO_MANY:
        return list
    default = getattr(field.column, "default", None)
    if default is None or field.shape is Shape.TO_ONE:
        return _REQUIRED  # type: ignore[no-any-return]  # a marker, told apart by identity
    if default.is_scalar:
        value = default.arg
        return lambda: value
    return lambda: default.arg(None)


def _read(field: FieldInfo, registry: Registry, *, optional: bool) -> Any:
    kind = _readable_type(field, registry)
    told = described(field)
    return (kind, Field(None, **told) if optional else Field(**told))


def _readable_type(field: FieldInfo, registry: Registry) -> Any:
    if field.shape is Shape.TO_ONE:
        return reference_schema(registry.target_of(field)) | None
    if field.shape is Shape.TO_MANY:
        return list[reference_schema(registry.target_of(field))]  # type: ignore[misc]  # made at run time
    return _plain(field)[0]


def _plain(field: FieldInfo) -> Any:
    kind = {UUID: UUID, datetime: datetime}.get(field.python_type, field.python_type)
    return (kind | None if field.nullable else kind, Field(**described(field)))
