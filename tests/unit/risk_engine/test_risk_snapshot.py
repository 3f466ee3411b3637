"""State: equal states give equal bytes, a restored engine goes on as if it had never stopped, and decide changes nothing."""

from __future__ import annotations

import random
from decimal import Decimal as D

import pytest

from services.risk_engine.core import TOPICS, RiskCore
from services.risk_engine.desk import LAYOUT
from shared.events import (
    Bar,
    BusStarted,
    CancelIntent,
    CashFlow,
    ClockTicked,
    DayEnded,
    FlattenRequested,
    HaltRequested,
    OrderApproved,
    OrderUnknown,
    Quote,
    ResumeRequested,
    Scope,
    StrategyFailed,
)
from shared.runtime.actor import Core, SnapshotIncompatible, state_hash
from tests.support.risk_desk import BUY, CLEAN, SELL, RiskDesk, replayed


def eventful(seed: int, clock: str = "wall") -> RiskDesk:
    """A busy stretch of trading with every limit in force."""
    rng = random.Random(seed)
    limits = {"short_allowed": True, "day_loss_max": 4000, "strategy_day_loss_max": 3000, "mark_interval_ms": 500, "position_max": 300}
    desk = RiskDesk(defaults=True, clock=clock, **limits)
    open_orders: list[OrderApproved] = []
    prices = {"X": 100.0, "Y": 50.0}
    for n in range(220):
        desk.wait(rng.choice((0, 3, 120, 700)))
        symbol, strategy = rng.choice("XY"), rng.choice("ab")
        prices[symbol] = round(prices[symbol] * rng.uniform(0.985, 1.014), 2)
        kind = rng.choice(("quote", "quote", "bar", "order", "order", "order", "fill", "fill", "cancel", "replace", "other"))
        if kind == "quote":
            desk.quote(symbol, prices[symbol], round(prices[symbol] + 0.05, 2))
        elif kind == "bar":
            price = prices[symbol]
            desk.tell(Bar(symbol, desk.now, desk.now, price, price, price, price, 5.0))
        elif kind == "order":
            limit = rng.choice((None, round(prices[symbol] * rng.uniform(0.99, 1.01), 2)))
            answer = desk.order(rng.choice((BUY, SELL)), rng.randint(1, 60), limit, symbol=symbol, strategy=strategy, cause=max(1, desk.seq - 3))
            if isinstance(answer, OrderApproved):
                open_orders.append(answer)
        elif open_orders and kind == "fill":
            order = open_orders.pop(rng.randrange(len(open_orders)))
            part = max(1, int(order.terms.quantity) // rng.choice((1, 2)))
            desk.fill(order, part, price=prices[order.terms.symbol], commission="0.35")
            if part < order.terms.quantity:
                desk.cancel(order)
        elif open_orders and kind == "cancel":
            order = rng.choice(open_orders)
            desk.tell(rng.choice((CancelIntent(order.order_id, order.strategy), OrderUnknown(order.order_id, order.strategy, "t"))), "strategy.a")
        elif open_orders and kind == "replace":
            desk.replace(rng.choice(open_orders), n + 1, quantity=rng.randint(30, 80))
        elif kind == "other":
            event = rng.choice(
                (
                    ClockTicked(),
                    CashFlow("deposit", "USD", D(100), "r"),
                    StrategyFailed("b", 1, "on_bar", "x"),
                    HaltRequested("c", "o", "r", Scope.GLOBAL, ""),
                    ResumeRequested("c", "o", "r", Scope.STRATEGY, "b"),
                    BusStarted(2, 0),
                    FlattenRequested("c", "o", "r", "X"),
                    DayEnded("24x7", f"2024-01-{n:03}"),
                )
            )
            desk.tell(event, "outside")
            desk.tell(ResumeRequested("c", "o", "r", Scope.GLOBAL, ""))
            desk.tell(CLEAN)
    return desk


def outputs_of(core: RiskCore, desk: RiskDesk, start: int = 0) -> list[object]:
    return [event for envelope in desk.log[start:] for event in replayed(core, envelope)]


def test_it_is_a_core() -> None:
    assert isinstance(RiskDesk().core, Core)
    assert TOPICS == ("m.", "t.", "c.")


@pytest.mark.parametrize("seed", range(6))
def test_replay_and_restore_anywhere_equal_the_straight_run(seed: int) -> None:
    desk = eventful(seed, clock="wall" if seed % 2 else "feed")
    assert len({type(event) for event in desk.told}) >= 6  # the history does exercise the engine
    straight = RiskCore(desk.settings)
    assert outputs_of(straight, desk) == desk.told
    for at in range(0, len(desk.log), 17):
        first = RiskCore(desk.settings)
        before = outputs_of(first, RiskDeskSlice(desk, at))
        second = RiskCore(desk.settings)
        second.restore(first.snapshot())
        assert second.snapshot() == first.snapshot()
        assert before + outputs_of(second, desk, at) == desk.told
        assert state_hash(second) == state_hash(straight)


class RiskDeskSlice:
    """The first events of a desk's log."""

    def __init__(self, desk: RiskDesk, at: int) -> None:
        self.log = desk.log[:at]


def test_decide_changes_nothing() -> None:
    desk = eventful(1)
    core = RiskCore(desk.settings)
    for envelope in desk.log:
        before = core.snapshot()
        first = core.decide(envelope)
        assert core.snapshot() == before
        assert list(core.decide(envelope)) == list(first)
        replayed(core, envelope)


def test_recovery_by_folding_alone_ends_in_the_same_state() -> None:
    desk = eventful(2)
    straight, folded = RiskCore(desk.settings), RiskCore(desk.settings)
    for envelope in desk.log:
        outputs = replayed(straight, envelope)
        folded.apply(envelope)
        for event in outputs:  # as journaled facts, with their own place in the log
            folded.apply(envelope.__class__(0, envelope.ts_ns, event.topic, "risk_engine", 1, 1, envelope.seq, 1, event))
    assert folded.snapshot() == straight.snapshot()


@pytest.mark.parametrize("raw", [b"", b"\x80", b"nonsense", b"\xc1" * 40])
def test_bytes_of_another_layout_are_refused(raw: bytes) -> None:
    desk = RiskDesk()
    before = desk.core.snapshot()
    if raw == b"\x80":
        raw = before.replace(b"\xa6layout" + bytes([LAYOUT]), b"\xa6layout\x7f")
    with pytest.raises(SnapshotIncompatible):
        desk.core.restore(raw)
    assert desk.core.snapshot() == before


def test_market_data_of_a_symbol_nobody_holds_decides_nothing() -> None:
    desk = RiskDesk(defaults=True)
    desk.wait(1000).tell(ClockTicked())
    assert desk.quote("X", 1.0, 2.0) == desk.tell(Quote("Q", desk.now, 1.0, 2.0, 1.0, 1.0)) == []
    assert desk.core.next_timer() == 0
