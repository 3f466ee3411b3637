"""Prices our own orders rest at, sorted by symbol and side: whether a new order would meet any of them is one comparison.

Derived from the open orders. Each order stands with every price the broker may work it at: its limit, those of open replaces, the one a market
order was routed with.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from shared.events import OrderSide, OrderType

from .open_order import OpenOrder


def prices(order: OpenOrder) -> Iterator[Decimal]:
    """Prices it may rest at; of one that rests nowhere none."""
    for terms in (order.terms, *(terms for _, terms in order.pending)):
        limit = terms.limit_price if terms.type is OrderType.LIMIT else order.resting
        if limit is not None:
            yield limit


class Resting:
    """An ascending list of prices for each symbol and side with any."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, OrderSide], list[Decimal]] = {}

    def add(self, order: OpenOrder) -> None:
        for price in prices(order):
            insort(self._prices.setdefault((order.symbol, order.side), []), price)

    def remove(self, order: OpenOrder) -> None:
        """As it stood when it was added."""
        key = order.symbol, order.side
        for price in prices(order):
            known = self._prices[key]
            del known[bisect_left(known, price)]
            if not known:
                del self._prices[key]

    def meets(self, symbol: str, side: OrderSide, price: Decimal) -> bool:
        """Whether an order of this side, ready for this price, would meet one of the other side."""
        if side is OrderSide.BUY:
            sells = self._prices.get((symbol, OrderSide.SELL))
            return sells is not None and sells[0] <= price
        buys = self._prices.get((symbol, OrderSide.BUY))
        return buys is not None and buys[-1] >= price
