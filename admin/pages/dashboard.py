"""The first page: what is mine, what waits for somebody, what comes when, and what was done last."""

from calendar import Calendar
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from admin.auth import actor_of
from admin.boards import Board, Entry, read_board
from admin.clock import local, start_of
from admin.first_steps import FirstStep, read_first_steps
from admin.screens import Page
from admin.shell import shell_of
from admin.telling import ago, by, icon_of, summary_of
from cms.crud.fields import utc_now
from cms.crud.plan import Reader
from cms.crud.policy import Actor

CHART_HEIGHT = 96
LEAST_SCALE = 4
"""So that one text a week does not look like the most that can be."""
_YEARS = range(2000, 2100)


class Day(NamedTuple):
    """A day of the calendar."""

    date: date
    is_of_month: bool
    is_today: bool
    entries: list[Entry]


class Bar(NamedTuple):
    """A week of the chart.

    :param height: of its bar, of `CHART_HEIGHT`.
    """

    week: date
    texts: int
    height: int


async def show_dashboard(request: Request) -> Response:
    """The first page."""
    state, actor, at = request.app.state, actor_of(request), local(utc_now())
    month = _month(request.query_params.get("month", ""), at.date())
    weeks = Calendar().monthdatescalendar(month.year, month.month)
    span = start_of(weeks[0][0]), start_of(weeks[-1][-1] + timedelta(days=1))
    board, steps = await state.database.read(_read, state.reader, actor, span, at)
    context = {
        "board": board,
        "steps": steps,
        "weeks": _days(weeks, board, month, at.date()),
        "month": month,
        "earlier": month - timedelta(days=1),
        "later": (month + timedelta(days=31)).replace(day=1),
        "bars": _bars(board),
        "chart_height": CHART_HEIGHT,
        "now": at,
        "ago": ago,
        "by": _by,
        "icon_of": icon_of,
        "summary_of": summary_of,
    }
    return await shell_of(request).render(request, "dashboard.html", context)


def _read(
    connection: Connection, reader: Reader, actor: Actor, span: tuple[datetime, datetime], at: datetime
) -> tuple[Board, list[FirstStep]]:
    return read_board(connection, reader, actor, span, at), read_first_steps(connection, actor)


def _month(text: str, today: date) -> date:
    """The first day of a month that an address names, such as `2026-11`; of this one where it names none."""
    try:
        named = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no zone
    except ValueError:
        return today.replace(day=1)
    return named if named.year in _YEARS else today.replace(day=1)


def _days(weeks: list[list[date]], board: Board, month: date, today: date) -> list[list[Day]]:
    by_day: dict[date, list[Entry]] = {}
    for entry in board.scheduled:
        by_day.setdefault(local(entry.at).date(), []).append(entry)
    return [[Day(day, day.month == month.month, day == today, by_day.get(day, [])) for day in week] for week in weeks]


def _bars(board: Board) -> list[Bar]:
    most = max(LEAST_SCALE, *(count for _, count in board.weeks))
    return [Bar(week.date(), count, round(CHART_HEIGHT * count / most)) for week, count in board.weeks]


def _by(name: str | None, door: Any) -> str:
    actor: Mapping[str, Any] | None = {"name": name} if name else None
    return by(actor, door)


PAGES = (Page("/", show_dashboard),)
