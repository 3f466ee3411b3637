"""The proof that the simulator would find something: each mutation of the real engine is caught, and within how many seeds is printed."""

from __future__ import annotations

import pytest

from tests.sim.mutations import MUTATIONS, Mutation
from tests.sim.runs import run

SEEDS_MAX = 500


@pytest.mark.timeout(900)  # one waits for a rare pair of faults
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.__name__)
def test_a_broken_engine_is_caught(mutation: Mutation) -> None:
    for seed in range(SEEDS_MAX):
        with mutation():
            verdict = run(seed)
        if verdict.broken:
            print(f"{mutation.__name__}: seed {seed}: {verdict.broken}")
            return
    pytest.fail(f"{SEEDS_MAX} seeds and nobody noticed: {mutation.__doc__}")
