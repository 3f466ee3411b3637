"""How a run ends: the strategies are told, and what still works is shown as working."""

from __future__ import annotations

from services.backtest.main import run_backtest
from shared.events import Envelope, OrderStatus, StrategyLogged, StrategyStopped
from tests.unit.backtest.conftest import Configure, WriteBars, walk


def test_on_stop_runs_and_a_working_order_is_left(configure: Configure, write_bars: WriteBars) -> None:
    write_bars("ABC", walk(4, 20))
    log: list[Envelope] = []
    record = run_backtest(configure(strategy={"path": "tests.support.simple_strategies:SaysGoodbye"}), sink=log.append)
    said = [e.event for e in log if isinstance(e.event, StrategyLogged | StrategyStopped)]
    assert [type(event).__name__ for event in said] == ["StrategyLogged", "StrategyStopped"]
    (order,) = record.orders
    assert (order.status, order.ended_ns) == (OrderStatus.NEW, 0)
    assert record.final_equity == record.initial_capital


def test_two_runs_leave_the_same_record(configure: Configure, write_bars: WriteBars) -> None:
    write_bars("ABC", walk(5, 200))
    cross = {"name": "moving_average_cross", "params": {"fast_period": 2, "slow_period": 5, "quantity": 3}}
    one, two = (run_backtest(configure(strategy=cross)) for _ in range(2))
    assert one.fills == two.fills
    assert len(one.fills) > 10
    assert one.orders == two.orders
    assert one.curve == two.curve
    assert (one.config_hash, one.data_hash) == (two.config_hash, two.data_hash)
