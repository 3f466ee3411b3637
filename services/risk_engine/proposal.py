"""What is judged: a new order, or a working one as its replace would make it; and what a judgement says."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from shared.domain.exact import ONE, ZERO, add, magnitude, multiply, of_float, subtract
from shared.domain.instrument import Instrument
from shared.events import LimitBreached, OrderTerms, Reason
from shared.events.enums import BUY

from .open_order import OpenOrder
from .prices import Reference

BPS: Final = Decimal("0.0001")


class Denial(NamedTuple):
    """Why not: the limit's key, its value, and the value that met it."""

    reason: Reason
    key: str
    limit: str = ""
    value: str = ""


class Proposal(msgspec.Struct):
    """terms: whole, as they would be. source, cause, now: of the intent's envelope. replacing: the working order, None for a new one.
    soft: limits it would use by more than their soft part, filled by the checks. orders: that are judged with it, itself included."""

    order_id: str
    strategy: str
    terms: OrderTerms
    source: str
    cause: int
    now: int
    instrument: Instrument | None
    reference: Reference | None
    reduce_only: bool = False
    replacing: OpenOrder | None = None
    soft: list[LimitBreached] = msgspec.field(default_factory=list)
    orders: int = 1
    price: Decimal | None = None  # `counted_at`, once it was asked for

    @property
    def symbol(self) -> str:
        return self.terms.symbol

    @property
    def is_buy(self) -> bool:
        return self.terms.side is BUY

    @property
    def added(self) -> Decimal:
        """Units it adds to what is reserved already; ask only once the quantity is known to be valid."""
        if self.replacing is None:
            return self.terms.quantity
        return max(ZERO, subtract(self.terms.quantity, self.replacing.counted))

    def counted_at(self, collar_bps: Decimal | None) -> Decimal:
        """Price a unit of it is counted at; ask only once it has a reference."""
        price = self.price
        if price is None:
            assert self.reference is not None, "the notional check asks for a reference first"
            price = self.price = value_price(self.terms, self.reference.price, collar_bps)
        return price


def value_price(terms: OrderTerms, reference: float, collar_bps: Decimal | None) -> Decimal:
    """Price a unit an order is counted at: its limit; without one, what it would meet and, to buy, the collar above it, which is the
    worst a market order is believed to pay. A sale is counted at the better of its limit and the market: that is the money it turns over."""
    met = max(of_float(reference), terms.stop_price or ZERO)
    if terms.limit_price is not None:
        return terms.limit_price if terms.side is BUY else max(terms.limit_price, met)
    if terms.side is BUY and collar_bps is not None:
        return multiply(met, add(ONE, multiply(collar_bps, BPS)))
    return met


def shown(number: Decimal | None) -> str:
    """A foreign number for an event: short whatever it is."""
    return str(number)[:32]


def distance_bps(price: Decimal, reference: float) -> Decimal:
    """How far a price lies from the reference, in bps of it, to four decimals."""
    base = of_float(reference)
    return round(magnitude(subtract(price, base)) / base / BPS, 4)
