"""When the reconciler reads, and what it makes of readings: the scenarios of RISK_AND_FAULTS.md section 6 by number."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from services.reconciler.core import ReconcilerCore
from services.reconciler.settings import ReconcilerSettings
from shared.domain.order_ids import external_order_id
from shared.events import (
    AccountOpened,
    AccountReported,
    ActionPlaced,
    ActionRow,
    Alert,
    BrokerActionReported,
    BrokerCashReported,
    BrokerConnectionChanged,
    BrokerQueryFailed,
    CashFlow,
    CashRow,
    CorporateAction,
    ErrorClass,
    Event,
    ExternalOrderSeen,
    FillMismatch,
    InstrumentLocked,
    LeaseGranted,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderReplaced,
    OrderRouted,
    OrderSending,
    OrderSide,
    OrderStatus,
    OrderUnknown,
    Reason,
    ReconcileCompleted,
    ReconcileFailed,
    ReconcileNow,
    ReconcileRequested,
    ResumeRequested,
    RoutedChild,
    RunStarted,
    Scope,
)
from tests.unit.order_router.world import (
    ACCOUNT,
    SECOND,
    T0,
    World,
    approved,
    client,
    executed,
    execution,
    kinds,
    log_started,
    only,
    reading,
    reported,
    row,
    terms,
)


def start(**settings: object) -> World:
    w = World(ReconcilerCore(ReconcilerSettings(**settings)), "reconciler")
    return w.given(log_started(), LeaseGranted("reconciler", "h", 1), RunStarted("reconciler", 1, "f"))


def ask(w: World) -> int:
    """The number of a reading that is awaited, asked for now if need be."""
    if not w.core._readings.in_flight:
        w.given(ReconcileNow("c", "op", "test"))
    return w.core._readings.in_flight


def read(w: World, after: float = 0.0, **state: object) -> list[Event]:
    return w.when(reading(query=ask(w), **state), after)


def world(**settings: object) -> World:
    """The account is open and empty with 100,000."""
    w = start(**settings)
    read(w)
    return w


def sent(n: int = 1, quantity: object = 100) -> list[Event]:
    return [
        approved(n, t=terms(quantity)),
        OrderSending(f"ma:1:{n}", "ma", client(n), terms(quantity), T0),
        OrderAccepted(f"ma:1:{n}", "ma", f"B{n}", T0),
    ]


def booked(quantity: object, n: int = 1, eid: str = "E1", cumulative: object = 0, price: object = 10, side: OrderSide = OrderSide.BUY) -> OrderFilled:
    d = Decimal(str(quantity))
    return OrderFilled(
        f"ma:1:{n}", "ma", "AAPL", side, d, Decimal(str(price)), Decimal(0), "USD", eid, f"B{n}", Decimal(str(cumulative)) or d, Decimal(0), T0
    )


def completed(outputs: Sequence[Event]) -> tuple[bool, list[str], int]:
    done = only(outputs, ReconcileCompleted)
    return done.clean, [b.kind for b in done.breaks], done.pending


# When it reads.


def test_a_start_reads_once() -> None:
    w = World(ReconcilerCore(), "reconciler").given(log_started())

    assert kinds(w.when(LeaseGranted("reconciler", "h", 1))) == ["ReconcileRequested"]
    assert w.when(RunStarted("reconciler", 1, "f")) == []


def test_a_successor_reads_anew_and_late_answers_to_its_predecessor_mean_nothing() -> None:
    w = start()

    assert only(w.when(LeaseGranted("reconciler", "h2", 2)), ReconcileRequested).query == 2
    assert w.when(reading(query=1)) == []
    assert "AccountOpened" in kinds(w.when(reading(query=2)))


def test_readings_follow_at_the_interval_and_carry_the_cursor_on() -> None:
    w = world(interval_ns=30 * SECOND)
    assert w.core.next_timer() == w.now + 30 * SECOND
    assert only(w.tick(30), ReconcileRequested).trigger == "interval"
    w.given(reading(query=2, cursor="c7"))

    assert only(w.tick(30), ReconcileRequested).cursor == "c7"


def test_without_an_interval_no_timer_is_wanted() -> None:
    assert world(interval_ns=0).core.next_timer() == 0


def test_on_demand_waits_for_the_reading_in_flight() -> None:
    w = start()

    assert w.when(ReconcileNow("c", "op", "why")) == []
    outputs = w.when(reading(query=1))
    assert (kinds(outputs)[-1], outputs[-1].trigger) == ("ReconcileRequested", "operator")


def test_the_routers_reconnect_is_read_after() -> None:
    w = world()
    w.given(BrokerConnectionChanged(ACCOUNT, "router", connected=False))

    assert only(w.when(BrokerConnectionChanged(ACCOUNT, "router", connected=True)), ReconcileRequested).trigger == "reconnect"


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


# The first reading.


def test_the_account_opens_as_found_once_and_is_clean() -> None:
    w = start()

    outputs = w.when(reading(query=1, positions=[("MSFT", 5), ("AAPL", -3)], cash="99.5"))
    account = only(outputs, AccountOpened)

    assert (account.symbols, account.quantities, account.cash) == (("AAPL", "MSFT"), (Decimal(-3), Decimal(5)), Decimal("99.5"))
    assert kinds(outputs) == ["AccountOpened", "AccountReported", "ReconcileCompleted"]
    assert completed(outputs) == (True, [], 0)


def test_executions_before_the_opening_are_in_the_holdings() -> None:
    old = execution(30, eid="old", client_id="", broker_id="X9", at=1)
    w = start()
    w.given(reading(query=1, executions=[old], positions=[("AAPL", 30)], as_of=5))

    assert completed(read(w, executions=[old], positions=[("AAPL", 30)], as_of=6)) == (True, [], 0)


def test_a_second_pass_says_only_that_it_was_made() -> None:
    w = world()

    assert kinds(read(w)) == ["ReconcileCompleted"]
    w.given(*sent(), booked(100))
    state = {"positions": [("AAPL", 70)], "cash": 99_000}
    assert "ReconcileCompleted" in kinds(read(w, after=10, **state))
    assert "InstrumentLocked" in kinds(read(w, after=10, **state))
    assert kinds(read(w, after=10, **state)) == ["ReconcileCompleted"]


# Differences.


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


# Numbered readings: exact as of their report.


def test_what_was_booked_after_a_numbered_reading_is_left_out_of_it() -> None:
    w = world(cash_exact=True)
    w.given(*sent(), reported(report=4), executed(100, report=5), booked(100))

    early = {"orders": [row()], "positions": [], "cash": 100_000, "report": 4}
    late = {"positions": [("AAPL", 100)], "cash": 99_000, "report": 5}
    assert completed(read(w, **early)) == (True, [], 0)
    assert completed(read(w, **late)) == (True, [], 0)
    assert not w.core._books.recent


def test_cash_agrees_to_the_last_digit_or_is_a_break() -> None:
    w = world(cash_exact=True)
    read(w, cash="100000.01")

    outputs = read(w, after=10, cash="100000.01")

    assert completed(outputs) == (False, ["cash"], 0)
    assert not [e for e in outputs if isinstance(e, InstrumentLocked)]


def test_totals_are_told_when_they_changed_and_only_from_clean_readings() -> None:
    w = world()
    assert kinds(read(w, cash=7)) == ["AccountReported", "ReconcileCompleted"]
    assert kinds(read(w, cash=8, positions=[("AAPL", 1)])) == ["ReconcileCompleted"]
    assert only(read(w, cash=9), AccountReported).cash == 9


def test_an_order_we_think_done_that_still_works_at_the_broker_locks() -> None:
    w = world()
    w.given(*sent(), OrderCanceled("ma:1:1", "ma", Decimal(0)))
    read(w, orders=[row()])

    assert completed(read(w, after=10, orders=[row()])) == (False, ["order_external"], 0)


def test_snapshot_half_way_goes_on_the_same() -> None:
    straight, stopped = world(), world()
    story: list[Event] = [*sent(), booked(40), OrderUnknown("ma:1:1", "ma", "x"), ReconcileNow("c", "op", "w")]
    for i, event in enumerate([*story, reading(query=2, positions=[("AAPL", 30)], as_of=3)]):
        if i == 3:
            fresh = ReconcilerCore()
            fresh.restore(stopped.core.snapshot())
            stopped.core = fresh
        assert straight.when(event, 7) == stopped.when(event, 7)
    assert straight.core.snapshot() == stopped.core.snapshot()
    assert straight.tick(40) == stopped.tick(40)


def test_failed_reading_followed_by_a_wanted_one() -> None:
    w = start()
    w.given(ReconcileNow("c", "op", "why"))

    outputs = w.when(BrokerQueryFailed(ACCOUNT, "reconciler", "orders", "1", ErrorClass.NETWORK, ""))

    assert kinds(outputs) == ["ReconcileFailed", "ReconcileRequested"]
    assert only(outputs, ReconcileFailed).query == 1


def test_cash_that_moved_after_a_numbered_reading_is_left_out_of_it() -> None:
    w = world(cash_exact=True)
    w.given(BrokerCashReported(ACCOUNT, "router", CashRow("fee", "USD", Decimal(-2), "f1", T0), 9), CashFlow("fee", "USD", Decimal(-2), "f1"))

    assert completed(read(w, cash=100_000, report=8)) == (True, [], 0)
    assert completed(read(w, cash=99_998, report=9)) == (True, [], 0)


SPLIT = ActionRow("split", "AAPL", "s1", T0 + SECOND, Decimal(3), Decimal(2), lot=Decimal(1), price=Decimal(6), cash=Decimal(3))


def booked_split() -> CorporateAction:
    return CorporateAction("split", "AAPL", Decimal(3), "", "s1", Decimal(2), Decimal(1), Decimal(6), Decimal(3))


def test_a_split_after_a_numbered_reading_is_left_out_of_it() -> None:
    w = world(cash_exact=True)
    w.given(*sent(quantity=15), booked(15), BrokerActionReported(ACCOUNT, "router", SPLIT, 9), booked_split())

    assert completed(read(w, positions=[("AAPL", 15)], cash=100_000 - 150, report=8)) == (True, [], 0)
    assert completed(read(w, positions=[("AAPL", 22)], cash=100_000 - 147, report=9)) == (True, [], 0)


def test_a_split_that_a_reading_shows_and_nobody_booked_is_named_and_its_position_waits() -> None:
    w = world(cash_exact=True)
    w.given(*sent(quantity=15), booked(15))

    def ahead() -> list[Event]:
        (asked,) = [e for e in w.when(ReconcileNow("c", "op", "why")) if isinstance(e, ReconcileRequested)]
        shown = reading(query=asked.query, positions=[("AAPL", 22)], cash=100_000 - 147, as_of=2)
        return w.when(msgspec.structs.replace(shown, actions=(ActionPlaced(SPLIT, 0),)))

    assert completed(ahead()) == (False, [], 1)
    w.given(booked_split())
    assert completed(read(w, positions=[("AAPL", 22)], cash=100_000 - 147, as_of=60)) == (True, [], 0)


def test_another_log_that_traded_here_is_a_break_until_an_operator_says_that_it_is_gone() -> None:
    """Its trade is over and shows in one reading only; that it may be alive does not pass with the reading."""
    w = world()
    rival = execution(5, eid="R1", client_id="zzzzzz-ma-1-1", broker_id="B7", at=2)
    first = completed(read(w, executions=[rival], positions=[("AAPL", 5)], as_of=3))
    w.given(ExternalOrderSeen(external_order_id("B7"), "external", "B7", terms(5), Decimal(0), False))
    w.given(
        OrderFilled(
            external_order_id("B7"),
            "external",
            "AAPL",
            OrderSide.BUY,
            Decimal(5),
            Decimal(10),
            Decimal(0),
            "USD",
            "R1",
            "B7",
            Decimal(5),
            Decimal(0),
            0,
        )
    )

    assert "rival_log" in first[1]
    assert completed(read(w, positions=[("AAPL", 5)], as_of=90)) == (False, ["rival_log"], 0)
    w.given(ResumeRequested("c9", "op", "it is stopped", Scope.GLOBAL, ""))
    assert completed(read(w, positions=[("AAPL", 5)], as_of=120)) == (True, [], 0)


def test_with_the_policy_lock_a_trade_by_hand_locks_its_instrument_until_it_is_resumed() -> None:
    fill = OrderFilled(
        external_order_id("B7"), "external", "AAPL", OrderSide.SELL, Decimal(5), Decimal(10), Decimal(0), "USD", "H1", "B7", Decimal(5), Decimal(0), 0
    )
    seen = ExternalOrderSeen(external_order_id("B7"), "external", "B7", terms(5), Decimal(0), False)

    assert kinds(world().given(seen).when(fill)) == []
    w = world(lock_on_external=True).given(seen)
    assert only(w.when(fill), InstrumentLocked).reason is Reason.EXTERNAL_TRADE
    assert kinds(w.when(ResumeRequested("c", "op", "seen to", Scope.SYMBOL, "AAPL"))) == ["InstrumentUnlocked"]


def test_a_trade_by_hand_that_goes_on_is_no_overfill_and_locks_nothing() -> None:
    def fill(n: int) -> OrderFilled:
        done = Decimal(5 * n)
        return OrderFilled(
            external_order_id("B7"),
            "external",
            "AAPL",
            OrderSide.SELL,
            Decimal(5),
            Decimal(10),
            Decimal(0),
            "USD",
            f"H{n}",
            "B7",
            done,
            Decimal(0),
            0,
        )

    w = world().given(ExternalOrderSeen(external_order_id("B7"), "external", "B7", terms(5), Decimal(0), False), fill(1))

    assert kinds(w.when(fill(2))) == []
