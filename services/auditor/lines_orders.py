"""Audit lines of orders and fills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from shared.domain.exact import add, negate, subtract
from shared.events import (
    CancelRejected,
    Event,
    ExitsReduced,
    ExternalOrderSeen,
    FillCorrected,
    FillMismatch,
    OrderAbandoned,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderHeld,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderSide,
    OrderUnknown,
    ReplaceDenied,
    ReplaceRejected,
)

from .line import Entry, meta, moved, number, terms


def _submitted(e: OrderSending, _net: Decimal) -> Sequence[Entry]:
    t = e.terms
    extra = meta(
        order_id=e.order_id,
        strategy=e.strategy,
        client_order_id=e.client_order_id,
        symbol=t.symbol,
        side=t.side,
        order_type=t.type,
        quantity=t.quantity,
        limit_price=t.limit_price,
        stop_price=t.stop_price,
        tif=t.tif,
    )
    return [("OrderSubmitted", terms(t), extra)]


def _acknowledged(e: OrderAccepted, _net: Decimal) -> Sequence[Entry]:
    return [("OrderAcknowledged", f"{e.order_id} accepted", meta(order_id=e.order_id, strategy=e.strategy, broker_order_id=e.broker_order_id))]


def _filled(e: OrderFilled, net: Decimal) -> Sequence[Entry]:
    details = f"{e.side} {number(e.quantity)} {e.symbol} @ {number(e.price)}"
    extra = meta(
        order_id=e.order_id,
        strategy=e.strategy,
        symbol=e.symbol,
        side=e.side,
        quantity=e.quantity,
        price=e.price,
        commission=e.commission,
        currency=e.currency,
        cumulative=e.cumulative,
        leaves=e.leaves,
        execution_id=e.execution_id,
        broker_order_id=e.broker_order_id,
        broker_ns=e.broker_ns,
        late="true" if e.late else None,
    )
    signed = e.quantity if e.side is OrderSide.BUY else negate(e.quantity)
    return [("OrderFilled", details, extra), *moved(e.symbol, net, add(net, signed), e.price)]


def _corrected(e: FillCorrected, net: Decimal) -> Sequence[Entry]:
    """A correction is a line of its own; nothing that was written is taken back."""
    details = f"corrected {e.previous_id}: {number(e.previous_quantity)} @ {number(e.previous_price)} to {number(e.quantity)} @ {number(e.price)}"
    extra = meta(
        order_id=e.order_id, strategy=e.strategy, symbol=e.symbol, execution_id=e.execution_id, commission=e.commission, currency=e.currency or None
    )
    change = subtract(e.quantity, e.previous_quantity)
    after = add(net, change if e.side is OrderSide.BUY else negate(change))
    return [("OrderFilled", details, extra), *moved(e.symbol, net, after, e.price)]


def _cancelled(e: OrderCanceled, _net: Decimal) -> Sequence[Entry]:
    return [("OrderCancelled", e.text or f"{e.order_id} cancelled", meta(order_id=e.order_id, strategy=e.strategy, filled=e.filled))]


def _expired(e: OrderExpired, _net: Decimal) -> Sequence[Entry]:
    return [("OrderCancelled", f"{e.order_id} expired", meta(order_id=e.order_id, strategy=e.strategy, filled=e.filled))]


def _rejected(e: OrderRejected, _net: Decimal) -> Sequence[Entry]:
    return [("OrderRejected", e.text, meta(order_id=e.order_id, strategy=e.strategy, code=e.code))]


def _cancel_rejected(e: CancelRejected, _net: Decimal) -> Sequence[Entry]:
    return [("Error", f"cancel of {e.order_id} refused: {e.text}", meta(order_id=e.order_id, strategy=e.strategy, code=e.code))]


def _replace_rejected(e: ReplaceRejected, _net: Decimal) -> Sequence[Entry]:
    extra = meta(order_id=e.order_id, strategy=e.strategy, replace_no=e.replace_no, code=e.code)
    return [("Error", f"replace of {e.order_id} refused: {e.text}", extra)]


def _abandoned(e: OrderAbandoned, _net: Decimal) -> Sequence[Entry]:
    """A dry run is the router's word that it would have sent."""
    kind = "DryRunOrder" if e.text.startswith("dry run") else "Error"
    return [(kind, f"{e.order_id} abandoned: {e.text}", meta(order_id=e.order_id, strategy=e.strategy))]


