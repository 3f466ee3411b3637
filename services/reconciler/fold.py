"""How events change what the reconciler holds beside orders and ledger: bookings, evidence not booked yet, readings."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from shared.domain.actions import units_after
from shared.domain.exact import ZERO, add, multiply, negate, subtract
from shared.domain.instrument import signed
from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold
from shared.domain.retirement import beyond_recall
from shared.events import (
    AccountOpened,
    AccountReported,
    AccountRow,
    BrokerActionReported,
    BrokerCashReported,
    BrokerConnectionChanged,
    BrokerExecutionReported,
    BrokerOrderReported,
    BrokerStateReported,
    CashFlow,
    CorporateAction,
    Event,
    ExecutionRow,
    FillCorrected,
    LeaseGranted,
    LogStarted,
    OrderFilled,
    OrdersRetired,
    ReconcileFailed,
    ReconcileNow,
    ReconcileRequested,
    ResumeRequested,
    Scope,
)

from .lost_line import OwnLine
from .settings import SOURCE, ReconcilerSettings
from .state import Booked, Books, Readings, Recent, Told


class Holdings:
    """Everything folded, in one place."""

    def __init__(self, settings: ReconcilerSettings, readings: Readings, books: Books, orders: OrderFold, ledger: Ledger, line: OwnLine) -> None:
        self.settings = settings
        self.readings = readings
        self.books = books
        self.orders = orders
        self.ledger = ledger
        self.line = line


def fold(h: Holdings, event: Event, now: int) -> None:
    handler = _FOLDS.get(type(event))
    if handler is not None:
        handler(h, event, now)


def _log_started(h: Holdings, e: LogStarted, _now: int) -> None:
    h.books.log_id = e.log_id


def _lease(h: Holdings, e: LeaseGranted, _now: int) -> None:
    """What the process before asked for may never be answered."""
    if e.name == SOURCE:
        h.readings.in_flight = 0


def _requested(h: Holdings, e: ReconcileRequested, now: int) -> None:
    readings = h.readings
    readings.queries = readings.in_flight = e.query
    readings.asked_ns, readings.again = now, ""


def _failed(h: Holdings, _e: ReconcileFailed, now: int) -> None:
    h.readings.in_flight = 0
    pause = h.line.pause_ns(h.settings.reconnect, h.settings.retry_ns, h.books.log_id)
    h.readings.next_at = now + pause if pause else 0


def _now_please(h: Holdings, _e: ReconcileNow, _now: int) -> None:
    if h.readings.in_flight:
        h.readings.again = "operator"


def _connection(h: Holdings, e: BrokerConnectionChanged, _now: int) -> None:
    if e.session == "router" and e.connected and h.readings.in_flight:
        h.readings.again = "reconnect"


def _opened(h: Holdings, _e: AccountOpened, _now: int) -> None:
    if not h.books.opened:
        h.books.opened = True
        h.books.opened_as_of = h.books.reading_as_of


def _account_reported(h: Holdings, e: AccountReported, _now: int) -> None:
    h.books.totals = AccountRow(e.currency, e.cash, e.equity, e.buying_power, e.unsettled, e.balances)


def _state_reported(h: Holdings, e: BrokerStateReported, _now: int) -> None:
    h.books.reading_as_of = e.as_of
    h.readings.cursor = e.next_cursor
    h.readings.in_flight = 0


def _order_reported(h: Holdings, e: BrokerOrderReported, _now: int) -> None:
    _note_report(h, e.order.client_order_id, e.order.broker_order_id, e.report)


def _execution_reported(h: Holdings, e: BrokerExecutionReported, _now: int) -> None:
    row = e.execution
    if row.execution_id not in h.books.executions.get(row.broker_order_id, {}) and not nobody_can_tell(h.books, h.orders, row):
        h.books.told[row.execution_id] = Told(row.cumulative, e.report)
    _note_report(h, row.client_order_id, row.broker_order_id, e.report)


def _note_report(h: Holdings, client_order_id: str, broker_order_id: str, report: int) -> None:
    record = h.orders.find(client_order_id, broker_order_id)
    if record is not None and report:
        reports, order_id = h.books.order_reports, record.order_id
        if report > reports.get(order_id, 0):
            reports[order_id] = report


def _filled(h: Holdings, e: OrderFilled, now: int) -> None:
    told = h.books.told.pop(e.execution_id, Told(ZERO if e.child else e.cumulative, 0))
    h.books.awaited.pop(e.execution_id, None)
    h.books.executions.setdefault(e.broker_order_id, {})[e.execution_id] = Booked(e.quantity, e.price, told.cumulative)
    change = signed(e.side, e.quantity)
    money = _moved(h, e.symbol, change, e.price, e.commission, e.currency)
    h.books.recent[e.execution_id] = Recent(e.child or e.order_id, e.symbol, change, money, told.report, now)


def _corrected(h: Holdings, e: FillCorrected, now: int) -> None:
    """The executions of its broker order keep no cumulatives after it; ids alone tell them apart."""
    told = h.books.told.pop(e.execution_id, Told(ZERO, 0))
    h.books.awaited.pop(e.execution_id, None)
    record = h.orders.orders.get(e.child or e.order_id)
    of_order = h.books.executions.setdefault(record.broker_order_id if record is not None else "", {})
    for name, b in of_order.items():
        of_order[name] = Booked(b.quantity, b.price, ZERO, b.void)
    if e.previous_id != e.execution_id:
        of_order[e.previous_id] = Booked(e.previous_quantity, e.previous_price, ZERO, void=True)
    of_order[e.execution_id] = Booked(e.quantity, e.price, ZERO, void=not e.quantity)
    money = _moved(h, e.symbol, signed(e.side, negate(e.previous_quantity)), e.previous_price, negate(e.previous_commission), e.currency)
    for currency, amount in _moved(h, e.symbol, signed(e.side, e.quantity), e.price, e.commission, e.currency).items():
        money[currency] = add(money[currency], amount)
    change = signed(e.side, subtract(e.quantity, e.previous_quantity))
    h.books.recent[f"{e.execution_id}+"] = Recent(e.order_id, e.symbol, change, money, told.report, now)


def _cash_reported(h: Holdings, e: BrokerCashReported, _now: int) -> None:
    h.books.told[f"cash:{e.cash.reference}"] = Told(ZERO, e.report)


def _cash_flow(h: Holdings, e: CashFlow, now: int) -> None:
    told = h.books.told.pop(f"cash:{e.reference}", Told(ZERO, 0))
    h.books.recent[f"cash:{e.reference}"] = Recent("", "", ZERO, {_other(h, e.currency): e.amount}, told.report, now)


def _action_reported(h: Holdings, e: BrokerActionReported, _now: int) -> None:
    h.books.told[f"action:{e.action.reference}"] = Told(ZERO, e.report)


def _action(h: Holdings, e: CorporateAction, now: int) -> None:
    """Before the ledger folds it: what it changes of each symbol, and of its currency's money."""
    name = f"action:{e.reference}"
    report = h.books.told.pop(name, Told(ZERO, 0)).report
    h.books.actions[e.reference] = True
    held, paid, unit = h.ledger.net(e.symbol), e.cash, h.ledger.unit(e.symbol)
    left = units_after(held, e) if e.kind == "split" else ZERO
    if e.kind == "expiry":
        paid = multiply(multiply(held, e.price), unit.contract)
    h.books.recent[name] = Recent("", e.symbol, subtract(left, held), {unit.currency: paid}, report, now)
    if e.new_symbol:
        h.books.recent[f"{name}+"] = Recent("", e.new_symbol, held, {}, report, now)


