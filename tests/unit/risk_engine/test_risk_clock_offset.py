"""This machine's clock against the broker's: told as it passes the limit, once; trading does not arm until it is back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.events import (
    AccountRow,
    BrokerClock,
    BrokerStateReported,
    Event,
    HaltRequested,
    LimitBreached,
    Reason,
    ResumeRequested,
    RunStarted,
    Scope,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, MS, RiskDesk, reason

RUN = RunStarted("risk_engine", 2, "f")
DISARMED, ACTIVE = TradingState.DISARMED, TradingState.ACTIVE


def read(desk: RiskDesk, offset_ms: float, error_ms: float = 0) -> list[Event]:
    """A reading of the account whose answer told the broker's time; the reconciler calls it clean."""
    clock = BrokerClock(round(offset_ms * MS), round(error_ms * MS))
    totals = AccountRow("USD", Decimal(1), Decimal(1), Decimal(1))
    return [*desk.tell(BrokerStateReported("acc", "reconciler", 1, (), (), (), totals, 0, 0, "", (), clock)), *desk.tell(CLEAN)]


def breaches(told: list[Event]) -> list[LimitBreached]:
    return [e for e in told if isinstance(e, LimitBreached)]


def states(told: list[Event]) -> list[tuple[TradingState, Reason]]:
    return [(e.state, e.reason) for e in told if isinstance(e, TradingStateChanged)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("offset", "error", "off"), [(49, 0, False), (50, 0, False), (50.001, 0, True), (80, 30, False), (80.001, 30, True), (40, 90, False)]
)
def test_below_at_and_above_on_both_sides_less_what_the_round_trip_explains(sign: int, offset: float, error: float, off: bool) -> None:
    desk = RiskDesk()
    desk.tell(RUN)
    told = read(desk, sign * offset, error)
    assert [(b.reason, b.key, b.limit, b.hard) for b in breaches(told)] == [(Reason.CLOCK_OFFSET, "clock_offset_ms_max", "50", True)] * off
    assert states(told) == ([(DISARMED, Reason.CLOCK_OFFSET)] if off else [(ACTIVE, Reason.RECONCILED)])
    assert reason(desk.buy(1)) is (Reason.DISARMED if off else None)


def test_arming_waits_for_a_reading_well_within_the_limit() -> None:
    desk = RiskDesk()
    desk.tell(RUN)
    read(desk, 60)
    for offset in (70, 51, 45, 40.1):
        assert read(desk, offset) == []
    assert states(read(desk, 40)) == [(ACTIVE, Reason.RECONCILED)]
    assert reason(desk.buy(1)) is None


def test_while_trading_is_armed_it_is_told_once_and_trading_goes_on() -> None:
    desk = RiskDesk()
    told = read(desk, 60)
    assert len(breaches(told)) == 1
    assert states(told) == []
    for offset in (60, 49, 70):
        assert read(desk, offset) == []
    assert reason(desk.buy(1)) is None
    assert read(desk, 10) == []
    assert len(breaches(read(desk, -60))) == 1


def test_it_outlives_a_restart_and_the_new_run_says_why_it_waits() -> None:
    desk = RiskDesk()
    read(desk, 60)
    desk.core = desk.restarted()
    assert states(desk.tell(RUN)) == [(DISARMED, Reason.CLOCK_OFFSET)]
    assert "60 ms behind the broker's" in next(e.text for e in desk.told[::-1] if isinstance(e, TradingStateChanged))
    assert desk.tell(CLEAN) == []
    assert states(read(desk, 0)) == [(ACTIVE, Reason.RECONCILED)]


def test_no_operator_arms_it_and_a_halt_stays_what_shows() -> None:
    desk = RiskDesk()
    desk.tell(HaltRequested("c1", "ann", "look", Scope.GLOBAL, ""))
    assert states(read(desk, 60)) == []
    assert states(desk.tell(ResumeRequested("c2", "ann", "seen", Scope.GLOBAL, ""))) == [(DISARMED, Reason.OPERATOR)]
    assert states(read(desk, 0)) == [(ACTIVE, Reason.RECONCILED)]


def test_null_switches_it_off_and_a_broker_without_a_time_says_nothing() -> None:
    desk = RiskDesk(clock_offset_ms_max=None)
    desk.tell(RUN)
    assert states(read(desk, 10_000)) == [(ACTIVE, Reason.RECONCILED)]
