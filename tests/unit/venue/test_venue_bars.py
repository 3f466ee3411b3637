"""Bars: each order type in each bar mode, gaps, touches, and two orders inside one bar. Numbers are worked out by hand."""

from __future__ import annotations

import pytest

from tests.unit.venue.world import MINUTE, World, bar, terms

CALM = (100.0, 101.0, 99.0, 100.5)  # open to high 1.0, open to low 1.0: a tie, so the low comes first


def one_bar(order, prices, mode="intrabar_ohlc", **settings):
    """The order is submitted at the close of a first bar at 100; then one bar follows. Fills of it."""
    world = World(bar_mode=mode, **settings)
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(order, MINUTE)
    world.feed(bar(MINUTE, *prices))
    return world


@pytest.mark.parametrize(
    ("mode", "price", "second"),
    [("intrabar_ohlc", 100.0, 60.0), ("open_only", 100.0, 60.0), ("close_only", 100.5, 119.999999999)],
)
def test_market_order_takes_the_first_price_of_the_next_bar(mode, price, second):
    world = one_bar(terms("buy", "market"), CALM, mode)
    assert world.fills() == [(100, price)]
    assert world.when() == [pytest.approx(second, abs=1e-6)]
    assert world.status() == "filled"


@pytest.mark.parametrize(
    ("side", "limit", "prices", "mode", "price"),
    [
        ("buy", 99.5, CALM, "intrabar_ohlc", 99.5),  # reached on the way down: at the limit
        ("buy", 99.0, CALM, "intrabar_ohlc", 99.0),  # touched exactly
        ("buy", 98.99, CALM, "intrabar_ohlc", None),
        ("buy", 99.5, (98.0, 99.0, 97.0, 98.5), "intrabar_ohlc", 98.0),  # gap below the limit: the open, which is better
        ("buy", 99.5, CALM, "open_only", None),
        ("buy", 99.5, CALM, "close_only", None),
        ("buy", 100.5, CALM, "close_only", 100.5),
        ("buy", 100.0, CALM, "open_only", 100.0),
        ("sell", 100.8, CALM, "intrabar_ohlc", 100.8),
        ("sell", 101.0, CALM, "intrabar_ohlc", 101.0),
        ("sell", 101.01, CALM, "intrabar_ohlc", None),
        ("sell", 100.8, (103.0, 104.0, 102.0, 103.5), "intrabar_ohlc", 103.0),  # gap above the limit
        ("sell", 100.5, CALM, "close_only", 100.5),
    ],
)
def test_limit_order(side, limit, prices, mode, price):
    world = one_bar(terms(side, "limit", limit=limit), prices, mode)
    assert world.fills() == ([(100, price)] if price is not None else [])
    assert world.status() == ("filled" if price is not None else "new")


def test_a_resting_limit_order_may_have_to_be_traded_through():
    for low, filled in ((99.5, False), (99.49, True)):
        world = one_bar(terms("buy", "limit", limit=99.5), (100, 100.2, low, 100), limit_needs_through=True)
        assert bool(world.fills()) is filled


@pytest.mark.parametrize(
    ("side", "stop", "prices", "mode", "price"),
    [
        ("sell", 99.5, CALM, "intrabar_ohlc", 99.5),  # elected inside the move: at the stop
        ("sell", 98.9, CALM, "intrabar_ohlc", None),
        ("sell", 99.5, (95.0, 96.0, 94.0, 95.5), "intrabar_ohlc", 95.0),  # gapped through: at the open, beyond the stop
        ("sell", 99.5, CALM, "open_only", None),
        ("sell", 99.5, (95.0, 96.0, 94.0, 95.5), "open_only", 95.0),
        ("sell", 99.5, CALM, "close_only", None),
        ("sell", 99.5, (100.0, 100.0, 97.0, 98.0), "close_only", 98.0),
        ("buy", 100.7, CALM, "intrabar_ohlc", 100.7),
        ("buy", 100.7, (105.0, 106.0, 104.0, 105.0), "intrabar_ohlc", 105.0),
    ],
)
def test_stop_order(side, stop, prices, mode, price):
    world = one_bar(terms(side, "stop", stop=stop), prices, mode)
    assert world.fills() == ([(100, price)] if price is not None else [])


@pytest.mark.parametrize(
    ("side", "stop", "limit", "prices", "price"),
    [
        ("buy", 100.5, 100.7, CALM, 100.5),  # elected at 100.5, inside its limit
        ("buy", 100.5, 100.2, CALM, None),  # limit behind the stop: it rests, and the move to the close (101 -> 100.5) stays above it
        ("sell", 99.5, 99.4, CALM, 99.5),
        ("sell", 99.5, 99.4, (95.0, 96.0, 94.0, 95.5), None),  # gapped below the limit: rests
        ("sell", 99.5, 99.4, (95.0, 100.0, 94.0, 99.0), 99.4),  # elected by the gap, then traded when the price came back up
    ],
)
def test_stop_limit_order(side, stop, limit, prices, price):
    world = one_bar(terms(side, "stop_limit", stop=stop, limit=limit), prices)
    assert world.fills() == ([(100, price)] if price is not None else [])


def test_an_elected_stop_limit_rests_at_its_limit_in_later_bars():
    world = one_bar(terms("buy", "stop_limit", stop=100.5, limit=100.2), CALM)
    world.feed(bar(2 * MINUTE, 100.5, 100.6, 100.0, 100.4))
    assert world.fills() == [(100, 100.2)]


