"""Quotes and prints: takers meet the far side of the standing quote, displayed size is used once, resting orders get their limit."""

from __future__ import annotations

import pytest

from shared.events import OrderBook
from tests.unit.venue.world import World, at, bar, quote, terms, trade


def test_a_market_order_fills_at_once_against_the_standing_quote():
    world = World()
    world.feed(quote(0, 99.98, 100.02))
    world.submit(terms("buy", "market"), 1)
    world.submit(terms("sell", "market", 50), 1)
    assert world.fills() == [(100, 100.02), (50, 99.98)]
    assert world.when() == [1.0, 1.0]
    assert [bool(r.order) for r in world.seen] == [True, False, True] * 2, "accepted, executed, filled"


def test_displayed_size_is_used_once_and_the_rest_waits_for_the_next_quote():
    world = World(displayed_size=True)
    world.feed(quote(0, 99.98, 100.02, ask_size=60))
    world.submit(terms("buy", "market"), 1)
    assert (world.fills(), world.status()) == ([(60, 100.02)], "partially_filled")
    world.submit(terms("buy", "market", 10), 2)
    assert world.fills("o2") == [], "nothing of that quote is left"
    world.feed(quote(3, 99.99, 100.05, ask_size=45))
    assert world.fills("o1") == [(60, 100.02), (40, 100.05)]
    assert world.fills("o2") == [(5, 100.05)], "in order of arrival"
    world.feed(quote(4, 99.99, 100.05, ask_size=45))
    assert world.status("o2") == "filled"


@pytest.mark.parametrize(
    ("tif", "size", "status", "fills"),
    [
        ("ioc", 60, "cancelled", [(60, 100.02)]),
        ("ioc", 100, "filled", [(100, 100.02)]),
        ("fok", 60, "cancelled", []),
        ("fok", 100, "filled", [(100, 100.02)]),
        ("day", 60, "partially_filled", [(60, 100.02)]),
    ],
)
@pytest.mark.parametrize("kind", ["market", "limit"])
def test_immediate_orders(kind, tif, size, status, fills):
    world = World(displayed_size=True)
    world.feed(quote(0, 99.98, 100.02, ask_size=size))
    world.submit(terms("buy", kind, limit=100.02 if kind == "limit" else None, tif=tif), 1)
    assert (world.status(), world.fills()) == (status, fills)


@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_an_immediate_limit_order_that_cannot_trade_is_gone(tif):
    world = World()
    world.feed(quote(0, 99.98, 100.02))
    world.submit(terms("buy", "limit", limit=100.01, tif=tif), 1)
    assert (world.status(), world.fills()) == ("cancelled", [])


@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_without_a_quote_an_immediate_order_has_the_first_print(tif):
    world = World(volume_share_max="0.5")
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "limit", limit=101, tif=tif), 60)
    world.feed(bar(60, 100, 101, 99, 100, volume=150))
    assert world.fills() == ([(75, 100.0)] if tif == "ioc" else [])
    assert world.status() == "cancelled"


def test_a_marketable_limit_gets_the_quote_and_a_resting_one_its_limit():
    world = World()
    world.feed(quote(0, 99.98, 100.02))
    world.submit(terms("buy", "limit", limit=100.5), 1)
    world.submit(terms("buy", "limit", limit=99.9), 1)
    assert world.fills() == [(100, 100.02)]
    world.feed(quote(2, 99.5, 99.6))
    assert world.fills("o2") == [(100, 99.9)]
    assert [r.execution.is_maker for r in world.seen if r.execution] == [False, True]


def test_prints_fill_resting_orders_at_their_limit():
    world = World()
    world.feed(trade(0, 100))
    world.submit(terms("buy", "limit", limit=99.5), 1)
    world.feed(trade(2, 99.8), trade(3, 99.3))
    assert world.fills() == [(100, 99.5)]
    world.submit(terms("buy", "limit", limit=99.5), 4)  # marketable when it arrives: it gets the print
    world.feed(trade(5, 99.2))
    assert world.fills("o2") == [(100, 99.2)]


