"""One logical order over its parts: what became of the parts, told as the order's own fate.

A parent is never sent and never asked about; its parts are. Fills are booked on it as they happen (`bookings`), the rest follows here: it is
accepted with its first part, unknown while nothing of it is proven, replaced when every part answered, and ended when every part is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from shared.domain.exact import ZERO, add
from shared.domain.order_fold import NO_PART
from shared.events import (
    OrderAbandoned,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderStatus,
    OrderUnknown,
    ReplaceRejected,
    Severity,
)

from . import replaces, routing, submissions
from .orders import Draft
from .state import RouterOrder

_NOT_THERE: Final = frozenset({OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN})


def route(draft: Draft, order: RouterOrder) -> bool:
    """Work an order in parts where the routing says so. False: it goes as it is."""
    market, rules = order.market, draft.settings.routing
    if rules is None or market is None or order.grouped or order.parent:
        return False
    record = order.record
    children = routing.parts(rules, record.order_id, record.terms, market)
    if not children:
        return False
    if routing.over(record.terms, market, children):
        text = f"{record.order_id} would be routed as more, or worse, than was approved; it is not sent. Report it: this is a bug"
        draft.alert(Severity.CRITICAL, f"child_over_parent:{record.order_id}", text)
        draft.emit(OrderAbandoned(record.order_id, record.strategy, "its parts exceed what was approved"))
        return True
    draft.emit(OrderRouted(record.order_id, record.strategy, children, rules.sequential))
    for child in _children(draft, order):
        submissions.send(draft, child)
    return True


def turn(draft: Draft, child: RouterOrder) -> bool:
    """Whether a part may begin: in a sequence those before it are done, and nobody wants the order gone."""
    parent = draft.get(child.parent)
    if parent is None or not parent.sequential:
        return True
    before = parent.children[: parent.children.index(child.record.order_id)]
    return all((sibling := draft.get(name)) is not None and sibling.record.done for name in before)


def settle_all(draft: Draft) -> None:
    """Parents of every part this decision touched, and parents touched themselves."""
    names = dict.fromkeys(order.parent or order.record.order_id for order in draft.touched_orders() if order.parent or order.children)
    for name in names:
        parent = draft.get(name)
        if parent is not None:
            _settle(draft, parent)


def replace(draft: Draft, parent: RouterOrder) -> None:
    """Every part has its share of a replace (`fold_routing`): ask for each."""
    for child in _children(draft, parent):
        if child.replace_asked == parent.replace_asked:
            replaces.send(draft, child)


def proven(draft: Draft, parent: RouterOrder, filled: Decimal) -> None:
    """What parts fill beyond the old quantity shows that the whole was replaced, though another part has no answer yet: the new terms stand
    before it is booked. Only one part ever grows (`fold_routing`)."""
    record, asked, no = parent.record, parent.asked, parent.replace_asked
    if asked is None or filled <= record.terms.quantity:
        return
    quantity = _quantity(_children(draft, parent))
    if quantity > record.terms.quantity:
        terms = msgspec.structs.replace(asked.terms, quantity=quantity)
        draft.emit(OrderReplaced(record.order_id, record.strategy, no, terms, "", ""))


def _quantity(children: list[RouterOrder]) -> Decimal:
    """What the parts come to: what those that ended did, what the others may."""
    quantity = ZERO
    for child in children:
        quantity = add(quantity, child.record.filled if child.record.done else child.record.terms.quantity)
    return quantity


def _settle(draft: Draft, parent: RouterOrder) -> None:
    record, children = parent.record, _children(draft, parent)
    for child in children:
        if child.unsent and not child.held and not child.cancel.wanted and turn(draft, child):
            submissions.send(draft, child)
    if record.done and record.status is not OrderStatus.INACTIVE:
        return
    if any(child.acknowledged for child in children) and (not parent.acknowledged or record.done):
        draft.emit(OrderAccepted(record.order_id, record.strategy, "", draft.now))
    elif record.status is OrderStatus.PENDING_NEW and any(child.record.status is OrderStatus.UNKNOWN for child in children):
        draft.emit(OrderUnknown(record.order_id, record.strategy, "the outcome of a part is not proven"))
    if parent.replace_asked:
        _conclude_replace(draft, parent, children)
    if not record.done and all(child.record.done for child in children):
        _end(draft, parent, children)


def _conclude_replace(draft: Draft, parent: RouterOrder, children: list[RouterOrder]) -> None:
    record, no, asked = parent.record, parent.replace_asked, parent.asked
    waits = [c for c in children if c.replace_asked or c.replace is not None or (c.cancel.wanted and not c.record.done)]
    if waits or asked is None:
        return
    quantity = _quantity(children)
    if quantity > 0 and (quantity != record.terms.quantity or any(child.replaced == no for child in children)):
        terms = msgspec.structs.replace(asked.terms, quantity=quantity)
        draft.emit(OrderReplaced(record.order_id, record.strategy, no, terms, "", ""))
    else:
        draft.emit(ReplaceRejected(record.order_id, record.strategy, no, NO_PART, "no part of the order took the new terms"))


def _end(draft: Draft, parent: RouterOrder, children: list[RouterOrder]) -> None:
    """As its parts ended; what a part was refused or never sent, after others traded or worked, is an order cut short."""
    record, how = parent.record, [child.record.status for child in children]
    name, strategy, filled = record.order_id, record.strategy, record.filled
    text = next((child.record.text for child in reversed(children) if child.record.text), "")
    if filled == ZERO and record.status in _NOT_THERE and set(how) <= {OrderStatus.REJECTED, OrderStatus.INACTIVE}:
        if OrderStatus.REJECTED in how:
            draft.emit(OrderRejected(name, strategy, NO_PART, text))
        else:
            draft.emit(OrderAbandoned(name, strategy, text))
    elif OrderStatus.EXPIRED in how and OrderStatus.CANCELLED not in how:
        draft.emit(OrderExpired(name, strategy, filled))
    else:
        draft.emit(OrderCanceled(name, strategy, filled, text))


def _children(draft: Draft, parent: RouterOrder) -> list[RouterOrder]:
    return [child for name in parent.children if (child := draft.get(name)) is not None]
