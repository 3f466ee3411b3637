"""The bus and the drivers under seeded faults: nothing lost, nothing twice, every actor equal to the fold of the log; then convergence."""

from __future__ import annotations

from collections import Counter

import pytest

from shared.bus.port import ClockMode
from shared.bus.record import envelope_of
from shared.bus.server import BusSettings
from shared.events import Alert, Bar, Envelope, RunStarted
from shared.runtime.simulated import Faults, World
from tests.sim.toys import ROSTER, Answerer, facts, toy_parts

BARS = 60
SEEDS = 20
SECOND = 1_000_000_000
ACTORS = (("r", "risk_engine"), ("a", "auditor"))


def world_of(seed: int, clock: ClockMode, faults: Faults | None = None) -> World:
    world = World(seed, BusSettings(clock, roster=ROSTER), toy_parts(BARS, clock is ClockMode.FEED), faults or Faults())
    if faults is None:
        world.faults = Faults.drawn(world.rng)
    return world


def log_of(world: World) -> list[Envelope]:
    return [envelope_of(r) for r in world.store.rows]


def done(world: World) -> bool:
    """Every bar is in the log, and every answer that follows from it."""
    if sum(r.tag == Bar.TAG for r in world.store.rows) < BARS:
        return False
    said = Counter(r.source for r in world.store.rows if r.tag == Alert.TAG)
    return all(said[source] == folded(world, name, source)[1] for name, source in ACTORS)


def check_safety(world: World) -> None:
    """At every step: dense order, each name once, times never back."""
    rows = world.store.rows
    assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
    names = Counter((r.source, r.run, r.n) for r in rows)
    assert not [name for name, count in names.items() if count > 1]
    last: Counter[tuple[str, int]] = Counter()
    for r in rows:
        assert r.n == last[(r.source, r.run)] + 1
        last[(r.source, r.run)] = r.n
    times = [r.ts_ns for r in rows]
    assert times == sorted(times)


def settle(world: World, seed: int) -> None:
    for _ in range(30):
        world.run_for(SECOND // 10)
        check_safety(world)
    world.calm()
    assert world.run_until(lambda: len(world.drivers()) == 3 and done(world), 60 * SECOND), (
        f"seed {seed}: no convergence, have {len(world.store.rows)} rows"
    )
    check_safety(world)


def folded(world: World, name: str, source: str) -> tuple[Answerer, int]:
    """The state an actor must have, and the answers it must have given, from the log alone: before its run began it only folds."""
    core, answers, running = Answerer(name), 0, False
    for e in log_of(world):
        if isinstance(e.event, RunStarted) and e.event.name == source:
            running = True
        if isinstance(e.event, Bar):
            outputs = core.decide(e) if running else ()
            core.apply(e)
            answers += len(outputs)
            for o in outputs:
                core.apply(Envelope(0, e.ts_ns, o.topic, source, 1, 0, e.seq, 0, o))
    return core, answers


@pytest.mark.parametrize("seed", range(SEEDS))
def test_wall_clock_runs_lose_and_double_nothing(seed: int) -> None:
    print(f"seed {seed}")
    world = world_of(seed, ClockMode.WALL)
    settle(world, seed)

    def caught_up() -> bool:
        return len(world.drivers()) == len(ROSTER) and all(d.progress.cursor >= world.store.head_seq - 5 for d in world.drivers())

    assert world.run_until(caught_up, 20 * SECOND), f"seed {seed}"
    drivers = {driver.source: driver for driver in world.drivers()}
    for name, source in ACTORS:
        driver = drivers[source]
        assert driver.core.snapshot() == folded(world, name, source)[0].snapshot()


def lockstep_log(seed: int, faults: Faults | None) -> list[tuple[str, int, object]]:
    world = world_of(seed, ClockMode.FEED, faults)
    settle(world, seed)
    return facts(log_of(world))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_lock_step_is_the_same_run_whatever_fails(seed: int) -> None:
    print(f"seed {seed}")
    assert lockstep_log(seed, None) == lockstep_log(10**6, Faults())


def test_every_fault_class_fires() -> None:
    fired: Counter[str] = Counter()
    for seed in range(20):
        world = world_of(seed, ClockMode.WALL)
        world.run_for(20 * SECOND)
        fired += world.fired
    assert set(fired) >= {"lose", "repeat", "pause", "snapshot", "crash actor", "crash bus", "fenced", "successor", "leaseheld"}
