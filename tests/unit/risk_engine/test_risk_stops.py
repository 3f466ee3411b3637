"""When a protective stop is met: below, at and above, long and short, and what moves its level."""

from __future__ import annotations

from decimal import Decimal as D
from math import nan

import pytest

from shared.events import (
    Bar,
    CorporateAction,
    Event,
    LimitBreached,
    Quote,
    Reason,
    RunStarted,
    Trade,
)
from tests.support.risk_desk import BUY, CLEAN, SELL, RiskDesk

from .guarded import FIXED, at, exits, guarded

TRAILING = {"trailing_stop_pct": "0.1"}


ATR = {"atr_window": 3, "atr_multiplier": 2}


TIMED = {"max_holding_seconds": 60}


def breaches(outputs: list[Event]) -> list[tuple[Reason, str, str, str]]:
    return [(e.reason, e.key, e.limit, e.value) for e in outputs if isinstance(e, LimitBreached)]


def bar(desk: RiskDesk, low: float, high: float, close: float, symbol: str = "X") -> list[Event]:
    desk.wait(1000)
    return desk.tell(Bar(symbol, desk.now - 1, desk.now, close, high, low, close, 5.0))


@pytest.mark.parametrize(("price", "met"), [(95.01, False), (95.0, True), (94.99, True), (40.0, True)], ids=["above", "at", "below", "gap through"])
def test_fixed_stop_of_a_long_holding(price: float, met: bool) -> None:
    desk = guarded(100)
    told = at(desk, price)
    assert exits(told) == ([("risk:1:1", "a", SELL, D(100))] if met else [])
    assert breaches(told) == ([(Reason.STOP_LOSS, "stop_loss.a.X", "95", f"{price:g}")] if met else [])


@pytest.mark.parametrize(
    ("price", "met"), [(104.99, False), (105.0, True), (105.01, True), (400.0, True)], ids=["below", "at", "above", "gap through"]
)
def test_fixed_stop_of_a_short_holding(price: float, met: bool) -> None:
    assert exits(at(guarded(-100), price)) == ([("risk:1:1", "a", BUY, D(100))] if met else [])


@pytest.mark.parametrize(("price", "met"), [(108.01, False), (108.0, True), (107.99, True), (40.0, True)])
def test_trailing_stop_follows_the_best_bid_since_the_entry(price: float, met: bool) -> None:
    desk = guarded(100, TRAILING)
    assert at(desk, 120.0) == at(desk, 110.0) == []
    desk.quote("X", 119.0, 150.0)  # an ask is nothing a long holding would fetch
    told = at(desk, price)
    assert exits(told) == ([("risk:1:1", "a", SELL, D(100))] if met else [])
    assert [b[:3] for b in breaches(told)] == ([(Reason.TRAILING_STOP, "trailing_stop.a.X", "108")] if met else [])


@pytest.mark.parametrize(("price", "met"), [(87.99, False), (88.0, True), (88.01, True), (400.0, True)])
def test_trailing_stop_of_a_short_holding(price: float, met: bool) -> None:
    desk = guarded(-100, TRAILING)
    assert at(desk, 80.0) == at(desk, 85.0) == []
    assert bool(exits(at(desk, price))) is met


@pytest.mark.parametrize(("units", "price", "met"), [(10, 94.01, False), (10, 94.0, True), (-10, 105.99, False), (-10, 106.0, True)])
def test_atr_stop_is_so_many_ranges_from_the_cost(units: int, price: float, met: bool) -> None:
    desk = RiskDesk(stops=ATR)
    for low, high in ((99.0, 101.0), (98.0, 102.0), (98.5, 101.5)):  # ranges 2, 4, 3
        bar(desk, low, high, 100.0)
    desk.hold(units, price=100)
    assert bool(exits(at(desk, price))) is met


def test_the_range_is_the_entrys_and_waits_until_it_is_known() -> None:
    desk = guarded(10, ATR)
    assert bar(desk, 99.0, 101.0, 100.0) == bar(desk, 98.0, 102.0, 100.0) == []
    assert exits(at(desk, 50.0)) == []  # two bars of three: no range, no stop
    at(desk, 100.0)
    assert bar(desk, 98.5, 101.5, 100.0) == []
    assert bar(desk, 60.0, 140.0, 100.0) == []  # a wilder range later moves nothing
    assert exits(at(desk, 94.0)) == [("risk:1:1", "a", SELL, D(10))]


def test_a_gap_between_bars_is_part_of_the_range() -> None:
    desk = RiskDesk(stops={"atr_window": 2, "atr_multiplier": 1})
    bar(desk, 99.0, 101.0, 100.0)
    bar(desk, 104.0, 106.0, 105.0)  # from the close of 100 to the high: 6
    desk.hold(10, price=105)
    assert desk.core._desk.protective.guards["X"]["a"].range == 4.0


