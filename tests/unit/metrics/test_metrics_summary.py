"""The summary of small runs, by hand; runs that have nothing to say; and what must not change it."""

from __future__ import annotations

import math
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.metrics.record import CashRecord, RunRecord
from shared.metrics.summary import Summary, summary
from tests.unit.metrics.records import DAY, JAN_1, MINUTE, fill, marks, record

REGIMEFLOW_PERFORMANCE = "total_return cagr volatility sharpe sortino calmar var_95 cvar_95 best_return worst_return"
REGIMEFLOW_SUMMARY = """
    total_return cagr avg_daily_return avg_monthly_return best_day worst_day best_day_date worst_day_date best_month worst_month
    best_month_date worst_month_date volatility downside_deviation max_drawdown var_95 var_99 cvar_95 sharpe_ratio sortino_ratio calmar_ratio
    omega_ratio ulcer_index information_ratio treynor_ratio tail_ratio total_trades winning_trades losing_trades open_trades closed_trades
    open_trades_unrealized_pnl open_trades_snapshot_date win_rate profit_factor avg_win avg_loss win_loss_ratio expectancy
    avg_trade_duration_days annual_turnover
"""


def numbers(value: Any) -> list[float]:
    """Every float anywhere in a summary."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in numbers(v)]
    if isinstance(value, (list, tuple)):
        return [n for v in value for n in numbers(v)]
    return [value] if isinstance(value, float) else []


def test_the_keys_are_regimeflows() -> None:
    s = asdict(summary(record([100, 101])))
    assert list(s["performance"]) == REGIMEFLOW_PERFORMANCE.split()
    assert set(s["performance_summary"]) == set(REGIMEFLOW_SUMMARY.split())
    assert "max_drawdown" in s


def test_four_days_by_hand() -> None:
    s = summary(record([100, 110, 99, 108.9, 108.9]))  # +10 %, -10 %, +10 %, 0; mark to mark, 365 a year
    p, more = s.performance, s.performance_summary
    assert (s.return_interval, s.periods_per_year, s.observations, s.calendar) == ("mark", 365.0, 4, "24x7")
    assert p.total_return == pytest.approx(0.089)
    assert p.cagr == pytest.approx(1.089 ** (365.25 / 4) - 1)
    deviation = math.sqrt((0.075**2 * 2 + 0.125**2 + 0.025**2) / 3)
    assert p.volatility == pytest.approx(deviation * math.sqrt(365))
    assert p.sharpe == pytest.approx(0.025 / deviation * math.sqrt(365))
    assert more.downside_deviation == pytest.approx(math.sqrt(0.01 / 4 * 365))
    assert p.sortino == pytest.approx(0.025 * 365 / math.sqrt(0.01 / 4 * 365))
    assert s.max_drawdown == pytest.approx(0.1)
    assert p.calmar == pytest.approx((1.089 ** (365.25 / 4) - 1) / 0.1)
    assert p.var_95 == pytest.approx(0.1 - 0.15 * 0.1)  # at 0.15 between the two lowest, -10 % and 0
    assert p.cvar_95 == pytest.approx(0.1)
    assert (p.best_return, p.worst_return) == (pytest.approx(0.1), pytest.approx(-0.1))
    assert (more.best_day_date, more.worst_day_date) == ("2024-01-01", "2024-01-02")
    assert more.omega_ratio == pytest.approx(2.0)
    assert more.ulcer_index == pytest.approx(math.sqrt((0.1**2 + 0.01**2 * 2) / 5))


def test_days_months_and_years() -> None:
    end = [30, 31, 31 + 28, 31 + 29, 366]  # last marks of 30 and 31 January, 28 and 29 February, 31 December 2024
    s = summary(record([100, 110, 99, 121, 242], [JAN_1 + n * DAY for n in end], started=JAN_1))
    assert [(m.year, m.month, m.value) for m in s.monthly] == [
        (2024, 1, pytest.approx(0.1)),
        (2024, 2, pytest.approx(0.1)),
        (2024, 12, pytest.approx(1.0)),
    ]
    assert [(y.year, y.month, y.value) for y in s.yearly] == [(2024, 0, pytest.approx(1.42))]
    assert s.daily.dates == ("2024-01-31", "2024-02-28", "2024-02-29", "2024-12-31")
    assert s.daily.equity == (110, 99, 121, 242)
    assert s.daily.drawdown == pytest.approx((0, 0.1, 0, 0))
    assert s.performance_summary.best_month_date == "2024-12-01"


def test_exposure_and_costs() -> None:
    fills = [fill(JAN_1, "buy", 2, 50, fee="0.5", slippage=0.01), fill(JAN_1 + DAY, "sell", 2, 51, fee="0.5", slippage=-0.02)]
    s = summary(record([100, 50, 100, 150], gross=[0, 100, 50, 0], net=[0, 100, -50, 0], fills=fills))
    e, c = s.exposure, s.costs
    assert (e.time_in_market, e.average_gross_leverage, e.max_gross_leverage) == (0.5, 0.625, 2.0)
    assert (e.average_net_leverage, e.max_net_leverage, e.min_net_leverage) == (0.375, 2.0, -0.5)
    assert (c.fills, c.volume, c.fees, c.turnover) == (2, Decimal(202), Decimal("1.0"), 2.02)
    assert c.annual_turnover == pytest.approx(2.02 * 365.25 / 3)
    assert c.slippage == pytest.approx(2 * 0.01 - 2 * 0.02)
    assert c.fee_share == pytest.approx(1 / 202)


def test_the_breakdown_names_what_stood_still_too() -> None:
    fills = [fill(JAN_1, "buy", 1, 10, fee=1, strategy="a"), fill(JAN_1 + 1, "sell", 1, 15, strategy="a"), fill(JAN_1 + 2, "buy", 2, 10, symbol="Y")]
    s = summary(record([100, 101], fills=fills, prices={"Y": marks([10.5])}))
    assert [(r.name, r.fills, r.trades, r.open_trades, r.net, r.contribution) for r in s.strategies] == [
        ("a", 2, 1, 0, Decimal(4), 0.04),
        ("s", 1, 0, 1, Decimal(1), 0.01),
    ]
    assert [(r.name, r.realised, r.unrealised, r.fees, r.volume) for r in s.symbols] == [("X", 5, 0, 1, 25), ("Y", 0, 1, 0, 20)]


def test_a_benchmark_is_compared_where_both_have_values() -> None:
    run = record([100, 102, 101, 104])
    against = summary(run, marks([10, 10.4, 10.2, 10.8])).benchmark
    assert against is not None
    assert (against.observations, against.beta) == (3, pytest.approx(0.5, rel=0.03))
    assert against.values == pytest.approx((1, 1.04, 1.02, 1.08))
    late = summary(run, marks([10.4, 10.2, 10.8], [JAN_1 + n * DAY for n in (1, 2, 3)])).benchmark
    assert late is not None
    assert (late.observations, late.from_ns) == (2, JAN_1 + DAY)
    assert summary(run, marks([10, 10], [JAN_1 + 2 * DAY, JAN_1 + 3 * DAY])).benchmark is None
    assert summary(run, marks([10, 0, 10, 10])).benchmark is None
    still = summary(run, marks([10, 10, 10, 10])).benchmark
    assert still is not None
    assert (still.beta, still.alpha, still.correlation, still.sharpe, still.treynor) == (None, None, None, None, None)
    same = summary(run, marks([50, 51, 50.5, 52])).benchmark
    assert same is not None
    assert (same.beta, same.correlation, same.information_ratio) == (pytest.approx(1), pytest.approx(1), None)


DEGENERATE = {
    "no marks": record([]),
    "one mark": record([100]),
    "one mark that is not the capital": record([110]),
    "flat": record([100, 100, 100]),
    "steady": record([100.0 * 1.01**n for n in range(30)]),
    "all lost": record([100, 50, 0]),
    "in debt": record([100, 50, -20]),
    "through debt": record([100, -20, 50]),
    "no capital": record([0, 0], capital="0"),
    "not a number": record([100, math.inf, math.nan]),
    "one moment": record([100, 101, 1e9], [JAN_1] * 3),
    "a minute that annualises beyond any number": record([100, 1e9], [JAN_1, JAN_1 + MINUTE]),
    "a day that does": record([100, 1e9], [JAN_1, JAN_1 + DAY]),
    "money came after all was lost": record([100, 0, 50], flows=[CashRecord(JAN_1 + 2 * DAY, "deposit", Decimal(50))]),
    "marks that are no numbers": record([100, 101], fills=[fill(JAN_1, "buy", 1, 1)], prices={"X": marks([math.nan])}),
    "free of charge": record([100, 101], fills=[fill(JAN_1, "buy", 1, 0), fill(JAN_1 + 1, "sell", 1, 0)]),
}


@pytest.mark.parametrize("run", DEGENERATE.values(), ids=DEGENERATE)
def test_nothing_is_ever_infinite_or_not_a_number(run: RunRecord) -> None:
    assert all(math.isfinite(n) for n in numbers(asdict(summary(run, marks([10, 10.1, 9.9])))))


@pytest.mark.parametrize("run", [r for n, r in DEGENERATE.items() if n in {"no marks", "one mark", "flat", "steady", "no capital"}])
def test_ratios_without_a_denominator_are_unknown(run: RunRecord) -> None:
    p = summary(run).performance
    assert (p.sharpe, p.sortino, p.calmar) == (None, None, None)


def test_all_lost_is_a_fact_and_has_no_growth_rate() -> None:
    p = summary(DEGENERATE["in debt"]).performance
    assert (p.total_return, p.cagr, p.worst_return) == (-1.2, None, -1.4)
    assert summary(DEGENERATE["through debt"]).performance.total_return == -0.5


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.lists(st.integers(min_value=50, max_value=200), min_size=2, max_size=40), st.sampled_from([2.0**-7, 2.0, 2.0**20]))
def test_another_currency_unit_changes_only_money(equity: list[int], unit: float) -> None:
    """Units are powers of two, so that the curve scales without rounding and equality is exact."""

    def run(scale: float) -> Summary:
        values = [100 * scale, *(e * scale for e in equity)]
        fills = [fill(JAN_1 + 1, "buy", 1, equity[0] * scale), fill(JAN_1 + 2, "sell", 1, equity[1] * scale)]
        return summary(record(values, capital=repr(100 * scale), gross=values, fills=fills), marks([float(e) for e in (100, *equity)]))

    one, other = run(1.0), run(unit)
    assert one.performance == other.performance
    assert (one.drawdowns, one.monthly, one.exposure, one.benchmark) == (other.drawdowns, other.monthly, other.exposure, other.benchmark)
    assert one.trades.win_rate == other.trades.win_rate
    assert [r.share for r in one.round_trips] == pytest.approx([r.share for r in other.round_trips])
    assert one.costs.turnover == pytest.approx(other.costs.turnover)


def test_the_same_record_gives_the_same_figures() -> None:
    run = record([100, 101, 99], fills=[fill(JAN_1, "buy", 1, 10)], prices={"X": marks([10, 11])})
    assert summary(run) == summary(run)
