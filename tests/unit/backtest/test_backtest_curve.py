"""The curve is the account, moment by moment: against a ledger and the risk engine's own prices folded event by event."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from services.backtest.main import run_backtest
from services.risk_engine.prices import Prices, PriceState
from shared.config import load
from shared.domain.ledger import Ledger
from shared.events import Bar, Envelope, Quote, Trade
from shared.metrics.record import Curve, RunRecord

AGE_MS = 45_000  # quotes every 30 s, bars every minute: both kinds of mark occur


def tree(**feed: object) -> dict[str, object]:
    cross = {"name": "moving_average_cross", "params": {"fast_period": 2, "slow_period": 5, "quantity": 3}}
    return {
        "live": {
            "broker": "paper",
            "symbols": ["ABC", "XYZ"],
            "calendar": "24x7",
            "strategies": [{"id": "one", **cross}, {"id": "two", **cross, "symbols": ["XYZ"]}],
            "risk": {"quote_age_ms_max": AGE_MS},
        },
        "gateway": {"feed": {"kind": "synthetic", "minutes": 90, "quotes_per_minute": 1, "trades_per_minute": 2, **feed}},
        "paper": {"commission_model": "ib_fixed"},
    }


def brute(log: list[Envelope], budgets: dict[str, object], strategy: str | None) -> list[tuple[int, float, float]]:
    """(moment, equity, cash) after everything of that moment."""
    ledger, prices = Ledger(budgets), Prices(AGE_MS * 1_000_000, PriceState())  # type: ignore[arg-type]  # Decimals
    points: dict[int, tuple[float, float]] = {}
    moments = {e.ts_ns for e in log if isinstance(e.event, Bar | Quote | Trade)}
    for e in log:
        if type(e.event) in prices.store:
            prices.store[type(e.event)](e)
        ledger.apply(e.event)
        if e.ts_ns in moments:
            book = ledger.book(strategy) if strategy else None
            held = {s: p.quantity for s, p in book.positions.items()} if book else ledger.positions()
            cash = float(book.cash if book else ledger.cash)
            points[e.ts_ns] = (cash + sum(float(q) * (prices.mark(s, float(q)) or 0.0) for s, q in held.items() if q), cash)
    return [(ns, *values) for ns, values in points.items()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, list[Envelope]]:
    path = tmp_path_factory.mktemp("curve") / "curve.yaml"
    path.write_text(yaml.safe_dump(tree()))
    log: list[Envelope] = []
    return run_backtest(load(path, env={}), sink=log.append), log


@pytest.mark.parametrize("strategy", [None, "one", "two"])
def test_every_point_is_cash_and_holdings_at_the_marks_risk_uses(run: tuple[RunRecord, list[Envelope]], strategy: str | None) -> None:
    record, log = run
    curve: Curve = record.by_strategy[strategy] if strategy else record.curve
    expected = brute(log, dict.fromkeys(record.by_strategy, record.initial_capital / 2), strategy)
    assert list(curve.times) == [ns for ns, _, _ in expected]
    assert list(curve.equity) == pytest.approx([equity for _, equity, _ in expected], rel=1e-12)
    assert list(curve.cash) == pytest.approx([cash for _, _, cash in expected], rel=1e-12)


def test_totals_are_the_ledgers(run: tuple[RunRecord, list[Envelope]]) -> None:
    record, _ = run
    assert len(record.fills) > 10
    assert record.curve.equity[-1] == pytest.approx(float(record.final_equity), rel=1e-12)
    assert record.curve.cash[-1] == pytest.approx(float(record.final_cash), rel=1e-12)
    assert sum(c.equity[-1] for c in record.by_strategy.values()) == pytest.approx(float(record.final_equity), rel=1e-12)
    assert record.fees == sum(fill.fee for fill in record.fills)


def test_gross_is_at_least_the_size_of_net(run: tuple[RunRecord, list[Envelope]]) -> None:
    curve = run[0].curve
    assert all(gross >= abs(net) - 1e-9 for gross, net in zip(curve.gross, curve.net, strict=True))
    assert max(curve.gross) > 0


def test_orders_and_counts_agree(run: tuple[RunRecord, list[Envelope]]) -> None:
    record, _ = run
    assert record.counts["intents"] == len(record.orders) == record.counts["approved"] + record.counts["denied"]
    assert record.counts["filled"] == len(record.fills)
    by_id = {order.order_id: order for order in record.orders}
    for fill in record.fills:
        assert by_id[fill.order_id].submitted_ns <= fill.ts_ns
    ended = [order for order in record.orders if order.status == "filled"]
    assert all(order.filled == order.quantity and order.ended_ns for order in ended)


def test_the_path_is_no_part_of_the_config_hash(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        path = tmp_path / name / "curve.yaml"
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(tree(minutes=10)))
        hashes.add(run_backtest(load(path, env={})).config_hash)
    assert len(hashes) == 1
