"""How approvals and the router's own outputs change its state; the table of everything it folds. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from shared.domain.exact import ZERO
from shared.domain.order_fold import advance, open_record
from shared.domain.order_machine import DONE
from shared.events import (
    AccountOpened,
    BrokerActionReported,
    BrokerCashReported,
    BrokerExecutionReported,
    BrokerOrderNotFound,
    BrokerOrderReported,
    BrokerQueryFailed,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    BrokerStateReported,
    CancelApproved,
    CancelRejected,
    CancelSending,
    CashFlow,
    CorporateAction,
    Event,
    ExitsReduced,
    ExternalOrderSeen,
    FillCorrected,
    FillMismatch,
    HaltRequested,
    LeaseGranted,
    LogStarted,
    OrderAbandoned,
    OrderAccepted,
    OrderApproved,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderHeld,
    OrderQuerySending,
    OrderRejected,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrdersRetired,
    OrderStatus,
    OrderUnknown,
    ReplaceApproved,
    ReplaceRejected,
    ReplaceSending,
    StrategyBlocked,
    StrategyFailed,
    TradingStateChanged,
)

from . import fold_control, fold_evidence, fold_routing, groups_fold, late, outside, throttle
from .orders import Orders
from .retirement import is_retired
from .state import CANCEL, QUERY, REPLACE, SUBMIT, Asked, Fact, Lookup, Replace, RouterOrder


def fold(orders: Orders, event: Event, now: int, epoch: int) -> bool:
    """Fold one event; False for a type that means nothing here. epoch: of the envelope, meant for own outputs."""
    kind = type(event)
    handler = _FOLDS.get(kind)
    if handler is not None:
        handler(orders, event, now, epoch)
        return True
    own = _OWN.get(kind)
    if own is None or not isinstance(event, OrderEvent):
        return False
    part = getattr(event, "child", "")
    for name in (event.order_id, part) if part else (event.order_id,):  # the part last: the broker's names are its
        order = orders.get(name)
        if order is not None:
            own(orders, order, event, now, epoch)
            _advance(orders, order, event, now)
    return True


def _advance(orders: Orders, order: RouterOrder, e: OrderEvent, now: int) -> None:
    """Take the machine's step. An order that is done has nothing left to ask but what became of a replace."""
    advance(order.record, e, now)
    if order.lookups and order.record.status in DONE:
        kept = order.replace.client_order_id if order.replace is not None else ""
        order.lookups = {name: lookup for name, lookup in order.lookups.items() if name == kept}
    if order.group:
        groups_fold.spread(orders, order)
    orders.touched(order)


def _approved(orders: Orders, e: OrderApproved, now: int, _epoch: int) -> None:
    record = open_record(e, now)
    if record is not None and orders.get(e.order_id) is None and not is_retired(orders.standing, e.order_id):
        order = RouterOrder(record, halt_epoch=e.halt_epoch, deadline_ns=e.deadline_ns, market=e.market, grouped=bool(e.group))
        orders.add(order)
        groups_fold.joined(orders, order, e)
        orders.touched(order)


def _external(orders: Orders, e: ExternalOrderSeen, now: int, _epoch: int) -> None:
    record, known = open_record(e, now), orders.get(e.order_id)
    if record is not None and known is None:
        order = RouterOrder(record, acknowledged=True, seen_report=orders.standing.stranger_report)
        orders.add(order)
        orders.bind(order, "", e.broker_order_id)
        orders.touched(order)
    elif record is not None and known is not None and known.record.done and e.working:
        known.record, known.ending = record, None
        orders.touched(known)


def _cancel_approved(orders: Orders, e: CancelApproved, _now: int, _epoch: int) -> None:
    """A strategy's wish ends with the broker's refusal; one with a reason is an operator's or risk's and does not."""
    order = orders.get(e.order_id)
    if order is not None and not order.record.done:
        fold_control.want_gone(orders, order, latched=e.reason is not None)


def _replace_approved(orders: Orders, e: ReplaceApproved, _now: int, _epoch: int) -> None:
    """One at a time: while one waits for room, another is refused."""
    order = orders.get(e.order_id)
    if order is None or order.holds(REPLACE) or (order.children and order.replace_asked):
        return
    order.replace_asked, order.asked = e.replace_no, Asked(e.terms, e.deadline_ns, e.halt_epoch)
    if order.children and not order.cancel.wanted:
        for emptied in fold_routing.share_replace(orders, order, order.asked, e.replace_no):
            fold_control.want_gone(orders, emptied, latched=True)


