"""Bad rows: what they are, and what happens to them. A row is bad when its numbers cannot be market data; each has a file, a row, a reason.

Whole columns are tested first, at the speed of C; only a chunk that fails is walked row by row to find out where and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Final

from services.gateway.settings import OnError

from .columns import VALUES, Floats, Ints, Kind
from .numbers import Numbers
from .port import BadData

PRICES: Final = frozenset({"open", "high", "low", "close", "price"})  # never zero; a quote may have one side only
ROUNDING: Final = 1e-9  # relative: prices adjusted for splits and dividends carry the last digits of a division


class Faults:
    """The bad rows of one file. With `fail` the first ends the reading; with `skip` all are counted and the first is kept to show."""

    def __init__(self, path: Path, on_error: OnError) -> None:
        self.path: Final = path
        self.skipped = 0
        self.first: BadData | None = None
        self._on_error: Final = on_error

    def report(self, row: int, reason: str) -> None:
        """Raises BadData where the settings say fail."""
        fault = BadData(self.path, row, reason)
        if self._on_error is OnError.FAIL:
            raise fault
        self.skipped += 1
        self.first = self.first or fault


def check(kind: Kind, numbers: Numbers, newest: int, faults: Faults) -> list[int] | None:
    """Indexes of the good rows, None when all are good (the common case); the bad ones, those known as such before included, are reported in
    their order in the file. newest: time of the last good row before these, -1 before the first. Raises BadData where the settings say fail."""
    times, values = numbers.times, numbers.values
    clean = not len(times) or (_ordered(kind, times, newest) and _sound(kind, values))
    if clean and not numbers.bad:
        return None
    good: list[int] = []
    bad = list(numbers.bad)
    cells = zip(*(column.tolist() for column in values), strict=True)
    for index, (row, time, found) in enumerate(zip(numbers.rows, times.tolist(), cells, strict=True)):
        reason = _disorder(kind, time, newest) or _nonsense(kind, found)
        if reason:
            bad.append((row, reason))
        else:
            good.append(index)
            newest = time
    for row, reason in sorted(bad):
        faults.report(row, reason)
    return good


def _ordered(kind: Kind, times: Ints, newest: int) -> bool:
    """Bars follow each other strictly; several quotes or prints may share a moment and keep the file's order."""
    if kind is Kind.BAR:
        return bool(times[0] > newest and (times[1:] > times[:-1]).all())
    return bool(times[0] >= max(newest, 0) and (times[1:] >= times[:-1]).all())


def _sound(kind: Kind, values: Sequence[Floats]) -> bool:
    """Whether all is beyond doubt; a NaN fails every comparison. What is let pass for its rounding is not: `_nonsense` decides."""
    if kind is Kind.BAR:
        opens, highs, lows, closes, volumes = values
        inside = (lows <= opens).all() and (opens <= highs).all() and (lows <= closes).all() and (closes <= highs).all()
        return bool(inside and lows.min() > 0.0 and highs.max() < inf and volumes.min() >= 0.0 and volumes.max() < inf)
    if kind is Kind.TRADE and not values[0].min() > 0.0:
        return False
    if kind is Kind.BAND and not ((values[0] < values[1]) | (values[1] == 0.0)).all():
        return False
    return all(column.min() >= 0.0 and column.max() < inf for column in values)


def _disorder(kind: Kind, time: int, newest: int) -> str:
    if time < 0:
        return "its time is before 1970"
    if time < newest:
        return "unsorted: its time is before the row above"
    if time == newest and kind is Kind.BAR:
        return "duplicate timestamp"
    return ""


def _nonsense(kind: Kind, cells: Sequence[float]) -> str:
    for name, cell in zip(VALUES[kind], cells, strict=True):
        if not isfinite(cell):
            return f"{name} is {cell}"
        if cell < 0.0:
            return f"{name} {cell!r} is negative"
        if cell == 0.0 and name in PRICES:
            return f"{name} is zero"
    if kind is Kind.BAND and 0.0 < cells[1] <= cells[0]:
        return f"lower {cells[0]!r} >= upper {cells[1]!r}"
    return _outside(*cells) if kind is Kind.BAR else ""


def _outside(open_: float, high: float, low: float, close: float, _volume: float) -> str:
    if high < low:
        return f"high {high!r} < low {low!r}"
    for name, price in (("open", open_), ("close", close)):
        if not low * (1.0 - ROUNDING) <= price <= high * (1.0 + ROUNDING):
            return f"{name} {price!r} is outside low {low!r} to high {high!r}"
    return ""
