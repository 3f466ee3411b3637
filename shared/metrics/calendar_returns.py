"""The run by calendar: day by day, month by month, year by year, by the trading dates of its market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .curves import Growth, drawdown, last_of_each, returns
from .trading_days import Sampling


@dataclass(frozen=True, slots=True)
class Daily:
    """Columns, one entry a trading date with a mark. times: ns of the last mark; equity: money there; returns: against the day before (the
    first: against the capital), empty where one is undefined; drawdown: of daily values."""

    dates: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    equity: tuple[float, ...] = ()
    returns: tuple[float, ...] = ()
    drawdown: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """The return of a month, or of a year (month 0). The first and the last may be parts of one."""

    year: int
    month: int
    value: float


def daily(grown: Growth, sampled: Sampling) -> Daily:
    """See Daily."""
    at = sampled.daily
    values = returns(grown.index[at])
    return Daily(
        dates=sampled.dates,
        times=tuple(grown.times[at[1:]].tolist()),
        equity=tuple(grown.equity[at[1:]].tolist()),
        returns=() if values is None else tuple(values.tolist()),
        drawdown=tuple(drawdown(grown.index[at])[1:].tolist()),
    )


def monthly(grown: Growth, sampled: Sampling) -> tuple[Period, ...]:
    """Months in order, those without a mark left out; empty where a return is undefined."""
    return tuple(Period(int(label[:4]), int(label[5:7]), value) for label, value in _by(grown, sampled, 7))


def yearly(grown: Growth, sampled: Sampling) -> tuple[Period, ...]:
    """Years, as `monthly`."""
    return tuple(Period(int(label), 0, value) for label, value in _by(grown, sampled, 4))


def _by(grown: Growth, sampled: Sampling, digits: int) -> list[tuple[str, float]]:
    """Returns by the first `digits` of the date."""
    labels = np.array([date[:digits] for date in sampled.dates])
    ends = last_of_each(labels)
    values = returns(grown.index[sampled.daily[ends]])
    return [] if values is None else list(zip(labels[ends[1:] - 1].tolist(), values.tolist(), strict=True))
