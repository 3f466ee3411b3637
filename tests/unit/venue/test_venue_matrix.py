"""Every order type x time in force x bar mode x gap that the venue takes, worked out by hand.

One session of one bar. Before it the symbol printed 100; the order is sent at the open, then the bar is told. The five bars:

    name         open high  low   close   path of intrabar_ohlc (nearer extreme first, a tie: low first)
    low_first    100  103   98    102     100 -> 98 -> 103 -> 102
    high_first   100  102   97    98      100 -> 102 -> 97 -> 98
    gap_up       104  106   103   105     104 -> 103 -> 106 -> 105
    gap_down      96   97   94     95      96 -> 97 -> 94 -> 95
    calm         100  100.5 99.5  100.2   100 -> 99.5 -> 100.5 -> 100.2

`PRICES` says at which price a resting order (day, gtc, gtd) trades in each, `-`: not at all. `open_only` shows the open alone, `close_only` the
close alone. What other times in force change is a rule of three lines, in `expected`.
"""

from __future__ import annotations

from itertools import product

import pytest

from shared.events import OrderType, TimeInForce
from shared.venue import BarMode
from shared.venue.terms import ACCEPTED
from tests.unit.venue.world import World, at, bar, quote, terms

OPEN, CLOSE, LATER = 60, 120, 200  # seconds: the session is [60, 120)
GTD_UNTIL = 150
BARS = {
    "low_first": (100, 103, 98, 102),
    "high_first": (100, 102, 97, 98),
    "gap_up": (104, 106, 103, 105),
    "gap_down": (96, 97, 94, 95),
    "calm": (100, 100.5, 99.5, 100.2),
}
ORDERS = {
    "buy market": {},
    "sell market": {},
    "buy limit": {"limit": 99},
    "sell limit": {"limit": 101},
    "buy stop": {"stop": 101},
    "sell stop": {"stop": 99},
    "buy stop_limit": {"stop": 101, "limit": 101.5},
    "sell stop_limit": {"stop": 99, "limit": 98.5},
    "buy stop_limit wide": {"stop": 101, "limit": 105},
    "sell stop_limit wide": {"stop": 99, "limit": 95},
    "buy trailing_stop": {"trail": 1},
    "sell trailing_stop": {"trail": 1},
    "buy market_on_open": {},
    "sell market_on_open": {},
    "buy market_on_close": {},
    "sell market_on_close": {},
}
PRICES = """
order                 mode           low_first high_first gap_up gap_down calm
buy market            intrabar_ohlc  100       100        104    96       100      # the open
buy market            open_only      100       100        104    96       100
buy market            close_only     102       98         105    95       100.2
sell market           intrabar_ohlc  100       100        104    96       100
sell market           open_only      100       100        104    96       100
sell market           close_only     102       98         105    95       100.2
buy limit             intrabar_ohlc  99        99         -      96       -        # at 99 on the way down; gapped below it: the better open
buy limit             open_only      -         -          -      96       -
buy limit             close_only     -         98         -      95       -        # the close is the one print, and better than 99
sell limit            intrabar_ohlc  101       101        104    -        -
sell limit            open_only      -         -          104    -        -
sell limit            close_only     102       -          105    -        -
buy stop              intrabar_ohlc  101       101        104    -        -        # at 101 on the way up; gapped through: at the open, beyond it
buy stop              open_only      -         -          104    -        -
buy stop              close_only     102       -          105    -        -
sell stop             intrabar_ohlc  99        99         -      96       -
sell stop             open_only      -         -          -      96       -
sell stop             close_only     -         98         -      95       -
buy stop_limit        intrabar_ohlc  101       101        -      -        -        # gapped up: elected at 104, never back to 101.5
buy stop_limit        open_only      -         -          -      -        -
buy stop_limit        close_only     -         -          -      -        -        # elected at 102, above 101.5
sell stop_limit       intrabar_ohlc  99        99         -      -        -        # gapped down: elected at 96, never back to 98.5
sell stop_limit       open_only      -         -          -      -        -
sell stop_limit       close_only     -         -          -      -        -
buy stop_limit wide   intrabar_ohlc  101       101        104    -        -        # gapped up: elected at 104, inside 105
buy stop_limit wide   open_only      -         -          104    -        -
buy stop_limit wide   close_only     102       -          105    -        -
sell stop_limit wide  intrabar_ohlc  99        99         -      96       -
sell stop_limit wide  open_only      -         -          -      96       -
sell stop_limit wide  close_only     -         98         -      95       -
buy trailing_stop     intrabar_ohlc  99        101        104    97       100.5    # level 101; after 98: 99; after 96: 97; after 99.5: 100.5
buy trailing_stop     open_only      -         -          104    -        -
buy trailing_stop     close_only     102       -          105    -        -
sell trailing_stop    intrabar_ohlc  99        101        103    96       -        # level 99; after 102: 101; after 104: 103
sell trailing_stop    open_only      -         -          -      96       -
sell trailing_stop    close_only     -         98         -      95       -
buy market_on_open    intrabar_ohlc  100       100        104    96       100      # the auctions are the bar's open and close in every mode
buy market_on_open    open_only      100       100        104    96       100
buy market_on_open    close_only     100       100        104    96       100
sell market_on_open   intrabar_ohlc  100       100        104    96       100
sell market_on_open   open_only      100       100        104    96       100
sell market_on_open   close_only     100       100        104    96       100
buy market_on_close   intrabar_ohlc  102       98         105    95       100.2
buy market_on_close   open_only      102       98         105    95       100.2
buy market_on_close   close_only     102       98         105    95       100.2
sell market_on_close  intrabar_ohlc  102       98         105    95       100.2
sell market_on_close  open_only      102       98         105    95       100.2
sell market_on_close  close_only     102       98         105    95       100.2
"""


