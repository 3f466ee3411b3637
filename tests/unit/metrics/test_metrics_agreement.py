"""The same equity curves through an independent library (empyrical-reloaded) give the same figures.

Conventions that make them the same question: risk-free rate 0; periods a year as ours infers them; its growth counts periods where ours
counts time, so its CAGR is asked for with observations / years; its alpha compounds, ours (Jensen's) does not; its losses are negative.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from shared.metrics.record import RunRecord
from shared.metrics.summary import Summary, summary
from tests.unit.metrics.records import DAY, JAN_1, marks, record, sessions

empyrical = pytest.importorskip("empyrical", reason="the independent library is in the dev extra: pip install -e '.[dev]'")

CLOSE = {"rel": 1e-9, "abs": 1e-12}


def curve(seed: int, count: int, drift: float) -> tuple[list[float], list[float]]:
    """Equity and a benchmark it leans on, fat-tailed."""
    rng = np.random.default_rng(seed)
    market = rng.standard_t(4, count) * 0.008 + drift
    own = 0.6 * market + rng.normal(drift, 0.006, count)
    return [100.0, *(100.0 * np.cumprod(1 + own)).tolist()], [50.0, *(50.0 * np.cumprod(1 + market)).tolist()]


RUNS = [(1, 21, 0.0), (2, 252, 0.0006), (3, 1000, -0.001), (4, 2500, 0.0003), (5, 101, 0.004)]


@pytest.fixture(params=RUNS, ids=lambda r: f"seed {r[0]}, {r[1]} days")
def case(request: pytest.FixtureRequest) -> tuple[RunRecord, Summary, np.ndarray, np.ndarray]:
    equity, benchmark = curve(*request.param)
    closes = [close for _, close in sessions("XNYS", "2010-01-04", len(equity))]
    run = record(equity, closes, calendar="XNYS")
    change = [np.array([b / a - 1 for a, b in pairwise(values)]) for values in (equity, benchmark)]
    return run, summary(run, marks(benchmark, closes)), change[0], change[1]


def test_figures_of_returns_agree(case: tuple[RunRecord, Summary, np.ndarray, np.ndarray]) -> None:
    _, s, r, _ = case
    p, more = s.performance, s.performance_summary
    assert (s.return_interval, s.periods_per_year, s.observations) == ("day", 252.0, len(r))
    assert p.total_return == pytest.approx(empyrical.cum_returns_final(r), **CLOSE)
    assert p.volatility == pytest.approx(empyrical.annual_volatility(r), **CLOSE)
    assert p.sharpe == pytest.approx(empyrical.sharpe_ratio(r), **CLOSE)
    assert p.sortino == pytest.approx(empyrical.sortino_ratio(r), **CLOSE)
    assert more.downside_deviation == pytest.approx(empyrical.downside_risk(r), **CLOSE)
    assert p.var_95 == pytest.approx(-empyrical.value_at_risk(r, 0.05), **CLOSE)
    assert p.cvar_95 == pytest.approx(-empyrical.conditional_value_at_risk(r, 0.05), **CLOSE)
    assert more.omega_ratio == pytest.approx(empyrical.omega_ratio(r), **CLOSE)
    assert more.tail_ratio == pytest.approx(empyrical.tail_ratio(r), **CLOSE)


def test_growth_and_drawdown_agree(case: tuple[RunRecord, Summary, np.ndarray, np.ndarray]) -> None:
    _, s, r, _ = case
    assert s.years is not None
    pace = len(r) / s.years
    assert s.max_drawdown == pytest.approx(-empyrical.max_drawdown(r), **CLOSE)
    assert s.performance.cagr == pytest.approx(empyrical.cagr(r, annualization=pace), **CLOSE)
    assert s.performance.calmar == pytest.approx(empyrical.calmar_ratio(r, annualization=pace), **CLOSE)


def test_comparison_with_the_benchmark_agrees(case: tuple[RunRecord, Summary, np.ndarray, np.ndarray]) -> None:
    _, s, r, b = case
    assert s.benchmark is not None
    alpha, beta = empyrical.alpha_beta(r, b)
    assert s.benchmark.observations == len(r)
    assert s.benchmark.beta == pytest.approx(beta, **CLOSE)
    assert s.benchmark.alpha == pytest.approx(((1 + alpha) ** (1 / 252) - 1) * 252, rel=1e-6)
    assert s.benchmark.tracking_error == pytest.approx(empyrical.annual_volatility(r - b), **CLOSE)
    assert s.benchmark.information_ratio == pytest.approx(empyrical.excess_sharpe(r, b) * 252**0.5, **CLOSE)
    assert s.benchmark.max_drawdown == pytest.approx(-empyrical.max_drawdown(b), **CLOSE)
    assert s.benchmark.correlation == pytest.approx(np.corrcoef(r, b)[0, 1], **CLOSE)


@pytest.mark.parametrize("seed", [7, 8])
def test_figures_mark_to_mark_agree_on_a_market_that_never_closes(seed: int) -> None:
    equity, _ = curve(seed, 240, 0.0)
    hourly = [JAN_1 + n * DAY // 24 for n in range(len(equity))]
    s = summary(record(equity, hourly))
    r = np.array([b / a - 1 for a, b in pairwise(equity)])
    assert (s.return_interval, s.periods_per_year) == ("mark", 24.0 * 365)
    assert s.performance.sharpe == pytest.approx(empyrical.sharpe_ratio(r, annualization=24 * 365), **CLOSE)
    assert s.performance.sortino == pytest.approx(empyrical.sortino_ratio(r, annualization=24 * 365), **CLOSE)
    assert s.performance.volatility == pytest.approx(empyrical.annual_volatility(r, annualization=24 * 365), **CLOSE)
