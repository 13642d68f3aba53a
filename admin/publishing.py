"""What a form can do with a record beside saving it: publish, schedule, submit, return and their opposites."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from starlette.datastructures import FormData

from admin.fields import TIME_FORMAT
from admin.reading import Opened, may
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor
from cms.crud.problems import FieldError, Invalid, NotFound
from cms.crud.service import Service
from cms.editorial.behaviours import Publishable, Review, Reviewable, Status
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


class Offer(NamedTuple):
    """What the form of a record offers.

    :param primary: the verb and the label of its one large button; None where there is nothing to do but to save.
    :param verbs: what its menu offers besides.
    :param sentence: where the record stands. :param time: the time that this is about, if any.
    """

    primary: tuple[str, str] | None
    verbs: frozenset[str]
    sentence: str = ""
    time: datetime | None = None


def offer(content_type: ContentType[Any], actor: Actor, opened: Opened | None) -> Offer:
    """What the actor can do with a record, or with one that is about to be made."""
    if not issubclass(content_type.model, Publishable):
        return Offer(None, frozenset())
    item: Mapping[str, Any] = opened.item if opened else {"status": Status.DRAFT}
    publishes = may(content_type, actor, Action.PUBLISH, item) if opened else _publishes(content_type, actor)
    is_reviewed = issubclass(content_type.model, Reviewable)
    stage = _Stage(item, opened, is_reviewed=is_reviewed)
    verbs = stage.for_editors() if publishes else stage.for_authors()
    primary = stage.primary(publishes=publishes)
    return Offer(primary, frozenset(verbs), *stage.told())


def _publishes(content_type: ContentType[Any], actor: Actor) -> bool:
    return content_type.policy.can(actor, Action.PUBLISH)


class _Stage:
    """Where a record stands, in the terms of its form."""

    def __init__(self, item: Mapping[str, Any], opened: Opened | None, *, is_reviewed: bool) -> None:
        self.draft = opened.draft if opened else None
        self.status = Status(item["status"])
        self.is_live = self.status is Status.PUBLISHED
        self.is_reviewed = is_reviewed
        self.published_at: datetime | None = item.get("published_at")
        self.unpublish_at: datetime | None = item.get("unpublish_at")
        self.updated_at: datetime | None = item.get("updated_at")
        self.publish_at: datetime | None = self.draft.publish_at if self.draft else None
        self.review = (self.draft.review if self.draft else None) if self.is_live else item.get("review")
        self.has_news = not self.is_live or self.draft is not None
        """Whether there is anything that readers don't see yet."""

    def primary(self, *, publishes: bool) -> tuple[str, str] | None:
        if publishes and self.has_news:
            return ("publish", "Publish changes" if self.is_live else "Publish")
        if not publishes and self.has_news and self.is_reviewed and self.review is not Review.SUBMITTED:
            return ("submit", "Submit for review")
        return None

    def for_editors(self) -> set[str]:
        verbs = {"schedule"} if self.has_news else set()
        if self.status in {Status.PUBLISHED, Status.SCHEDULED, Status.EXPIRED}:
            verbs |= {"unpublish"}
        if self.status in {Status.PUBLISHED, Status.SCHEDULED}:
            verbs |= {"expire"}
        if self.status is Status.SCHEDULED or self.publish_at is not None:
            verbs |= {"unschedule"}
        if self.is_reviewed and self.review is Review.SUBMITTED:
            verbs |= {"return"}
        if self.draft is not None:
            verbs |= {"discard"}
        return verbs

    def for_authors(self) -> set[str]:
        return {"discard"} if self.draft is not None else set()

    def told(self) -> tuple[str, datetime | None]:
        """Where the record stands, as a sentence that ends with a time where there is one."""
        waits = self.review is Review.SUBMITTED
        sentences = (
            (self.publish_at is not None, "Your changes go public", self.publish_at),
            (self.is_live and self.draft is not None, "Readers still see the version of", self.updated_at),
            (self.is_live and self.unpublish_at is not None, "Readers see it until", self.unpublish_at),
            (self.is_live, "Readers see it since", self.published_at),
            (self.status is Status.SCHEDULED, "Goes public", self.published_at),
            (self.status is Status.EXPIRED, "Readers saw it until", self.unpublish_at),
            (self.status is Status.TRASHED, "This is in the trash.", None),
            (waits, "An editor is to look at it.", None),
            (True, "Only those who work here see it.", None),
        )
        return next((sentence, time) for applies, sentence, time in sentences if applies)


def soon(time: datetime) -> str:
    """The next full hour, for a control that asks when."""
    hour = time.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return hour.strftime(TIME_FORMAT)
