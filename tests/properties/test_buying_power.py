"""Risk's buying power is the venue's after every fill, without a reading of the account: it folds our own fills as the venue counts them."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from services.backtest.engine import Engine
from services.backtest.main import run_backtest
from services.risk_engine.core import SOURCE, RiskCore
from shared.domain.exact import ZERO, of_float
from shared.events import AccountReported, Bar, Envelope, OrderFilled, OrderSide, OrderType, ReconcileCompleted
from shared.strategy import Order, Strategy
from shared.strategy.context import Context
from shared.venue.account import totals
from shared.venue.market import Market
from tests.unit.backtest.conftest import Configure, WriteBars, configure, walk, write_bars

__all__ = ["configure", "write_bars"]  # fixtures of the backtest's tests

BARS: Final = 300
MULTIPLIERS: Final = {"ABC": 1, "FUT": 5}


class _At:
    """The venue's own multipliers at other marks."""

    def __init__(self, market: Market, marks: dict[str, Decimal]) -> None:
        self.mark, self.multiplier = marks.get, market.multiplier


class Turner(Strategy):
    """Buys, sells and turns over by dice, often more than the account carries. account: whether it looks at it."""

    def initialize(self, ctx: Context) -> None:
        self.ctx = ctx
        self.dice = random.Random(ctx.params["seed"])

    def on_bar(self, bar: Bar) -> None:
        if self.dice.random() < 0.4:
            side = self.dice.choice((OrderSide.BUY, OrderSide.SELL))
            self.ctx.submit_order(Order(bar.symbol, side, OrderType.MARKET, self.dice.randint(1, 60)))
        if self.ctx.params.get("looks"):
            assert self.ctx.account.buying_power >= 0


def changes(kind: str, seed: int, **params: object) -> dict[str, Any]:
    path = f"{__name__ if __name__.startswith('tests.') else f'tests.properties.{Path(__file__).stem}'}:Turner"
    limits = dict.fromkeys(("max_position_pct", "max_gross_exposure", "max_net_exposure", "max_leverage", "max_drawdown", "daily_loss_limit_pct"))
    return {
        "symbols": list(MULTIPLIERS),
        "instruments": {symbol: {"calendar": "24x7", "multiplier": m} for symbol, m in MULTIPLIERS.items()},
        "strategy": {"path": path, "params": {"seed": seed, **params}},
        "risk": {"short_allowed": True, "duplicate_order_window_ms": 0, "buying_power_fraction_max": 1, "limits": limits},
        "paper": {"account_kind": kind, "commission_model": "fixed", "commission_params": {"amount": 1.07}},
    }


class Compared:
    """After whatever is settled: risk's figure against the venue's arithmetic at risk's marks, and against the venue's own word where both have
    seen the same prices and nothing works."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.after_fills = self.own_words = self.fills = self.readings = 0
        self._fresh = False
        settle = Engine.settle

        def settled(engine: Engine) -> None:
            settle(engine)
            self.look(engine)

        patch.setattr(Engine, "settle", settled)

    def told(self, e: Envelope) -> None:
        if isinstance(e.event, OrderFilled):
            self.fills += 1
            self._fresh = True
        self.readings += isinstance(e.event, ReconcileCompleted)

    def look(self, engine: Engine) -> None:
        risk = next(member.core for member in engine._members if member.source == SOURCE)
        assert isinstance(risk, RiskCore)
        desk, venue = risk._desk, engine._venue.core
        if desk.ledger.cash == 0:
            return  # before the account is opened
        marks = {symbol: of_float(both[0]) for symbol in MULTIPLIERS if (both := desk.prices.marks(symbol)) is not None}
        counted = totals(venue.settings, venue._clerk.account, {}, _At(venue.market, marks))
        assert max(desk.buying_power(), ZERO) == counted.buying_power
        assert desk.value.equity() == counted.equity
        self.after_fills += self._fresh
        self._fresh = False
        if not venue.open_orders() and all(venue.market.mark(symbol) == mark for symbol, mark in marks.items()):
            assert max(desk.buying_power(), ZERO) == venue.account().buying_power
            self.own_words += 1


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["cash", "margin"])
def test_it_is_the_venues_after_every_fill(
    kind: str, seed: int, configure: Configure, write_bars: WriteBars, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, symbol in enumerate(MULTIPLIERS):
        write_bars(symbol, walk(100 * seed + n, BARS, 40.0))
    compared = Compared(monkeypatch)
    record = run_backtest(configure(**changes(kind, seed)), sink=compared.told)
    assert compared.after_fills > 40
    assert compared.own_words > 1
    assert compared.fills > 20 * compared.readings, "it is asked for by every fill"
    assert "buying_power" in record.denials, "the account was never used up"
    assert "insufficient_buying_power" not in str([order.reason for order in record.orders]), "risk approved what the venue cannot carry"


def test_a_strategy_that_looks_at_the_account_has_it_read_after_every_fill(configure: Configure, write_bars: WriteBars) -> None:
    for n, symbol in enumerate(MULTIPLIERS):
        write_bars(symbol, walk(n, BARS, 40.0))
    fresh = True

    def told(e: Envelope) -> None:
        nonlocal fresh
        if isinstance(e.event, OrderFilled):
            fresh = False
        elif isinstance(e.event, AccountReported):
            fresh = True
        elif isinstance(e.event, Bar):
            assert fresh, f"a bar at {e.ts_ns} after a fill that is in no reading"

    assert run_backtest(configure(**changes("margin", 7, looks=True)), sink=told).counts["filled"] > 40
