"""The minutes a market trades, from a moment on or back from it, with how busy each usually is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from shared.domain.calendar import Calendar, OutsideCalendar, Session

from .minutes import MINUTE_NS

_EDGE: Final = 1.6  # volume at open and close over that of an average minute; the parabola through both has mean 1
_MIDDAY: Final = 0.7


def minutes_from(calendar: Calendar, moment: int) -> Iterator[tuple[int, float]]:
    """(start, activity) of each regular minute that starts at or after a moment, until the calendar's table ends."""
    try:
        session = calendar.session_at(moment)
        while True:
            for start in range(session.open_ns, session.close_ns, MINUTE_NS):
                if start >= moment:
                    yield start, _activity(session, start)
            session = calendar.session_at(session.post_ns)
    except OutsideCalendar:
        return


def minutes_before(calendar: Calendar, moment: int) -> Iterator[tuple[int, float]]:
    """(start, activity) of each regular minute that ends by a moment, newest first, until the calendar's table begins."""
    try:
        session: Session | None = calendar.session_at(moment)
        date = dt.date.fromisoformat(calendar.trading_date(moment))
        while True:
            if session is not None:
                for start in range(session.close_ns - MINUTE_NS, session.open_ns - 1, -MINUTE_NS):
                    if start + MINUTE_NS <= moment:
                        yield start, _activity(session, start)
            date -= dt.timedelta(days=1)
            session = calendar.session(date.isoformat())
    except OutsideCalendar:
        return


def _activity(session: Session, start: int) -> float:
    """U-shape over the session: busiest at its ends."""
    middle = (session.open_ns + session.close_ns) / 2
    side = (start - middle) / (session.close_ns - middle)
    return _MIDDAY + (_EDGE - _MIDDAY) * side * side
