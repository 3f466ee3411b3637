"""A holding that shrank without its strategy's orders - a trade by hand, units given back - and the exits that work for more than is left.

The exit risk itself has at the broker is cancelled; what is left to close follows as it ends (`protective_exits`). Of brackets and OCO pairs the
router is told what is gone (`ExitsReduced`), oldest first: it replaces their legs for the rest, or cancels them. Orders a strategy placed one by
one are its own: it sees its holding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal

from shared.domain.exact import ZERO, add, negate, subtract
from shared.domain.ledger import UNASSIGNED
from shared.domain.order_group import ENTRY, EXITS, OCO
from shared.events import CancelApproved, Event, ExitsReduced, HoldingAssigned, OrderSide

from .desk import Desk
from .open_order import OpenOrder


def exits(moved: HoldingAssigned, desk: Desk) -> Iterator[Event]:
    """What becomes of them once `moved` is folded."""
    held = desk.ledger.quantity(moved.strategy, moved.symbol)
    if moved.strategy == UNASSIGNED or not held or (held > 0) == (moved.quantity > 0):
        return
    left = add(held, moved.quantity)
    side, left = (OrderSide.SELL, max(left, ZERO)) if held > 0 else (OrderSide.BUY, max(negate(left), ZERO))
    guard = desk.protective.guard(moved.strategy, moved.symbol)
    groups: dict[str, None] = {}
    for order in desk.reservations.in_symbol(moved.symbol):
        if order.strategy != moved.strategy or order.side is not side:
            continue
        if guard is not None and order.order_id == guard.order and order.leaves > left:
            yield CancelApproved(order.order_id, order.strategy, guard.met)
        if order.role == OCO or order.role in EXITS:
            groups[order.group] = None
    yield from _reduced(groups, left, desk)


def _reduced(groups: dict[str, None], left: Decimal, desk: Desk) -> Iterator[ExitsReduced]:
    over, whole = negate(left), {group: _protected(desk.reservations.group(group).values()) for group in groups}
    for protected, _ in whole.values():
        over = add(over, protected)
    for group, (protected, taken) in whole.items():
        part = min(over, protected)
        if part > 0:
            over = subtract(over, part)
            yield ExitsReduced(group, desk.reservations.group(group)[group].strategy, add(taken, part))


def _protected(orders: Collection[OpenOrder]) -> tuple[Decimal, Decimal]:
    """Units a group's exits may still close, and those that were gone before."""
    whole = done = taken = ZERO
    for order in orders:
        taken = add(taken, order.taken)
        if order.role == ENTRY:
            whole = add(whole, order.filled)
        else:
            done = add(done, order.filled)
            whole = max(whole, order.approved.quantity) if order.role == OCO else whole
    return max(subtract(subtract(whole, done), taken), ZERO), taken
