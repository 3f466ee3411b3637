"""The spread of two prices over the newest bars both have: hedge ratio and z-score, exact and O(1) a bar.

The hedge ratio is the least-squares slope of A on B over the window, the spread A - ratio x B, its z-score the newest spread against the
window's mean in sample standard deviations. All three follow from five running sums, which are kept as whole numbers (prices in units of
1e-8): they never drift, restore exactly, and the answer is the one a computation anew would give, rounded once.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

PRICE_UNITS: Final = 1e8  # prices of up to 8 decimals are exact


class Reading(NamedTuple):
    """hedge_ratio: units of B against one of A. z: above 0 when A is dear against B."""

    hedge_ratio: float
    z: float


class Spread:
    """Two rings of the newest `window` closes and their sums."""

    __slots__ = ("_a", "_aa", "_ab", "_b", "_bb", "_count", "_ring_a", "_ring_b", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._ring_a, self._ring_b = [0] * window, [0] * window
        self._count = self._a = self._b = self._aa = self._ab = self._bb = 0

    def add(self, close_a: float, close_b: float) -> None:
        """One more bar of both."""
        self._put(round(close_a * PRICE_UNITS), round(close_b * PRICE_UNITS))

    def reading(self) -> Reading | None:
        """None before the window is full, and where nothing can be said: B or the spread did not move, or they do not move together (a
        slope of 0 or less hedges nothing)."""
        n = self._window
        if self._count < n:
            return None
        place = (self._count - 1) % n
        var_a = n * self._aa - self._a * self._a  # each n * n times the variance
        var_b = n * self._bb - self._b * self._b
        cov = n * self._ab - self._a * self._b
        rest = var_a * var_b - cov * cov  # var_b x the n * n fold variance of the spread
        if cov <= 0 or rest <= 0:  # cov > 0 implies var_b > 0
            return None
        off_a, off_b = n * self._ring_a[place] - self._a, n * self._ring_b[place] - self._b
        off = off_a * var_b - cov * off_b  # n * var_b x the newest spread's distance from the mean
        z = math.sqrt(off * off * (n - 1) / (n * var_b * rest))
        return Reading(cov / var_b, z if off >= 0 else -z)

    def save(self) -> list[list[int]]:
        """Closes of both, oldest first; the sums follow from them."""
        n = min(self._count, self._window)
        places = [i % self._window for i in range(self._count - n, self._count)]
        return [[ring[i] for i in places] for ring in (self._ring_a, self._ring_b)]

    def load(self, closes: list[list[int]]) -> None:
        """Into a fresh one."""
        for a, b in zip(*closes, strict=True):
            self._put(a, b)

    def _put(self, a: int, b: int) -> None:
        place = self._count % self._window
        old_a, old_b = self._ring_a[place], self._ring_b[place]
        self._a += a - old_a
        self._b += b - old_b
        self._aa += a * a - old_a * old_a
        self._ab += a * b - old_a * old_b
        self._bb += b * b - old_b * old_b
        self._ring_a[place], self._ring_b[place] = a, b
        self._count += 1