def read_prices():
    """{(order, mode, bar): price or None}"""
    head, *lines = PRICES.strip().splitlines()
    names = head.split()[2:]
    found = {}
    for line in lines:
        *order, mode = line.partition("#")[0].split()[: -len(names)]
        cells = line.partition("#")[0].split()[-len(names) :]
        for name, cell in zip(names, cells, strict=True):
            found[" ".join(order), mode, name] = None if cell == "-" else float(cell)
    return found


TABLE = read_prices()
CASES = [
    (order, kind, tif, mode, name)
    for order in ORDERS
    for kind in [OrderType(order.split()[1])]
    for tif, mode, name in product(sorted(ACCEPTED[kind]), BarMode, BARS)
]


def expected(order, tif, mode, name):
    """(price, last word). An immediate order has the first print alone: in intrabar_ohlc that is the open."""
    immediate = tif in {"ioc", "fok"}
    price = TABLE[order, "open_only" if immediate and mode == "intrabar_ohlc" else mode, name]
    unfilled = {"day": "expired", "gtc": "new", "gtd": "expired", "ioc": "cancelled", "fok": "cancelled"}
    return price, unfilled[tif] if price is None else "filled"


@pytest.mark.parametrize(("order", "kind", "tif", "mode", "name"), CASES, ids=lambda value: str(value).replace(" ", "_"))
def test_price_and_end(order, kind, tif, mode, name):
    world = World(bar_mode=mode).opened(OPEN, CLOSE)
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms(order.split()[0], kind, tif=tif, expire=GTD_UNTIL if tif == "gtd" else 0, **ORDERS[order]), OPEN)
    world.feed(bar(OPEN, *BARS[name], length=CLOSE - OPEN))
    price, status = expected(order, tif, mode, name)
    assert world.fills() == ([] if price is None else [(100, price)])
    assert world.status() == ("new" if tif == "gtd" and price is None else status)
    world.keep(world.core.on_time(at(LATER)))
    assert world.status() == status
    ended = {"day": CLOSE, "gtd": GTD_UNTIL}
    if status == "expired":
        assert [(r.ns - at(0)) / 1e9 for r in world.seen if r.order and r.order.status == "expired"] == [ended[tif]]


def test_the_table_has_no_hole():
    assert set(TABLE) == set(product(ORDERS, map(str, BarMode), BARS))
    assert {OrderType(order.split()[1]) for order in ORDERS} == set(OrderType), "every type, on both sides"
    assert {(kind, tif, mode, name) for _, kind, tif, mode, name in CASES} == {
        (kind, tif, mode, name) for kind, tifs in ACCEPTED.items() for tif in tifs for mode in BarMode for name in BARS
    }


