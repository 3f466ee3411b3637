"""Random days of bars: money adds up exactly at every step, and no fill is one the bar, the order or its latency rules out.

The reference is written from the rules with fractions and average cost; it shares no line with the venue's books.
"""

from __future__ import annotations

from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Bar, InstrumentDefined, OrderSide, OrderTerms, OrderType, TimeInForce
from tests.unit.venue.world import MINUTE, S, World, at

CASH = D(1_000_000)
MULTIPLIERS = {"X": D(1), "Y": D(50)}
TICK = D("0.01")
VARIANTS = {
    "plain": {},
    "open_only": {"bar_mode": "open_only", "commission": {"model": "per_share", "rate": "0.01", "minimum": 1}},
    "close_only": {"bar_mode": "close_only", "commission": {"model": "alpaca"}},
    "late and thin": {"latency_ns": 25 * S, "volume_share_max": "0.1", "commission": {"model": "ib_tiered"}},
    "slipping": {"slippage": {"model": "fixed_bps", "bps": 20}, "commission": {"model": "ib_fixed"}},
    "strict": {"rest_policy": "ioc", "volume_share_max": "0.25", "deviation_bps_max": 100, "drift_action": "requote", "latency_ns": 7 * S},
}
SLIP = {"slipping": D("0.002")}

cents = st.integers(9_500, 10_500).map(lambda c: c / 100)
bars = st.tuples(st.just("bar"), st.sampled_from("XY"), cents, cents, cents, cents, st.sampled_from([100.0, 1_000.0, 20_000.0]))
orders = st.tuples(
    st.just("order"),
    st.sampled_from("XY"),
    st.sampled_from(list(OrderSide)),
    st.sampled_from(list(OrderType)),
    st.sampled_from(list(TimeInForce)),
    st.sampled_from([1, 30, 100, 700]),
    st.integers(95, 105),
    st.integers(-2, 2),
    st.sampled_from(["", "", "g"]),
)
moves = st.lists(st.one_of(bars, bars, orders, st.tuples(st.just("cancel"), st.integers(1, 9))), min_size=8, max_size=50)


class Books:
    """Cash, average cost and realised profit from executions alone, exact."""

    def __init__(self):
        self.cash, self.realised, self.fees = Fraction(CASH), Fraction(0), Fraction(0)
        self.held = {s: Fraction(0) for s in MULTIPLIERS}
        self.cost = {s: Fraction(0) for s in MULTIPLIERS}

    def book(self, e):
        s, price, fee = e.symbol, Fraction(e.price), Fraction(e.commission)
        signed = Fraction(e.quantity) * (1 if e.side is OrderSide.BUY else -1)
        unit = Fraction(MULTIPLIERS[s])
        self.cash -= signed * price * unit + fee
        self.fees += fee
        held = self.held[s]
        closing = -max(-held, min(signed, 0)) if held > 0 else -min(-held, max(signed, 0)) if held < 0 else Fraction(0)
        if closing:  # the part of what was held that this closes, with the sign of what was held
            average = self.cost[s] / held
            self.realised += closing * (price - average) * unit
            self.cost[s] -= closing * average
        self.cost[s] += (signed + closing) * price
        self.held[s] = held + signed

    def check(self):
        at_cost = sum(self.cost[s] * Fraction(MULTIPLIERS[s]) for s in MULTIPLIERS)
        assert self.cash + at_cost == Fraction(CASH) + self.realised - self.fees


