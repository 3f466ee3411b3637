"""Which orders the venue takes: one table of type x time in force, and the checks of one order's terms.

The table is also what the paper adapter declares as its capabilities. Stops are not taken with IOC or FOK (what would be immediate about
a trigger?), auction orders only for the day whose auction they want.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from shared.events import OrderTerms, OrderType, TimeInForce

from .prices import is_multiple, reasonable

_RESTING: Final = frozenset({TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD})
_ANY: Final = frozenset(TimeInForce)

ACCEPTED: Final[dict[OrderType, frozenset[TimeInForce]]] = {
    OrderType.MARKET: _ANY,
    OrderType.LIMIT: _ANY,
    OrderType.STOP: _RESTING,
    OrderType.STOP_LIMIT: _RESTING,
    OrderType.TRAILING_STOP: _RESTING,
    OrderType.MARKET_ON_OPEN: frozenset({TimeInForce.DAY}),
    OrderType.MARKET_ON_CLOSE: frozenset({TimeInForce.DAY}),
}
_NEEDS_LIMIT: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_NEEDS_STOP: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})

Fault = tuple[str, str]  # (code, text)


def fault_of(terms: OrderTerms, tick: Decimal, lot: Decimal, now_ns: int) -> Fault | None:
    """The first thing wrong with the terms, or None. Codes are stable, texts are for people."""
    kind, tif = terms.type, terms.tif
    if tif not in ACCEPTED[kind]:
        return "unsupported_time_in_force", f"{kind} is not taken with {tif}"
    if not reasonable(terms.quantity) or terms.quantity <= 0:
        return "bad_quantity", f"quantity must be above 0, not {terms.quantity}"
    if not is_multiple(terms.quantity, lot):
        return "off_lot", f"quantity {terms.quantity} is no multiple of {lot}"
    for name, price, needed in (
        ("limit_price", terms.limit_price, kind in _NEEDS_LIMIT),
        ("stop_price", terms.stop_price, kind in _NEEDS_STOP),
    ):
        fault = _price_fault(name, price, needed, kind, tick)
        if fault:
            return fault
    fault = _trail_fault(terms)
    if fault:
        return fault
    if tif is TimeInForce.GTD and terms.expire_at <= now_ns:
        return "bad_expiry", f"expire_at {terms.expire_at} is not after now ({now_ns})"
    if tif is not TimeInForce.GTD and terms.expire_at:
        return "bad_expiry", f"expire_at is for gtd, not {tif}"
    return None


def _price_fault(name: str, price: Decimal | None, needed: bool, kind: OrderType, tick: Decimal) -> Fault | None:
    if (price is not None) != needed:
        return "bad_price", f"{kind} {'needs' if needed else 'takes no'} {name}"
    if price is None:
        return None
    if not reasonable(price) or price <= 0:
        return "bad_price", f"{name} must be above 0, not {price}"
    if not is_multiple(price, tick):
        return "off_tick", f"{name} {price} is no multiple of {tick}"
    return None


def _trail_fault(terms: OrderTerms) -> Fault | None:
    given = [value for value in (terms.trail_price, terms.trail_percent) if value is not None]
    if terms.type is not OrderType.TRAILING_STOP:
        return ("bad_price", f"{terms.type} takes no trail") if given else None
    if len(given) != 1 or not reasonable(given[0]) or given[0] <= 0:
        return "bad_price", "trailing_stop needs one of trail_price and trail_percent, above 0"
    if terms.trail_percent is not None and terms.trail_percent >= 100:
        return "bad_price", "trail_percent must be below 100"
    return None
