"""What can be done with a record beside saving it, from its form or a list: publish, schedule, submit, return …"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData

from admin.clock import read_moment
from cms.crud.policy import Action
from cms.crud.problems import FieldError, Invalid, NotFound
from cms.crud.service import Service
from cms.editorial.workflow import EditorialService

LONGEST_NOTE: Final = 2_000


class Intent(NamedTuple):
    """What a button of a form asks for.

    :param verb: a key of `NOTICES`.
    :param at: when, where that is asked for. :param note: why, likewise.
    :param control: what the time was typed into, where a time that won't do is told.
    """

    verb: str = "save"
    at: datetime | None = None
    note: str = ""
    control: str = "at"


Do = Callable[[EditorialService[Any], Any, Intent], Awaitable[object]]


async def _publish(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.publish(record)


async def _schedule(service: EditorialService[Any], record: Any, intent: Intent) -> None:
    await _refuse_the_past(service, record, intent, "publish it")
    await service.publish(record, intent.at)


async def _unpublish(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.unpublish(record)


async def _expire(service: EditorialService[Any], record: Any, intent: Intent) -> None:
    await _refuse_the_past(service, record, intent, "unpublish it")
    await service.unpublish(record, intent.at)


async def _submit(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.submit(record)


async def _return(service: EditorialService[Any], record: Any, intent: Intent) -> None:
    await service.return_(record, intent.note)


async def _unschedule(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.cancel_schedule(record, of="publication")  # what comes too late is not to drop the end instead


async def _endless(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.cancel_schedule(record, of="end")


async def _discard(service: EditorialService[Any], record: Any, _: Intent) -> None:
    await service.discard_draft(record)


_VERBS: Final[Mapping[str, Do]] = {
    "publish": _publish,
    "schedule": _schedule,
    "unpublish": _unpublish,
    "expire": _expire,
    "submit": _submit,
    "return": _return,
    "unschedule": _unschedule,
    "endless": _endless,
    "discard": _discard,
}
NOTICES: Final = {
    "save": "saved", "publish": "published", "schedule": "scheduled", "unpublish": "unpublished", "expire": "expires",
    "submit": "submitted", "return": "returned", "unschedule": "unscheduled", "endless": "endless",
    "discard": "discarded",
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
    try:
        await _VERBS[intent.verb](service, record, intent)
    except Invalid as refused:
        told = f"/{intent.control}"
        refused.errors = tuple(e._replace(pointer=told) if e.pointer == "/at" else e for e in refused.errors)
        raise


async def _refuse_the_past(service: EditorialService[Any], record: Any, intent: Intent, instead: str) -> None:
    """A time that has come would be taken for now, which nobody asked for; who means to date back does so over REST."""
    service.require(Action.PUBLISH, record)  # who may not is told that, whatever the time
    if intent.at is not None and intent.at <= await service.database_time():
        detail = f"This time has passed. Choose one to come, or {instead} now."
        raise Invalid(detail, errors=[FieldError(detail, "/at")])


def read_intent(form: FormData, verb: str | None = None) -> Intent:
    """What the button asks for that a form was sent with.

    :param verb: what the address asks for, where it does.
    :raises Invalid: for a time that is none, or a note that is missing.
    """
    asked = verb or str(form.get("_then", "")) or "save"
    if asked != "save" and asked not in _VERBS:
        raise Invalid("There is no such intent.")
    if asked in _AT:
        return Intent(asked, _moment(form, _AT[asked]), control=_AT[asked])
    if asked != "return":
        return Intent(asked)
    note = " ".join(str(form.get("_note", "")).split())
    if not 0 < len(note) <= LONGEST_NOTE:
        detail = f"Say what is to be done, in at most {LONGEST_NOTE:,} characters."
        raise Invalid(detail, errors=[FieldError(detail, "/_note")])
    return Intent(asked, note=note)


def _moment(form: FormData, control: str) -> datetime:
    """A time, in the zone that was shown beside its control."""
    try:
        return read_moment(str(form.get(control, "")), str(form.get("_zone", "")))
    except ValueError as error:
        raise Invalid(str(error), errors=[FieldError(str(error), f"/{control}")]) from None
