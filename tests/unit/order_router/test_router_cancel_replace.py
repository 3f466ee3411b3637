"""Cancels, halts, replaces: wishes become requests, refusals are judged, superseded ids mean nothing."""

from __future__ import annotations

import pytest

from services.order_router.core import RouterCore
from shared.events import (
    BrokerOrderNotFound,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    CancelApproved,
    CancelRejected,
    CancelSending,
    ErrorClass,
    HaltRequested,
    LeaseGranted,
    OrderReplaced,
    OrderStatus,
    ReplaceApproved,
    ReplaceRejected,
    ReplaceSending,
    Scope,
    StrategyBlocked,
    StrategyFailed,
    TradingState,
    TradingStateChanged,
)
from shared.events.enums import Reason
from tests.unit.order_router.router import at_broker
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, World, approved, client, executed, kinds, log_started, only, opened, reported, terms


def cancel(n: int = 1, reason: Reason | None = None) -> CancelApproved:
    return CancelApproved(f"ma:1:{n}", "ma", reason)


def cancel_refused(error: ErrorClass = ErrorClass.REJECTION) -> BrokerRequestRefused:
    return BrokerRequestRefused(ACCOUNT, "router", "cancel", client(1), error, "42210000", "not now")


def replace(quantity: int = 150, no: int = 1, deadline: float = 5) -> ReplaceApproved:
    return ReplaceApproved("ma:1:1", "ma", no, terms(quantity), T0 + round(deadline * SECOND), 0)


def new_row(status: OrderStatus = OrderStatus.NEW, quantity: int = 150, **more: object) -> object:
    return reported(status, client_id=client(1, replace=1), broker_id="B1b", t=terms(quantity), **more)


def test_a_cancel_is_written_ahead_and_confirmed() -> None:
    w = at_broker()

    sending = only(w.when(cancel()), CancelSending)

    assert (sending.client_order_id, sending.broker_order_id, sending.attempt) == (client(1), "B1", 1)
    assert w.when(cancel()) == []
    assert kinds(w.when(reported(OrderStatus.CANCELLED))) == ["OrderCanceled"]
    assert w.core.next_timer() == 0


def test_a_cancel_before_the_accept_waits_for_it() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), opened(), approved(1))

    assert w.when(cancel()) == []
    assert kinds(w.when(reported(OrderStatus.NEW))) == ["OrderAccepted", "CancelSending"]


def test_a_cancel_of_an_unknown_order_waits_until_it_is_found() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), opened(), approved(1))
    w.given(BrokerRequestAmbiguous(ACCOUNT, "router", "submit", client(1), ErrorClass.TIMEOUT, ""))

    assert w.when(cancel()) == []
    assert kinds(w.when(reported(OrderStatus.NEW))) == ["OrderAccepted", "CancelSending"]


@pytest.mark.parametrize(("order_id", "code"), [("ma:1:9", "unknown_order"), ("ma:1:1", "order_done")])
def test_a_cancel_that_can_never_be_granted_is_answered(order_id: str, code: str) -> None:
    w = at_broker()
    w.given(reported(OrderStatus.CANCELLED))

    assert only(w.when(CancelApproved(order_id, "ma")), CancelRejected).code == code


@pytest.mark.parametrize(
    "outcome",
    [
        BrokerRequestAmbiguous(ACCOUNT, "router", "cancel", client(1), ErrorClass.TIMEOUT, ""),
        BrokerRequestNotSent(ACCOUNT, "router", "cancel", client(1), "no connection"),
        cancel_refused(ErrorClass.RATE_LIMIT),
    ],
)
def test_a_cancel_that_did_not_get_through_is_sent_again_after_a_pause(outcome: object) -> None:
    w = at_broker().given(cancel())

    assert w.when(outcome) == []
    assert w.tick(0.4) == []
    assert only(w.tick(0.1), CancelSending).attempt == 2


def test_a_cancel_without_an_answer_is_asked_about_and_sent_again() -> None:
    w = at_broker().given(cancel())

    assert kinds(w.tick(15)) == ["OrderQuerySending", "CancelSending"]


def test_a_refused_cancel_of_a_strategy_is_told_and_the_order_looked_up() -> None:
    w = at_broker().given(cancel())

    assert kinds(w.when(cancel_refused())) == ["CancelRejected", "OrderQuerySending"]
    assert w.when(reported(OrderStatus.NEW)) == []
    assert w.core.next_timer() == 0
    assert only(w.when(cancel()), CancelSending).attempt == 2  # the strategy may ask again


def test_a_refused_cancel_of_a_halt_is_tried_again() -> None:
    w = at_broker().given(HaltRequested("c", "op", "why", Scope.GLOBAL, ""))

    assert kinds(w.when(cancel_refused())) == ["CancelRejected", "OrderQuerySending"]
    w.given(reported(OrderStatus.NEW))
    assert only(w.tick(1), CancelSending).attempt == 2


