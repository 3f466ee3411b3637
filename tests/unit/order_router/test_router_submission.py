"""Approvals to requests: rules R2 and R3, the outcomes of a request, look-ups, a successor."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.order_router.core import RouterCore
from services.order_router.settings import RouterSettings
from shared.events import (
    BrokerOrderNotFound,
    BrokerQueryFailed,
    BrokerRequestAmbiguous,
    BrokerRequestNotSent,
    BrokerRequestRefused,
    ErrorClass,
    HaltRequested,
    LeaseGranted,
    OrderAbandoned,
    OrderAccepted,
    OrderQuerySending,
    OrderRejected,
    OrderSending,
    OrderStatus,
    OrderUnknown,
    RunStarted,
    Scope,
    TradingState,
    TradingStateChanged,
)
from shared.events.enums import Reason
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, World, approved, client, executed, kinds, log_started, only, opened, reported, terms


def world(**settings: object) -> World:
    return World(RouterCore(RouterSettings(**settings)), "order_router").given(
        log_started(), LeaseGranted("order_router", "h", 1), RunStarted("order_router", 1, "f"), opened()
    )


def ambiguous(n: int = 1, request: str = "submit") -> BrokerRequestAmbiguous:
    return BrokerRequestAmbiguous(ACCOUNT, "router", request, client(n), ErrorClass.TIMEOUT, "no answer in 10 s")


def refused(code: str, n: int = 1) -> BrokerRequestRefused:
    return BrokerRequestRefused(ACCOUNT, "router", "submit", client(n), ErrorClass.REJECTION, code, "no")


def not_found(attempt: int, n: int = 1) -> BrokerOrderNotFound:
    return BrokerOrderNotFound(ACCOUNT, "router", client(n), attempt)


def halted(epoch: int, scope: Scope = Scope.GLOBAL, key: str = "") -> TradingStateChanged:
    return TradingStateChanged(scope, key, TradingState.HALTED, Reason.OPERATOR, "", epoch)


def test_exactly_the_approved_terms_are_written_ahead_once() -> None:
    w = world()

    sending = only(w.when(approved(1)), OrderSending)

    assert (sending.client_order_id, sending.terms, sending.deadline_ns) == ("abcdef-ma-1-1", terms(), T0 + 5 * SECOND)
    assert kinds(w.when(approved(1))) == ["Alert"]  # approved again: told, not sent


def test_an_approval_past_its_deadline_is_abandoned() -> None:
    w = world()
    w.tick(6)

    assert kinds(w.when(approved(1, deadline=5))) == ["OrderAbandoned"]


def test_an_approval_on_its_deadline_still_goes() -> None:
    w = world()
    w.tick(5)

    assert kinds(w.when(approved(1, deadline=5))) == ["OrderSending"]


@pytest.mark.parametrize(
    ("halt", "strategy", "sent"),
    [
        (halted(1), "ma", False),
        (halted(1, Scope.STRATEGY, "ma"), "ma", False),
        (halted(1, Scope.STRATEGY, "other"), "ma", True),
        (halted(1, Scope.SYMBOL, "AAPL"), "ma", False),
        (halted(1, Scope.SYMBOL, "MSFT"), "ma", True),
        (HaltRequested("c1", "op", "why", Scope.GLOBAL, ""), "ma", False),
        (HaltRequested("c1", "op", "why", Scope.STRATEGY, "other"), "ma", True),
    ],
)
def test_what_was_approved_before_a_halt_of_its_scope_is_not_sent(halt: object, strategy: str, sent: bool) -> None:
    w = world().given(halt)

    assert kinds(w.when(approved(1, strategy=strategy, halt_epoch=0))) == ["OrderSending" if sent else "OrderAbandoned"]


def test_a_flatten_approved_since_the_halt_is_sent_even_after_a_second_halt_command() -> None:
    w = world().given(halted(1), HaltRequested("c2", "op", "again", Scope.GLOBAL, ""))

    assert kinds(w.when(approved(1, strategy="risk", halt_epoch=1))) == ["OrderSending"]


def test_a_halt_command_that_risk_never_confirmed_ends_with_the_resume() -> None:
    w = world().given(HaltRequested("c1", "op", "why", Scope.GLOBAL, ""))
    w.given(TradingStateChanged(Scope.GLOBAL, "", TradingState.ACTIVE, Reason.OPERATOR, "", 0))

    assert kinds(w.when(approved(1))) == ["OrderSending"]


def test_dry_run_sends_nothing() -> None:
    w = world(dry_run=True)

    assert only(w.when(approved(1)), OrderAbandoned).text == "dry run: not sent"


def test_a_client_id_no_broker_takes_is_abandoned_not_raised() -> None:
    w = world()
    order = approved(12345678901234567890, strategy="a_very_long_name")

    assert "characters" in only(w.when(order), OrderAbandoned).text


def test_a_definite_refusal_rejects() -> None:
    w = world().given(approved(1))

    assert only(w.when(refused("40310000")), OrderRejected).code == "40310000"


def test_nothing_left_this_machine() -> None:
    w = world().given(approved(1))

    assert kinds(w.when(BrokerRequestNotSent(ACCOUNT, "router", "submit", client(1), "no connection"))) == ["OrderAbandoned"]


def test_that_a_successor_sent_nothing_proves_nothing_about_its_predecessor() -> None:
    w = world(idempotent_submit=True).given(approved(1), LeaseGranted("order_router", "h2", 2))

    assert kinds(w.when(BrokerRequestNotSent(ACCOUNT, "router", "submit", client(1), "no connection"))) == ["OrderUnknown"]


def test_a_duplicate_refusal_means_it_exists_and_is_looked_up_and_adopted() -> None:
    w = world().given(approved(1))

    assert kinds(w.when(refused("duplicate"))) == ["OrderUnknown", "OrderQuerySending"]
    assert kinds(w.when(reported(OrderStatus.NEW))) == ["OrderAccepted"]


def test_a_duplicate_with_other_terms_is_alarmed() -> None:
    w = world().given(approved(1), refused("duplicate"))

    assert kinds(w.when(reported(OrderStatus.NEW, t=terms(7)))) == ["Alert", "OrderAccepted"]


def test_a_refusal_after_the_accept_is_looked_up_not_believed() -> None:
    w = world().given(approved(1), reported(OrderStatus.NEW))

    assert kinds(w.when(refused("40310000"))) == ["OrderQuerySending"]


def test_timeout_after_accept_is_found_by_query_and_never_sent_again() -> None:
    w = world().given(approved(1))

    assert kinds(w.when(ambiguous())) == ["OrderUnknown", "OrderQuerySending"]
    assert only(w.when(reported(OrderStatus.NEW)), OrderAccepted).broker_order_id == "B1"
    assert [e for e in w.log if isinstance(e.event, OrderSending)][1:] == []
    assert w.core.next_timer() == 0


def test_timeout_before_accept_is_abandoned_only_when_absence_is_proven() -> None:
    """Deadline 5 s + answer time 15 s: not-founds before second 20 do not prove anything, and it takes two."""
    w = world().given(approved(1), ambiguous())
    answers = []
    attempt = 1
    for _ in range(20):
        answers = w.when(not_found(attempt), after=0.1)
        if answers:
            break
        due = w.core.next_timer()
        assert due > w.now
        asked = w.tick((due - w.now) / SECOND)
        attempt = only(asked, OrderQuerySending).attempt

    assert kinds(answers) == ["OrderAbandoned"]
    assert w.now >= T0 + 20 * SECOND
    assert w.core.next_timer() == 0


def test_a_single_not_found_however_late_proves_nothing() -> None:
    w = world().given(approved(1), ambiguous())
    w.tick(100)

    assert w.when(not_found(1)) == []


def test_the_same_not_found_counts_once() -> None:
    w = world().given(approved(1), ambiguous())
    w.tick(100)
    w.given(not_found(1))

    assert w.when(not_found(1)) == []


def test_failed_look_ups_are_repeated_and_count_for_nothing() -> None:
    w = world().given(approved(1), ambiguous())
    for attempt in range(1, 9):
        w.when(BrokerQueryFailed(ACCOUNT, "router", "order", client(1), ErrorClass.NETWORK, "down"), after=30)
        asked = w.tick(10)
        assert only(asked, OrderQuerySending).attempt == attempt + 1

    assert not [e for e in w.log if isinstance(e.event, OrderAbandoned)]


def test_look_ups_back_off() -> None:
    w = world().given(approved(1), ambiguous())
    pauses = []
    for attempt in range(1, 8):
        w.given(not_found(attempt)) if w.now < T0 + 19 * SECOND else w.given(
            BrokerQueryFailed(ACCOUNT, "router", "order", client(1), ErrorClass.NETWORK, "")
        )
        pauses.append((w.core.next_timer() - w.now) / SECOND)
        w.tick(pauses[-1])

    assert pauses == [0.5, 1, 2, 4, 8, 8, 8]


def test_no_answer_at_all_becomes_unknown_by_itself() -> None:
    w = world().given(approved(1))

    assert w.core.next_timer() == T0 + 15 * SECOND
    assert kinds(w.tick(15)) == ["OrderUnknown", "OrderQuerySending"]


def test_a_successor_looks_up_what_an_older_epoch_sent() -> None:
    w = world().given(approved(1), approved(2), reported(OrderStatus.NEW, 2))

    outputs = w.when(LeaseGranted("order_router", "h2", 2))

    assert kinds(outputs) == ["OrderUnknown", "OrderQuerySending"]
    assert only(outputs, OrderUnknown).order_id == "ma:1:1"


def test_the_epoch_that_journaled_a_sending_owns_it() -> None:
    """An approval decided by the successor is journaled under its epoch: its lease looks nothing up."""
    w = world()
    w.epoch = 2
    w.given(approved(1))

    assert w.when(LeaseGranted("order_router", "h2", 2)) == []


def test_on_an_idempotent_venue_a_successor_asks_without_calling_it_unknown() -> None:
    w = world(idempotent_submit=True).given(approved(1))

    assert kinds(w.when(LeaseGranted("order_router", "h2", 2))) == ["OrderQuerySending"]


def test_a_lease_of_another_name_means_nothing() -> None:
    w = world().given(approved(1))

    assert w.when(LeaseGranted("risk_engine", "h2", 7)) == []


def test_an_abandoned_order_that_shows_is_ours_booked_and_cancelled() -> None:
    w = world().given(approved(1), BrokerRequestNotSent(ACCOUNT, "router", "submit", client(1), "no connection"))

    assert kinds(w.when(reported(OrderStatus.NEW))) == ["Alert", "OrderAccepted", "CancelSending"]


def test_an_abandoned_order_that_fills_is_booked_asked_for_and_cancelled() -> None:
    w = world().given(approved(1), BrokerRequestNotSent(ACCOUNT, "router", "submit", client(1), "no connection"))

    assert kinds(w.when(executed(40))) == ["OrderFilled", "Alert", "OrderQuerySending"]
    assert kinds(w.when(reported(OrderStatus.PARTIALLY_FILLED, filled=40))) == ["OrderAccepted", "CancelSending"]


def test_a_rejected_order_that_fills_lives_again_as_unknown() -> None:
    w = world().given(approved(1), refused("40310000"))

    assert kinds(w.when(executed(40))) == ["OrderFilled", "Alert", "OrderQuerySending"]
    assert w.core.next_timer() > 0


def test_quantities_are_exact() -> None:
    w = world().given(approved(1, t=terms("0.1")))
    w.given(executed("0.03", eid="a"), executed("0.07", eid="b"))

    assert w.core._state.orders["ma:1:1"].record.filled == Decimal("0.10")
