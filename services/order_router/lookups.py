"""How an unknown outcome ends: the broker is asked by client_order_id until it shows the order or absence is proven.

Absence is proven by definite not-founds only, at least `not_found_min`, the newest after deadline + request timeout + settle time: before
that a request may still be on its way. A failed look-up says nothing and counts for nothing.
"""

from __future__ import annotations

from shared.domain.order_machine import UNPROVEN
from shared.events import BrokerOrderNotFound, ClockTicked, LeaseGranted, OrderAbandoned, ReplaceRejected, RunStarted

from . import cancels, submissions, throttle_queue
from .asking import not_proven, query
from .orders import Draft
from .settings import SOURCE
from .state import Lookup


def not_found(draft: Draft, e: BrokerOrderNotFound) -> None:
    order = draft.find(e.client_order_id)
    lookup = order.lookups.get(e.client_order_id) if order is not None else None
    if order is None or lookup is None or lookup.not_found < draft.settings.not_found_min:
        return
    record, replace = order.record, order.replace
    if replace is not None and replace.client_order_id == e.client_order_id:
        if draft.now >= replace.deadline_ns + draft.settings.answer_ns:
            draft.emit(ReplaceRejected(record.order_id, record.strategy, replace.replace_no, "not_found", _absent(lookup)))
    elif not order.proven and not record.done and draft.now >= order.deadline_ns + draft.settings.answer_ns:
        draft.emit(OrderAbandoned(record.order_id, record.strategy, _absent(lookup)))


def clock_ticked(draft: Draft, _e: ClockTicked) -> None:
    """Send what waited for room; then ask again where an answer or a pause is over, and take a request without any answer as lost."""
    throttle_queue.drain(draft)
    for order in draft.due(draft.now):
        for name, lookup in tuple(order.lookups.items()):
            if lookup.next_at <= draft.now:
                query(draft, order, name, again=True)
        if order.sent and order.record.status in UNPROVEN and not order.lookups and order.check_at <= draft.now:
            not_proven(draft, order, "no answer to the request")
        replace = order.replace
        if replace is not None and replace.client_order_id not in order.lookups and replace.check_at <= draft.now:
            query(draft, order, replace.client_order_id)
        cancels.clock_ticked(draft, order)
        throttle_queue.expire(draft, order)


def successor(draft: Draft, e: LeaseGranted | RunStarted) -> None:
    """A new process of the router: what an older epoch sent and nobody answered is looked up, never sent again. A cancel is asked again; it
    ends the same order however often it is asked. On a venue with idempotent submission the outcome is not called unknown: the session
    repeats the request and gets the first one's answer. What was approved while no run was there to decide (between two settings) is decided
    as a run begins; a replace is refused then, since the order may have changed."""
    if e.name != SOURCE:
        return
    for order in draft.open():
        record = order.record
        if isinstance(e, RunStarted) and not order.sent and not order.acknowledged:
            submissions.send(draft, order)
        if isinstance(e, RunStarted) and order.replace_asked:
            text = "approved while no run of the router was there to send it"
            draft.emit(ReplaceRejected(record.order_id, record.strategy, order.replace_asked, "not_sent", text))
        if order.epoch == draft.standing.epoch or not order.sent:
            continue
        if not order.proven and draft.settings.idempotent_submit:
            query(draft, order, order.record.client_order_id, again=True)
        elif not order.proven:
            not_proven(draft, order, "the router was restarted before an answer was seen", again=True)
        if order.replace is not None:
            query(draft, order, order.replace.client_order_id, again=True)
        cancels.successor(draft, order)


def _absent(lookup: Lookup) -> str:
    return f"never reached the broker: {lookup.not_found} look-ups found nothing, the last after every deadline"
