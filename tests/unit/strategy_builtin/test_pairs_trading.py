"""`pairs_trading`: entry, exit and size from the z-score, and never one leg left alone."""

import statistics
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.strategy_runner.trial import synthetic_bars
from shared.events import CancelIntent
from shared.strategy import StrategySettings
from shared.strategy.builtin.pairs_trading import PairsTrading
from shared.strategy.builtin.spread import Spread

QUIET = [(2 * b + (0.1 if i % 2 else -0.1), b) for i in range(30) for b in (100 + i % 5,)]
"""A is twice B, give or take a dime."""
DEAR, CHEAP, USUAL = (209.0, 102.0), (199.0, 102.0), (204.0, 102.0)


@pytest.fixture
def pair(told):
    def make(**params):
        pair = told("pairs_trading", **{"symbol_a": "A", "symbol_b": "B", "lookback": 30, "cooldown_bars": 0, **params})
        for a, b in QUIET:
            assert not pair.both(a, b)
        return pair

    return make


def test_a_dear_spread_is_sold_and_closed_when_it_is_back(pair, in_brief):
    p = pair()
    entry = p.both(*DEAR)
    assert in_brief(entry) == ["sell 20 A"]  # z past max_z 4: twice base_qty; the sold leg goes first
    assert in_brief(p.accept(entry[0])) == ["buy 40 B"]  # two B against one A
    p.done([p.said[-1]])
    p.fill(entry[0])
    assert (p.holds("A"), p.holds("B")) == (-20, 40)
    assert not p.both(*DEAR), "no second entry while the pair is held"
    closing = p.both(*USUAL)
    assert in_brief(closing) == ["buy 20 A", "sell 40 B"]
    assert all(order.reduce_only for order in closing)
    p.done(closing)
    assert (p.holds("A"), p.holds("B")) == (0, 0)
    assert not p.both(*USUAL)


def test_a_cheap_spread_is_bought_b_sold_first(pair, in_brief):
    p = pair()
    assert in_brief(p.both(*CHEAP)) == ["sell 40 B"]
    assert in_brief(p.accept(p.said[0])) == ["buy 20 A"]


def test_the_size_grows_from_entry_to_max(pair, in_brief):
    """z of this outlier is 5.1; at max_z 8 it is (5.1 - 2) / (8 - 2) of the way from 0.5 to 2."""
    assert in_brief(pair(max_z=8).both(*DEAR)) == ["sell 13 A"]
    assert in_brief(pair(entry_z=5, max_z=5).both(*DEAR)) == ["sell 5 A"]


def test_quantities_are_whole_lots(told, in_brief):
    p = told("pairs_trading", lot="0.01", symbol_a="A", symbol_b="B", lookback=30, base_qty=0.125)
    for a, b in QUIET:
        p.both(a, b)
    assert in_brief(p.both(*DEAR)) == ["sell 0.25 A"]


def test_a_bar_without_its_partner_is_left_out(pair):
    p = pair()
    p.minute += 1
    assert not p.bar("A", DEAR[0]), "B of this minute is not there yet"
    p.minute += 1
    assert not p.bar("B", DEAR[1]), "and comes a minute late"
    assert not p.bar("A", USUAL[0]), "what decides is the pair of one moment"
    p.minute += 1
    p.bar("B", DEAR[1])
    assert p.bar("A", DEAR[0]), "either may come first"


def test_allow_short_false_never_sells_the_spread(pair):
    assert not pair(allow_short=False).both(*DEAR)
    assert pair(allow_short=False).both(*CHEAP)


def test_cooldown_counts_bars_between_signals(pair):
    p = pair(cooldown_bars=3)
    p.done(p.both(*DEAR))
    assert [bool(p.both(*USUAL)) for _ in range(3)] == [False, False, True]


def test_an_exit_also_when_the_spread_jumped_past_the_band(pair, in_brief):
    p = pair()
    p.done(p.both(*DEAR))
    assert in_brief(p.both(*CHEAP)) == ["buy 20 A", "sell 40 B"]


def test_symbols_that_do_not_move_together_are_no_pair(told):
    p = told("pairs_trading", symbol_a="A", symbol_b="B", lookback=30)
    for i, (a, b) in enumerate(QUIET * 2):
        assert not p.both(400 - a + (30 if i == 50 else 0), b)


# one leg


def test_a_denied_first_leg_costs_nothing_and_is_not_tried_again_in_this_excursion(pair):
    p = pair()
    entry = p.both(*DEAR)
    assert not p.deny(entry[0])
    assert not any(p.both(*DEAR) for _ in range(4))
    p.both(*USUAL)
    assert p.both(220.0, 102.0), "a new excursion is a new chance"


def test_a_denied_second_leg_closes_the_first(pair, in_brief):
    p = pair()
    first = p.both(*DEAR)[0]
    second = p.accept(first)[0]
    p.fill(first)
    assert in_brief(p.deny(second)) == ["buy 20 A"]
    assert p.said[-1].reduce_only


