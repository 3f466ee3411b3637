"""What a strategy wants: new orders, replaces, cancels; approved with exact terms, or denied with the limit that was met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from shared.domain.exact import ONE, multiply, of_float, subtract
from shared.domain.order_group import REPLACES_MAX
from shared.domain.order_ids import is_external
from shared.events import (
    Alert,
    CancelApproved,
    CancelIntent,
    Envelope,
    Event,
    Market,
    OrderApproved,
    OrderDenied,
    OrderIntent,
    Reason,
    ReplaceApproved,
    ReplaceDenied,
    ReplaceIntent,
    Severity,
)

from . import groups
from .desk import Desk
from .duplicates import OrderId
from .legs import Leg
from .limits import crossed, judge
from .open_order import OpenOrder
from .prices import MILLISECOND
from .proposal import BPS, Denial, Proposal, shown, value_price
from .settings import SelfTrade


def on_order(e: Envelope, desk: Desk) -> Sequence[Event]:
    """An id is decided once: told again in the same words it is answered already, in others it is a fault to deny and to tell."""
    intent: OrderIntent = e.event  # type: ignore[assignment]  # dispatched by type
    order_id = OrderId.parse(intent.order_id)
    if order_id is None or order_id.strategy != intent.strategy:
        return _denied(intent, Denial(Reason.NOT_AUTHORISED, "order_id", f"{intent.strategy[:32]}:<run>:<n>", intent.order_id[:64]))
    if desk.duplicates.seen(order_id):
        return _repeated(intent, e, desk)
    if e.source == f"strategy.{intent.strategy}" and (intent.group_size or desk.legs.of(intent.strategy)):
        if desk.legs.waits(intent.order_id):
            return ()  # told again: it is decided with the rest of its group
        if intent.group_size:
            return groups.on_leg(intent, e, desk, _leg_proposal, _approved)
        return (*groups.incomplete(intent.strategy, desk), *_decided(intent, e, desk))
    return _decided(intent, e, desk)


def _decided(intent: OrderIntent, e: Envelope, desk: Desk) -> Sequence[Event]:
    proposal = _proposal(intent, e.source, e.cause, e, desk)
    denial = judge(proposal, desk)
    if denial is not None:
        return (*_denied(intent, denial), *_out_of_the_way(proposal, denial, desk))
    return _approved(intent, proposal, e, desk)


def _approved(intent: OrderIntent, proposal: Proposal, e: Envelope, desk: Desk) -> Sequence[Event]:
    assert proposal.reference is not None, "an order without a reference passed the notional check"
    approved = OrderApproved(
        intent.order_id,
        intent.strategy,
        intent.terms,
        deadline_ns=e.ts_ns + desk.settings.deadline_ms * MILLISECOND,
        halt_epoch=desk.states.halt_epoch,
        reference=proposal.reference.price,
        reference_ns=proposal.reference.ns,
        group=intent.group,
        group_role=intent.group_role,
        group_size=intent.group_size,
        market=_market(intent, proposal, desk) if desk.settings.routed else None,
    )
    return (approved, *proposal.soft)


def on_replace(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Judged as the whole order it would become; exposure by what it adds to what is counted."""
    intent: ReplaceIntent = e.event  # type: ignore[assignment]
    order = desk.reservations.orders.get(intent.order_id)
    if order is None:
        reason = Reason.ORDER_DONE if intent.order_id in desk.reservations.ended else Reason.UNKNOWN_ORDER
        return _replace_denied(intent, Denial(reason, "order_id", "", intent.order_id[:64]))
    if order.strategy != intent.strategy:
        return _replace_denied(intent, Denial(Reason.NOT_AUTHORISED, "order_id", order.strategy, intent.strategy[:32]))
    if intent.replace_no <= order.replace_no:
        return ()  # decided before: its answer is in the log
    if order.group and (denial := _of_a_group(intent, order)) is not None:
        return _replace_denied(intent, denial)
    changes = {name: getattr(intent, name) for name in ("quantity", "limit_price", "stop_price") if getattr(intent, name) is not None}
    terms = msgspec.structs.replace(order.newest, **changes)
    proposal = Proposal(
        order_id=intent.order_id,
        strategy=intent.strategy,
        terms=terms,
        source=e.source,
        cause=e.cause,
        now=e.ts_ns,
        instrument=desk.gates.instruments.get(terms.symbol),
        reference=desk.prices.reference(terms.symbol, terms.side),
        replacing=order,
    )
    denial = judge(proposal, desk)
    if denial is not None:
        return (*_replace_denied(intent, denial), *_out_of_the_way(proposal, denial, desk))
    deadline = e.ts_ns + desk.settings.deadline_ms * MILLISECOND
    approved = ReplaceApproved(intent.order_id, intent.strategy, intent.replace_no, terms, deadline, desk.states.halt_epoch)
    return (approved, *proposal.soft)


