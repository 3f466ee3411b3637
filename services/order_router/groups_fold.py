"""How a group's orders change each other: who is in it, what each may have, and which of them has to go. Decides nothing.

Whoever uses one of these gets the same answer from the state and from a draft laid over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from shared.domain.exact import ZERO, add, subtract
from shared.domain.order_group import ENTRY, OCO, REPLACES_MAX
from shared.events import ExitsReduced, OrderApproved, ReplaceRejected, ReplaceSending

from .fold_control import want_gone
from .orders import Orders
from .state import RouterOrder


def joined(orders: Orders, order: RouterOrder, e: OrderApproved) -> None:
    """An approved order of a group that is held together."""
    if e.group_size:
        order.group, order.role = e.group, e.group_role
        order.approved_quantity = e.terms.quantity
        order.window_ns = e.deadline_ns - order.record.opened_ns
        orders.join(e.group, e.order_id)


def legs_of(orders: Orders, group: str) -> list[RouterOrder]:
    return [leg for order_id in orders.legs_of(group) if (leg := orders.get(order_id)) is not None]


def filled_by(legs: Iterable[RouterOrder]) -> Decimal:
    total = ZERO
    for leg in legs:
        total = add(total, leg.record.filled)
    return total


def room(orders: Orders, leg: RouterOrder) -> Decimal:
    """The whole quantity a leg should have now, what it filled included: a bracket's exit what the entry filled, an OCO leg what was approved;
    less what the others did and what is gone without them. At a broker that keeps the group itself only what they did before it had this leg."""
    legs = legs_of(orders, leg.group)
    opened = leg.approved_quantity if leg.role == OCO else filled_by(o for o in legs if o.role == ENTRY)
    whole = min(opened, leg.approved_quantity)
    kept_there = orders.settings.native_oco and leg.acknowledged
    others = leg.spared if kept_there else filled_by(o for o in legs if o is not leg and o.role != ENTRY)
    return max(subtract(subtract(whole, others), taken_of(legs)), ZERO)


def taken_of(legs: Sequence[RouterOrder]) -> Decimal:
    """Units the group protected that are gone without it."""
    return legs[0].taken if legs else ZERO


def exits_reduced(orders: Orders, e: ExitsReduced, _now: int, _epoch: int) -> None:
    for leg in legs_of(orders, e.order_id):
        if leg.record.order_id == e.order_id:
            leg.taken = max(leg.taken, e.quantity)
            spread(orders, leg)
        orders.touched(leg)


def accepted(orders: Orders, order: RouterOrder) -> None:
    """From here on a broker that keeps groups spares it what the others fill."""
    if order.group and not order.acknowledged:
        order.spared = filled_by(o for o in legs_of(orders, order.group) if o is not order and o.role != ENTRY)


def resizing(order: RouterOrder, e: ReplaceSending) -> None:
    if order.group and e.replace_no > REPLACES_MAX:
        order.resizes += 1


def resize_refused(orders: Orders, order: RouterOrder, e: ReplaceRejected, now: int) -> None:
    """More is asked for again after a pause; what should have less and cannot be given less goes."""
    if not order.group or e.replace_no <= REPLACES_MAX:
        return
    order.resize_at = now + orders.settings.backoff_ns(order.resizes)
    if room(orders, order) < order.record.terms.quantity and not order.record.done:
        want_gone(orders, order, latched=True)


def spread(orders: Orders, order: RouterOrder) -> None:
    """After a step of one order of a group: what the others need no more is wanted gone."""
    legs = legs_of(orders, order.group)
    leaving = taken_of(legs) > 0 or any(leg.role not in {ENTRY, OCO} and leg.record.filled > 0 for leg in legs)
    for leg in legs:
        if leg.record.done or leg.cancel.wanted or not leg.sent:
            continue
        if leg.role == ENTRY:
            gone = leaving
        else:
            may_have = room(orders, leg)
            gone = may_have <= leg.record.filled or (may_have < leg.record.terms.quantity and not orders.settings.replaces)
        if gone:
            want_gone(orders, leg, latched=True)
