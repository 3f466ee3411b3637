"""Sessions, auctions, expiries, halts, latency: what happens when."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from shared.events import DayEnded, InstrumentHalted, SessionChanged, SessionPhase
from shared.venue import dump
from tests.unit.venue.world import S, World, at, bar, quote, terms, trade

HOUR = 3600
OPEN, CLOSE = 9 * HOUR, 16 * HOUR


def day(world, number=0):
    return world.opened(OPEN + number * 24 * HOUR, CLOSE + number * 24 * HOUR, f"2023-11-{14 + number}")


def traded_day(**settings):
    world = day(World(**settings))
    world.feed(bar(OPEN, 100, 100, 100, 100))
    return world


@pytest.mark.parametrize("late", [False, True], ids=["last bar before the phase", "last bar after the phase"])
def test_day_orders_expire_at_the_close_after_the_last_bar(late):
    world = traded_day()
    world.submit(terms("buy", "limit", limit=99), OPEN + HOUR, "in the last bar")
    world.submit(terms("buy", "limit", limit=50), OPEN + HOUR, "never")
    world.submit(terms("buy", "limit", limit=50, tif="gtc"), OPEN + HOUR, "stays")
    last = bar(CLOSE - 60, 100, 100, 98, 99)
    closed = SessionChanged("XT", SessionPhase.POST, "2023-11-14", at(OPEN), at(CLOSE))
    if late:
        world.keep(world.core.on_session(closed, at(CLOSE)))
        assert world.status("never") == "new", "data of that moment may still come"
        world.feed(last)
    else:
        world.feed(last)
        world.keep(world.core.on_session(closed, at(CLOSE)))
    assert [world.status(n) for n in ("in the last bar", "never", "stays")] == ["filled", "expired", "new"]
    expired = [r.ns for r in world.seen if r.order and r.order.status == "expired"]
    assert expired == [at(CLOSE)]


def test_the_session_of_a_symbol_without_a_last_bar_ends_with_the_day():
    world = traded_day()
    world.submit(terms("buy", "limit", limit=50), OPEN + HOUR)
    assert world.keep(world.core.on_day_end(DayEnded("OTHER", "2023-11-14"), at(CLOSE))) == []
    world.keep(world.core.on_day_end(DayEnded("XT", "2023-11-14"), at(CLOSE)))
    assert world.status() == "expired"


def test_each_symbol_trades_its_last_bar_before_its_day_orders_expire():
    world = traded_day()
    world.submit(terms("buy", "limit", limit=99), OPEN + HOUR)
    world.feed(bar(CLOSE - 60, 10, 10, 10, 10, symbol="Y"), bar(CLOSE - 60, 100, 100, 98, 99))
    assert world.status() == "filled"


def test_on_a_calendar_nobody_told_the_day_ends_with_its_event():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "limit", limit=50), 60)
    world.feed(bar(60, 100, 100, 100, 100))
    world.keep(world.core.on_day_end(DayEnded("XT", "2023-11-14"), at(120)))
    assert world.status() == "expired"


def test_an_order_after_the_close_waits_for_the_next_session_and_lives_through_it():
    world = traded_day()
    world.feed(bar(CLOSE - 60, 100, 100, 100, 100))
    world.submit(terms("buy", "market"), CLOSE + HOUR, "market")
    world.submit(terms("buy", "limit", limit=50), CLOSE + HOUR, "limit")
    world.feed(bar(CLOSE + HOUR, 90, 90, 40, 90))  # extended hours are not traded
    assert world.fills() == []
    day(world, 1)
    world.feed(bar(OPEN + 24 * HOUR, 102, 102, 102, 102))
    assert world.fills() == [(100, 102.0)]
    world.feed(bar(CLOSE + 24 * HOUR - 60, 102, 102, 102, 102))
    assert world.status("limit") == "expired"


def test_a_daily_bar_is_walked_inside_its_session():
    world = day(World())
    world.submit(terms("buy", "limit", limit=99), OPEN - HOUR)
    world.feed(bar(0, 100, 103, 98, 102, length=24 * HOUR))
    assert world.fills() == [(100, 99.0)]
    assert world.when() == [pytest.approx(OPEN + (CLOSE - OPEN) / 3)]


@pytest.mark.parametrize("mode", ["intrabar_ohlc", "open_only", "close_only"])
def test_market_on_open_gets_the_first_print_of_the_open(mode):
    world = traded_day(bar_mode=mode)
    world.feed(bar(CLOSE - 60, 100, 100, 100, 100))
    world.submit(terms("buy", "market_on_open"), CLOSE + HOUR, "in time")
    day(world, 1)
    world.feed(bar(OPEN + 24 * HOUR - 60, 101, 101, 101, 101))  # pre-market
    world.feed(bar(OPEN + 24 * HOUR, 103, 104, 102, 103.5))
    assert (world.fills(), world.when()) == ([(100, 103.0)], [OPEN + 24 * HOUR])


def test_market_on_open_sent_after_the_open_waits_for_the_next_one():
    world = traded_day()
    world.submit(terms("buy", "market_on_open"), OPEN + 60)
    world.feed(bar(OPEN + 60, 101, 101, 101, 101), bar(CLOSE - 60, 100, 100, 100, 100))
    assert world.status() == "new"
    day(world, 1)
    world.feed(trade(OPEN + 24 * HOUR + 1, 105))
    assert world.fills() == [(100, 105.0)]


def test_market_on_open_of_a_symbol_that_does_not_open_expires():
    world = traded_day()
    world.feed(bar(CLOSE - 60, 100, 100, 100, 100))
    world.submit(terms("buy", "market_on_open"), CLOSE + HOUR)
    day(world, 1)
    world.keep(world.core.on_day_end(DayEnded("XT", "2023-11-15"), at(CLOSE + 24 * HOUR)))
    assert world.status() == "expired"


@pytest.mark.parametrize("mode", ["intrabar_ohlc", "open_only", "close_only"])
def test_market_on_close_gets_the_closing_print(mode):
    world = traded_day(bar_mode=mode)
    world.submit(terms("sell", "market_on_close"), OPEN + HOUR)
    world.feed(bar(OPEN + HOUR, 101, 102, 100, 101), bar(CLOSE - 60, 103, 104, 102, 103.5))
    assert (world.fills(), world.when()) == ([(100, 103.5)], [CLOSE])


def test_market_on_close_without_a_closing_bar_gets_the_last_price_of_the_session():
    world = traded_day()
    world.submit(terms("sell", "market_on_close"), OPEN + HOUR)
    world.feed(trade(CLOSE - 600, 99.5), quote(CLOSE - 5, 99, 100))
    world.keep(world.core.on_time(at(CLOSE + 1)))
    assert (world.fills(), world.when()) == ([(100, 99.5)], [CLOSE])


def test_auctions_without_told_hours_take_every_bar_for_a_session():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "market_on_open"), 60)
    world.submit(terms("buy", "market_on_close"), 60)
    world.feed(bar(60, 101, 103, 100, 102))
    assert world.fills() == [(100, 101.0), (100, 102.0)]


def test_an_auction_order_gets_what_the_volume_allows_and_no_more():
    world = traded_day(volume_share_max="0.1")
    world.submit(terms("sell", "market_on_close"), OPEN + HOUR)
    world.feed(bar(CLOSE - 60, 100, 100, 100, 100, volume=700))
    assert (world.fills(), world.status()) == ([(70, 100.0)], "cancelled")


def test_gtd_ends_at_its_moment_even_inside_a_bar():
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "limit", limit=99, tif="gtd", expire=60 + 15), 60, "before the low")
    world.submit(terms("buy", "limit", limit=99, tif="gtd", expire=60 + 25), 60, "after the low")
    world.feed(bar(60, 100, 103, 98, 102))  # the low stands at second 20
    assert (world.status("before the low"), world.status("after the low")) == ("expired", "filled")


def test_good_till_cancelled_lives_on():
    world = traded_day()
    world.submit(terms("buy", "limit", limit=90, tif="gtc"), OPEN + 60)
    for number in range(1, 4):
        day(world, number)
        world.feed(bar(OPEN + number * 24 * HOUR, 100, 100, 100, 100), bar(CLOSE - 60 + number * 24 * HOUR, 100, 100, 100, 100))
    day(world, 4)
    world.feed(bar(OPEN + 4 * 24 * HOUR, 89, 89, 89, 89))
    assert world.fills() == [(100, 89.0)]


@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_an_immediate_order_in_a_closed_or_halted_market_is_gone(tif):
    world = traded_day()
    world.feed(quote(OPEN + 70, 99, 101))
    world.submit(terms("buy", "market", tif=tif), CLOSE + 1, "closed")
    world.keep(world.core.on_halt(InstrumentHalted("X", True, "LULD"), at(OPEN + 80)))
    world.submit(terms("buy", "market", tif=tif), OPEN + 90, "halted")
    assert (world.status("closed"), world.status("halted")) == ("cancelled", "cancelled")


def test_a_halt_stops_trading_queues_orders_and_lets_cancels_through():
    world = World()
    world.feed(quote(0, 99, 101))
    world.submit(terms("buy", "limit", limit=100), 1, "resting")
    world.submit(terms("buy", "limit", limit=100), 1, "cancelled")
    world.keep(world.core.on_halt(InstrumentHalted("X", True, "news"), at(2)))
    world.submit(terms("buy", "market"), 3, "queued")
    world.feed(quote(4, 98, 99), trade(5, 98.5), bar(0, 98, 99, 97, 98))
    world.keep(world.core.cancel("cancelled", at(6)).reports)
    assert world.fills() == []
    world.keep(world.core.on_halt(InstrumentHalted("X", False, ""), at(7)))
    world.feed(quote(8, 97, 98))
    assert world.fills("resting") == [(100, 100.0)]
    assert world.fills("queued") == [(100, 98.0)]
    assert world.status("cancelled") == "cancelled"


def test_latency_delays_the_order_to_the_quote_that_stands_then():
    world = World(latency_ns=S)
    world.feed(quote(0, 99, 100))
    world.submit(terms("buy", "market"), 10)
    assert (world.status(), world.fills()) == ("new", [])
    world.feed(quote(10.5, 100, 101), quote(12, 101, 102))
    assert (world.fills(), world.when()) == ([(100, 101.0)], [11.0])


def test_latency_inside_a_bar_skips_the_prices_before_arrival():
    world = World(latency_ns=15 * S)
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "market"), 60)
    world.feed(bar(60, 100, 103, 98, 102))  # open at 60, low at 80
    assert (world.fills(), world.when()) == ([(100, 98.0)], [80.0])


def test_an_order_may_fill_while_its_cancel_is_on_the_way():
    world = World(latency_ns=30 * S)
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "limit", limit=99), 30, "fills")
    world.submit(terms("buy", "limit", limit=90), 30, "goes")
    for name in ("fills", "goes"):
        world.keep(world.core.cancel(name, at(60)).reports)
        assert world.status(name) == "pending_cancel"
    world.feed(bar(60, 100, 103, 98, 102))  # low at 80, cancel arrives at 90
    assert (world.status("fills"), world.status("goes")) == ("filled", "cancelled")


def test_what_is_due_happens_when_time_passes_without_data():
    world = World(latency_ns=S)
    world.feed(quote(0, 99, 100))
    world.submit(terms("buy", "market"), 10)
    assert world.core.next_due() == at(11)
    world.keep(world.core.on_time(at(11)))
    assert world.fills() == []
    world.keep(world.core.on_time(at(11.1)))
    assert world.fills() == [(100, 100.0)]


def test_a_holiday_trades_nothing():
    world = World()
    world.keep(world.core.on_session(SessionChanged("XT", SessionPhase.CLOSED, "2023-11-14", 0, 0), at(0)))
    world.feed(quote(1, 99, 101))
    world.submit(terms("buy", "market"), 2)
    world.feed(bar(60, 100, 100, 100, 100))
    assert world.fills() == []


def test_an_early_close_told_late_counts():
    world = traded_day()
    world.submit(terms("buy", "limit", limit=50), OPEN + 60)
    early = SessionChanged("XT", SessionPhase.OPEN, "2023-11-14", at(OPEN), at(13 * HOUR))
    world.keep(world.core.on_session(early, at(OPEN + HOUR)))
    world.feed(bar(13 * HOUR - 60, 100, 100, 100, 100))
    assert world.status() == "expired"


def test_hours_told_after_their_date_count_to_the_close():
    world = traded_day()
    world.feed(bar(CLOSE - 60, 100, 100, 100, 100))
    world.keep(world.core.on_session(SessionChanged("XT", SessionPhase.CLOSED, "2023-11-15", 0, 0), at(CLOSE + 4 * HOUR)))
    world.submit(terms("buy", "limit", limit=50), CLOSE + 5 * HOUR)
    day(world, 1)
    world.feed(bar(OPEN + 24 * HOUR, 100, 100, 100, 100))
    assert world.status() == "new"
    world.keep(world.core.on_time(at(CLOSE + 24 * HOUR + 1)))
    assert world.status() == "expired"


def test_an_opening_told_late_opens_and_told_again_changes_nothing():
    world = traded_day()
    order = terms("buy", "limit", limit=99, tif="gtc")
    world.submit(order, CLOSE + HOUR)
    second = OPEN + 24 * HOUR
    world.feed(bar(second, 98, 98, 98, 98))
    assert world.status() == "new", "nobody told of that day"
    opened = SessionChanged("XT", SessionPhase.OPEN, "2023-11-15", at(second), at(CLOSE + 24 * HOUR))
    world.keep(world.core.on_session(opened, at(second + 90)))
    world.feed(bar(second + 120, 98, 98, 98, 98))
    assert world.status() == "filled"
    before = world.core.version, dump(world.core)
    for phase in (SessionPhase.OPEN, SessionPhase.POST):
        assert world.keep(world.core.on_session(replace(opened, phase=phase), world.core.now_ns)) == []
    assert (world.core.version, dump(world.core)) == before


def test_late_bars_of_the_session_are_awaited_as_long_as_the_grace():
    world = traded_day(close_grace_ns=5 * S)
    world.submit(terms("sell", "market_on_close"), OPEN + HOUR, "moc")
    world.submit(terms("buy", "limit", limit=50), OPEN + HOUR, "day")
    world.keep(world.core.on_time(at(CLOSE + 4)))
    assert (world.status("moc"), world.status("day")) == ("new", "new")
    world.feed(bar(CLOSE - 60, 100, 102, 100, 101))
    assert (world.fills(), world.status("day")) == ([(100, 101.0)], "expired")


def test_expiries_of_ended_orders_do_not_pile_up():
    world = World()
    world.feed(quote(0, 99, 100))
    for i in range(200):
        world.submit(terms("buy", "limit", 1, limit=101, tif="gtd", expire=10_000_000), 1 + i)
    world.submit(terms("buy", "limit", 1, limit=50, tif="gtd", expire=10_000_000), 900)
    assert len(world.core.books["X"].acts) < 30