def test_a_stop_elected_by_a_print_takes_the_standing_quote():
    world = World()
    world.feed(trade(0, 100), quote(0, 99.97, 100.03))
    world.submit(terms("sell", "stop", stop=99.5), 1)
    world.feed(quote(2, 99.40, 99.60))  # the symbol prints, so a quote does not elect
    assert world.fills() == []
    world.feed(trade(3, 99.5))
    assert world.fills() == [(100, 99.40)]


@pytest.mark.parametrize(("trigger", "filled"), [("quote", True), ("auto", True), ("last", False)])
def test_what_elects_a_stop_of_a_symbol_that_never_printed(trigger, filled):
    world = World(stop_trigger=trigger)
    world.feed(quote(0, 99.97, 100.03))
    world.submit(terms("sell", "stop", stop=99.5), 1)
    world.feed(quote(2, 99.51, 99.60), quote(3, 99.49, 99.60))
    assert world.fills() == ([(100, 99.49)] if filled else [])


def test_a_trailing_stop_on_quotes_follows_the_side_it_would_trade_at():
    world = World()
    world.feed(quote(0, 100, 100.02))
    world.submit(terms("sell", "trailing_stop", trail=1), 1)
    world.feed(quote(2, 103, 103.02), quote(3, 102.01, 102.03))
    assert world.fills() == []
    world.feed(quote(4, 102.0, 102.02))
    assert world.fills() == [(100, 102.0)]


@pytest.mark.parametrize("broken", [(0.0, 100.02), (100.03, 100.02), (99.9, float("nan"))])
def test_a_broken_quote_is_not_traded_against(broken):
    world = World()
    world.feed(bar(0, 100, 100, 100, 100), quote(61, *broken))
    world.submit(terms("buy", "market"), 62)
    assert world.fills() == []
    world.feed(quote(63, 99.9, 100.1))
    assert world.fills() == [(100, 100.1)]


def test_an_old_quote_is_not_traded_against():
    world = World(quote_age_ns_max=5_000_000_000)
    world.feed(quote(0, 99.9, 100.1))
    world.submit(terms("buy", "market"), 6)
    assert world.fills() == []
    world.feed(trade(7, 100.4))
    assert world.fills() == [(100, 100.4)], "then the next print serves"


def test_bars_of_a_quoted_symbol_serve_resting_orders_and_stops_but_no_takers():
    world = World(displayed_size=True)
    world.feed(quote(0, 99.9, 100.1, ask_size=10))
    world.submit(terms("buy", "market"), 1)
    world.submit(terms("buy", "limit", limit=99.0), 1)
    world.submit(terms("sell", "stop", stop=98.9), 1)
    world.feed(bar(60, 100, 100, 98.5, 99))
    assert world.fills() == [(10, 100.1), (100, 99.0), (100, 98.9)]


def test_depth_counts_as_a_quote_by_its_best_level():
    world = World()
    world.keep(world.core.on_market(OrderBook("X", at(0), ((99.0, 10.0), (98.0, 10.0)), ((101.0, 5.0),)), at(0)))
    world.keep(world.core.on_market(OrderBook("X", at(1), (), ((150.0, 5.0),)), at(1)))
    world.submit(terms("buy", "market"), 2)
    assert world.fills() == [(100, 101.0)]


def test_volume_share_bounds_a_bar_and_is_shared_by_its_orders():
    world = World(volume_share_max="0.1")
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "market", 150), 60)
    world.submit(terms("buy", "market", 150), 60)
    world.feed(bar(60, 100, 100, 100, 100, volume=2005))  # 200.5 of volume are ours: 150 and, in whole lots, 50
    assert world.fills() == [(150, 100.0), (50, 100.0)]
    world.feed(bar(120, 101, 101, 101, 101, volume=1000))
    assert world.fills("o2") == [(50, 100.0), (100, 101.0)]
    row = world.core.order("o2")
    assert str(row.average_price) == "100.66666667"
