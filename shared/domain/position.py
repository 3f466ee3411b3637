"""One holding, kept by exact quantity and exact cost.

Promises: the cost basis is money, not a price, so no average is ever rounded and stored; a partial close takes the closed share of the
cost and leaves the exact rest; a trade through zero closes the whole holding and opens the remainder at the trade's own price. A holding of
another currency keeps two costs: what was paid in that currency, which its average price is of, and what that was worth in the account's at
the rates of its trades, which profit is of.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from .exact import ONE, ZERO, add, magnitude, multiply, negate, of_float, share, subtract
from .money import Unit


class Abroad(msgspec.Struct, frozen=True):
    """A holding in its own currency. cost: signed money paid for what is held; contract: money a point and unit."""

    cost: Decimal = ZERO
    contract: Decimal = ONE


class Position(msgspec.Struct):
    """quantity: signed, long positive. cost: signed money paid for what is held (negative: received for a short). realised: closed
    profit before fees; fees: commissions paid. multiplier: account currency a point and unit. abroad: None where the currency is the account's."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    multiplier: Decimal = ONE
    abroad: Abroad | None = None

    @property
    def average_price(self) -> Decimal:
        """Cost a unit in the instrument's currency, for eyes and reports: rounded to 18 decimals, 0 when flat. No arithmetic of ours starts
        from it."""
        if not self.quantity:
            return ZERO
        if self.abroad is not None:
            return share(self.abroad.cost, ONE, multiply(self.quantity, self.abroad.contract))
        return share(self.cost, ONE, multiply(self.quantity, self.multiplier))

    def count_in(self, unit: Unit) -> None:
        """A point is worth this from here on; what was paid stays what it was."""
        self.multiplier = unit.multiplier
        if not unit.currency:
            self.abroad = None
        elif self.abroad is None:
            self.abroad = Abroad(share(self.cost, ONE, unit.rate), unit.contract)
        elif self.abroad.contract != unit.contract:
            self.abroad = Abroad(self.abroad.cost, unit.contract)

    def trade(self, signed: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
        """Buy (signed > 0) or sell `signed` units at price; returns (money paid, profit realised), both exact and before fees."""
        held, abroad = self.quantity, self.abroad
        if abroad is not None:
            self.abroad = Abroad(_traded(abroad.cost, held, signed, multiply(price, abroad.contract))[0], abroad.contract)
        self.cost, paid, profit = _traded(self.cost, held, signed, multiply(price, self.multiplier))
        self.quantity = add(held, signed)
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


def _traded(cost: Decimal, held: Decimal, signed: Decimal, unit: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """(cost of what is held then, money paid, profit) of a trade of `signed` units at `unit` of money each, in the currency of the cost."""
    paid = multiply(signed, unit)
    if not held or (held > 0) == (signed > 0):
        return add(cost, paid), paid, ZERO
    if magnitude(signed) < magnitude(held):
        closing, released = paid, share(cost, negate(signed), held)
    else:
        closing, released = multiply(negate(held), unit), cost
    return add(subtract(cost, released), subtract(paid, closing)), paid, negate(add(closing, released))
