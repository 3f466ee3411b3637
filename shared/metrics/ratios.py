"""Statistics of a series of returns: the field's definitions, each with its source. Pure.

Conventions: simple returns of one period; risk-free rate and required return 0; `per_year` periods a year, so means scale with it and
deviations with its square root. None where a figure has no meaning: too few returns, or nothing to divide by. Losses at risk are positive
numbers.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from .curves import Floats

_NOISE: Final = 1e-14  # returns are quotients near 1: a deviation below this is rounding, not dispersion
_DAY: Final = 0.999 / 365.25  # of a year; a hair less, for the rounding of the quotient


def finite(value: float) -> float | None:
    """The number, or None where it is infinite or none at all."""
    return float(value) if math.isfinite(value) else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """part / whole, None where either is unknown or whole is 0."""
    if part is None or whole is None or whole == 0:
        return None
    return finite(part / whole)


def cagr(total: float | None, years: float) -> float | None:
    """Compound annual growth: (1 + total) ^ (1 / years) - 1. None below a day, which no year follows from, and when all is lost."""
    if total is None or total <= -1 or years < _DAY:
        return None
    try:
        return finite((1.0 + total) ** (1.0 / years) - 1.0)
    except OverflowError:
        return None


def deviation(r: Floats) -> float | None:
    """Sample standard deviation (n - 1) of one period; 0 where there is no dispersion but rounding."""
    if len(r) < 2:
        return None
    value = float(np.std(r, ddof=1))
    return value if value > _NOISE else 0.0


def volatility(r: Floats, per_year: float) -> float | None:
    """Standard deviation a year."""
    one = deviation(r)
    return None if one is None else one * math.sqrt(per_year)


def sharpe(r: Floats, per_year: float) -> float | None:
    """Mean over standard deviation, a year: Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21(1), 1994, ex post."""
    one = deviation(r)
    return None if not one else finite(float(np.mean(r)) / one * math.sqrt(per_year))


def downside_deviation(r: Floats, per_year: float) -> float | None:
    """Root mean square of what falls short of 0, over all periods and not only the losing ones, a year: Sortino & van der Meer, "Downside
    Risk", Journal of Portfolio Management 17(4), 1991."""
    return None if len(r) < 2 else math.sqrt(float(np.mean(np.square(np.minimum(r, 0.0)))) * per_year)


def sortino(r: Floats, per_year: float) -> float | None:
    """Mean over downside deviation, a year; source as there."""
    down = downside_deviation(r, per_year)
    return None if down is None or down <= _NOISE else finite(float(np.mean(r)) * per_year / down)


def value_at_risk(r: Floats, level: float) -> float | None:
    """Historical value at risk of one period: the (1 - level) quantile of returns, between neighbours linearly (Hyndman & Fan 1996, type 7),
    as a loss. Jorion, "Value at Risk", 3rd ed. 2006."""
    return None if len(r) < 2 else -float(np.quantile(r, 1.0 - level))


def expected_shortfall(r: Floats, level: float) -> float | None:
    """Mean loss in the periods at or below the quantile of `value_at_risk` (CVaR): Rockafellar & Uryasev, Journal of Risk 2(3), 2000."""
    if len(r) < 2:
        return None
    return -float(np.mean(r[r <= np.quantile(r, 1.0 - level)]))


def omega(r: Floats) -> float | None:
    """Sum of gains over sum of losses, threshold 0: Keating & Shadwick, "A Universal Performance Measure", 2002."""
    return ratio(float(np.sum(np.maximum(r, 0.0))), -float(np.sum(np.minimum(r, 0.0))))


def tail_ratio(r: Floats) -> float | None:
    """The 95 % quantile over the size of the 5 % quantile."""
    if len(r) < 2:
        return None
    low, high = np.quantile(r, (0.05, 0.95))
    return ratio(float(high), abs(float(low)))


def ulcer_index(depths: Floats) -> float:
    """Root mean square drawdown: Martin & McCann, "The Investor's Guide to Fidelity Funds", 1989."""
    return math.sqrt(float(np.mean(np.square(depths))))