@pytest.mark.parametrize(("seconds", "met"), [(59, False), (60, True), (61, True)])
@pytest.mark.parametrize("units", [10, -10])
def test_time_stop_counts_from_the_fill_that_opened(seconds: int, met: bool, units: int) -> None:
    desk = guarded(units, TIMED)
    desk.wait(30_000).hold(units, price=100)  # what is added is as old as the holding
    desk.wait((seconds - 30) * 1000)
    told = desk.quote("X", 100.0, 100.0)
    assert exits(told) == ([("risk:1:1", "a", SELL if units > 0 else BUY, D(20))] if met else [])
    assert [b[:2] for b in breaches(told)] == ([(Reason.TIME_STOP, "time_stop.a.X")] if met else [])


def test_the_nearest_of_several_stops_is_met_and_named() -> None:
    desk = guarded(100, FIXED | {"trailing_stop_pct": "0.03"})
    assert [b[:3] for b in breaches(at(desk, 96.5))] == [(Reason.TRAILING_STOP, "trailing_stop.a.X", "97")]
    desk = guarded(100, FIXED | TRAILING)
    assert [b[0] for b in breaches(at(desk, 94.5))] == [Reason.STOP_LOSS]


def test_the_stop_follows_the_average_cost() -> None:
    desk = guarded(100)
    desk.hold(100, price=110)
    assert exits(at(desk, 99.76)) == []
    assert exits(at(desk, 99.75)) == [("risk:1:1", "a", SELL, D(200))]


def test_a_holding_turned_over_is_another_holding() -> None:
    desk = guarded(100, TIMED)
    desk.wait(50_000).hold(-150, price=100)
    assert exits(at(desk, 100.0)) == []
    assert exits(desk.wait(60_000).quote("X", 100.0, 100.0)) == [("risk:1:1", "a", BUY, D(50))]


@pytest.mark.parametrize("quote", [(nan, nan), (0.0, 0.0), (50.0, 40.0), (-1.0, -1.0), (float("inf"), float("inf"))], ids=str)
def test_no_stop_is_met_by_nonsense(quote: tuple[float, float]) -> None:
    desk = guarded(100)
    assert desk.wait(1000).quote("X", *quote) == []
    for units in (100, -100):
        desk = guarded(units)
        assert desk.wait(1000).quote("X", *quote) == []


def test_no_stop_is_met_by_what_is_old() -> None:
    desk = guarded(100, quote_age_ms_max=5000)
    desk.wait(10_000)
    assert desk.tell(Quote("X", desk.now - 5_001_000_000, 90.0, 90.0, 1.0, 1.0)) == []
    assert exits(desk.tell(Quote("X", desk.now - 5_000_000_000, 90.0, 90.0, 1.0, 1.0)))
    desk = guarded(100)
    assert desk.tell(Quote("X", desk.now - 1, 90.0, 90.0, 1.0, 1.0)) == []  # older than what is known


def test_a_last_price_under_a_standing_quote_meets_nothing() -> None:
    desk = guarded(100, quote_age_ms_max=5000)
    assert desk.wait(1000).tell(Trade("X", desk.now, 90.0, 1.0)) == []
    assert exits(desk.wait(6000).tell(Trade("X", desk.now, 90.0, 1.0))) == [("risk:1:1", "a", SELL, D(100))]


def test_a_split_moves_peak_and_range_along() -> None:
    desk = guarded(100, TRAILING)
    at(desk, 120.0)
    desk.tell(CorporateAction("split", "X", D(2), "", "r"))
    assert at(desk, 55.0) == []
    assert exits(at(desk, 54.0)) == [("risk:1:1", "a", SELL, D(200))]


def test_three_new_units_for_two_old_are_not_three_for_one() -> None:
    desk = guarded(100, TRAILING)
    at(desk, 120.0)
    desk.tell(CorporateAction("split", "X", D(3), "", "r", per=D(2)))
    assert at(desk, 73.0) == []
    assert exits(at(desk, 72.0)) == [("risk:1:1", "a", SELL, D(150))]


def test_a_renamed_symbol_keeps_its_guard() -> None:
    desk = guarded(100, TRAILING)
    at(desk, 120.0)
    desk.tell(CorporateAction("symbol_change", "X", D(1), "Y", "r"))
    assert exits(desk.wait(1000).quote("Y", 108.0, 108.0)) == [("risk:1:1", "a", SELL, D(100))]


def test_stops_switched_on_later_guard_what_is_held() -> None:
    desk = RiskDesk()
    desk.hold(100, price=100)
    later = RiskDesk(stops=FIXED | TIMED)
    later.core.restore(desk.core.snapshot())
    later.tell(RunStarted("risk_engine", 2, "g"))
    later.tell(CLEAN)
    assert exits(at(later, 95.0)) == [("risk:2:1", "a", SELL, D(100))]
    off = RiskDesk()
    off.core.restore(later.core.snapshot())
    off.tell(RunStarted("risk_engine", 3, "h"))
    off.tell(CLEAN)
    assert off.core._desk.protective.guards == {}
