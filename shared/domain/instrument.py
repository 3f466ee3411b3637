"""An instrument's grid and units: what a price and a quantity may be, and the visible rounding of the edge.

Promises: `exact_number` turns what a strategy or a config wrote into the decimal a person reads in it, or says why not; the checks
decide for any Decimal (NaN, infinite, absurdly large) and never raise; rounding is a function someone calls, never a side effect.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from shared.events import InstrumentDefined, OrderSide
from shared.events.enums import BUY

from .exact import ZERO, add, decimals, multiply, negate, remainder, subtract

PLACES_MAX: Final = 18  # decimals a price or quantity may have: finer than any market's grid
SIZE_EXPONENT_MAX: Final = 15  # below 10^16 units or price points: beyond any order, far inside exact arithmetic
ALWAYS_OPEN: Final = "24x7"
_TWO: Final = Decimal(2)


def exact_number(value: Decimal | float | str) -> Decimal:
    """The finite decimal meant by a number or its text; a float means its shortest representation (0.1 is one tenth).

    Raises ValueError for text that is no number, NaN and infinities, and TypeError for other types (True is not 1).
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise TypeError(f"{value!r} is no number")
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not finite")
    return number


def plausible(number: Decimal) -> bool:
    """Positive, finite, and of a size and fineness that exact arithmetic holds: the gate before any other use of a foreign number."""
    if not number.is_finite() or number <= 0:
        return False
    return number.adjusted() <= SIZE_EXPONENT_MAX and decimals(number) <= PLACES_MAX


class Instrument(msgspec.Struct, frozen=True):
    """Static facts of one instrument, from its newest `InstrumentDefined`. multiplier: account currency a point and unit, at `fx_rate` where the
    instrument's currency is another (0: no rate is known); average_daily_volume: units, 0 where it does not say."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    multiplier: Decimal
    calendar: str
    asset_class: str = ""
    currency: str = ""
    shortable: bool = True
    easy_to_borrow: bool = True
    sector: str = ""
    industry: str = ""
    average_daily_volume: Decimal = ZERO
    fx_rate: Decimal = ZERO

    @classmethod
    def of(cls, e: InstrumentDefined) -> Instrument:
        return cls(
            e.symbol,
            e.tick_size,
            e.lot_size,
            e.multiplier,
            e.calendar,
            e.asset_class,
            e.currency,
            e.shortable,
            e.easy_to_borrow,
            e.sector,
            e.industry,
            e.average_daily_volume,
            e.fx_rate,
        )

    def on_tick(self, price: Decimal) -> bool:
        """Whether a plausible price lies on the tick grid (tick_size 0: any price does)."""
        return not _past(price, self.tick_size)

    def on_lot(self, quantity: Decimal) -> bool:
        """Whether a plausible quantity is a whole number of lots (lot_size 0: any quantity is)."""
        return not _past(quantity, self.lot_size)

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Down to whole lots: rounding never adds risk; 0 when less than one lot."""
        return subtract(quantity, _past(quantity, self.lot_size))

    def round_price(self, price: Decimal) -> Decimal:
        """To the nearest tick, half up."""
        past = _past(price, self.tick_size)
        return add(subtract(price, past), self.tick_size if past and multiply(past, _TWO) >= self.tick_size else ZERO)

    def round_limit(self, price: Decimal, side: OrderSide) -> Decimal:
        """To the tick that is no worse for us than the price asked: down to buy, up to sell."""
        past = _past(price, self.tick_size)
        return add(subtract(price, past), self.tick_size if past and side is OrderSide.SELL else ZERO)

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Money of `quantity` units at price, in account currency, exact."""
        return multiply(multiply(quantity, price), self.multiplier)


def signed(side: OrderSide, quantity: Decimal) -> Decimal:
    """Quantity with the sign of its side."""
    return quantity if side is BUY else negate(quantity)


def _past(value: Decimal, step: Decimal) -> Decimal:
    """How far a positive value is past its grid; 0 where there is no grid."""
    return remainder(value, step) if step else ZERO
