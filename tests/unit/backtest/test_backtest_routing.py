"""Routing in a backtest: the same core works orders in parts; the books, the venue and whoever checks them agree."""

from __future__ import annotations

from decimal import Decimal

from services.backtest.main import run_backtest
from shared.events import Envelope, OrderFilled, OrderRouted, OrderSending, ReconcileCompleted
from tests.unit.backtest.conftest import Configure, WriteBars, walk

SPLIT = {"enabled": True, "venues": [{"name": "lit", "weight": 0.6}, {"name": "mid", "weight": 0.4}], "split": {"enabled": True, "min_child_qty": 1}}


def test_orders_in_parts_end_at_the_same_holdings_and_every_reading_agrees(configure: Configure, write_bars: WriteBars) -> None:
    write_bars("ABC", walk(5, 120))
    cross = {"name": "moving_average_cross", "params": {"fast_period": 2, "slow_period": 5, "quantity": 10}}
    log: list[Envelope] = []
    whole = run_backtest(configure(strategy=cross))
    split = run_backtest(configure(strategy=cross, execution={"routing": SPLIT}), sink=log.append)

    events = [e.event for e in log]
    routed = [e for e in events if isinstance(e, OrderRouted)]
    assert len(routed) > 10
    assert all([c.terms.quantity for c in e.children] == [6, 4] for e in routed)
    sent = {e.order_id for e in events if isinstance(e, OrderSending)}
    assert sent == {c.order_id for e in routed for c in e.children}
    fills = [e for e in events if isinstance(e, OrderFilled)]
    assert all(e.child in sent and e.order_id in {r.order_id for r in routed} for e in fills)
    readings = [e for e in events if isinstance(e, ReconcileCompleted)]
    assert readings
    assert all(e.clean for e in readings)
    assert split.final_equity == whole.final_equity
    assert sum((f.quantity for f in split.fills), Decimal(0)) == sum((f.quantity for f in whole.fills), Decimal(0))
