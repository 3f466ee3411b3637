"""A strategy's recurring timers, by log time: state, so that a restarted worker fires the same ones at the same events."""

from __future__ import annotations

import msgspec


class Timer(msgspec.Struct):
    """due, interval: ns."""

    id: str
    due: int
    interval: int


class Timers:
    """next_due: ns of the earliest, 0 when there is none. Missed beats are not made up: a timer fires once however late the clock is, and
    keeps its phase."""

    def __init__(self) -> None:
        self._timers: dict[str, Timer] = {}
        self.next_due = 0

    def schedule(self, timer_id: str, now: int, interval: int) -> None:
        """First at now + interval, then every interval; a timer of this id is replaced."""
        self._timers.pop(timer_id, None)  # re-inserted last, so that equal due times fire in the order they were scheduled
        self._timers[timer_id] = Timer(timer_id, now + interval, interval)
        self._find_next()

    def cancel(self, timer_id: str) -> bool:
        """Whether there was one."""
        found = self._timers.pop(timer_id, None) is not None
        self._find_next()
        return found

    def take_due(self, now: int) -> str | None:
        """The id of one timer due by now, re-armed past now; None when there is none left."""
        if not self.next_due or now < self.next_due:
            return None
        timer = min(self._timers.values(), key=lambda t: t.due)
        timer.due += ((now - timer.due) // timer.interval + 1) * timer.interval
        self._find_next()
        return timer.id

    def clear(self) -> None:
        self.restore(())

    def to_state(self) -> tuple[Timer, ...]:
        return tuple(msgspec.structs.replace(t) for t in self._timers.values())

    def restore(self, state: tuple[Timer, ...]) -> None:
        self._timers = {t.id: msgspec.structs.replace(t) for t in state}
        self._find_next()

    def _find_next(self) -> None:
        self.next_due = min((t.due for t in self._timers.values()), default=0)
