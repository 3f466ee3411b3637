"""How an order in parts changes the router's state: the parts are made, cancels and replaces of the whole reach them. Decides nothing."""

from __future__ import annotations

import msgspec

from shared.domain.exact import add, subtract
from shared.domain.order_fold import OrderRecord
from shared.events import OrderRouted

from .orders import Orders
from .state import Asked, RouterOrder


def routed(orders: Orders, e: OrderRouted, now: int, _epoch: int) -> None:
    parent = orders.get(e.order_id)
    if parent is None or parent.children:
        return
    parent.children, parent.sequential = tuple(child.order_id for child in e.children), e.sequential
    parent.record.children, parent.held = parent.children, ()
    for child in e.children:
        record = OrderRecord(child.order_id, e.strategy, child.terms, now, now)
        order = RouterOrder(record, parent.halt_epoch, parent.deadline_ns, parent=e.order_id, venue=child.venue)
        orders.add(order)
        orders.touched(order)
    orders.touched(parent)


def share_replace(orders: Orders, parent: RouterOrder, asked: Asked, replace_no: int) -> list[RouterOrder]:
    """Give each working part its share of new terms: what is more goes to the last of them, what is less is taken from the last backwards. The
    parts that have nothing left, to be cancelled."""
    old, new = parent.record.terms, asked.terms
    more, emptied = subtract(new.quantity, old.quantity), []
    children = [child for name in parent.children if (child := orders.get(name)) is not None]
    for child in reversed([child for child in children if child.working and not child.cancel.wanted]):
        terms, quantity = child.record.terms, child.record.terms.quantity
        if more > 0:
            quantity, more = add(quantity, more), subtract(more, more)
        elif more < 0:
            taken = min(child.record.leaves, subtract(more, add(more, more)))
            more, quantity = add(more, taken), subtract(quantity, taken)
        if quantity <= child.record.filled:
            emptied.append(child)
            continue
        limit = new.limit_price if new.limit_price != old.limit_price else terms.limit_price
        wanted = msgspec.structs.replace(terms, quantity=quantity, limit_price=limit)
        if wanted != terms:
            child.replace_asked, child.asked = replace_no, Asked(wanted, asked.deadline_ns, asked.halt_epoch)
            orders.touched(child)
    return emptied


def forget_replace(orders: Orders, parent: RouterOrder, replace_no: int) -> None:
    """The whole was answered: no part waits to be asked."""
    for name in parent.children:
        child = orders.get(name)
        if child is not None and child.replace_asked == replace_no:
            child.replace_asked, child.asked = 0, None
            child.held = tuple(kept for kept in child.held if kept != "replace")
            orders.touched(child)
