"""RISK_AND_FAULTS.md section 6, "Reconciliation" and "Order machine": which test covers which line. Those that had none are here.

| line | router | reconciler |
|---|---|---|
| 1 | bookings: half_filled_at_the_broker_becomes_one_recovered_fill | scenario_1_a_partial_fill_to_be_recovered |
| 2 | here: scenario_2 | scenario_2_ids_that_do_not_match |
| 3 | bookings: an_external_order_is_seen_once, an_order_of_this_log_that_it_does_not_know | scenario_3 (two) |
| 4 | submission: timeout_after_accept_is_found_by_query, no_answer_at_all_becomes_unknown | scenario_4 (two) |
| 5 | bookings: several_missing_fills_are_all_booked_once | scenario_5 |
| 6 | bookings: orders_missing_from_a_reading_are_looked_up_within_a_budget; here: scenario_6 | scenario_6 |
| 7 | here: scenario_7 | scenario_7 |
| 8 | books nothing of it: here: scenario_8 | scenario_8 |
| 9, 10 | here: scenario_9_and_10 | scenario_9 (two), scenario_10 |
| 11 | submission: failed_look_ups_are_repeated_and_count_for_nothing; here: scenario_11 | scenario_11 (two) |
| 12 | bookings: a_correction_is_its_own_event, same_execution_id_with_other_data; here: scenario_12 | scenario_12 (two) |
| 13 | here: scenario_13 | scenario_13 |
| 14 | bookings: a_cancel_report_waits_for_the_fills, partial_then_expired | scenario_14 |
| 15 | cancel_replace: a_cancel_report_of_a_superseded_id_is_ignored | scenario_15 |
| 16 | here: scenario_16 | scenario_16 |
| 17 | books nothing of it | explain: scenario_17_recovered_price |
| cancel then fill | here: machine_cancel_then_fill | |
| fill before accept | here: machine_fill_before_accept | |
| partial after pending cancel | here: machine_partial_after_pending_cancel | |
| duplicate execution ignored | bookings: the_same_execution_is_booked_once | |
| overfill | bookings: an_overfill_is_booked_as_it_is_and_alarmed | an_overfill_locks |
| replace: ack | cancel_replace: replace_acknowledged, replace_in_place | |
| replace: reject | cancel_replace: replace_refused_keeps_the_old_terms | |
| replace: timeout | cancel_replace: replace_time_out (two), still_on_its_way | |
| replace: fill before, between, during | cancel_replace: replace_with_fills, filled_during; here: machine_replace_and_fill | |
| reject after accept | submission: a_refusal_after_the_accept; here: machine_reject_after_accept | |
| expire with partial fills | bookings: partial_then_expired; here: machine_expire_at_the_close | |
| correction and bust to the books | here: a_correction_and_a_bust_reach | |
"""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from services.order_router.core import RouterCore
from shared.domain.ledger import Ledger
from shared.domain.order_fold import OrderFold
from shared.events import (
    BrokerOrderNotFound,
    BrokerQueryFailed,
    CancelApproved,
    Envelope,
    ErrorClass,
    Event,
    FillCorrected,
    LeaseGranted,
    OrderFilled,
    OrderIntent,
    OrderQuerySending,
    OrderStatus,
    ReplaceApproved,
)
from shared.strategy.desk import Desk
from shared.strategy.settings import StrategySettings
from tests.unit.order_router.router import at_broker
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
    opened,
    reading,
    reported,
    row,
    terms,
)


def status(w: World, n: int = 1) -> OrderStatus:
    return w.core._state.orders[f"ma:1:{n}"].record.status


def filled(w: World, n: int = 1) -> Decimal:
    return w.core._state.orders[f"ma:1:{n}"].record.filled


# reconciliation, the router's part: a reading is evidence and books what is missing, nothing else


def test_scenario_2_rows_whose_ids_are_not_ours_change_no_order_of_ours() -> None:
    w = at_broker()

    out = w.when(reading(orders=[row(client_id="zzzzzz-ma-1-1", broker_id="OTHER", filled=40), row()]), after=30)

    assert "OrderFilled" not in kinds(out)
    assert (status(w), filled(w)) == (OrderStatus.NEW, 0)


