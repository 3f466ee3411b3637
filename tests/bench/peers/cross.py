"""The rule for engines that call a strategy bar by bar: the sums of whole cents, so that equal prices are equal averages for everybody."""

from __future__ import annotations

from collections import deque


class Cross:
    """Above 0: the fast average is above; below 0: below; 0: equal, or not yet `slow` closes."""

    def __init__(self, fast: int, slow: int) -> None:
        self.fast, self.slow = fast, slow
        self.fast_closes: deque[int] = deque([0] * fast, fast)
        self.slow_closes: deque[int] = deque([0] * slow, slow)
        self.fast_sum = self.slow_sum = self.count = 0

    def add(self, close: float) -> int:
        cents = round(close * 100)
        self.fast_sum += cents - self.fast_closes[0]
        self.slow_sum += cents - self.slow_closes[0]
        self.fast_closes.append(cents)
        self.slow_closes.append(cents)
        self.count += 1
        return self.fast_sum * self.slow - self.slow_sum * self.fast if self.count >= self.slow else 0
