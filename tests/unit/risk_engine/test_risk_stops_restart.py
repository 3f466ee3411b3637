"""Stops and exits over a restart anywhere."""

from __future__ import annotations

import random
from decimal import Decimal as D

import pytest

from services.risk_engine.core import RiskCore
from shared.events import (
    Bar,
    Event,
    OrderApproved,
    OrderRejected,
    OrderSide,
)
from shared.runtime.actor import state_hash
from tests.support.risk_desk import BUY, SELL, RiskDesk, replayed

FIXED = {"stop_loss_pct": "0.05"}


TRAILING = {"trailing_stop_pct": "0.1"}


ATR = {"atr_window": 3, "atr_multiplier": 2}


TIMED = {"max_holding_seconds": 60}


def exits(outputs: list[Event]) -> list[tuple[str, str, OrderSide, D]]:
    return [(e.order_id, e.strategy, e.terms.side, e.terms.quantity) for e in outputs if isinstance(e, OrderApproved)]


def bar(desk: RiskDesk, low: float, high: float, close: float, symbol: str = "X") -> list[Event]:
    desk.wait(1000)
    return desk.tell(Bar(symbol, desk.now - 1, desk.now, close, high, low, close, 5.0))


@pytest.mark.parametrize("stops", [FIXED, TRAILING, ATR, TIMED, FIXED | TRAILING | ATR | TIMED], ids="+".join)
@pytest.mark.parametrize("seed", range(3))
def test_a_restart_anywhere_changes_nothing(stops: dict[str, object], seed: int) -> None:
    """Peak, range, entry time, the exit under way and its retry come back: every answer after any restart is the straight run's."""
    desk = eventful(stops, seed)
    assert sum(len(exits([event])) for event in desk.told if isinstance(event, OrderApproved) and event.order_id.startswith("risk:")) >= 3
    straight = RiskCore(desk.settings)
    assert [e for envelope in desk.log for e in replayed(straight, envelope)] == desk.told
    for cut in range(0, len(desk.log), 23):
        first, second = RiskCore(desk.settings), RiskCore(desk.settings)
        before = [e for envelope in desk.log[:cut] for e in replayed(first, envelope)]
        second.restore(first.snapshot())
        assert before + [e for envelope in desk.log[cut:] for e in replayed(second, envelope)] == desk.told
        assert state_hash(second) == state_hash(straight)


def eventful(stops: dict[str, object], seed: int) -> RiskDesk:
    """Two strategies in and out of two symbols, with exits that fill whole, in part, not at all or after a while; no book ever turns over by them."""
    rng = random.Random(seed)
    desk = RiskDesk(stops=stops)
    prices, working = {"X": 100.0, "Y": 50.0}, list[OrderApproved]()
    for _ in range(260):
        desk.wait(rng.choice((100, 4000, 20_000)))
        symbol, strategy = rng.choice("XY"), rng.choice("ab")
        prices[symbol] = round(prices[symbol] * rng.uniform(0.96, 1.038), 2)
        price, act = prices[symbol], rng.random()
        if act < 0.5:
            told = desk.quote(symbol, price, round(price + 0.02, 2))
        elif act < 0.65:
            told = bar(desk, round(price * 0.99, 2), round(price * 1.01, 2), price, symbol)
        elif act < 0.8 or not working:
            told = [desk.order(rng.choice((BUY, SELL)), rng.randint(1, 40), symbol=symbol, strategy=strategy)]
        else:
            told = end_one(desk, working, rng, prices)
        working += [e for e in told if isinstance(e, OrderApproved)]
    return desk


def end_one(desk: RiskDesk, working: list[OrderApproved], rng: random.Random, prices: dict[str, float]) -> list[Event]:
    order = working.pop(rng.randrange(len(working)))
    terms, held = order.terms, desk.core._desk.ledger.quantity(order.strategy, order.terms.symbol)
    if rng.random() < 0.2:
        return desk.tell(OrderRejected(order.order_id, order.strategy, "c", "t"), "order_router")
    if order.order_id.startswith("risk:"):
        assert terms.quantity <= abs(held)
        assert (held > 0) == (terms.side is SELL)
    part = max(1, int(terms.quantity) // rng.choice((1, 1, 2)))
    told = desk.fill(order, part, price=prices[terms.symbol])
    return told if part == terms.quantity else [*told, *desk.cancel(order)]
