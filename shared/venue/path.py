"""The stated path of prices inside a bar.

`intrabar_ohlc`: open, then the extreme nearer to the open, then the other one, then the close; on a tie the low comes first. The price
moves continuously between these points, which stand at the start, one third, two thirds and the last nanosecond of the bar, so an order
that arrives inside the bar takes part only in what comes after it.
"""

from __future__ import annotations

from shared.events import Bar

from .settings import BarMode


def bar_path(bar: Bar, mode: BarMode, start: int, end: int) -> tuple[tuple[int, float], ...]:
    """(ns, price) in order, inside [start, end): the part of the bar that lies in trading hours."""
    if mode is BarMode.CLOSE_ONLY:
        return ((end - 1, bar.close),)
    if mode is BarMode.OPEN_ONLY:
        return ((start, bar.open),)
    third = (end - start) // 3
    first, second = (bar.high, bar.low) if bar.high - bar.open < bar.open - bar.low else (bar.low, bar.high)
    return ((start, bar.open), (start + third, first), (start + 2 * third, second), (end - 1, bar.close))
