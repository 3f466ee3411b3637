"""The run against holding something else: regression and active return over the periods both have.

Definitions, risk-free rate 0, `per_year` periods a year: beta = cov(r, b) / var(b); alpha = (mean(r) - beta x mean(b)) x per_year (Jensen,
Journal of Finance 23(2), 1968); tracking error = standard deviation of r - b, a year; information ratio = mean(r - b) x per_year over
tracking error (Grinold & Kahn, "Active Portfolio Management", 2nd ed. 2000, ch. 5); Treynor ratio = mean(r) x per_year / beta (Treynor,
Harvard Business Review 43(1), 1965).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .curves import YEAR_NS, Floats, Growth, drawdown, returns
from .ratios import cagr, deviation, finite, ratio, sharpe, volatility
from .record import Prices
from .trading_days import Sampling

_PERIODS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class Benchmark:
    """observations: common periods. total_return, cagr, volatility, sharpe, max_drawdown: the benchmark's own over them. excess_return: the
    run's total return over them less the benchmark's. from_ns, to_ns: the stretch compared. values: the benchmark at each of `times`, the
    ends of the periods, one at the first."""

    observations: int
    from_ns: int
    to_ns: int
    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    max_drawdown: float | None
    excess_return: float | None
    alpha: float | None
    beta: float | None
    correlation: float | None
    tracking_error: float | None
    information_ratio: float | None
    treynor: float | None
    times: tuple[int, ...]
    values: tuple[float, ...]


def compare(grown: Growth, sampled: Sampling, prices: Prices) -> Benchmark | None:
    """The comparison at the run's own period ends, the benchmark at its last price by then; None where fewer than two periods are common
    or a price is not positive."""
    times, index = grown.times[sampled.used], grown.index[sampled.used]
    at = np.searchsorted(np.asarray(prices.times), times, side="right") - 1
    times, index, at = times[at >= 0], index[at >= 0], at[at >= 0]
    held = np.asarray(prices.closes)[at]
    if len(held) <= _PERIODS_MIN or not (np.isfinite(held) & (held > 0)).all():
        return None
    r, b = returns(index), returns(held)
    if r is None or b is None:
        return None
    held = held / held[0]
    per_year = sampled.per_year
    years = float(times[-1] - times[0]) / YEAR_NS
    own = float(held[-1]) - 1.0
    slope = _slope(r, b)
    apart = deviation(r - b)
    active = volatility(r - b, per_year)
    return Benchmark(
        observations=len(r),
        from_ns=int(times[0]),
        to_ns=int(times[-1]),
        total_return=own,
        cagr=cagr(own, years),
        volatility=volatility(b, per_year),
        sharpe=sharpe(b, per_year),
        max_drawdown=float(drawdown(held).max()),
        excess_return=finite(float(index[-1] / index[0]) - 1.0 - own),
        alpha=None if slope is None else finite((float(np.mean(r)) - slope * float(np.mean(b))) * per_year),
        beta=slope,
        correlation=_correlation(r, b),
        tracking_error=active,
        information_ratio=ratio(float(np.mean(r - b)) * per_year, active) if apart else None,
        treynor=ratio(float(np.mean(r)) * per_year, slope),
        times=tuple(times.tolist()),
        values=tuple(held.tolist()),
    )


def _slope(r: Floats, b: Floats) -> float | None:
    if not deviation(b):
        return None
    return finite(float(np.cov(r, b, ddof=1)[0, 1] / np.var(b, ddof=1)))


def _correlation(r: Floats, b: Floats) -> float | None:
    one, other = deviation(r), deviation(b)
    if not one or not other:
        return None
    return finite(min(1.0, max(-1.0, float(np.cov(r, b, ddof=1)[0, 1]) / (one * other))))
