"""Trading days of a run: which date each moment counts to, how many there are a year, and so how often returns come.

Rule for periods a year, in this order:

1. Trading days a year, by the calendar: 365 where every day trades (24x7), 252 for an exchange with holidays, 260 for five days a week
   without. Of several calendars the one with the most days counts. Where fewer than half of the span's trading days have a mark (weekly
   bars), instead: days with a mark / years of the span.
2. A run of at least DAYS_MIN daily returns is measured in daily returns, so that figures of minute and daily bars compare: periods a year
   are the days of 1. A shorter one is measured mark to mark: the days of 1 x marks a trading day, which is the median over the dates
   between the first and the last (they may be partial), or the largest where there is none between.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from shared.domain.calendar import Calendar, OutsideCalendar
from shared.domain.calendars import load

from .curves import Growth, Ints, last_of_each

DAYS_MIN: Final = 20  # a 95 % quantile has one observation in its tail from twenty on
ALWAYS: Final = "24x7"


@dataclass(frozen=True, slots=True)
class TradingDays:
    """dates: `YYYY-MM-DD`, every trading day of the span in order; ends_ns: when each ends. per_year: of the calendar."""

    calendar: str
    dates: tuple[str, ...]
    ends_ns: Ints
    per_year: int

    def of(self, times: Ints) -> Ints:
        """Position in `dates` of each moment. The end of a day still counts to it: a mark at a close is the value at that close."""
        return np.searchsorted(self.ends_ns, times, side="left").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Sampling:
    """What returns are measured on. interval: `day` or `mark`. per_year: periods a year. daily: positions in the growth series of its start
    and of each day's last value; dates: of those days; used: the positions whose returns the statistics use."""

    interval: Literal["day", "mark"]
    per_year: float
    dates: tuple[str, ...]
    daily: NDArray[np.intp]
    used: NDArray[np.intp]


def days_per_year(calendar: str) -> int:
    """252, 260 or 365 (module docstring). Raises UnknownCalendar."""
    table = load(calendar)
    if len(table.weekdays) == 7:
        return 365
    return 252 if table.holidays else 260


def trading_days(calendars: Iterable[str], first_ns: int, last_ns: int) -> TradingDays:
    """The trading days from one moment to another, of the calendar with the most days a year; 24x7 (UTC dates) where there is none, or where
    its table does not reach. Raises UnknownCalendar."""
    name = min(calendars, key=lambda c: (-days_per_year(c), c), default=ALWAYS)
    try:
        return _walk(name, first_ns, last_ns)
    except OutsideCalendar:
        return _walk(ALWAYS, first_ns, last_ns)


def _walk(name: str, first_ns: int, last_ns: int) -> TradingDays:
    calendar = Calendar.named(name)
    day = dt.date.fromisoformat(calendar.session_at(first_ns - 1).date)  # the end of a day is still that day's
    dates: list[str] = []
    ends: list[int] = []
    while not ends or ends[-1] < last_ns:
        session = calendar.session(day.isoformat())
        if session is not None:
            dates.append(session.date)
            ends.append(session.post_ns)
        day += dt.timedelta(days=1)
    return TradingDays(name, tuple(dates), np.array(ends, dtype=np.int64), days_per_year(name))


def sampling(grown: Growth, days: TradingDays) -> Sampling:
    """How a growth series is measured (module docstring)."""
    of = days.of(grown.times[1:])
    daily = last_of_each(of)
    marked = of[daily[1:] - 1]
    per_year = float(days.per_year)
    if len(marked) and len(marked) * 2 < int(marked[-1] - marked[0]) + 1 and grown.years > 0:
        per_year = len(marked) / grown.years
    dates = tuple(days.dates[d] for d in marked)
    if len(marked) >= DAYS_MIN:
        return Sampling("day", per_year, dates, daily, daily)
    counts = np.diff(daily)
    if len(counts):
        per_year *= float(np.median(counts[1:-1]) if len(counts) > 2 else counts.max())
    return Sampling("mark", per_year, dates, daily, np.arange(len(grown.times)))
