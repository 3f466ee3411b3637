"""Room under the broker's limits: token buckets in log time, and what waits for them.

New orders and replaces draw on the broker's bound of orders; they and look-ups on the router's share of its bound of messages. A part of
that share is for cancels alone, so that they pass when everything else is used up; past it they use what the others left. What finds no
room is told as `OrderHeld`, waits in the state and goes, cancels first and the rest in order, as soon as there is room; past its deadline
it is abandoned. What a group releases or resizes protects a holding and does not wait; it is counted against what comes later, and spaced
by the session like everything. A refusal for the rate empties the buckets and halves their pace for a while.

A bucket of a bound L holds a quarter of L and refills so that no second ever sees more than L. It is one integer, the log time at which it
is full again, so no rounding builds up and equal histories give equal states.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from shared.events import OrderHeld

from .orders import Draft, Orders
from .settings import RouterSettings
from .state import CANCEL, QUERY, REPLACE, SUBMIT, Buckets, RouterOrder

SECOND: Final = 1_000_000_000
SLOWED_MAX: Final = 4  # at most a sixteenth of the pace
RECOVERY_NS: Final = 30 * SECOND  # without another refusal for the rate, the pace doubles again

_COST: Final = {SUBMIT: 1, REPLACE: 2, QUERY: 1, CANCEL: 1}  # a replace first reads what it replaces
_ORDERS: Final = (SUBMIT, REPLACE)


class Rate(NamedTuple):
    """burst: what a full bucket holds; interval_ns: between two tokens."""

    burst: int
    interval_ns: int


@lru_cache(maxsize=64)
def rate_of(per_second: int) -> Rate:
    """Of a bound of messages a second that holds for every second, however it is cut."""
    burst = max(1, per_second // 4)
    return Rate(burst, -(-SECOND // (per_second - burst + 1)))


def passes(draft: Draft, order: RouterOrder, request: str, client_order_id: str = "") -> bool:
    """Whether a request may be sent now. Where not it waits, which is told once; what waits is sent by `throttle_queue.drain` alone."""
    if not draft.settings.throttled:
        return True
    held = order.lookups[client_order_id].held if request == QUERY and client_order_id in order.lookups else request in order.held
    if held and not draft.draining:
        return False
    if has_room(draft.buckets, draft.settings, request, draft.now) and (held or not draft.any_held(cancels=request == CANCEL)):
        return True
    if not held:
        draft.emit(OrderHeld(order.record.order_id, order.record.strategy, request, client_order_id if request == QUERY else ""))
    return False


def has_room(buckets: Buckets, settings: RouterSettings, request: str, now: int) -> bool:
    return ready(buckets, settings, request, _slowed(buckets, now)) <= now


def ready(buckets: Buckets, settings: RouterSettings, request: str, slowed: int = 0) -> int:
    """Log time from which a request of this kind has room. slowed: how often the pace is halved; 0 gives the latest such time."""
    messages = _ready(buckets.messages, settings.shared_per_s, slowed, _COST[request])
    if request == CANCEL:
        return min(messages, _ready(buckets.cancels, settings.cancels_per_s, slowed)) if settings.cancels_per_s else messages
    return max(messages, _ready(buckets.orders, settings.orders_per_s, slowed)) if request in _ORDERS else messages


def spent(orders: Orders, request: str, now: int) -> None:
    """Fold: a message was written ahead. What passed without room (an earlier setting's) is counted against what comes later."""
    settings = orders.settings
    if not settings.throttled:
        return
    buckets = orders.change_buckets()
    slowed = _slowed(buckets, now)
    if request in _ORDERS and settings.orders_per_s:
        buckets.orders = _taken(buckets.orders, settings.orders_per_s, slowed, now)
    if request == CANCEL and settings.cancels_per_s and _ready(buckets.cancels, settings.cancels_per_s, slowed) <= now:
        buckets.cancels = _taken(buckets.cancels, settings.cancels_per_s, slowed, now)
    elif settings.shared_per_s:
        for _ in range(_COST[request]):
            buckets.messages = _taken(buckets.messages, settings.shared_per_s, slowed, now)


def too_much(orders: Orders, now: int) -> None:
    """Fold: the broker refused for the rate. Nothing at once, and half the pace."""
    settings = orders.settings
    if not settings.throttled:
        return
    buckets = orders.change_buckets()
    buckets.slowed, buckets.slowed_at = min(_slowed(buckets, now) + 1, SLOWED_MAX), now
    for name, per_second in (("orders", settings.orders_per_s), ("messages", settings.shared_per_s), ("cancels", settings.cancels_per_s)):
        if per_second:
            rate = rate_of(per_second)
            setattr(buckets, name, now + rate.burst * (rate.interval_ns << buckets.slowed))


def _slowed(buckets: Buckets, now: int) -> int:
    return max(0, buckets.slowed - (now - buckets.slowed_at) // RECOVERY_NS) if buckets.slowed else 0


def _ready(full_at: int, per_second: int, slowed: int, cost: int = 1) -> int:
    if not per_second:
        return 0
    rate = rate_of(per_second)
    return full_at - (rate.burst - cost) * (rate.interval_ns << slowed)


def _taken(full_at: int, per_second: int, slowed: int, now: int) -> int:
    rate = rate_of(per_second)
    interval = rate.interval_ns << slowed
    return min(max(full_at, now) + interval, now + (rate.burst + 2) * interval)
