"""What a form can do with a record beside saving it: publish, schedule, submit, return and their opposites."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from starlette.datastructures import FormData

from admin.fields import TIME_FORMAT
from cms.crud.problems import FieldError, Invalid, NotFound
from cms.crud.service import Service
from cms.editorial.workflow import EditorialService

LONGEST_NOTE: Final = 2_000


class Intent(NamedTuple):
    """What a button of a form asks for.

    :param verb: one of `STEPS`, or `save`.
    :param at: when, where that is asked for. :param note: why, likewise.
    """

    verb: str = "save"
    at: datetime | None = None
    note: str = ""


Do = Callable[[EditorialService[Any], Any, Intent], Awaitable[object]]


async def _publish(service: EditorialService[Any], record: Any, intent: Intent) -> None:
    await service.publish(record, intent.at)


async def _unpublish(service: EditorialService[Any], record: Any, intent: Intent) -> None:
    await service.unpublish(record, intent.at)


async def _submit(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.submit(record)


async def _return(service: EditorialService[Any], record: Any, intent: Intent) -> None:
    await service.return_(record, intent.note)


async def _unschedule(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.cancel_schedule(record)


async def _discard(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.discard_draft(record)


STEPS: Final[Mapping[str, Do]] = {
    "publish": _publish,
    "schedule": _publish,
    "unpublish": _unpublish,
    "expire": _unpublish,
    "submit": _submit,
    "return": _return,
    "unschedule": _unschedule,
    "discard": _discard,
}
NOTICES: Final = {
    "save": "saved", "publish": "published", "schedule": "scheduled", "unpublish": "unpublished", "expire": "expires",
    "submit": "submitted", "return": "returned", "unschedule": "unscheduled", "discard": "discarded",
}  # fmt: skip
"""What is said after each, by the code of the notice."""
_AT: Final = {"schedule": "_at", "expire": "_until"}


async def carry_out(service: Service[Any], record: Any, intent: Intent) -> None:
    """Do what a button asks for, once what was typed is saved.

    :raises NotFound: where records of the type are not published. :raises Problem: as the step does.
    """
    if intent.verb == "save":
        return
    if not isinstance(service, EditorialService):
        raise NotFound(f"A {service.content_type.label.lower()} is not published.")
    await STEPS[intent.verb](service, record, intent)


def read_intent(form: FormData, verb: str | None = None) -> Intent:
    """What the button asks for that a form was sent with.

    :param verb: what the address asks for, where it does.
    :raises Invalid: for a time that is none, or a note that is missing.
    """
    asked = verb or str(form.get("_then", "")) or "save"
    if asked != "save" and asked not in STEPS:
        raise Invalid("There is no such intent.")
    if asked in _AT:
        return Intent(asked, _moment(str(form.get(_AT[asked], "")), str(form.get("_zone", "")) or "UTC"))
    if asked != "return":
        return Intent(asked)
    note = " ".join(str(form.get("_note", "")).split())
    if not 0 < len(note) <= LONGEST_NOTE:
        detail = f"Say what is to be done, in at most {LONGEST_NOTE:,} characters."
        raise Invalid(detail, errors=[FieldError(detail, "/_note")])
    return Intent(asked, note=note)


def _moment(text: str, zone: str) -> datetime:
    """A time as a browser's control sends it, in the zone that was shown beside it."""
    try:
        naive = datetime.strptime(text[:16], TIME_FORMAT)  # noqa: DTZ007 - it gets its zone below
    except ValueError:
        raise Invalid("Enter a date and a time.", errors=[FieldError("Enter a date and a time.", "/_at")]) from None
    if zone not in available_timezones():
        raise Invalid(f"“{zone[:60]}” is no time zone.")
    time = naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if time.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != naive:
        raise Invalid(f"There is no {text[11:16]} on that day in {zone}: the clocks go forward. Choose another time.")
    return time
