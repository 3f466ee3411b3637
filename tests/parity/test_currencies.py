"""An instrument in euros on an account in dollars, with a rate that moves: the backtest, the real processes in lock-step and the journal decided again
give the same orders, the same fills and the same money of each currency, to the last digit, a kill of every service that reckons with it included."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any, Final

import pytest

from services.backtest.main import run_backtest
from services.backtest.replay_run import replay
from shared.config import load
from shared.domain.ledger import Ledger
from shared.events import AccountReported, Alert, CurrencyRate, Envelope, FillCorrected, OrderDenied, OrderFilled, ReconcileCompleted, StrategyLogged
from tests.parity.test_backtest_equals_live import settled, story
from tests.support.stack import Stack, config_of

SEED: Final = 20_260_301
MINUTES: Final = 80
START: Final = datetime(2024, 3, 4, 14, 0, tzinfo=UTC)
OWN: Final = "tests.support.currency_strategies:Abroad"
PRICES: Final = {
    "SAP": (180.0, 2, 0.0008),
    "ACME": (50.0, 2, 0.0008),
    "EURUSD": (1.0845, 5, 0.0004),
    "USDJPY": (150.1, 3, 0.0004),
    "SONY": (13_000.0, 0, 0.0008),
    "VOD": (70.0, 2, 0.0008),
}
KILLED: Final = ("risk_engine", "gateway", "strategy_runner", "auditor")


def write_data(directory: Path) -> None:
    """A walk of each symbol, bars of a minute."""
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    for symbol, (price, places, step) in PRICES.items():
        rows, close = ["timestamp,open,high,low,close,volume"], price
        for minute in range(MINUTES):
            begin, close = close, round(close * (1 + draw.gauss(0, step)), places)
            high, low = max(begin, close), min(begin, close)
            rows.append(f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},{begin},{high},{low},{close},{draw.randint(5_000, 20_000)}")
        (directory / f"{symbol}.csv").write_text("\n".join(rows) + "\n")


def configured(directory: Path) -> Path:
    data = directory / "data"
    data.mkdir()
    write_data(data)
    forex = {"tick_size": 0.001, "lot_size": 1000, "calendar": "24x7", "asset_class": "forex"}
    changes: dict[str, Any] = {
        "live__symbols": list(PRICES),
        "live__calendar": "24x7",
        "live__strategies": [{"id": name.lower(), "path": OWN, "symbols": [name]} for name in ("SAP", "SONY", "VOD", "ACME")],
        "live__risk__short_allowed": True,
        "live__risk__limits": {"order_qty_max": 10_000, "max_notional": 60_000, "max_position_pct": 0.9, "max_drawdown": 0.5},
        "gateway__feed": {"kind": "files", "data_directory": str(data), "file_pattern": "{symbol}.csv", "has_header": True, "bar_timestamp": "start"}
        | {"bar_type": "1m"},
        "instruments": {
            "SAP": {"currency": "EUR", "multiplier": 5, "calendar": "24x7"},
            "SONY": {"currency": "JPY", "tick_size": 1, "calendar": "24x7"},
            "VOD": {"currency": "GBP", "calendar": "24x7"},
            "ACME": {"calendar": "24x7"},
            "EURUSD": {**forex, "tick_size": 0.00001},
            "USDJPY": {**forex, "currency": "JPY"},
        },
        "currencies": {"EUR": {"pair": "EURUSD"}, "JPY": {"pair": "USDJPY", "inverse": True}, "GBP": {"rate": 1.27}},
        "paper__balances": {"EUR": 500},
        "data": None,
    }
    return config_of("replay.yaml", directory, **changes)


def books(log: list[Envelope], budgets: dict[str, D]) -> Ledger:
    ledger = Ledger(budgets)
    for e in log:
        ledger.apply(e.event)
    return ledger


@pytest.mark.timeout(900)
def test_backtest_processes_and_replay_agree_on_every_currency(tmp_path: Path) -> None:
    config = configured(tmp_path)
    loaded = load(config)
    log: list[Envelope] = []
    record = run_backtest(loaded, sink=log.append)
    ours = story(log)
    with Stack(config, tmp_path).start() as stack:
        stack.wait(lambda: any(stack.events(OrderFilled)), "the first fill", stack.revive)
        for victim in KILLED:
            stack.kill(victim)
            stack.revive()
        stack.wait(stack.ended, "the feed's end", stack.revive)
        stack.wait(settled(stack), "what follows the last row")
        assert set(stack.stop().values()) == {0}, stack.tails()
        live = list(stack.events())
    theirs = story(live)
    for number, (mine, other) in enumerate(zip(ours.told, theirs.told, strict=False)):
        assert mine == other, f"word {number} of {len(ours.told)} and {len(theirs.told)}"
    assert len(ours.told) == len(theirs.told)

    budgets = loaded.config.budgets(loaded.config.paper.initial_cash)
    ledger = books(live, budgets)
    assert ledger.to_state() == books(log, budgets).to_state()
    assert record.exchange is not None
    assert (record.final_cash, record.exchange.balances) == (ledger.cash, ledger.balances())
    newest = [e.event for e in live if isinstance(e.event, AccountReported)][-1]
    assert {row.currency for row in newest.balances} == {"EUR", "GBP", "JPY"}, "the clean readings are of all of them"
    assert not [e.event for e in live if isinstance(e.event, Alert) and e.event.key.startswith("invariant:")]
    assert all(e.event.clean for e in live if isinstance(e.event, ReconcileCompleted))

    decided = replay(stack.journal, loaded)
    assert decided.divergence is None
    assert {run.source for run in decided.runs if run.decided} >= {"strategy.sap", "risk_engine", "order_router", "gateway"}
    assert_complete(live)


def assert_complete(log: list[Envelope]) -> None:
    """The run held what it was made for."""
    fills = [e.event for e in log if isinstance(e.event, OrderFilled)]
    assert not [e for e in log if isinstance(e.event, FillCorrected)]
    assert {fill.symbol for fill in fills} == {"SAP", "SONY", "VOD", "ACME"}
    for symbol in ("SAP", "SONY", "VOD"):
        assert {fill.side for fill in fills if fill.symbol == symbol} == {"buy", "sell"}
    rates = [e.event for e in log if isinstance(e.event, CurrencyRate)]
    assert len({rate.rate for rate in rates if rate.currency == "EUR"}) > MINUTES / 2
    assert {rate.currency for rate in rates} == {"EUR", "JPY", "GBP"}
    assert any(isinstance(e.event, StrategyLogged) and "EUR" in e.event.text for e in log)
    denied = [e.event for e in log if isinstance(e.event, OrderDenied)]
    assert len(denied) < len(fills)
