"""Growth, drawdowns and trading days: small curves computed by hand."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.calendars import UnknownCalendar
from shared.metrics.curves import Drawdown, deepest, drawdown, drawdown_series, growth, returns
from shared.metrics.record import CashRecord, RunRecord
from shared.metrics.trading_days import Sampling, days_per_year, sampling, trading_days
from tests.unit.metrics.records import DAY, JAN_1, MINUTE, record, sessions


def index(run: RunRecord) -> list[float]:
    grown = growth(run)
    assert grown is not None
    return grown.index.tolist()


def sampled(run: RunRecord) -> Sampling:
    grown = growth(run)
    assert grown is not None
    return sampling(grown, trading_days(run.calendars.values(), int(grown.times[0]), int(grown.times[-1])))


def test_growth_starts_at_the_capital_whether_or_not_the_first_mark_is_it() -> None:
    assert index(record([100, 110, 99])) == [1.0, 1.1, 0.99]
    assert index(record([110, 99])) == [1.0, 1.1, 0.99]


def test_money_in_and_out_is_neither_gain_nor_loss() -> None:
    deposit = CashRecord(JAN_1 + DAY // 2, "deposit", Decimal(50))
    withdrawal = CashRecord(JAN_1 + 2 * DAY, "withdrawal", Decimal(-30))
    assert index(record([100, 150, 120, 132], flows=[deposit, withdrawal])) == pytest.approx([1, 1, 1, 1.1])
    dividend = CashRecord(JAN_1 + DAY, "dividend", Decimal(10))
    assert index(record([100, 110], flows=[dividend])) == [1.0, 1.1]


@pytest.mark.parametrize(
    "run",
    [
        record([]),
        record([100, 110], capital="0"),
        record([100, math.nan]),
        record([100, 0, 50], flows=[CashRecord(JAN_1 + 2 * DAY, "deposit", Decimal(50))]),
    ],
    ids=["no marks", "no capital", "not a number", "ruin, then new money"],
)
def test_growth_without_meaning_is_none(run: RunRecord) -> None:
    assert growth(run) is None
    assert not drawdown_series(run)


def test_returns_are_not_measured_from_nothing() -> None:
    assert returns(np.array([1.0, 0.0])) == [-1.0]
    assert returns(np.array([1.0, 0.0, 1.0])) is None
    assert returns(np.array([1.0])) is None


def test_drawdowns_have_peak_trough_and_recovery() -> None:
    grown = growth(record([100, 120, 90, 108, 120, 130, 117, 125]))
    assert grown is not None
    day = [JAN_1 + n * DAY for n in range(8)]
    assert deepest(grown) == (
        Drawdown(pytest.approx(0.25), day[1], day[2], day[4], 3 * DAY),
        Drawdown(pytest.approx(0.1), day[5], day[6], None, 2 * DAY),
    )
    assert deepest(grown, 1)[0].depth == 0.25
    assert drawdown_series(record([90, 100])).tolist() == pytest.approx([0.1, 0.0])  # the capital is the first peak


def test_a_rising_curve_has_no_drawdown() -> None:
    grown = growth(record([100, 101, 102]))
    assert grown is not None
    assert deepest(grown) == ()
    assert drawdown(grown.index).tolist() == [0, 0, 0]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.floats(min_value=0.01, max_value=1e9), min_size=1, max_size=50))
def test_drawdowns_lie_between_nothing_and_all(equity: list[float]) -> None:
    run = record(equity)
    grown = growth(run)
    assert grown is not None
    depth = drawdown_series(run)
    assert len(depth) == len(equity)
    assert all(0 <= d <= 1 for d in depth)
    found = deepest(grown, 100)
    assert max((d.depth for d in found), default=0.0) == max(depth)
    assert all(d.peak_ns <= d.trough_ns and d.duration_ns >= 0 for d in found)


def test_a_mark_at_the_end_of_a_day_counts_to_it() -> None:
    days = trading_days(["24x7"], JAN_1, JAN_1 + 2 * DAY)
    assert [days.dates[n] for n in days.of(np.array([JAN_1, JAN_1 + 1, JAN_1 + DAY, JAN_1 + DAY + 1]))] == [
        "2023-12-31",
        "2024-01-01",
        "2024-01-01",
        "2024-01-02",
    ]


def test_new_york_days_end_after_hours_and_skip_weekends_and_holidays() -> None:
    (_, friday), (tuesday, _) = sessions("XNYS", "2024-01-12", 2)  # Monday the 15th is a holiday
    days = trading_days(["XNYS"], friday, tuesday)
    late = friday + 239 * MINUTE
    assert days.dates == ("2024-01-12", "2024-01-16")
    assert days.of(np.array([friday, late, friday + 241 * MINUTE, tuesday])).tolist() == [0, 0, 1, 1]


def test_days_a_year_follow_the_calendar() -> None:
    assert [days_per_year(c) for c in ("XNYS", "XNAS", "CMES", "24x5", "24x7")] == [252, 252, 252, 260, 365]
    assert trading_days(["XNYS", "24x7"], JAN_1, JAN_1).calendar == "24x7"
    assert trading_days([], JAN_1, JAN_1).per_year == 365
    assert trading_days(["XNYS"], JAN_1 + 20_000 * DAY, JAN_1 + 20_000 * DAY).calendar == "24x7"  # beyond the table's years
    with pytest.raises(UnknownCalendar, match="known: "):
        trading_days(["XMOON"], JAN_1, JAN_1)


def test_daily_bars_of_an_exchange_come_252_times_a_year() -> None:
    closes = [close for _, close in sessions("XNYS", "2024-01-02", 30)]
    measured = sampled(record([100.0 + n for n in range(30)], closes, calendar="XNYS"))
    assert (measured.interval, measured.per_year, len(measured.dates)) == ("day", 252.0, 29)
    assert measured.dates[0] == "2024-01-03"  # the first close is the capital, which no return leads to


def test_minute_bars_of_a_month_are_measured_by_day() -> None:
    times = [opens + n * MINUTE for opens, _ in sessions("XNYS", "2024-01-02", 21) for n in range(1, 391)]
    run = record([100.0 + n for n in range(len(times))], times, calendar="XNYS")
    measured = sampled(run)
    assert (measured.interval, measured.per_year, len(measured.used)) == ("day", 252.0, 22)
    assert measured.dates[0] == "2024-01-02"
    assert measured.used.tolist()[:3] == [0, 389, 779]


def test_minute_bars_of_a_week_are_measured_by_mark() -> None:
    times = [opens + n * MINUTE for opens, _ in sessions("XNYS", "2024-01-02", 4) for n in range(1, 391)]
    measured = sampled(record([100.0 + n for n in range(len(times))], times, calendar="XNYS"))
    assert (measured.interval, measured.per_year) == ("mark", 252.0 * 390)


def test_weekly_bars_come_as_often_as_they_do() -> None:
    measured = sampled(record([100.0 + n for n in range(53)], [JAN_1 + 7 * n * DAY for n in range(53)]))
    assert measured.interval == "day"
    assert measured.per_year == pytest.approx(365.25 / 7)
