"""Money sums over symbols that stay exact and cost O(1) a market event.

A symbol whose price or quantity moved is only noted; it is valued again when somebody asks for the sum. Sums are exact Decimals, so
asking earlier, later or never changes no later answer: asking from `decide` is no change of state.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from decimal import Decimal

import msgspec

from shared.domain.exact import ONE, ZERO, add, magnitude, multiply, of_float, share, subtract
from shared.domain.ledger import Ledger
from shared.events import OrderSide

from .prices import Prices
from .reservations import Line, Reservations


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """held: holdings at their marks. gross: worst-case sizes. longest, shortest: signed worst cases. size: of the holdings alone."""

    held: Decimal = ZERO
    gross: Decimal = ZERO
    longest: Decimal = ZERO
    shortest: Decimal = ZERO
    size: Decimal = ZERO

    def exchange(self, old: Amounts, new: Amounts) -> Amounts:
        """A sum with one part in place of another."""
        return Amounts(
            add(subtract(self.held, old.held), new.held),
            add(subtract(self.gross, old.gross), new.gross),
            add(subtract(self.longest, old.longest), new.longest),
            add(subtract(self.shortest, old.shortest), new.shortest),
            add(subtract(self.size, old.size), new.size),
        )


NOTHING = Amounts()


Follower = Callable[[str, Amounts, Amounts], None]  # a symbol, its part before and now


class Valuation:
    """The sum of `amounts_of(symbol)` over the symbols ever noted. Sums by any other cut follow it: they are told of every part that was made
    anew, when it is."""

    def __init__(self, amounts_of: Callable[[str], Amounts]) -> None:
        self._amounts_of = amounts_of
        self._parts: dict[str, Amounts] = {}
        self._total = NOTHING
        self._moved: set[str] = set()
        self._followers: list[Follower] = []
        self.note = self._moved.add
        self.follow = self._followers.append

    def total(self) -> Amounts:
        if not self._moved:
            return self._total
        for symbol in self._moved:
            old, part = self._parts.get(symbol, NOTHING), self._amounts_of(symbol)
            self._total = self._total.exchange(old, part)
            for follower in self._followers:
                follower(symbol, old, part)
            if part == NOTHING:
                self._parts.pop(symbol, None)
            else:
                self._parts[symbol] = part
        self._moved.clear()
        return self._total

    def symbols(self) -> AbstractSet[str]:
        """Those that have a part in it."""
        self.total()
        return self._parts.keys()

    def knows(self, symbol: str) -> bool:
        """Whether it had a part when the sum was last made."""
        return symbol in self._parts

    def part(self, symbol: str) -> Amounts:
        """One symbol's share of the total."""
        self.total()
        return self._parts.get(symbol, NOTHING)