def _retired(h: Holdings, e: OrdersRetired, _now: int) -> None:
    h.books.retired_ns = max(h.books.retired_ns, e.as_of_ns)
    for record in h.orders.retire(e.order_ids):
        h.books.order_reports.pop(record.order_id, None)
        for name in (record.broker_order_id, *record.superseded_ids):
            h.books.executions.pop(name, None)


def nobody_can_tell(books: Books, orders: OrderFold, row: ExecutionRow) -> bool:
    """Of an execution that is not booked: whether it may have been, of an order that is kept no more; the router locks for it."""
    if not books.retired_ns or row.previous_id in books.executions.get(row.broker_order_id, {}):
        return False
    return beyond_recall(row, orders.find(row.client_order_id, row.broker_order_id), books.retired_ns)


def _resumed(h: Holdings, e: ResumeRequested, _now: int) -> None:
    """An operator says that the other log is gone."""
    if e.scope is Scope.GLOBAL:
        h.books.rivals.clear()


def _moved(h: Holdings, symbol: str, units: Decimal, price: Decimal, commission: Decimal, currency: str) -> dict[str, Decimal]:
    """What an execution of so many units (bought > 0) moves, by currency: the instrument's pays, the commission's its fee."""
    unit, fee = h.ledger.unit(symbol), _other(h, currency)
    money = {unit.currency: negate(multiply(multiply(units, price), unit.contract))}
    money[fee] = subtract(money.get(fee, ZERO), commission)
    return money


def _other(h: Holdings, currency: str) -> str:
    """The currency, empty where it is the account's own."""
    return "" if h.ledger.currency in {"", currency} else currency


_FOLDS: Final[dict[type[Event], Callable[[Holdings, Any, int], None]]] = {
    LogStarted: _log_started,
    LeaseGranted: _lease,
    ReconcileRequested: _requested,
    ReconcileFailed: _failed,
    ReconcileNow: _now_please,
    BrokerConnectionChanged: _connection,
    AccountOpened: _opened,
    AccountReported: _account_reported,
    BrokerStateReported: _state_reported,
    BrokerOrderReported: _order_reported,
    BrokerExecutionReported: _execution_reported,
    BrokerCashReported: _cash_reported,
    CashFlow: _cash_flow,
    BrokerActionReported: _action_reported,
    CorporateAction: _action,
    ResumeRequested: _resumed,
    OrdersRetired: _retired,
    OrderFilled: _filled,
    FillCorrected: _corrected,
}
NOTED: Final = frozenset(_FOLDS)
