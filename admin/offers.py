"""What the form of a record offers beside saving it, by where the record stands and who asks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from admin.clock import TIME_FORMAT, local
from admin.reading import Opened, may
from cms.crud.content_type import ContentType
from cms.crud.policy import Action, Actor
from cms.editorial.behaviours import Publishable, Review, Reviewable, Status


class Offer(NamedTuple):
    """What the form of a record offers.

    :param primary: the verb and the label of its one large button; None where there is nothing to do but to save.
    :param verbs: what its menu offers besides.
    :param sentence: where the record stands. :param time: the time that this is about, if any.
    :param starts: when it, or the changes to it, go public, if that is to come. :param ends: when it ends, likewise.
    """

    primary: tuple[str, str] | None
    verbs: frozenset[str]
    sentence: str = ""
    time: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None


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
    return Offer(primary, frozenset(verbs), *stage.told(), starts=stage.starts, ends=stage.unpublish_at)


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

    @property
    def starts(self) -> datetime | None:
        return self.published_at if self.status is Status.SCHEDULED else self.publish_at

    def primary(self, *, publishes: bool) -> tuple[str, str] | None:
        if publishes and self.has_news:
            return ("publish", "Publish changes" if self.is_live else "Publish")
        if not publishes and self.has_news and self.is_reviewed and self.review is not Review.SUBMITTED:
            return ("submit", "Submit for review")
        return None

    def for_editors(self) -> set[str]:
        verbs = {"schedule"} if self.has_news else set()
        if self.status in {Status.PUBLISHED, Status.EXPIRED}:
            verbs |= {"unpublish"}
        if self.status in {Status.PUBLISHED, Status.SCHEDULED}:
            verbs |= {"expire", "endless"} if self.unpublish_at is not None else {"expire"}
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


def proposed_times(offered: Offer, time: datetime) -> tuple[str, str]:
    """What the controls that ask when something goes public, and when it ends, begin with.

    What is set already stays; else the next full hour, and a week after the beginning.
    """
    hour = local(time + timedelta(hours=1)).replace(minute=0)
    starts = local(offered.starts) if offered.starts else hour
    ends = local(offered.ends) if offered.ends else max(starts, hour) + timedelta(days=7)
    return starts.strftime(TIME_FORMAT), ends.strftime(TIME_FORMAT)