class Day:
    """One run: sends the moves to a venue and judges every execution when it comes."""

    def __init__(self, name):
        self.slip = SLIP.get(name, D(0))
        self.settings = VARIANTS[name]
        self.world = World(initial_cash=CASH, **self.settings)
        self.core = self.world.core
        self.core.on_instrument(InstrumentDefined("Y", "future", "USD", TICK, D(1), MULTIPLIERS["Y"], "XT"))
        self.books = Books()
        self.sent, self.done = {}, {}
        self.second = 0

    def play(self, move):
        now = at(self.second)
        if move[0] == "bar":
            _, symbol, o, a, b, c, volume = move
            self.second += MINUTE
            bar = Bar(symbol, now, at(self.second), o, max(o, a, b, c), min(o, a, b, c), c, volume)
            self.judge(self.core.on_bar(bar), bar)
        elif move[0] == "cancel":
            self.judge(self.core.cancel(f"o{move[1]}", now).reports, None)
        else:
            _, symbol, side, kind, tif, quantity, limit, off, group = move
            terms = OrderTerms(
                symbol,
                side,
                kind,
                D(quantity),
                D(limit) if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None,
                D(limit + off) if kind in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
                tif,
                now + 100 * S if tif is TimeInForce.GTD else 0,
                D(1) if kind is OrderType.TRAILING_STOP else None,
            )
            name = f"o{len(self.sent) + 1}"
            self.sent[name], self.done[name] = (terms, now + self.settings.get("latency_ns", 0)), D(0)
            self.judge(self.core.submit(name, terms, now, group).reports, None)

    def judge(self, reports, bar):
        traded = D(0)
        for e in (r.execution for r in reports if r.execution):
            assert bar is not None, "without a quote only a bar fills"
            terms, arrives = self.sent[e.client_order_id]
            assert max(arrives, bar.timestamp) <= e.broker_ns <= bar.end, "not before it arrived, nor outside the bar"
            self.done[e.client_order_id] += e.quantity
            assert 0 < e.quantity <= terms.quantity
            assert self.done[e.client_order_id] <= terms.quantity, "never more than was ordered"
            low, high = D(repr(bar.low)), D(repr(bar.high))
            if self.slip and not e.is_maker:
                low, high = low * (1 - self.slip) - TICK, high * (1 + self.slip) + TICK
            assert low <= e.price <= high, "inside the bar, but for declared slippage"
            if terms.limit_price is not None:
                assert e.price <= terms.limit_price if e.side is OrderSide.BUY else e.price >= terms.limit_price
            if terms.tif is TimeInForce.FOK:
                assert e.quantity == terms.quantity
            traded += e.quantity
            self.books.book(e)
            self.books.check()
        share = self.settings.get("volume_share_max")
        if share and bar is not None:
            assert traded <= D(share) * D(repr(bar.volume)), "no more than our share of the volume"
        self.compare()

    def compare(self):
        account, books = self.core.account(), self.books
        assert Fraction(account.cash) == books.cash
        held = {p.symbol: p for p in self.core.positions()}
        assert {s: Fraction(p.quantity) for s, p in held.items()} == {s: q for s, q in books.held.items() if q}
        for s, p in held.items():
            assert abs(Fraction(p.average_price) - books.cost[s] / books.held[s]) <= Fraction(1, 10**8), "cost is told to eight decimals"


@pytest.mark.parametrize("name", VARIANTS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(moves)
def test_money_adds_up_and_no_fill_is_impossible(name, plan):
    day = Day(name)
    for move in plan:
        day.play(move)


def test_the_plans_do_trade():
    """The property is not green for want of fills: one plan of each kind of order does."""
    for name, variant in VARIANTS.items():
        day = Day(name)
        plan = [("bar", "X", 100.0, 100.0, 100.0, 100.0, 20_000.0)]
        for kind in OrderType:
            plan += [("order", "X", side, kind, TimeInForce.DAY, 30, 100, 0, "") for side in OrderSide]
        plan += [("bar", "X", 100.0, 103.0, 97.0, 101.0, 20_000.0), ("bar", "X", 101.0, 103.0, 97.0, 100.0, 20_000.0)]
        for move in plan:
            day.play(move)
        assert sum(day.done.values()) >= 30 * 10, name
        assert day.books.fees > 0 or "commission" not in variant
