"""The actor driver on the in-memory bus: recovery as the same actor, as a changed one, as one that is not deterministic; effects; snapshots."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import pytest

from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.server import BusSettings
from shared.events import Alert, Bar, BusStarted, Envelope, Event, Severity
from shared.runtime.actor import Core, FoldingCore, InvariantError, SnapshotIncompatible
from shared.runtime.driver import ActorDriver
from shared.runtime.session import Evidence, Performed, Permit
from shared.runtime.sessions import InlineHost
from shared.runtime.single import SingleDriver
from tests.sim.toys import Quiet

TOPICS = ("m.", "c.")


def bar(k: int) -> Bar:
    return Bar("SPY", k, k + 1, 1.0, 1.0, 1.0, float(k), 1.0)


class Caller:
    """Says the running count on each bar whose number the given rule takes."""

    def __init__(self, rule: Callable[[int], bool] = lambda _: True, layout: int = 1) -> None:
        self.rule, self.layout = rule, layout
        self.bars = self.said = 0

    def decide(self, e: Envelope) -> Sequence[Event]:
        if isinstance(e.event, Bar) and self.rule(self.bars + 1):
            return [Alert(Severity.INFO, f"bar {self.bars + 1}", f"{self.said}")]
        return ()

    def apply(self, e: Envelope) -> None:
        if isinstance(e.event, Bar):
            self.bars += 1
        elif isinstance(e.event, Alert) and e.seq == 0:
            self.said += 1

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self.layout, self.bars, self.said))

    def restore(self, state: bytes) -> None:
        layout, bars, said = msgspec.msgpack.decode(state)
        if layout != self.layout:
            raise SnapshotIncompatible(str(layout))
        self.bars, self.said = bars, said

    def next_timer(self) -> int:
        return 0


class World:
    """A bus with a gateway that brings bars."""

    def __init__(self) -> None:
        self.bus = MemoryBus(BusSettings(ClockMode.WALL), lambda: (time.time_ns(), time.monotonic_ns()))
        self.gateway = ActorDriver(self.bus, Registration("gateway", Role.GATEWAY, "f", ("c.",), 0, "g"), Quiet())
        self.gateway.start(0)
        self.rows = 0

    def bring(self, count: int) -> None:
        for _ in range(count):
            self.rows += 1
            self.gateway.connection.append_outside("gateway.feed", 1, self.rows, bar(self.rows))

    def actor(self, core: Core | FoldingCore, fingerprint: str = "same", **more: object) -> ActorDriver:
        role = Role.ROUTER if "session" in more else Role.AUDITOR
        source = "order_router" if "session" in more else "auditor"
        driver = ActorDriver(self.bus, Registration(source, role, fingerprint, TOPICS, 1, "slot"), core, **more)  # type: ignore[arg-type]
        driver.start(0)
        SingleDriver(self.bus, [driver]).settle()
        return driver

    def settle(self, driver: ActorDriver) -> None:
        SingleDriver(self.bus, [driver]).settle()

    def said(self) -> list[str]:
        return [f"{e.run}:{e.n} {e.event.key}={e.event.text}" for e in self.bus.committed(0) if isinstance(e.event, Alert)]


def test_an_unchanged_actor_decides_what_it_had_not_and_repeats_nothing() -> None:
    world = World()
    first = world.actor(Caller())
    world.bring(3)
    world.settle(first)
    world.bring(2)  # it dies before it sees these
    second = world.actor(Caller())
    assert world.said() == [f"1:{k} bar {k}={k - 1}" for k in range(1, 6)]
    assert (second.core.bars, second.core.said) == (5, 5)


def test_a_changed_actor_takes_the_journaled_outputs_as_facts_and_decides_anew_from_there() -> None:
    world = World()
    old = world.actor(Caller())
    world.bring(3)
    world.settle(old)
    world.bring(2)  # undecided when the new build comes: it does not decide the past
    new = world.actor(Caller(rule=lambda k: k % 2 == 0), "other")
    assert (new.core.bars, new.core.said) == (5, 3), "what was said stays said, though today's rule would not say it"
    world.bring(1)
    world.settle(new)
    assert world.said()[3:] == ["2:1 bar 6=3"]


def test_an_actor_that_says_something_else_of_the_same_past_is_stopped() -> None:
    world = World()
    first = world.actor(Caller())
    world.bring(2)
    world.settle(first)
    with pytest.raises(InvariantError, match="not deterministic"):
        world.actor(Caller(rule=lambda k: k != 2))


def test_recovery_from_a_snapshot_is_the_straight_run() -> None:
    world = World()
    first = world.actor(Caller(), snapshot_every=3)
    for _ in range(4):
        world.bring(2)
        world.settle(first)
    folded: list[int] = []
    second = world.actor(Caller(), observe=lambda e: folded.append(e.seq))
    assert second.core.snapshot() == first.core.snapshot()
    assert len(folded) < 8, "it folded the whole log instead"


def test_a_snapshot_of_another_layout_is_left_and_the_log_serves() -> None:
    world = World()
    first = world.actor(Caller(), snapshot_every=1)
    world.bring(4)
    world.settle(first)
    second = world.actor(Caller(layout=2))
    assert (second.core.bars, second.core.said) == (4, 4)


class Moody:
    """Not deterministic, and says so: it counts its lives."""

    deterministic = False
    snapshottable = False
    lives = 0

    def __init__(self) -> None:
        Moody.lives += 1
        self.seen: list[str] = []

    def step(self, e: Envelope) -> Sequence[Event]:
        if isinstance(e.event, Bar):
            self.seen.append("stepped")
            return [Alert(Severity.INFO, f"life {Moody.lives}", "")]
        return ()

    def apply(self, e: Envelope) -> None:
        if isinstance(e.event, Bar | Alert):
            self.seen.append(type(e.event).__name__)

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None: ...

    def next_timer(self) -> int:
        return 0


def test_an_actor_that_is_not_deterministic_is_told_what_happened_and_goes_on() -> None:
    world = World()
    Moody.lives = 0
    first = world.actor(Moody())
    world.bring(2)
    world.settle(first)
    second = world.actor(Moody())
    assert second.core.seen == ["Bar", "Alert", "Bar", "Alert"]
    world.bring(1)
    world.settle(second)
    assert world.said() == ["1:1 life 1=", "1:2 life 1=", "1:3 life 2="]


class Hand:
    """Performs every alert, and remembers whether it was permitted."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def start(self, known: dict[tuple[str, int], int]) -> None:
        assert known == {}

    def wants(self, e: Envelope) -> bool:
        return isinstance(e.event, Alert)

    def perform(self, e: Envelope, permit: Permit) -> Performed:
        assert isinstance(e.event, Alert)
        assert e.seq > 0
        self.done.append(f"{e.event.key}{permit()}")
        return Performed()

    def poll(self, _timeout_s: float) -> Sequence[Evidence]:
        return ()

    def close(self) -> None: ...


