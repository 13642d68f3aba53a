"""The filters that a list offers, and what is said of those that are set."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from admin.choices import Choice
from admin.clock import end_of, start_of
from admin.fields import label_of
from cms.crud.content_type import ContentType
from cms.crud.structure import FieldInfo, Shape
from cms.editorial.behaviours import Reviewable, Status, Trashable

EDGES: Mapping[str, tuple[str, Callable[[date], datetime]]] = {"gte": ("from", start_of), "lte": ("until", end_of)}
"""The ends of a span of days: what they are called, and the moment that a day becomes there."""


class Input(NamedTuple):
    """A control of a form that sets a filter."""

    name: str
    label: str
    value: str


class Control(NamedTuple):
    """A filter of a list.

    :param kind: `choice`, `relation`, `dates`, or `other`, for one that an address has and no form offers.
    :param inputs: what sets it: two for a span of days, else one.
    :param choices: values and labels, of a choice.
    :param chosen: the related record that is set, once it was looked up.
    """

    name: str
    label: str
    kind: str
    inputs: tuple[Input, ...]
    choices: tuple[tuple[str, str], ...] = ()
    chosen: Choice | None = None

    @property
    def is_set(self) -> bool:
        """Whether it narrows the list."""
        return any(control.value for control in self.inputs)

    @property
    def value(self) -> str:
        """What the first control is set to."""
        return self.inputs[0].value

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that set it."""
        return tuple(control.name for control in self.inputs)

    @property
    def text(self) -> str:
        """What it is set to, for people."""
        if self.kind == "dates":
            return " ".join(f"{control.label} {control.value[:10]}" for control in self.inputs if control.value)
        if self.kind == "relation":
            return self.chosen.label if self.chosen else self.value
        return dict(self.choices).get(self.value, self.value)


def controls_of(content_type: ContentType[Any], values: Mapping[str, str]) -> list[Control]:
    """Every filter that the screen offers, and those beside that an address has set.

    :param values: the parameters of the address.
    """
    infos = [content_type.fields[name] for name in content_type.filter_fields]
    offered = [control for info in infos if (control := _control_of(content_type, info, values)) is not None]
    known = {name for control in offered for name in control.names}
    others = [name for name in values if name not in known and name not in {"q", "sort"}]
    return [*offered, *(Control(n, _spoken(n), "other", (Input(n, "", values[n]),)) for n in others)]


def stages_of(content_type: ContentType[Any]) -> list[tuple[str, str]]:
    """The stages that records of a type go through: values of `status`, and their labels."""
    if "status" not in content_type.filter_fields:
        return []
    missing = set()
    if not issubclass(content_type.model, Reviewable):
        missing.add(Status.IN_REVIEW)
    if not issubclass(content_type.model, Trashable):
        missing.add(Status.TRASHED)
    kind = content_type.fields["status"].python_type
    return [(member.value, label_of(member.value)) for member in kind if member not in missing]


def _control_of(content_type: ContentType[Any], info: FieldInfo, values: Mapping[str, str]) -> Control | None:
    label, kind = label_of(info.name), info.python_type
    plain = (Input(info.name, label, values.get(info.name, "")),)
    if info.is_relation:
        return Control(info.name, label, "relation", plain)
    if kind is datetime:
        names = ((f"{info.name}__{edge}", word) for edge, (word, _) in EDGES.items())
        inputs = tuple(Input(name, word, values.get(name, "")) for name, word in names)
        return Control(info.name, label.removesuffix(" at"), "dates", inputs)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        members = ((member.value, label_of(member.value)) for member in kind)
        choices = stages_of(content_type) if info.name == "status" else members
        return Control(info.name, label, "choice", plain, tuple(choices))
    if kind is bool and info.shape is not Shape.COMPUTED:  # a computed flag repeats a computed status
        return Control(info.name, label, "choice", plain, (("true", "Yes"), ("false", "No")))
    return None


def _spoken(name: str) -> str:
    """A parameter's name for people: `title__icontains` is `Title icontains`."""
    return label_of(name.replace("__", " "))
