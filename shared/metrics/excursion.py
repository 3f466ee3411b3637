"""How far a trade went for and against its holder, read off the symbol's marks.

Maximum adverse and favourable excursion: Sweeney, "Maximum Adverse Excursion", 1997. Marks are closes or mids, so an extreme inside a bar
is not seen. Each mark is read once a trade; nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .curves import Floats, Ints
from .record import Prices


class Step(NamedTuple):
    """From `ts_ns` on the trade holds `exposure` (signed units x money of the instrument's currency a point) and has `cash` from its fills."""

    ts_ns: int
    exposure: float
    cash: float


class Seen(NamedTuple):
    """worst <= 0 <= best: money before fees. bars: marks while held."""

    worst: float
    best: float
    bars: int


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one symbol, at least one. closes: in the account's currency, at the rate of each moment; last: the newest, in its own."""

    times: Ints
    closes: Floats
    last: float

    @classmethod
    def of(cls, prices: Prices, rates: Prices | None = None) -> Marks | None:
        """None where there is no mark, or one that is no number. rates: of the symbol's currency, where it is another; before the first, that."""
        times, closes = np.asarray(prices.times), np.asarray(prices.closes)
        if not len(closes) or not np.isfinite(closes).all():
            return None
        last = float(closes[-1])
        if rates is not None and len(rates.times):
            closes = closes * np.asarray(rates.closes)[np.maximum(np.searchsorted(np.asarray(rates.times), times, side="right") - 1, 0)]
        return cls(times, closes, last)

    def seen(self, steps: Sequence[Step], exit_ns: int | None, result: float) -> Seen:
        """The extremes at marks after each step up to the next one, or to the exit (None: the last mark), and at `result`, the end."""
        worst, best = min(0.0, result), max(0.0, result)
        at = np.searchsorted(self.times, np.array([s.ts_ns for s in steps], dtype=np.int64), side="right").tolist()
        at.append(int(np.searchsorted(self.times, exit_ns, side="right")) if exit_ns is not None else len(self.times))
        for step, begin, end in zip(steps, at[:-1], at[1:], strict=True):
            if begin < end and step.exposure:
                held = self.closes[begin:end]
                one, other = step.cash + step.exposure * float(held.min()), step.cash + step.exposure * float(held.max())
                worst, best = min(worst, one, other), max(best, one, other)
        return Seen(worst, best, max(0, at[-1] - at[0]))
