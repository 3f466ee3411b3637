"""Whatever happens: the books add up, a restored core goes on exactly as the one it was saved from, and the same inputs give the same reports."""

from __future__ import annotations

from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import Bar, InstrumentHalted, OrderSide, OrderType, Quote, SessionChanged, SessionPhase, TimeInForce, Trade
from shared.events.orders import OrderTerms
from shared.venue import StateIncompatible, VenueSettings, dump, load
from tests.unit.venue.world import S, World, at

SYMBOLS = ("X", "Y")
VARIANTS = (
    {},
    {"latency_ns": 7 * S, "commission": {"model": "ib_tiered"}},
    {"displayed_size": True, "volume_share_max": "0.1", "slippage": {"model": "volume_impact", "impact_bps": 30}},
    {"account_kind": "cash", "bar_mode": "close_only", "commission": {"model": "alpaca"}},
)

cents = st.integers(9_000, 11_000).map(lambda c: c / 100)
size = st.sampled_from([10.0, 100.0, 1000.0])
symbol = st.sampled_from(SYMBOLS)


@st.composite
def bars(draw):
    o, c, a, b = (draw(cents) for _ in range(4))
    return ("bar", draw(symbol), o, max(o, c, a), min(o, c, b), c, draw(size))


@st.composite
def orders(draw):
    kind = draw(st.sampled_from(list(OrderType)))
    price = draw(st.integers(90, 110))
    return (
        "submit",
        draw(symbol),
        draw(st.sampled_from(list(OrderSide))),
        kind,
        draw(st.sampled_from([1, 10, 100, 5_000])),
        price,
        price + draw(st.integers(-3, 3)),
        draw(st.sampled_from(list(TimeInForce))),
        draw(st.sampled_from(["", "", "g"])),
    )


step = st.one_of(
    bars(),
    st.tuples(st.just("quote"), symbol, cents, st.sampled_from([0.01, 0.1, -0.05]), size, size),
    st.tuples(st.just("trade"), symbol, cents, size),
    orders(),
    st.tuples(st.just("cancel"), st.integers(1, 12)),
    st.tuples(st.just("replace"), st.integers(1, 12), st.integers(90, 110), st.sampled_from([5, 200])),
    st.tuples(st.just("halt"), symbol, st.booleans()),
    st.tuples(st.just("session"), st.integers(1, 6)),
    st.tuples(st.just("time")),
)


class Runner:
    """Plays steps, one every ten seconds, on whatever core it holds."""

    def __init__(self, variant):
        self.world = World(initial_cash=100_000, **variant)
        self.core = self.world.core
        self.orders = 0
        self.second = 60.0

    def play(self, move):
        core, self.second = self.core, self.second + 10
        now = at(self.second)
        match move:
            case ("bar", sym, o, h, low, c, volume):
                return core.on_bar(Bar(sym, at(self.second - 60), now, o, h, low, c, volume))
            case ("quote", sym, bid, spread, bid_size, ask_size):
                return core.on_quote(Quote(sym, now, bid, bid + spread, bid_size, ask_size))
            case ("trade", sym, price, volume):
                return core.on_trade(Trade(sym, now, price, volume))
            case ("submit", sym, side, kind, quantity, limit, stop, tif, group):
                self.orders += 1
                order = OrderTerms(
                    sym,
                    side,
                    kind,
                    D(quantity),
                    D(limit) if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None,
                    D(stop) if kind in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
                    tif,
                    now + 45 * S if tif is TimeInForce.GTD else 0,
                    D(2) if kind is OrderType.TRAILING_STOP else None,
                )
                return core.submit(f"o{self.orders}", order, now, group).reports
            case ("cancel", number):
                return core.cancel(f"o{number}", now).reports
            case ("replace", number, price, quantity):
                self.orders += 1
                known = core.order(f"o{number}")
                if known is None:
                    return ()
                changes = {"limit_price": D(price)} if known.terms.limit_price else {}
                return core.replace(
                    f"o{self.orders}", f"o{number}", msgspec.structs.replace(known.terms, quantity=D(quantity), **changes), now
                ).reports
            case ("halt", sym, halted):
                return core.on_halt(InstrumentHalted(sym, halted, ""), now)
            case ("session", hours):
                return core.on_session(SessionChanged("XT", SessionPhase.OPEN, f"day {self.second}", now, now + hours * 30 * S), now)
            case _:
                return core.on_time(now)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(VARIANTS), st.lists(step, min_size=5, max_size=40))
def test_the_books_add_up(variant, moves):
    runner = Runner(variant)
    reports = [report for move in moves for report in runner.play(move)]
    assert [r.n for r in reports] == list(range(1, len(reports) + 1))
    executions = [r.execution for r in reports if r.execution]
    assert len({e.execution_id for e in executions}) == len(executions)
    cash, held, filled = D(100_000), dict.fromkeys(SYMBOLS, D(0)), {}
    for e in executions:
        signed = e.quantity if e.side is OrderSide.BUY else -e.quantity
        cash -= signed * e.price + e.commission
        held[e.symbol] += signed
        assert e.quantity > 0
        assert e.price > 0
        filled[e.client_order_id] = e.cumulative
    assert runner.core.account().cash == cash
    assert {p.symbol: p.quantity for p in runner.core.positions()} == {s: q for s, q in held.items() if q}
    for number in range(1, runner.orders + 1):
        row = runner.core.order(f"o{number}")
        if row is not None:
            assert row.filled <= row.terms.quantity
            if row.client_order_id in filled:
                assert row.filled == filled[row.client_order_id]
    newest = {r.order.client_order_id: r.order for r in reports if r.order}
    for name, row in newest.items():
        if row.status != "pending_replace":
            assert runner.core.order(name) == row, "the newest report is the order"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(VARIANTS), st.lists(step, min_size=4, max_size=30), st.lists(step, min_size=4, max_size=30))
def test_a_restored_core_goes_on_exactly(variant, before, after):
    runner = Runner(variant)
    ended = {}
    for move in before:
        for report in runner.play(move):
            if report.order is not None:
                ended[report.order.client_order_id] = report.order
    saved = dump(runner.core)
    market = runner.core.market
    newest = sorted((*market.prints.values(), *market.quotes.values()), key=lambda e: e.end if isinstance(e, Bar) else e.timestamp)
    open_ids = {row.client_order_id for row in runner.core.open_orders()}
    twin = Runner(variant)
    twin.core = load(runner.core.settings, saved, (row for name, row in ended.items() if name not in open_ids), newest)
    twin.orders, twin.second = runner.orders, runner.second
    assert dump(twin.core) == saved
    for move in after:
        assert list(runner.play(move)) == list(twin.play(move)), move
    assert dump(twin.core) == dump(runner.core)
    assert twin.core.account() == runner.core.account()


def test_foreign_bytes_are_refused():
    for raw in (b"", b"\xc1", b"\x91\x01", msgspec.msgpack.encode([99] + [0] * 12)):
        with pytest.raises(StateIncompatible):
            load(VenueSettings(), raw, (), ())
