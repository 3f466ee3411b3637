"""Closing the account's holdings on command, in any trading state, without ever turning one over.

An operator's flatten cancels what works in a symbol and closes, at market, what no order still working could close too. What a cancel
sets free, or a late fill adds, is closed when that is known: the symbol stays in flattening until it is flat and nothing works in it.
A closing order that ends without having filled ends the flattening with an alert; it is not tried again by itself. One that was abandoned
after its deadline never left: risk itself was away, so it is closed anew. So it is where a halt said since took the order with all others.

Closing orders that nobody was there to approve are approved as a run begins (`beginning`). Where books may be old, since nobody has compared them
with the broker since everything started, or since its line was away, they wait for the first reading that agrees: the operator may have closed by
hand meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from shared.domain.exact import negate, subtract
from shared.domain.instrument import ALWAYS_OPEN, signed
from shared.domain.ledger import UNASSIGNED, Ledger
from shared.events import (
    Alert,
    Event,
    FlattenRequested,
    HoldingAssigned,
    OrderAbandoned,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSide,
    OrderTerms,
    OrderType,
    Severity,
    TimeInForce,
)

from .gates import Gates
from .reservations import Line, Reservations

OWNER = "risk"
_UNFILLED = (OrderRejected, OrderAbandoned, OrderCanceled, OrderExpired)


def closed(ledger: Ledger, symbol: str, left: Decimal, price: Decimal) -> Iterator[HoldingAssigned]:
    """What a trade of `left` units (signed) that no strategy made closes of strategies' holdings: by id, each as far as its own goes."""
    for strategy in sorted(ledger.books):
        held = ledger.books[strategy].quantity(symbol)  # of one that was removed nothing, whatever its orders trade
        if strategy == UNASSIGNED or not left or not held or (held > 0) == (left > 0):
            continue
        part = max(left, negate(held)) if left < 0 else min(left, negate(held))
        left = subtract(left, part)
        yield HoldingAssigned(symbol, strategy, part, price)


class FlattenState(msgspec.Struct):
    """symbols in flattening; run of this engine and orders of its own in it."""

    symbols: dict[str, bool] = msgspec.field(default_factory=dict)
    run: int = 0
    orders: int = 0


class Flattening:
    def __init__(self, ledger: Ledger, reservations: Reservations, gates: Gates, state: FlattenState) -> None:
        self._ledger = ledger
        self._reservations = reservations
        self._gates = gates
        self.state = state

    def targets(self, e: FlattenRequested) -> list[str]:
        """Symbols to close, in order."""
        return [e.symbol] if e.symbol else sorted({*self._ledger.positions(), *self._reservations.account.symbols()})

    def closing(self, lines: Sequence[Line]) -> Iterator[tuple[str, OrderTerms]]:
        """(order id, terms) of the orders that close what no open order may close."""
        number = 0
        for line in lines:
            side = OrderSide.SELL if line.position > 0 else OrderSide.BUY
            quantity = line.room_to_reduce(side)
            if quantity > 0:
                number += 1
                yield self.closing_order(line.symbol, side, quantity, number)

    def closing_order(self, symbol: str, side: OrderSide, quantity: Decimal, number: int) -> tuple[str, OrderTerms]:
        """(order id, terms) of the number-th order of ours from here on: at market, until the close of a market that closes."""
        instrument = self._gates.instruments.get(symbol)
        tif = TimeInForce.GTC if instrument is not None and instrument.calendar == ALWAYS_OPEN else TimeInForce.DAY
        return f"{OWNER}:{self.state.run}:{self.state.orders + number}", OrderTerms(symbol, side, OrderType.MARKET, quantity, tif=tif)

    def failed(self, e: OrderEvent, now: int, halt_epoch: int) -> Alert | None:
        """A closing order ended and did not close, in the halt epoch there is."""
        order = self._reservations.orders.get(e.order_id)
        if e.strategy != OWNER or order is None or order.symbol not in self.state.symbols or not isinstance(e, _UNFILLED):
            return None
        if isinstance(e, OrderAbandoned) and 0 < order.deadline_ns < now:
            return None
        if isinstance(e, OrderAbandoned | OrderCanceled) and order.halt_epoch < halt_epoch:
            return None
        text = f"{order.symbol} is not flat: closing order {e.order_id} ended as {type(e).__name__}; flatten again or close it at the broker"
        return Alert(Severity.CRITICAL, f"flatten.{order.symbol}", text)

    def assignments(self, e: OrderFilled) -> Iterator[Event]:
        """Whose holding a closing fill closed: strategies by id, each as far as its own holding goes; the rest was assigned to none."""
        if e.strategy == OWNER:
            yield from closed(self._ledger, e.symbol, signed(e.side, e.quantity), e.price)

    def begin(self, e: FlattenRequested) -> None:
        self.state.symbols.update(dict.fromkeys(self.targets(e), True))
        for symbol in self.targets(e):
            self.settle(symbol)

    def started(self, run: int) -> None:
        if run != self.state.run:
            self.state.run, self.state.orders = run, 0

    def approved(self, order_id: str) -> None:
        """One of our own orders is in the log."""
        self.state.orders = max(self.state.orders, int(order_id.rsplit(":", 1)[1]))

    def stop(self, symbol: str) -> None:
        self.state.symbols.pop(symbol, None)

    def settle(self, symbol: str) -> None:
        """Done when nothing is held and nothing works."""
        if not self._ledger.net(symbol) and not self._reservations.account.open(symbol).orders:
            self.stop(symbol)
