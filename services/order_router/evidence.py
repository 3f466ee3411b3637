"""Reading order rows: from streams, answers and look-ups one by one, from the reconciler's whole readings all together."""

from __future__ import annotations

from typing import Final

from shared.domain.order_ids import is_external
from shared.events import (
    BrokerExecutionReported,
    BrokerOrderReported,
    BrokerStateReported,
    OrderAccepted,
    OrderCanceled,
    OrderRow,
    OrderStatus,
    Severity,
)

from . import bookings, externals, outside, replaces
from .asking import query
from .fold_evidence import is_about_current, is_about_replace, tells_nothing
from .orders import Draft
from .state import RouterOrder

_PROVES_NO_REPLACE: Final = frozenset({OrderStatus.PENDING_NEW, OrderStatus.PENDING_REPLACE, OrderStatus.REPLACED, OrderStatus.REJECTED})


def order_reported(draft: Draft, e: BrokerOrderReported) -> None:
    _row(draft, e.order, e.report, whole_reading=False)


def execution_reported(draft: Draft, e: BrokerExecutionReported) -> None:
    bookings.execution(draft, e.execution, e.report)


def state_reported(draft: Draft, e: BrokerStateReported) -> None:
    """Orders first, so that executions find theirs; then what is missing from the open orders."""
    for row in e.orders:
        _row(draft, row, e.report, whole_reading=True)
    _book_in_order(draft, e)
    shown = {row.broker_order_id for row in e.orders}
    budget = draft.settings.queries_per_reading_max
    for order in draft.open():
        if order.children or order.record.broker_order_id in shown or not order.acknowledged or _newer_than(draft, order, e):
            continue
        if externals.gone_from_reading(order):
            record = order.record
            draft.emit(OrderCanceled(record.order_id, record.strategy, record.filled, "no longer open at the broker"))
        elif budget:
            budget -= 1
            query(draft, order, order.record.client_order_id)


def _book_in_order(draft: Draft, e: BrokerStateReported) -> None:
    """Executions by time; with corporate actions among them in the reading's own order, for a split changes what a unit is."""
    if not e.actions:
        for execution in sorted(e.executions, key=lambda x: x.broker_ns):
            bookings.execution(draft, execution)
        return
    done = 0
    for placed in e.actions:
        for execution in e.executions[done : placed.after]:
            bookings.execution(draft, execution)
        done = max(done, placed.after)
        outside.action(draft, placed.action)
    for execution in e.executions[done:]:
        bookings.execution(draft, execution)


def _newer_than(draft: Draft, order: RouterOrder, e: BrokerStateReported) -> bool:
    """Whether what we know of an order may be newer than the reading: exactly, where reports are numbered; by time elsewhere."""
    if e.report:
        return order.seen_report > e.report
    return order.record.changed_ns > draft.now - draft.settings.settle_ns


def _row(draft: Draft, row: OrderRow, report: int, *, whole_reading: bool) -> None:
    order = draft.find(row.client_order_id, row.broker_order_id)
    if order is None:
        externals.adopt(draft, row, report, whole_reading=whole_reading)
        return
    if is_external(order.record.order_id):
        if order.seen_report <= report:
            externals.completed(draft, order, row)
        return
    if not is_about_current(order, row) or tells_nothing(row):
        return
    if is_about_replace(order, row) and row.status is OrderStatus.REJECTED:
        replaces.failed(draft, order, row.client_order_id, row.code, row.text)
        return
    _accept(draft, order, row)
    if order.replace is not None and row.status not in _PROVES_NO_REPLACE:
        replaces.confirm(draft, order, row)


def _accept(draft: Draft, order: RouterOrder, row: OrderRow) -> None:
    """The broker has it. One we had abandoned is ours all the same: counted again, and cancelled, since nobody waits for it any more."""
    record = order.record
    dead = record.done and record.status is not OrderStatus.INACTIVE
    if order.acknowledged or dead or row.status is OrderStatus.REJECTED:
        return
    if record.status is OrderStatus.INACTIVE:
        text = f"{record.order_id} was abandoned and shows at the broker; it is counted and being cancelled"
        draft.alert(Severity.CRITICAL, f"revived:{record.order_id}", text)
    if order.replace is None and _other_terms(order, row):
        text = f"the broker shows {record.order_id} with other terms than were sent; halt {record.strategy} and compare with the broker"
        draft.alert(Severity.CRITICAL, f"terms_differ:{record.order_id}", text)
    draft.emit(OrderAccepted(record.order_id, record.strategy, row.broker_order_id, row.broker_ns))


def _other_terms(order: RouterOrder, row: OrderRow) -> bool:
    ours, theirs = order.record.terms, row.terms
    return (ours.symbol, ours.side, ours.quantity) != (theirs.symbol, theirs.side, theirs.quantity)
