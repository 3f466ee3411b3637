"""A backtest is the live lock-step: the same events with the same numbers, times, names and causes as the bus and its drivers give."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from shared.events import AccountReported, LogStarted, OrderFilled
from tests.unit.backtest.conftest import WriteBars, walk
from tests.unit.backtest.whole_run import by_bus, by_engine, config_at

_CROSS = {"name": "moving_average_cross", "params": {"fast_period": 3, "slow_period": 8, "quantity": 5}}


_BRACKETS = {
    "strategies": [
        {"id": "one", "path": "tests.support.bracket_strategies:Bracketeer", "params": {"quantity": 400}, "symbols": ["ABC"]},
        {"id": "two", "path": "tests.support.bracket_strategies:Bracketeer", "params": {"quantity": 600, "entry": "limit"}, "symbols": ["XYZ"]},
    ],
    "risk": {"quote_age_ms_max": 60_000, "position_notional_max": 1_000_000, "limits": {"max_notional": 500_000}},
}


def tree(**changes: Any) -> dict[str, Any]:
    """Two strategies on two made symbols, reading and marking often, so that clock, venue, books and orders interleave."""
    return {
        "live": {
            "broker": "paper",
            "symbols": ["ABC", "XYZ"],
            "calendar": "24x7",
            "strategies": [
                {"id": "one", **_CROSS, "warmup_bars": 5},
                {"id": "two", **_CROSS, "symbols": ["XYZ"]},
            ],
            "risk": {"quote_age_ms_max": 60_000, "mark_interval_ms": 20_000, "limits": {"max_position": 8}},
            "order_reconcile_interval_ms": 90_000,
            **changes.pop("live", {}),
        },
        "bus": {"clock": "feed"},
        "gateway": {"feed": {"kind": "synthetic", "minutes": 150, "quotes_per_minute": 2, "trades_per_minute": 3, **changes.pop("feed", {})}},
        "paper": {"commission_model": "ib_tiered", **changes},
    }


CASES: dict[str, dict[str, Any]] = {
    "quotes": {},
    "late_orders": {"latency_ms": 1_500, "partial_fills": True},
    "bars": {"volume_share_max": 0.02, "slippage_model": "fixed_bps", "slippage_params": {"bps": 2}},
    "stops": {
        "live": {
            "risk": {
                "quote_age_ms_max": 60_000,
                "stop_loss": {"enable": True, "pct": 0.002},
                "trailing_stop": {"enable": True, "pct": 0.002},
                "atr_stop": {"enable": True, "window": 5, "multiplier": 3},
                "time_stop": {"enable": True, "max_holding_seconds": 900},
            }
        }
    },
    "brackets": {"partial_fills": True, "initial_cash": 5_000_000, "live": _BRACKETS},
    "late_brackets": {"latency_ms": 1_500, "volume_share_max": 0.02, "initial_cash": 5_000_000, "live": _BRACKETS},
    "short_days": {"account_kind": "cash", "feed": {"calendar": "XNYS", "start": "2024-01-03T20:00:00Z"}, "live": {"calendar": "XNYS"}},
}


@pytest.mark.parametrize("case", CASES)
def test_whole_runs_are_the_same_event_by_event(tmp_path: Path, case: str) -> None:
    bus = by_bus(config_at(tmp_path, tree(**deepcopy(CASES[case]))))
    opening = bus[0].event
    assert isinstance(opening, LogStarted)
    engine = by_engine(config_at(tmp_path, tree(**deepcopy(CASES[case]))), opening.log_id)
    for ours, theirs in zip(engine, bus, strict=False):
        assert ours == theirs
    assert len(engine) == len(bus)
    kinds = Counter(type(e.event).__name__ for e in engine)
    assert kinds["OrderFilled"] > 5
    assert kinds["OrderDenied"] > 0 or case != "quotes"
    exits = [e.event for e in engine if isinstance(e.event, OrderFilled) and e.event.order_id.startswith("risk:")]
    assert len(exits) > 2 or case != "stops"
    waits = [bool(e.event.unsettled) for e in engine if isinstance(e.event, AccountReported)]
    assert (True in waits and False in waits[waits.index(True) :]) == (case == "short_days"), "proceeds settle with the second date"
    assert kinds["OrderReplaced"] > 0 or "brackets" not in case  # the stops that followed their entries


@pytest.mark.parametrize(
    "risk",
    [
        pytest.param({"mark_interval_ms": 300_000}, id="no limit near"),
        pytest.param({"mark_interval_ms": 300_000, "max_drawdown": 0.0005, "drawdown_state": "reducing"}, id="a limit near"),
        pytest.param({"mark_interval_ms": 0, "strategy_day_loss_max": 60}, id="watched twice"),
    ],
)
def test_bars_alone_mostly_concern_nobody_and_are_the_same_all_the_same(tmp_path: Path, write_bars: WriteBars, risk: dict[str, Any]) -> None:
    for seed, symbol in enumerate(("ABC", "XYZ")):
        write_bars(symbol, walk(seed, 700))
    feed = {"kind": "files", "data_directory": str(tmp_path)}
    asked = tree(live={"risk": risk})
    asked["gateway"]["feed"] = feed
    bus = by_bus(config_at(tmp_path, asked))
    opening = bus[0].event
    assert isinstance(opening, LogStarted)
    assert by_engine(config_at(tmp_path, asked), opening.log_id) == bus
    kinds = Counter(type(e.event).__name__ for e in bus)
    assert kinds["OrderFilled"] > 5
    assert (kinds["LimitBreached"] > 0) is (set(risk) != {"mark_interval_ms"})
