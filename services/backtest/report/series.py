"""A record's curves as numpy columns, and what follows from them point by point: drawdown, the benchmark, ranks in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.metrics.curves import drawdown_series
from shared.metrics.record import Prices, RunRecord

from .chart import Moments
from .moments import Clock

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """A run's curve. drawdown: what is lost of the highest equity so far, cash flows left out, as a fraction below zero (below -1 in debt);
    NaN where growth has no meaning (shared/metrics/curves.py)."""

    times: Integers
    equity: Floats
    cash: Floats
    gross: Floats
    net: Floats
    drawdown: Floats

    def __len__(self) -> int:
        return len(self.times)


def columns(record: RunRecord) -> Columns:
    """The columns of the account's curve, sharing its memory."""
    curve = record.curve
    lost = np.asarray(drawdown_series(record))
    below = -lost if len(lost) else np.full(len(curve), np.nan)
    times, equity, cash = np.asarray(curve.times), np.asarray(curve.equity), np.asarray(curve.cash)
    return Columns(times, equity, cash, np.asarray(curve.gross), np.asarray(curve.net), below)


def benchmark_symbol(record: RunRecord, wanted: str = "") -> str:
    """The symbol a run is compared with: the wanted one, else its first; empty where that has no prices."""
    name = wanted or (record.symbols[0] if record.symbols else "")
    prices = record.prices.get(name)
    return name if prices is not None and len(prices.times) else ""


def benchmark(record: RunRecord, symbol: str, times: Integers) -> Floats:
    """The initial capital in `symbol` from its first mark on, at no cost, in parts of a share if need be. NaN before that mark, for a symbol
    without marks, and where the first is no price."""
    prices: Prices | None = record.prices.get(symbol)
    if prices is None or not len(prices.times) or not prices.closes[0] > 0:
        return np.full(len(times), np.nan)
    closes = np.asarray(prices.closes)
    last = np.searchsorted(np.asarray(prices.times), times, side="right") - 1
    worth = closes[np.maximum(last, 0)] / closes[0] * float(record.initial_capital)
    return np.where(last >= 0, worth, np.nan)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The moments of a run in order; a rank is a position in them."""

    times: Integers
    clock: Clock

    def ranks(self, times: Integers) -> Floats:
        """Positions of any times, between two moments in proportion, outside the run at its ends."""
        return np.interp(times, self.times, np.arange(len(self.times), dtype=np.float64)) if len(self.times) else np.zeros(len(times))

    def moments(self, times: Integers) -> Moments:
        """Where a chart of these times has its points."""
        wall = np.fromiter((self.clock.wall_ms(ns) for ns in times.tolist()), dtype=np.int64, count=len(times))
        return Moments(self.ranks(times), wall, len(self.times))


def timeline(record: RunRecord, clock: Clock) -> Timeline:
    """The curve's moments; where nothing was marked, those of the longest price series."""
    times = np.asarray(record.curve.times)
    if not len(times) and record.prices:
        times = max((np.asarray(p.times) for p in record.prices.values()), key=len)
    return Timeline(times, clock)
