"""Forms of a content type, generated from its declaration: records in, changes out, problems beside their fields."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from wtforms.fields.core import UnboundField
from wtforms.form import BaseForm

from admin.fields import (
    ChoiceField,
    ContentField,
    FlagField,
    NumberField,
    RelationField,
    TextField,
    TimeField,
)
from admin.structures import LinksField, PartsField, StructureField
from cms.content.menus import Items
from cms.crud.content_type import ContentType
from cms.crud.fields import Structured
from cms.crud.policy import Actor
from cms.crud.problems import FieldError, Invalid, suggestion
from cms.crud.registry import Registry
from cms.crud.structure import FieldInfo, Shape
from cms.editorial.behaviours import Publishable
from cms.editorial.snapshots import STAGES

CONTROL_NAMES = frozenset(
    {"csrf_token", "_version", "_base", "_decided", "_then", "_at", "_until", "_zone", "_note", "_leads_on"}
)
"""What a form sends beside its fields; no column can be named like these."""
_ASKED = ("_at", "_until", "_zone", "_note")
"""Those of them that a button reads, and that are shown again as they were typed."""
_PROBE = "?"


class Group(NamedTuple):
    """Fields of a form that stand together.

    :param title: what stands above them. :param help: what they are about, in a sentence.
    """

    title: str
    help: str
    names: tuple[str, ...]


class ContentForm(BaseForm):
    """A form over a record of a content type.

    :param names: the fields that it has.
    :param item: the record as read, to show; None for a new one.
    :param sent: what was typed, which is shown instead.
    """

    def __init__(
        self,
        content_type: ContentType[Any],
        registry: Registry,
        names: Iterable[str],
        item: Mapping[str, Any] | None = None,
        sent: FormData | None = None,
    ) -> None:
        self.content_type = content_type
        fields = {name: _field_of(content_type.fields[name], registry) for name in names}
        super().__init__(fields)
        self.process(sent, data=item if item is not None else _defaults(content_type, fields))
        self.summary: list[str] = []
        self.asked = {name: str(sent.get(name, "")) if sent else "" for name in _ASKED}
        self.asked_faults: dict[str, str] = {}
        for name, field in self.content_fields.items():
            field.is_required = _is_required(content_type.fields[name])

    @property
    def content_fields(self) -> dict[str, ContentField]:
        """The fields by name."""
        return {name: field for name, field in self._fields.items() if isinstance(field, ContentField)}

    def grouped(self, groups: Sequence[Group]) -> list[tuple[Group, list[ContentField]]]:
        """The fields in their groups; those that no group names stand in a last one."""
        fields, named = self.content_fields, {name for group in groups for name in group.names}
        rest = Group("More", "", tuple(name for name in fields if name not in named))
        placed = [(group, [fields[name] for name in group.names if name in fields]) for group in (*groups, rest)]
        return [(group, members) for group, members in placed if members]

    @property
    def base(self) -> str:
        """What the fields say, as fingerprints: a form that is sent back with it tells what was changed in it."""
        return json.dumps({name: field.digest for name, field in self.content_fields.items()})

    def changed_since(self, base: str) -> list[str]:
        """The fields that say something else than they did when `base` was taken."""
        try:
            digests = json.loads(base)
        except ValueError:
            digests = None
        known = digests if isinstance(digests, dict) else {}
        return [name for name, field in self.content_fields.items() if field.digest != known.get(name)]

    def read(self, schema: type[BaseModel], names: Iterable[str]) -> BaseModel:
        """What the named fields say, as the schema understands it.

        :raises Invalid: naming every field at fault.
        """
        fields = {name: self.content_fields[name] for name in names}
        errors = [FieldError(str(m), f"/{name}") for name, field in fields.items() for m in field.process_errors]
        if errors:
            raise Invalid("Some fields need another look.", errors=errors)
        try:
            return schema.model_validate({name: field.payload for name, field in fields.items() if _is_said(field)})
        except ValidationError as error:
            errors = [_field_error(details, self.content_fields) for details in error.errors()]
            raise Invalid("Some fields need another look.", errors=errors) from None

    def show(self, errors: Iterable[FieldError]) -> bool:
        """Put each error beside its field; the rest goes into the summary. Tell whether any found its field.

        What a button asked for is told twice, since the menu that it stands in may be closed.
        """
        is_placed = False
        for error in errors:
            name, *path = (error.pointer or "").removeprefix("/").split("/")
            field = self.content_fields.get(name)
            if field is None:
                self.summary.append(error.detail)
                if name in _ASKED:
                    self.asked_faults[name] = error.detail
            else:
                field.add_message(error.detail, tuple(path))
                is_placed = True
        return is_placed


def shown_fields(content_type: ContentType[Any], actor: Actor) -> tuple[str, ...]:
    """The fields that a form shows to the actor: those that may be set to something, the times of publishing aside."""
    hidden = STAGES if issubclass(content_type.model, Publishable) else ()  # these are what buttons are for
    names = [name for name in content_type.write_fields if name not in hidden]
    return tuple(name for name in names if content_type.policy.can_set(actor, name, _PROBE))


def refuse_unknown(content_type: ContentType[Any], sent: FormData) -> None:
    """Refuse a form with a field that the type lacks: nothing that is sent is passed over in silence.

    :raises Invalid: naming the first.
    """
    for key, value in sent.multi_items():
        name = key.partition(".")[0]
        if isinstance(value, UploadFile):
            raise Invalid(f"“{name[:100]}” takes a text, not a file.")
        if name not in content_type.write_fields and key not in CONTROL_NAMES:
            hint = suggestion(name, content_type.write_fields)
            raise Invalid(f"There is no field “{name[:100]}”.{hint}")


def _field_of(info: FieldInfo, registry: Registry) -> "UnboundField[Any]":
    if info.is_relation:
        title = registry.target_of(info).title_field
        return _unbound(RelationField, info, is_many=info.shape is Shape.TO_MANY, title=title)
    kind = info.python_type
    if info.column is not None and isinstance(info.column.type, Structured):
        return _unbound(PartsField if _is_flat(kind) else LinksField if kind is Items else StructureField, info)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _unbound(ChoiceField, info)
    by_type: dict[Any, type[ContentField]] = {bool: FlagField, int: NumberField, datetime: TimeField}
    return _unbound(by_type.get(kind, TextField), info)


def _unbound(kind: type[ContentField], info: FieldInfo, **options: Any) -> "UnboundField[Any]":
    return UnboundField(kind, info, **options)


def _is_flat(kind: Any) -> bool:
    """Whether a structured value is a model of texts alone."""
    if not isinstance(kind, type) or not issubclass(kind, BaseModel):
        return False
    return all(field.annotation in (str, str | None) for field in kind.model_fields.values())


def _is_required(info: FieldInfo) -> bool:
    if info.nullable or info.rules.derived or info.shape is Shape.TO_MANY:
        return False
    return info.is_relation or info.rules.minimum > 0


def _defaults(content_type: ContentType[Any], names: Iterable[str]) -> dict[str, Any]:
    """What a new record's fields start with."""
    columns = {name: content_type.fields[name].column for name in names}
    defaults = {name: getattr(column, "default", None) for name, column in columns.items()}
    return {name: default.arg for name, default in defaults.items() if default is not None and default.is_scalar}


