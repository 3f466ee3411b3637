"""Strategies as processes meet them: one that raises, one that blocks, workers that die and hand over. The others never notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.bus.verify import verify
from shared.events import LeaseGranted, OrderIntent, StrategyBlocked, StrategyFailed
from tests.support.stack import ROOT, SERVICES, Stack, config_of

FILE = ROOT / "tests" / "support" / "strategies.py"

pytestmark = pytest.mark.timeout(900)


def entry(name: str, cls: str, symbol: str = "ACME") -> dict[str, object]:
    return {"id": name, "path": f"{FILE}:{cls}", "symbols": [symbol], "budget": 10_000, "callback_ms_max": 1_000}


def stack_with(directory: Path, *entries: dict[str, object], **changes: object) -> Stack:
    config = config_of("paper.yaml", directory, live__strategies=list(entries), live__risk__limits__max_orders_per_second=50, **changes)
    return Stack(config, directory)


def intents(stack: Stack, strategy: str) -> list[str]:
    return [e.event.order_id for e in stack.events(OrderIntent) if e.event.strategy == strategy]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = stack_with(tmp_path, entry("steady", "Steady"), entry("raises", "Raises", "GLOBEX"), entry("blocks", "Blocks", "GLOBEX"))
    yield running.start()
    running.stop()


def test_a_strategy_that_raises_or_blocks_is_stopped_alone(stack: Stack) -> None:
    stack.wait(lambda: any(True for _ in stack.events(StrategyFailed)), "the failure", stack.revive)
    stack.wait(lambda: any(True for _ in stack.events(StrategyBlocked)), "the block", stack.revive)
    before = len(intents(stack, "steady"))
    stack.wait(lambda: len(intents(stack, "steady")) >= before + 4, "the others go on", stack.revive)
    (failed,) = list(stack.events(StrategyFailed))
    assert failed.event.strategy == "raises"
    assert "ZeroDivisionError" in failed.event.text
    blocked = list(stack.events(StrategyBlocked))
    assert {e.event.strategy for e in blocked} == {"blocks"}
    assert len(blocked) == 1, "its successor was given the same event again"
    said = intents(stack, "steady")  # once: it goes on
    assert said == [f"steady:1:{n}" for n in range(1, len(said) + 1)]
    for strategy, journaled in (("raises", failed), ("blocks", blocked[0])):
        late = [e for e in stack.events(OrderIntent) if e.event.strategy == strategy and e.cause > journaled.seq]
        assert not late, "it was called again"


def test_a_second_worker_takes_over_what_the_first_left(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, entry("one", "Steady"), entry("two", "Steady", "GLOBEX"), bus__lease_ms=4_000)
    try:
        stack.start()
        stack.wait(lambda: bool(intents(stack, "one")) and bool(intents(stack, "two")), "both trade")
        stack.start("strategy_runner-2")
        stack.kill("strategy_runner")
        before = {name: len(intents(stack, name)) for name in ("one", "two")}
        stack.wait(lambda: all(len(intents(stack, name)) > before[name] + 1 for name in before), "the second goes on")
        holders = {e.event.name: e.event.holder for e in stack.events(LeaseGranted)}
        assert holders["strategy.one"] == holders["strategy.two"] == "strategy_runner-2"
        for name in before:
            said = intents(stack, name)
            assert said == [f"{name}:1:{n}" for n in range(1, len(said) + 1)], "the order ids go on"
        assert set(stack.alive()) >= set(SERVICES) - {"strategy_runner"}
    finally:
        stack.stop()
    assert verify(stack.journal).clean
