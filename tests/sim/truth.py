"""The venue's own ledger, read as it grows: what really happened, whoever tells what about it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from services.paper_venue.books import MemoryBooks
from shared import events as ev
from shared.events import OrderSide
from shared.venue import Report

from .market import CURRENCIES

ZERO: Final = Decimal(0)
WORKING: Final = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace"})


class Broken(AssertionError):
    """An invariant does not hold."""


def hold(condition: object, invariant: str, text: object) -> None:
    if not condition:
        raise Broken(f"{invariant}: {text}")


def signed(side: OrderSide, quantity: Decimal) -> Decimal:
    return quantity if side is OrderSide.BUY else -quantity


def whole_lots(quantity: Decimal, action: ev.ActionRow | ev.CorporateAction) -> Decimal:
    """What a holding is after a split: whole lots towards zero."""
    return int(Fraction(quantity) * Fraction(action.ratio) / Fraction(action.per) / Fraction(action.lot)) * action.lot


class Money(dict[str, Decimal]):
    """By currency, none of them zero."""

    def plus(self, currency: str, amount: Decimal) -> Money:
        """As it is after so much more of a currency."""
        total = self.get(currency, ZERO) + amount
        rest = {c: a for c, a in self.items() if c != currency}
        return Money({**rest, currency: total} if total else rest)

    def paid(self, x: ev.ExecutionRow | ev.OrderFilled) -> Money:
        """As it is after an execution: its price in the instrument's currency, its commission in its own."""
        return self.plus(CURRENCIES[x.symbol], -signed(x.side, x.quantity) * x.price).plus(x.currency, -x.commission)


def told_money(currency: str, cash: Decimal, balances: Iterable[ev.BalanceRow]) -> Money:
    """What a reading or an opening says."""
    return Money({**{row.currency: row.amount for row in balances}, currency: cash})


def since(opened: Money, moved: Money) -> Money:
    """What there is after so much moved."""
    for currency, amount in opened.items():
        moved = moved.plus(currency, amount)
    return moved


class Truth:
    """Every report once. numbers: which report told of an execution, a flow or an action first, by its id; clients: whose a broker order id is. at:
    positions and money moved after each report."""

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books
        self._read = 0
        self.executions: dict[str, ev.ExecutionRow] = {}
        self.numbers: dict[str, int] = {}
        self.orders: dict[str, ev.OrderRow] = {}
        self.clients: dict[str, str] = {}
        self.flows: dict[str, ev.CashRow] = {}
        self.actions: dict[str, ev.ActionRow] = {}
        self.rows: set[tuple[int, Any]] = set()
        self.positions: dict[str, Decimal] = {}
        self.money = Money()
        self.at: list[tuple[dict[str, Decimal], Money]] = [({}, self.money)]

    def read(self) -> None:
        for report in self._books.reports(self._read, 1 << 30):
            self._take(report)
            self._read = report.n

    def _take(self, report: Report) -> None:
        hold(report.n == self._read + 1 or report.n == len(self.at), "ledger", f"report {report.n} after {len(self.at) - 1}")
        x = report.execution
        if x is not None and x.execution_id not in self.executions:
            self.executions[x.execution_id] = x
            self.numbers[x.execution_id] = report.n
            quantity = signed(x.side, x.quantity)
            self.positions = {**self.positions, x.symbol: self.positions.get(x.symbol, ZERO) + quantity}
            self.money = self.money.paid(x)
        if report.order is not None:
            self.orders[report.order.client_order_id] = report.order
            self.clients[report.order.broker_order_id] = report.order.client_order_id
        if report.cash is not None:
            self._once(report.cash.reference, report.n)
            self.flows[report.cash.reference] = report.cash
            self.money = self.money.plus(report.cash.currency, report.cash.amount)
        if report.action is not None:
            self._once(report.action.reference, report.n)
            self._split(report.action)
        self.rows.add((report.n, report.order or report.execution))
        self.at.append((self.positions, self.money))
        self._read = report.n

    def _once(self, reference: str, report: int) -> None:
        hold(reference not in self.numbers, "ledger", f"{reference} happened twice")
        self.numbers[reference] = report

    def _split(self, row: ev.ActionRow) -> None:
        hold(row.kind == "split", "ledger", row)
        self.actions[row.reference] = row
        self.positions = {**self.positions, row.symbol: whole_lots(self.positions.get(row.symbol, ZERO), row)}
        self.money = self.money.plus(CURRENCIES[row.symbol], row.cash)

    def open(self) -> dict[str, ev.OrderRow]:
        self.read()
        return {name: row for name, row in self.orders.items() if row.status in WORKING}

    def held(self, report: int) -> dict[str, Decimal]:
        self.read()
        return {symbol: quantity for symbol, quantity in self.at[report][0].items() if quantity}
