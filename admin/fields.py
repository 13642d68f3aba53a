"""Form fields of a content type: each shows a value of its record, takes what was typed, and says what that means.

A field's `payload` is plain JSON: what the type's schema is given, and what tells whether somebody changed the field.
"""

import json
import re
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from wtforms import Field
from wtforms.utils import unset_value

from admin.choices import Choice, choice_of
from admin.clock import TIME_FORMAT, local, read_moment, zone_name
from cms.crud.fields import Control
from cms.crud.policy import Role
from cms.crud.structure import FieldInfo
from cms.crud.values import MAX_SEARCH
from cms.media.records import Media

UNCHOSEN = "Nothing is called “{}”; choose one of the suggestions or clear the field."
_WHOLE = re.compile(r"-?\d{1,10}\Z", re.ASCII)


class ContentField(Field):
    """A field of a form.

    :param info: the field of the content type.
    :param control: the name of the macro that draws it.
    """

    control = "text"
    input_type = "text"

    def __init__(self, info: FieldInfo, **options: Any) -> None:
        super().__init__(label=label_of(info.name), description=info.rules.hint, **options)
        self.info = info
        self.messages: list[str] = []
        self.is_required = False

    @property
    def payload(self) -> Any:
        """What the field says, as plain JSON."""
        return self.data

    @property
    def digest(self) -> str:
        """A short fingerprint of the payload."""
        text = json.dumps(self.payload, sort_keys=True, default=str)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def shown(self) -> str:
        """The payload as people read it, to compare two of them."""
        return "" if self.payload is None else str(self.payload)

    @property
    def faults(self) -> list[str]:
        """All that is wrong with the field or a part of it."""
        return self.messages

    def add_message(self, message: str, path: tuple[str, ...]) -> None:
        """Note what is wrong with the field; `path` leads to the part at fault of a value that has parts."""
        self.messages.append(message)


class TextField(ContentField):
    """A text."""

    def __init__(self, info: FieldInfo, **options: Any) -> None:
        super().__init__(info, **options)
        control = info.rules.control
        self.control = control.value if control in _LARGE else "text"
        self.input_type = {Control.EMAIL: "email", Control.PASSWORD: "password"}.get(control, "text")

    def process_data(self, value: Any) -> None:
        """Show a stored text."""
        self.data = "" if value is None else normalise_lines(str(value))

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take a typed text."""
        self.data = normalise_lines(str(valuelist[0])) if valuelist else ""

    @property
    def payload(self) -> str | None:
        """The text; none where an empty one means that there is none, or that one is to be made."""
        rules = self.info.rules
        may_be_none = self.info.nullable or (rules.derived and rules.minimum > 0)
        return None if not self.data and may_be_none else self.data


_LARGE = frozenset({Control.TEXTAREA, Control.MARKDOWN, Control.HTML, Control.SLUG})


class NumberField(ContentField):
    """A whole number."""

    input_type = "number"

    def process_data(self, value: Any) -> None:
        """Show a stored number."""
        self.data = "" if value is None else str(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take a typed number."""
        self.data = str(valuelist[0]).strip() if valuelist else ""

    @property
    def payload(self) -> int | str | None:
        """The number; what is none is left for the schema to refuse."""
        if not self.data and self.info.nullable:
            return None
        return int(self.data) if _WHOLE.match(self.data) else self.data