def test_effects_follow_durability_once_and_are_not_repeated_by_a_successor() -> None:
    world = World()
    hand = Hand()
    first = world.actor(Caller(), session=InlineHost(hand))
    world.bring(2)
    world.settle(first)
    assert hand.done == ["bar 1", "bar 2"]
    world.bring(1)
    successor = Hand()
    second = world.actor(Caller(), session=InlineHost(successor))
    assert successor.done == ["bar 3"], "only what no earlier process had decided"
    world.settle(second)
    assert hand.done == ["bar 1", "bar 2"]


def test_a_process_that_slept_does_not_take_the_log_for_earlier_than_it_is() -> None:
    """A deadline is judged by the log's time at the socket write; the event that asks for the write may be handled long after it was stamped."""
    slept = [0]
    world = World()
    driver = world.actor(Caller(), mono_ns=lambda: time.monotonic_ns() + slept[0])
    before = driver.log_time()
    world.bring(1)

    slept[0] = 3_000_000_000
    world.settle(driver)

    assert driver.log_time() - before >= 3_000_000_000


def test_a_new_bus_whose_clock_stands_elsewhere_is_believed_of_what_came_at_once() -> None:
    """Not of what a process finds that slept meanwhile: that would make the log seem earlier by as long as it slept."""
    slept = [0]
    world = World()
    driver = world.actor(Caller(), mono_ns=lambda: time.monotonic_ns() + slept[0])

    def hears(ns: int) -> int:
        """The start of a bus, its clock so far behind the log's; how far behind the driver takes the log then."""
        before, e = driver.log_time(), next(world.bus.committed(0))
        driver._waiting.append(msgspec.structs.replace(e, seq=driver.progress.cursor + 1, ts_ns=before - ns, event=BusStarted(2, 0)))
        driver.pump(0.0)
        return round((before - driver.log_time()) / 1e9)

    def awake(ns: int) -> None:
        for _ in range(ns // 100_000_000):
            slept[0] += 100_000_000
            driver.pump(0.0)

    slept[0] += 3_000_000_000
    assert hears(3_000_000_000) == 0, "late, or elsewhere: nobody can say"
    awake(2_000_000_000)
    assert hears(3_600_000_000_000) == 3_600