@pytest.mark.parametrize(
    ("prices", "first"),
    [
        ((100.0, 102.0, 97.0, 100.0), "target"),  # the high is nearer to the open: O-H-L-C
        ((100.0, 103.0, 98.0, 100.0), "stop"),  # the low is nearer: O-L-H-C
        ((100.0, 102.0, 98.0, 100.0), "stop"),  # a tie: low first
        ((97.0, 102.0, 96.0, 101.0), "stop"),  # gapped through the stop at the open
    ],
)
def test_stop_and_target_inside_one_bar_follow_the_stated_path(prices, first):
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "market"), MINUTE, "entry")
    world.feed(bar(MINUTE, 100, 100, 100, 100))
    world.submit(terms("sell", "limit", limit=101.5), 2 * MINUTE, "target", group="exit")
    world.submit(terms("sell", "stop", stop=98.5), 2 * MINUTE, "stop", group="exit")
    world.feed(bar(2 * MINUTE, *prices))
    other = {"target": "stop", "stop": "target"}[first]
    assert world.status(first) == "filled"
    assert world.status(other) == "cancelled"
    assert world.core.positions() == ()


def test_without_a_group_both_fill_in_the_order_of_the_path():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("sell", "limit", limit=101.5), MINUTE, "target")
    world.submit(terms("sell", "stop", stop=98.5), MINUTE, "stop")
    world.feed(bar(MINUTE, 100, 102, 97, 100))
    filled = [r.execution.client_order_id for r in world.seen if r.execution]
    assert filled == ["target", "stop"]


def test_two_stops_in_one_move_trade_in_the_order_the_price_reaches_them():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("sell", "stop", stop=98), MINUTE, "far")
    world.submit(terms("sell", "stop", stop=99), MINUTE, "near")
    world.feed(bar(MINUTE, 100, 100, 97, 97.5))
    filled = [r.execution.client_order_id for r in world.seen if r.execution]
    assert filled == ["near", "far"]


@pytest.mark.parametrize(
    ("order", "bars", "price"),
    [
        # sell trail 1.00: 100 -> high 103 puts the stop at 102; the low 99 comes after the high, so it trades at 102
        (terms("sell", "trailing_stop", trail=1), [(100, 103, 96, 97)], 102.0),
        # low first: stop at 99 (from 100) is met on the way down, before the high
        (terms("sell", "trailing_stop", trail=1), [(100, 108, 98, 107)], 99.0),
        # never a whole point against it
        (terms("sell", "trailing_stop", trail=1), [(100, 100.5, 99.5, 100.5), (100.5, 101, 100.1, 101)], None),
        # the second bar opens beyond the level 100: at the open
        (terms("sell", "trailing_stop", trail=1), [(100, 101, 100, 101), (99, 99.5, 98, 98.5)], 99.0),
        # percent: high 104, 2.5 % below is 101.40
        (terms("sell", "trailing_stop", percent="2.5"), [(100, 104, 95, 96)], 101.4),
        # buy trail 1.00 from 100: low 97 first, then up through 98
        (terms("buy", "trailing_stop", trail=1), [(100, 104, 97, 103)], 98.0),
    ],
)
def test_trailing_stop(order, bars, price):
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(order, MINUTE)
    for i, prices in enumerate(bars, 1):
        world.feed(bar(i * MINUTE, *prices))
    assert world.fills() == ([(100, price)] if price is not None else [])


def test_an_order_placed_inside_a_bar_meets_only_what_comes_after_it():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "limit", limit=98.5), MINUTE + 30)  # the low stands at one third of the bar, before the order
    world.feed(bar(MINUTE, 100, 103, 98, 102))
    assert world.fills() == []
    world.submit(terms("buy", "market"), 2 * MINUTE + 30)  # next point is the high, at two thirds
    world.feed(bar(2 * MINUTE, 100, 103, 98, 102))
    assert world.fills("o2") == [(100, 103.0)]


def test_an_order_placed_at_the_end_of_a_bar_waits_for_the_next():
    """Quotes at equal time come before the bar that closes then: the bar's prices are older than the order."""
    world = World()
    world.submit(terms("buy", "limit", limit=200), 2 * MINUTE)
    world.feed(bar(MINUTE, 100, 103, 98, 102))
    assert world.fills() == []
    world.feed(bar(2 * MINUTE, 101, 103, 98, 102))
    assert world.fills() == [(100, 101.0)]


def test_a_quiet_resting_order_is_not_forgotten():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("sell", "stop", stop=90, tif="gtc"), MINUTE)
    for i in range(1, 50):
        assert world.feed(bar(i * MINUTE, 100, 101, 99, 100)) == []
    world.feed(bar(50 * MINUTE, 91, 91, 90, 90.5))
    assert world.fills() == [(100, 90.0)]


def test_market_data_without_orders_answers_the_shared_empty_tuple():
    from shared.venue import NOTHING

    world = World()
    assert world.core.on_bar(bar(0, 100, 100, 100, 100)) is NOTHING
    world.submit(terms("buy", "limit", limit=50, tif="gtc"), MINUTE)
    assert world.core.on_bar(bar(MINUTE, 1, 1, 1, 1, symbol="Y")) is NOTHING
    version = world.core.version
    assert world.core.on_bar(bar(2 * MINUTE, 1, 1, 1, 1, symbol="Y")) is NOTHING
    assert world.core.version == version, "a newest price is no state worth writing"


def test_a_bar_that_cannot_be_is_not_traded_on():
    world = World()
    world.submit(terms("buy", "limit", limit=200), 0)
    world.feed(bar(0, float("nan"), 101, 99, 100), bar(MINUTE, 100, 99, 101, 100), bar(2 * MINUTE, -1, 5, -2, 3))
    assert world.fills() == []
    assert world.core.account().equity == 1_000_000
