"""One suite for every implementation of the bus port; a third one adds a fixture parameter, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.bus.memory import MemoryBus
from shared.bus.port import (
    NEVER,
    Acked,
    ClockMode,
    Connection,
    Cursor,
    Delivered,
    FeedTurn,
    Fenced,
    LeaseHeld,
    Notice,
    Refused,
    Registration,
    Role,
    Snapshot,
)
from shared.bus.server import BusSettings
from shared.bus.zmq_client import ZmqBus
from shared.events import (
    Alert,
    Bar,
    BrokerConnectionChanged,
    ClockTicked,
    Envelope,
    Event,
    HaltRequested,
    Scope,
    Severity,
)
from tests.support.bus import RunningBus

TTL_MS = 1_000
WAIT_S = 30.0


@dataclass
class World:
    """A bus under test. connect: an actor; lapse: let silent leases run out."""

    connect: Callable[..., Connection]
    lapse: Callable[[list[Connection]], None]


def alert(key: str) -> Alert:
    return Alert(Severity.INFO, key, "text")


def bar(k: int) -> Bar:
    return Bar("SPY", k * 60, k * 60 + 60, 1.0, 2.0, 0.5, 1.5, 100.0)


def registration(source: str, role: Role, topics: tuple[str, ...] = ("c.",), holder: str = "h", fingerprint: str = "f", **more: Any) -> Registration:
    return Registration(source, role, fingerprint, topics, more.pop("rank", 0), holder, **more)


@pytest.fixture(params=["memory", "zmq"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., World]]:
    closers: list[Callable[[], Any]] = []

    def make(clock: ClockMode = ClockMode.WALL, roster: tuple[str, ...] = ()) -> World:
        opened: list[Connection] = []
        if request.param == "memory":
            skew = [0]
            settings = BusSettings(clock, roster={name: rank for rank, name in enumerate(roster)}, lease_ttl_ns=TTL_MS * 1_000_000)
            bus: Any = MemoryBus(settings, lambda: (time.time_ns() + skew[0], time.monotonic_ns() + skew[0]))

            def lapse(living: list[Connection]) -> None:
                for _ in range(4):  # in steps, so that the living are heard in between
                    skew[0] += TTL_MS * 1_000_000 // 2
                    for c in living:
                        c.poll(0)
        else:
            running = RunningBus(tmp_path, clock, roster, TTL_MS).start()
            bus = ZmqBus(running.endpoints)
            closers.extend([bus.close, running.__exit__])

            def lapse(living: list[Connection]) -> None:
                end = time.monotonic() + 2 * TTL_MS / 1000
                while time.monotonic() < end:
                    for c in living:
                        c.poll(0.01)

        def connect(*args: Any, **kwargs: Any) -> Connection:
            c: Connection = bus.connect(registration(*args, **kwargs))
            opened.append(c)
            return c

        return World(connect, lapse)

    yield make
    for close in closers:
        close()


class Seen:
    """Polls a connection until a condition holds, keeping all it saw."""

    def __init__(self, connection: Connection, *others: Connection) -> None:
        self.connection, self.others = connection, others
        self.notices: list[Notice] = []

    def until(self, condition: Callable[[Seen], bool]) -> Seen:
        end = time.monotonic() + WAIT_S
        while not condition(self):
            assert time.monotonic() < end, f"not seen; have {self.notices[-5:]}"
            self.notices.extend(self.connection.poll(0.01))
            for other in self.others:
                other.poll(0)
        return self

    @property
    def envelopes(self) -> list[Envelope]:
        return [n.envelope for n in self.notices if isinstance(n, Delivered)]

    def of(self, *types: type[Event]) -> list[Envelope]:
        return [e for e in self.envelopes if isinstance(e.event, types)]

    @property
    def acked(self) -> int:
        return max((n.n for n in self.notices if isinstance(n, Acked)), default=0)


CAUSE = Envelope(0, 0, "c.", "bus", 1, 1, 0, 0, ClockTicked())


def test_a_follower_sees_every_event_of_its_topics_in_order_once(world: Any) -> None:
    w = world()
    gateway = w.connect("gateway", Role.GATEWAY)
    auditor = w.connect("auditor", Role.AUDITOR, ("m.SPY.", "c."))
    auditor.follow(Cursor())
    for k in range(1, 301):
        gateway.append_outside("gateway.feed", 1, k, bar(k))
    seen = Seen(auditor, gateway).until(lambda s: len(s.of(Bar)) >= 300)
    assert [e.event.timestamp for e in seen.of(Bar)] == [60 * k for k in range(1, 301)]
    seqs = [e.seq for e in seen.envelopes]
    assert seqs == sorted(set(seqs))


def test_a_topic_is_a_prefix_with_its_dot(world: Any) -> None:
    w = world()
    gateway = w.connect("gateway", Role.GATEWAY)
    auditor = w.connect("auditor", Role.AUDITOR, ("m.F.", "c."))
    auditor.follow(Cursor())
    for n, symbol in enumerate(("FB", "F", "FB", "F"), 1):
        gateway.append_outside("gateway.feed", 1, n, Bar(symbol, n, n, 1.0, 1.0, 1.0, 1.0, 1.0))
    seen = Seen(auditor, gateway).until(lambda s: len(s.of(Bar)) >= 2)
    assert [e.event.symbol for e in seen.of(Bar)] == ["F", "F"]


def test_joining_late_gets_the_whole_lane_from_the_cursor(world: Any) -> None:
    w = world()
    gateway = w.connect("gateway", Role.GATEWAY)
    for k in range(1, 2_501):
        gateway.append_outside("gateway.feed", 1, k, bar(k))
        if gateway.full:
            Seen(gateway).until(lambda s: not s.connection.full)
    Seen(gateway).until(lambda s: s.connection.unacked() == 0)
    first = w.connect("auditor", Role.AUDITOR, ("m.", "c."))
    first.follow(Cursor())
    seen = Seen(first, gateway).until(lambda s: len(s.of(Bar)) >= 2_500)
    assert [e.n for e in seen.of(Bar)] == list(range(1, 2_501))
    middle = first.cursor()
    first.close()
    gateway.append_outside("gateway.feed", 1, 2_501, bar(2_501))
    second = w.connect("auditor", Role.AUDITOR, ("m.", "c."))
    second.follow(middle)
    assert [e.n for e in Seen(second, gateway).until(lambda s: bool(s.of(Bar))).of(Bar)] == [2_501]


def test_a_cursor_of_another_log_is_refused(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    with pytest.raises(Refused) as refused:
        auditor.follow(Cursor(1, b"x" * 16))
        Seen(auditor).until(lambda s: bool(s.notices))
    assert refused.value.code == "cursor"


def test_a_name_is_journaled_once_whatever_is_repeated(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    for _ in range(3):
        auditor.append(CAUSE, [alert("a"), alert("b")], 1)
    auditor.append(CAUSE, [alert("c")], 3)
    seen = Seen(auditor).until(lambda s: s.acked >= 3 and len(s.of(Alert)) >= 3)
    assert [(e.n, e.event.key) for e in seen.of(Alert)] == [(1, "a"), (2, "b"), (3, "c")]


def test_the_same_name_with_other_content_is_a_determinism_fault(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    auditor.append(CAUSE, [alert("a")], 1)
    Seen(auditor).until(lambda s: s.acked >= 1)
    with pytest.raises(Refused) as refused:
        auditor.append(CAUSE, [alert("other")], 1)
        Seen(auditor).until(lambda _: False)
    assert refused.value.code == "determinism"


def test_outputs_and_run_numbers_survive_the_actor(world: Any) -> None:
    w = world()
    first = w.connect("auditor", Role.AUDITOR)
    first.follow(Cursor())
    first.append(CAUSE, [alert("a"), alert("b")], 1)
    Seen(first).until(lambda s: s.acked >= 2)
    first.close()
    same = w.connect("auditor", Role.AUDITOR)
    assert (same.welcome.run, same.welcome.last_n, same.welcome.epoch) == (1, 2, 2)
    same.close()
    changed = w.connect("auditor", Role.AUDITOR, fingerprint="other")
    assert (changed.welcome.run, changed.welcome.last_n) == (2, 0)


def test_own_outputs_can_be_read_back_by_cause(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    ticks = Seen(auditor).until(lambda s: len(s.of(ClockTicked)) >= 2).of(ClockTicked)
    auditor.append(ticks[0], [alert("a")], 1)
    auditor.append(ticks[1], [alert("b"), alert("c")], 2)
    Seen(auditor).until(lambda s: s.acked >= 3)
    assert [(e.cause, e.event.key) for e in auditor.outputs_since(ticks[0].seq)] == [(ticks[1].seq, "b"), (ticks[1].seq, "c")]


def test_a_second_holder_is_refused_and_gets_the_name_after_the_first_is_silent(world: Any) -> None:
    w = world()
    first = w.connect("risk_engine", Role.RISK, holder="one")
    watcher = w.connect("auditor", Role.AUDITOR)
    with pytest.raises(LeaseHeld, match="one"):
        w.connect("risk_engine", Role.RISK, holder="two")
    w.lapse([watcher])
    second = w.connect("risk_engine", Role.RISK, holder="two")
    assert second.welcome.epoch == first.welcome.epoch + 1


def test_a_frozen_holder_that_wakes_is_fenced(world: Any) -> None:
    w = world()
    frozen = w.connect("risk_engine", Role.RISK, holder="one")
    watcher = w.connect("auditor", Role.AUDITOR)
    w.lapse([watcher])
    taker = w.connect("risk_engine", Role.RISK, holder="two")
    with pytest.raises(Fenced):
        frozen.append(CAUSE, [alert("late")], 1)
        Seen(frozen, taker).until(lambda _: False)
    taker.append(CAUSE, [alert("mine")], 1)
    Seen(taker).until(lambda s: s.acked >= 1)


def test_the_same_slot_takes_over_at_once(world: Any) -> None:
    w = world()
    w.connect("risk_engine", Role.RISK, holder="slot")
    assert w.connect("risk_engine", Role.RISK, holder="slot").welcome.epoch == 2


@pytest.mark.parametrize(
    ("source", "role", "event"),
    [
        ("strategy.a", Role.STRATEGY, HaltRequested("c1", "me", "why", Scope.GLOBAL, "")),
        ("auditor", Role.AUDITOR, BrokerConnectionChanged("acc", "router", True)),
        ("gateway", Role.GATEWAY, HaltRequested("c1", "me", "why", Scope.GLOBAL, "")),
    ],
)
def test_a_role_appends_only_what_its_row_says(world: Any, source: str, role: Role, event: Event) -> None:
    connection = world().connect(source, role)
    with pytest.raises(Refused) as refused:
        connection.append(CAUSE, [event], 1)
        Seen(connection).until(lambda _: False)
    assert refused.value.code == "role"


def test_a_role_cannot_take_anothers_name(world: Any) -> None:
    with pytest.raises(Refused) as refused:
        world().connect("risk_engine", Role.STRATEGY)
    assert refused.value.code == "role"


def test_snapshots_come_back_newest_first(world: Any) -> None:
    w = world()
    auditor = w.connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    Seen(auditor).until(lambda s: len(s.envelopes) >= 2)
    cursors = []
    for i in range(2):
        Seen(auditor).until(lambda s: bool(s.of(ClockTicked)))
        cursors.append(auditor.cursor())
        auditor.save_snapshot(Snapshot(cursors[-1], 1, i, bytes([i]) * 300_000))
    end = time.monotonic() + WAIT_S
    while len(list(auditor.snapshots())) < 2:
        assert time.monotonic() < end
    found = list(auditor.snapshots())
    assert [s.cursor for s in found] == cursors[::-1]
    assert [s.state for s in found] == [b"\x01" * 300_000, b"\x00" * 300_000]
    auditor.close()
    again = w.connect("auditor", Role.AUDITOR)
    again.follow(found[0].cursor)
    Seen(again).until(lambda s: len(s.of(ClockTicked)) >= 1)


def test_wall_time_never_decreases(world: Any) -> None:
    auditor = world().connect("auditor", Role.AUDITOR)
    auditor.follow(Cursor())
    times = [e.ts_ns for e in Seen(auditor).until(lambda s: len(s.of(ClockTicked)) >= 5).envelopes]
    assert times == sorted(times)
    assert abs(times[-1] - time.time_ns()) < 3_600 * 10**9


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
