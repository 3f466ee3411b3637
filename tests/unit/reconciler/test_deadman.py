"""When the dead man's switch falls: a router away in log time, a bus away in time this process lived through."""

from __future__ import annotations

import pytest

from services.reconciler.core import ReconcilerCore
from services.reconciler.deadman import BusWatch
from services.reconciler.settings import ReconcilerSettings
from shared.events import BusStarted, HaltRequested, LeaseEnded, LeaseGranted, OrdersCanceledDirectly, OrderSending, RunStarted, Scope
from tests.unit.order_router.world import SECOND, World, approved, client, kinds, log_started, only, terms

AFTER_S = 15.0


def world(*, order: bool = True, after_s: float = AFTER_S) -> World:
    """A router that holds its lease, and an order of ours at the broker."""
    core = ReconcilerCore(ReconcilerSettings(router_away_ns=round(after_s * SECOND), interval_ns=0))
    w = World(core, "reconciler").given(
        log_started(), LeaseGranted("reconciler", "h", 1), RunStarted("reconciler", 1, "f"), LeaseGranted("order_router", "r", 1)
    )
    return w.given(approved(), OrderSending("ma:1:1", "ma", client(), terms(), w.now + SECOND)) if order else w


def gone(w: World) -> World:
    return w.given(LeaseEnded("order_router", 1, expired=True))


def halts(w: World, after_s: float) -> list[HaltRequested]:
    return [e for e in w.tick(after_s) if type(e) is HaltRequested]


def swept(halt: HaltRequested) -> OrdersCanceledDirectly:
    return OrdersCanceledDirectly(halt.command, "router", 1, 1, (), (), 0, "", 0)


def test_a_router_away_for_so_long_halts_once() -> None:
    w = gone(world())
    assert not halts(w, AFTER_S - 0.1)
    (halt,) = halts(w, 0.2)
    assert (halt.operator, halt.scope, halt.key) == ("reconciler", Scope.GLOBAL, "")
    assert "router was away for 15 s" in halt.reason
    assert not halts(w, 10 * AFTER_S)


def test_a_router_that_is_back_in_time_halts_nothing() -> None:
    w = gone(world())
    w.tick(AFTER_S - 1)
    w.given(LeaseGranted("order_router", "r", 2))
    assert not halts(w, 10 * AFTER_S)


def test_nothing_at_the_broker_is_no_reason_to_halt() -> None:
    assert not halts(gone(world(order=False)), 2 * AFTER_S)


def test_switched_off_it_never_falls() -> None:
    assert not halts(gone(world(after_s=0)), 1_000)


@pytest.mark.parametrize("back", [BusStarted(2, 5), LeaseGranted("reconciler", "h", 2)])
def test_time_in_which_nobody_could_see_the_router_does_not_count(back: BusStarted | LeaseGranted) -> None:
    w = gone(world())
    w.when(back, 100 * AFTER_S)
    assert not halts(w, AFTER_S - 0.1)
    assert halts(w, 0.2)


def test_each_absence_has_a_halt_of_its_own() -> None:
    w = gone(world())
    (first,) = halts(w, AFTER_S)
    w.given(swept(first), LeaseGranted("order_router", "r", 2), LeaseEnded("order_router", 2, expired=False))
    (second,) = halts(w, AFTER_S)
    assert second.command != first.command


def test_a_halt_whose_sweep_nobody_told_of_is_asked_again_by_the_successor() -> None:
    w = gone(world())
    (first,) = halts(w, AFTER_S)
    restored = ReconcilerCore(ReconcilerSettings(router_away_ns=round(AFTER_S * SECOND)))
    restored.restore(w.core.snapshot())
    w.core = restored
    again = only(w.when(LeaseGranted("reconciler", "h", 2)), HaltRequested)
    assert again.command != first.command
    w.given(swept(again))
    assert "HaltRequested" not in kinds(w.when(LeaseGranted("reconciler", "h", 3)))


def falls(silences: list[tuple[float, float]], after_s: float = 5.0) -> list[float]:
    """Steps (now, silence of the bus) at which it fell."""
    watch = BusWatch(after_s)
    return [now for now, silent in silences if watch.step(now, silent)]


def test_a_silent_bus_is_away_after_so_long_and_again_after_as_long_once_more() -> None:
    assert falls([(t, float(t)) for t in range(12)]) == [5, 10]


def test_a_bus_that_answers_is_not_away() -> None:
    assert not falls([(float(t), t % 4) for t in range(40)])


def test_a_bus_that_was_never_there_counts_too() -> None:
    assert falls([(float(t), float("inf")) for t in range(8)]) == [5]


def test_a_process_that_was_frozen_has_lived_through_nothing() -> None:
    assert not falls([(0.0, 0.1), (1.0, 1.1), (600.0, 600.1), (601.0, 0.1)])
