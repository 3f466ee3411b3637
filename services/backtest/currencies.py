"""Other currencies as a run's record needs them: rates in time, and what an amount was worth when it moved."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from shared.domain.exact import ONE, multiply, subtract, total
from shared.domain.ledger import Ledger
from shared.events import CurrencyRate
from shared.metrics.record import CashRecord, Exchange, Prices
from shared.metrics.trades import owner

from .curve import Rates, Steps


class Moved(NamedTuple):
    """Money that came or went. currency: empty for the account's own; rate: None where none was known yet."""

    ts_ns: int
    kind: str
    amount: Decimal
    currency: str
    rate: Decimal | None


class Currencies:
    """found: balances the account opened with; flows: money in and out since."""

    def __init__(self) -> None:
        self.rates = Rates()
        self.found: list[Moved] = []
        self.flows: list[Moved] = []
        self._first: dict[str, Decimal] = {}
        self._newest: dict[str, Decimal] = {}

    def rated(self, now: int, told: CurrencyRate) -> None:
        self._first.setdefault(told.currency, told.rate)
        self._newest[told.currency] = told.rate
        self.rates.history.setdefault(told.currency, Steps()).add(now, float(told.rate))

    def moved(self, now: int, kind: str, amount: Decimal, currency: str) -> Moved:
        """currency: empty for the account's own."""
        return Moved(now, kind, amount, currency, self._newest.get(currency))

    def opening_worth(self) -> Decimal:
        """Of the balances the account opened with."""
        return total(self._worth(m) for m in self.found)

    def cash_flows(self) -> list[CashRecord]:
        return [CashRecord(m.ts_ns, m.kind, self._worth(m)) for m in self.flows]

    def exchange(self, ledger: Ledger) -> Exchange | None:
        """None for a run of one currency."""
        books = {name: book for name, book in ledger.books.items() if book.balances}
        if not books:
            return None
        return Exchange(
            result=total(book.exchange() for book in books.values()),
            by_strategy={owner(name): books[name].exchange() for name in sorted(books)},
            balances=ledger.balances(),
            worth=subtract(ledger.money, ledger.cash),
            rates=self._newest,
            history={currency: Prices(steps.times, steps.values) for currency, steps in self.rates.history.items()},
        )

    def _worth(self, m: Moved) -> Decimal:
        """At the first rate where none was known yet, which is what the books made of it then."""
        rate = m.rate if m.rate is not None else self._first.get(m.currency, ONE)
        return multiply(m.amount, rate) if m.currency else m.amount
