"""What a strategy computed, put on the steps of its instrument: whole lots and prices on the tick. Before the instrument is known a lot is
one unit, as in RegimeFlow, and a price stays as it is."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from shared.events import InstrumentDefined, OrderSide


def in_lots(instrument: InstrumentDefined | None, quantity: Decimal) -> Decimal:
    """The nearest number of lots, halves up, at least one."""
    lot = instrument.lot_size if instrument is not None else Decimal(1)
    lots = (quantity / lot).to_integral_value(ROUND_HALF_UP)
    return max(lots, Decimal(1)) * lot


def on_tick(instrument: InstrumentDefined | None, price: Decimal, side: OrderSide) -> Decimal:
    """The next price on the tick that is no worse for the one who waits: down for a buyer, up for a seller."""
    if instrument is None:
        return price
    rounding = ROUND_FLOOR if side is OrderSide.BUY else ROUND_CEILING
    return (price / instrument.tick_size).to_integral_value(rounding) * instrument.tick_size
