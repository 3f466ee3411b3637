"""What a run leaves behind, gathered while it runs: an observer of the log that changes nothing.

It is told of settled events by type (`Recorder.observers`), never of the feed's rows; those it gets as blocks (`tape`). The books it keeps are the
shared ledger, folded from the same events as everybody's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from services.gateway.feeds.port import Block
from services.gateway.feeds.replay import begins
from shared.domain.exact import ONE, ZERO, add, multiply, share, subtract, total
from shared.domain.ledger import Book, Ledger
from shared.domain.money import Unit
from shared.events import (
    AccountOpened,
    CashFlow,
    CurrencyRate,
    Envelope,
    Event,
    FillCorrected,
    OrderAbandoned,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderReplaced,
    OrderStatus,
    OrderTerms,
)
from shared.metrics.record import FillRecord, OrderRecord

from .currencies import Currencies
from .curve import BookSteps
from .marks import Marks, Tape

DENIED: Final = "denied"
EXECUTIONS: Final = (OrderFilled, FillCorrected)
COUNTED: Final[dict[type[Event], str]] = {
    OrderIntent: "intents",
    OrderApproved: "approved",
    OrderDenied: "denied",
    OrderRejected: "rejected",
    OrderFilled: "filled",
    OrderCanceled: "canceled",
    OrderExpired: "expired",
}


@dataclass(slots=True)
class _Order:
    terms: OrderTerms
    strategy: str
    submitted_ns: int
    ended_ns: int = 0
    status: OrderStatus | str = OrderStatus.PENDING_NEW
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    reason: str = ""


class Recorder:
    """budgets: cash of each strategy's book."""

    def __init__(self, budgets: Mapping[str, Decimal]) -> None:
        self.ledger = Ledger(budgets)
        self.tape = Tape()
        self.account = BookSteps()
        self.books = {strategy: BookSteps() for strategy in budgets}
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTED.values(), 0))
        self.denials: Counter[str] = Counter()
        self.started_ns = 0
        self.currencies = Currencies()
        self._fills: list[tuple[int, OrderFilled, Unit, Decimal]] = []  # unit and fee: as they were worth then
        self._orders: dict[str, _Order] = {}
        self._book_all(0)

    @property
    def observers(self) -> Mapping[type[Event], Callable[[Envelope], None]]:
        """What is called with each settled event of these types."""
        found: dict[type[Event], Callable[[Envelope], None]] = dict.fromkeys(self.ledger.kinds, self._booked)
        ends = (OrderCanceled, OrderExpired, OrderRejected, OrderAbandoned)
        return {
            **found,
            OrderFilled: self._filled,
            CashFlow: self._flowed,
            CurrencyRate: self._rated,
            AccountOpened: self._account_opened,
            OrderIntent: self._opened,
            OrderApproved: self._opened,
            OrderDenied: self._denied,
            OrderReplaced: self._replaced,
            **dict.fromkeys(ends, self._ended),
        }

    def begun(self, block: Block) -> None:
        """The first block tells when the run begins."""
        if not self.started_ns and block.times:
            self.started_ns = begins(block.times[0], block.events[0])

    # -- orders

    def _opened(self, e: Envelope) -> None:
        """By an intent; by its approval where risk itself ordered."""
        event: Any = e.event
        self._count(event)
        if event.order_id not in self._orders:
            self._orders[event.order_id] = _Order(event.terms, event.strategy, e.ts_ns)
        elif isinstance(event, OrderApproved):
            self._orders[event.order_id].status = OrderStatus.NEW

    def _denied(self, e: Envelope) -> None:
        event: Any = e.event
        self.denials[event.reason.name.lower()] += 1
        self._end(e, DENIED, f"{event.reason.name.lower()}: {event.key}" if event.key else event.reason.name.lower())

    def _ended(self, e: Envelope) -> None:
        event: Any = e.event
        kind = type(event)
        if kind is OrderRejected:
            self._end(e, OrderStatus.REJECTED, f"{event.code}: {event.text}")
        elif kind is OrderExpired:
            self._end(e, OrderStatus.EXPIRED, "")
        else:
            self._end(e, OrderStatus.CANCELLED if kind is OrderCanceled else OrderStatus.INACTIVE, event.text)

    def _end(self, e: Envelope, status: OrderStatus | str, reason: str) -> None:
        event: Any = e.event
        self._count(event)
        order = self._orders.get(event.order_id)
        if order is not None:
            order.ended_ns, order.status, order.reason = e.ts_ns, status, reason

    def _replaced(self, e: Envelope) -> None:
        event: Any = e.event
        order = self._orders.get(event.order_id)
        if order is not None:
            order.terms = event.terms

    def _count(self, event: OrderEvent) -> None:
        name = COUNTED.get(type(event))
        if name is not None:
            self.counts[name] += 1

    # -- money

    def _filled(self, e: Envelope) -> None:
        fill: Any = e.event
        self._count(fill)
        order = self._orders.get(fill.order_id)
        if order is not None:
            order.filled, order.paid = add(order.filled, fill.quantity), add(order.paid, multiply(fill.quantity, fill.price))
            done = fill.leaves <= 0
            order.status = OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED
            if done:
                order.ended_ns = e.ts_ns
        self._booked(e)
        ledger = self.ledger
        self._fills.append((e.ts_ns, fill, ledger.unit(fill.symbol), ledger.worth(fill.commission, fill.currency)))

    def _flowed(self, e: Envelope) -> None:
        flow: Any = e.event
        self.currencies.flows.append(self.currencies.moved(e.ts_ns, str(flow.kind), flow.amount, self._foreign(flow.currency)))
        self._booked(e)

    def _account_opened(self, e: Envelope) -> None:
        opened: Any = e.event
        self.currencies.found += [self.currencies.moved(e.ts_ns, "opening", row.amount, row.currency) for row in opened.balances]
        self._booked(e)

    def _rated(self, e: Envelope) -> None:
        """What is held is noted in its currency, so nothing but the rate moves."""
        told: Any = e.event
        self.ledger.apply(told)
        self.currencies.rated(e.ts_ns, told)

    def _foreign(self, currency: str) -> str:
        return currency if currency != self.ledger.currency else ""

    def _booked(self, e: Envelope) -> None:
        """Fold it and note what stands now."""
        event: Any = e.event
        self.ledger.apply(event)
        if not isinstance(event, EXECUTIONS):
            self._book_all(e.ts_ns)
            return
        ledger, now, symbol = self.ledger, e.ts_ns, event.symbol
        abroad = ledger.unit(symbol).currency or self._foreign(event.currency)
        self.account.cash.add(now, float(ledger.cash))
        self.account.hold(now, symbol, self._units(symbol, ledger.net(symbol)))
        if abroad:
            self.account.owe(now, _floats(ledger.balances()))
        steps = self.books.get(event.strategy)
        if steps is not None:
            book = ledger.book(event.strategy)
            steps.cash.add(now, float(book.cash))
            steps.hold(now, symbol, self._units(symbol, book.quantity(symbol)))
            if abroad:
                steps.owe(now, _balances(book))

    def _book_all(self, now: int) -> None:
        ledger = self.ledger
        self.account.cash.add(now, float(ledger.cash))
        self.account.owe(now, _floats(ledger.balances()))
        for symbol in {symbol for book in ledger.books.values() for symbol in book.positions}:
            self.account.hold(now, symbol, self._units(symbol, ledger.net(symbol)))
        for strategy, steps in self.books.items():
            book = ledger.book(strategy)
            steps.cash.add(now, float(book.cash))
            steps.owe(now, _balances(book))
            for symbol in book.positions:
                steps.hold(now, symbol, self._units(symbol, book.quantity(symbol)))

    def _units(self, symbol: str, quantity: Decimal) -> float:
        """x money of its currency a point."""
        unit = self.ledger.unit(symbol)
        if unit.currency:
            self.currencies.rates.currencies[symbol] = unit.currency
        return float(multiply(quantity, unit.contract))

    # -- at the end

    def fills(self, marks: Mapping[str, Marks]) -> list[FillRecord]:
        """With what each cost against the middle of the market when its order was submitted."""
        return [self._fill(now, fill, unit, fee, marks.get(fill.symbol)) for now, fill, unit, fee in self._fills]

    def orders(self) -> list[OrderRecord]:
        """In order of submission."""
        return [
            OrderRecord(
                order_id,
                o.strategy,
                o.terms.symbol,
                o.terms.side,
                o.terms.type,
                o.terms.tif,
                o.terms.quantity,
                o.terms.limit_price,
                o.terms.stop_price,
                o.submitted_ns,
                o.ended_ns,
                o.status,
                o.filled,
                share(o.paid, ONE, o.filled) if o.filled else None,
                o.reason,
            )
            for order_id, o in self._orders.items()
        ]

    def realised(self) -> Decimal:
        """By trading, of all books, before fees; what balances made by their rates is `Currencies.exchange`."""
        books = self.ledger.books.values()
        return subtract(total(book.realised for book in books), total(held.realised for book in books for held in book.balances.values()))

    def fees(self) -> Decimal:
        """Paid by all books."""
        return total(book.fees for book in self.ledger.books.values())

    def _fill(self, now: int, fill: OrderFilled, unit: Unit, fee: Decimal, marks: Marks | None) -> FillRecord:
        order = self._orders.get(fill.order_id)
        slippage = 0.0
        if order is not None and marks is not None:
            worse = float(fill.price) - marks.middle(order.submitted_ns)
            slippage = worse if fill.side == "buy" else -worse
        return FillRecord(
            now,
            fill.execution_id,
            fill.order_id,
            fill.strategy,
            fill.symbol,
            fill.side,
            fill.quantity,
            fill.price,
            fee,
            unit.multiplier,
            slippage,
            "maker" if fill.is_maker else "taker",
            unit.currency,
            unit.rate,
        )


def _floats(amounts: Mapping[str, Decimal]) -> dict[str, float]:
    return {currency: float(amount) for currency, amount in amounts.items()}


def _balances(book: Book) -> dict[str, float]:
    return {currency: float(held.quantity) for currency, held in book.balances.items()}
