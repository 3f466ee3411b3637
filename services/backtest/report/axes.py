"""Where a chart puts its lines and labels. The page's script repeats this arithmetic when a reader zooms.

Horizontal positions are ranks, the number of a moment in the run, not times: nights, weekends and holidays take no room.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

TIME_TICKS_MAX: Final = 10
VALUE_TICKS: Final = 5
PADDING: Final = 0.05  # of the height, above and below a curve
_DAY_MS: Final = 86_400_000

Wall = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a position, 0 to 1 of the axis, from the left or the bottom."""

    at: float
    text: str


def bounds(low: float, high: float, *, zero: bool) -> tuple[float, float]:
    """What the axis shows of values between low and high; zero: in any case zero. Never empty."""
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * PADDING or abs(high) * PADDING or 1.0
    if zero and low == high:
        return 0.0, room
    return (low if zero and not low else low - room, high if zero and not high else high + room)


def value_ticks(low: float, high: float, text: Callable[[float], str]) -> list[Tick]:
    """Round numbers between low and high, steps of 1, 2 or 5 times a power of ten."""
    step = _step((high - low) / VALUE_TICKS)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [Tick((n * step - low) / (high - low), text(round(n * step, 12))) for n in range(first, last + 1)]


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 x 10^n that is not below `least`."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * m for m in (1.0, 2.0, 5.0, 10.0) if power * m >= least * 0.999_999)


def time_ticks(ranks: NDArray[np.float64], wall: Wall, size: int) -> list[Tick]:
    """Where a year, month, day, hour... begins, in the finest unit that stays within TIME_TICKS_MAX labels. wall: `Clock.wall_ms`."""
    best: list[int] = []
    unit: _Unit = _UNITS[0]
    for candidate in _UNITS:
        keys = candidate.key(wall)
        found = (np.flatnonzero(np.diff(keys)) + 1).tolist()
        if len(found) > TIME_TICKS_MAX:
            break
        best, unit = found, candidate
    if not best and len(wall):
        best = [0]
    ticks: list[Tick] = []
    for index in best:
        begins_day = index == 0 or wall[index] // _DAY_MS != wall[index - 1] // _DAY_MS
        ticks.append(Tick(float(ranks[index]) / max(size - 1, 1), unit.text(int(wall[index]), begins_day)))
    return ticks


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit of the calendar: key changes where a new one begins."""

    key: Callable[[Wall], Wall]
    pattern: str

    def text(self, wall_ms: int, begins_day: bool) -> str:
        """The label; within a day the first one names the day."""
        clock = self.pattern == "%H:%M"
        at = np.datetime64(wall_ms, "ms").astype(object)
        return str(at.strftime("%-d %b" if clock and begins_day else self.pattern))


def _months(count: int) -> Callable[[Wall], Wall]:
    return lambda wall: wall.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) // count


def _millis(count: int, shift: int = 0) -> Callable[[Wall], Wall]:
    return lambda wall: (wall + shift) // count


_UNITS: Final = (
    *(_Unit(_months(n * 12), "%Y") for n in (50, 20, 10, 5, 2, 1)),
    *(_Unit(_months(n), "%b %Y") for n in (6, 3, 1)),
    _Unit(_millis(7 * _DAY_MS, 3 * _DAY_MS), "%-d %b"),  # the epoch began on a Thursday, weeks begin on Mondays
    _Unit(_millis(_DAY_MS), "%-d %b"),
    *(_Unit(_millis(n * 3_600_000), "%H:%M") for n in (12, 6, 3, 2, 1)),
    *(_Unit(_millis(n * 60_000), "%H:%M") for n in (30, 15, 5, 1)),
)
