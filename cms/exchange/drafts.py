"""A file as a record to be: read, and validated by the schema that every door uses."""

from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cms.crud.fields import parse_time
from cms.crud.problems import suggestion
from cms.crud.structure import FieldInfo
from cms.exchange.folder import Source
from cms.exchange.frontmatter import NO_MATTER, FileError, Matter, line_of, load, split, unwrap
from cms.exchange.layout import CREATED_AT, Layout, Naming
from cms.exchange.report import Note

_COMPARED = 1_000
"""The most keys among which a nearest one is looked for: it takes milliseconds, for each wrong one."""
_SHOWN = 5
"""The most errors of a file that are reported."""


@dataclass(eq=False, slots=True)
class Draft:
    """A record as a file has it.

    :param path: of the file.
    :param key: by what other files refer to it.
    :param data: what the file says, validated; an instance of the type's create schema.
    :param record_id: its id, where the name of the file decides about that.
    :param created_at: when it was made, where the file says so.
    :param on_create: values for a new record that the file does not have.
    :param is_implied: whether it is only named in passing: made where it is missing, never changed.
    :param file: where the bytes of a media file lie, and `sha256` their hash.
    :param matter: the YAML that it was read from, to find lines in.
    """

    path: str
    layout: Layout
    key: str
    data: BaseModel
    record_id: UUID | None = None
    created_at: datetime | None = None
    on_create: dict[str, Any] = field(default_factory=dict)
    is_implied: bool = False
    file: Path | None = None
    sha256: str = ""
    matter: Matter = NO_MATTER

    @property
    def name(self) -> UUID | str:
        """By what its record is found: the id where names decide about ids, the natural key otherwise."""
        return self.record_id or self.key

    def note(self, sentence: str, *where: Any) -> Note:
        """A note about the file, at the line of a field."""
        return Note(self.path, locate(self.matter, where), sentence)


class Invalid(Exception):
    """A file can't become a record; `note` says why."""

    def __init__(self, note: Note) -> None:
        super().__init__(note.sentence)
        self.note = note


def read_draft(source: Source, layout: Layout) -> Draft:
    """Read a file as a record of the layout's type.

    :raises Invalid: if it can't be one.
    """
    try:
        text = source.read()
        matter = split(text) if layout.body else Matter(text, "", 1)
        values = load(matter.yaml, matter.first_line)
    except FileError as error:
        raise Invalid(Note(source.path, error.line, str(error))) from error
    return make_draft(source, layout, values, matter)


def make_draft(source: Source, layout: Layout, values: dict[str, Any], matter: Matter) -> Draft:
    """Validate loaded values as a record.

    :raises Invalid: naming up to five errors, and the line of the first.
    """
    errors = [_Error((key,), _unknown(key, layout)) for key in values if key not in layout.keys]
    given = {key: _converted(key, values[key], layout, errors) for key in layout.keys if key in values}
    created_at = given.pop(CREATED_AT, None) if CREATED_AT not in layout.content_type.write_fields else None
    if layout.body:
        given[layout.body] = matter.body
    given |= dict.fromkeys(layout.name_fields, source.name)
    given |= dict.fromkeys(layout.secrets, "a place for the password")
    data = _validated(layout, given, errors)
    if errors or data is None:
        raise Invalid(_note(source, matter, errors))
    return Draft(
        source.path, layout, _key(layout, source, data), data, layout.identity(source.name), created_at, matter=matter
    )


def locate(matter: Matter, where: tuple[Any, ...]) -> int | None:
    """The line of a field in its file."""
    if not where:
        return None
    return line_of(matter.yaml, matter.first_line, where)


@dataclass(frozen=True, slots=True)
class _Error:
    where: tuple[Any, ...]
    sentence: str


def _validated(layout: Layout, given: dict[str, Any], errors: list[_Error]) -> BaseModel | None:
    try:
        data = layout.schema.model_validate(given)
    except ValidationError as error:
        errors.extend(_error(details, layout) for details in error.errors() if not _is_known(details, errors))
        return None
    for name in layout.secrets:  # it stood in for a value that is made up when the record is
        data.model_fields_set.discard(name)
    return data


def _is_known(details: ErrorDetails, errors: list[_Error]) -> bool:
    return any(error.where[:1] == details["loc"][:1] for error in errors)


def _converted(key: str, value: Any, layout: Layout, errors: list[_Error]) -> Any:
    info = layout.content_type.fields[key]
    if info.python_type is not datetime or value is None:
        return unwrap(value, as_text=_is_text(info))
    plain = unwrap(value)
    if plain is None:
        return None
    try:
        return parse_time(plain if isinstance(plain, str) else str(plain))
    except ValueError as error:
        errors.append(_Error((key,), f"“{key}”: {error}"))
        return None


def _is_text(info: FieldInfo) -> bool:
    kind = info.python_type
    return (
        info.is_relation or kind is str or (isinstance(kind, type) and issubclass(kind, Enum) and issubclass(kind, str))
    )


def _unknown(key: str, layout: Layout) -> str:
    if key in layout.name_fields:
        return f"“{key}” is the name of the file; leave it out here."
    if key == layout.body:
        return f"“{key}” is the text below the front matter; leave it out here."
    if key in layout.secrets:
        return f"“{key}” is never kept in files; leave it out."
    return f"There is no field “{key[:100]}”.{suggestion(key, layout.keys)}"


def _error(details: ErrorDetails, layout: Layout) -> _Error:
    where = details["loc"]
    name = "/".join(str(part) for part in where)
    message = str(details["msg"]).removeprefix("Value error, ")
    if details["type"] == "missing":
        return _Error((), f"“{name}” is missing.")
    if details["type"] == "extra_forbidden":
        hint = suggestion(str(where[-1]), layout.keys) if len(where) == 1 else ""
        return _Error(where, f"There is no field “{name[:100]}”.{hint}")
    if where and where[0] in layout.name_fields:
        hint = layout.content_type.fields[str(where[0])].rules.hint
        return _Error((), f"The name of the file can't be the {where[0]} of the record: {hint or message}")
    return _Error(where, f"“{name}”: {message}{'' if message.endswith(('.', '?', '!')) else '.'}")


def _note(source: Source, matter: Matter, errors: list[_Error]) -> Note:
    sentences = " ".join(error.sentence for error in errors[:_SHOWN])
    more = f" And {len(errors) - _SHOWN} more errors." if len(errors) > _SHOWN else ""
    lines = [line for line in (locate(matter, error.where) for error in errors) if line is not None]
    return Note(source.path, min(lines, default=None), sentences + more)


def _key(layout: Layout, source: Source, data: BaseModel) -> str:
    if layout.naming is Naming.ONE:
        return layout.name
    if layout.naming is Naming.FREE:
        return layout.normal_key(str(getattr(data, str(layout.content_type.key_field))))
    return source.name


def nearest(key: str, keys: list[str]) -> str:
    """A question that names the nearest of the keys; nothing where none is near."""
    near = get_close_matches(key, keys, n=1, cutoff=0.7) if len(keys) <= _COMPARED else []
    return f" Did you mean “{near[0]}”?" if near else ""
