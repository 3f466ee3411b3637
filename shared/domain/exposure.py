"""Worst-case exposure in units: what is held plus every order that may still fill.

Promise: after any sequence of reservations, `longest` and `shortest` bound every holding that the open orders can lead to, whatever fills
first. Updates and questions are O(1). Holdings are asked of their owner (a ledger), so there is one truth of a position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from shared.events import OrderSide
from shared.events.enums import BUY

from .exact import ZERO, add, magnitude, negate, subtract


class Open(msgspec.Struct):
    """Units that may still be bought and sold, and how many orders that is."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO
    orders: int = 0


class Exposure:
    """Open quantity by symbol, over holdings answered by `position_of`."""

    def __init__(self, position_of: Callable[[str], Decimal]) -> None:
        self._position_of = position_of
        self._open: dict[str, Open] = {}
        self.orders = 0

    def add_order(self, symbol: str, side: OrderSide, leaves: Decimal) -> None:
        """An order may fill up to `leaves` units from now on."""
        line = self._open.setdefault(symbol, Open())
        line.orders += 1
        self.orders += 1
        self._shift(line, side, leaves)

    def change(self, symbol: str, side: OrderSide, by: Decimal) -> None:
        """An open order may fill `by` units more (or less, negative)."""
        self._shift(self._open[symbol], side, by)

    def end_order(self, symbol: str, side: OrderSide, leaves: Decimal) -> None:
        """An order that still counted `leaves` units can fill no more."""
        line = self._open[symbol]
        line.orders -= 1
        self.orders -= 1
        self._shift(line, side, negate(leaves))
        if not line.orders:
            assert line.buys == line.sells == 0, f"{symbol}: open quantity without an order"
            del self._open[symbol]

    def position(self, symbol: str) -> Decimal:
        return self._position_of(symbol)

    def open(self, symbol: str) -> Open:
        """What is open in a symbol; not to be changed by the caller."""
        return self._open.get(symbol) or Open()

    def longest(self, symbol: str) -> Decimal:
        """The holding if every open buy and no open sell fills."""
        line = self._open.get(symbol)
        position = self._position_of(symbol)
        return position if line is None else add(position, line.buys)

    def shortest(self, symbol: str) -> Decimal:
        """The holding if every open sell and no open buy fills."""
        line = self._open.get(symbol)
        position = self._position_of(symbol)
        return position if line is None else subtract(position, line.sells)

    def worst(self, symbol: str) -> Decimal:
        """The larger size of the two, unsigned."""
        return max(magnitude(self.longest(symbol)), magnitude(self.shortest(symbol)))

    def room_to_reduce(self, symbol: str, side: OrderSide) -> Decimal:
        """Units an order of this side may have and be sure to shrink the holding and not to turn it over, whatever else fills; 0: none."""
        position = self._position_of(symbol)
        if side is BUY:
            return max(ZERO, negate(self.longest(symbol))) if position < 0 else ZERO
        return max(ZERO, self.shortest(symbol)) if position > 0 else ZERO

    def symbols(self) -> Iterable[str]:
        """Symbols with an open order."""
        return self._open.keys()

    @staticmethod
    def _shift(line: Open, side: OrderSide, by: Decimal) -> None:
        if side is BUY:
            line.buys = add(line.buys, by)
            assert line.buys >= 0, "more open buys were released than reserved"
        else:
            line.sells = add(line.sells, by)
            assert line.sells >= 0, "more open sells were released than reserved"
