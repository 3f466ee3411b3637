"""Sessions of a simulation, its halts, and what it does with an order that cannot trade whole or near its price."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal as D
from zoneinfo import ZoneInfo

import pytest

from shared.domain.calendar import Calendar
from shared.domain.calendars import UnknownCalendar
from shared.events import Bar, InstrumentDefined, InstrumentHalted, SessionChanged, SessionPhase, Trade
from shared.venue import SessionWindow
from shared.venue.window import hours_in
from tests.unit.venue.world import World, at, bar, quote, terms, trade

NEW_YORK = ZoneInfo("America/New_York")
WEEK = tuple(range(5))


def told(date, name="XNYS"):
    session = Calendar.named(name).session(date)
    return SessionChanged(name, SessionPhase.OPEN, date, session.open_ns, session.close_ns)


def wall(ns):
    return datetime.fromtimestamp(ns / 1e9, NEW_YORK).strftime("%H:%M")


@pytest.mark.parametrize(
    ("window", "date", "hours"),
    [
        ({"start": "10:00", "end": "15:00"}, "2024-03-08", ("10:00", "15:00")),  # before and
        ({"start": "10:00", "end": "15:00"}, "2024-03-11", ("10:00", "15:00")),  # after the clocks changed
        ({"start": "04:00", "end": "20:00"}, "2024-03-11", ("09:30", "16:00")),  # never more than the calendar has
        ({"start": "10:00", "end": "15:00"}, "2024-07-03", ("10:00", "13:00")),  # an early close stays early
        ({"start": "14:00", "end": "15:00"}, "2024-07-03", None),
        ({"weekdays": (0, 1)}, "2024-03-11", ("09:30", "16:00")),  # a Monday
        ({"weekdays": (0, 1)}, "2024-03-13", None),
        ({"closed_dates": ("2024-03-11",)}, "2024-03-11", None),
        ({}, "2024-03-11", ("09:30", "16:00")),
    ],
)
def test_a_window_narrows_the_session(window, date, hours):
    found = hours_in(SessionWindow(**window), told(date))
    assert (found.close_ns != 0 and (wall(found.open_ns), wall(found.close_ns))) == (hours or False)
    assert found.swept is (hours is None)


def test_a_window_needs_a_calendar_it_knows_and_hours_that_are():
    with pytest.raises(UnknownCalendar):
        hours_in(SessionWindow(), SessionChanged("XT", SessionPhase.OPEN, "2024-03-11", 1, 2))
    for bad in ("9:30", "24:01", "12:60", "noon!"):
        with pytest.raises(ValueError, match="start must be"):
            SessionWindow(start=bad)


def new_york(world, date="2024-03-11"):
    """The venue trades X in New York; ns of a wall time of the date."""
    world.core.on_instrument(InstrumentDefined("X", "equity", "USD", D("0.01"), D(1), D(1), "XNYS"))
    event = told(date)
    world.keep(world.core.on_session(event, event.open_ns))
    return lambda clock: int(datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=NEW_YORK).timestamp()) * 10**9


def minute(ns, price):
    return Bar("X", ns, ns + 60 * 10**9, price, price, price, price, 1000.0)


def test_orders_wait_for_the_window_and_end_with_it():
    world = World(session={"start": "10:00", "end": "15:00"})
    ns = new_york(world)
    world.feed(minute(ns("09:30"), 100.0))
    for name, order in {"market": terms("buy", "market"), "never": terms("buy", "limit", limit=50), "moc": terms("sell", "market_on_close")}.items():
        world.keep(world.core.submit(name, order, ns("09:31")).reports)
    world.feed(minute(ns("09:31"), 101.0), minute(ns("09:59"), 102.0))
    assert world.fills() == []
    world.feed(minute(ns("10:00"), 103.0))
    assert world.fills() == [(100, 103.0)]
    world.feed(minute(ns("14:59"), 104.0), minute(ns("15:00"), 40.0))
    assert world.fills("moc") == [(100, 104.0)], "the window's close is the close"
    assert world.status("never") == "expired"


@pytest.mark.parametrize(("minutes", "filled"), [(0, True), (5, False), (6, True)])
def test_a_first_print_too_late_is_no_opening_price(minutes, filled):
    world = World(session={"open_auction_minutes": minutes})
    ns = new_york(world)
    world.core.on_trade(Trade("X", ns("09:00"), 99.0, 10.0))
    world.keep(world.core.submit("moo", terms("buy", "market_on_open"), ns("09:30")).reports)
    world.feed(minute(ns("09:35"), 100.0))
    assert bool(world.fills()) is filled


@pytest.mark.parametrize(("minutes", "filled"), [(0, True), (10, False), (11, True)])
def test_a_last_print_too_early_is_no_closing_price(minutes, filled):
    world = World(session={"close_auction_minutes": minutes})
    ns = new_york(world)
    world.feed(minute(ns("09:30"), 100.0))
    world.keep(world.core.submit("moc", terms("buy", "market_on_close"), ns("10:00")).reports)
    world.feed(Trade("X", ns("15:49"), 100.0, 10.0))
    world.keep(world.core.on_time(ns("16:01")))
    assert (bool(world.fills()), world.status("moc")) == (filled, "filled" if filled else "expired")


def test_a_symbol_halted_by_configuration_never_trades():
    world = World(halted_symbols=("X",))
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("buy", "market", tif="gtc"), 60)
    world.keep(world.core.on_halt(InstrumentHalted("X", False, "resumed"), at(61)))
    world.feed(bar(60, 100, 100, 100, 100), trade(130, 100), quote(131, 99, 100))
    assert (world.fills(), world.status()) == ([], "new")


def test_a_halt_between_two_bars_makes_a_stop_trade_at_the_first_price_after_it():
    """A price-band pause: the stop at 95 is gapped through while nothing trades."""
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("sell", "stop", stop=95, tif="gtc"), 60)
    world.keep(world.core.on_halt(InstrumentHalted("X", True, "LULD"), at(61)))
    world.feed(bar(60, 99, 99, 92, 93))
    assert world.fills() == []
    world.keep(world.core.on_halt(InstrumentHalted("X", False, "LULD"), at(360)))
    world.feed(bar(360, 91, 92, 90, 91))
    assert world.fills() == [(100, 91.0)]


@pytest.mark.parametrize(
    ("policy", "tif", "quantities", "status"),
    [
        ("return", "day", [60, 40], "filled"),
        ("ioc", "day", [60], "cancelled"),
        ("fok", "day", [], "cancelled"),
        ("fok", "ioc", [60], "cancelled"),  # its own time in force goes before the policy
        ("ioc", "fok", [], "cancelled"),
    ],
)
def test_what_becomes_of_the_rest(policy, tif, quantities, status):
    world = World(displayed_size=True, rest_policy=policy)
    world.feed(quote(0, 99, 100, ask_size=60))
    world.submit(terms("buy", "market", tif=tif), 1)
    world.feed(quote(2, 99, 100, ask_size=60))
    assert [quantity for quantity, _ in world.fills()] == quantities
    assert world.status() == status


def test_a_policy_waits_for_a_limit_order_to_be_reached():
    world = World(displayed_size=True, rest_policy="fok")
    world.feed(quote(0, 99, 101, ask_size=60))
    world.submit(terms("buy", "limit", limit=100), 1)
    assert world.status() == "new"
    world.feed(quote(2, 99, 100, ask_size=100))
    assert world.fills() == [(100, 100.0)]


@pytest.mark.parametrize(
    ("order", "prices", "action", "fills", "status"),
    [  # 50 bps of 100 is 0.50
        (terms("buy", "market"), (100.5, 101, 100, 101), "reject", [(100, 100.5)], "filled"),
        (terms("buy", "market"), (100.51, 101, 100, 101), "reject", [], "cancelled"),
        (terms("buy", "market"), (100.51, 101, 100, 101), "ignore", [(100, 100.51)], "filled"),
        (terms("buy", "market"), (95, 96, 94, 95), "reject", [(100, 95.0)], "filled"),  # in its favour
        (terms("buy", "market"), (102, 102.4, 101.9, 102.2), "requote", [(100, 101.9)], "filled"),  # asked again at 102, next point is the low
        (terms("sell", "stop", stop=99), (98, 98.4, 97, 97.5), "reject", [], "cancelled"),  # gapped 101 bps through 99
        (terms("sell", "stop", stop=99), (100, 100, 97, 97.5), "reject", [(100, 99.0)], "filled"),  # at its level
        (terms("buy", "limit", limit=101), (100.9, 101, 100.5, 100.9), "reject", [(100, 100.9)], "filled"),  # its limit protects it
        (terms("buy", "market_on_open"), (103, 103, 103, 103), "reject", [(100, 103.0)], "filled"),  # an auction has one price for all
    ],
)
def test_a_price_that_moved_too_far(order, prices, action, fills, status):
    world = World(deviation_bps_max=50, drift_action=action)
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(order, 60)
    world.feed(bar(60, *prices))
    assert (world.fills(), world.status()) == (fills, status)


def test_latency_is_what_lets_a_price_drift():
    world = World(latency_ns=5 * 10**9, deviation_bps_max=50, drift_action="reject")
    world.feed(quote(0, 99, 100))
    world.submit(terms("buy", "market"), 1)
    world.feed(quote(3, 100, 101), quote(7, 100, 101))
    assert (world.fills(), world.status()) == ([], "cancelled")


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("limit", bar(60, 105, 106, 104, 105)),
        ("limit", quote(61, 105, 106)),
        ("limit", trade(61, 105)),
        ("market_on_open", bar(60, 105, 106, 104, 105)),
        ("market_on_open", trade(61, 105)),
        ("market_on_close", bar(60, 105, 106, 104, 105)),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_siblings_reached_by_one_price_trade_once(kind, event):
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    for name, limit in (("a", 101), ("b", 102)):
        world.submit(terms("sell", kind, **({"limit": limit} if kind == "limit" else {})), 60, name, group="g")
    world.feed(event)
    assert (world.fills(), world.status("a"), world.status("b")) == ([(100, 105.0)], "filled", "cancelled")
