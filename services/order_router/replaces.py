"""Changing a working order: one replace at a time, under a new client_order_id; the old terms stand until the broker confirms new ones."""

from __future__ import annotations

import msgspec

from shared.domain.order_ids import client_order_id, is_external
from shared.events import ExecutionRow, OrderReplaced, OrderRow, OrderTerms, ReplaceApproved, ReplaceRejected, ReplaceSending

from . import parents, throttle
from .orders import Draft
from .permission import out_of_time
from .state import REPLACE, Asked, RouterOrder


def approved(draft: Draft, e: ReplaceApproved) -> None:
    """Send, or refuse with the reason."""
    order = draft.get(e.order_id)
    if order is None or is_external(e.order_id):
        draft.emit(ReplaceRejected(e.order_id, e.strategy, e.replace_no, "unknown_order", "the router never had this order"))
    elif order.replace_asked != e.replace_no:
        text = f"replace {order.replace_asked} is not sent yet"
        draft.emit(ReplaceRejected(e.order_id, e.strategy, e.replace_no, "replace_in_flight", text))
    elif order.children:
        code, text = _why_not(draft, order, order.asked) if order.asked is not None else ("not_working", "")
        if code:
            draft.emit(ReplaceRejected(e.order_id, e.strategy, e.replace_no, code, text))
        else:
            parents.replace(draft, order)
    else:
        send(draft, order)


def send(draft: Draft, order: RouterOrder) -> None:
    """A replace that was approved and neither sent nor refused: send it when there is room for it, or refuse it."""
    record, asked, no = order.record, order.asked, order.replace_asked
    if asked is None:
        return
    code, text = _why_not(draft, order, asked)
    if code:
        draft.emit(ReplaceRejected(record.order_id, record.strategy, no, code, text))
    elif throttle.passes(draft, order, REPLACE):
        name = client_order_id(draft.standing.log_id, record.order_id, no)
        terms = msgspec.structs.replace(asked.terms, quantity=record.terms.quantity) if order.group else asked.terms  # a group keeps the quantities
        draft.emit(ReplaceSending(record.order_id, record.strategy, name, record.broker_order_id, no, terms, asked.deadline_ns))


def failed(draft: Draft, order: RouterOrder, client_id: str, code: str, text: str) -> None:
    """The broker refused the replace in flight, or it never left."""
    replace, record = order.replace, order.record
    if replace is not None and client_id in {replace.client_order_id, record.client_order_id}:
        draft.emit(ReplaceRejected(record.order_id, record.strategy, replace.replace_no, code, text))


def confirm(draft: Draft, order: RouterOrder, row: OrderRow) -> None:
    """The broker shows the new terms: under the new client id, or under the old one where it changes orders in place. Under the old one they
    prove nothing when the old terms are the same: the row may be from before the replace."""
    replace, record = order.replace, order.record
    if replace is None:
        return
    in_place = _same(row.terms, replace.terms) and not _same(record.terms, replace.terms)
    if replace.client_order_id != row.client_order_id and not in_place:
        return
    draft.emit(
        OrderReplaced(
            record.order_id, record.strategy, replace.replace_no, replace.terms, row.client_order_id or record.client_order_id, row.broker_order_id
        )
    )


def proven(draft: Draft, order: RouterOrder, row: ExecutionRow) -> None:
    """An execution of the new order proves that the broker made it, whatever became of the answer: the new terms stand before it is booked."""
    replace, record = order.replace, order.record
    if replace is not None and row.client_order_id == replace.client_order_id and not record.done:
        draft.emit(OrderReplaced(record.order_id, record.strategy, replace.replace_no, replace.terms, row.client_order_id, row.broker_order_id))


def _why_not(draft: Draft, order: RouterOrder, asked: Asked) -> tuple[str, str]:
    if order.replace is not None:
        return "replace_in_flight", f"replace {order.replace.replace_no} has no answer yet"
    if order.cancel.wanted or not order.working:
        return "not_working", f"the order is {order.record.status}" + (", a cancel is wanted" if order.cancel.wanted else "")
    late = out_of_time(draft, order, asked.deadline_ns, asked.halt_epoch)
    if late:
        return "out_of_time", late
    try:
        client_order_id(draft.standing.log_id, order.record.order_id, order.replace_asked)
    except ValueError as error:
        return "bad_name", str(error)
    return ("dry_run", "dry run: not sent") if draft.settings.dry_run else ("", "")


def _same(a: OrderTerms, b: OrderTerms) -> bool:
    return (a.quantity, a.limit_price, a.stop_price) == (b.quantity, b.limit_price, b.stop_price)
