"""How evidence changes the router's state before anything follows from it: answers, order rows, reported cumulatives."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.domain.order_ids import is_external
from shared.events import (
    BrokerExecutionReported,
    BrokerOrderNotFound,
    BrokerOrderReported,
    BrokerQueryFailed,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    BrokerStateReported,
    ErrorClass,
    ExecutionRow,
    OrderRow,
    OrderStatus,
)

from . import outside, throttle
from .orders import Orders
from .state import Ending, RouterOrder

_UNPROVEN: Final = frozenset({OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN})
_ENDED: Final = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


def is_about_current(order: RouterOrder, row: OrderRow) -> bool:
    """Whether a row speaks of the order as it stands now, or as its replace in flight would have it; not of a superseded id."""
    record = order.record
    if row.client_order_id and not is_external(record.order_id):
        return row.client_order_id == record.client_order_id or is_about_replace(order, row)
    return row.broker_order_id == record.broker_order_id


def is_about_replace(order: RouterOrder, row: OrderRow) -> bool:
    replace = order.replace
    return replace is not None and row.client_order_id == replace.client_order_id != order.record.client_order_id


def tells_nothing(row: OrderRow) -> bool:
    """A row that does not even prove that the broker has the order."""
    return not row.broker_order_id and row.status in _UNPROVEN


def not_found(orders: Orders, e: BrokerOrderNotFound, now: int, _epoch: int) -> None:
    """Absence counts only for what was never proven to exist; of a proven order it says that the look-up is blind, and the question is
    dropped unless its outcome is unknown."""
    order = orders.find(e.client_order_id)
    lookup = order.lookups.get(e.client_order_id) if order is not None else None
    if order is None or lookup is None or e.attempt <= lookup.answered:
        return
    lookup.answered, lookup.held = e.attempt, False
    if order.proven and order.record.status is not OrderStatus.UNKNOWN and e.client_order_id == order.record.client_order_id:
        del order.lookups[e.client_order_id]
    else:
        lookup.not_found += 1
        lookup.waiting = False
        lookup.next_at = now + orders.settings.backoff_ns(lookup.attempts)
    orders.touched(order)


def query_failed(orders: Orders, e: BrokerQueryFailed, now: int, _epoch: int) -> None:
    if e.error is ErrorClass.RATE_LIMIT:
        throttle.too_much(orders, now)
    order = orders.find(e.subject) if e.query == "order" else None
    lookup = order.lookups.get(e.subject) if order is not None else None
    if order is not None and lookup is not None:
        lookup.waiting = lookup.held = False
        lookup.next_at = now + orders.settings.backoff_ns(lookup.attempts)
        orders.touched(order)


def request_failed(orders: Orders, e: BrokerRequestRefused | BrokerRequestAmbiguous | BrokerRequestNotSent, now: int, _epoch: int) -> None:
    """A cancel that did not do it may be tried again after a pause; submissions and replaces never are."""
    if not isinstance(e, BrokerRequestNotSent) and e.error is ErrorClass.RATE_LIMIT:
        throttle.too_much(orders, now)
    order = orders.find(e.client_order_id) if e.request == "cancel" else None
    if order is not None:
        order.cancel.in_flight = False
        order.cancel.again_at = now + orders.settings.backoff_ns(order.cancel.attempts)
        orders.touched(order)


def order_reported(orders: Orders, e: BrokerOrderReported, now: int, _epoch: int) -> None:
    _row(orders, e.order, e.report, now)


def execution_reported(orders: Orders, e: BrokerExecutionReported, _now: int, _epoch: int) -> None:
    outside.fold_execution_reported(orders, e)
    _told(orders, e.execution, e.report)


def state_reported(orders: Orders, e: BrokerStateReported, now: int, _epoch: int) -> None:
    standing = orders.change_standing()
    standing.reading_as_of, standing.reading_report = e.as_of, e.report
    for row in e.orders:
        _row(orders, row, e.report, now)
    for execution in e.executions:
        _told(orders, execution, 0)


def _row(orders: Orders, row: OrderRow, report: int, now: int) -> None:
    order = orders.find(row.client_order_id, row.broker_order_id)
    if order is None:
        if report:
            orders.change_standing().stranger_report = report
        return
    if report > order.seen_report:  # noqa: PLR1730 - twice an order: max() costs a call
        order.seen_report = report
    if not tells_nothing(row):
        order.lookups.pop(row.client_order_id, None)
    if order.replace is not None and row.status is OrderStatus.PENDING_NEW and is_about_replace(order, row):
        order.replace = msgspec.structs.replace(order.replace, check_at=now + orders.settings.answer_ns)  # on its way: ask later how it ended
    if _ends(order, row):
        order.ending = Ending(row.status, row.filled, row.code, row.text)
    orders.touched(order)


def _ends(order: RouterOrder, row: OrderRow) -> bool:
    """A superseded id ends nothing, a rejected replacement ends only the replace; an external order has no successor we follow."""
    if order.record.done and order.record.status is not OrderStatus.INACTIVE:
        return False
    if row.status is OrderStatus.REPLACED:
        return is_external(order.record.order_id)
    if row.status not in _ENDED or not is_about_current(order, row):
        return False
    return not (row.status is OrderStatus.REJECTED and is_about_replace(order, row))


def _told(orders: Orders, execution: ExecutionRow, report: int) -> None:
    order = orders.find(execution.client_order_id, execution.broker_order_id)
    if order is None:
        return
    if report > order.seen_report:  # noqa: PLR1730 - twice an order: max() costs a call
        order.seen_report = report
    if execution.cumulative and execution.execution_id and execution.execution_id not in order.executions:
        order.told[execution.execution_id] = execution.cumulative