def test_filled_before_the_cancel_arrives() -> None:
    w = at_broker().given(cancel())
    w.given(executed(100))

    assert w.when(cancel_refused()) == []
    assert w.core.next_timer() == 0


@pytest.mark.parametrize(
    ("event", "cancelled"),
    [
        (HaltRequested("c", "op", "why", Scope.GLOBAL, ""), {"ma:1:1", "ma:1:2"}),
        (HaltRequested("c", "op", "why", Scope.STRATEGY, "ma"), {"ma:1:1", "ma:1:2"}),
        (HaltRequested("c", "op", "why", Scope.STRATEGY, "pairs"), set()),
        (HaltRequested("c", "op", "why", Scope.SYMBOL, "AAPL"), {"ma:1:1", "ma:1:2"}),
        (TradingStateChanged(Scope.GLOBAL, "", TradingState.HALTED, Reason.DAY_LOSS, "", 1), {"ma:1:1", "ma:1:2"}),
        (TradingStateChanged(Scope.GLOBAL, "", TradingState.REDUCING, Reason.DAY_LOSS, "", 0), set()),
        (StrategyFailed("ma", 1, "on_bar", "ZeroDivisionError"), {"ma:1:1", "ma:1:2"}),
        (StrategyBlocked("ma", 1, "on_bar", 5000), {"ma:1:1", "ma:1:2"}),
        (StrategyFailed("pairs", 1, "on_bar", ""), set()),
    ],
)
def test_what_ends_trading_cancels_the_working_orders_of_its_scope(event: object, cancelled: set[str]) -> None:
    w = at_broker(2)

    assert {e.order_id for e in w.when(event)} == cancelled


def test_an_order_in_flight_at_the_halt_is_cancelled_once_the_broker_has_it() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), opened(), approved(1), HaltRequested("c", "op", "why", Scope.GLOBAL, ""))

    assert kinds(w.when(reported(OrderStatus.NEW))) == ["OrderAccepted", "CancelSending"]


def test_risk_confirming_the_halt_sends_nothing_a_second_time() -> None:
    w = at_broker().given(HaltRequested("c", "op", "why", Scope.GLOBAL, ""))

    assert w.when(TradingStateChanged(Scope.GLOBAL, "", TradingState.HALTED, Reason.OPERATOR, "", 1)) == []


def test_a_flatten_order_is_not_cancelled_by_the_halt_it_was_approved_in() -> None:
    w = at_broker().given(TradingStateChanged(Scope.GLOBAL, "", TradingState.HALTED, Reason.OPERATOR, "", 1))
    w.given(approved(5, strategy="risk", halt_epoch=1), reported(OrderStatus.NEW, client_id=client(5, "risk"), broker_id="B5"))

    assert w.when(TradingStateChanged(Scope.GLOBAL, "", TradingState.HALTED, Reason.DAY_LOSS, "", 1)) == []


def test_policy_may_leave_working_orders() -> None:
    w = at_broker(halt_cancels_open=False, strategy_failure_cancels=False)

    assert w.when(HaltRequested("c", "op", "why", Scope.GLOBAL, "")) == []
    assert w.when(StrategyFailed("ma", 1, "on_bar", "")) == []


def test_a_successor_asks_again_for_a_cancel_in_flight() -> None:
    w = at_broker().given(cancel())

    assert only(w.when(LeaseGranted("order_router", "h2", 2)), CancelSending).attempt == 2


def test_replace_acknowledged() -> None:
    w = at_broker()

    sending = only(w.when(replace()), ReplaceSending)
    replaced = only(w.when(new_row()), OrderReplaced)

    assert (sending.client_order_id, sending.broker_order_id) == ("abcdef-ma-1-1.1", "B1")
    assert (replaced.client_order_id, replaced.broker_order_id, replaced.terms.quantity) == ("abcdef-ma-1-1.1", "B1b", 150)
    assert w.core.next_timer() == 0


def test_replace_in_place_under_the_old_names() -> None:
    w = at_broker().given(replace())

    assert w.when(reported(OrderStatus.PENDING_REPLACE)) == []
    assert w.when(reported(OrderStatus.NEW)) == []  # the old terms still: no word about the replace
    assert kinds(w.when(reported(OrderStatus.NEW, t=terms(150)))) == ["OrderReplaced"]


def test_a_cancel_report_of_a_superseded_id_is_ignored() -> None:
    """RISK_AND_FAULTS 6, scenario 15."""
    w = at_broker().given(replace(), new_row())

    assert w.when(reported(OrderStatus.CANCELLED)) == []
    assert w.when(reported(OrderStatus.REPLACED, replaced_by=client(1, replace=1))) == []
    assert kinds(w.when(new_row(OrderStatus.CANCELLED))) == ["OrderCanceled"]


