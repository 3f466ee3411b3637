"""A strategy cannot trade on what it could not know: a bar is told at its end, and an order made then meets only what comes after."""

from __future__ import annotations

import pytest

from services.backtest.main import run_backtest
from shared.events import Bar, Envelope, Quote, Trade
from tests.support.simple_strategies import Peeker
from tests.unit.backtest.conftest import Configure, WriteBars, walk


@pytest.fixture(autouse=True)
def _forget() -> None:
    Peeker.seen.clear()
    Peeker.decided.clear()
    Peeker.filled.clear()


@pytest.mark.parametrize("bar_mode", ["close_only", "open_only", "intrabar_ohlc"])
def test_an_order_on_a_close_never_fills_in_that_bar(configure: Configure, write_bars: WriteBars, bar_mode: str) -> None:
    rows = walk(3, 60)
    write_bars("ABC", rows)
    log: list[Envelope] = []
    loaded = configure(strategy={"path": "tests.support.simple_strategies:Peeker"}, execution={"simulation": {"bar_mode": bar_mode}})
    run_backtest(loaded, sink=log.append)
    bars = [e for e in log if isinstance(e.event, Bar)]
    by_end = {e.event.end: i for i, e in enumerate(bars) if isinstance(e.event, Bar)}
    assert all(e.ts_ns >= e.event.end for e in bars if isinstance(e.event, Bar))
    assert len(Peeker.filled) > 20
    for order_id, at, price in Peeker.filled:
        following = rows[by_end[Peeker.decided[order_id]] + 1]
        assert at >= Peeker.decided[order_id]
        assert price == (following[3] if bar_mode == "close_only" else following[0])
    assert Peeker.seen == []


def test_nothing_a_strategy_can_look_at_is_later_than_now(configure: Configure) -> None:
    log: list[Envelope] = []
    feed = {"feed": {"kind": "synthetic", "minutes": 60, "quotes_per_minute": 3}}
    live = {"broker": "paper", "symbols": ["ABC"]}
    strategy = {"path": "tests.support.simple_strategies:Peeker"}
    loaded = configure(data_source="synthetic", data=None, live=live, gateway=feed, strategy=strategy)
    run_backtest(loaded, sink=log.append)
    assert len(Peeker.filled) > 20
    assert Peeker.seen == []
    for e in log:
        if isinstance(e.event, Quote | Trade):
            assert e.ts_ns >= e.event.timestamp
