"""What risk makes of a missing reconciler, a missing router, and services that run different builds; all of it from the log."""

from __future__ import annotations

from decimal import Decimal

import pytest

from services.risk_engine.core import RiskCore
from shared.events import (
    Alert,
    Break,
    BusStarted,
    CancelApproved,
    CancelIntent,
    ClockTicked,
    FreshnessChanged,
    HaltRequested,
    LeaseEnded,
    LeaseGranted,
    OrderApproved,
    OrderSide,
    OrderTerms,
    OrderType,
    Reason,
    ReconcileCompleted,
    ReconcileFailed,
    ReduceRequested,
    ResumeRequested,
    Scope,
    ServiceAnnounced,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, RiskDesk, reason

MISSED_MS = 5_000
GONE = {name: LeaseEnded(name, 1, expired=True) for name in ("reconciler", "order_router")}
BACK = {name: LeaseGranted(name, "h", 2) for name in GONE}
RESUME = ResumeRequested("c", "ann", "go on", Scope.GLOBAL, "")
HALT = HaltRequested("c", "ann", "drill", Scope.GLOBAL, "")
REDUCE = ReduceRequested("c", "ann", "drill", Scope.GLOBAL, "")
ACTIVE, REDUCING, HALTED, DISARMED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.DISARMED


def desk(**more: object) -> RiskDesk:
    """Armed, long 100, everybody there."""
    d = RiskDesk(**{"clock": "wall", "missed_ms_max": MISSED_MS, "mark_interval_ms": 0, **more})
    d.hold(100)
    for name in ("risk_engine", *GONE):
        d.tell(LeaseGranted(name, "h", 1), "bus")
    return d


def tick(d: RiskDesk, ms: float = 0) -> list[tuple[TradingState, Reason]]:
    told = d.wait(ms).tell(ClockTicked(), "bus")
    return [(e.state, e.reason) for e in told if isinstance(e, TradingStateChanged)]


def states(events: list[object]) -> list[tuple[TradingState, Reason]]:
    return [(e.state, e.reason) for e in events if isinstance(e, TradingStateChanged)]


def test_a_missing_reconciler_reduces_and_its_clean_reading_lifts_that() -> None:
    d = desk()
    d.tell(GONE["reconciler"], "bus")
    assert tick(d, MISSED_MS - 1) == []
    assert isinstance(d.buy(1), OrderApproved)
    assert tick(d, 1) == [(REDUCING, Reason.RECONCILER_MISSING)]
    assert tick(d, MISSED_MS) == []
    assert reason(d.buy(1)) is Reason.REDUCING_ONLY
    assert isinstance(d.sell(1), OrderApproved)
    d.tell(BACK["reconciler"], "bus")
    assert reason(d.buy(1)) is Reason.REDUCING_ONLY, "back, but nobody has compared yet"
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]
    assert isinstance(d.buy(1), OrderApproved)


def test_a_reconciler_that_is_back_in_time_changes_nothing() -> None:
    d = desk()
    d.tell(GONE["reconciler"], "bus")
    d.wait(MISSED_MS - 1).tell(BACK["reconciler"], "bus")
    assert tick(d, 10 * MISSED_MS) == []


def test_an_operator_cannot_resume_past_a_missing_reconciler() -> None:
    d = desk()
    d.tell(GONE["reconciler"], "bus")
    tick(d, MISSED_MS)
    assert states(d.tell(RESUME)) == [(REDUCING, Reason.RECONCILER_MISSING)]
    d.tell(BACK["reconciler"], "bus")
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


@pytest.mark.parametrize(("asked", "state", "why"), [(HALT, HALTED, Reason.HALTED), (REDUCE, REDUCING, Reason.REDUCING_ONLY)])
@pytest.mark.parametrize("first", [True, False], ids=["before", "while"])
def test_what_an_operator_latched_outlives_the_absence(asked: HaltRequested, state: TradingState, why: Reason, *, first: bool) -> None:
    d = desk()
    if first:
        d.tell(asked)
    d.tell(GONE["reconciler"], "bus")
    tick(d, MISSED_MS)
    if not first:
        assert states(d.tell(asked)) == [(state, Reason.OPERATOR)]
    d.tell(BACK["reconciler"], "bus")
    assert states(d.tell(CLEAN)) == []
    assert reason(d.buy(1)) is why


def test_a_restart_in_between_arms_by_reconciling_as_ever() -> None:
    d = desk()
    d.tell(GONE["reconciler"], "bus")
    tick(d, MISSED_MS)
    d.tell(BusStarted(2, 9), "bus")
    d.tell(BACK["reconciler"], "bus")
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


def test_nothing_new_is_approved_for_a_missing_router_and_cancels_pass() -> None:
    d = desk()
    order = d.buy(1, 98)
    assert isinstance(order, OrderApproved)
    d.tell(GONE["order_router"], "bus")
    assert reason(d.buy(1)) is Reason.ROUTER_MISSING
    assert reason(d.sell(1)) is Reason.ROUTER_MISSING
    assert d.tell(CancelIntent(order.order_id, "a"), "strategy.a") == [CancelApproved(order.order_id, "a")]
    d.tell(BACK["order_router"], "bus")
    assert isinstance(d.buy(1), OrderApproved)


def test_under_the_feed_clock_nobody_is_missed() -> None:
    d = desk(clock="feed")
    for event in GONE.values():
        d.tell(event, "bus")
    assert tick(d, 10 * MISSED_MS) == []
    assert isinstance(d.buy(1), OrderApproved)


