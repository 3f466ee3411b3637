"""The real SPY minutes through the real processes in lock-step: two runs are the same, order for order and fill for fill, and so is one in
which every service, the bus included, is killed at random moments."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from shared.bus.verify import verify
from shared.events import Envelope, OrderApproved, OrderDenied, OrderFilled, OrderIntent, OrderSending
from tests.support.stack import ROOT, SERVICES, Stack, config_of

DATA = ROOT.parent / "shared" / "data" / "minute" / "SPY.bars.csv.gz"
KINDS = (OrderIntent, OrderApproved, OrderDenied, OrderSending, OrderFilled)

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data beside the repository (real SPY minutes)"),
    pytest.mark.timeout(900),
]


def story(stack: Stack) -> list[tuple[object, ...]]:
    """Orders and fills in order, without what names this log (log id, seq)."""

    def told(e: Envelope) -> tuple[object, ...]:
        event = e.event
        if isinstance(event, OrderSending):
            return ("sending", event.order_id, event.terms, event.client_order_id.partition("-")[2])
        return (type(event).__name__, e.ts_ns, event)

    return [told(e) for e in stack.events(*KINDS)]


def replayed(directory: Path, name: str, seed: int | None = None) -> tuple[list[tuple[object, ...]], Counter[str]]:
    """One run to the end of the feed. seed: kill at random moments."""
    path = directory / name
    config = config_of("replay.yaml", path, gateway__feed__end="2013-10-07T20:00:00Z")
    kills: Counter[str] = Counter()
    with Stack(config, path).start() as stack:
        rng = random.Random(seed)
        victims = list(SERVICES) * 2
        rng.shuffle(victims)

        def trouble() -> None:
            if seed is not None and len(stack.alive()) == len(SERVICES) and rng.random() < 0.5 and victims:
                victim = victims.pop()
                stack.kill(victim)
                kills[victim] += 1
            stack.revive()

        stack.wait(stack.ended, f"replay {name}", trouble)
        statuses = stack.stop()
        assert set(statuses.values()) == {0}, f"{statuses}\n{stack.tails()}"
        assert verify(stack.journal).clean
        return story(stack), kills


def test_two_replays_and_one_full_of_kills_are_the_same(tmp_path: Path) -> None:
    seed = 20131004
    first, _ = replayed(tmp_path, "one")
    assert sum(kind[0] == "OrderFilled" for kind in first) > 20
    second, _ = replayed(tmp_path, "two")
    assert first == second
    third, kills = replayed(tmp_path, "killed", seed)
    assert set(kills) == set(SERVICES), f"seed {seed}: not everybody was killed: {kills}"
    assert first == third, f"seed {seed}"
