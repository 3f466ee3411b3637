"""How often a service may be restarted: so many times within a minute, each try a little later than the one before."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 60.0
DELAY_S: Final = 0.5
DELAY_S_MAX: Final = 8.0


class RestartBudget:
    """Times are monotonic seconds."""

    def __init__(self, restarts_max: int) -> None:
        self._max = restarts_max
        self._taken: deque[float] = deque()

    def take(self, now_s: float) -> float | None:
        """Seconds to wait before the restart: none for the first, then doubling. None: the budget is spent."""
        while self._taken and now_s - self._taken[0] >= WINDOW_S:
            self._taken.popleft()
        if len(self._taken) >= self._max:
            return None
        before = len(self._taken)
        self._taken.append(now_s)
        return 0.0 if before == 0 else min(DELAY_S * 2.0 ** (before - 1), DELAY_S_MAX)
