"""When the reconciler reads, and what it makes of a reading as a whole."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.reconciler.core import ReconcilerCore
from shared.events import (
    AccountOpened,
    AccountReported,
    BrokerConnectionChanged,
    BrokerQueryFailed,
    ErrorClass,
    Event,
    InstrumentLocked,
    LeaseGranted,
    OrderUnknown,
    ReconcileFailed,
    ReconcileNow,
    ReconcileRequested,
    RunStarted,
)
from tests.unit.order_router.world import (
    ACCOUNT,
    SECOND,
    World,
    execution,
    kinds,
    log_started,
    only,
    reading,
)

from .desk import booked, completed, read, sent, start, world

UP = BrokerConnectionChanged(ACCOUNT, "router", connected=True)


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


@pytest.mark.parametrize("lost", [True, False], ids=["a line that was lost", "a router that begins anew, whose predecessor never said so"])
def test_a_connection_of_the_router_is_read_after(lost: bool) -> None:
    w = world()
    if lost:
        w.given(BrokerConnectionChanged(ACCOUNT, "router", connected=False))

    assert only(w.when(UP), ReconcileRequested).trigger == "reconnect"


def test_a_reading_asked_for_before_it_proves_nothing_of_what_came_between() -> None:
    w = start()
    assert w.when(UP) == []
    assert only(w.when(reading()), ReconcileRequested).trigger == "reconnect"


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


# Numbered readings: exact as of their report.


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
