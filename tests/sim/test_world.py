"""The whole engine under seeded faults: 200 seeds of `make sim`, every seed that ever failed, and proof that every fault and kill point came."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sim.batch import again, kept, missing
from tests.sim.runs import Run, run

SEEDS = 200
A_TEST = 10
_fired: Counter[str] = Counter()
_seen: Counter[str] = Counter()
_done: list[int] = []


@pytest.mark.parametrize("seed", [900_001, 900_002, 900_003])
def test_without_faults_everything_agrees_and_nobody_complains(seed: int) -> None:
    it = Run(seed, plain=True)
    verdict = it.verdict()

    assert not verdict.broken, again(verdict)
    assert not it.model.alerts
    assert verdict.seen["OrderFilled"] > 5
    assert verdict.seen["OrderUnknown"] == 0


@pytest.mark.parametrize("first", range(0, SEEDS, A_TEST))
def test_nothing_unsafe_happens_and_all_converges(first: int) -> None:
    for seed in range(first, first + A_TEST):
        verdict = run(seed)
        assert not verdict.broken, again(verdict)
        _fired.update(verdict.fired)
        _seen.update(verdict.seen)
        _done.append(seed)


@pytest.mark.parametrize("seed", kept())
def test_a_seed_that_failed_once_holds(seed: int) -> None:
    verdict = run(seed)
    assert not verdict.broken, again(verdict)
    _fired.update(verdict.fired)
    _seen.update(verdict.seen)


def test_every_fault_and_kill_point_came() -> None:
    if len(_done) < SEEDS:
        pytest.skip("speaks of the whole batch")
    assert missing(_fired, _seen) == []


def test_a_seed_is_the_same_run_every_time() -> None:
    def log(seed: int) -> list[object]:
        it = Run(seed)
        it.verdict()
        return [*it.stack.journal.rows, sorted(it.world.fired.items())]

    assert log(7) == log(7)


def test_what_breaks_is_named_with_its_seed() -> None:
    it = Run(4)
    it.model.limits.cap = 5

    verdict = it.verdict()

    assert verdict.broken.startswith("I9")
    assert "tests.sim.runs 4" in again(verdict)
