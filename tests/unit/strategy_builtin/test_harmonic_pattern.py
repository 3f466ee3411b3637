"""`harmonic_pattern`: hand-made swings of each pattern are found, and what follows from one."""

import itertools

import pytest

from shared.events import Bar, CancelIntent, OrderType, TimeInForce
from shared.strategy import StrategySettings
from shared.strategy.builtin.harmonic_pattern import HarmonicPattern
from shared.strategy.builtin.harmonics import best_match, swings

MINUTE = 60_000_000_000
XABCD = {  # X, A, B, C, D with X at 100, A at 150 and the ratios well inside each pattern's ranges
    "gartley": (100.0, 150.0, 119.1, 138.69, 110.70),
    "bat": (100.0, 150.0, 127.95, 141.93, 105.70),
    "butterfly": (100.0, 150.0, 110.7, 135.62, 77.80),
    "crab": (100.0, 150.0, 121.0, 145.5, 69.10),
    "cypher": (100.0, 150.0, 125.0, 156.80, 112.16),
}


def path(points, steps=10):
    """Closes that go from point to point in equal steps."""
    return [round(a + (b - a) * i / steps, 4) for a, b in itertools.pairwise(points) for i in range(steps)] + [points[-1]]


@pytest.mark.parametrize("name", XABCD)
def test_each_pattern_is_found_where_it_is_drawn(name):
    points = XABCD[name]
    assert swings(path(points), 0.03) == list(points)
    rising, falling = best_match(points, 0.1), best_match([300 - p for p in points], 0.1)
    assert (rising.pattern, rising.falling) == (name, True)
    assert (falling.pattern, falling.falling) == (name, False)
    assert rising.confidence > 0.5


def test_other_ratios_are_no_pattern():
    assert best_match((100.0, 150.0, 145.0, 149.0, 120.0), 0.1) is None
    assert best_match((100.0, 100.0, 100.0, 100.0, 100.0), 0.1) is None


def test_the_tolerance_stretches_the_ranges():
    x, a, b, c, d = XABCD["cypher"]
    off = (x, a, b, c, c - (c - d) * 1.12)  # CD/XC 0.88 in place of 0.786
    assert best_match(off, 0.1) is None
    assert best_match(off, 0.13).pattern == "cypher"


def test_confidence_is_one_in_the_middle_and_nothing_at_the_ends():
    ab, bc, cd = 0.5, 1.272, 0.786
    b = 150 - 50 * ab
    c = b + 50 * ab * bc
    assert best_match((100.0, 150.0, b, c, c - (c - 100) * cd), 0.1).confidence == pytest.approx(1.0)
    assert best_match((100.0, 150.0, 150 - 50 * 0.618, 119.1 + 30.9 * 1.414, 100 + (119.1 + 30.9 * 1.414 - 100) * 0.2925), 0.1).confidence < 0.1


def test_a_swing_turns_when_the_price_comes_back_by_the_threshold():
    assert swings([100, 103, 106, 104, 103, 101, 102], 0.03) == [100, 106, 101]
    assert swings([100, 101, 100, 99], 0.03) == [100]
    assert swings([], 0.03) == []


@pytest.fixture
def pattern(told):
    def make(points=XABCD["cypher"], spread=0.0, **params):
        p = told("harmonic_pattern", symbols=("A",), **{"min_bars": 47, "cooldown_bars": 3, **params})
        for close in [points[0]] * 6 + path(points):
            p.minute += 1
            p.bar("A", close, spread)
        return p

    return make


def more(p, count=1, close=112.16):
    """What it asks for at further bars."""
    asked = []
    for _ in range(count):
        p.minute += 1
        asked += p.bar("A", close)
    return asked


def test_it_buys_where_the_last_leg_fell(pattern, in_brief):
    p = pattern()
    assert in_brief(p.said) == ["buy 15 A"]  # all but sure: 1.5 times order_qty
    assert (p.said[0].terms.type, p.said[0].terms.tif) == (OrderType.MARKET, TimeInForce.IOC)
    p.done(p.said)
    assert not more(p, 6), "it holds what it wanted"


