"""The equity curve as growth of capital: returns, drawdowns, and the last value of each period. Pure numpy, one pass a figure.

Promise: money that came in or went out (a deposit, a withdrawal) is neither gain nor loss: growth is time-weighted, each mark against the
one before less what flowed in between, at the mark (the time-weighted return of the GIPS standards, 2020). Dividends, interest and
fees are results and stay in. Without such flows growth is simply equity over capital.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .record import CashRecord, RunRecord

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

YEAR_NS: Final = 365.25 * 86_400e9
RESULTS: Final = frozenset({"dividend", "interest", "fee"})  # kinds of cash flow that the holdings earned or cost
EPISODES_MAX: Final = 5  # deepest drawdowns listed


@dataclass(frozen=True, slots=True)
class Growth:
    """times: ns, never decreasing. equity: money. index: what one unit of capital became; index[0] is 1. before: 1 where the capital stands
    in front of the record's first mark, 0 where that mark is the capital itself."""

    times: Ints
    equity: Floats
    index: Floats
    before: int

    @property
    def years(self) -> float:
        """Length in years of 365.25 days."""
        return float(self.times[-1] - self.times[0]) / YEAR_NS


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall from a peak. depth: share of the peak lost. recovered_ns: when the peak was reached again, None while it was not.
    duration_ns: from the peak to the recovery, or to the end of the run."""

    depth: float
    peak_ns: int
    trough_ns: int
    recovered_ns: int | None
    duration_ns: int


def growth(record: RunRecord) -> Growth | None:
    """The run's growth from its initial capital; None where it has no meaning: no mark, capital not positive, an equity that is no number, or
    capital used up (equity <= 0) before money flowed in or out.

    The capital stands in front of the first mark, at the start of the run, unless nothing was earned by that mark.
    """
    marks = np.asarray(record.curve.equity)
    capital = float(record.initial_capital)
    if not len(marks) or not capital > 0 or not np.isfinite(marks).all():
        return None
    marked = np.asarray(record.curve.times)
    times = np.concatenate(([min(record.started_ns, int(marked[0]))], marked))
    equity = np.concatenate(([capital], marks))
    flows = _flows(record.cash_flows, times)
    if flows is None:
        index = equity / capital
    elif (equity[:-1] <= 0).any():
        return None
    else:
        index = np.concatenate(([1.0], np.cumprod((equity[1:] - flows[1:]) / equity[:-1])))
    before = int(index[1] != 1.0)
    return Growth(times[1 - before :], equity[1 - before :], index[1 - before :], before)


def _flows(records: Sequence[CashRecord], times: Ints) -> Floats | None:
    """Money in at each mark: what flowed since the mark before; None where nothing did."""
    flows = [f for f in records if f.kind not in RESULTS and f.ts_ns <= times[-1]]
    if not flows:
        return None
    at = np.maximum(np.searchsorted(times, np.array([f.ts_ns for f in flows], dtype=np.int64)), 1)
    result = np.zeros(len(times))
    np.add.at(result, at, [float(f.amount) for f in flows])
    return result


def returns(index: Floats) -> Floats | None:
    """Simple returns between neighbours; None for fewer than two values, or where one would be measured from nothing (a value <= 0)."""
    if len(index) < 2 or (index[:-1] <= 0).any():
        return None
    return index[1:] / index[:-1] - 1.0


def drawdown(index: Floats) -> Floats:
    """Share of the highest value so far that is lost at each value: 0 at a peak, 1 when all is gone, more in debt."""
    return 1.0 - index / np.maximum.accumulate(index)


def drawdown_series(record: RunRecord) -> array[float]:
    """`drawdown` at each mark of the record's curve, from the initial capital as the first peak; empty where growth has no meaning."""
    grown = growth(record)
    return array("d", b"" if grown is None else drawdown(grown.index)[grown.before :].tobytes())


def deepest(grown: Growth, count: int = EPISODES_MAX) -> tuple[Drawdown, ...]:
    """The deepest drawdowns, deepest first, the earlier first among equals."""
    depth = drawdown(grown.index)
    wet = np.concatenate(([False], depth > 0, [False]))
    first = np.flatnonzero(~wet[:-1] & wet[1:])  # of a stretch below its peak; the peak is the value before
    past = np.flatnonzero(wet[:-1] & ~wet[1:])
    if not len(first):
        return ()
    depths = np.maximum.reduceat(depth, first)  # a stretch and the peaks after it, which are 0
    found = []
    for n in np.argsort(-depths, kind="stable")[:count]:
        begin, end = int(first[n]), int(past[n])
        trough = begin + int(np.argmax(depth[begin:end]))
        peak_ns, recovered = int(grown.times[begin - 1]), end < len(depth)
        last_ns = int(grown.times[min(end, len(depth) - 1)])
        found.append(Drawdown(float(depth[trough]), peak_ns, int(grown.times[trough]), last_ns if recovered else None, last_ns - peak_ns))
    return tuple(found)


def last_of_each(periods: NDArray[np.generic]) -> NDArray[np.intp]:
    """Positions in a growth series of its start and of the last value of each period. periods: a label for each value after the first,
    equal ones together."""
    changes = np.flatnonzero(periods[1:] != periods[:-1]) + 1
    return np.concatenate(([0], changes, [len(periods)]) if len(periods) else ([0],)).astype(np.intp)