def on_cancel(e: Envelope, desk: Desk) -> Sequence[Event]:
    """Cancels always pass, known order or not: the router knows more; only a stranger's does not."""
    del desk  # no state decides about a cancel
    intent: CancelIntent = e.event  # type: ignore[assignment]
    if e.source != f"strategy.{intent.strategy}" or not intent.order_id.startswith(f"{intent.strategy}:"):
        return (_alert(intent.strategy, f"{e.source} wanted to cancel {intent.order_id[:64]}"),)
    return (CancelApproved(intent.order_id, intent.strategy, intent.reason),)


def _market(intent: OrderIntent, p: Proposal, desk: Desk) -> Market:
    """What the order may be routed by. Its farthest limit is the price it was counted at to buy; to sell, the collar below the market."""
    assert p.reference is not None
    assert p.instrument is not None
    collar, last = desk.settings.collar_bps, p.reference.price
    if p.is_buy:
        worst = value_price(p.terms, last, collar)
    else:
        worst = multiply(of_float(last), subtract(ONE, multiply(collar, BPS))) if collar is not None else of_float(last)
    bid, ask = desk.prices.quote(p.symbol) or (0.0, 0.0)
    return Market(bid, ask, last, worst, p.instrument.tick_size, p.instrument.lot_size, intent.style)


def _out_of_the_way(p: Proposal, denial: Denial, desk: Desk) -> Iterator[CancelApproved]:
    """`self_trade: cancel_old`: what the denied order would have met is cancelled; its strategy may ask again when that is gone. Orders of
    others on the account are theirs."""
    if denial.reason is Reason.SELF_TRADE and desk.settings.self_trade is SelfTrade.CANCEL_OLD:
        for order, _ in crossed(p, desk):
            if not is_external(order.order_id):
                yield CancelApproved(order.order_id, order.strategy, Reason.SELF_TRADE)


def _of_a_group(intent: ReplaceIntent, order: OpenOrder) -> Denial | None:
    """The quantities of a group go together and are the router's to keep; higher replace numbers are its own."""
    if intent.quantity is not None and intent.quantity != order.newest.quantity:
        return Denial(Reason.GROUP, "quantity", shown(order.newest.quantity), shown(intent.quantity))
    if intent.replace_no > REPLACES_MAX:
        return Denial(Reason.GROUP, "group_replaces_max", str(REPLACES_MAX), str(intent.replace_no))
    return None


def _leg_proposal(leg: Leg, e: Envelope, desk: Desk) -> Proposal:
    return _proposal(leg.intent, leg.source, leg.cause, e, desk)


def _proposal(intent: OrderIntent, source: str, cause: int, e: Envelope, desk: Desk) -> Proposal:
    terms = intent.terms
    return Proposal(
        order_id=intent.order_id,
        strategy=intent.strategy,
        terms=terms,
        source=source,
        cause=cause,
        now=e.ts_ns,
        instrument=desk.gates.instruments.get(terms.symbol),
        reference=desk.prices.reference(terms.symbol, terms.side),
        reduce_only=intent.reduce_only,
    )


def _repeated(intent: OrderIntent, e: Envelope, desk: Desk) -> Sequence[Event]:
    if e.source != f"strategy.{intent.strategy}":
        return (_alert(intent.strategy, f"{e.source} used the order id {intent.order_id}"),)  # no denial: the order may be alive
    known = desk.reservations.orders.get(intent.order_id) or desk.reservations.ended.get(intent.order_id)
    if known is None:
        return _denied(intent, Denial(Reason.DUPLICATE_ID, "duplicate_id_window", "forever", intent.order_id))
    if known.approved == intent.terms:
        return ()
    alert = _alert(intent.strategy, f"order {intent.order_id} was sent again with other terms: DUPLICATE_MISMATCH")
    if not known.ended:
        return (alert,)  # an OrderDenied would name an order that lives
    return (*_denied(intent, Denial(Reason.DUPLICATE_MISMATCH, "duplicate_id_window", "the same terms", intent.order_id)), alert)


def _denied(intent: OrderIntent, denial: Denial) -> Sequence[Event]:
    denied = OrderDenied(intent.order_id, intent.strategy, *denial)
    if denial.reason is Reason.NOT_AUTHORISED:
        return (denied, _alert(intent.strategy, f"order {intent.order_id[:64]}: {denial.key} is {denial.value!r}, not {denial.limit!r}"))
    return (denied,)


def _replace_denied(intent: ReplaceIntent, denial: Denial) -> Sequence[Event]:
    denied = ReplaceDenied(intent.order_id, intent.strategy, intent.replace_no, *denial)
    if denial.reason is Reason.NOT_AUTHORISED:
        return (denied, _alert(intent.strategy, f"replace of {intent.order_id[:64]} by {denial.value!r}, not {denial.limit!r}"))
    return (denied,)


def _alert(strategy: str, text: str) -> Alert:
    return Alert(Severity.CRITICAL, f"intent_refused.{strategy[:32]}", text)


ON: Final[Mapping[type[Event], Callable[[Envelope, Desk], Sequence[Event]]]] = {
    OrderIntent: on_order,
    ReplaceIntent: on_replace,
    CancelIntent: on_cancel,
}
