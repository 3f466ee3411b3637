"""What one strategy's book is worth and could come to, for the limits of its own: sums that cost O(1) an order, as the account's do.

A holding counts in equity at the mark careful for its own direction, in exposure at the account's unit value (`AccountValue.unit`), which the
whole account's net decides. A symbol is valued again when the account's sum says that it moved, or the strategy's orders or holdings changed.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from shared.domain.exact import ZERO, add, magnitude, multiply
from shared.domain.exposure import Exposure
from shared.domain.ledger import Ledger
from shared.events import OrderSide

from .prices import Prices
from .reservations import Line
from .valuation import AccountValue, Amounts, StrategyValue, Valuation


class _Sums(Valuation):
    """A book's, which hears from the account's what moved."""

    def __init__(self, amounts_of: Callable[[str], Amounts], account: Valuation) -> None:
        super().__init__(amounts_of)
        self._account = account

    def total(self) -> Amounts:
        self._account.total()
        return super().total()


class BookValue:
    """Promise: `sums` equals the same sum made over every symbol the strategy holds or works."""

    def __init__(self, strategy: str, ledger: Ledger, exposure: Exposure, prices: Prices, account: AccountValue) -> None:
        self._strategy = strategy
        self._ledger = ledger
        self._exposure = exposure
        self._account = account
        self._held = StrategyValue(strategy, ledger, prices).held
        self.sums = _Sums(self._amounts, account.sums)
        self.note = self.sums.note
        account.sums.follow(self._moved)

    def total(self) -> Amounts:
        """size: of the holdings alone, at the account's unit value."""
        return self.sums.total()

    def with_line(self, line: Line, unit: Decimal) -> Amounts:
        """The total, were this the line of its symbol."""
        return self.total().exchange(self.sums.part(line.symbol), self._account.worst(line, unit))

    def grown(self, symbol: str, side: OrderSide, added: Decimal) -> Amounts:
        """The symbol's worst case with an order of so many units more."""
        return self._account.worst(self.line(symbol).grown(side, added), self._account.unit(symbol))

    def equity(self) -> Decimal:
        book = self._ledger.books.get(self._strategy)
        return ZERO if book is None else add(book.money, self.total().held)

    def line(self, symbol: str) -> Line:
        open_ = self._exposure.open(symbol)
        return Line(symbol, self._exposure.position(symbol), open_.buys, open_.sells)

    def _moved(self, symbol: str, _old: Amounts, _new: Amounts) -> None:
        if self.sums.knows(symbol):
            self.note(symbol)

    def _amounts(self, symbol: str) -> Amounts:
        line = self.line(symbol)
        if not line.position and not line.buys and not line.sells:
            return Amounts()
        unit = self._account.unit(symbol)
        size = magnitude(multiply(line.position, unit))
        return replace(self._account.worst(line, unit), held=self._held(symbol), size=size)
