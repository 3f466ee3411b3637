"""Where a file's rows stand in time: a bar from start to end, a daily bar over its session's regular hours."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from services.gateway.settings import DAY_NS, BarTimestamp, DataSettings, interval_ns
from shared.domain.calendar import Calendar

from .columns import Columns, Kind
from .numbers import Numbers
from .port import BadData


def placed(path: Path, kind: Kind, symbol: str, numbers: Numbers, data: DataSettings, calendar: Calendar) -> Columns:
    """Raises BadData for dates where times of day must be, OutsideCalendar for a day the calendar does not know."""
    interval = interval_ns(data.bar_type)
    times = numbers.times
    daily = kind is Kind.BAR and interval % DAY_NS == 0
    if numbers.dated and not daily:
        where = f" in a file of {data.bar_type} bars" if kind is Kind.BAR else ""
        raise BadData(path, numbers.rows[0], f"dates without a time of day{where}")
    if kind is not Kind.BAR:
        starts = times
    elif daily:
        sessions = [calendar.usual_session(_date(day)) for day in (times // DAY_NS).tolist()]
        starts = np.array([session.open_ns for session in sessions], dtype=np.int64)
        times = np.array([session.close_ns for session in sessions], dtype=np.int64)
    elif data.bar_timestamp is BarTimestamp.START:
        starts, times = times, times + interval
    else:
        starts = times - interval
    return Columns(symbol, kind, times, starts, tuple(numbers.values))


def _date(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