def _routed(e: OrderRouted, _net: Decimal) -> Sequence[Entry]:
    shown = "; ".join(terms(child.terms) + (f" at {child.venue}" if child.venue else "") for child in e.children)
    extra = meta(order_id=e.order_id, strategy=e.strategy, parts=len(e.children), sequential="true" if e.sequential else None)
    return [("OrderRouted", shown, extra)]


def _reduced(e: ExitsReduced, _net: Decimal) -> Sequence[Entry]:
    text = f"{number(e.quantity)} of what the exits of {e.order_id} protect are gone without them"
    return [("OrderReplaced", text, meta(order_id=e.order_id, strategy=e.strategy, quantity=e.quantity))]


def _held(e: OrderHeld, _net: Decimal) -> Sequence[Entry]:
    text = f"{e.request} of {e.order_id} waits for room under the broker's limits"
    return [("OrderHeld", text, meta(order_id=e.order_id, strategy=e.strategy, request=e.request))]


def _denied(e: OrderDenied | ReplaceDenied, _net: Decimal) -> Sequence[Entry]:
    extra = meta(order_id=e.order_id, strategy=e.strategy, reason=e.reason.name, code=int(e.reason), key=e.key, limit=e.limit, value=e.value)
    return [("OrderDenied", f"{e.order_id} denied: {e.reason.name}", extra)]


def _unknown(e: OrderUnknown, _net: Decimal) -> Sequence[Entry]:
    return [("OrderUnknown", e.text, meta(order_id=e.order_id, strategy=e.strategy))]


def _replaced(e: OrderReplaced, _net: Decimal) -> Sequence[Entry]:
    extra = meta(
        order_id=e.order_id,
        strategy=e.strategy,
        replace_no=e.replace_no,
        client_order_id=e.client_order_id,
        broker_order_id=e.broker_order_id,
        quantity=e.terms.quantity,
        limit_price=e.terms.limit_price,
        stop_price=e.terms.stop_price,
    )
    return [("OrderReplaced", terms(e.terms), extra)]


def _external(e: ExternalOrderSeen, _net: Decimal) -> Sequence[Entry]:
    extra = meta(order_id=e.order_id, strategy=e.strategy, broker_order_id=e.broker_order_id, filled=e.filled)
    return [("Reconciliation", f"order of others: {terms(e.terms)}", extra)]


def _mismatch(e: FillMismatch, _net: Decimal) -> Sequence[Entry]:
    extra = meta(order_id=e.order_id, strategy=e.strategy, execution_id=e.execution_id, booked=e.booked, reported=e.reported)
    return [("Error", "two reports of one execution differ", extra)]


ORDER_LINES: Final[dict[type[Event], Callable[[Any, Decimal], Sequence[Entry]]]] = {
    OrderSending: _submitted,
    OrderAccepted: _acknowledged,
    OrderFilled: _filled,
    FillCorrected: _corrected,
    OrderCanceled: _cancelled,
    OrderExpired: _expired,
    OrderRejected: _rejected,
    CancelRejected: _cancel_rejected,
    ReplaceRejected: _replace_rejected,
    OrderAbandoned: _abandoned,
    OrderHeld: _held,
    ExitsReduced: _reduced,
    OrderRouted: _routed,
    OrderDenied: _denied,
    ReplaceDenied: _denied,
    OrderUnknown: _unknown,
    OrderReplaced: _replaced,
    ExternalOrderSeen: _external,
    FillMismatch: _mismatch,
}
