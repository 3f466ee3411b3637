"""The same suite under the feed clock: who is waited for, and in what order all is numbered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from shared.bus.port import (
    NEVER,
    ClockMode,
    Connection,
    Cursor,
    Delivered,
    FeedTurn,
    Role,
)
from shared.events import (
    Alert,
    Bar,
    BrokerConnectionChanged,
    ClockTicked,
    Envelope,
    Event,
)

from .buses import WAIT_S, alert, bar


class Stepper:
    """An actor of the roster that answers each event with what `answer` says."""

    def __init__(self, connection: Connection, answer: Callable[[Envelope], list[Event]], timer: Callable[[Envelope], int] = lambda _: 0) -> None:
        self.connection, self.answer, self.timer = connection, answer, timer
        self.seen: list[Envelope] = []
        self.turns = 0
        self.n = 0
        connection.follow(Cursor())

    def step(self) -> None:
        for notice in self.connection.poll(0.005):
            if isinstance(notice, FeedTurn):
                self.turns += 1
            if not isinstance(notice, Delivered):
                continue
            e = notice.envelope
            self.seen.append(e)
            outputs = [] if e.source == self.connection._reg.source else self.answer(e)
            self.connection.append(e, outputs, self.n + 1, self.timer(e))
            self.n += len(outputs)


def run(steppers: list[Stepper], condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, [[type(e.event).__name__ for e in s.seen[-4:]] for s in steppers]
        for s in steppers:
            s.step()


ROSTER = ("gateway", "risk_engine", "auditor")


def test_lock_step_numbers_outputs_by_event_rank_and_index(world: Any) -> None:
    w = world(ClockMode.FEED, ROSTER)
    on_bar = lambda tag: lambda e: [alert(f"{tag}{e.event.timestamp // 60}.{i}") for i in range(2)] if isinstance(e.event, Bar) else []  # noqa: E731
    gateway = Stepper(w.connect("gateway", Role.GATEWAY, ("c.",), rank=0, feed=True), lambda _: [])
    auditor = Stepper(w.connect("auditor", Role.AUDITOR, ("m.", "c."), rank=2), on_bar("z"))
    risk = Stepper(w.connect("risk_engine", Role.RISK, ("m.", "c."), rank=1), on_bar("r"))
    steppers = [auditor, gateway, risk]  # polled out of rank order
    for k in (1, 2, 3):
        gateway.connection.feed_next(k * 60 + 60)
        run(steppers, lambda k=k: gateway.turns == k)
        gateway.connection.append_outside("gateway.feed", 1, k, bar(k), ts_ns=k * 60 + 60)
    run(steppers, lambda: sum(isinstance(e.event, Alert) for e in risk.seen) == 12)
    got = [e.event.key if isinstance(e.event, Alert) else e.event.timestamp // 60 for e in risk.seen if isinstance(e.event, Alert | Bar)]
    assert got == [1, "r1.0", "r1.1", "z1.0", "z1.1", 2, "r2.0", "r2.1", "z2.0", "z2.1", 3, "r3.0", "r3.1", "z3.0", "z3.1"]
    assert [e.ts_ns for e in risk.seen if isinstance(e.event, Bar)] == [120, 180, 240]


def test_lock_step_waits_for_a_missing_member(world: Any) -> None:
    w = world(ClockMode.FEED, ROSTER)
    gateway = Stepper(w.connect("gateway", Role.GATEWAY, ("c.",), rank=0, feed=True), lambda _: [])
    risk = Stepper(w.connect("risk_engine", Role.RISK, ("m.", "c."), rank=1), lambda _: [])
    gateway.connection.feed_next(120)
    for _ in range(20):
        gateway.step()
        risk.step()
    assert gateway.turns == 0
    auditor = Stepper(w.connect("auditor", Role.AUDITOR, ("m.", "c."), rank=2), lambda _: [])
    run([gateway, risk, auditor], lambda: gateway.turns == 1)


def test_lock_step_takes_required_facts_before_the_feed(world: Any) -> None:
    w = world(ClockMode.FEED, ("gateway", "order_router"))
    gateway = Stepper(w.connect("gateway", Role.GATEWAY, ("c.",), rank=0, feed=True), lambda _: [])
    router = Stepper(w.connect("order_router", Role.ROUTER, ("t.", "m.", "c."), rank=1), lambda _: [])
    gateway.connection.feed_next(120)
    run([gateway, router], lambda: gateway.turns == 1)
    gateway.connection.append_outside("gateway.feed", 1, 1, bar(1), 120, requires=[("venue.paper", 1, 2)])
    for _ in range(20):
        gateway.step()
        router.step()
    assert not [e for e in router.seen if isinstance(e.event, Bar)]
    for n in (1, 2):
        router.connection.append_outside("venue.paper", 1, n, BrokerConnectionChanged("a", "router", True), 100 + n)
    run([gateway, router], lambda: any(isinstance(e.event, Bar) for e in router.seen))
    order = [(e.source, e.ts_ns) for e in router.seen if e.source in ("venue.paper", "gateway.feed")]
    assert order == [("venue.paper", 101), ("venue.paper", 102), ("gateway.feed", 120)]


def test_lock_step_fires_timers_exactly_between_feed_rows(world: Any) -> None:
    w = world(ClockMode.FEED, ("gateway", "risk_engine"))
    gateway = Stepper(w.connect("gateway", Role.GATEWAY, ("c.",), rank=0, feed=True), lambda _: [])
    due = {"at": 130}

    def timer(e: Envelope) -> int:
        if isinstance(e.event, ClockTicked):
            due["at"] = 150 if e.ts_ns == 130 else 0
        return due["at"]

    risk = Stepper(w.connect("risk_engine", Role.RISK, ("m.", "c."), rank=1), lambda _: [], timer)
    for k in (1, 2):
        gateway.connection.feed_next(k * 60 + 60)
        run([gateway, risk], lambda k=k: gateway.turns == k)
        gateway.connection.append_outside("gateway.feed", 1, k, bar(k), k * 60 + 60)
    gateway.connection.feed_next(NEVER)
    run([gateway, risk], lambda: sum(isinstance(e.event, Bar) for e in risk.seen) == 2)
    marks = [(type(e.event).__name__, e.ts_ns) for e in risk.seen if isinstance(e.event, Bar | ClockTicked)]
    assert marks == [("Bar", 120), ("ClockTicked", 130), ("ClockTicked", 150), ("Bar", 180)]
