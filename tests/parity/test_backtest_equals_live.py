"""The same file through the backtest and through the real processes in lock-step: every event of every actor is the same, order for order, fill
for fill, id for id, time for time. On the real SPY and IBM minutes, with every end an order can have and with every built-in strategy."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from services.backtest.main import run_backtest
from shared.config import load
from shared.events import Envelope, HealthReported, LogStarted, OrderDenied, OrderFilled, Reason
from tests.support.stack import ROOT, Stack, config_of

DATA = ROOT.parent / "shared" / "data" / "minute"

pytestmark = pytest.mark.skipif(
    not (DATA / "IBM.bars.csv.gz").exists(), reason="needs ../shared/data beside the repository (real SPY and IBM minutes)"
)

LOOK_S: Final = 1.0
LOOKS: Final = 4
OWN: Final = "tests.support.parity_strategies:"
STRATEGIES: Final[list[dict[str, Any]]] = [
    {"id": "probe", "path": f"{OWN}Probe", "symbols": ["SPY"]},
    {"id": "rival", "path": f"{OWN}Rival", "symbols": ["SPY", "IBM"]},
    {"id": "breaker", "path": f"{OWN}Breaker", "symbols": ["IBM"]},
    {"id": "cross", "name": "moving_average_cross", "params": {"fast_period": 5, "slow_period": 15, "quantity": 10}, "warmup_bars": 10},
    {"id": "hold", "name": "buy_and_hold", "params": {"symbol": "IBM", "quantity": 3}},
    {
        "id": "pair",
        "name": "pairs_trading",
        "params": {"symbol_a": "SPY", "symbol_b": "IBM", "lookback": 30, "entry_z": 1.5, "exit_z": 0.5, "base_qty": 5, "allow_short": False},
    },
    {"id": "shape", "name": "harmonic_pattern", "params": {"symbol": "SPY", "pivot_threshold_pct": 0.001, "tolerance": 0.4, "order_qty": 5}},
]
CHANGES: Final[dict[str, Any]] = {
    "live__symbols": ["SPY", "IBM"],
    "live__strategies": STRATEGIES,
    "live__risk__limits": {
        "order_qty_max": 4_000,
        "max_position": 3_190,
        "max_notional": 600_000,
        "position_notional_max": 600_000,
        "max_position_pct": 0.6,
        "max_drawdown": 0.2,
    },
    "gateway__feed__end": "2013-10-04T20:00:00Z",
    "paper__initial_cash": 1_000_000,
    "initial_capital": 1_000_000,
    "data": None,
    "instruments": {symbol: {"tick_size": 0.01, "lot_size": 1, "calendar": "XNYS"} for symbol in ("SPY", "IBM")},
}


@dataclass
class Story:
    """opening: before the data set the time, where the order is that in which processes came up; told: all after it."""

    opening: list[tuple[str, int, int, int, str]] = field(default_factory=list)
    told: list[tuple[str, int, int, int, str]] = field(default_factory=list)


def story(log: Iterable[Envelope]) -> Story:
    """What every actor and the venue said, in order, without what names one log: its id (part of client order ids), its sequence numbers, which
    count the auditor's words too, and leases."""
    found = Story()
    log_id = ""
    for e in log:
        if isinstance(e.event, LogStarted):
            log_id = e.event.log_id[:6]
        if e.source.startswith("control."):
            break  # a backtest ends as a supervised session does, with `SystemStopped`; the stack of a test is only ended
        mine = e.source.startswith(("strategy.", "risk_engine", "order_router", "reconciler", "gateway", "venue."))
        if mine and not e.source.endswith((".health", ".session")):
            words = (e.source, e.run, e.n, e.ts_ns, repr(e.event).replace(f"{log_id}-", ""))
            (found.told if e.ts_ns else found.opening).append(words)
    return found


def settled(stack: Stack) -> Callable[[], bool]:
    """Whether nothing was journaled over LOOKS looks, but reports of health."""
    seen: list[int] = []

    def quiet() -> bool:
        seen.append(sum(not isinstance(e.event, HealthReported) for e in stack.events()))
        time.sleep(LOOK_S)
        return len(seen) >= LOOKS and len(set(seen[-LOOKS:])) == 1

    return quiet


def test_backtest_and_live_processes_tell_the_same_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGIMEFLOW_DATA", str(DATA.parent))
    config = config_of("replay.yaml", tmp_path, **CHANGES)
    log: list[Envelope] = []
    record = run_backtest(load(config), sink=log.append)
    ours = story(log)
    with Stack(config, tmp_path).start() as stack:
        stack.wait(stack.ended, "replay", stack.revive)
        stack.wait(settled(stack), "what follows the last row")
        statuses = stack.stop()
        assert set(statuses.values()) == {0}, f"{statuses}\n{stack.tails()}"
        theirs = story(stack.events())
    assert sorted(ours.opening) == sorted(theirs.opening)
    for number, (mine, live) in enumerate(zip(ours.told, theirs.told, strict=False)):
        assert mine == live, f"word {number} of {len(ours.told)} and {len(theirs.told)}"
    assert len(ours.told) == len(theirs.told)
    assert_complete(log)
    assert record.counts["filled"] == sum(isinstance(e.event, OrderFilled) for e in log)


def assert_complete(log: list[Envelope]) -> None:
    """The run held what it was made for."""
    kinds = Counter(type(e.event).__name__ for e in log)
    for kind in ("OrderDenied", "OrderCanceled", "OrderExpired", "OrderFilled", "CancelIntent"):
        assert kinds[kind], f"no {kind}: {kinds}"
    fills = [e.event for e in log if isinstance(e.event, OrderFilled)]
    assert any(fill.leaves > 0 for fill in fills), "no partial fill"
    assert {fill.strategy for fill in fills} >= {"probe", "rival", "cross", "hold", "pair"}
    assert any(fill.order_id == "probe:1:5" and fill.side == "sell" for fill in fills), "the stop was not hit"
    denied = {(e.event.strategy, e.event.reason) for e in log if isinstance(e.event, OrderDenied)}
    broken = {reason for strategy, reason in denied if strategy == "breaker"}
    assert broken == {Reason.ORDER_NOTIONAL, Reason.PRICE_COLLAR, Reason.OFF_TICK, Reason.SHORT_SALE, Reason.DUPLICATE_ORDER}
    assert ("probe", Reason.ORDER_QUANTITY) in denied
    assert ("rival", Reason.POSITION) in denied, "the rival got the limit"
    assert ("probe", Reason.POSITION) not in denied, "the probe did not get the limit"
