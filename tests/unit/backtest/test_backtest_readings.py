"""Buying power in a backtest is as fresh as live: an account that is traded whole many times a day is never denied for yesterday's figure."""

from __future__ import annotations

from services.backtest.main import run_backtest
from shared.events import AccountReported, Envelope, OrderFilled, ReconcileCompleted
from tests.unit.backtest.conftest import Configure, WriteBars, walk


def test_a_strategy_that_turns_its_cash_over_all_day_is_not_denied(configure: Configure, write_bars: WriteBars) -> None:
    write_bars("ABC", walk(8, 400))
    cross = {"name": "moving_average_cross", "params": {"fast_period": 2, "slow_period": 4, "quantity": 80}}
    log: list[Envelope] = []
    limits = {"max_position_pct": 2, "max_leverage": 2}
    record = run_backtest(configure(strategy=cross, risk={"limits": limits}), sink=log.append)
    assert record.denials == {}
    assert record.counts["filled"] > 40
    last_fill = max(e.seq for e in log if isinstance(e.event, OrderFilled))
    assert any(e.seq > last_fill and isinstance(e.event, AccountReported) for e in log)
    readings = [e.event for e in log if isinstance(e.event, ReconcileCompleted)]
    assert all(reading.clean for reading in readings)
    assert len(readings) <= record.counts["filled"] + 5