class FlagField(ContentField):
    """Yes or no."""

    control = "flag"

    def process_data(self, value: Any) -> None:
        """Show a stored flag."""
        self.data = bool(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take a ticked box; browsers send nothing for an empty one."""
        self.data = bool(valuelist)

    @property
    def shown(self) -> str:
        """Yes or no."""
        return "Yes" if self.data else "No"


class ChoiceField(ContentField):
    """One value of an enumeration."""

    control = "choice"

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Values and their labels."""
        members: list[StrEnum] = [m for m in self.info.python_type if m is not Role.ANONYMOUS]
        empty = [("", "—")] if self.info.nullable else []
        return [*empty, *((member.value, label_of(member.value)) for member in members)]

    def process_data(self, value: Any) -> None:
        """Show a stored value."""
        self.data = "" if value is None else str(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take a chosen value."""
        self.data = str(valuelist[0]) if valuelist else ""

    @property
    def payload(self) -> str | None:
        """The chosen value."""
        return self.data or None

    @property
    def shown(self) -> str:
        """The label of the value."""
        return label_of(self.data)


class TimeField(ContentField):
    """A point in time, to the minute, in the zone that stands beside it; the form sends that zone along.

    So a form that was opened before the actor chose another zone still means what it showed.
    """

    input_type = "datetime-local"
    zone = "UTC"

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Show a stored time, or take one that was sent with its zone."""
        zones = formdata.getlist(f"{self.name}.zone") if formdata is not None else []
        self.zone = str(zones[0]) if zones else zone_name()
        super().process(formdata, data, extra_filters)

    def process_data(self, value: datetime | None) -> None:
        """Show a stored time."""
        self.data = local(value).strftime(TIME_FORMAT) if value else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take a typed time; browsers may add seconds."""
        self.data = str(valuelist[0]).strip() if valuelist else ""
        if self.data:
            read_moment(self.data, self.zone)

    @property
    def payload(self) -> str | None:
        """The time in RFC 3339; what is none stays as it was typed."""
        if not self.data:
            return None
        try:
            return read_moment(self.data, self.zone).isoformat()
        except ValueError:
            return str(self.data)

    @property
    def shown(self) -> str:
        """The time with its zone."""
        return f"{self.data.replace('T', ' ')} {self.zone}" if self.data else ""


class RelationField(ContentField):
    """Related records, chosen by searching; holds those chosen and no others.

    :param is_many: whether there may be several.
    :param title: the field of the related records that names them.
    `maker` is where a record that is lacking is made of its title; empty where the actor may not.
    """

    control = "relation"

    def __init__(self, info: FieldInfo, *, is_many: bool, title: str, **options: Any) -> None:
        super().__init__(info, **options)
        self.is_media = info.python_type is Media
        self.is_many = is_many
        self.maker = ""
        self.typed = ""
        self._title = title

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Show stored choices, or take those that were sent; a search whose end was not chosen is a fault.

        `typed` keeps that search, so that nothing typed is lost.
        """
        super().process(formdata, data, extra_filters)
        searches = formdata.getlist(f"{self.name}.typed") if formdata is not None else []
        self.typed = " ".join(str(searches[0]).split())[:MAX_SEARCH] if searches else ""
        if self.typed:
            self.process_errors = [*self.process_errors, UNCHOSEN.format(self.typed)]

    def process_data(self, value: Any) -> None:
        """Show stored short forms."""
        items = value if isinstance(value, list) else [value] if value else []
        self.data = [choice_of(item, self._title) for item in items]

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take chosen ids; their labels are looked up before the form is shown again."""
        known = {choice.id: choice for choice in self.data}
        ids = [str(value) for value in valuelist if value]
        self.data = [known.get(id_, Choice(id_, id_)) for id_ in dict.fromkeys(ids)]

    @property
    def payload(self) -> Any:
        """The ids; of a to-one relation the id, or none."""
        ids = [choice.id for choice in self.data]
        return ids if self.is_many else next(iter(ids), None)

    @property
    def digest(self) -> str:
        """As of any field; the order of related records means nothing."""
        text = " ".join([*sorted(choice.id for choice in self.data), self.typed]).rstrip()
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def shown(self) -> str:
        """The labels, one a line."""
        return "\n".join(choice.label for choice in self.data)


def label_of(name: str) -> str:
    """A field's name for people: `published_at` is `Published at`."""
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


_LABELS = {
    "alt": "Alt text",
    "id": "ID",
    "sha256": "SHA-256",
    "storage_key": "File",
    "seo": "SEO",
    "url": "URL",
    "timezone": "Time zone",
    "comments_trust_known_authors": "Known writers need not wait",
    "comments_max_links": "Links in a comment",
    "comments_flood_limit": "Comments of one writer",
    "comments_flood_minutes": "In how many minutes",
    "comments_duplicate_minutes": "Minutes until a text may come again",
    "comments_blocked_words": "Blocked words",
    "comments_blocked_addresses": "Blocked addresses",
}
"""Names that people would read otherwise than they are spelled."""


def normalise_lines(text: str) -> str:
    """Text with the line ends that we store; browsers send others."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
