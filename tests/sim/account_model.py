"""The account, written a second way: holdings by book, cash, what is booked (I6)."""

from __future__ import annotations

from collections import Counter, defaultdict

from shared import events as ev
from shared.events import Envelope

from .truth import ZERO, hold, signed


class AccountModel:
    """books: holdings by owner and symbol; positions: of the account; cash: moved since the opening; executions: booked."""

    def __init__(self) -> None:
        self.positions: Counter[str] = Counter()
        self.books: dict[str, Counter[str]] = defaultdict(Counter)
        self.cash = ZERO
        self.executions: set[str] = set()
        self._opened: ev.AccountOpened | None = None

    def opened(self, e: ev.AccountOpened, _: Envelope) -> None:
        hold(self._opened is None, "I6", "the account is opened twice")
        self._opened = e

    def filled(self, e: ev.OrderFilled) -> None:
        quantity = signed(e.side, e.quantity)
        self.positions[e.symbol] += quantity  # type: ignore[assignment]  # Decimals
        self.books[e.strategy][e.symbol] += quantity  # type: ignore[assignment]
        self.cash -= quantity * e.price + e.commission
        for symbol, held in self.positions.items():
            hold(held == sum(book[symbol] for book in self.books.values()), "I6", f"books of {symbol} do not add up")
