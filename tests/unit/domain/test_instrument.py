"""Numbers at the edge: what a strategy writes, what an instrument's grid allows."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.instrument import Instrument, exact_number, plausible
from shared.events import OrderSide

TICKED = Instrument("X", D("0.05"), D("0.1"), D(50), "XNYS")
FREE = Instrument("X", D(0), D(0), D(1), "24x7")


@pytest.mark.parametrize("written", [0.1, "0.1", D("0.1"), "1e-1"])
def test_a_tenth_is_a_tenth_however_written(written: float | str | D) -> None:
    assert exact_number(written) == D("0.1")


@pytest.mark.parametrize(
    ("written", "error"), [("ten", ValueError), ("nan", ValueError), (float("inf"), ValueError), (True, TypeError), (None, TypeError)]
)
def test_what_is_no_number_is_refused(written: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        exact_number(written)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity", "1E+16", "1E-19", "1E+999999"])
def test_what_no_order_can_hold(number: str) -> None:
    assert not plausible(D(number))


@pytest.mark.parametrize("number", ["1", "0.000000000000000001", "9999999999999999.999999999999999999"])
def test_what_it_can(number: str) -> None:
    assert plausible(D(number))


def test_the_grid() -> None:
    assert TICKED.on_tick(D("10.15"))
    assert not TICKED.on_tick(D("10.16"))
    assert TICKED.on_lot(D("0.30"))
    assert not TICKED.on_lot(D("0.35"))
    assert FREE.on_tick(D("0.123456789"))
    assert FREE.on_lot(D("0.123456789"))


def test_rounding_is_visible_and_careful() -> None:
    assert TICKED.round_quantity(D("0.39")) == D("0.3")
    assert TICKED.round_quantity(D("0.09")) == 0
    assert TICKED.round_price(D("10.175")) == D("10.20")
    assert TICKED.round_limit(D("10.19"), OrderSide.BUY) == D("10.15")
    assert TICKED.round_limit(D("10.16"), OrderSide.SELL) == D("10.20")
    assert FREE.round_price(D("1.23456")) == D("1.23456")


def test_the_finest_grid_under_the_largest_number() -> None:
    fine = Instrument("X", D("1E-18"), D("1E-18"), D(1), "24x7")
    largest = D("9999999999999999.999999999999999999")
    assert fine.on_tick(largest)
    assert TICKED.round_limit(largest, OrderSide.BUY) == D("9999999999999999.95")


def test_notional_counts_the_multiplier() -> None:
    assert TICKED.notional(D(2), D("4000.25")) == D(400025)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_no_plausible_number_breaks_the_grid(number: D) -> None:
    if plausible(number):
        TICKED.on_tick(number)
        TICKED.on_lot(number)
        rounded = TICKED.round_limit(number, OrderSide.BUY)
        assert rounded <= number
        assert TICKED.on_tick(rounded) or not rounded
