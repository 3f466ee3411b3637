"""What goes wrong on a trading day, each in a backtest and live: two strategies after the same cash; a loss limit met while orders work, while the
market is closed and as the engine is started again; money that leaves; a split; prices that are none."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import nan
from pathlib import Path
from typing import Any

import pytest

from services.backtest.venue_link import Venue
from shared.events import (
    ActionRow,
    CashFlow,
    Event,
    LimitBreached,
    OrderApproved,
    OrderCanceled,
    OrderDenied,
    OrderFilled,
    OrderSide,
    Reason,
    TradingState,
    TradingStateChanged,
)
from shared.venue import protocol as p

from .plays import Live, by_backtest, by_live, configured, scripted, tape_of
from .rows_exposure import limits
from .rows_gates import CLOSE, NY
from .scene import MS, START, Act, Ask, Broker, Price, Wait, tree

PLAYS = ("backtest", "live")
HOUR = 3_600_000
LOSS = {"loss_flattens": True, "day_loss_state": "halted", **limits(daily_loss_limit=1_000)}


def played(
    play: str, directory: Path, acts: Sequence[Act], risk: dict[str, Any], more: dict[str, Any] | None = None, start: int = START
) -> list[Event]:
    loaded = configured(directory, tree(risk, {}, more or {}, "feed" if play == "backtest" else "wall"))
    return (by_backtest if play == "backtest" else by_live)(loaded, acts, start)


def held(log: Sequence[Event]) -> dict[str, Decimal]:
    """What the fills come to, by symbol."""
    found: dict[str, Decimal] = {}
    for e in log:
        if isinstance(e, OrderFilled):
            signed = e.quantity if e.side is OrderSide.BUY else -e.quantity
            found[e.symbol] = found.get(e.symbol, Decimal(0)) + signed
    return {symbol: units for symbol, units in found.items() if units}


def hard(log: Sequence[Event]) -> list[tuple[str, str]]:
    return [(e.key, e.value) for e in log if isinstance(e, LimitBreached) and e.hard]


def states(log: Sequence[Event]) -> list[TradingState]:
    return [e.state for e in log if isinstance(e, TradingStateChanged) and e.reason is Reason.DAY_LOSS]


def exits(log: Sequence[Event]) -> list[tuple[str, str, Decimal]]:
    return [(e.order_id, e.terms.symbol, e.terms.quantity) for e in log if isinstance(e, OrderApproved) and e.order_id.startswith("risk:")]


@pytest.mark.parametrize("play", PLAYS)
def test_of_two_strategies_after_the_same_cash_exactly_one_is_approved(play: str, tmp_path: Path) -> None:
    race = (Ask("buy", 60, 100), Ask("buy", 120, 50, "Y", "b"))
    log = played(play, tmp_path, [race], limits(buying_power_fraction_max=0.0025))  # of 4,000,000: 10,000, and each wants 6,000
    assert [e.order_id for e in log if isinstance(e, OrderApproved)] == ["a:1:1"]
    [denied] = [e for e in log if isinstance(e, OrderDenied)]
    assert (denied.order_id, denied.reason, denied.limit, denied.value) == ("b:1:1", Reason.BUYING_POWER, "4000", "6000")


WORKING: list[Act] = [
    Ask("buy", 100),
    Ask("sell", 50, symbol="Y", strategy="b"),
    Ask("buy", 10, 80),  # opens
    Ask("sell", 30, 120),  # closes a part of it
    Ask("sell", 10, 60, "Y", "b"),
]
AFTER: list[Act] = [Wait(100), Price("X", 90.0, 92.0), Wait(100), Price("Y", 49.0, 51.0), Wait(100), Price("X", 70.0, 72.0)]


@pytest.mark.parametrize("play", PLAYS)
@pytest.mark.parametrize("state", ["halted", "reducing"])
def test_a_loss_limit_met_while_orders_work_halts_and_flattens(play: str, state: str, tmp_path: Path) -> None:
    log = played(play, tmp_path, [*WORKING, Price("X", 90.0, 92.0), *AFTER], {**LOSS, "day_loss_state": state})
    assert hard(log)[0] == ("day_loss_max", "1200")  # 1,100 in X, 100 in Y, which was sold at the bid and is marked at the ask
    assert states(log)[0] is TradingState(state)
    assert {e.order_id for e in log if isinstance(e, OrderCanceled)} == {"a:1:2", "a:1:3", "b:1:2"}
    assert held(log) == {}
    assert sum(quantity for _, symbol, quantity in exits(log) if symbol == "X") == 100
    assert sum(quantity for _, symbol, quantity in exits(log) if symbol == "Y") == 50


@pytest.mark.parametrize("play", PLAYS)
def test_without_flattening_a_loss_limit_halts_and_what_is_held_stays(play: str, tmp_path: Path) -> None:
    log = played(play, tmp_path, [*WORKING, Price("X", 90.0, 92.0), *AFTER], {**LOSS, "loss_flattens": False})
    assert states(log) == [TradingState.HALTED]
    assert {e.order_id for e in log if isinstance(e, OrderCanceled)} == {"a:1:2", "a:1:3", "b:1:2"}
    assert held(log) == {"X": Decimal(100), "Y": Decimal(-50)}


@pytest.mark.parametrize("play", PLAYS)
def test_a_loss_limit_met_while_the_market_is_closed_halts_at_once_and_flattens_at_the_open(play: str, tmp_path: Path) -> None:
    overnight: list[Act] = [
        Ask("buy", 100),
        Wait(60_000),
        Price("X", 90.0, 92.0),  # half a minute after the close
        Wait(10_000),
        Price("X", 89.0, 91.0),
        Wait(17 * HOUR + 30 * 60_000),
        Price("X", 88.0, 90.0),  # half a minute after the open
        Wait(1_000),
        Price("X", 88.0, 90.0),
    ]
    log = played(play, tmp_path, overnight, LOSS, NY, CLOSE - 30_000 * MS)
    assert states(log)[0] is TradingState.HALTED
    [closed] = [n for n, e in enumerate(log) if isinstance(e, TradingStateChanged) and e.state is TradingState.HALTED]
    opened = [n for n, e in enumerate(log) if isinstance(e, Event) and type(e).__name__ == "SessionChanged" and n > closed and e.phase == "open"]  # type: ignore[attr-defined]
    [left] = [n for n, e in enumerate(log) if isinstance(e, OrderApproved) and e.order_id.startswith("risk:")]
    assert left > opened[0]
    [sold] = [e for e in log if isinstance(e, OrderFilled) and e.side is OrderSide.SELL]
    assert (sold.quantity, sold.price, held(log)) == (Decimal(100), Decimal(88), {})


@pytest.mark.parametrize("moment", ["before it is seen", "as it is decided", "as the exit works"])
def test_a_loss_limit_met_at_the_moment_of_a_restart_halts_and_flattens_once(moment: str, tmp_path: Path) -> None:
    script = scripted([*WORKING, Price("X", 90.0, 92.0), *AFTER], START)
    live = Live(configured(tmp_path, tree(LOSS, {}, {}, "wall")), tape_of(script), START)
    met = 2 + len(WORKING)
    for n, beat in enumerate(script):
        if n == met:
            live.now = beat.ns
            live.settle(without={"before it is seen": "risk_engine", "as it is decided": "order_router", "as the exit works": "nobody"}[moment])
            live.restart_risk()
        live.at(beat.ns)
    log = live.events()
    assert hard(log) == [("day_loss_max", "1200")]
    assert states(log) == [TradingState.HALTED]
    assert held(log) == {}
    assert sum(quantity for _, symbol, quantity in exits(log) if symbol == "X") == 100


def withdraws(venue: Venue) -> None:
    venue.service.ask("cash_flow", p.CashFlowRequest("withdrawal", Decimal(-500_000), "w1"))


def splits(venue: Venue) -> None:
    venue.service.ask("corporate_action", p.ActionRequest(ActionRow("split", "X", "s1", 0, Decimal(2))))


@pytest.mark.parametrize("play", PLAYS)
@pytest.mark.parametrize(("bid", "met"), [(91.01, False), (91.0, True)])
def test_a_withdrawal_is_no_loss_and_the_limit_stays_where_it_was(play: str, bid: float, met: bool, tmp_path: Path) -> None:
    acts: list[Act] = [Ask("buy", 100), Broker(withdraws), Wait(20_000), Price("X", 99.0, 101.0), Price("X", bid, 101.0)]
    log = played(play, tmp_path, acts, limits(daily_loss_limit=1_000, max_drawdown=0.1))
    assert [e.amount for e in log if isinstance(e, CashFlow)] == [Decimal(-500_000)]
    assert hard(log) == ([("day_loss_max", "1000")] if met else [])


@pytest.mark.parametrize("play", PLAYS)
@pytest.mark.parametrize(("bid", "met"), [(45.51, False), (45.5, True)])
def test_a_split_is_no_loss_and_moves_no_limit(play: str, bid: float, met: bool, tmp_path: Path) -> None:
    acts: list[Act] = [Ask("buy", 100), Broker(splits), Wait(20_000), Price("X", 49.5, 50.5), Price("X", bid, 50.5), Wait(10), Price("X", bid, 50.5)]
    risk = {"stop_loss": {"enable": True, "pct": 0.2}, **limits(daily_loss_limit=1_000)}
    log = played(play, tmp_path, acts, risk)
    assert hard(log) == ([("day_loss_max", "1000")] if met else [])  # 200 units, bought at 50.50: a point is 200


NO_PRICES = {"crossed": (102.0, 101.0), "zero": (0.0, 0.0), "not a number": (nan, nan), "negative": (-5.0, -4.0)}


@pytest.mark.parametrize("play", PLAYS)
@pytest.mark.parametrize("kind", NO_PRICES)
def test_a_price_that_is_none_meets_no_limit_fills_nothing_and_is_no_reference(play: str, kind: str, tmp_path: Path) -> None:
    risk = {"quote_age_ms_max": 5_000, "stop_loss": {"enable": True, "pct": 0.1}, "loss_flattens": True, **limits(daily_loss_limit=1_000)}
    before: list[Act] = [Ask("buy", 100), Ask("buy", 5, 60), Ask("sell", 5, 140), Price("X", *NO_PRICES[kind])]
    log = played(play, tmp_path, [*before, Ask("buy", 1)], risk)
    assert (hard(log), exits(log)) == ([], [])
    assert [e.reference for e in log if isinstance(e, OrderApproved)][-1] == 101.0  # the last good one
    assert [e.price for e in log if isinstance(e, OrderFilled)] == [Decimal(101)]  # a venue that shows no market fills nothing


@pytest.mark.parametrize("play", PLAYS)
def test_after_prices_that_are_none_the_last_good_one_grows_old(play: str, tmp_path: Path) -> None:
    nonsense: list[Act] = [act for price in NO_PRICES.values() for act in (Wait(1_500), Price("X", *price))]
    log = played(play, tmp_path, [*nonsense, Ask("buy", 1, 100)], {"quote_age_ms_max": 5_000})
    [denied] = [e for e in log if isinstance(e, OrderDenied)]
    assert (denied.reason, denied.key) == (Reason.STALE_DATA, "quote_age_ms_max")
