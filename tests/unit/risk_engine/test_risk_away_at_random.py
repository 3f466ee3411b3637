"""Any commands in any order, said while no run of the risk engine is there: they end as if risk had been there, and are carried out once."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal as D
from random import Random
from typing import Any

import pytest

from services.risk_engine.core import SOURCE
from shared.events import (
    AccountOpened,
    CancelApproved,
    CancelRequested,
    ClaimRequested,
    Event,
    FlattenRequested,
    HaltRequested,
    LimitChanged,
    Reason,
    ReduceRequested,
    ResumeRequested,
    RunStarted,
    Scope,
    StrategyChanged,
    StrategyFailed,
    TradingStateChanged,
)
from tests.support.risk_desk import CLEAN, RiskDesk

from .away import folded

ENTRY = {"name": "buy_and_hold", "params": {"symbol": "X", "quantity": 5}, "symbols": ["X"]}
SCOPES = [(Scope.GLOBAL, ""), (Scope.STRATEGY, "a"), (Scope.STRATEGY, "b"), (Scope.SYMBOL, "X")]


def at_work() -> RiskDesk:
    """Three strategies that hold and work, and something of nobody's."""
    strategies = [{"id": name, "symbols": ["X", "Y"], "budget": 100_000} for name in "abc"]
    desk = RiskDesk(clock="wall", strategies=strategies, missed_ms_max=10**9, ready=False)
    desk.tell(AccountOpened("acc", "USD", D(1_000_000), D(1_000_000), ("X",), (D(50),), (D(90),)))
    desk.tell(CLEAN)
    desk.quote("X", 99.0, 101.0)
    desk.quote("Y", 49.0, 51.0)
    desk.hold(20, strategy="a")
    desk.hold(-10, symbol="Y", strategy="b", price=50)
    desk.buy(3, 90, strategy="a")
    desk.sell(2, 120, strategy="a")
    desk.buy(4, 91, strategy="b")
    return desk


def command(rng: Random, n: int) -> Event:
    (scope, key), name, who = rng.choice(SCOPES), rng.choice("abc"), (f"c{n}", "ann", "drill")
    kinds: list[Callable[[], Event]] = [
        lambda: HaltRequested(*who, scope, key),
        lambda: ReduceRequested(*who, scope, key),
        lambda: ResumeRequested(*who, scope, key),
        lambda: StrategyFailed(name, 1, "on_bar", "ZeroDivisionError"),
        lambda: LimitChanged(
            *who, "limits.max_notional", rng.choice(["500", "700", ""]), 0, *rng.choice([(Scope.GLOBAL, ""), (Scope.STRATEGY, name)])
        ),
        lambda: StrategyChanged(*who, name, "add", json.dumps({**ENTRY, "id": name, "budget": rng.choice(["1000", "600000", "800000"])})),
        lambda: StrategyChanged(*who, name, "remove", ""),
        lambda: StrategyChanged(*who, name, "set", json.dumps({"params": {"quantity": rng.randint(1, 9)}})),
        lambda: ClaimRequested(*who, "X", name, rng.choice(["", "10", "60", "-5"])),
        lambda: CancelRequested(*who, rng.choice(["a:1:2", "b:1:2"])),
        lambda: FlattenRequested(*who, rng.choice(["X", "Y", ""])),
    ]
    return rng.choice(kinds)()


def standing(desk: RiskDesk) -> dict[str, Any]:
    d = desk.core.desk
    return {
        "states": (d.states.mode, d.states.modes),
        "limits": {name: o.new for name, o in d.overrides.standing.items()},
        "strategies": {name: (e.outcome, e.definition, e.budget) for name, e in d.revisions.standing.items()},
        "cash": {name: book.cash for name, book in d.ledger.books.items() if book.cash},
        "held": {name: {s: p.quantity for s, p in book.positions.items() if p.quantity} for name, book in d.ledger.books.items()},
        "flattened": d.flattening.state.symbols,
        "works": {symbol: d.value.line(symbol) for symbol in "XY"},
    }


def cancelled(events: list[Event]) -> list[str]:
    return [e.order_id for e in events if isinstance(e, CancelApproved)]


@pytest.mark.parametrize("seed", range(20))
def test_they_end_as_if_risk_had_been_there(seed: int) -> None:
    rng = Random(seed)
    away, there, said = at_work(), at_work(), list[Event]()
    for n in range(rng.randint(2, 12)):
        asked = command(rng, n)
        said += there.tell(asked)
        folded(away, asked)
    if seed % 2:
        away.core = away.restarted()

    begun = away.tell(RunStarted(SOURCE, 2, "g"))
    said += there.tell(RunStarted(SOURCE, 2, "g"))

    assert standing(away) == standing(there)
    assert sorted(cancelled(begun)) == sorted(set(cancelled(said))), "each once"
    again = away.tell(RunStarted(SOURCE, 3, "h"))
    assert [e for e in again if not (isinstance(e, TradingStateChanged) and e.reason is Reason.DISARMED)] == []
