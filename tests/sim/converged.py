"""What has not converged with the venue once faults have stopped (I12, I13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .groups_model import EXITS

if TYPE_CHECKING:
    from .model import Model
    from .orders_model import Order


def unfinished(model: Model) -> str:
    """Empty when all has."""
    truth, orders, account = model.truth, model.orders, model.account
    open_ = truth.open()
    if missing := account.unbooked():
        return f"not booked: {missing[:3]}"
    if untold := model.direct.untold():
        return f"{untold} records of the kill path's outbox are not in the log"
    if limits := model.limits.unanswered():
        return f"limits without an answer: {limits[:3]}"
    if changes := model.strategies.unanswered():
        return f"changes of strategies without an answer: {changes[:3]}"
    if account.claims:
        return f"claims without an answer: {sorted(account.claims)[:3]}"
    if undone := model.commands.unfinished():
        return undone
    if waiting := set(orders.intents) - orders.answered:
        return f"intents without a decision: {sorted(waiting)[:3]}"
    if replaces := [order_id for order_id, numbers in orders.asked.items() if numbers]:
        return f"replaces without a decision: {replaces[:3]}"
    for order in orders.orders.values():
        if order.unknown:
            return f"{order.order_id} is unknown"
        if order.ended or order.filled >= order.terms.quantity:
            if order.client_id in open_:
                return f"{order.order_id} is over here and open at the venue"
            continue
        if not order.sent and _waits(model, order):
            continue
        if not order.sent:
            return f"{order.order_id} is approved and neither sent nor abandoned"
        row = open_.get(order.client_id)
        if row is None:
            return f"{order.order_id} is open here and not at the venue, which has {truth.orders.get(order.client_id)}"
        if row.terms != order.terms or row.filled != order.filled:
            return f"{order.order_id} differs: {order.terms}, {order.filled} filled; at the venue {row.terms}, {row.filled}"
        if order.asked:
            return f"a replace of {order.order_id} is neither confirmed nor refused"
    if wrong := next(model.groups.unfinished(open_, model.alerts), ""):
        return wrong
    known = {order.client_id for order in orders.orders.values()}
    if strangers := set(open_) - known:
        return f"open at the venue and not here: {sorted(strangers)}"
    held = {symbol: quantity for symbol, quantity in account.positions.items() if quantity}
    if held != {symbol: quantity for symbol, quantity in truth.positions.items() if quantity}:
        return f"positions {held}, the venue has {truth.positions}"
    if account.money != truth.money:
        return f"money moved by {account.money}, at the venue by {truth.money}"
    if model.clean is None:
        return "the newest reconciliation is not clean"
    return ""


def _waits(model: Model, order: Order) -> bool:
    """Whether a leg is rightly held: its entry works on, and it is the target or nothing is there to be stopped."""
    if order.role not in EXITS:
        return False
    entry = model.groups.legs[order.group][0]
    return not entry.ended and entry.filled < entry.terms.quantity and (order.role == "take_profit" or not entry.filled)
