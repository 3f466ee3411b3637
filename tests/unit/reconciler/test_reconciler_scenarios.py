"""The scenarios of RISK_AND_FAULTS.md section 6 by number, as the reconciler judges them."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from shared.events import (
    Alert,
    BrokerQueryFailed,
    ErrorClass,
    ExternalOrderSeen,
    FillMismatch,
    InstrumentLocked,
    OrderAccepted,
    OrderCanceled,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderStatus,
    OrderUnknown,
    Reason,
    ReconcileCompleted,
    ResumeRequested,
    RoutedChild,
    Scope,
)
from tests.unit.order_router.world import (
    ACCOUNT,
    SECOND,
    T0,
    approved,
    client,
    executed,
    execution,
    kinds,
    only,
    reported,
    row,
    terms,
)

from .desk import ask, booked, completed, read, sent, start, world


@pytest.mark.parametrize("query", ["orders", "executions", "positions", "account"])
def test_scenario_11_a_failed_read_changes_nothing_but_its_own_age(query: str) -> None:
    w = world()
    w.given(*sent(), booked(100))
    before = w.core._ledger.positions()
    number = ask(w)

    outputs = w.when(BrokerQueryFailed(ACCOUNT, "reconciler", query, str(number), ErrorClass.TIMEOUT, "slow"))

    assert kinds(outputs) == ["ReconcileFailed"]
    assert w.core._ledger.positions() == before
    assert w.core.next_timer() == w.now + 5 * SECOND
    assert kinds(w.tick(5)) == ["ReconcileRequested"]


def test_scenario_11_no_answer_at_all_is_a_failure_too() -> None:
    w = start()

    assert kinds(w.tick(60)) == ["ReconcileFailed"]


def test_scenario_1_a_partial_fill_to_be_recovered_is_pending_then_clean() -> None:
    w = world()
    w.given(*sent(1, 100_000))
    partial = {
        "orders": [row(OrderStatus.PARTIALLY_FILLED, filled=50_000, t=terms(100_000))],
        "executions": [execution(50_000, cumulative=50_000)],
        "positions": [("AAPL", 50_000)],
    }

    assert completed(read(w, **partial)) == (False, [], 1)
    w.given(booked(50_000, cumulative=50_000))
    assert completed(read(w, **partial)) == (True, [], 0)


def test_scenario_2_ids_that_do_not_match_leave_our_orders_as_they_are() -> None:
    w = world()
    w.given(*sent())

    read(w, orders=[row(), row(client_id="zzz", broker_id="X")])

    assert w.core._orders.orders["ma:1:1"].status is OrderStatus.NEW


def test_scenario_3_an_order_of_others_is_a_break_as_long_as_it_works() -> None:
    w = world()
    foreign = [row(client_id="manual", broker_id="X9")]
    assert completed(read(w, orders=foreign)) == (False, [], 1)
    w.given(ExternalOrderSeen("ext:X9", "external", "X9", terms(), Decimal(0), working=True))

    outputs = read(w, after=10, orders=foreign)

    assert completed(outputs) == (False, ["order_external"], 0)
    assert not [e for e in outputs if isinstance(e, InstrumentLocked)]
    w.given(OrderCanceled("ext:X9", "external", Decimal(0)))
    assert completed(read(w)) == (True, [], 0)


@pytest.mark.parametrize(("client_id", "clean"), [("manual", True), ("zzzzzz-ma-1-1", False)])
def test_scenario_3_manual_orders_may_be_allowed_another_log_never(client_id: str, clean: bool) -> None:
    w = world(allow_external_orders=True)
    w.given(ExternalOrderSeen("ext:X9", "external", "X9", terms(), Decimal(0), working=True))
    read(w, orders=[row(client_id=client_id, broker_id="X9")])

    assert completed(read(w, after=10, orders=[row(client_id=client_id, broker_id="X9")]))[0] is clean


def test_scenario_4_an_order_in_flight_is_left_to_the_router_and_never_called_rejected() -> None:
    w = world()
    w.given(approved(1), OrderSending("ma:1:1", "ma", client(1), terms(), T0), OrderUnknown("ma:1:1", "ma", "timeout"))

    assert completed(read(w)) == (True, [], 0)
    assert w.core._orders.orders["ma:1:1"].status is OrderStatus.UNKNOWN


def test_scenario_4_unknown_too_long_locks_and_alarms_until_it_is_known() -> None:
    w = world(interval_ns=0)
    w.given(approved(1), OrderSending("ma:1:1", "ma", client(1), terms(), T0), OrderUnknown("ma:1:1", "ma", "timeout"))
    assert w.core.next_timer() == w.now + 30 * SECOND

    outputs = w.tick(30)

    assert kinds(outputs) == ["InstrumentLocked", "Alert"]
    assert outputs[0].reason is Reason.UNKNOWN_ORDER_AGE
    assert w.tick(30) == []
    assert kinds(w.when(OrderAccepted("ma:1:1", "ma", "B1", T0))) == ["InstrumentUnlocked"]


def test_a_part_whose_outcome_was_unknown_is_known_by_its_fill() -> None:
    """The execution is booked on the whole and names the part."""
    w = world(interval_ns=0)
    part = RoutedChild("ma:1:1/1", terms(), "lit")
    w.given(approved(1), OrderRouted("ma:1:1", "ma", (part,)), OrderSending("ma:1:1/1", "ma", client(1) + "_1", terms(), T0))
    w.given(OrderUnknown("ma:1:1/1", "ma", "timeout"), OrderUnknown("ma:1:1", "ma", "timeout"))
    assert kinds(w.tick(30)).count("InstrumentLocked") == 1

    assert kinds(w.when(msgspec.structs.replace(booked(100), child="ma:1:1/1"))) == ["InstrumentUnlocked"]
    assert w.core.next_timer() == 0


def test_scenario_5_several_missing_fills_are_pending_each_until_booked() -> None:
    w = world()
    w.given(*sent())
    fills = [execution(10 * i, eid=f"E{i}", cumulative=5 * i * (i + 1), at=i) for i in (1, 2, 3)]
    state = {"orders": [row(OrderStatus.PARTIALLY_FILLED, filled=60)], "executions": fills, "positions": [("AAPL", 60)]}

    assert completed(read(w, **state)) == (False, [], 3)
    w.given(*(booked(10 * i, eid=f"E{i}", cumulative=5 * i * (i + 1)) for i in (1, 2, 3)))
    assert completed(read(w, **{**state, "executions": []})) == (True, [], 0)


def test_an_execution_the_router_does_not_book_becomes_a_break_though_later_readings_no_longer_show_it() -> None:
    w = world()
    w.given(*sent())
    held = {"orders": [row(OrderStatus.PARTIALLY_FILLED, filled=50)], "positions": [("AAPL", 50)]}
    read(w, executions=[execution(50)], **held)

    assert completed(read(w, after=10, **held)) == (False, ["execution_missing"], 0)


def test_scenario_6_orders_missing_at_the_broker_become_breaks_and_vanish_as_they_are_resolved() -> None:
    w = world()
    for n in range(1, 11):
        w.given(*sent(n))
    assert completed(read(w)) == (False, [], 10)
    assert len(completed(read(w, after=10))[1]) == 10
    w.given(*(OrderCanceled(f"ma:1:{n}", "ma", Decimal(0)) for n in range(1, 11)))

    outputs = read(w)

    assert completed(outputs) == (True, [], 0)
    assert "InstrumentUnlocked" in kinds(outputs)


def test_scenario_7_only_the_unexplained_rest_of_a_position_becomes_a_break() -> None:
    w = world()
    w.given(*sent(1, 100_000), booked(50_000))
    state = {
        "orders": [row(OrderStatus.PARTIALLY_FILLED, filled=70_000, t=terms(100_000))],
        "executions": [execution(20_000, eid="E2", cumulative=70_000)],
        "positions": [("AAPL", 80_000)],
    }
    assert completed(read(w, after=10, **state)) == (False, [], 2)
    w.given(booked(20_000, eid="E2", cumulative=70_000))

    outputs = read(w, after=10, **state)

    found = only(outputs, ReconcileCompleted).breaks[0]
    assert (found.kind, found.ours, found.theirs) == ("position", "70000", "80000")
    assert only(outputs, InstrumentLocked).reason is Reason.RECONCILE_BREAK


@pytest.mark.parametrize(
    ("ours", "theirs", "legs"),
    [(0, 75_000, ["buy 75000 [AAPL:change:0:75000]"]), (100, -50, ["sell 100 [AAPL:close:100]", "sell 50 [AAPL:open:-50]"])],
)
def test_scenario_8_what_would_explain_a_break_is_told_with_ids_that_stay(ours: int, theirs: int, legs: list[str]) -> None:
    w = world()
    if ours:
        w.given(*sent(), booked(ours))
    read(w, after=10, positions=[("AAPL", theirs)])

    alert = only(read(w, after=10, positions=[("AAPL", theirs)]), Alert)

    assert all(leg in alert.text for leg in legs)


def test_scenario_9_a_difference_inside_the_tolerance_is_none() -> None:
    w = world(position_tolerance=Decimal("0.001"))

    assert completed(read(w, positions=[("AAPL", "0.001")])) == (True, [], 0)
    assert completed(read(w, positions=[("AAPL", "0.002")])) == (False, [], 1)


def test_scenario_9_a_difference_younger_than_the_last_fills_grace_is_deferred_and_checked_again() -> None:
    w = world(interval_ns=0)
    w.given(*sent())
    read(w, after=10, orders=[row()], positions=[("AAPL", 0)])
    w.given(booked(100))

    outputs = read(w, after=4, positions=[("AAPL", 0)])

    assert completed(outputs) == (False, [], 1)
    assert w.core.next_timer() == w.now + 5 * SECOND
    w.tick(5)
    assert completed(read(w, positions=[("AAPL", 0)])) == (False, ["position"], 0)


def test_scenario_10_fills_not_yet_in_the_brokers_position_invent_nothing() -> None:
    w = world()
    w.given(*sent(), booked(100))

    outputs = read(w, after=1, positions=[])

    assert kinds(outputs) == ["ReconcileCompleted"]
    assert completed(read(w, after=10, positions=[("AAPL", 100)])) == (True, [], 0)


def test_scenario_12_the_same_execution_with_other_data_is_a_break_at_once() -> None:
    w = world()
    w.given(*sent(), booked(100))

    outputs = read(w, executions=[execution(90, cumulative=90)], positions=[("AAPL", 100)], after=10)

    assert completed(outputs)[1] == ["execution_differs"]


def test_scenario_12_a_mismatch_the_router_saw_locks_until_an_operator_resumes() -> None:
    w = world()
    w.given(*sent(), booked(100))

    assert kinds(w.when(FillMismatch("ma:1:1", "ma", "E1", "100 @ 10", "90 @ 10"))) == ["InstrumentLocked"]
    assert kinds(read(w, after=10, positions=[("AAPL", 100)])) == ["ReconcileCompleted"]
    assert kinds(w.when(ResumeRequested("c", "op", "checked", Scope.SYMBOL, "AAPL"))) == ["InstrumentUnlocked"]


def test_scenario_13_broker_filled_less_than_booked_is_alarmed_and_locked_never_reduced() -> None:
    w = world()
    w.given(*sent(), booked(50))
    state = {"orders": [row(OrderStatus.PARTIALLY_FILLED, filled=30)], "positions": [("AAPL", 50)]}
    read(w, after=10, **state)

    outputs = read(w, after=10, **state)

    assert completed(outputs) == (False, ["overfill"], 0)
    assert kinds(outputs) == ["InstrumentLocked", "Alert", "ReconcileCompleted"]
    assert w.core._orders.orders["ma:1:1"].filled == 50


def test_an_overfill_locks() -> None:
    w = world()
    w.given(*sent(), booked(90, eid="a"))

    assert kinds(w.when(booked(20, eid="b"))) == ["InstrumentLocked"]


def test_scenario_14_partial_then_cancelled_leaves_nothing_to_say() -> None:
    w = world()
    w.given(*sent(), booked(40), OrderCanceled("ma:1:1", "ma", Decimal(40)))

    assert completed(read(w, after=10, executions=[execution(40)], positions=[("AAPL", 40)])) == (True, [], 0)


def test_scenario_15_a_superseded_id_still_shown_is_ignored() -> None:
    w = world()
    w.given(*sent(), OrderReplaced("ma:1:1", "ma", 1, terms(150), client(1, replace=1), "B1b"))

    outputs = read(w, after=10, orders=[row(OrderStatus.PENDING_REPLACE), row(client_id=client(1, replace=1), broker_id="B1b", t=terms(150))])

    assert completed(outputs) == (True, [], 0)


def test_scenario_16_a_fill_between_the_orders_read_and_the_positions_read_is_no_phantom() -> None:
    w = world()
    w.given(*sent())
    torn = {"orders": [row()], "positions": [("AAPL", 100)]}

    assert completed(read(w, **torn)) == (False, [], 1)
    w.given(booked(100))
    whole = {"executions": [execution(100)], "positions": [("AAPL", 100)]}
    assert completed(read(w, after=5, **whole)) == (True, [], 0)


def test_what_was_booked_after_a_numbered_reading_is_left_out_of_it() -> None:
    w = world(cash_exact=True)
    w.given(*sent(), reported(report=4), executed(100, report=5), booked(100))

    early = {"orders": [row()], "positions": [], "cash": 100_000, "report": 4}
    late = {"positions": [("AAPL", 100)], "cash": 99_000, "report": 5}
    assert completed(read(w, **early)) == (True, [], 0)
    assert completed(read(w, **late)) == (True, [], 0)
    assert not w.core._books.recent


def test_an_order_we_think_done_that_still_works_at_the_broker_locks() -> None:
    w = world()
    w.given(*sent(), OrderCanceled("ma:1:1", "ma", Decimal(0)))
    read(w, orders=[row()])

    assert completed(read(w, after=10, orders=[row()])) == (False, ["order_external"], 0)