def test_scenario_6_ten_missing_orders_are_asked_for_a_few_at_a_time_until_each_is_known() -> None:
    w = at_broker(10)
    asked: set[str] = set()
    for _ in range(4):
        out = w.when(reading(), after=30)
        now = [e for e in out if isinstance(e, OrderQuerySending)]
        assert len(now) <= 5
        for query in now:
            asked.add(query.order_id)
            n = int(query.order_id.rsplit(":", 1)[1])
            w.given(reported(OrderStatus.CANCELLED, n))

    assert len(asked) == 10
    assert all(status(w, n) is OrderStatus.CANCELLED for n in range(1, 11))
    assert kinds(w.when(reading(), after=30)) == []


def test_scenario_7_executions_of_the_reading_are_booked_before_anything_is_said_of_the_position() -> None:
    w = at_broker()

    out = w.when(reading(orders=[row(filled=30)], executions=[execution(30, cumulative=30)], positions=[("AAPL", 80)]), after=30)

    assert kinds(out) == ["OrderFilled"]
    assert filled(w) == 30


@pytest.mark.parametrize("position", [75, -50])
def test_scenario_8_a_position_nobody_traded_is_booked_by_no_one(position: int) -> None:
    w = at_broker()

    assert kinds(w.when(reading(orders=[row()], positions=[("AAPL", position)]), after=30)) == []


def test_scenario_9_and_10_a_position_that_lags_behind_the_last_fill_takes_nothing_back() -> None:
    w = at_broker().given(executed(100, cumulative=100))

    assert kinds(w.when(reading(executions=[execution(100, cumulative=100)], positions=[]), after=0.1)) == []
    assert filled(w) == 100


def test_scenario_11_a_read_that_failed_is_no_answer_about_any_order() -> None:
    w = at_broker()
    before = w.core.snapshot()

    for query in ("orders", "executions", "positions", "account"):
        assert w.when(BrokerQueryFailed(ACCOUNT, "reconciler", query, "7", ErrorClass.TIMEOUT, "no answer"), after=1) == []
    assert w.core.snapshot() == before


def test_scenario_12_every_order_of_two_corrections_and_their_execution_comes_to_the_same() -> None:
    """Told out of order and twice: what the newest correction says, once."""
    told = [
        executed(40, eid="E1", price=10),
        executed(30, eid="E1.1", previous="E1", price=11),
        executed(30, eid="E1.1", previous="E1", price=11),
    ]
    for order in permutations(range(3)):
        w = at_broker()
        for i in order:
            w.given(told[i])
        assert filled(w) == 30


def test_scenario_13_a_broker_that_shows_less_than_we_booked_reduces_nothing() -> None:
    w = at_broker().given(executed(50, cumulative=50))

    w.given(reported(OrderStatus.PARTIALLY_FILLED, filled=30))

    assert (status(w), filled(w)) == (OrderStatus.PARTIALLY_FILLED, 50)
    out = w.when(reported(OrderStatus.CANCELLED, filled=30))
    assert kinds(out) == ["Alert", "OrderCanceled"]
    assert filled(w) == 50


def test_scenario_16_a_fill_between_the_two_reads_is_booked_once_by_its_execution() -> None:
    """The orders were read before it, the positions after it."""
    w = at_broker()

    assert kinds(w.when(reading(orders=[row()], positions=[("AAPL", 100)]), after=30)) == []
    assert kinds(w.when(executed(100, cumulative=100))) == ["OrderFilled"]
    assert kinds(w.when(reading(executions=[execution(100, cumulative=100)], positions=[("AAPL", 100)]), after=30)) == []


# order machine, through the core


def test_machine_cancel_then_fill_is_filled() -> None:
    w = at_broker().given(CancelApproved("ma:1:1", "ma"), reported(OrderStatus.CANCELLED))

    out = w.when(executed(100))

    assert only(out, OrderFilled).late
    assert status(w) is OrderStatus.FILLED


def test_machine_fill_before_accept() -> None:
    w = World(RouterCore(), "order_router").given(log_started(), LeaseGranted("order_router", "h", 1), opened(), approved(1))

    assert kinds(w.when(executed(40))) == ["OrderFilled"]
    assert status(w) is OrderStatus.PARTIALLY_FILLED
    w.given(reported(OrderStatus.PARTIALLY_FILLED, filled=40), executed(60, eid="E2"))
    assert (status(w), filled(w)) == (OrderStatus.FILLED, 100)


