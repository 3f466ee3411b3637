"""Orders that ended long ago, and when they are kept no more: so that months of trading leave a state of bounded size.

An order is retired at the end of a trading day, with its group and its parts, once it ended `kept_ns_max` ago; sooner, but not before
`kept_ns_min`, where there are more than `kept_orders_max`. The router alone decides so, and says it (`OrdersRetired`); the reconciler and
the auditor follow its word. While an order is kept, whatever is said of it is booked as ever. What is left of a retired one is a number: order
ids are dense a strategy run, so the newest retired one of a strategy says of every older id that is not kept that it was, and it is never sent
again. News of it: `late`.
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.order_ids import place_of
from shared.events import OrdersRetired

from .settings import RouterSettings
from .state import RouterOrder, RouterState, Standing


def file(state: RouterState, order: RouterOrder) -> None:
    """After an order changed: note when it and all it belongs to ended, or that they have not."""
    family = _family(state, order)
    if not all(member.record.done for member in family):
        for member in family:
            state.ended.pop(member.record.order_id, None)
        return
    at = max(member.record.changed_ns for member in family)
    for member in family:
        if state.ended.get(member.record.order_id) != at:
            state.ended.pop(member.record.order_id, None)
            state.ended[member.record.order_id] = at


def due(state: RouterState, settings: RouterSettings, now: int) -> Iterator[tuple[str, int]]:
    """Orders to retire, and when they ended; oldest first. One that somebody still asks about stays."""
    kept = len(state.ended)
    for order_id, at in state.ended.items():
        age = now - at
        if age < settings.kept_ns_min or (age < settings.kept_ns_max and kept <= settings.kept_orders_max):
            return
        if order_id not in state.due:
            kept -= 1
            yield order_id, at


def drop(state: RouterState, e: OrdersRetired) -> None:
    standing = state.standing
    standing.retired_ns = max(standing.retired_ns, e.as_of_ns)
    for order_id in e.order_ids:
        order = state.orders.pop(order_id, None)
        for index in (state.ended, state.open, state.due, state.held, state.held_cancels):
            index.pop(order_id, None)
        if order is None:
            continue
        for name in order.names:
            state.by_client.pop(name, None)
            state.by_broker.pop(name, None)
        _leave_group(state, order)
        place = place_of(order_id)
        if place is not None:
            strategy, run, n = place
            standing.retired[strategy] = max(standing.retired.get(strategy, (0, 0)), (run, n))


def is_retired(standing: Standing, order_id: str) -> bool:
    """Of an id that is not kept: whether it was, as far as its number says."""
    place = place_of(order_id)
    return place is not None and place[1:] <= standing.retired.get(place[0], (0, 0))


def _family(state: RouterState, order: RouterOrder) -> list[RouterOrder]:
    """Whoever may ask for it, itself included: its group; the whole of a part, and its parts."""
    if order.group:
        names = state.groups.get(order.group, ())
    elif order.parent or order.children:
        whole = state.orders.get(order.parent) or order
        names = (whole.record.order_id, *whole.children)
    else:
        return [order]
    return [member for name in names if (member := state.orders.get(name)) is not None]


def _leave_group(state: RouterState, order: RouterOrder) -> None:
    if not order.group:
        return
    left = tuple(name for name in state.groups.get(order.group, ()) if name != order.record.order_id)
    if left:
        state.groups[order.group] = left
    else:
        state.groups.pop(order.group, None)
