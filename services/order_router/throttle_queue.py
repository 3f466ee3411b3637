"""Sending what waited for room: cancels first, then the rest in the order it came; and when the next of it is due."""

from __future__ import annotations

from . import cancels, replaces, submissions, throttle
from .asking import query
from .orders import Draft
from .settings import RouterSettings
from .state import CANCEL, QUERY, REPLACE, SUBMIT, RouterOrder, RouterState


def drain(draft: Draft) -> None:
    """Send what has room now. What is past its deadline, or was approved before a halt, is abandoned on the way and costs nothing."""
    draft.draining = True
    for order in draft.held(cancels=True):
        if not throttle.has_room(draft.buckets, draft.settings, CANCEL, draft.now):
            break
        cancels.send(draft, order)
    for order in draft.held(cancels=False):
        if not _release(draft, order):
            break
    draft.draining = False


def expire(draft: Draft, order: RouterOrder) -> None:
    """What waited past its deadline is over, wherever it stands in the queue."""
    if order.holds(SUBMIT) and order.deadline_ns < draft.now:
        submissions.send(draft, order)
    if order.holds(REPLACE) and order.asked is not None and order.asked.deadline_ns < draft.now:
        replaces.send(draft, order)


def next_at(state: RouterState, settings: RouterSettings) -> int:
    """Log time from which the first of what waits has room, 0 when nothing waits."""
    buckets, times = state.buckets, []
    if state.held_cancels:
        times.append(throttle.ready(buckets, settings, CANCEL))
    for key in state.held:
        order = state.orders[key]
        request = next((request for request in (SUBMIT, REPLACE) if order.holds(request)), QUERY)
        times.append(throttle.ready(buckets, settings, request))
        break
    return max(1, min(times)) if times else 0


def _release(draft: Draft, order: RouterOrder) -> bool:
    """Whether something followed: sent, abandoned or refused."""
    before = len(draft.outputs)
    if order.holds(SUBMIT):
        submissions.send(draft, order)
    if order.holds(REPLACE):
        replaces.send(draft, order)
    for name, lookup in tuple(order.lookups.items()):
        if lookup.held:
            query(draft, order, name, again=True)
    return len(draft.outputs) > before
