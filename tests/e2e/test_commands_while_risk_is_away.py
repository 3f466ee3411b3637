"""Risk killed with SIGKILL, an operator's flatten while it is gone, risk back: as the same run, too late for what it says then, and as another run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from services.backtest.replay_run import replay
from services.control.main import main
from services.live.asking import Auditor
from shared.config import load
from shared.events import CancelApproved, Envelope, FlattenRequested, OrderAbandoned, OrderAccepted, OrderApproved, RunStarted, TradingStateChanged
from shared.runtime.places import Places
from tests.support.stack import ROOT, Stack, config_of

DEADLINE_MS = 1_000


def hold(id_: str, symbol: str) -> dict[str, object]:
    return {"id": id_, "name": "buy_and_hold", "params": {"symbol": symbol, "quantity": 25}, "symbols": [symbol], "budget": 40_000}


LADDER = {"id": "ladder", "path": f"{ROOT / 'tests' / 'support' / 'ladder.py'}:Ladder", "symbols": ["ACME"], "budget": 10_000, "params": {"rungs": 3}}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    changes = {"live__strategies": [hold("one", "GLOBEX"), hold("two", "ACME"), LADDER], "live__risk__deadline_ms": DEADLINE_MS}
    config = config_of("paper.yaml", tmp_path, **changes, live__risk__collar_bps=None, gateway__feed__quotes_per_minute=2)
    running = Stack(config, tmp_path)
    yield running.start()
    running.stop()


def held(stack: Stack) -> dict[str, str]:
    """Holdings of the account, by symbol."""
    auditor = Auditor(Places.of(load(stack.config, offline=True).config))
    try:
        rows = (auditor.try_ask("positions", 5.0) or {}).get("positions", ())
    finally:
        auditor.close()
    return {row["symbol"]: row["quantity"] for row in rows if row["quantity"] != "0"}


def laddered(stack: Stack, before: int = sys.maxsize) -> set[str]:
    """The ladder's orders the venue took, before that sequence number."""
    return {e.event.order_id for e in stack.events(OrderAccepted) if e.event.strategy == "ladder" and e.seq < before}


def flatten(stack: Stack, symbol: str) -> Envelope:
    """The command as the journal has it."""
    assert main(("flatten", "--symbol", symbol, "--reason", "e2e", "--config", str(stack.config))) == 0
    (said,) = (e for e in stack.events(FlattenRequested) if e.event.symbol == symbol)
    return said


def closed_once(stack: Stack, symbol: str) -> list[str]:
    """Risk's closing orders of a symbol: each but the last was abandoned before another was approved, however slow the machine was."""
    closings = [e for e in stack.events(OrderApproved) if e.event.strategy == "risk" and e.event.terms.symbol == symbol]
    over = {e.event.order_id: e.seq for e in stack.events(OrderAbandoned)}
    assert all(over[a.event.order_id] < b.seq for a, b in pairwise(closings))
    assert closings[-1].event.order_id not in over
    return [e.event.order_id for e in closings]


def test_a_flatten_said_while_risk_is_dead_is_carried_out_when_it_is_back(stack: Stack) -> None:
    stack.wait(lambda: held(stack) == {"GLOBEX": "25", "ACME": "25"}, "both hold", stack.revive)
    stack.wait(lambda: len(laddered(stack)) >= 3, "the ladder stands", stack.revive)

    for name in ("one", "two"):  # which would buy again what they are flattened of
        assert main(("halt", "--strategy", name, "--reason", "e2e", "--config", str(stack.config))) == 0
    stack.wait(lambda: {e.event.key for e in stack.events(TradingStateChanged)} >= {"one", "two"}, "both are halted", stack.revive)

    stack.kill("risk_engine")
    said = flatten(stack, "GLOBEX")
    late = said.ts_ns + DEADLINE_MS * 1_000_000
    stack.wait(lambda: any(e.ts_ns > late for e in stack.events()), "too late for it")
    stack.start("risk_engine")
    stack.wait(lambda: held(stack) == {"ACME": "25"}, "GLOBEX is flat", stack.revive)
    first, *anew = closed_once(stack, "GLOBEX")
    assert first == "risk:1:1", "as of the command"
    assert anew, "once the router had let that go"

    stack.kill("risk_engine")
    said = flatten(stack, "ACME")
    tree = yaml.safe_load(stack.config.read_text())
    tree["live"]["risk"]["duplicate_order_count_max"] = 7
    stack.config.write_text(yaml.safe_dump(tree))
    stack.start("risk_engine")
    stack.wait(lambda: not held(stack), "ACME is flat", stack.revive)

    assert [e.event.name_run for e in stack.events(RunStarted) if e.event.name == "risk_engine"] == [1, 2]
    assert closed_once(stack, "ACME")[0] == "risk:2:1", "another run said it"
    assert laddered(stack, said.seq) <= {e.event.order_id for e in stack.events(CancelApproved)}, "its orders in ACME went with it"
    stack.stop()
    assert replay(stack.journal, load(stack.config, offline=True)).identical
