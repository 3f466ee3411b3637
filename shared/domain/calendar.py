"""Trading calendars: when a market is open, in which phase, and which trading day a moment belongs to.

Promises: answers follow from the tables in `shared/domain/calendars` and the time-zone database alone; daylight-saving dates are the
zone's own; every moment of the covered years has exactly one phase and one trading date. Times are ns since the Unix epoch UTC, dates
`YYYY-MM-DD`. Intervals are half open: at its open a market is open, at its close it is not.

A trading date runs from the end of the session before it to its own end (post-market included): Saturday belongs to Monday's date, as
Sunday evening does in futures.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from shared.domain.calendars import CalendarTable, UnknownCalendar, load
from shared.events import SessionPhase

_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_CLOSED_DAYS_MAX: Final = 30  # no market we know was ever shut longer since 1970; a bound for the search


FAR: Final = "9999-12-31"  # later than any date we meet


class OutsideCalendar(ValueError):
    """The moment or date lies outside the years whose holidays the table knows."""


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day. open_ns, close_ns: regular hours; pre_ns: start of pre-market, post_ns: end of post-market (equal to open and close
    where there is none)."""

    date: str
    open_ns: int
    close_ns: int
    pre_ns: int
    post_ns: int


class Change(NamedTuple):
    """The calendar enters `phase` of trading date `date` at `ns`."""

    ns: int
    phase: SessionPhase
    date: str


class _Segment(NamedTuple):
    """A stretch of one phase: known to hold from `since` (not necessarily its start) until `until`."""

    since: int
    until: int
    phase: SessionPhase
    session: Session


class Calendar:
    """One market's calendar; get it with `named`. Holds memos only, so sharing an instance between actors of one process is harmless."""

    def __init__(self, table: CalendarTable) -> None:
        self.name: Final = table.name
        self._table: Final = table
        self._zone: Final = ZoneInfo(table.timezone)
        self._holidays: Final = frozenset(table.holidays)
        self._first: Final = dt.date.fromisoformat(table.first).toordinal() if table.first else _EPOCH
        self._last: Final = dt.date.fromisoformat(table.last).toordinal() if table.last else dt.date.max.toordinal() - _CLOSED_DAYS_MAX
        self._sessions: dict[int, Session | None] = {}
        self._segment: _Segment | None = None

    @staticmethod
    def named(name: str) -> Calendar:
        """The calendar of an exchange code (`XNYS`, `XNAS`, `CMES`), `24x5` or `24x7`. Raises UnknownCalendar naming those there are."""
        table = load(name)
        if table.name not in _calendars:
            _calendars[table.name] = Calendar(table)
        return _calendars[table.name]

    def session(self, date: str) -> Session | None:
        """The session of a date, None on a day without one. Raises OutsideCalendar."""
        return self._session(dt.date.fromisoformat(date).toordinal())

    def usual_session(self, date: str) -> Session:
        """The hours a date has, or would have had if it were a trading day: where a daily bar on a day the table calls a holiday stands."""
        ordinal = dt.date.fromisoformat(date).toordinal()
        return self._session(ordinal) or self._hours(dt.date.fromordinal(ordinal))

    def phase_at(self, ns: int) -> SessionPhase:
        """The phase at a moment. Raises OutsideCalendar."""
        return self._at(ns).phase

    def trading_date(self, ns: int) -> str:
        """The trading date a moment belongs to (module docstring). Raises OutsideCalendar."""
        return self._at(ns).session.date

    def session_at(self, ns: int) -> Session:
        """The session of `trading_date(ns)`. Raises OutsideCalendar."""
        return self._at(ns).session

    def date_after(self, ns: int, days: int) -> str:
        """The trading date so many after that of a moment: when a trade of that moment settles. Raises OutsideCalendar."""
        session = self.session_at(ns)
        for _ in range(days):
            session = self.session_at(session.post_ns)
        return session.date

    def next_change(self, ns: int) -> Change:
        """The first change of phase or trading date after ns; a 24-hour market changes its date only. Raises OutsideCalendar."""
        at = self._at(ns).until
        after = self._at(at)
        return Change(at, after.phase, after.session.date)

    def _at(self, ns: int) -> _Segment:
        memo = self._segment
        if memo is None or not memo.since <= ns < memo.until:
            memo = self._segment = self._find(ns)
        return memo

    def _find(self, ns: int) -> _Segment:
        day = _EPOCH + ns // _DAY_NS
        for ordinal in range(max(day - 2, self._first), day + _CLOSED_DAYS_MAX):
            session = self._session(ordinal)
            if session is None or session.post_ns <= ns:
                continue
            if ns < session.pre_ns:
                return _Segment(ns, session.pre_ns, SessionPhase.CLOSED, session)
            if ns < session.open_ns:
                return _Segment(session.pre_ns, session.open_ns, SessionPhase.PRE, session)
            if ns < session.close_ns:
                return _Segment(session.open_ns, session.close_ns, SessionPhase.OPEN, session)
            return _Segment(session.close_ns, session.post_ns, SessionPhase.POST, session)
        raise OutsideCalendar(f"calendar {self.name}: no session within {_CLOSED_DAYS_MAX} days after {ns} ns")

    def _session(self, ordinal: int) -> Session | None:
        if ordinal in self._sessions:
            return self._sessions[ordinal]
        if not self._first <= ordinal <= self._last:
            raise OutsideCalendar(
                f"calendar {self.name} knows {dt.date.fromordinal(self._first)} to {dt.date.fromordinal(self._last)}, not {dt.date.fromordinal(ordinal)}"
            )
        day = dt.date.fromordinal(ordinal)
        trades = day.weekday() in self._table.weekdays and day.isoformat() not in self._holidays
        session = self._sessions[ordinal] = self._hours(day) if trades else None
        return session

    def _hours(self, day: dt.date) -> Session:
        table = self._table
        date = day.isoformat()
        opens = self._moment(day, table.open_day, table.open)
        closes = self._moment(day, table.close_day, table.early_closes.get(date, table.close))
        begins = self._moment(day, 0, table.pre) if table.pre else opens
        return Session(date, opens, closes, begins, closes + table.post_minutes * 60 * _NS)

    def _moment(self, day: dt.date, days: int, clock: str) -> int:
        local = dt.datetime.fromisoformat(f"{day + dt.timedelta(days=days)}T{clock}").replace(tzinfo=self._zone)
        return int(local.timestamp()) * _NS


_calendars: Final[dict[str, Calendar]] = {}


def settles_on(calendar: str, ns: int, days: int) -> str:
    """The trading date on which a trade of a moment settles: so many dates of the calendar later; FAR where no table says, so not by a guess."""
    try:
        return Calendar.named(calendar).date_after(ns, days)
    except (OutsideCalendar, UnknownCalendar):
        return FAR