def test_a_denied_second_leg_cancels_the_first_while_it_works(pair, in_brief):
    p = pair()
    first = p.both(*DEAR)[0]
    second = p.accept(first)[0]
    p.fill(first, "3")
    assert not p.deny(second)
    assert [e.order_id for e in p.events if isinstance(e, CancelIntent)] == [first.order_id]
    assert in_brief(p.cancel(first, filled="3")) == ["buy 3 A"], "what had filled meanwhile"


def test_a_leg_filled_in_part_closes_both(pair, in_brief):
    p = pair()
    first = p.both(*DEAR)[0]
    second = p.accept(first)[0]
    p.accept(second)
    p.fill(second)
    p.fill(first, "7")
    assert in_brief(p.cancel(first, filled="7")) == ["buy 7 A", "sell 40 B"]


def test_a_close_that_is_refused_is_asked_for_at_every_bar(pair, in_brief):
    p = pair()
    p.done(p.both(*DEAR))
    closing = p.both(*USUAL)
    p.done(closing[:1])
    assert not p.deny(closing[1]), "not again within the same moment"
    p.minute += 1
    again = p.bar("A", 204.0)
    assert in_brief(again) == ["sell 40 B"], "a bar of either symbol will do"
    p.deny(again[0])
    p.done(p.both(*USUAL))
    assert (p.holds("A"), p.holds("B")) == (0, 0)


def test_a_leg_taken_away_closes_the_other(pair, in_brief):
    """An operator flattens one symbol, or a fill comes after its order was given up."""
    p = pair()
    first = p.both(*DEAR)[0]
    p.deny(first)
    p.fill(first)
    assert in_brief(p.both(*DEAR)) == ["buy 20 A"]


# save, load, parameters


def test_cut_at_every_bar_it_asks_for_the_same(cut):
    rows = synthetic_bars(("A", "B"), 240, 3)
    settings = StrategySettings(
        "s", "pairs_trading", ("A", "B"), {"symbol_a": "A", "symbol_b": "B", "lookback": 30, "entry_z": 1.2, "cooldown_bars": 2}
    )
    whole, pieces = cut(settings, rows)
    assert len(whole) > 10
    assert pieces == whole


def reading_anew(pairs):
    """RegimeFlow's formulas, exact."""
    a, b = zip(*[(Fraction(x), Fraction(y)) for x, y in pairs], strict=True)
    mean_a, mean_b = statistics.mean(a), statistics.mean(b)
    var = sum((y - mean_b) ** 2 for y in b)
    cov = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    if cov <= 0:
        return None
    spread = [x - cov / var * y for x, y in zip(a, b, strict=True)]
    mean = statistics.mean(spread)
    deviation = sum((s - mean) ** 2 for s in spread) / (len(spread) - 1)
    return (float(cov / var), float((spread[-1] - mean) / Fraction(float(deviation) ** 0.5))) if deviation else None


prices = st.integers(1, 10**7).map(lambda cents: cents / 100)


@settings(derandomize=True, max_examples=120, deadline=None)
@given(st.lists(st.tuples(prices, prices), max_size=25), st.integers(3, 9))
def test_the_reading_is_the_one_computed_anew(closes, window):
    spread = Spread(window)
    for i, (a, b) in enumerate(closes):
        spread.add(a, b)
        newest = [(round(x * 100), round(y * 100)) for x, y in closes[: i + 1]][-window:]
        expected = reading_anew(newest) if len(newest) == window else None
        found = spread.reading()
        assert (found is None) == (expected is None)
        assert found is None or found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    other = Spread(window)
    other.load(spread.save())
    assert other.reading() == spread.reading()


PAIR = {"symbol_a": "A", "symbol_b": "B"}


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "symbol_a: required"),
        ({"symbol_a": "A"}, "symbol_b: required"),
        ({"symbol_a": "A", "symbol_b": "A"}, "symbol_b: A is symbol_a too"),
        ({**PAIR, "lookback": 29}, "lookback: 29 is not a whole number of at least 30"),
        ({**PAIR, "entry_z": 0.4}, "entry_z: 0.4 is not at least 0.5"),
        ({**PAIR, "exit_z": 2}, "exit_z: 2 must be smaller than entry_z"),
        ({**PAIR, "exit_z": 0.05}, "exit_z: 0.05 is not at least 0.1"),
        ({**PAIR, "max_z": 1.5}, "max_z: 1.5 is not at least 2"),
        ({**PAIR, "max_qty_scale": 0.4}, "max_qty_scale: 0.4 is not at least 0.5"),
        ({**PAIR, "base_qty": 0}, "base_qty: 0 must be greater than 0"),
        ({**PAIR, "cooldown_bars": -1}, "cooldown_bars: -1"),
        ({**PAIR, "allow_short": "no"}, "allow_short: 'no' is neither true nor false"),
        ({**PAIR, "hedge": 1}, "hedge: no such parameter"),
    ],
)
def test_parameters_that_cannot_be_are_refused_by_name(params, text):
    with pytest.raises((ValueError, TypeError), match=text):
        PairsTrading.check_params(params)


def test_a_symbol_it_may_not_trade_is_refused(told):
    p = told("pairs_trading", symbols=("A", "C"), symbol_a="A", symbol_b="B")
    assert "symbol_b: B is none of the strategy's symbols (A, C)" in str(p.events)
