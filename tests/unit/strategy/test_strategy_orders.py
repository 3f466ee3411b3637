"""What a strategy writes becomes exact terms, or is refused where it was written, by the name of the argument."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import OrderSide, OrderType, TimeInForce
from shared.strategy import Order, OrderError
from shared.strategy.orders import exact, terms_of

BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.mark.parametrize(
    ("given_number", "expected"),
    [(0.1, "0.1"), (100, "100"), ("1.50", "1.50"), (Decimal("0.30"), "0.30"), (1e-8, "1E-8"), (123456789.123, "123456789.123")],
)
def test_numbers_convert_by_shortest_representation(given_number, expected):
    assert exact(given_number, "quantity") == Decimal(expected)


def test_numpy_numbers_convert_as_they_print():
    np = pytest.importorskip("numpy")
    assert exact(np.float64(0.1), "quantity") == Decimal("0.1")
    assert exact(np.float32(0.1), "quantity") == Decimal("0.1")
    assert exact(np.int64(7), "quantity") == 7


@settings(derandomize=True, max_examples=300)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_as_itself(value):
    assert float(exact(value, "price")) == value


@pytest.mark.parametrize(
    ("order", "error", "text"),
    [
        (Order("SPY", BUY, OrderType.MARKET, 0), OrderError, "quantity: 0 must be greater than 0"),
        (Order("SPY", BUY, OrderType.MARKET, -1.5), OrderError, "quantity: -1.5 must be greater than 0"),
        (Order("SPY", BUY, OrderType.MARKET, float("nan")), OrderError, "quantity: nan is not finite"),
        (Order("SPY", BUY, OrderType.MARKET, "ten"), OrderError, "quantity: 'ten' is not a number"),
        (Order("SPY", BUY, OrderType.MARKET, None), TypeError, "quantity: expected a number, got NoneType"),
        (Order("SPY", BUY, OrderType.MARKET, True), TypeError, "quantity: expected a number, got bool"),
        (Order("", BUY, OrderType.MARKET, 1), TypeError, "symbol: expected text"),
        (Order("SPY", "long", OrderType.MARKET, 1), OrderError, "side: 'long' is not one of BUY, SELL"),
        (Order("SPY", BUY, OrderType.LIMIT, 1), OrderError, "limit_price: a LIMIT order needs one"),
        (Order("SPY", BUY, OrderType.MARKET, 1, 100.0), OrderError, "limit_price: a MARKET order takes none"),
        (Order("SPY", BUY, OrderType.STOP_LIMIT, 1, 100.0), OrderError, "stop_price: a STOP_LIMIT order needs one"),
        (Order("SPY", BUY, OrderType.TRAILING_STOP, 1), OrderError, "trail_price: a TRAILING_STOP order needs either"),
        (Order("SPY", BUY, OrderType.MARKET, 1, trail_percent=1), OrderError, "trail_percent: a MARKET order takes none"),
        (Order("SPY", BUY, OrderType.MARKET, 1, tif=TimeInForce.GTD), TypeError, "expire_at: a GTD order needs"),
        (Order("SPY", BUY, OrderType.MARKET, 1, expire_at=5), OrderError, "expire_at: only a GTD order takes one"),
    ],
)
def test_what_no_broker_could_take_is_refused_by_name(order, error, text):
    with pytest.raises(error) as caught:
        terms_of(order)
    assert str(caught.value).startswith(text)


def test_regimeflows_zero_price_means_none_and_values_stand_for_members():
    terms = terms_of(Order("SPY", "buy", "market", 10.0, 0.0, 0.0, "gtc"))
    assert (terms.side, terms.type, terms.limit_price, terms.stop_price, terms.tif) == (BUY, OrderType.MARKET, None, None, TimeInForce.GTC)


def test_expiry_is_ns_or_a_datetime_with_a_zone():
    at = datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    order = Order("SPY", BUY, OrderType.MARKET, 1, tif=TimeInForce.GTD, expire_at=at)
    assert terms_of(order).expire_at == 1_704_164_645_000_006_000
    order.expire_at = at.replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        terms_of(order)
