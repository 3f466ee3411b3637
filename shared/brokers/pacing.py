"""Keeping one thread's requests under a bound on this machine's clock: the last step before the wire.

Who decides what is sent does so in log time; a slow answer can bunch what was decided apart. A pacer lets no second hold more than its bound,
however it is cut, and waits where it must. It orders nothing and drops nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Pacer:
    """per_second: the bound, 0: none. Used by one thread."""

    def __init__(self, per_second: int, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        burst = max(1, per_second // 4)
        self._interval_s = 1.0 / (per_second - burst + 1) if per_second else 0.0
        self._burst = burst
        self._full_at = 0.0
        self._now = now
        self._sleep = sleep

    def wait(self, requests: int = 1) -> None:
        """Until one more request may leave; then so many are counted. Those beyond the first make the next wait longer."""
        if not self._interval_s:
            return
        now = self._now()
        early = self._full_at - (self._burst - 1) * self._interval_s - now
        if early > 0:
            self._sleep(early)
            now += early
        self._full_at = max(self._full_at, now) + requests * self._interval_s
