"""Protective stops in a backtest, worked out on paper: each exit leaves at the bar that met it and fills at the next bar's open."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from services.backtest.main import run_backtest
from shared.events import OrderSide
from shared.strategy.orders import Fill
from tests.support.simple_strategies import AllIn
from tests.unit.backtest.conftest import Configure, Row, WriteBars

BUY_AND_HOLD = {"path": "tests.support.simple_strategies:AllIn", "params": {"margin": 9_000}}  # 10 units at 100
STOPS: dict[str, tuple[dict[str, Any], list[float], int]] = {
    # stop, closes, bar whose close meets it; bought at the open of bar 1
    "fixed": ({"stop_loss": {"enable": True, "pct": 0.05}}, [100, 100, 95.01, 95, 99, 99], 3),
    "gap through": ({"stop_loss": {"enable": True, "pct": 0.05}}, [100, 100, 60, 61, 62, 62], 2),
    "trailing": ({"trailing_stop": {"enable": True, "pct": 0.1}}, [100, 100, 120, 109, 108, 111], 4),
    "range": ({"atr_stop": {"enable": True, "window": 2, "multiplier": 2}}, [100, 100, 98, 95.9, 99, 99], 3),
    "time": ({"time_stop": {"enable": True, "max_holding_seconds": 120}}, [100, 100, 100, 100, 100, 100], 2),
}


def bars(closes: list[float]) -> list[Row]:
    """Flat bars of a range of 2 around the close, opened where the last one closed."""
    opens = [closes[0], *closes[:-1]]
    return [(o, max(o, c, c + 1), min(o, c, c - 1), c, 1000.0) for o, c in zip(opens, closes, strict=True)]


@pytest.mark.parametrize("name", STOPS)
def test_an_exit_leaves_at_the_bar_that_met_it(name: str, write_bars: WriteBars, configure: Configure) -> None:
    stops, closes, met = STOPS[name]
    write_bars("ABC", bars(closes))
    record = run_backtest(configure(strategy=BUY_AND_HOLD, risk={"quote_age_ms_max": 120_000, **stops}))
    bought, sold = record.fills
    assert (bought.side, sold.side) == (OrderSide.BUY, OrderSide.SELL)
    assert sold.strategy == bought.strategy
    assert (sold.quantity, sold.price) == (bought.quantity, Decimal(str(closes[met])))  # the next bar opens at this close
    assert sold.ts_ns - bought.ts_ns == met * 60_000_000_000  # bought at the open of bar 1, sold at that of bar met + 1
    assert record.final_equity == record.final_cash


class Listener(AllIn):
    """Buys once, and writes down what it is told of fills and what it holds then."""

    heard: list[tuple[str, str, float]] = []  # noqa: RUF012 - read by the test, which starts one run at a time

    def on_fill(self, fill: Fill) -> None:
        self.heard.append((fill.order_id, fill.side.value, self.ctx.get_position(fill.symbol)))


def test_the_strategy_hears_the_exit_as_its_own_fill(write_bars: WriteBars, configure: Configure) -> None:
    Listener.heard.clear()
    stops, closes, _ = STOPS["fixed"]
    write_bars("ABC", bars(closes))
    listener = {"id": "ear", "path": "tests.unit.backtest.test_backtest_stops:Listener", "params": {"margin": 9_000}}
    run_backtest(configure(strategy=listener, risk={"quote_age_ms_max": 120_000, **stops}))
    assert Listener.heard == [("ear:1:1", "buy", 10.0), ("risk:1:1", "sell", 0.0)]
