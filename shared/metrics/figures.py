"""RegimeFlow's two blocks of headline figures, key for key, so that its reports and ours compare line by line.

Spelling, signs and definitions are those the `regimeflow` package 1.0 writes: drawdown, VaR and CVaR positive, mean loss negative, months by
their first day. What it writes as 0 or infinity where nothing is defined is None here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .benchmark import Benchmark
from .calendar_returns import Daily, Period
from .curves import Floats, Growth, drawdown
from .exposure import Costs
from .ratios import (
    cagr,
    downside_deviation,
    expected_shortfall,
    omega,
    ratio,
    sharpe,
    sortino,
    tail_ratio,
    ulcer_index,
    value_at_risk,
    volatility,
)
from .trade_statistics import TradeStatistics
from .trading_days import Sampling


@dataclass(frozen=True, slots=True)
class Performance:
    """RegimeFlow's `performance`. total_return, cagr: of the whole run; best_return, worst_return, var_95, cvar_95: of one period of
    `Summary.return_interval`; the rest a year. calmar: CAGR over the maximum drawdown (Young, Futures magazine, October 1991)."""

    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    var_95: float | None
    cvar_95: float | None
    best_return: float | None
    worst_return: float | None


@dataclass(frozen=True, slots=True)
class PerformanceSummary:
    """RegimeFlow's `performance_summary`. Dates `YYYY-MM-DD`; total_trades counts closed ones, as there."""

    total_return: float | None
    cagr: float | None
    avg_daily_return: float | None
    avg_monthly_return: float | None
    best_day: float | None
    worst_day: float | None
    best_day_date: str | None
    worst_day_date: str | None
    best_month: float | None
    worst_month: float | None
    best_month_date: str | None
    worst_month_date: str | None
    volatility: float | None
    downside_deviation: float | None
    max_drawdown: float | None
    var_95: float | None
    var_99: float | None
    cvar_95: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    calmar_ratio: float | None
    omega_ratio: float | None
    ulcer_index: float | None
    information_ratio: float | None
    treynor_ratio: float | None
    tail_ratio: float | None
    total_trades: int
    winning_trades: int
    losing_trades: int
    open_trades: int
    closed_trades: int
    open_trades_unrealized_pnl: float
    open_trades_snapshot_date: str | None
    win_rate: float | None
    profit_factor: float | None
    avg_win: float | None
    avg_loss: float | None
    win_loss_ratio: float | None
    expectancy: float | None
    avg_trade_duration_days: float | None
    annual_turnover: float | None


NOTHING = np.zeros(0)  # returns of a run without any: every statistic of it is None


def performance(grown: Growth | None, r: Floats, per_year: float, max_drawdown: float | None) -> Performance:
    """r: returns of the periods the statistics use."""
    total = None if grown is None else float(grown.index[-1]) - 1.0
    yearly = None if grown is None else cagr(total, grown.years)
    return Performance(
        total_return=total,
        cagr=yearly,
        volatility=volatility(r, per_year),
        sharpe=sharpe(r, per_year),
        sortino=sortino(r, per_year),
        calmar=ratio(yearly, max_drawdown),
        var_95=value_at_risk(r, 0.95),
        cvar_95=expected_shortfall(r, 0.95),
        best_return=float(r.max()) if len(r) else None,
        worst_return=float(r.min()) if len(r) else None,
    )


def performance_summary(
    head: Performance,
    r: Floats,
    grown: Growth | None,
    sampled: Sampling | None,
    max_drawdown: float | None,
    daily: Daily,
    monthly: tuple[Period, ...],
    trades: TradeStatistics,
    costs: Costs,
    benchmark: Benchmark | None,
) -> PerformanceSummary:
    best_day, worst_day = _extremes(tuple(zip(daily.returns, daily.dates, strict=False)))
    best_month, worst_month = _extremes(tuple((m.value, f"{m.year:04}-{m.month:02}-01") for m in monthly))
    per_year = sampled.per_year if sampled is not None else 0.0
    return PerformanceSummary(
        total_return=head.total_return,
        cagr=head.cagr,
        avg_daily_return=_mean(daily.returns),
        avg_monthly_return=_mean(tuple(m.value for m in monthly)),
        best_day=best_day[0],
        worst_day=worst_day[0],
        best_day_date=best_day[1],
        worst_day_date=worst_day[1],
        best_month=best_month[0],
        worst_month=worst_month[0],
        best_month_date=best_month[1],
        worst_month_date=worst_month[1],
        volatility=head.volatility,
        downside_deviation=downside_deviation(r, per_year),
        max_drawdown=max_drawdown,
        var_95=head.var_95,
        var_99=value_at_risk(r, 0.99),
        cvar_95=head.cvar_95,
        sharpe_ratio=head.sharpe,
        sortino_ratio=head.sortino,
        calmar_ratio=head.calmar,
        omega_ratio=omega(r),
        ulcer_index=None if grown is None or sampled is None else ulcer_index(drawdown(grown.index[sampled.used])),
        information_ratio=benchmark.information_ratio if benchmark is not None else None,
        treynor_ratio=benchmark.treynor if benchmark is not None else None,
        tail_ratio=tail_ratio(r),
        total_trades=trades.closed,
        winning_trades=trades.winning,
        losing_trades=trades.losing,
        open_trades=trades.open,
        closed_trades=trades.closed,
        open_trades_unrealized_pnl=float(trades.open_pnl),
        open_trades_snapshot_date=daily.dates[-1] if trades.open and daily.dates else None,
        win_rate=trades.win_rate,
        profit_factor=trades.profit_factor,
        avg_win=trades.average_win,
        avg_loss=trades.average_loss,
        win_loss_ratio=trades.payoff,
        expectancy=trades.expectancy,
        avg_trade_duration_days=trades.average_holding_days,
        annual_turnover=costs.annual_turnover,
    )


def _extremes(found: tuple[tuple[float, str], ...]) -> tuple[tuple[float | None, str | None], tuple[float | None, str | None]]:
    """The best and the worst with their dates, the first of equals."""
    if not found:
        return (None, None), (None, None)
    return max(found, key=lambda f: f[0]), min(found, key=lambda f: f[0])


def _mean(values: tuple[float, ...]) -> float | None:
    return float(np.mean(values)) if values else None
