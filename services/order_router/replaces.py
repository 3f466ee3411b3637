"""Changing a working order: one replace at a time, under a new client_order_id; the old terms stand until the broker confirms new ones."""

from __future__ import annotations

import msgspec

from shared.domain.order_ids import client_order_id, is_external
from shared.events import OrderReplaced, OrderRow, OrderTerms, ReplaceApproved, ReplaceRejected, ReplaceSending

from .orders import Draft
from .permission import out_of_time
from .state import RouterOrder


def approved(draft: Draft, e: ReplaceApproved) -> None:
    """Send, or refuse with the reason."""
    order = draft.get(e.order_id)
    code, text = _why_not(draft, order, e)
    if code or order is None:
        draft.emit(ReplaceRejected(e.order_id, e.strategy, e.replace_no, code, text))
        return
    name = client_order_id(draft.standing.log_id, e.order_id, e.replace_no)
    terms = msgspec.structs.replace(e.terms, quantity=order.record.terms.quantity) if order.group else e.terms  # a group keeps the quantities
    draft.emit(ReplaceSending(e.order_id, e.strategy, name, order.record.broker_order_id, e.replace_no, terms, e.deadline_ns))


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


def _why_not(draft: Draft, order: RouterOrder | None, e: ReplaceApproved) -> tuple[str, str]:
    if order is None or is_external(e.order_id):
        return "unknown_order", "the router never had this order"
    if order.replace is not None:
        return "replace_in_flight", f"replace {order.replace.replace_no} has no answer yet"
    if order.cancel.wanted or not order.working:
        return "not_working", f"the order is {order.record.status}" + (", a cancel is wanted" if order.cancel.wanted else "")
    late = out_of_time(draft, order, e.deadline_ns, e.halt_epoch)
    if late:
        return "out_of_time", late
    if draft.settings.dry_run:
        return "dry_run", "dry run: not sent"
    try:
        client_order_id(draft.standing.log_id, e.order_id, e.replace_no)
    except ValueError as error:
        return "bad_name", str(error)
    return "", ""


def _same(a: OrderTerms, b: OrderTerms) -> bool:
    return (a.quantity, a.limit_price, a.stop_price) == (b.quantity, b.limit_price, b.stop_price)
