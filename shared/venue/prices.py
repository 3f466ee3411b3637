"""The edge between market data (floats) and order money (Decimals), and what counts as usable market data.

A float becomes the decimal a person reads in it (shortest representation), then the nearest tick; money never sees a binary fraction.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from math import isfinite
from typing import Final

from shared.domain.exact import decimals, of_float
from shared.events import Bar, OrderSide, Quote, Trade

DIGITS_BEFORE_MAX: Final = 16
DIGITS_AFTER_MAX: Final = 12


@lru_cache(maxsize=4096)
def on_tick(value: float, tick: Decimal) -> Decimal:
    """The nearest multiple of the tick, with the tick's number of decimals. Remembered, because one price is asked for several times in a row."""
    return (of_float(value) / tick).to_integral_value(ROUND_HALF_EVEN) * tick


def against(side: OrderSide, price: Decimal, tick: Decimal) -> Decimal:
    """A derived price on the tick that is no better for the trader: a buy rounds up, a sell down."""
    return (price / tick).to_integral_value(ROUND_CEILING if side is OrderSide.BUY else ROUND_FLOOR) * tick


def whole_lots(quantity: Decimal, lot: Decimal) -> Decimal:
    """The largest multiple of the lot not above quantity."""
    return (quantity / lot).to_integral_value(ROUND_FLOOR) * lot


def reasonable(value: Decimal) -> bool:
    """A finite number of at most 16 digits before and 12 after the point: what exact arithmetic on it is dimensioned for."""
    if not value.is_finite():
        return False
    return value.adjusted() < DIGITS_BEFORE_MAX and decimals(value) <= DIGITS_AFTER_MAX


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return value % step == 0


def sane_bar(bar: Bar) -> bool:
    """Finite, positive, high and low around open and close, and ending after it starts."""
    low, high = bar.low, bar.high
    return (
        0.0 < low <= bar.open <= high
        and low <= bar.close <= high
        and isfinite(high)
        and bar.volume >= 0.0
        and isfinite(bar.volume)
        and bar.timestamp < bar.end
    )


def sane_trade(trade: Trade) -> bool:
    return trade.price > 0.0 and isfinite(trade.price) and trade.size >= 0.0 and isfinite(trade.size)


def sane_quote(quote: Quote) -> bool:
    """Both sides there and not crossed. A locked quote (bid = ask) is usable."""
    return 0.0 < quote.bid <= quote.ask and isfinite(quote.ask) and isfinite(quote.bid_size) and isfinite(quote.ask_size)