def _held(orders: Orders, e: OrderHeld, _now: int, _epoch: int) -> None:
    order = orders.get(e.order_id)
    if order is None:
        return
    if e.request == QUERY:
        lookup = order.lookups.setdefault(e.client_order_id, Lookup())
        lookup.held, lookup.waiting, lookup.next_at = True, True, 0
    elif e.request not in order.held:
        order.held = (*order.held, e.request)
    orders.touched(order)


def _no_longer_held(order: RouterOrder, request: str) -> None:
    if order.held:
        order.held = tuple(kept for kept in order.held if kept != request)


def _mismatch(orders: Orders, e: FillMismatch, _now: int, _epoch: int) -> None:
    order = orders.get(e.order_id)
    if order is not None:
        order.disputed[e.execution_id] = e.reported
    else:
        late.fold_told(orders, e)


def _query_sending(orders: Orders, e: OrderQuerySending, now: int, _epoch: int) -> None:
    throttle.spent(orders, QUERY, now)
    order = orders.get(e.order_id)
    if order is not None:
        lookup = order.lookups.setdefault(e.client_order_id, Lookup())
        lookup.attempts, lookup.waiting, lookup.held = e.attempt, True, False
        lookup.next_at = now + orders.settings.answer_ns
        orders.touched(order)


def _sending(orders: Orders, order: RouterOrder, e: OrderSending, now: int, epoch: int) -> None:
    throttle.spent(orders, SUBMIT, now)
    _no_longer_held(order, SUBMIT)
    order.sent, order.epoch, order.deadline_ns = True, epoch, e.deadline_ns
    order.check_at = now + orders.settings.answer_ns
    orders.bind(order, e.client_order_id, "")


def _accepted(orders: Orders, order: RouterOrder, e: OrderAccepted, _now: int, _epoch: int) -> None:
    _revive(orders, order)
    groups_fold.accepted(orders, order)
    order.acknowledged = True
    orders.bind(order, "", e.broker_order_id)


def _filled(orders: Orders, order: RouterOrder, e: OrderFilled, _now: int, _epoch: int) -> None:
    _revive(orders, order)
    outside.execution_booked(orders, e.execution_id)
    cumulative = order.told.pop(e.execution_id, e.cumulative)
    order.executions[e.execution_id] = Fact(e.quantity, e.price, e.commission, cumulative, e.broker_order_id, currency=e.currency)
    orders.bind(order, "", e.broker_order_id)


def _revive(orders: Orders, order: RouterOrder) -> None:
    """Rule R3: an abandoned order that shows is ours, and is cancelled."""
    if order.record.status is OrderStatus.INACTIVE and not order.children:
        fold_control.want_gone(orders, order, latched=True)


def _corrected(_orders: Orders, order: RouterOrder, e: FillCorrected, _now: int, _epoch: int) -> None:
    """After a correction the broker's cumulatives no longer tell executions apart: they are forgotten and ids alone count."""
    broker_id = order.record.broker_order_id
    for name, f in order.executions.items():
        order.executions[name] = replace(f, cumulative=ZERO)
    if e.previous_id != e.execution_id:
        order.executions[e.previous_id] = Fact(e.previous_quantity, e.previous_price, e.previous_commission, ZERO, broker_id, True, e.currency)
    order.executions[e.execution_id] = Fact(e.quantity, e.price, e.commission, ZERO, broker_id, not e.quantity, e.currency)
    order.told.pop(e.execution_id, None)


def _cancel_sending(orders: Orders, order: RouterOrder, e: CancelSending, now: int, _epoch: int) -> None:
    throttle.spent(orders, CANCEL, now)
    _no_longer_held(order, CANCEL)
    cancel = order.cancel
    cancel.in_flight, cancel.attempts, cancel.again_at = True, e.attempt, 0
    cancel.check_at = now + orders.settings.answer_ns


def _cancel_rejected(_orders: Orders, order: RouterOrder, _e: CancelRejected, _now: int, _epoch: int) -> None:
    order.cancel.in_flight, order.cancel.wanted = False, order.cancel.latched


