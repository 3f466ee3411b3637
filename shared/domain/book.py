"""One book: the cash and holdings of one strategy, or what is assigned to none.

Identity that holds exactly after every operation: `cash + sum(cost) == funding + realised - fees`, where `funding` is all money and
holdings (at cost) that came in or went out other than by trading.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from shared.events import OrderSide

from .exact import ZERO, add, magnitude, negate, subtract
from .position import Position


class Book(msgspec.Struct):
    """cash, realised, fees, funding: account currency. positions: by symbol, flat ones too, with what they earned."""

    cash: Decimal = ZERO
    positions: dict[str, Position] = msgspec.field(default_factory=dict)
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    def fill(self, symbol: str, side: OrderSide, quantity: Decimal, price: Decimal, commission: Decimal, multiplier: Decimal) -> Decimal:
        """Book one execution of `quantity` > 0 units; as `trade`."""
        return self.trade(symbol, quantity if side is OrderSide.BUY else negate(quantity), price, commission, multiplier)

    def trade(self, symbol: str, signed: Decimal, price: Decimal, commission: Decimal, multiplier: Decimal) -> Decimal:
        """Book an execution of `signed` units (bought > 0); commission in account currency (negative: a rebate). Returns the profit it
        realised, before fees."""
        position = self.position(symbol)
        position.multiplier = multiplier
        paid, profit = position.trade(signed, price)
        position.fees = add(position.fees, commission)
        self.cash = subtract(subtract(self.cash, paid), commission)
        self.realised = add(self.realised, profit)
        self.fees = add(self.fees, commission)
        return profit

    def fund(self, amount: Decimal) -> None:
        """Money in (or out, negative) that is not trading profit."""
        self.cash = add(self.cash, amount)
        self.funding = add(self.funding, amount)

    def endow(self, symbol: str, quantity: Decimal, price: Decimal, multiplier: Decimal) -> None:
        """A holding found, not bought: it comes in at its cost and moves no cash."""
        position = self.position(symbol)
        position.multiplier = multiplier
        paid, profit = position.trade(quantity, price)
        self.realised = add(self.realised, profit)
        self.funding = add(self.funding, paid)

    def position(self, symbol: str) -> Position:
        """The holding, opened flat when there is none."""
        position = self.positions.get(symbol)
        if position is None:
            position = self.positions[symbol] = Position()
        return position

    def quantity(self, symbol: str) -> Decimal:
        position = self.positions.get(symbol)
        return position.quantity if position is not None else ZERO

    def equity(self, marks: Mapping[str, float]) -> Decimal:
        """Cash and holdings at marks (price a unit); a holding without a mark counts at its cost."""
        total = self.cash
        for symbol, position in self.positions.items():
            if position.quantity:
                total = add(total, position.value(marks.get(symbol)))
        return total

    def gross(self, marks: Mapping[str, float]) -> Decimal:
        """Sum of the sizes of holdings at marks."""
        total = ZERO
        for symbol, position in self.positions.items():
            if position.quantity:
                total = add(total, magnitude(position.value(marks.get(symbol))))
        return total

    def net(self, marks: Mapping[str, float]) -> Decimal:
        """Signed sum of holdings at marks."""
        return subtract(self.equity(marks), self.cash)

    def cost(self) -> Decimal:
        """Sum of cost bases; with cash, the left side of the identity."""
        total = ZERO
        for position in self.positions.values():
            total = add(total, position.cost)
        return total