def announced(service: str, build: str = "a", broker: str = "b", bus: str = "c") -> ServiceAnnounced:
    return ServiceAnnounced(service, build * 32, broker * 32, bus * 32)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"build": "x"}, "order_router: code xxxxxxxx, risk_engine's aaaaaaaa"),
        ({"broker": "y"}, "order_router: broker settings yyyyyyyy, risk_engine's bbbbbbbb"),
        ({"bus": "z"}, "order_router: bus settings zzzzzzzz, risk_engine's cccccccc"),
    ],
)
def test_who_differs_disarms_and_is_named_until_all_agree_and_have_reconciled(other: dict[str, str], said: str) -> None:
    d = desk()
    assert d.tell(announced("risk_engine")) == d.tell(announced("reconciler")) == []
    (change,) = d.tell(announced("order_router", **other))
    assert isinstance(change, TradingStateChanged)
    assert (change.state, change.reason, change.text) == (DISARMED, Reason.BUILD_MISMATCH, f"services differ: {said}")
    assert reason(d.buy(1)) is Reason.DISARMED
    assert d.tell(CLEAN) == []
    (refused,) = d.tell(RESUME)
    assert isinstance(refused, TradingStateChanged)
    assert (refused.state, said in refused.text) == (DISARMED, True)
    d.tell(BACK["order_router"], "bus")
    assert d.tell(announced("order_router")) == []
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


def test_who_is_gone_does_not_differ() -> None:
    d = desk()
    d.tell(announced("risk_engine"))
    d.tell(announced("strategy.a", build="x"))
    d.tell(LeaseEnded("strategy.a", 1, expired=True), "bus")
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


def test_a_halt_is_not_hidden_by_a_difference() -> None:
    d = desk()
    d.tell(HALT)
    d.tell(announced("risk_engine"))
    assert d.tell(announced("order_router", build="x")) == []
    assert reason(d.buy(1)) is Reason.HALTED
    assert states(d.tell(RESUME)) == [(DISARMED, Reason.OPERATOR)]


def test_a_snapshot_keeps_who_is_missing() -> None:
    d = desk()
    d.tell(announced("risk_engine"))
    d.tell(GONE["reconciler"], "bus")
    tick(d, MISSED_MS)
    restored = RiskCore(d.settings)
    restored.restore(d.core.snapshot())
    d.core = restored
    assert reason(d.buy(1)) is Reason.REDUCING_ONLY
    d.tell(BACK["reconciler"], "bus")
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


BROKEN = ReconcileCompleted(1, clean=False, breaks=(Break("cash", "USD", "1", "2"),), pending=0, report=0)
FAILED = ReconcileFailed(1, "timeout")


def test_a_break_leaves_reducing_only_until_a_clean_reading() -> None:
    d = desk(break_reduces=True)
    (change,) = d.tell(BROKEN)
    assert isinstance(change, TradingStateChanged)
    assert (change.state, change.reason) == (REDUCING, Reason.RECONCILE_BREAK)
    assert "cash USD: ours 1, theirs 2" in change.text
    assert d.tell(BROKEN) == []
    assert reason(d.buy(1)) is Reason.REDUCING_ONLY
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


def test_readings_that_keep_failing_do_too_and_one_that_works_in_between_starts_anew() -> None:
    d = desk(break_reduces=True)
    assert d.tell(FAILED) == d.tell(FAILED) == d.tell(CLEAN) == d.tell(FAILED) == d.tell(FAILED) == []
    assert states(d.tell(FAILED)) == [(REDUCING, Reason.RECONCILE_BREAK)]
    assert states(d.tell(CLEAN)) == [(ACTIVE, Reason.RECONCILED)]


@pytest.mark.parametrize("more", [{}, {"break_reduces": True, "clock": "feed"}], ids=["switched off", "feed clock"])
def test_or_a_break_locks_its_instrument_alone(more: dict[str, object]) -> None:
    d = desk(**more)
    for event in (BROKEN, FAILED, FAILED, FAILED):
        assert d.tell(event) == []


def test_data_that_stays_away_costs_the_working_orders_but_stops_against_the_holding() -> None:
    d = desk(stale_cancel_ms=10_000)
    resting = d.buy(1, 98)
    other = d.buy(1, 48, symbol="Y")
    (stop,) = d.intend(OrderTerms("X", OrderSide.SELL, OrderType.STOP, Decimal(1), None, Decimal(90)))
    for order in (resting, other, stop):
        assert isinstance(order, OrderApproved)
        d.accept(order)
    d.tell(FreshnessChanged("X", False, d.now))
    assert d.wait(9_999).tell(ClockTicked(), "bus") == []
    cancel, alert = d.wait(1).tell(ClockTicked(), "bus")
    assert cancel == CancelApproved(resting.order_id, "a", Reason.STALE_DATA)
    assert isinstance(alert, Alert)
    assert "no data of X for 10 s" in alert.text
    assert d.wait(60_000).tell(ClockTicked(), "bus") == [], "once a time"
    assert reason(d.buy(1)) is Reason.STALE_DATA


def test_data_that_is_back_in_time_costs_nothing() -> None:
    d = desk(stale_cancel_ms=10_000)
    assert isinstance(d.buy(1, 98), OrderApproved)
    d.tell(FreshnessChanged("X", False, d.now))
    d.wait(9_000).tell(FreshnessChanged("X", True, d.now))
    assert d.wait(60_000).tell(ClockTicked(), "bus") == []


def test_stale_data_denies_unless_that_is_switched_off() -> None:
    d = desk(stale_denies=False)
    d.tell(FreshnessChanged("X", False, d.now))
    assert isinstance(d.buy(1), OrderApproved)
