"""The stated path of prices inside a bar.

`intrabar_ohlc`: open, then the extreme nearer to the open, then the other one, then the close; on a tie the low comes first. The price
moves continuously between these points, which stand at the start, one third, two thirds and the last nanosecond of the bar, so an order
that arrives inside the bar takes part only in what comes after it.

Why: four prices do not say which extreme came first. A price that moves by chance and opened nearer to one end of its range more often met
that end first; taking the low first on a tie is a plain convention. The distances are compared on the tick, exactly, so no binary fraction decides a tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from shared.events import Bar

from .prices import on_tick
from .settings import BarMode


def bar_path(bar: Bar, tick: Decimal, mode: BarMode, start: int, end: int) -> Iterator[tuple[int, Decimal]]:
    """(ns, price on the tick) in order, inside [start, end): the part of the bar that lies in trading hours. Worked out
    as it is walked: mostly the first price is the last that concerns anybody."""
    if mode is BarMode.CLOSE_ONLY:
        yield end - 1, on_tick(bar.close, tick)
        return
    opened = on_tick(bar.open, tick)
    yield start, opened
    if mode is BarMode.OPEN_ONLY:
        return
    third = (end - start) // 3
    high, low = on_tick(bar.high, tick), on_tick(bar.low, tick)
    first, second = (high, low) if high - opened < opened - low else (low, high)
    yield start + third, first
    yield start + 2 * third, second
    yield end - 1, on_tick(bar.close, tick)
