"""Bad rows: what they are, and what happens to them. A row is bad when its numbers cannot be market data; each has a file, a row, a reason.

Whole columns are tested first, at the speed of C; only a column that fails is walked row by row to find out where and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import isfinite
from operator import ge, gt, lt
from pathlib import Path
from typing import Final

from services.gateway.settings import OnError

from .columns import VALUES, Kind
from .port import BadData


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


def check(kind: Kind, rows: Sequence[int], times: list[int], values: list[list[float]], newest: int, faults: Faults) -> list[int] | None:
    """Indexes of the good rows, None when all are good (the common case). newest: time of the last good row before these. rows: their row
    numbers in the file. Raises BadData where the settings say fail."""
    if not times or (_ordered(kind, times, newest) and _sound(kind, values)):
        return None
    good: list[int] = []
    for index, row in enumerate(rows):
        reason = _disorder(kind, times[index], newest) or _nonsense(kind, [column[index] for column in values])
        if reason:
            faults.report(row, reason)
        else:
            good.append(index)
            newest = times[index]
    return good


def _ordered(kind: Kind, times: list[int], newest: int) -> bool:
    """Bars follow each other strictly; several quotes or prints may share a moment and keep the file's order."""
    backwards = ge if kind is Kind.BAR else gt
    return not backwards(newest, times[0]) and not any(map(backwards, times, islice(times, 1, None)))


def _sound(kind: Kind, values: list[list[float]]) -> bool:
    if not all(isfinite(sum(column)) for column in values):  # a NaN or an infinity anywhere makes the sum one
        return False
    if kind is Kind.BAR:
        opens, highs, lows, closes, volumes = values
        return min(lows) > 0.0 and min(opens) > 0.0 and min(closes) > 0.0 and min(volumes) >= 0.0 and not any(map(lt, highs, lows))
    if kind is Kind.TRADE:
        return min(values[0]) > 0.0 and min(values[1]) >= 0.0
    return all(min(column) >= 0.0 for column in values)


def _disorder(kind: Kind, time: int, newest: int) -> str:
    if time < newest:
        return "unsorted: its time is before the row above"
    if time == newest and kind is Kind.BAR:
        return "duplicate timestamp"
    return ""


def _nonsense(kind: Kind, cells: list[float]) -> str:
    for name, cell in zip(VALUES[kind], cells, strict=True):
        if not isfinite(cell):
            return f"{name} is {cell}"
        if cell < 0.0:
            return f"{name} {cell!r} is negative"
        if cell == 0.0 and name in {"open", "high", "low", "close", "price"}:
            return f"{name} is zero"
    if kind is Kind.BAR and cells[1] < cells[2]:
        return f"high {cells[1]!r} < low {cells[2]!r}"
    return ""
