"""From an approval to a request, and from a request that gave no row to what is known of it.

Rules R2 and R3: exactly the approved terms are sent, once, before their deadline and in the halt epoch they were approved in; whatever came
of it is looked up, never tried again.
"""

from __future__ import annotations

from shared.brokers.contract import DUPLICATE
from shared.domain.order_group import ENTRY
from shared.domain.order_ids import client_order_id
from shared.events import (
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    OrderAbandoned,
    OrderApproved,
    OrderRejected,
    OrderSending,
    OrderTerms,
    Severity,
)
from shared.runtime.actor import InvariantError

from . import cancels, parents, replaces, throttle
from .asking import not_proven, query
from .orders import Draft
from .permission import out_of_time
from .retirement import is_retired
from .routing import venue_of
from .state import SUBMIT, RouterOrder


def approved(draft: Draft, e: OrderApproved) -> None:
    """Send, or abandon with the reason."""
    order = draft.get(e.order_id)
    if order is None and not is_retired(draft.standing, e.order_id):
        raise InvariantError(f"the approval of {e.order_id} was not folded")
    if order is None or order.sent or order.children or order.record.done:
        text = f"{e.order_id} was approved again and is not sent again; look at risk_engine"
        draft.alert(Severity.CRITICAL, f"approved_twice:{e.order_id}", text)
    else:
        send(draft, order)


def send(draft: Draft, order: RouterOrder, terms: OrderTerms | None = None, deadline_ns: int = 0) -> None:
    """An approved order that was never sent: send it as approved when there is room for it, or abandon it. terms, deadline_ns: of one a group
    held back, when it is released; without them such a one is left to its group. What protects a holding does not wait for room; it is counted
    against what comes later."""
    record = order.record
    if order.children or (terms is None and order.held_back):
        return
    if order.parent and not order.holds(SUBMIT) and not parents.turn(draft, order):
        return  # what waits for room had its turn, though a part before it came back to life
    reason, name = _why_not(draft, order, deadline_ns or order.deadline_ns)
    if reason:
        draft.emit(OrderAbandoned(record.order_id, record.strategy, reason))
    elif parents.route(draft, order):
        return
    elif terms is not None or throttle.passes(draft, order, SUBMIT):
        group, until = order.group if draft.settings.native_oco and order.role != ENTRY else "", deadline_ns or order.deadline_ns
        draft.emit(OrderSending(record.order_id, record.strategy, name, terms or record.terms, until, group, _venue(draft, order)))


def refused(draft: Draft, e: BrokerRequestRefused) -> None:
    """A definite no, except where the broker has the order after all: a duplicate id means that it exists."""
    order = draft.find(e.client_order_id)
    if order is None:
        return
    if e.request == "cancel":
        cancels.refused(draft, order, e)
    elif e.request == "replace":
        replaces.failed(draft, order, e.client_order_id, e.code, e.text)
    elif e.code == DUPLICATE or order.proven:
        not_proven(draft, order, f"refused as {e.code}, though the broker may have it: {e.text}")
    elif not order.record.done:
        draft.emit(OrderRejected(order.record.order_id, order.record.strategy, e.code, e.text))


def ambiguous(draft: Draft, e: BrokerRequestAmbiguous) -> None:
    order = draft.find(e.client_order_id)
    if order is None:
        return
    if e.request == "submit":
        not_proven(draft, order, f"{e.error}: {e.text}")
    elif e.request == "replace" and order.replace is not None:
        query(draft, order, order.replace.client_order_id)


def not_sent(draft: Draft, e: BrokerRequestNotSent) -> None:
    """Proof that nothing left, where the process that says so is the one that was to send; an earlier one may have sent all the same."""
    order = draft.find(e.client_order_id)
    if order is None:
        return
    epoch, replace = draft.standing.epoch, order.replace
    if e.request == "submit" and not order.proven and not order.record.done:
        if order.epoch == epoch:
            draft.emit(OrderAbandoned(order.record.order_id, order.record.strategy, e.text))
        else:
            not_proven(draft, order, f"sent under an earlier lease, if at all: {e.text}")
    elif e.request == "replace" and replace is not None:
        if replace.epoch == epoch:
            replaces.failed(draft, order, e.client_order_id, "not_sent", e.text)
        else:
            query(draft, order, replace.client_order_id)


def _venue(draft: Draft, order: RouterOrder) -> str:
    rules = draft.settings.routing
    if order.parent or rules is None or order.market is None or order.grouped:
        return order.venue
    return venue_of(rules)


def _why_not(draft: Draft, order: RouterOrder, deadline_ns: int) -> tuple[str, str]:
    """(reason not to send, client order id); one of them is empty."""
    if not draft.standing.log_id:
        raise InvariantError("an approval before LogStarted")
    reason = out_of_time(draft, order, deadline_ns, order.halt_epoch)
    if reason:
        return reason, ""
    try:
        name = client_order_id(draft.standing.log_id, order.record.order_id)
    except ValueError as error:
        return str(error), ""
    return ("dry run: not sent", "") if draft.settings.dry_run else ("", name)