def _is_said(field: ContentField) -> bool:
    """Whether an empty field says something; a required relation that is left open does not."""
    return field.payload is not None or field.info.nullable or field.info.rules.derived


def _field_error(details: Any, fields: Mapping[str, ContentField]) -> FieldError:
    location = [str(part) for part in details["loc"]]
    pointer = "/" + "/".join(location)
    field = fields.get(location[0]) if location else None
    return FieldError(_sentence(details, field), pointer)


def _sentence(details: Any, field: ContentField | None) -> str:
    """What is wrong, in the words of people who fill in forms."""
    context = details.get("ctx") or {}
    kind = details["type"]
    least = context.get("min_length", 0)
    if kind in {"missing", "string_type"} or (kind == "string_too_short" and least == 1):
        return "Choose one." if isinstance(field, RelationField) else "Fill this in."
    if kind == "string_too_short":
        return f"At least {least} characters are needed."
    if kind == "string_too_long":
        return f"At most {context['max_length']} characters fit; this has {len(details['input'])}."
    if kind == "string_pattern_mismatch" and field is not None and field.description:
        return str(field.description)
    by_kind = {
        "int_parsing": "Enter a whole number.",
        "datetime_from_date_parsing": "Enter a date and a time.",
        "datetime_parsing": "Enter a date and a time.",
        "timezone_aware": "Enter a date and a time.",
        "bool_parsing": "Say yes or no.",
    }
    message = by_kind.get(kind, str(details["msg"]).removeprefix("Value error, "))
    return message if message.endswith((".", "?", "!")) else f"{message}."
