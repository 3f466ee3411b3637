"""The running averages of `moving_average_cross` are exact: they equal a mean computed anew, for ever."""

import csv
import gzip
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.strategy.builtin.buy_and_hold import BuyAndHold
from shared.strategy.builtin.moving_average_cross import CrossingAverages, MovingAverageCross

DATA = Path(__file__).parents[4] / "shared" / "data" / "minute" / "SPY.bars.csv.gz"


def sign(x) -> int:
    return (x > 0) - (x < 0)


def gap_anew(closes: list[float], fast: int, slow: int) -> int:
    if len(closes) < slow:
        return 0
    exact = [Fraction(Decimal(repr(c))) for c in closes[-slow:]]
    return sign(sum(exact[-fast:]) / fast - sum(exact) / slow)


prices = st.decimals(min_value="0.0001", max_value="99999", places=4).map(float)


@settings(derandomize=True, max_examples=150)
@given(st.lists(prices, max_size=60), st.integers(1, 6), st.integers(1, 8))
def test_the_sign_is_that_of_means_computed_anew(closes, fast, more):
    averages = CrossingAverages(fast, fast + more)
    for i, close in enumerate(closes):
        assert sign(averages.add(close)) == gap_anew(closes[: i + 1], fast, fast + more)


def test_equal_prices_never_look_like_a_cross():
    averages = CrossingAverages(10, 30)
    assert not any(averages.add(100.1) for _ in range(5_000))


def test_no_drift_after_a_shock_and_many_bars():
    averages, closes = CrossingAverages(3, 7), []
    for i in range(20_000):
        closes.append(1e7 if i == 10 else round(100 + (i * 7919 % 1013) / 100, 2))
        gap = averages.add(closes[-1])
    assert sign(gap) == gap_anew(closes, 3, 7)
    assert (averages.fast_sum, averages.slow_sum) == (sum(round(c * 1e8) for c in closes[-3:]), sum(round(c * 1e8) for c in closes[-7:]))


@settings(derandomize=True, max_examples=100)
@given(st.lists(prices, max_size=40), st.lists(prices, max_size=40))
def test_saved_and_loaded_it_goes_on_the_same(before, after):
    one = CrossingAverages(3, 8)
    for close in before:
        one.add(close)
    other = CrossingAverages(3, 8)
    other.load(one.save())
    assert [one.add(c) for c in after] == [other.add(c) for c in after]
    assert one.save() == other.save()


@pytest.mark.skipif(not DATA.exists(), reason="market data is not beside the repository")
def test_on_real_minutes():
    with gzip.open(DATA, "rt") as rows:
        closes = [float(row["close"]) for row in csv.DictReader(rows)]
    averages = CrossingAverages(10, 30)
    assert all(sign(averages.add(c)) == gap_anew(closes[max(0, i - 29) : i + 1], 10, 30) for i, c in enumerate(closes))


@pytest.mark.parametrize(
    ("cls", "params", "text"),
    [
        (MovingAverageCross, {"fast_period": 30, "slow_period": 30}, "fast_period"),
        (MovingAverageCross, {"fast_period": 0}, "fast_period"),
        (MovingAverageCross, {"slow_period": 10.5}, "slow_period"),
        (MovingAverageCross, {"quantity": -1}, "quantity"),
        (MovingAverageCross, {"fast": 3}, "fast: no such parameter"),
        (BuyAndHold, {"quantity": "many"}, "quantity"),
        (BuyAndHold, {"symbol": 5}, "symbol"),
    ],
)
def test_parameters_that_cannot_be_are_refused_by_name(cls, params, text):
    with pytest.raises((ValueError, TypeError), match=text):
        cls.check_params(params)
