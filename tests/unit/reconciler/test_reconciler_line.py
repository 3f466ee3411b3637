"""The reconciler's own line: when a lost one is read over again, when no more, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.reconciler.core import ReconcilerCore
from services.reconciler.session import ReconcilerSession
from services.reconciler.settings import ReconcilerSettings
from shared.brokers.contract import AccountSession, ReadFailed, WholeState
from shared.brokers.reconnect import Reconnect
from shared.events import (
    Alert,
    BrokerConnectionChanged,
    BrokerQueryFailed,
    BrokerStateReported,
    Envelope,
    ErrorClass,
    Event,
    LeaseGranted,
    ReconcileNow,
    ReconcileRequested,
    ResumeRequested,
    RunStarted,
    Scope,
)
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, World, kinds, log_started, reading

POLICY = Reconnect(initial_ms=500, max_ms=4_000, attempts_max=3)
RESUME = ResumeRequested("c", "op", "go on", Scope.GLOBAL, "")


def world(policy: Reconnect | None = POLICY, *, reached: bool = True) -> World:
    w = World(ReconcilerCore(ReconcilerSettings(reconnect=policy)), "reconciler")
    w.given(log_started(), LeaseGranted("reconciler", "h", 1), RunStarted("reconciler", 1, "f"))
    return w.given(reading(query=1)) if reached else w


def fails(w: World, error: ErrorClass = ErrorClass.NETWORK) -> list[Event]:
    """The reading that is due, or in flight, cannot be made."""
    if not w.core._readings.in_flight:
        w.tick((w.core.next_timer() - w.now) / SECOND)
    return w.when(BrokerQueryFailed(ACCOUNT, "reconciler", "connect", str(w.core._readings.in_flight), error, "refused"))


def told(outputs: Sequence[Event]) -> tuple[bool, int, bool]:
    (line,) = (e for e in outputs if isinstance(e, BrokerConnectionChanged))
    return line.connected, line.attempts, line.given_up


def pause_s(w: World) -> float:
    return (w.core.next_timer() - w.now) / SECOND


def test_a_lost_line_is_tried_at_growing_pauses_and_given_up() -> None:
    w = world()
    assert told(fails(w)) == (False, 0, False)
    assert pause_s(w) == 0.5
    assert told(fails(w)) == (False, 1, False)
    assert 0.5 <= pause_s(w) <= 1.0
    assert told(fails(w)) == (False, 2, False)
    assert 1.0 <= pause_s(w) <= 2.0

    last = fails(w)
    assert told(last) == (False, 3, True)
    assert [(a.severity, a.key) for a in last if isinstance(a, Alert)] == [("critical", "reconnect:reconciler")]
    assert w.core.next_timer() == 0
    assert w.tick(3_600) == []

    w.given(ReconcileNow("c", "op", "why"))
    asked_for = fails(w)
    assert told(asked_for) == (False, 4, True)
    assert "Alert" not in kinds(asked_for), "it was said"


def test_pauses_follow_from_the_log_alone() -> None:
    first, again = world(), world()
    for w in (first, again):
        fails(w)
        fails(w)
    assert pause_s(first) == pause_s(again)
    restored = ReconcilerCore(ReconcilerSettings(reconnect=POLICY))
    restored.restore(first.core.snapshot())
    assert restored.next_timer() == first.core.next_timer()


def test_a_reading_that_is_made_says_so_once_and_counts_anew() -> None:
    w = world()
    fails(w)
    fails(w)
    w.tick(pause_s(w))
    assert told(w.when(reading(query=w.core._readings.in_flight))) == (True, 0, False)
    w.tick(pause_s(w))
    assert "BrokerConnectionChanged" not in kinds(w.when(reading(query=w.core._readings.in_flight)))
    assert told(fails(w)) == (False, 0, False)


@pytest.mark.parametrize("asked", [RESUME, BrokerConnectionChanged(ACCOUNT, "router", connected=True)], ids=["resume", "the router is back"])
def test_what_was_given_up_is_tried_again_when_asked_and_counted_anew(asked: Event) -> None:
    w = world()
    for _ in range(4):
        fails(w)
    if asked is not RESUME:
        w.given(BrokerConnectionChanged(ACCOUNT, "router", connected=False))
    assert [e.trigger for e in w.when(asked) if isinstance(e, ReconcileRequested)] == ["operator" if asked is RESUME else "reconnect"]
    assert told(fails(w)) == (False, 1, False)
    assert w.core.next_timer() > 0


def test_a_resume_asks_for_our_own_line_only_where_it_is_down_and_trading_as_a_whole_is_meant() -> None:
    w = world()
    assert "ReconcileRequested" not in kinds(w.when(RESUME))
    for _ in range(4):
        fails(w)
    assert w.when(ResumeRequested("c", "op", "go on", Scope.SYMBOL, "AAPL")) == []
    assert w.core.next_timer() == 0


def test_a_router_that_begins_anew_has_what_was_given_up_tried_again() -> None:
    """The one before it died without a word about its line."""
    w = world()
    for _ in range(4):
        fails(w)
    outputs = w.when(BrokerConnectionChanged(ACCOUNT, "router", connected=True))
    assert [e.trigger for e in outputs if isinstance(e, ReconcileRequested)] == ["reconnect"]
    assert told(w.when(reading(query=w.core._readings.in_flight))) == (True, 0, False)


def test_a_new_process_tries_again() -> None:
    w = world()
    for _ in range(4):
        fails(w)
    assert "ReconcileRequested" in kinds(w.when(LeaseGranted("reconciler", "h", 2)))
    assert told(fails(w)) == (False, 1, False)


def test_switched_off_a_lost_line_is_given_up_at_once_but_not_one_never_reached() -> None:
    off = Reconnect(enabled=False)
    assert told(fails(world(off))) == (False, 0, True)
    assert told(fails(world(off, reached=False))) == (False, 1, False)


def test_a_broker_that_answers_is_not_lost() -> None:
    w = world()
    for error in (ErrorClass.RATE_LIMIT, ErrorClass.SCHEMA, ErrorClass.UNKNOWN, ErrorClass.REJECTION) * 3:
        assert kinds(fails(w, error)) == ["ReconcileFailed"]
        assert pause_s(w) == 5


def test_under_the_feed_clock_readings_go_on_as_ever() -> None:
    w = world(None)
    for _ in range(20):
        assert kinds(fails(w)) == ["ReconcileFailed"]
        assert pause_s(w) == 5


class Cut:
    """A broker's account session that can be asked once and then is dead."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed = False

    def connect(self, _timeout_s: float) -> str:
        return ACCOUNT

    def whole_state(self, _cursor: str) -> WholeState:
        self.asked += 1
        if self.asked > 1:
            raise ReadFailed("orders", ErrorClass.NETWORK, "connection reset")
        r = reading(query=1)
        return WholeState(r.orders, r.executions, r.positions, r.totals, r.as_of, r.report, r.next_cursor)

    def close(self) -> None:
        self.closed = True


def test_the_next_reading_after_a_loss_has_a_session_of_its_own() -> None:
    made: list[Cut] = []

    def account() -> AccountSession:
        made.append(Cut())
        return made[-1]  # type: ignore[return-value]

    session = ReconcilerSession(account)

    def read(query: int) -> type[Event]:
        request = ReconcileRequested(query, "", "interval")
        return type(session.perform(Envelope(7, T0, request.topic, "reconciler", 1, 1, 6, 1, request), lambda: "").evidence[-1].event)

    assert [read(query) for query in (1, 2, 3)] == [BrokerStateReported, BrokerQueryFailed, BrokerStateReported]
    assert [one.closed for one in made] == [True, False]
