"""Playing recorded rows under the wall clock: when each is due, and the time it then bears.

Rows follow each other as in the data, `speed` times as fast; a pause longer than `idle_ns_max` on the wall is cut to that, so a night passes in
seconds. Retimed, a row says the wall's time instead of its own - the whole engine judges freshness and sessions by the wall - and spans shrink
with the speed: at 60 x a one-minute bar covers one second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from shared.events import Bar, Event, Quote, Trade

E = TypeVar("E", bound=Event)


def wall_clock() -> Callable[[], int]:
    """A clock of ns since the epoch that never steps: the wall's time at this call, then monotonic."""
    offset = time.time_ns() - time.monotonic_ns()
    return lambda: time.monotonic_ns() + offset


class Pacer:
    """speed 0: everything is due at once, and rows keep their own time."""

    def __init__(self, speed: float, idle_ns_max: int, retime: bool, now: Callable[[], int]) -> None:
        self._speed: Final = speed
        self._idle: Final = idle_ns_max
        self._retime: Final = retime and speed > 0.0
        self.now: Final = now
        self._data = 0  # time of the newest row played, and when it was due on the wall
        self._wall = 0

    @property
    def played(self) -> int:
        """Data time of the newest row played, 0 before the first."""
        return self._data

    def due(self, time_ns: int) -> int:
        """When a row of this time is due on the wall (ns); the first row is due now."""
        if self._data == 0 or self._speed == 0.0:
            return self.now()
        pause = int((time_ns - self._data) / self._speed)
        return self._wall + (min(pause, self._idle) if self._idle else pause)

    def play(self, time_ns: int, due: int) -> None:
        """The row of this time is played, as of when it was due."""
        self._data, self._wall = time_ns, due

    def retimed(self, event: E) -> E:
        """The event at wall time, by the newest row played; itself where rows keep their time or it bears none."""
        if not self._retime:
            return event
        if isinstance(event, Bar):
            return msgspec.structs.replace(event, timestamp=self._at(event.timestamp), end=self._at(event.end))
        if isinstance(event, (Quote, Trade)):
            return msgspec.structs.replace(event, timestamp=self._at(event.timestamp))
        return event

    def _at(self, time_ns: int) -> int:
        return self._wall + int((time_ns - self._data) / self._speed)
