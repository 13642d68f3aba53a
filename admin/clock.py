"""The clock of who looks: the time zone in which the back office shows times, and in which it takes them."""

from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cms.crud.zones import is_zone, no_zone

TIME_FORMAT: Final = "%Y-%m-%dT%H:%M"
"""What a browser's control for date and time sends; it knows no zone, so the zone stands beside it."""
SHOWN_FORMAT: Final = "%Y-%m-%d %H:%M"
NO_TIME: Final = "Enter a date and a time."
_TICK: Final = timedelta(microseconds=1)
_chosen: ContextVar[str | None] = ContextVar("time_zone", default=None)


def use_zone(name: str | None) -> None:
    """Set the clock for the rest of this request.

    :param name: the zone that the actor named; one that this machine does not know is as none.
    """
    _chosen.set(name if name is not None and is_zone(name) else None)


def chosen_zone() -> str | None:
    """The zone that the actor named, if any; scripts take their browser's in its place."""
    return _chosen.get()


def zone_name() -> str:
    """The zone of the times that the server writes."""
    return _chosen.get() or "UTC"


def local(moment: datetime) -> datetime:
    """The same moment on the clock of who looks."""
    try:
        return moment.astimezone(ZoneInfo(zone_name()))
    except OverflowError:  # at the very ends of the calendar there is no other day to be on
        return moment.astimezone(UTC)


def shown(moment: datetime, form: str = SHOWN_FORMAT) -> str:
    """A moment as people read it, with its zone: `2026-11-27 09:00 WET`."""
    at = local(moment)
    zone = at.strftime("%Z")
    return f"{at.strftime(form)} {zone if zone[:1].isalpha() else f'UTC{zone}'}"


def read_moment(text: str, zone: str = "") -> datetime:
    """What a control for date and time says, in UTC; of a time that comes twice that day, the first.

    :param zone: the name of the zone that stood beside it; that of who looks where there was none.
    :raises ValueError: with a sentence.
    """
    name = zone or zone_name()
    if not is_zone(name):
        raise ValueError(no_zone(name))
    try:
        naive = datetime.strptime(text[:16], TIME_FORMAT)  # noqa: DTZ007 - it gets its zone below
        moment = naive.replace(tzinfo=ZoneInfo(name)).astimezone(UTC)
        there = moment.astimezone(ZoneInfo(name)).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError(NO_TIME) from None
    if there != naive:
        raise ValueError(
            f"There is no {naive:%H:%M} on {naive:%Y-%m-%d} in {name}: the clocks go forward. Choose another time."
        )
    return moment


def start_of(day: date) -> datetime:
    """The moment at which a day begins for who looks, in UTC.

    :raises ValueError: for a day at the very ends of the calendar.
    """
    try:
        return datetime.combine(day, time(), ZoneInfo(zone_name())).astimezone(UTC)
    except OverflowError:
        raise ValueError("That day is out of the calendar.") from None


def end_of(day: date) -> datetime:
    """The last moment of a day for who looks, in UTC.

    :raises ValueError: for a day at the very ends of the calendar.
    """
    try:
        return start_of(day + timedelta(days=1)) - _TICK
    except OverflowError:
        raise ValueError("That day is out of the calendar.") from None
