"""The trading hours of a simulation: what `SessionWindow` leaves of the hours a calendar tells.

The exchange's clock is that of its calendar's time zone, so a window keeps its wall time over daylight saving. A window never adds hours: an
early close stays early, a holiday closed.
"""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.calendars import load
from shared.events import SessionChanged

from .market import Hours
from .settings import DAY_MINUTES, HOUR_MINUTES, SessionWindow

_NS: Final = 1_000_000_000


def hours_in(window: SessionWindow | None, told: SessionChanged) -> Hours:
    """Regular hours to trade in on the told date; none of them is a session that is over before it begins. Raises UnknownCalendar."""
    if window is None or told.close_ns == 0:
        return Hours(told.date, told.open_ns, told.close_ns, told.close_ns == 0)
    day = dt.date.fromisoformat(told.date)
    open_ns = max(told.open_ns, _at(day, window.start_minute, told.calendar))
    close_ns = min(told.close_ns, _at(day, window.end_minute, told.calendar))
    if open_ns >= close_ns or day.weekday() not in window.weekdays or told.date in window.closed_dates:
        return Hours(told.date, 0, 0, swept=True)
    return Hours(told.date, open_ns, close_ns)


def _at(day: dt.date, minute: int, calendar: str) -> int:
    """ns of a wall time of the calendar's zone; 24:00 is the next midnight."""
    days, minute = divmod(minute, DAY_MINUTES)
    zone = ZoneInfo(load(calendar).timezone)
    moment = dt.datetime.combine(day + dt.timedelta(days), dt.time(minute // HOUR_MINUTES, minute % HOUR_MINUTES), zone)
    return int(moment.timestamp()) * _NS
