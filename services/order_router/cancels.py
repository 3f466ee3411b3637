"""Getting orders cancelled: wishes of strategies, operators, halts and of the router itself for orders that should not exist.

A wish is folded by whoever caused it; `pursue` turns it into a request as soon as the broker is known to have the order. Silence, an
ambiguous answer and a rate limit are tried again after a pause: a cancel is harmless to repeat.
"""

from __future__ import annotations

from shared.events import BrokerRequestRefused, CancelApproved, CancelRejected, CancelSending, ErrorClass, OrderAbandoned

from . import throttle
from .asking import query
from .orders import Draft
from .retirement import is_retired
from .state import CANCEL, SUBMIT, RouterOrder

_RETRIED = frozenset({ErrorClass.RATE_LIMIT, ErrorClass.NETWORK, ErrorClass.TIMEOUT})


def approved(draft: Draft, e: CancelApproved) -> None:
    """The wish is folded; here only what can never be granted is answered."""
    order = draft.get(e.order_id)
    if order is None and is_retired(draft.standing, e.order_id):
        draft.emit(CancelRejected(e.order_id, e.strategy, "order_done", "it ended too long ago to be kept"))
    elif order is None:
        draft.emit(CancelRejected(e.order_id, e.strategy, "unknown_order", "the router never had this order"))
    elif order.record.done:
        draft.emit(CancelRejected(e.order_id, e.strategy, "order_done", f"already {order.record.status}"))


def pursue(draft: Draft, order: RouterOrder) -> None:
    """Ask for the cancel that somebody wants, where the broker has the order and no request is in flight. What waits to be sent is not."""
    cancel = order.cancel
    if order.children:
        return  # its parts are asked
    if cancel.wanted and (order.unsent or order.holds(SUBMIT)):
        draft.emit(OrderAbandoned(order.record.order_id, order.record.strategy, "cancelled before it was sent"))
    elif cancel.wanted and order.working and not cancel.in_flight and cancel.again_at <= draft.now:
        send(draft, order)


def refused(draft: Draft, order: RouterOrder, e: BrokerRequestRefused) -> None:
    """A refusal while a replace is in flight is about the moment, not the order; any other is the broker's answer, and the order's true
    state is asked for, since a cancel is mostly refused because the order is over."""
    record = order.record
    if record.done or e.error in _RETRIED or order.replace is not None:
        return
    draft.emit(CancelRejected(record.order_id, record.strategy, e.code, e.text))
    if order.parent:
        draft.emit(CancelRejected(order.parent, record.strategy, e.code, e.text))
    query(draft, order, record.client_order_id)


def clock_ticked(draft: Draft, order: RouterOrder) -> None:
    """A cancel request nobody answered: ask what became of the order, and ask for the cancel again."""
    cancel = order.cancel
    if order.working and cancel.in_flight and cancel.wanted and cancel.check_at <= draft.now:
        query(draft, order, order.record.client_order_id)
        send(draft, order)


def successor(draft: Draft, order: RouterOrder) -> None:
    if order.working and order.cancel.in_flight:
        send(draft, order)


def send(draft: Draft, order: RouterOrder) -> None:
    """Ask the broker, or wait for room to ask."""
    record = order.record
    if throttle.passes(draft, order, CANCEL):
        draft.emit(CancelSending(record.order_id, record.strategy, record.client_order_id, record.broker_order_id, order.cancel.attempts + 1))
