"""The open orders of one symbol, in order of arrival, with what is due later: arrivals, cancels, replaces, expiries.

A book knows when a price cannot concern it (`quiet`), so that a resting stop does not make every bar expensive.
"""

from __future__ import annotations

from bisect import insort
from enum import Enum
from math import inf
from typing import Final

import msgspec

from shared.events import OrderTerms, OrderType

from .orders import Role, Working

NEVER: Final = 1 << 62  # later than any ns we meet; keeps comparisons between ints
STALE_ACTS_MAX: Final = 16


class Act(Enum):
    """What happens at its time."""

    ARRIVE = 1
    CANCEL = 2
    REPLACE = 3
    EXPIRE = 4


class Due(msgspec.Struct, array_like=True, order=True, gc=False):
    """Sorted by time, then by when it was asked for. replacement: the new client_order_id (REPLACE)."""

    ns: int
    number: int
    act: int
    client_order_id: str
    replacement: str = ""


class Replacement(msgspec.Struct, array_like=True):
    """A replace on its way: terms of the order that will take the place of `replaces`."""

    client_order_id: str
    broker_order_id: str
    replaces: str
    terms: OrderTerms
    asked_ns: int


class Book:
    """low, high: while the market stays strictly between them and before `due`, no order here can trade or change."""

    __slots__ = ("acts", "due", "high", "low", "orders", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.orders: list[Working] = []
        self.acts: list[Due] = []
        self.low = inf
        self.high = -inf
        self.due = 0

    def plan(self, due: Due) -> None:
        insort(self.acts, due)

    def find(self, client_order_id: str) -> Working | None:
        return next((o for o in self.orders if o.client_order_id == client_order_id), None)

    def remove(self, order: Working) -> None:
        self.orders.remove(order)

    def settle(self, tick: float, session_end: int) -> None:
        """Work out the quiet band anew. session_end: ns when the session under way ends (NEVER: none told)."""
        if len(self.acts) > 2 * len(self.orders) + STALE_ACTS_MAX:  # expiries of orders that ended long before
            open_ids = {order.client_order_id for order in self.orders}
            self.acts = [act for act in self.acts if act.replacement or act.client_order_id in open_ids]
        low, high = 0.0, inf
        due = self.acts[0].ns if self.acts else NEVER
        for order in self.orders:
            levels = _levels(order)
            if levels is None:
                low, high = inf, -inf
                break
            below, above = levels
            low, high = max(low, below + tick), min(high, above - tick)
            if order.for_the_day and order.effective_ns < session_end:
                due = min(due, session_end)
        self.low, self.high, self.due = low, high, due


def _levels(order: Working) -> tuple[float, float] | None:
    """(falls to, rises to): prices that concern the order; None when every price does."""
    terms, role = order.terms, order.role
    if not order.active:
        return 0.0, inf  # its arrival is a planned act
    if role is Role.LIMIT and order.rested and terms.limit_price is not None:
        level = float(terms.limit_price)
        return (level, inf) if order.is_buy else (0.0, level)
    if role is Role.STOP and terms.type is not OrderType.TRAILING_STOP and terms.stop_price is not None:
        level = float(terms.stop_price)
        return (0.0, level) if order.is_buy else (level, inf)
    return None
