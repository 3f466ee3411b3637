"""A run in figures: everything a report says, computed once from what the run left behind.

Promises: the same record gives the same figures; nothing is rounded; a figure that is not defined (no marks, a flat curve, no losing trade,
capital used up) is None, never infinite or not a number; every figure but those in money is the same in any currency unit. One pass of
numpy over a curve: a million marks take a fraction of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .benchmark import Benchmark, compare
from .breakdown import Row, by_strategy, by_symbol
from .calendar_returns import Daily, Period, daily, monthly, yearly
from .curves import Drawdown, deepest, drawdown, growth, returns
from .exposure import Costs, Exposure, costs, exposure
from .figures import NOTHING, Performance, PerformanceSummary, performance, performance_summary
from .record import Prices, RunRecord
from .trade_statistics import TradeStatistics, trade_statistics
from .trades import Trade, round_trips
from .trading_days import sampling, trading_days


@dataclass(frozen=True, slots=True)
class Summary:
    """performance, performance_summary, max_drawdown: RegimeFlow's keys (figures.py); the rest is ours.

    return_interval: what statistics of returns are measured on, None without marks; periods_per_year: how often a year that is; observations:
    how many; calendar: whose trading days; years: length of the run, 365.25 days each (rules: trading_days.py). max_drawdown: share of the
    highest mark lost, over all marks; drawdowns: the deepest, deepest first. strategies, symbols: where the result came from.
    """

    return_interval: Literal["day", "mark"] | None
    periods_per_year: float | None
    observations: int
    calendar: str | None
    years: float | None
    performance: Performance
    performance_summary: PerformanceSummary
    max_drawdown: float | None
    drawdowns: tuple[Drawdown, ...]
    exposure: Exposure
    costs: Costs
    trades: TradeStatistics
    round_trips: tuple[Trade, ...]
    strategies: tuple[Row, ...]
    symbols: tuple[Row, ...]
    daily: Daily
    monthly: tuple[Period, ...]
    yearly: tuple[Period, ...]
    benchmark: Benchmark | None


def summary(record: RunRecord, benchmark: Prices | None = None) -> Summary:
    """The figures of a run. benchmark: marks of what it is compared with. Raises UnknownCalendar for a calendar that does not exist."""
    grown = growth(record)
    trips = round_trips(record.fills, record.prices, record.exchange)
    figures = trade_statistics(trips)
    days = None if grown is None else trading_days(record.calendars.values(), int(grown.times[0]), int(grown.times[-1]))
    sampled = None if grown is None or days is None else sampling(grown, days)
    found = returns(grown.index[sampled.used]) if grown is not None and sampled is not None else None
    r = NOTHING if found is None else found
    deepest_fall = None if grown is None else float(drawdown(grown.index).max())
    per_year = 0.0 if sampled is None else sampled.per_year
    years = None if grown is None else grown.years
    spent = costs(record, years)
    by_day = Daily() if grown is None or sampled is None else daily(grown, sampled)
    by_month = () if grown is None or sampled is None else monthly(grown, sampled)
    against = None if benchmark is None or grown is None or sampled is None else compare(grown, sampled, benchmark)
    head = performance(grown, r, per_year, deepest_fall)
    return Summary(
        return_interval=None if sampled is None else sampled.interval,
        periods_per_year=None if sampled is None else sampled.per_year,
        observations=len(r),
        calendar=None if days is None else days.calendar,
        years=years,
        performance=head,
        performance_summary=performance_summary(head, r, grown, sampled, deepest_fall, by_day, by_month, figures, spent, against),
        max_drawdown=deepest_fall,
        drawdowns=() if grown is None else deepest(grown),
        exposure=exposure(record),
        costs=spent,
        trades=figures,
        round_trips=trips,
        strategies=by_strategy(record, trips),
        symbols=by_symbol(record, trips),
        daily=by_day,
        monthly=by_month,
        yearly=() if grown is None or sampled is None else yearly(grown, sampled),
        benchmark=against,
    )
