"""What a day's volume is, and how far our own prices may walk."""

from __future__ import annotations

from decimal import Decimal as D

from shared.events import (
    Bar,
    CorporateAction,
    DayEnded,
    OrderDenied,
    Reason,
)
from tests.support.risk_desk import RiskDesk, reason

SECOND = 1_000_000_000


def bars(desk: RiskDesk, **closes: list[float]) -> None:
    """One bar a symbol a minute; the quotes stand again after them."""
    for prices in zip(*closes.values(), strict=True):
        desk.wait(60_000)
        for symbol, close in zip(closes, prices, strict=True):
            desk.tell(Bar(symbol, desk.now - 60 * SECOND, desk.now, close, close, close, close, 250.0))
    desk.wait(1).quote("X", 99.0, 101.0)
    desk.quote("Y", 49.0, 51.0)


def test_no_volume_known_denies() -> None:
    answer = RiskDesk(order_adv_fraction_max=1).buy(1)
    assert answer == OrderDenied("a:1:1", "a", Reason.ORDER_ADV, "order_adv_fraction_max", "1", "no volume known")


def test_the_average_is_of_the_newest_days_of_its_own_calendar() -> None:
    desk = RiskDesk(order_adv_fraction_max=1)
    for day in range(25):
        bars(desk, X=[100.0] * (1 if day < 24 else 21))
        desk.tell(DayEnded("XNYS", f"2024-02-{day:02}"))
        desk.tell(DayEnded("24x7", f"2024-02-{day:02}"))
    assert reason(desk.buy(500, 100)) is None  # (19 x 250 + 21 x 250) / 20
    assert reason(desk.buy(501, 100)) is Reason.ORDER_ADV
    desk.tell(CorporateAction("split", "X", D(2), "", "r"))
    assert reason(desk.buy(1000, 50)) is None


def test_a_walk_is_forgotten_with_its_window_and_replaces_are_part_of_it() -> None:
    desk = RiskDesk(collar_window_bps=100, collar_window_ms=60_000)
    order = desk.buy(1, 101)
    assert reason(desk.replace(order, 1, limit="102.01")) is None
    assert reason(desk.replace(order, 2, limit="102.02")) is Reason.PRICE_WALK
    desk.wait(59_999)
    assert reason(desk.replace(order, 2, limit="102.02")) is Reason.PRICE_WALK
    desk.wait(1)
    assert reason(desk.replace(order, 2, limit="102.02")) is None
    assert reason(desk.replace(order, 3, limit="103.05")) is Reason.PRICE_WALK  # from 102.02 on


def test_a_patient_order_is_no_step_and_getting_out_is_no_walk() -> None:
    desk = RiskDesk(collar_window_bps=100)
    assert reason(desk.buy(1, 50)) is reason(desk.buy(1)) is None
    assert reason(desk.buy(1, "102.01")) is None  # measured from 101, not from 50
    desk = RiskDesk(collar_window_bps=100)
    desk.hold(100)
    assert reason(desk.sell(10)) is None
    desk.quote("X", 80.0, 82.0)
    assert reason(desk.sell(90)) is None
    assert reason(desk.sell(1)) is Reason.PRICE_WALK  # this one opens
