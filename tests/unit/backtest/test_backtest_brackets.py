"""A backtest with brackets and OCO pairs from strategy to venue: what trades, trades within its group; the auditor has nothing to say."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.auditor.core import AuditorCore
from services.auditor.settings import AuditorSettings
from shared.domain.order_fold import OrderFold
from shared.domain.order_group import ENTRY, EXITS
from shared.events import Alert, Envelope, OrderApproved, OrderCanceled, OrderFilled
from tests.unit.backtest.whole_run import by_engine, config_at

LOG_ID = "0123456789abcdef"


def tree() -> dict[str, Any]:
    """Entries larger than what a quote shows, so that they fill in parts; exits a few ticks away, so that they trade."""
    return {
        "live": {
            "broker": "paper",
            "symbols": ["ABC"],
            "calendar": "24x7",
            "strategies": [{"id": "one", "path": "tests.support.bracket_strategies:Bracketeer", "params": {"quantity": 400}}],
            "risk": {"quote_age_ms_max": 60_000, "position_notional_max": 1_000_000, "limits": {"max_notional": 500_000}},
        },
        "bus": {"clock": "feed"},
        "gateway": {"feed": {"kind": "synthetic", "minutes": 400, "quotes_per_minute": 2, "trades_per_minute": 3}},
        "paper": {"partial_fills": True, "initial_cash": 5_000_000},
    }


def test_exits_trade_what_their_entry_did_and_no_more_and_the_auditor_is_silent(tmp_path: Path) -> None:
    log = by_engine(config_at(tmp_path, tree()), LOG_ID)
    roles: dict[str, tuple[str, str]] = {}
    filled: dict[str, Counter[str]] = defaultdict(Counter)
    ends: Counter[str] = Counter()
    for e in log:
        event = e.event
        if isinstance(event, OrderApproved):
            roles[event.order_id] = (event.group, "entry" if event.group_role == ENTRY else "exit" if event.group_role in EXITS else "oco")
        elif isinstance(event, OrderFilled):
            group, role = roles[event.order_id]
            filled[group][role] += event.quantity  # type: ignore[assignment]  # exact counts
            assert filled[group]["exit"] <= filled[group]["entry"] or role == "oco", group
            assert filled[group]["oco"] <= 400, group
        elif isinstance(event, OrderCanceled):
            ends["unsent" if "its group ended" in event.text else "sent"] += 1

    closed = [group for group, done in filled.items() if done["entry"] and done["entry"] == done["exit"]]
    assert len(closed) > 10, "brackets came to their end"
    assert ends["sent"] > 10, "the other exit went with the one that traded"
    assert Counter(type(e.event).__name__ for e in log)["OrderReplaced"] > 5, "stops followed their entries"
    assert _held(log) == _expected(log)
    assert _alarms(log) == []


def _held(log: list[Envelope]) -> Decimal:
    """What all fills come to."""
    return sum((e.event.quantity * (1 if e.event.side == "buy" else -1) for e in log if isinstance(e.event, OrderFilled)), Decimal(0))


def _expected(log: list[Envelope]) -> Decimal:
    """What every fold of the orders says is held: never short."""
    fold = OrderFold()
    for e in log:
        fold.apply(e.event, e.ts_ns)
    held = sum((o.filled if o.terms.side == "buy" else -o.filled for o in fold.orders.values()), Decimal(0))
    assert held >= 0
    return held


def _alarms(log: list[Envelope]) -> list[str]:
    """Invariants an auditor that reads this log finds broken."""
    auditor, alarms = AuditorCore(AuditorSettings()), []
    for e in log:
        alarms += [o.text for o in auditor.decide(e) if isinstance(o, Alert) and o.key.startswith("invariant:")]
        auditor.apply(e)
    return alarms
