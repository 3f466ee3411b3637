"""Worst case in units: what is held and what may still fill."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from shared.domain.exposure import Exposure
from shared.events import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def exposure(position: int, *orders: tuple[OrderSide, int]) -> Exposure:
    made = Exposure(lambda _: D(position))
    for side, leaves in orders:
        made.add_order("X", side, D(leaves))
    return made


@pytest.mark.parametrize(
    ("position", "orders", "longest", "shortest", "worst"),
    [
        (0, [], 0, 0, 0),
        (100, [(SELL, 40)], 100, 60, 100),
        (100, [(BUY, 10), (BUY, 5), (SELL, 130)], 115, -30, 115),
        (-100, [(SELL, 20), (BUY, 10)], -90, -120, 120),
    ],
)
def test_either_side_may_fill_alone(position: int, orders: list[tuple[OrderSide, int]], longest: int, shortest: int, worst: int) -> None:
    made = exposure(position, *orders)
    assert (made.longest("X"), made.shortest("X"), made.worst("X")) == (longest, shortest, worst)


@pytest.mark.parametrize(
    ("position", "orders", "side", "room"),
    [
        (100, [], SELL, 100),
        (100, [(SELL, 40)], SELL, 60),
        (100, [(SELL, 140)], SELL, 0),
        (100, [(BUY, 50)], SELL, 100),
        (100, [], BUY, 0),
        (-100, [(BUY, 30)], BUY, 70),
        (-100, [], SELL, 0),
        (0, [(BUY, 10)], SELL, 0),
    ],
)
def test_room_to_reduce_never_reaches_through_zero(position: int, orders: list[tuple[OrderSide, int]], side: OrderSide, room: int) -> None:
    assert exposure(position, *orders).room_to_reduce("X", side) == room


def test_orders_change_and_end() -> None:
    made = exposure(0, (BUY, 10), (BUY, 5))
    made.change("X", BUY, D(-4))
    made.end_order("X", BUY, D(5))
    assert (made.longest("X"), made.orders) == (6, 1)
    made.end_order("X", BUY, D(6))
    assert (list(made.symbols()), made.orders) == ([], 0)


def test_releasing_more_than_was_reserved_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        exposure(0, (BUY, 10)).change("X", BUY, D(-11))
