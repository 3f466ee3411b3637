"""Asking the broker what became of an order, by its client_order_id."""

from __future__ import annotations

from shared.events import OrderQuerySending, OrderStatus, OrderUnknown

from . import throttle
from .orders import Draft
from .state import QUERY, Lookup, RouterOrder


def query(draft: Draft, order: RouterOrder, client_order_id: str, *, again: bool = False) -> None:
    """Ask, or wait for room to ask, unless an answer is awaited already (again: ask all the same) or the order has no name to ask by."""
    lookup = order.lookups.get(client_order_id, Lookup())
    wanted = client_order_id and (again or not lookup.waiting)
    if wanted and throttle.passes(draft, order, QUERY, client_order_id):
        draft.emit(OrderQuerySending(order.record.order_id, order.record.strategy, client_order_id, lookup.attempts + 1))


def not_proven(draft: Draft, order: RouterOrder, text: str, *, again: bool = False) -> None:
    """The outcome is open: say so where nothing proves the order, and ask the broker. again: even if an answer is awaited."""
    record = order.record
    if record.done:
        return
    if not order.proven and record.status is not OrderStatus.UNKNOWN:
        draft.emit(OrderUnknown(record.order_id, record.strategy, text))
    query(draft, order, record.client_order_id, again=again)
