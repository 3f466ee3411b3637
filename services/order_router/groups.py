"""Orders that belong together, held by the router: a bracket's exits until its entry fills, the second of an OCO pair until the first is there.

What is promised, whatever dies when (every step follows from where the orders stand, so a successor goes on with it):

- The stop goes out with the entry's first fill, for what it filled, and is replaced for more as the entry fills on: nothing filled is without a
  stop for longer than a request takes, and no exit ever has more than the entry filled. (Where the broker replaces nothing the stop waits for
  the entry's end.) The target goes out once the entry is over and the broker has the stop: a target that traded sooner would take its stop
  with it, and what the entry fills next would stand alone.
- What one leg fills the others need not: a broker that knows one-cancels-other groups does that itself, at once; at any other the router
  replaces the other leg for the rest or cancels it, and a fill that overtakes that is a fact, booked and alerted.
- The first fill of an exit cancels what is left of the entry: the bracket is leaving. So it is where what it protects is gone without it (a trade
  by hand): its exits are replaced for what is left, at a broker that replaces nothing cancelled.
- An entry that ends unfilled, or a first OCO leg the broker never took, ends what is held (`OrderCanceled`, "its group ended").
- The time of a held order's approval runs from its release. A halt of its scope ends what is held, as it cancels what works; so does a cancel.

Left open: what an entry fills after its stop has traded its whole quantity has its target alone; with both gone it stands without exits. Either
is alerted; nothing is sent that risk did not approve.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from shared.domain.exact import add, subtract
from shared.domain.order_group import ENTRY, EXITS, OCO, REPLACES_MAX, STOP_LOSS
from shared.domain.order_ids import client_order_id
from shared.events import OrderAbandoned, OrderCanceled, OrderFilled, OrderRejected, OrderStatus, OrderTerms, ReplaceSending, Severity

from . import cancels, submissions
from .groups_fold import filled_by, room, taken_of
from .orders import Draft
from .permission import out_of_time
from .state import RouterOrder

_SETTLED: Final = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})  # nothing pending on it: it may be replaced
_LOST: Final = frozenset({OrderStatus.REJECTED, OrderStatus.INACTIVE})
_TELLING: Final = (OrderFilled, OrderCanceled, OrderRejected, OrderAbandoned)


def pursue(draft: Draft, touched: Sequence[RouterOrder]) -> None:
    """Bring every group of these orders to where it should be. Says the same nothing when it is there already."""
    groups = [order.group for order in touched if order.group]
    for group in dict.fromkeys(groups) if groups else ():
        legs = [leg for order_id in draft.legs_of(group) if (leg := draft.get(order_id)) is not None]
        for leg in sorted(legs, key=lambda leg: leg.role != STOP_LOSS):  # protection first; else in the order they were approved
            _pursue(draft, legs, leg)
        _alert(draft, legs)


def _pursue(draft: Draft, legs: Sequence[RouterOrder], leg: RouterOrder) -> None:
    record = leg.record
    if record.done:
        return
    if leg.sent or leg.acknowledged:
        cancels.pursue(draft, leg)
        if leg.role != ENTRY:
            _resize(draft, leg)
    elif leg.held_back:
        why = _why_over(legs, leg)
        if why:
            draft.emit(OrderCanceled(record.order_id, record.strategy, record.filled, why))
        elif _may_go(draft, legs, leg):
            submissions.send(draft, leg, _with(record.terms, room(draft, leg)), draft.now + leg.window_ns)


def _why_over(legs: Sequence[RouterOrder], leg: RouterOrder) -> str:
    """Why a held order will never be sent; empty while it may."""
    if leg.cancel.wanted:
        return "cancelled while it was held"
    first = legs[0]
    if leg.role == OCO:
        taken = first.acknowledged or first.record.filled > 0
        over = (first.record.done and not taken) or add(filled_by(legs), first.taken) >= leg.approved_quantity
    else:
        over = first.record.done and add(filled_by(legs[1:]), first.taken) >= first.record.filled
    return f"its group ended: {first.record.order_id} is {first.record.status} with {first.record.filled} filled" if over else ""


def _may_go(draft: Draft, legs: Sequence[RouterOrder], leg: RouterOrder) -> bool:
    """Whether there is something to protect, and whatever goes before it is known at the broker or over: so no two legs are ever under way
    at once, where neither could spare the other."""
    before = legs[0] if leg.role == OCO else next((o for o in legs if o.role == STOP_LOSS and o is not leg), None)
    if before is not None and not before.acknowledged and not before.record.done:
        return False
    in_time = leg.role == OCO or legs[0].record.done or (leg.role == STOP_LOSS and draft.settings.replaces)
    return in_time and room(draft, leg) > 0


def _resize(draft: Draft, leg: RouterOrder) -> None:
    """Replace a working leg where it should have another quantity. A broker that refuses is asked again after a pause, when the group is next
    looked at; a leg that should have less and cannot is cancelled (`groups_fold`)."""
    record, wanted = leg.record, room(draft, leg)
    if wanted == record.terms.quantity or wanted <= record.filled or not draft.settings.replaces:
        return
    busy = leg.cancel.wanted or leg.replace is not None or leg.replace_asked or record.status not in _SETTLED
    if busy or leg.resize_at > draft.now:
        return
    if wanted > record.terms.quantity and out_of_time(draft, leg, draft.now, leg.halt_epoch):
        return  # approved before a halt: nothing more is sent of it
    number = REPLACES_MAX + 1 + leg.resizes
    try:
        name = client_order_id(draft.standing.log_id, record.order_id, number)
    except ValueError as error:
        draft.alert(Severity.CRITICAL, f"group_quantity:{record.order_id}", f"{record.order_id} cannot be replaced for {wanted}: {error}")
        return
    deadline = draft.now + leg.window_ns
    draft.emit(ReplaceSending(record.order_id, record.strategy, name, record.broker_order_id, number, _with(record.terms, wanted), deadline))


def _alert(draft: Draft, legs: Sequence[RouterOrder]) -> None:
    """What this decision booked that a person must know, once each: more done than was meant, or something held without its exits."""
    ids = {leg.record.order_id: leg for leg in legs}
    news = [e for e in draft.outputs if isinstance(e, _TELLING) and e.order_id in ids]
    if not news:
        return
    group, first, exits = legs[0].group, legs[0].record, [leg for leg in legs if leg.role in EXITS]
    symbol, done = first.terms.symbol, filled_by(exits or legs)
    meant = subtract(first.filled if exits else max(leg.approved_quantity for leg in legs), taken_of(legs))
    flatten = f"`flatten --symbol {symbol}`"
    if done > meant and any(isinstance(e, OrderFilled) and ids[e.order_id].role != ENTRY for e in news):
        text = f"the orders of group {group} filled {done} {symbol} where {meant} was meant; it is booked. Look at `positions`, then {flatten}"
        draft.alert(Severity.CRITICAL, f"group_overfilled:{group}:{done}", text)
    if not exits or meant <= done:
        return
    lost = [leg for leg in exits if leg.record.status in _LOST]
    if all(leg.record.done for leg in exits) and (lost or done or taken_of(legs)):
        text = f"{subtract(meant, done)} {symbol} of {first.order_id} stands without exits; protect it or {flatten}"
        draft.alert(Severity.CRITICAL, f"unprotected:{group}:{meant}", text)
    elif any(leg.role == STOP_LOSS and (leg in lost or leg.record.status is OrderStatus.FILLED) for leg in exits):
        text = f"{subtract(meant, done)} {symbol} of {first.order_id} stands without a stop; protect it or {flatten}"
        draft.alert(Severity.CRITICAL, f"no_stop:{group}:{meant}", text)


def _with(terms: OrderTerms, quantity: Decimal) -> OrderTerms:
    return terms if terms.quantity == quantity else msgspec.structs.replace(terms, quantity=quantity)