def test_it_sells_only_what_it_holds_unless_it_may_be_short(pattern, in_brief):
    top = tuple(300 - x for x in XABCD["cypher"])
    assert not pattern(top).said
    assert in_brief(pattern(top, allow_short=True).said) == ["sell 15 A"]


def test_a_rising_pattern_ends_a_holding(pattern, in_brief):
    p = pattern(order_qty=4, max_qty_scale=0.5)
    p.done(p.said)
    for close in path(tuple(300 - x for x in XABCD["cypher"])):
        p.minute += 1
        p.bar("A", close)
    assert in_brief(p.said) == ["buy 2 A", "sell 2 A"]


@pytest.mark.parametrize(
    ("points", "spread", "limit"),
    [("gartley", 2.0, True), ("gartley", 0.5, False), ("crab", 2.0, False)],
)
def test_a_calm_signal_waits_in_a_lively_market(pattern, points, spread, limit):
    """aggressive_confidence_threshold 1: only a pattern that is always eager goes at the market."""
    order = pattern(XABCD[points], spread, aggressive_confidence_threshold=1.0).said[0].terms
    assert (order.type is OrderType.LIMIT) is limit
    assert str(order.limit_price) == ("110.67" if limit else "None"), "2 bps below 110.70, down to the tick"


def test_one_order_at_a_time_and_the_other_side_cancels_it(pattern):
    p = pattern(XABCD["gartley"], 2.0, aggressive_confidence_threshold=1.0, cooldown_bars=0, allow_short=True)
    p.accept(p.said[0])
    assert not more(p, 4, close=110.7)
    for close in path(tuple(300 - x for x in XABCD["gartley"])):
        p.minute += 1
        p.bar("A", close)
    assert {e.order_id for e in p.events if isinstance(e, CancelIntent)} == {p.said[0].order_id}


def test_a_denied_signal_is_tried_again_after_the_cooldown(pattern):
    p = pattern()
    p.deny(p.said[0])
    assert [len(more(p)) for _ in range(4)] == [0, 0, 0, 1]


def test_cut_at_every_bar_it_asks_for_the_same(cut):
    swing = [*XABCD["cypher"], *(300 - x for x in XABCD["cypher"]), *XABCD["gartley"], *(300 - x for x in XABCD["bat"])]
    closes = path(swing * 2, 5)
    rows = [((i + 1) * MINUTE, Bar("A", i * MINUTE, (i + 1) * MINUTE, close, close + 1, close - 1, close, 100.0)) for i, close in enumerate(closes)]
    settings = StrategySettings("s", "harmonic_pattern", ("A",), {"min_bars": 30, "cooldown_bars": 2, "allow_short": True})
    whole, pieces = cut(settings, rows)
    assert len(whole) > 10
    assert pieces == whole


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"pivot_threshold_pct": 0}, "pivot_threshold_pct: 0 is not from 0.001 to 1"),
        ({"tolerance": 0.6}, "tolerance: 0.6 is not from 0 to 0.5"),
        ({"min_bars": 20}, "min_bars: 20 is not a whole number of at least 30"),
        ({"min_confidence": 1.5}, "min_confidence: 1.5 is not from 0 to 1"),
        ({"venue_switch_confidence": -1}, "venue_switch_confidence: -1"),
        ({"min_qty_scale": 2}, "max_qty_scale: 1.5 is not at least 2"),
        ({"order_qty": "ten"}, "order_qty: 'ten' is not a number"),
        ({"use_limit": 1}, "use_limit: 1 is neither true nor false"),
        ({"symbol": 5}, "symbol: 5 is not text"),
        ({"stop": 1}, "stop: no such parameter"),
    ],
)
def test_parameters_that_cannot_be_are_refused_by_name(params, text):
    with pytest.raises((ValueError, TypeError), match=text):
        HarmonicPattern.check_params(params)
