"""A strategy's own book as it reads it: floats over the exact ledger, which is folded from the log and never from a strategy's memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.exact import ZERO
from shared.domain.ledger import Book
from shared.domain.position import Position as HeldPosition


@dataclass(frozen=True, slots=True)
class Position:
    """A holding. quantity: signed. avg_cost: cost a unit; current_price: newest mark, avg_cost while none is known: both in the instrument's
    currency, as its prices are. Money is in account currency, contract multiplier and newest rate included, before fees; what was paid counts at the
    rates of its fills."""

    symbol: str
    quantity: float
    avg_cost: float
    current_price: float
    market_value: float
    unrealized_pnl: float
    unrealized_pnl_pct: float
    realized_pnl: float


class Portfolio:
    """`ctx.portfolio` and, as RegimeFlow writes it, `ctx.portfolio()`: always the book as of the event at hand."""

    __slots__ = ("_book", "_mark")

    def __init__(self, book: Book, mark: Callable[[str], float | None]) -> None:
        self._book = book
        self._mark = mark

    def __call__(self) -> Portfolio:
        return self

    @property
    def cash(self) -> float:
        """Of the account's currency: the budget, less what was bought, plus what was sold, less fees."""
        return float(self._book.cash)

    @property
    def balances(self) -> dict[str, float]:
        """Money of other currencies, by currency in order; negative: owed. What is bought in one is owed in it."""
        held = self._book.balances
        return {currency: float(held[currency].quantity) for currency in sorted(held) if held[currency].quantity}

    @property
    def equity(self) -> float:
        """Cash, balances at their rates and holdings at their marks; a holding without a mark counts at its cost."""
        return float(self._book.equity(self._marks()))

    @property
    def gross_exposure(self) -> float:
        return float(self._book.gross(self._marks()))

    @property
    def net_exposure(self) -> float:
        return float(self._book.net(self._marks()))

    @property
    def leverage(self) -> float:
        """Gross exposure over equity; 0 where equity is not positive."""
        equity = self.equity
        return self.gross_exposure / equity if equity > 0.0 else 0.0

    @property
    def realized_pnl(self) -> float:
        """Closed profit before fees, of balances by their rates too."""
        return float(self._book.realised)

    @property
    def fees(self) -> float:
        return float(self._book.fees)

    def quantity(self, symbol: str) -> Decimal:
        """Signed units, exact; 0 when flat."""
        held = self._book.positions.get(symbol)
        return ZERO if held is None else held.quantity

    def get_position(self, symbol: str) -> Position | None:
        """None when flat."""
        held = self._book.positions.get(symbol)
        return self._view(symbol, held) if held is not None and held.quantity else None

    def get_all_positions(self) -> list[Position]:
        """Those not flat, by symbol."""
        positions = self._book.positions
        return [self._view(s, positions[s]) for s in sorted(positions) if positions[s].quantity]

    def _marks(self) -> dict[str, float]:
        return {s: mark for s, p in self._book.positions.items() if p.quantity and (mark := self._mark(s)) is not None}

    def _view(self, symbol: str, held: HeldPosition) -> Position:
        mark = self._mark(symbol)
        average = float(held.average_price)
        value, unrealised, cost = float(held.value(mark)), float(held.unrealised(mark)), float(held.cost)
        return Position(
            symbol=symbol,
            quantity=float(held.quantity),
            avg_cost=average,
            current_price=average if mark is None else mark,
            market_value=value,
            unrealized_pnl=unrealised,
            unrealized_pnl_pct=unrealised / abs(cost) if cost else 0.0,
            realized_pnl=float(held.realised),
        )
