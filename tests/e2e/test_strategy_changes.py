"""Strategies added, set and removed while the real processes run: they trade, they survive kills, and replay tells the same story."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.backtest.replay_run import replay
from services.control.main import main
from shared.config import load
from shared.events import LeaseGranted, OrderFilled, OrderIntent, RunStarted, StrategyRevised, StrategyStarted
from tests.support.stack import Stack, config_of

HOLD = {"id": "hold", "name": "buy_and_hold", "params": {"symbol": "GLOBEX", "quantity": 25}, "symbols": ["GLOBEX"], "budget": 50_000}
SWING = ("--id", "swing", "--name", "moving_average_cross", "--params", "fast_period=2", "--params", "slow_period=3", "--params", "quantity=1")

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(
        config_of("paper.yaml", tmp_path, live__strategies=[HOLD], gateway__feed__quotes_per_minute=2, gateway__feed__trades_per_minute=1), tmp_path
    )
    yield running.start()
    running.stop()


def ask(*command: str) -> tuple[int, str]:
    """Exit status, and what was said."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        status = main(command)
    return status, said.getvalue()


def lives(stack: Stack) -> dict[str, Any]:
    """By strategy: (state, in force from)."""
    return {row["strategy"]: (row["state"], row["in_force_from"]) for row in stack.view("status").get("strategies", ())}


def books(stack: Stack) -> dict[str, Decimal]:
    rows = stack.view("positions").get("positions", ())
    return {b["owner"]: Decimal(b["quantity"]) for row in rows if row["symbol"] == "GLOBEX" for b in row["books"]}


def changed(stack: Stack, *command: str) -> int:
    """A change that is made: the sequence number it is in force from. Who is slow to answer may not have when the command is over."""
    status, said = ask("strategy", *command, "--reason", "e2e", "--json", "--config", str(stack.config))
    assert status == 0, said
    told = json.loads(said)
    stack.wait(lambda: told["command"] in answers(stack), f"{command} is answered", stack.revive)
    since = answers(stack)[told["command"]]
    assert told["outcome"] is None or told["outcome"]["in_force_from"] == since
    return since


def answers(stack: Stack) -> dict[str, int]:
    """By command: from where it is in force."""
    return {e.event.command: e.event.since for e in stack.events(StrategyRevised)}


def trades_after(stack: Stack, strategy: str, run: int, seq: int) -> bool:
    ids = (e.event.order_id for e in stack.events(OrderIntent) if e.seq > seq and e.event.strategy == strategy)
    return any(order_id.startswith(f"{strategy}:{run}:") for order_id in ids)


def head(stack: Stack) -> int:
    return max((e.seq for e in stack.events()), default=0)


def test_strategies_come_change_and_go_while_the_stack_runs_and_is_killed(stack: Stack) -> None:
    stack.wait(lambda: books(stack) == {"hold": 25}, "hold holds", stack.revive)
    status, said = ask("strategy", "add", *SWING, "--symbols", "ACME", "--budget", "60000", "--reason", "e2e", "--config", str(stack.config))
    assert (status, "60000 is more than the 50000 that is unassigned" in said) == (1, True), said

    since = changed(stack, "add", *SWING, "--symbols", "ACME", "--budget", "20000", "--warmup-bars", "5")
    stack.wait(lambda: any(e.event.strategy == "swing" for e in stack.events(OrderFilled)), "swing trades", stack.revive)
    stack.wait(lambda: lives(stack) == {"hold": ("running", None), "swing": ("running", since)}, "both run", stack.revive)

    since = changed(stack, "set", "swing", "slow_period=4")
    stack.kill("strategy_runner")
    stack.kill("risk_engine")
    stack.start("risk_engine", "strategy_runner")
    stack.wait(lambda: trades_after(stack, "swing", 2, since), "swing trades as another run", stack.revive)

    gone_at = changed(stack, "remove", "hold")
    for name in list(stack.processes):
        stack.kill(name)
    at = head(stack)
    stack.start()
    stack.wait(lambda: trades_after(stack, "swing", 2, at), "swing trades on in the same run", stack.revive)
    stack.wait(lambda: books(stack) == {"unassigned": 25}, "what hold held is nobody's", stack.revive)
    stack.wait(lambda: lives(stack) == {"hold": ("removed", gone_at), "swing": ("running", since)}, "one runs", stack.revive)
    assert not [e for e in stack.events(LeaseGranted) if e.seq > gone_at and e.event.name == "strategy.hold"], "the file lists it; nobody begins it"

    back = changed(stack, "add", "--id", "hold")
    stack.wait(lambda: trades_after(stack, "hold", 2, back), "hold begins anew", stack.revive)
    runs = [(e.event.name, e.event.name_run) for e in stack.events(RunStarted) if e.event.name.startswith("strategy.")]
    assert runs == [("strategy.hold", 1), ("strategy.swing", 1), ("strategy.swing", 2), ("strategy.hold", 2)]
    assert [e.event.strategy_run for e in stack.events(StrategyStarted) if e.event.strategy == "swing"] == [1, 2]

    stack.stop()
    assert replay(stack.journal, load(stack.config, offline=True)).identical
