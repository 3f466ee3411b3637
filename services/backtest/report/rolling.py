"""The Sharpe ratio as it moved: over the last WINDOW daily returns, at each day."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from shared.metrics.summary import Summary
from shared.metrics.trading_days import days_per_year

from . import formats
from .chart import Chart, Series
from .charts import daily_chart
from .series import Timeline

WINDOW: Final = 63  # trading days, a quarter of a year
DAYS_MIN: Final = 2 * WINDOW  # fewer make no curve worth drawing


def rolling_sharpe(summary: Summary, time: Timeline) -> Chart | None:
    """None where the run is too short. Mean over sample deviation, a year, risk-free rate 0 (shared/metrics/ratios.py)."""
    returns = np.array(summary.daily.returns)
    if len(returns) < DAYS_MIN or summary.calendar is None:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(returns, WINDOW)
    spread = windows.std(axis=1, ddof=1)
    scale = math.sqrt(days_per_year(summary.calendar))
    values = np.divide(windows.mean(axis=1) * scale, spread, out=np.full(len(spread), np.nan), where=spread > 1e-14)
    real = values[np.isfinite(values)]
    if not len(real):
        return None
    about = f"Sharpe ratio over {WINDOW} trading days, between {formats.number(float(real.min()))} and {formats.number(float(real.max()))}."
    series = Series(f"{WINDOW} trading days", "rolling", values)
    return daily_chart("rolling", "Rolling Sharpe ratio", about, time, summary.daily.times[WINDOW - 1 :], series, "ratio")
