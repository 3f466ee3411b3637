"""Wall time for the log: wall clock at start plus monotonic time, slewed towards the wall clock, never decreasing."""

from __future__ import annotations

from typing import Final

SLEW_PPM_MAX: Final = 500  # as adjtime(3): a step of the wall clock is followed at half a millisecond a second


class WallClock:
    """Sans-I/O: readings are given. start: wall and monotonic ns read together; not_before: newest ts_ns of the log."""

    def __init__(self, wall_ns: int, mono_ns: int, not_before: int) -> None:
        self._last = not_before
        self._now = max(wall_ns, not_before)
        self._mono = mono_ns
        self.offset_ns = 0

    def read(self, wall_ns: int, mono_ns: int) -> int:
        """Log time, ns UTC, >= every time read before. offset_ns: how far the wall clock stands from it."""
        elapsed = max(mono_ns - self._mono, 0)
        self._mono = max(mono_ns, self._mono)
        self._now += elapsed
        self.offset_ns = wall_ns - self._now
        bound = elapsed * SLEW_PPM_MAX // 1_000_000
        self._now += max(-bound, min(bound, self.offset_ns))
        self._last = max(self._last, self._now)
        return self._last
