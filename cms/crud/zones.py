"""Time zones by their names, as everybody's software knows them: those of the IANA database."""

from functools import cache
from zoneinfo import available_timezones

ZONE_LENGTH = 60
ZONE_EXAMPLE = "Europe/Lisbon"
_OF_THIS_MACHINE = frozenset({"Factory", "localtime"})
"""What the database of a machine has besides; no browser knows them."""


@cache
def zone_names() -> frozenset[str]:
    """The names there are; the files are listed once."""
    return frozenset(available_timezones()) - _OF_THIS_MACHINE


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    return name in zone_names()


def no_zone(name: str) -> str:
    """What to say of a name that is none."""
    return f"“{name[:ZONE_LENGTH]}” is no time zone; name one such as {ZONE_EXAMPLE}."