def test_machine_partial_after_pending_cancel_then_the_cancel() -> None:
    w = at_broker().given(CancelApproved("ma:1:1", "ma"))

    assert kinds(w.when(executed(40))) == ["OrderFilled"]
    assert status(w) is OrderStatus.PENDING_CANCEL
    assert kinds(w.when(reported(OrderStatus.CANCELLED, filled=40))) == ["OrderCanceled"]
    assert (status(w), filled(w)) == (OrderStatus.CANCELLED, 40)


@pytest.mark.parametrize("when", ["before", "between", "during"])
@pytest.mark.parametrize("answer", ["ack", "reject", "timeout"])
def test_machine_replace_and_fill(when: str, answer: str) -> None:
    """A fill of 40 before the replace is asked for, between the request and its answer, or told together with the answer: booked once, and the
    order works on for what its terms leave."""
    w, new = at_broker(), client(1, replace=1)
    fill = executed(40, eid="E1")
    ask = ReplaceApproved("ma:1:1", "ma", 1, terms(150), T0 + 5 * SECOND, 0)
    answered: list[Event] = {
        "ack": [reported(OrderStatus.PARTIALLY_FILLED, filled=40, client_id=new, broker_id="B1b", t=terms(150))],
        "reject": [reported(OrderStatus.REJECTED, client_id=new, broker_id="B1b", t=terms(150))],
        "timeout": [],
    }[answer]
    w.given(*{"before": [fill, ask, *answered], "between": [ask, fill, *answered], "during": [ask, *answered, fill]}[when])
    if answer == "timeout":
        for attempt in (1, 2):
            w.tick(30)
            w.given(BrokerOrderNotFound(ACCOUNT, "router", new, attempt))

    record = w.core._state.orders["ma:1:1"].record
    assert (record.status, record.filled, record.leaves) == (OrderStatus.PARTIALLY_FILLED, 40, 110 if answer == "ack" else 60)
    assert record.replacing == 0


def test_machine_reject_after_accept_is_the_brokers_word() -> None:
    w = at_broker()

    assert kinds(w.when(reported(OrderStatus.REJECTED, code="late", text="after all"))) == ["OrderRejected"]
    assert status(w) is OrderStatus.REJECTED


def test_machine_expire_at_the_close_with_partial_fills() -> None:
    w = at_broker().given(executed(30, eid="a"), executed(20, eid="b"))

    assert kinds(w.when(reported(OrderStatus.EXPIRED, filled=50))) == ["OrderExpired"]
    assert (status(w), filled(w)) == (OrderStatus.EXPIRED, 50)


# from the broker's correction to every book


def test_a_correction_and_a_bust_reach_the_strategys_book_the_ledger_and_every_fold_of_the_order() -> None:
    """100 bought at 10, corrected to 80 at 11, and 50 of a second order busted: everybody holds 80 bought at 11."""
    w = at_broker(2)
    desk = Desk(StrategySettings("ma", "test", ("AAPL",), budget=Decimal(10_000)))
    for n in (1, 2):
        desk.fold_intent(OrderIntent(f"ma:1:{n}", "ma", terms()))
    w.given(executed(100, eid="E1", commission="1"), executed(50, 2, eid="E2", commission="1"))
    w.given(executed(80, eid="E1.1", previous="E1", price=11, commission="1"), executed(0, 2, eid="E2", previous="E2", price=0))

    ledger, fold, fills = Ledger({"ma": Decimal(10_000)}), OrderFold(), []
    for e in w.log:
        fold.apply(e.event, e.ts_ns)
        ledger.apply(e.event)
        if _of_the_strategy(e):
            desk.fold_order(e.event)
        if isinstance(e.event, OrderFilled | FillCorrected):
            fills.append(desk.fill(e.event))

    cash = Decimal(10_000) - 80 * 11 - 1
    assert (desk.book.quantity("AAPL"), ledger.quantity("ma", "AAPL"), ledger.net("AAPL")) == (80, 80, 80)
    assert desk.book.cash == ledger.book("ma").cash == cash
    assert [(fold.orders[f"ma:1:{n}"].filled, filled(w, n)) for n in (1, 2)] == [(80, 80), (0, 0)]
    assert [(f.id, f.corrects, f.quantity) for f in fills[2:]] == [("E1.1", "E1", 80.0), ("E2", "E2", 0.0)]


def _of_the_strategy(e: Envelope) -> bool:
    return getattr(e.event, "strategy", "") == "ma"
