"""While the broker's line is down, and until a reading asked for after it came back agrees, trading only reduces (I13)."""

from __future__ import annotations

import msgspec
import pytest

from services.risk_engine.core import RiskCore
from shared.events import (
    BrokerConnectionChanged,
    BusStarted,
    Event,
    HaltRequested,
    OrderApproved,
    Reason,
    ReconcileCompleted,
    ReconcileRequested,
    ReduceRequested,
    ResumeRequested,
    Scope,
    TradingState,
    TradingStateChanged,
)
from tests.support.risk_desk import RiskDesk, reason

ACTIVE, REDUCING, HALTED, DISARMED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED, TradingState.DISARMED
RESUME = ResumeRequested("c", "ann", "go on", Scope.GLOBAL, "")
GONE = Reason.BROKER_DISCONNECTED
UP = BrokerConnectionChanged("acc", "router", connected=True)
DOWN = BrokerConnectionChanged("acc", "router", connected=False, text="cut")
GIVEN_UP = BrokerConnectionChanged("acc", "router", connected=False, text="given up after 3 attempts: cut", attempts=3, given_up=True)
UNREAD = BrokerConnectionChanged("acc", "reconciler", connected=False, text="given up after 3 attempts: cut", attempts=3, given_up=True)


def desk(clock: str = "wall") -> RiskDesk:
    """Armed, long 100."""
    d = RiskDesk(clock=clock, mark_interval_ms=0)
    d.hold(100)
    return d


def states(events: list[Event]) -> list[tuple[TradingState, Reason]]:
    return [(e.state, e.reason) for e in events if isinstance(e, TradingStateChanged)]


def asks(d: RiskDesk, query: int) -> None:
    d.tell(ReconcileRequested(query, "", "reconnect"))


def reads(d: RiskDesk, query: int, pending: int = 0) -> list[tuple[TradingState, Reason]]:
    return states(d.tell(ReconcileCompleted(query, clean=not pending, breaks=(), pending=pending, report=0)))


def test_no_new_risk_while_the_line_is_down_and_exits_pass() -> None:
    d = desk()
    assert states(d.tell(DOWN)) == [(REDUCING, GONE)]
    assert reason(d.buy(1)) is Reason.REDUCING_ONLY
    assert isinstance(d.sell(1), OrderApproved)
    assert states(d.tell(msgspec.structs.replace(DOWN, attempts=1))) == [], "said once"


def test_only_a_reading_asked_for_after_the_line_came_back_arms_again() -> None:
    d = desk()
    asks(d, 7)
    d.tell(DOWN)
    asks(d, 8)
    assert reads(d, 7) == [], "the line is down: what it says is not what happened"
    d.tell(UP)
    assert reads(d, 8) == [], "asked for while the line was down"
    assert reason(d.buy(1)) is Reason.REDUCING_ONLY
    asks(d, 9)
    assert reads(d, 9, pending=1) == [], "a missed fill is not booked yet"
    assert states(d.tell(RESUME)) == [(REDUCING, GONE)]
    asks(d, 10)
    assert reads(d, 10) == [(ACTIVE, Reason.RECONCILED)]
    assert isinstance(d.buy(1), OrderApproved)


def test_a_line_that_goes_again_needs_a_reading_again() -> None:
    d = desk()
    d.tell(DOWN)
    d.tell(UP)
    asks(d, 8)
    d.tell(DOWN)
    d.tell(UP)
    assert reads(d, 8) == []
    asks(d, 9)
    assert reads(d, 9) == [(ACTIVE, Reason.RECONCILED)]


def test_a_line_given_up_is_said_so_and_never_liquidates() -> None:
    d = desk()
    d.tell(DOWN)
    told = d.tell(GIVEN_UP)
    assert states(told) == [(REDUCING, GONE)]
    assert [type(e) for e in told] == [TradingStateChanged]
    assert "given up after 3 attempts" in told[0].text


@pytest.mark.parametrize("lost", [DOWN, UNREAD], ids=["router", "reconciler"])
def test_an_operator_cannot_resume_past_it(lost: BrokerConnectionChanged) -> None:
    d = desk()
    assert states(d.tell(lost)) == [(REDUCING, GONE)]
    assert states(d.tell(RESUME)) == [(REDUCING, GONE)]
    d.tell(msgspec.structs.replace(UP, session=lost.session))
    asks(d, 3)
    assert reads(d, 3) == [(ACTIVE, Reason.RECONCILED)]


def test_the_reconcilers_line_that_is_tried_again_is_not_back() -> None:
    """A resume has it tried again, counted anew: that attempt fails too."""
    d = desk()
    d.tell(UNREAD)
    d.tell(RESUME)
    d.tell(msgspec.structs.replace(UNREAD, attempts=1, given_up=False))
    assert states(d.tell(RESUME)) == [(REDUCING, GONE)]
    d.tell(msgspec.structs.replace(UP, session="reconciler"))
    assert states(d.tell(RESUME)) == [(ACTIVE, Reason.OPERATOR)]


def test_nor_between_the_line_and_the_reading() -> None:
    d = desk()
    d.tell(DOWN)
    asks(d, 4)
    d.tell(UP)
    assert states(d.tell(RESUME)) == [(REDUCING, GONE)]


def test_the_reconcilers_own_line_reduces_when_it_is_given_up_not_before() -> None:
    d = desk()
    assert states(d.tell(msgspec.structs.replace(UNREAD, given_up=False))) == []
    assert states(d.tell(UNREAD)) == [(REDUCING, GONE)]


def test_at_a_start_nothing_arms_before_the_line_is_there() -> None:
    d = desk()
    d.tell(DOWN)
    assert states(d.tell(BusStarted(2, 0), "bus")) == [(DISARMED, Reason.DISARMED)]
    asks(d, 5)
    assert reads(d, 5) == []
    d.tell(UP)
    asks(d, 6)
    assert reads(d, 6) == [(ACTIVE, Reason.RECONCILED)]


def test_while_disarmed_the_state_names_what_is_waited_for() -> None:
    d = RiskDesk(clock="wall", ready=False)
    assert states(d.tell(DOWN)) == [(DISARMED, GONE)]


@pytest.mark.parametrize(
    ("asked", "state"),
    [(HaltRequested("c", "ann", "drill", Scope.GLOBAL, ""), HALTED), (ReduceRequested("c", "ann", "drill", Scope.GLOBAL, ""), REDUCING)],
)
def test_what_an_operator_latched_outlives_the_absence(asked: Event, state: TradingState) -> None:
    d = desk()
    assert states(d.tell(asked)) == [(state, Reason.OPERATOR)]
    assert states(d.tell(DOWN)) == []
    d.tell(UP)
    asks(d, 2)
    assert reads(d, 2) == []


def test_under_the_feed_clock_nothing_changes() -> None:
    d = desk("feed")
    asks(d, 7)
    assert states(d.tell(DOWN) + d.tell(GIVEN_UP) + d.tell(UNREAD)) == []
    assert isinstance(d.buy(1), OrderApproved)
    d.tell(BusStarted(2, 0), "bus")
    assert reads(d, 8) == [(ACTIVE, Reason.RECONCILED)]


def test_a_restored_engine_waits_as_well() -> None:
    d = desk()
    asks(d, 7)
    d.tell(DOWN)
    d.tell(UP)
    core = RiskCore(d.settings)
    core.restore(d.core.snapshot())
    d.core = core
    assert reads(d, 7) == []
    asks(d, 8)
    assert reads(d, 8) == [(ACTIVE, Reason.RECONCILED)]
