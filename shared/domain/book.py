"""One book: the cash and holdings of one strategy, or what is assigned to none.

Identity that holds exactly after every operation: `cash + sum(cost) == funding + realised - fees`, where `funding` is all money and
holdings (at cost) that came in or went out other than by trading, and `cost` that of balances in other currencies too. An instrument of another
currency is paid for in it: its balance moves, the account's own cash does not. What a balance earns or loses by its rate is profit like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from .exact import ONE, ZERO, add, magnitude, multiply, negate, subtract, total
from .money import PLAIN, Unit
from .position import Abroad, Position


class Book(msgspec.Struct):
    """cash: in the account's currency. balances: by other currency, its money as a holding of which a unit is worth the rate. realised, fees,
    funding: account currency. positions: by symbol, flat ones too, with what they earned."""

    cash: Decimal = ZERO
    positions: dict[str, Position] = msgspec.field(default_factory=dict)
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    balances: dict[str, Position] = msgspec.field(default_factory=dict)

    def trade(self, symbol: str, signed: Decimal, price: Decimal, unit: Unit = PLAIN) -> Decimal:
        """Book an execution of `signed` units (bought > 0). Returns the profit it realised, before fees."""
        position = self.position(symbol)
        position.count_in(unit)
        paid, profit = position.trade(signed, price)
        if unit.currency:
            self._move(unit.currency, negate(multiply(multiply(signed, price), unit.contract)), unit.rate)
        else:
            self.cash = subtract(self.cash, paid)
        self.realised = add(self.realised, profit)
        return profit

    def charge(self, symbol: str, commission: Decimal, currency: str = "", rate: Decimal = ONE) -> None:
        """A fee for trading the symbol (negative: a rebate), in the account's currency, or in another at its rate."""
        worth = self.pay(negate(commission), currency, rate)
        position = self.position(symbol)
        position.fees = subtract(position.fees, worth)
        self.fees = subtract(self.fees, worth)

    def fund(self, amount: Decimal, currency: str = "", rate: Decimal = ONE) -> None:
        """Money in (or out, negative) that is not trading profit."""
        self.funding = add(self.funding, self.pay(amount, currency, rate))

    def endow(self, symbol: str, quantity: Decimal, price: Decimal, unit: Unit = PLAIN) -> None:
        """A holding found, not bought: it comes in at its cost and moves no cash."""
        position = self.position(symbol)
        position.count_in(unit)
        paid, profit = position.trade(quantity, price)
        self.realised = add(self.realised, profit)
        self.funding = add(self.funding, paid)

    def pay(self, amount: Decimal, currency: str = "", rate: Decimal = ONE) -> Decimal:
        """Move cash, or the balance of another currency; what that is worth in the account's currency."""
        if currency:
            return self._move(currency, amount, rate)
        self.cash = add(self.cash, amount)
        return amount

    def _move(self, currency: str, amount: Decimal, rate: Decimal) -> Decimal:
        balance = self.balances.get(currency)
        if balance is None:
            balance = self.balances[currency] = Position()
        balance.multiplier = rate
        worth, profit = balance.trade(amount, ONE)
        self.realised = add(self.realised, profit)
        return worth

    def rate(self, currency: str, rate: Decimal) -> None:
        """What money of that currency is worth from here on."""
        balance = self.balances.get(currency)
        if balance is not None:
            balance.multiplier = rate

    def learn(self, symbol: str, unit: Unit) -> None:
        """The unit of a holding that was counted one to one: what was paid for it is known only now, and comes in as it did."""
        position = self.positions.get(symbol)
        if position is not None:
            points = position.cost
            position.abroad = Abroad(multiply(points, unit.contract), unit.contract) if unit.currency else None
            self._recount(position, multiply(points, unit.multiplier))

    def learn_rate(self, currency: str, rate: Decimal, symbols: Iterable[str]) -> None:
        """The first rate of a currency: what was paid in it so far was counted one to one."""
        balance = self.balances.get(currency)
        if balance is not None:
            self._recount(balance, multiply(balance.quantity, rate))
        for symbol in symbols:
            position = self.positions.get(symbol)
            if position is not None and position.abroad is not None:
                self._recount(position, multiply(position.abroad.cost, rate))

    def _recount(self, held: Position, cost: Decimal) -> None:
        self.funding = add(self.funding, subtract(cost, held.cost))
        held.cost = cost

    def position(self, symbol: str) -> Position:
        """The holding, opened flat when there is none."""
        position = self.positions.get(symbol)
        if position is None:
            position = self.positions[symbol] = Position()
        return position

    def quantity(self, symbol: str) -> Decimal:
        position = self.positions.get(symbol)
        return position.quantity if position is not None else ZERO

    def balance(self, currency: str) -> Decimal:
        """Money of another currency; negative: owed."""
        balance = self.balances.get(currency)
        return balance.quantity if balance is not None else ZERO

    @property
    def untouched(self) -> bool:
        """Nothing was ever booked in it: a zero that sums came to is spelled as they were, and a state keeps it."""
        return self == Book() and {str(x) for x in (self.cash, self.realised, self.fees, self.funding)} == {"0"}

    @property
    def money(self) -> Decimal:
        """Cash, and what balances of other currencies are worth at their rates."""
        if not self.balances:
            return self.cash
        return total((multiply(b.quantity, b.multiplier) for b in self.balances.values()), self.cash)

    def exchange(self) -> Decimal:
        """What the balances earned or lost by their rates, closed or not."""
        return total(add(b.realised, b.unrealised(1.0)) for b in self.balances.values())

    def equity(self, marks: Mapping[str, float]) -> Decimal:
        """Money and holdings at marks (price a unit); a holding without a mark counts at its cost."""
        return total((p.value(marks.get(symbol)) for symbol, p in self.positions.items() if p.quantity), self.money)

    def gross(self, marks: Mapping[str, float]) -> Decimal:
        """Sum of the sizes of holdings at marks."""
        return total(magnitude(p.value(marks.get(symbol))) for symbol, p in self.positions.items() if p.quantity)

    def net(self, marks: Mapping[str, float]) -> Decimal:
        """Signed sum of holdings at marks."""
        return subtract(self.equity(marks), self.money)

    def cost(self) -> Decimal:
        """Sum of cost bases, balances included; with cash, the left side of the identity."""
        return total(held.cost for held in (*self.positions.values(), *self.balances.values()))