@pytest.mark.parametrize(("kind", "tif"), [(k, t) for k, t in product(OrderType, TimeInForce) if t not in ACCEPTED[k]])
def test_what_the_table_does_not_have_is_refused(kind, tif):
    world = World()
    world.feed(bar(0, 100, 100, 100, 100))
    order = next(words for name, words in ORDERS.items() if name.split()[1] == kind)
    verdict = world.submit(terms("buy", kind, tif=tif, expire=GTD_UNTIL if tif == "gtd" else 0, **order), OPEN)
    assert (verdict.code, world.status()) == ("unsupported_time_in_force", "rejected")


@pytest.mark.parametrize(
    ("mode", "name", "first", "price"),
    [  # stop at 98.5 and target at 101.5 in one group, long 100
        ("intrabar_ohlc", "low_first", "stop", 98.5),
        ("intrabar_ohlc", "high_first", "target", 101.5),
        ("intrabar_ohlc", "gap_up", "target", 104),
        ("intrabar_ohlc", "gap_down", "stop", 96),
        ("intrabar_ohlc", "calm", "", 0),
        ("open_only", "low_first", "", 0),
        ("open_only", "high_first", "", 0),
        ("open_only", "gap_up", "target", 104),
        ("open_only", "gap_down", "stop", 96),
        ("open_only", "calm", "", 0),
        ("close_only", "low_first", "target", 102),  # closed at 102: what was between is not known
        ("close_only", "high_first", "stop", 98),
        ("close_only", "gap_up", "target", 105),
        ("close_only", "gap_down", "stop", 95),
        ("close_only", "calm", "", 0),
    ],
)
def test_stop_and_target_inside_one_bar(mode, name, first, price):
    world = World(bar_mode=mode)
    world.feed(bar(-60, 100, 100, 100, 100))
    world.submit(terms("buy", "market"), 0, "entry")
    world.feed(bar(0, 100, 100, 100, 100))
    world.submit(terms("sell", "limit", limit=101.5, tif="gtc"), OPEN, "target", group="exit")
    world.submit(terms("sell", "stop", stop=98.5, tif="gtc"), OPEN, "stop", group="exit")
    world.feed(bar(OPEN, *BARS[name]))
    if not first:
        assert (world.status("target"), world.status("stop")) == ("new", "new")
        return
    other = {"target": "stop", "stop": "target"}[first]
    assert world.fills(first) == [(100, price)]
    assert (world.status(first), world.status(other), world.core.positions()) == ("filled", "cancelled", ())


SIZES = [  # 100 wanted, 60 there, then 60 more: (settings, order, fills after the first, end after the second)
    ("day", [60], [60, 40], "filled"),
    ("gtc", [60], [60, 40], "filled"),
    ("gtd", [60], [60, 40], "filled"),
    ("ioc", [60], [60], "cancelled"),
    ("fok", [], [], "cancelled"),
]


@pytest.mark.parametrize("kind", ["market", "limit"])
@pytest.mark.parametrize(("tif", "first", "both", "status"), SIZES, ids=[row[0] for row in SIZES])
@pytest.mark.parametrize("source", ["displayed size", "share of volume"])
def test_less_size_than_wanted(source, kind, tif, first, both, status):
    by_quote = source == "displayed size"
    world = World(displayed_size=True) if by_quote else World(volume_share_max="0.1")
    world.feed(quote(0, 99, 100, ask_size=60) if by_quote else bar(-60, 100, 100, 100, 100))
    limit = {"limit": 100} if kind == "limit" else {}
    world.submit(terms("buy", kind, tif=tif, expire=GTD_UNTIL if tif == "gtd" else 0, **limit), 0)
    again = [quote(30 + i, 99, 100, ask_size=60) for i in (0, 1)] if by_quote else [bar(60 * i, 100, 100, 100, 100, 600) for i in (0, 1)]
    if not by_quote:
        world.feed(again.pop(0))
    assert [quantity for quantity, _ in world.fills()] == first
    world.feed(*again)
    assert [quantity for quantity, _ in world.fills()] == both
    assert world.status() == status
