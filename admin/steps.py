"""Steps that records go through, done from a list: which there are, whom they are for, and what does them."""

from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from admin.changes import Verb
from admin.clock import read_moment
from admin.publishing import LONGEST_NOTE, Intent, carry_out
from cms.crud.content_type import ContentType
from cms.crud.fields import parse_time
from cms.crud.nodes import Item
from cms.crud.policy import Action, Actor
from cms.crud.problems import FieldError, Invalid, NotFound
from cms.crud.schemas import update_schema
from cms.crud.service import Service
from cms.crud.structure import FieldInfo, Shape
from cms.editorial.behaviours import Publishable, Reviewable, Status


class Step(NamedTuple):
    """Something that is done to a record at once.

    :param label: what its button says. :param icon: a symbol of `static/icons.svg`.
    :param action: what one has to be allowed.
    :param asks: what has to be said with it: `at`, a time, or `why`, a reason; empty for nothing.
    """

    label: str
    icon: str
    action: Action
    asks: str = ""


STEPS: Final[Mapping[str, Step]] = {
    "publish": Step("Publish now", "rocket", Action.PUBLISH),
    "schedule": Step("Schedule…", "calendar-event", Action.PUBLISH, "at"),
    "submit": Step("Submit for review", "send", Action.DRAFT),
    "return": Step("Return to the author…", "corner-up-left", Action.PUBLISH, "why"),
    "unschedule": Step("Cancel the schedule", "calendar", Action.PUBLISH),
    "unpublish": Step("Unpublish", "eye-off", Action.PUBLISH),
}
_FITTING: Final[Mapping[Status, tuple[str, ...]]] = {
    Status.DRAFT: ("publish", "schedule", "submit"),
    Status.IN_REVIEW: ("publish", "schedule", "return"),
    Status.SCHEDULED: ("publish", "schedule", "unschedule"),
    Status.PUBLISHED: ("unpublish",),
    Status.EXPIRED: ("publish", "unpublish"),
}


def steps_of(content_type: ContentType[Any], actor: Actor, item: Item) -> tuple[str, ...]:
    """What the actor may do to a record that was read, by its status."""
    status = item.get("status")
    if not issubclass(content_type.model, Publishable) or not isinstance(status, Status):
        return ()
    record, policy = SimpleNamespace(**item), content_type.policy
    fitting = [name for name in _FITTING.get(status, ()) if policy.can(actor, STEPS[name].action, record)]
    return tuple(n for n in fitting if n != "submit" or issubclass(content_type.model, Reviewable))


def step_verb(name: str, sent: Mapping[str, Any]) -> Verb:
    """What takes a step, with what was said to it.

    :raises NotFound: for a step that there is not. :raises Invalid: for a time or a reason that won't do.
    """
    if name not in STEPS:
        raise NotFound("There is no such step.")
    asks = STEPS[name].asks
    intent = Intent(
        name,
        _time(str(sent.get("at", "")), str(sent.get("zone", ""))) if asks == "at" else None,
        _reason(str(sent.get("why", ""))) if asks == "why" else "",
    )

    async def take(service: Service[Any], record: Any, _: int) -> None:
        await carry_out(service, record, intent)

    return take


def related_fields(content_type: ContentType[Any], settable: Mapping[str, Any]) -> list[FieldInfo]:
    """The relations that many records can be given at once: of what is published, and not those that make a tree.

    :param settable: the fields that the actor may set.
    """
    if not issubclass(content_type.model, Publishable):
        return []
    infos = (content_type.fields[n] for n in content_type.write_fields if n in settable)
    shared = (info for info in infos if info.is_relation and info.name in content_type.filter_fields)
    return [info for info in shared if info.python_type is not content_type.model]


def relate(content_type: ContentType[Any], info: FieldInfo, keys: list[str]) -> Verb:
    """What gives a record related ones: in the place of another, or beside those that it has.

    :raises Invalid: where none were chosen.
    """
    if not keys:
        raise Invalid("Choose something first; nothing was changed.")
    schema = update_schema(content_type)

    async def change(service: Service[Any], record: Any, version: int) -> None:
        if info.shape is Shape.TO_ONE:
            await service.update(record, schema.model_validate({info.name: keys[0]}), version)
            return
        known = [str(related.id) for related in getattr(record, info.name)]
        if further := [key for key in keys if key not in known]:
            await service.update(record, schema.model_validate({info.name: [*known, *further]}), version)

    return change


def _time(text: str, zone: str) -> datetime:
    """When to publish: what a control said, in the zone that stood beside it; or a time that names its own."""
    try:
        return read_moment(text, zone) if zone else parse_time(text)
    except ValueError as error:
        raise _refused(str(error) if zone else "Choose a day and a time.", "/at") from None


def _reason(text: str) -> str:
    why = text.strip()
    if not 0 < len(why) <= LONGEST_NOTE:
        raise _refused(f"Say why, in at most {LONGEST_NOTE:,} characters: the author reads it.", "/why")
    return why


def _refused(detail: str, pointer: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(detail, pointer)])
