"""One holding, kept by exact quantity and exact cost.

Promises: the cost basis is money, not a price, so no average is ever rounded and stored; a partial close takes the closed share of the
cost and leaves the exact rest; a trade through zero closes the whole holding and opens the remainder at the trade's own price.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from .exact import ONE, ZERO, add, magnitude, multiply, negate, of_float, share, subtract


class Position(msgspec.Struct):
    """quantity: signed, long positive. cost: signed money paid for what is held (negative: received for a short). realised: closed
    profit before fees; fees: commissions paid. multiplier: account currency a point and unit."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    multiplier: Decimal = ONE

    @property
    def average_price(self) -> Decimal:
        """Cost a unit, for eyes and reports: rounded to 18 decimals, 0 when flat. No arithmetic of ours starts from it."""
        if not self.quantity:
            return ZERO
        return share(self.cost, ONE, multiply(self.quantity, self.multiplier))

    def trade(self, signed: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
        """Buy (signed > 0) or sell `signed` units at price; returns (money paid, profit realised), both exact and before fees."""
        unit = multiply(price, self.multiplier)
        paid = multiply(signed, unit)
        held = self.quantity
        if not held or (held > 0) == (signed > 0):
            self.quantity = add(held, signed)
            self.cost = add(self.cost, paid)
            return paid, ZERO
        if magnitude(signed) < magnitude(held):
            paid_to_close = paid
            released = share(self.cost, negate(signed), held)
        else:
            paid_to_close = multiply(negate(held), unit)
            released = self.cost
        profit = negate(add(paid_to_close, released))
        self.quantity = add(held, signed)
        self.cost = add(subtract(self.cost, released), subtract(paid, paid_to_close))
        self.realised = add(self.realised, profit)
        return paid, profit

    def value(self, mark: float | None) -> Decimal:
        """Signed money it is worth at mark; at its cost while no mark is known."""
        if mark is None or not self.quantity:
            return self.cost
        return multiply(multiply(self.quantity, self.multiplier), of_float(mark))

    def unrealised(self, mark: float | None) -> Decimal:
        """Profit not yet closed, before fees."""
        return subtract(self.value(mark), self.cost)