@pytest.mark.parametrize(
    "no",
    [
        BrokerRequestRefused(ACCOUNT, "router", "replace", client(1, replace=1), ErrorClass.REJECTION, "42210000", "no", 1),
        BrokerRequestNotSent(ACCOUNT, "router", "replace", client(1, replace=1), "no connection", 1),
        reported(OrderStatus.REJECTED, client_id=client(1, replace=1), broker_id="B1b", t=terms(150)),
    ],
)
def test_replace_refused_keeps_the_old_terms_and_the_order_alive(no: object) -> None:
    w = at_broker().given(replace())

    assert kinds(w.when(no)) == ["ReplaceRejected"]
    record = w.core._state.orders["ma:1:1"].record
    assert (record.status, record.terms.quantity) == (OrderStatus.NEW, 100)


def test_replace_time_out_is_looked_up_by_its_own_name_and_found() -> None:
    w = at_broker().given(replace())
    query = w.when(BrokerRequestAmbiguous(ACCOUNT, "router", "replace", client(1, replace=1), ErrorClass.TIMEOUT, "", 1))

    assert [e.client_order_id for e in query] == [client(1, replace=1)]
    assert kinds(w.when(new_row())) == ["OrderReplaced"]


def test_a_replace_that_is_still_on_its_way_is_asked_for_again_later() -> None:
    w = at_broker().given(replace())
    assert kinds(w.tick(30)) == ["OrderQuerySending"], "no word of it"
    assert kinds(w.when(new_row(OrderStatus.PENDING_NEW))) == [], "the venue has it and has not acted: the old terms stand"
    assert kinds(w.tick(1)) == []
    assert kinds(w.tick(30)) == ["OrderQuerySending"]
    assert kinds(w.when(new_row())) == ["OrderReplaced"]


def test_replace_time_out_that_never_arrived_is_rejected_when_absence_is_proven() -> None:
    w = at_broker().given(replace())
    w.given(BrokerRequestAmbiguous(ACCOUNT, "router", "replace", client(1, replace=1), ErrorClass.TIMEOUT, "", 1))
    w.tick(30)
    w.given(BrokerOrderNotFound(ACCOUNT, "router", client(1, replace=1), 1))
    w.tick(30)

    assert only(w.when(BrokerOrderNotFound(ACCOUNT, "router", client(1, replace=1), 2)), ReplaceRejected).code == "not_found"


def test_replace_with_fills_before_between_and_during() -> None:
    w = at_broker().given(executed(10, eid="a"), replace(), executed(20, eid="b"))
    w.given(new_row(), executed(30, eid="c", client_id=client(1, replace=1), broker_id="B1b"))

    record = w.core._state.orders["ma:1:1"].record
    assert (record.status, record.filled, record.leaves) == (OrderStatus.PARTIALLY_FILLED, 60, 90)


def test_a_fill_of_the_new_order_proves_the_replace_before_its_answer() -> None:
    w = at_broker().given(replace())

    out = w.when(executed(120, eid="a", client_id=client(1, replace=1), broker_id="B1b"))

    assert kinds(out) == ["OrderReplaced", "OrderFilled"]
    assert out[1].leaves == 30
    assert kinds(w.when(new_row())) == []


def test_filled_during_the_replace_and_confirmed_for_more_works_on() -> None:
    w = at_broker().given(replace(), executed(100))

    assert kinds(w.when(new_row(OrderStatus.PARTIALLY_FILLED, filled=100))) == ["OrderReplaced"]
    assert w.core._state.orders["ma:1:1"].record.status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    ("given", "request_", "code"),
    [
        ((), replace(deadline=-1), "out_of_time"),
        ((cancel(),), replace(), "not_working"),
        ((replace(),), replace(no=2), "replace_in_flight"),
        ((executed(100),), replace(), "not_working"),
        ((), ReplaceApproved("ma:1:9", "ma", 1, terms(), T0 + SECOND, 0), "unknown_order"),
    ],
)
def test_replace_not_sent(given: tuple[object, ...], request_: object, code: str) -> None:
    w = at_broker().given(*given)

    assert only(w.when(request_), ReplaceRejected).code == code


def test_the_second_replace_refused_at_once_leaves_the_first_in_flight() -> None:
    w = at_broker().given(replace(), replace(no=2))

    assert w.core._state.orders["ma:1:1"].record.status is OrderStatus.PENDING_REPLACE
    assert kinds(w.when(new_row())) == ["OrderReplaced"]


def test_a_cancel_refused_during_a_replace_is_sent_to_its_successor() -> None:
    w = at_broker().given(replace(), cancel())

    assert w.when(cancel_refused()) == []
    outputs = w.when(new_row(), after=1)

    assert kinds(outputs) == ["OrderReplaced", "CancelSending"]
    assert outputs[1].broker_order_id == "B1b"