def _replace_sending(orders: Orders, order: RouterOrder, e: ReplaceSending, now: int, epoch: int) -> None:
    throttle.spent(orders, REPLACE, now)
    _no_longer_held(order, REPLACE)
    order.replace = Replace(e.replace_no, e.client_order_id, e.terms, e.deadline_ns, now + orders.settings.answer_ns, epoch)
    order.replace_asked, order.asked = 0, None
    groups_fold.resizing(order, e)
    orders.bind(order, e.client_order_id, "")


def _replaced(orders: Orders, order: RouterOrder, e: OrderReplaced, now: int, epoch: int) -> None:
    """What was asked to be cancelled is gone; the successor is asked anew."""
    order.lookups.pop(order.record.client_order_id, None)
    order.cancel.in_flight = False
    order.replaced = e.replace_no
    orders.bind(order, e.client_order_id, e.broker_order_id)
    _replace_over(orders, order, e, now, epoch)


def _replace_rejected(orders: Orders, order: RouterOrder, e: ReplaceRejected, now: int, epoch: int) -> None:
    _replace_over(orders, order, e, now, epoch)
    groups_fold.resize_refused(orders, order, e, now)


def _replace_over(orders: Orders, order: RouterOrder, e: OrderReplaced | ReplaceRejected, _now: int, _epoch: int) -> None:
    if order.replace_asked == e.replace_no:
        order.replace_asked, order.asked = 0, None
        _no_longer_held(order, REPLACE)
    if order.children:
        fold_routing.forget_replace(orders, order, e.replace_no)
    if order.replace is not None and order.replace.replace_no == e.replace_no:
        order.lookups.pop(order.replace.client_order_id, None)
        order.replace = None


def _nothing(_orders: Orders, _order: RouterOrder, _e: OrderEvent, _now: int, _epoch: int) -> None:
    """The machine's step is all."""


_FOLDS: Final[dict[type[Event], Callable[[Orders, Any, int, int], None]]] = {
    LogStarted: fold_control.log_started,
    LeaseGranted: fold_control.lease_granted,
    AccountOpened: fold_control.account_opened,
    CashFlow: outside.fold_cash_booked,
    CorporateAction: outside.fold_action_booked,
    BrokerCashReported: outside.fold_cash_reported,
    BrokerActionReported: outside.fold_action_reported,
    TradingStateChanged: fold_control.trading_state,
    HaltRequested: fold_control.halt_requested,
    StrategyFailed: fold_control.strategy_stopped,
    StrategyBlocked: fold_control.strategy_stopped,
    OrderApproved: _approved,
    CancelApproved: _cancel_approved,
    ReplaceApproved: _replace_approved,
    OrderRouted: fold_routing.routed,
    ExternalOrderSeen: _external,
    OrdersRetired: late.fold_retired,
    ExitsReduced: groups_fold.exits_reduced,
    FillMismatch: _mismatch,
    OrderQuerySending: _query_sending,
    OrderHeld: _held,
    BrokerOrderNotFound: fold_evidence.not_found,
    BrokerQueryFailed: fold_evidence.query_failed,
    BrokerRequestRefused: fold_evidence.request_failed,
    BrokerRequestAmbiguous: fold_evidence.request_failed,
    BrokerRequestNotSent: fold_evidence.request_failed,
    BrokerOrderReported: fold_evidence.order_reported,
    BrokerExecutionReported: fold_evidence.execution_reported,
    BrokerStateReported: fold_evidence.state_reported,
}
_OWN: Final[dict[type[Event], Callable[[Orders, RouterOrder, Any, int, int], None]]] = {
    OrderSending: _sending,
    OrderAccepted: _accepted,
    OrderFilled: _filled,
    FillCorrected: _corrected,
    CancelSending: _cancel_sending,
    CancelRejected: _cancel_rejected,
    ReplaceSending: _replace_sending,
    OrderReplaced: _replaced,
    ReplaceRejected: _replace_rejected,
    OrderRejected: _nothing,
    OrderUnknown: _nothing,
    OrderCanceled: _nothing,
    OrderExpired: _nothing,
    OrderAbandoned: _nothing,
}
FOLDED: Final = frozenset(_FOLDS) | frozenset(_OWN)
