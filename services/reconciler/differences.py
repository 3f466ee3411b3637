"""Comparing one reading of the broker with what the log says: pure, complete, in a fixed order.

Numbered readings (the paper venue) are compared exactly as of their report: what we booked from later reports is left out. Elsewhere a
booking younger than the grace makes its symbol's difference wait. What an execution in the reading explains is no position difference; the
execution itself is one until the router has booked it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from shared.domain.exact import ZERO, add, magnitude, multiply, negate, subtract
from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold, OrderRecord
from shared.domain.order_ids import LOG_PREFIX_CHARS, is_external, parse_client_id
from shared.domain.order_machine import UNPROVEN
from shared.events import ActionRow, Break, BrokerStateReported, ExecutionRow, OrderRow, OrderSide

from .explain import explain_position
from .fold import nobody_can_tell
from .settings import ReconcilerSettings
from .state import Booked, Books, Recent


class Difference(NamedTuple):
    """key: the same for the same difference in every reading. symbol: what it locks when it becomes a break, empty for none.
    not_before: ns until which it may be nothing (a fill just booked). definite: no grace. hint: what would explain it."""

    key: str
    found: Break
    symbol: str = ""
    not_before: int = 0
    definite: bool = False
    hint: str = ""


class Unbooked(NamedTuple):
    """An execution at the broker that the router has not booked, and the signed quantity it will change."""

    row: ExecutionRow
    order_id: str
    quantity: Decimal


class Comparison:
    """One reading against one moment of our own state. Read-only."""

    def __init__(self, settings: ReconcilerSettings, books: Books, orders: OrderFold, ledger: Ledger, reading: BrokerStateReported) -> None:
        self._settings = settings
        self._books = books
        self._orders = orders
        self._ledger = ledger
        self._reading = reading
        self._ahead = [r for r in books.recent.values() if reading.report and r.report > reading.report]
        self._differing: list[Difference] = []
        self.unbooked = self._unbooked()
        self.undone = [a.action for a in reading.actions if self._is_undone(a.action)]

    def differences(self) -> list[Difference]:
        evidence = [*self._differing, *self._executions(), *self._actions(), *self._rivals()]
        found = [*evidence, *self._open_orders(), *self._missing_orders(), *self._positions(), *self._cash()]
        return sorted(found, key=lambda d: d.key)

    def _unbooked(self) -> list[Unbooked]:
        rows = {row.execution_id: row for row in (*self._books.awaited.values(), *self._reading.executions)}
        found = []
        for row in rows.values():
            record = self._orders.find(row.client_order_id, row.broker_order_id)
            if self._is_baseline(row, record):
                continue
            booked = find_booked(self._books, row)
            if booked is None and nobody_can_tell(self._books, self._orders, row):
                continue  # positions alone tell
            if booked is None:
                order_id = record.order_id if record is not None else ""
                found.append(Unbooked(row, order_id, _signed(row.side, subtract(row.quantity, self._corrected_quantity(row)))))
            elif not booked.void and not row.previous_id and (booked.quantity, booked.price) != (row.quantity, row.price):
                difference = Break("execution_differs", row.execution_id, f"{booked.quantity} @ {booked.price}", f"{row.quantity} @ {row.price}")
                self._differing.append(Difference(f"execution:{row.execution_id}", difference, row.symbol, definite=True))
        return found

    def _is_baseline(self, row: ExecutionRow, record: OrderRecord | None) -> bool:
        if record is not None and not is_external(record.order_id):
            return False
        return not self._books.opened or row.broker_ns <= self._books.opened_as_of

    def _corrected_quantity(self, row: ExecutionRow) -> Decimal:
        previous = self._books.executions.get(row.broker_order_id, {}).get(row.previous_id) if row.previous_id else None
        return previous.quantity if previous is not None else ZERO

    def _executions(self) -> list[Difference]:
        return [
            Difference(
                f"execution:{u.row.execution_id}",
                Break("execution_missing", u.row.execution_id, "", f"{u.row.side} {u.row.quantity} {u.row.symbol} @ {u.row.price}"),
                u.row.symbol,
            )
            for u in self.unbooked
        ]

    def _is_undone(self, row: ActionRow) -> bool:
        return self._books.opened and row.broker_ns > self._books.opened_as_of and row.reference not in self._books.actions

    def _actions(self) -> list[Difference]:
        return [
            Difference(f"action:{row.reference}", Break("action_missing", row.reference, "", f"{row.kind} of {row.symbol}"), row.symbol)
            for row in self.undone
        ]

    def _rivals(self) -> list[Difference]:
        """Other logs that traded here since the account was opened: while one may be alive, nothing is clean."""
        return [
            Difference(f"rival:{name}", Break("rival_log", name, self._books.log_id[:LOG_PREFIX_CHARS], what), definite=True)
            for name, what in rivals_after(self._books, self._reading).items()
        ]

    def _open_orders(self) -> list[Difference]:
        found = []
        for row in self._reading.orders:
            record = self._orders.find(row.client_order_id, row.broker_order_id)
            if record is None or is_external(record.order_id):
                if record is None or not self._settings.allow_external_orders or self._is_rival(row.client_order_id):
                    theirs = f"{row.terms.side} {row.terms.quantity} {row.terms.symbol} as {row.client_order_id or 'unnamed'}"
                    found.append(Difference(f"order:{row.broker_order_id}", Break("order_external", row.broker_order_id, "", theirs)))
            elif not self._is_superseded(record, row) and not self._is_newer(record):
                found.extend(self._own_order(record, row))
        return found

    def _own_order(self, record: OrderRecord, row: OrderRow) -> list[Difference]:
        key, symbol = f"order:{record.order_id}", record.terms.symbol
        if record.done or record.status in UNPROVEN:
            return [Difference(key, Break("order_external", record.order_id, str(record.status), str(row.status)), symbol)]
        if record.superseded:
            return []  # whether a successor's filled counts its predecessors' is the broker's secret; positions and executions tell
        ours = record.filled
        for recent in self._ahead:
            if recent.order_id == record.order_id:
                ours = subtract(ours, magnitude(recent.quantity))
        for unbooked in self.unbooked:
            if unbooked.order_id == record.order_id:
                ours = add(ours, magnitude(unbooked.quantity))
        if ours == row.filled:
            return []
        kind = "overfill" if ours > row.filled else "execution_missing"
        return [Difference(key, Break(kind, record.order_id, str(ours), str(row.filled)), symbol, self._settled_at(order_id=record.order_id))]

    def _missing_orders(self) -> list[Difference]:
        shown = {row.broker_order_id for row in self._reading.orders}
        return [
            Difference(f"order:{r.order_id}", Break("order_missing", r.order_id, str(r.status), ""), r.terms.symbol)
            for r in self._orders.open()
            if r.status not in UNPROVEN and not r.children and r.broker_order_id not in shown and not self._is_newer(r)
        ]

    def _positions(self) -> list[Difference]:
        if not self._books.opened:
            return []
        ours = self._ledger.positions()
        for recent in (r for r in self._ahead if r.symbol):
            ours[recent.symbol] = subtract(ours.get(recent.symbol, ZERO), recent.quantity)
        for unbooked in self.unbooked:
            ours[unbooked.row.symbol] = add(ours.get(unbooked.row.symbol, ZERO), unbooked.quantity)
        theirs = {row.symbol: row for row in self._reading.positions}
        found = []
        moving = {name for row in self.undone for name in (row.symbol, row.new_symbol)}
        for symbol in sorted((ours.keys() | theirs.keys()) - moving):
            held = ours.get(symbol, ZERO)
            row = theirs.get(symbol)
            there, price = (row.quantity, row.average_price) if row is not None else (ZERO, ZERO)
            if magnitude(subtract(there, held)) > self._settings.position_tolerance:
                hint = explain_position(symbol, held, self._average(symbol), there, price)
                found.append(
                    Difference(f"position:{symbol}", Break("position", symbol, str(held), str(there)), symbol, self._settled_at(symbol), hint=hint)
                )
        return found

    def _cash(self) -> list[Difference]:
        """Money of each currency. Not while executions or corporate actions are still to be booked: each of them moves some by itself."""
        if not (self._settings.cash_exact and self._books.opened) or self.unbooked or self.undone:
            return []
        totals = self._reading.totals
        ours, theirs = {"": self._ledger.cash, **self._ledger.balances()}, {"": totals.cash, **{b.currency: b.amount for b in totals.balances}}
        for recent in self._ahead:
            for currency, amount in recent.money.items():
                ours[currency] = subtract(ours.get(currency, ZERO), amount)
        found = []
        for currency in sorted(ours.keys() | theirs.keys()):
            held, there = ours.get(currency, ZERO), theirs.get(currency, ZERO)
            if held != there:
                named = Break("cash", currency or totals.currency, str(held), str(there))
                found.append(Difference(f"cash:{currency}" if currency else "cash", named, not_before=self._settled_at()))
        return found

    def _settled_at(self, symbol: str = "", order_id: str = "") -> int:
        """When the newest booking concerned is old enough to show at a broker that does not number its reports."""
        times = [r.booked_ns for r in self._books.recent.values() if not r.report and symbol in {"", r.symbol} and order_id in {"", r.order_id}]
        return max(times, default=-self._settings.grace_ns) + self._settings.grace_ns

    def _is_newer(self, record: OrderRecord) -> bool:
        return bool(self._reading.report) and self._books.order_reports.get(record.order_id, 0) > self._reading.report

    def _is_superseded(self, record: OrderRecord, row: OrderRow) -> bool:
        return row.client_order_id in record.superseded

    def _is_rival(self, client_order_id: str) -> bool:
        parsed = parse_client_id(client_order_id)
        return parsed is not None and parsed.log_prefix != self._books.log_id[:LOG_PREFIX_CHARS]

    def _average(self, symbol: str) -> Decimal:
        """Average price of the account's holding over all books, in the instrument's currency."""
        cost, quantity = ZERO, self._ledger.net(symbol)
        for book in self._ledger.books.values():
            position = book.positions.get(symbol)
            if position is not None:
                cost = add(cost, position.abroad.cost if position.abroad is not None else position.cost)
        per_point = multiply(quantity, self._ledger.unit(symbol).contract)
        return ZERO if not per_point else cost / per_point


def rivals_after(books: Books, reading: BrokerStateReported) -> dict[str, str]:
    """Log prefixes of others whose executions came after the opening, with one of them each."""
    found = dict(books.rivals)
    for row in reading.executions if books.opened else ():
        parsed = parse_client_id(row.client_order_id)
        if parsed is not None and parsed.log_prefix != books.log_id[:LOG_PREFIX_CHARS] and row.broker_ns > books.opened_as_of:
            found.setdefault(parsed.log_prefix, f"execution {row.execution_id} as {row.client_order_id}")
    return found


def find_booked(books: Books, row: ExecutionRow) -> Booked | None:
    """The booking of an execution: by its id, or by the broker's cumulative where another channel named it otherwise."""
    of_order = books.executions.get(row.broker_order_id, {})
    booked = of_order.get(row.execution_id)
    if booked is not None:
        same = row.previous_id != row.execution_id or booked.quantity == row.quantity
        return booked if same else None
    if row.cumulative and not row.previous_id:
        return next((b for b in of_order.values() if b.cumulative == row.cumulative), None)
    return None


def shown_by(reading: BrokerStateReported, recent: Recent, now: int, grace_ns: int) -> bool:
    """Whether a booking is certainly in this and every later reading, so that it need not be remembered as recent."""
    return recent.report <= reading.report if recent.report else recent.booked_ns + grace_ns <= now


def _signed(side: OrderSide, quantity: Decimal) -> Decimal:
    return quantity if side is OrderSide.BUY else negate(quantity)
