"""How the router's two lines come back, against a broker that numbers no reports, as a real one: attempts told and counted, given up, asked for again,
while what must leave goes on leaving. One that numbers them may come back as another one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.order_router.session import RouterSession
from shared.brokers.contract import Accepted, Cancellation, Capabilities, NotSent, Outcome, Permit, ReadFailed, StreamDown, StreamItem, StreamUp
from shared.brokers.reconnect import LOST, Reconnect
from shared.events import (
    Alert,
    BrokerConnectionChanged,
    BrokerOrderNotFound,
    BrokerQueryFailed,
    BrokerRequestNotSent,
    CancelSending,
    Envelope,
    ErrorClass,
    Event,
    OrderQuerySending,
    ResumeRequested,
    Scope,
)
from tests.unit.order_router.world import ACCOUNT, SECOND, T0, client

KNOWN = 7
QUERY = OrderQuerySending("ma:1:1", "ma", client(), 1)


class Broker:
    """up: whether it can be reached. made: reports it has made. fails: how look-ups do. lines: every session that was made of it, in order."""

    def __init__(self) -> None:
        self.up = True
        self.made = KNOWN
        self.fails: ErrorClass | None = None
        self.lines: list[Line] = []

    def line(self) -> Line:
        self.lines.append(Line(self))
        return self.lines[-1]


class Line:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.connected = self.closed = self.heard = False
        self.items: list[StreamItem] = []
        self.canceled = 0

    def connect(self, _timeout_s: float) -> str:
        if not self.broker.up:
            raise ReadFailed("connect", ErrorClass.NETWORK, "refused")
        self.connected, self.items = True, [StreamUp("listening")]
        return ACCOUNT

    def resume(self, report: int) -> None:
        """Called with 0 where nothing is numbered."""
        if report > self.broker.made:
            raise ReadFailed("reports", ErrorClass.SCHEMA, "another ledger")

    def stream(self, _timeout_s: float) -> Sequence[StreamItem]:
        assert self.connected, "nobody listens to a line that was not connected"
        assert not self.closed
        self.heard = True
        items, self.items = self.items, []
        return items

    def cancel(self, _cancellation: Cancellation, _permit: Permit) -> Outcome:
        if self.closed or not self.broker.up:
            return NotSent("not connected")
        self.canceled += 1
        return Accepted()

    def order_by_client_id(self, _client_order_id: str) -> None:
        if not self.broker.up:
            raise ReadFailed("order", ErrorClass.NETWORK, "not connected")
        if self.broker.fails is not None:
            raise ReadFailed("order", self.broker.fails, "no")

    def close(self) -> None:
        self.closed = True


class Desk:
    def __init__(self, *, numbered: bool = False, **policy: object) -> None:
        self.broker = Broker()
        self.now = 50.0
        reconnect = Reconnect(**{"initial_ms": 1_000, "max_ms": 4_000, **policy})  # type: ignore[arg-type]
        make = self.broker.line
        able = Capabilities("x", ("equity",), {}, numbered_reports=numbered)
        self.session = RouterSession(able, make, make, clock=lambda: self.now, reconnect=reconnect, drawn=lambda: 1.0)  # type: ignore[arg-type]
        self.session.start({("venue.x", 1): KNOWN})

    def hears(self, seconds: float = 0.0) -> list[Event]:
        """What the line of reports tells within so many seconds."""
        until, told = self.now + seconds, [e.event for e in self.session.poll(0.0)]
        while self.now < until:
            self.now = min(until, self.now + 0.5)
            told += [e.event for _ in range(2) for e in self.session.poll(0.0)]
        return told

    def cut(self) -> list[Event]:
        self.broker.up = False
        self.reports.items = [StreamDown("reset by peer")]
        return self.hears()

    @property
    def reports(self) -> Line:
        return next(line for line in reversed(self.broker.lines) if line.heard)

    def do(self, event: Event) -> list[type[Event]]:
        done = self.session.perform(Envelope(5, T0, event.topic, "order_router", 1, 1, 4, 1, event), lambda: "")
        return [type(e.event) for e in done.evidence]

    def cancels(self) -> list[type[Event]]:
        return self.do(CancelSending("ma:1:1", "ma", client(), "B1", 1))

    def resumed(self) -> None:
        event = ResumeRequested("c", "op", "the broker is back", Scope.GLOBAL, "")
        self.session.observed(Envelope(9, T0 + SECOND, event.topic, "control.op", 1, 1, 0, 1, event))


def changes(told: Sequence[Event]) -> list[tuple[bool, int, bool]]:
    return [(e.connected, e.attempts, e.given_up) for e in told if isinstance(e, BrokerConnectionChanged)]


def up(*, numbered: bool = False, **policy: object) -> Desk:
    desk = Desk(numbered=numbered, **policy)
    assert desk.hears() == []
    assert changes(desk.hears()) == [(True, 0, False)]
    return desk


def test_every_attempt_is_told_and_counted_from_the_last_good_connection() -> None:
    desk = up()
    assert changes(desk.cut()) == [(False, 0, False)]
    assert changes(desk.hears(0.5)) == []
    told = desk.hears(7.0)
    assert changes(told) == [(False, 1, False), (False, 2, False), (False, 3, False)]
    assert told[0].text == "attempt 1 failed: connect: network: refused; the next in 2.0 s"

    desk.broker.up = True
    assert changes(desk.hears(4.0)) == [(True, 0, False)]
    assert changes(desk.cut()) == [(False, 0, False)]
    assert changes(desk.hears(1.0)) == [(False, 1, False)]


def test_after_so_many_attempts_it_is_given_up_aloud_until_a_command_asks() -> None:
    desk = up(attempts_max=2)
    desk.cut()
    told = desk.hears(3.0)
    assert changes(told) == [(False, 1, False), (False, 2, True)]
    assert [(a.severity, a.key) for a in told if isinstance(a, Alert)] == [("critical", "reconnect:router")]
    made = len(desk.broker.lines)
    desk.broker.up = True
    assert desk.hears(600.0) == []
    assert len(desk.broker.lines) == made

    desk.resumed()
    assert changes(desk.hears(1.0)) == [(True, 0, False)]


def test_switched_off_a_lost_line_is_given_up_at_once() -> None:
    desk = up(enabled=False)
    told = desk.cut()
    assert changes(told) == [(False, 0, True)]
    assert [type(e) for e in told] == [BrokerConnectionChanged, Alert]
    desk.broker.up = True
    assert desk.hears(60.0) == []


def test_what_must_leave_does_while_reports_are_given_up() -> None:
    desk = up(attempts_max=1)
    assert desk.cancels() == []
    desk.cut()
    desk.hears(10.0)
    assert desk.cancels() == [BrokerRequestNotSent]
    assert desk.cancels() == [BrokerRequestNotSent]
    desk.broker.up = True
    desk.now += 4.0
    assert desk.cancels() == []
    assert [line.canceled for line in desk.broker.lines if line.connected and not line.heard] == [1, 1]


@pytest.mark.parametrize("asks", ["cancel", "query"])
def test_requests_connect_no_more_often_than_the_pace_allows(asks: str) -> None:
    desk = up()
    ask = desk.cancels if asks == "cancel" else lambda: desk.do(QUERY)
    assert ask() == ([] if asks == "cancel" else [BrokerOrderNotFound])
    desk.broker.up = False
    made = len(desk.broker.lines)
    no = BrokerRequestNotSent if asks == "cancel" else BrokerQueryFailed
    for _ in range(80):  # four seconds
        assert ask() == [no]
        desk.now += 0.05
    assert len(desk.broker.lines) - made == 3, "at once, after 1 s and after 2 s more"


def test_with_the_reports_the_line_of_requests_is_made_anew_at_once() -> None:
    desk = up()
    desk.cancels()
    old = desk.broker.lines[-1]
    desk.cut()
    desk.hears(1.5)
    for later in (0.0, 0.0, 1.0):  # over the old line, then two that cannot connect: the next may after 2 s
        desk.hears(later)
        assert desk.cancels() == [BrokerRequestNotSent]
    desk.broker.up = True
    assert changes(desk.hears(0.5)) == [(True, 0, False)]
    assert desk.cancels() == []
    assert (old.closed, desk.broker.lines[-1].canceled) == (True, 1)
    assert [line.closed for line in desk.broker.lines].count(False) == 2


def test_nothing_is_sent_to_another_ledger_and_what_it_does_not_know_proves_nothing() -> None:
    desk = up(numbered=True)
    assert desk.cancels() == []
    desk.cut()
    desk.broker.up, desk.broker.made = True, 0
    for _ in range(3):
        assert desk.cancels() == [BrokerRequestNotSent]
        assert desk.do(QUERY) == [BrokerQueryFailed]
        assert {up for up, _, _ in changes(desk.hears(2.0))} <= {False}

    desk.broker.made = KNOWN
    assert changes(desk.hears(4.0)) == [(True, 0, False)]
    assert desk.cancels() == []
    assert desk.do(QUERY) == [BrokerOrderNotFound]


def test_what_the_reports_find_of_the_ledger_counts_for_requests_too() -> None:
    desk = up(numbered=True)
    desk.cut()
    desk.broker.up = True
    assert desk.cancels() == []
    desk.broker.made = 0
    assert changes(desk.hears(1.0)) == [(False, 1, False)]
    assert desk.cancels() == [BrokerRequestNotSent]


@pytest.mark.parametrize("error", ErrorClass)
def test_a_line_of_requests_that_no_look_up_gets_through_is_made_anew(error: ErrorClass) -> None:
    desk = up()
    assert desk.do(QUERY) == [BrokerOrderNotFound]
    old = desk.broker.lines[-1]
    desk.broker.fails = error
    assert desk.do(QUERY) == [BrokerQueryFailed]
    desk.broker.fails = None
    assert desk.do(QUERY) == [BrokerOrderNotFound]
    assert old.closed == (error in LOST)