class AccountValue:
    """What the account is worth, and what it could come to."""

    def __init__(self, ledger: Ledger, reservations: Reservations, prices: Prices) -> None:
        self._ledger = ledger
        self._reservations = reservations
        self._prices = prices
        self.sums = Valuation(self._amounts)

    def equity(self) -> Decimal:
        return add(self._ledger.money, self.sums.total().held)

    def balance(self, currency: str) -> Decimal:
        """The account's money of another currency, in it."""
        total = ZERO
        for book in self._ledger.books.values():
            total = add(total, book.balance(currency))
        return total

    def quantity(self, symbol: str) -> Decimal:
        return self._ledger.net(symbol)

    def multiplier(self, symbol: str) -> Decimal:
        return self._ledger.multiplier(symbol)

    def worth(self, amount: Decimal, currency: str) -> Decimal:
        return self._ledger.worth(amount, currency)

    def unit(self, symbol: str) -> Decimal:
        """Money a unit at the mark; what was paid a unit, or the dearest open order's, while no price is known."""
        position = self._ledger.net(symbol)
        unit = self._marked(symbol, position)
        if unit is not None:
            return unit
        paid = share(self._cost(symbol), ONE, position) if position else ZERO
        rate = self._ledger.unit(symbol).rate
        return max([magnitude(paid), *(multiply(order.unit_value, rate) for order in self._reservations.in_symbol(symbol))])

    def worst(self, line: Line, unit: Decimal, held: Decimal = ZERO) -> Amounts:
        """Worst-case money of a line at a unit value. held: of its holding alone."""
        if not line.buys and not line.sells:
            value = multiply(line.position, unit)
            size = magnitude(value)
            return Amounts(held, size, value, value, size if value == held else magnitude(held))
        longest = multiply(add(line.position, line.buys), unit)
        shortest = multiply(subtract(line.position, line.sells), unit)
        return Amounts(held, max(magnitude(longest), magnitude(shortest)), longest, shortest, magnitude(held))

    def line(self, symbol: str) -> Line:
        open_ = self._reservations.account.open(symbol)
        return Line(symbol, self._ledger.net(symbol), open_.buys, open_.sells)

    def grown(self, symbol: str, side: OrderSide, added: Decimal) -> Amounts:
        """The symbol's worst case with an order of so many units more."""
        line = self.line(symbol)
        return self.worst(line.grown(side, added), self.unit(symbol))

    def _amounts(self, symbol: str) -> Amounts:
        line = self.line(symbol)
        if not line.position and not line.buys and not line.sells and self._prices.marks(symbol) is not None:
            return NOTHING
        unit = self._marked(symbol, line.position)
        if unit is None:
            return self.worst(line, self.unit(symbol), self._cost(symbol))
        return self.worst(line, unit, multiply(line.position, unit))

    def held(self, symbol: str) -> Decimal:
        """Holdings at the mark, at their cost while no price is known."""
        position = self._ledger.net(symbol)
        unit = self._marked(symbol, position)
        return self._cost(symbol) if unit is None else multiply(position, unit)

    def abroad(self, symbol: str) -> Decimal:
        """As `held`, in the instrument's own currency; nothing while no price is known: a cost does not follow a rate."""
        return _abroad(symbol, self._ledger.net(symbol), self._ledger, self._prices)

    def holdings(self) -> tuple[Decimal, Decimal]:
        """(gross, net) money of what is held, orders left out. O(holdings)."""
        gross = net = ZERO
        for symbol in self._ledger.positions():
            value = self.held(symbol)
            gross, net = add(gross, magnitude(value)), add(net, value)
        return gross, net

    def _marked(self, symbol: str, position: Decimal) -> Decimal | None:
        """Money a unit of such a holding at its mark; None while no price is known."""
        mark = self._prices.mark(symbol, float(position))
        return None if mark is None else multiply(of_float(mark), self._ledger.multiplier(symbol))

    def _cost(self, symbol: str) -> Decimal:
        total = ZERO
        for book in self._ledger.books.values():
            position = book.positions.get(symbol)
            if position is not None:
                total = add(total, position.cost)
        return total


class StrategyValue:
    """What one strategy's book is worth, each holding at the mark careful for its own direction."""

    def __init__(self, strategy: str, ledger: Ledger, prices: Prices) -> None:
        self._strategy = strategy
        self._ledger = ledger
        self._prices = prices
        self.sums = Valuation(self._amounts)

    def equity(self) -> Decimal:
        book = self._ledger.books.get(self._strategy)
        return ZERO if book is None else add(book.money, self.sums.total().held)

    def balance(self, currency: str) -> Decimal:
        """Its money of another currency, in it."""
        book = self._ledger.books.get(self._strategy)
        return ZERO if book is None else book.balance(currency)

    def quantity(self, symbol: str) -> Decimal:
        return self._ledger.quantity(self._strategy, symbol)

    def multiplier(self, symbol: str) -> Decimal:
        return self._ledger.multiplier(symbol)

    def worth(self, amount: Decimal, currency: str) -> Decimal:
        return self._ledger.worth(amount, currency)

    def held(self, symbol: str) -> Decimal:
        book = self._ledger.books.get(self._strategy)
        position = book.positions.get(symbol) if book is not None else None
        return ZERO if position is None else position.value(self._prices.mark(symbol, float(position.quantity)))

    def abroad(self, symbol: str) -> Decimal:
        """As `AccountValue.abroad`, of its book."""
        return _abroad(symbol, self.quantity(symbol), self._ledger, self._prices)

    def _amounts(self, symbol: str) -> Amounts:
        return Amounts(held=self.held(symbol))


def _abroad(symbol: str, quantity: Decimal, ledger: Ledger, prices: Prices) -> Decimal:
    mark = prices.mark(symbol, float(quantity)) if quantity else None
    return ZERO if mark is None else multiply(multiply(quantity, of_float(mark)), ledger.unit(symbol).contract)
