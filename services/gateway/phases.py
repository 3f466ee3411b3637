"""Sessions as events: which phase each calendar is in, and when its trading day is over.

`SessionChanged` says that a calendar entered a phase; `DayEnded` follows the end of regular hours (midnight UTC for 24x7, 17:00 New York for
24x5), after every row known by then: a row at the very moment of the close comes first. Where both fall together, `DayEnded` precedes the
change that begins another trading date and follows the one that does not. A day whose opening was never in the log does not end in it.
Nothing here reads a clock: `now` is log time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from shared.domain.calendar import Calendar
from shared.events import DayEnded, Event, SessionChanged, SessionPhase

NEVER: Final = (1 << 63) - 1
TRADING_TIME_MIN: Final = 86_400_000_000_000  # log time before 2 January 1970: under the feed clock no data has set the time yet


class CalendarState(msgspec.Struct, array_like=True):
    """Where a calendar stands. open_since: when it last opened after being shut (ns); next_ns: its next change; day: the trading date that began
    and has not ended (empty: none), day_close: the end of its regular hours."""

    phase: SessionPhase
    date: str
    open_since: int
    next_ns: int
    day: str = ""
    day_close: int = 0


class Phases:
    """All calendars of the gateway, by the names the instruments use. end_delay_ns: how long `DayEnded` waits for late rows."""

    def __init__(self, names: Iterable[str], end_delay_ns: int) -> None:
        self._calendars: Final = {name: Calendar.named(name) for name in names}
        self._delay: Final = end_delay_ns
        self.states: dict[str, CalendarState] = {}

    @property
    def due(self) -> int:
        """The next moment (ns) something follows; 0 before trading time began."""
        if not self.states:
            return 0
        return min(min(s.next_ns, s.day_close + self._delay if s.day else NEVER) for s in self.states.values())

    def changes(self, now: int) -> list[Event]:
        """What is due by `now`; a calendar not yet announced is."""
        if now < TRADING_TIME_MIN:
            return []
        return [event for name in self._calendars for event in self._changes(name, now)]

    def announcements(self, now: int) -> list[Event]:
        """The current phase of every calendar, with what is due by `now`: how a new run begins."""
        events = self.changes(now)
        said = {event.calendar for event in events if isinstance(event, SessionChanged)}
        if now >= TRADING_TIME_MIN:
            events += [self._current(name, now) for name in self._calendars if name not in said]
        return events

    def is_open(self, name: str) -> bool:
        """Whether the calendar is in regular hours."""
        state = self.states.get(name)
        return state is not None and state.phase is SessionPhase.OPEN

    def was_open_within(self, name: str, start: int, end: int) -> bool:
        """Whether regular hours overlap (start, end]."""
        session = self._calendars[name].session_at(start)
        if session.close_ns <= start:
            session = self._calendars[name].session_at(session.post_ns)
        return session.open_ns < end

    def apply_session(self, event: SessionChanged, now: int) -> None:
        """Fold a phase we announced at `now`."""
        before = self.states.get(event.calendar)
        stays = before is not None and before.phase is event.phase
        state = CalendarState(
            event.phase,
            event.date,
            before.open_since if before is not None and stays else now,
            self._calendars[event.calendar].next_change(now).ns,
        )
        if event.phase is SessionPhase.OPEN:
            state.day, state.day_close = event.date, event.close_ns
        elif before is not None:
            state.day, state.day_close = before.day, before.day_close
        self.states[event.calendar] = state

    def apply_day(self, event: DayEnded) -> None:
        """Fold the end of a day."""
        state = self.states.get(event.calendar)
        if state is not None and state.day == event.date:
            state.day, state.day_close = "", 0

    def _changes(self, name: str, now: int) -> Sequence[Event]:
        state = self.states.get(name)
        if state is None:
            return [self._current(name, now)]
        events: list[Event] = [self._current(name, now)] if now >= state.next_ns else []
        begins_another = bool(events) and isinstance(events[0], SessionChanged) and events[0].date != state.day
        if state.day and (now >= state.day_close + self._delay or (begins_another and self._calendars[name].phase_at(now) is SessionPhase.OPEN)):
            events.insert(0 if begins_another else len(events), DayEnded(name, state.day))
        return events

    def _current(self, name: str, now: int) -> SessionChanged:
        calendar = self._calendars[name]
        phase, session = calendar.phase_at(now), calendar.session_at(now)
        shut = phase is SessionPhase.CLOSED
        return SessionChanged(name, phase, session.date, 0 if shut else session.open_ns, 0 if shut else session.close_ns)
