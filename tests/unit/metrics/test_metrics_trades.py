"""Round trips: given fills, these trades; whatever the fills, they add up to the ledger."""

from __future__ import annotations

import math
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.ledger import Ledger
from shared.events import OrderFilled, OrderSide
from shared.metrics.breakdown import by_strategy, by_symbol
from shared.metrics.record import FillRecord
from shared.metrics.trade_statistics import trade_statistics
from shared.metrics.trades import Trade, round_trips
from tests.unit.metrics.records import DAY, JAN_1, fill, marks, record


def only(*fills: FillRecord, **prices: list[float]) -> Trade:
    (trade,) = round_trips(fills, {symbol: marks(values) for symbol, values in prices.items()})
    return trade


def at(day: float) -> int:
    return JAN_1 + int(day * DAY)


def test_a_long_trade_scaled_in_and_out_is_one_round_trip() -> None:
    trade = only(
        fill(at(0), "buy", 100, 10, fee=1),
        fill(at(1), "buy", 100, 12, fee=1),
        fill(at(2), "sell", 50, 13, fee="0.5"),
        fill(at(3), "sell", 150, 14, fee="1.5"),
    )
    assert (trade.direction, trade.quantity, trade.fills) == ("long", 200, 4)
    assert (trade.entry_ns, trade.exit_ns) == (at(0), at(3))
    assert (trade.entry_price, trade.exit_price) == (Decimal(11), Decimal("13.75"))
    assert (trade.pnl, trade.fees, trade.net) == (Decimal(550), Decimal(4), Decimal(546))  # 50 x 13 + 150 x 14 - 2,200
    assert trade.share == 546 / 2200


def test_a_short_trade_earns_when_the_price_falls() -> None:
    trade = only(fill(at(0), "sell", 10, 50), fill(at(1), "buy", 10, 45))
    assert (trade.direction, trade.pnl, trade.share) == ("short", Decimal(50), 0.1)


def test_a_fill_through_zero_closes_one_trade_and_opens_the_next() -> None:
    first, second = round_trips([fill(at(0), "buy", 10, 100), fill(at(1), "sell", 30, 110, fee=3, slippage=0.3), fill(at(2), "buy", 20, 105)], {})
    assert (first.direction, first.exit_ns, first.pnl, first.fees) == ("long", at(1), Decimal(100), Decimal(1))
    assert (second.direction, second.entry_ns, second.quantity, second.pnl, second.fees) == ("short", at(1), 20, Decimal(100), Decimal(2))
    assert math.isclose(first.slippage, 3.0)
    assert math.isclose(second.slippage, 6.0)


def test_the_multiplier_scales_money_and_not_prices() -> None:
    trade = only(fill(at(0), "buy", 2, 5000, multiplier=50), fill(at(1), "sell", 2, 5001, multiplier=50))
    assert (trade.entry_price, trade.pnl) == (Decimal(5000), Decimal(100))
    assert trade.share == 100 / 500_000


def test_an_open_trade_is_valued_at_the_last_mark_and_at_cost_without_one() -> None:
    bought, sold = fill(at(0), "buy", 10, 100, fee=1), fill(at(1), "sell", 4, 110)
    trade = only(bought, sold, X=[100, 110, 120.5])
    assert (trade.exit_ns, trade.exit_price, trade.pnl, trade.unrealised, trade.net) == (None, 110, 40, Decimal(123), Decimal(162))
    bare = only(bought, sold)
    assert (bare.unrealised, bare.mae, bare.mfe, bare.bars) == (0, None, None, 0)


def test_strategies_trade_in_their_own_books_and_ownerless_orders_in_one() -> None:
    fills = [
        fill(at(0), "buy", 1, 10, strategy="a"),
        fill(at(1), "sell", 1, 11, strategy="b"),
        fill(at(2), "buy", 1, 12, strategy="risk"),
        fill(at(3), "sell", 1, 13, strategy="external"),
    ]
    assert [(t.strategy, t.direction, t.exit_ns) for t in round_trips(fills, {})] == [
        ("a", "long", None),
        ("b", "short", None),
        ("unassigned", "long", at(3)),
    ]


def test_excursions_are_the_extremes_at_marks_while_held() -> None:
    path = [100, 90, 95, 130, 120, 1]  # the first stands before the entry's mark, the last after the exit
    trade = only(fill(at(0), "buy", 10, 100), fill(at(2.5), "sell", 5, 96), fill(at(4), "sell", 5, 120), X=path)
    assert (trade.mae, trade.mfe) == (-100.0, 130.0)  # 10 x (90 - 100); 5 x (96 - 100) + 5 x (130 - 100)
    assert trade.bars == 4
    loser = only(fill(at(0), "buy", 1, 100), fill(at(0.5), "sell", 1, 97), X=path)
    assert (loser.mae, loser.mfe, loser.bars) == (-3.0, 0.0, 0)  # no mark while held: its own result bounds it


def test_statistics_of_wins_losses_and_a_draw() -> None:
    results = [10, -4, 0, 6, 8, -6]  # after a fee of 1 each
    fills = [f for n, result in enumerate(results) for f in (fill(at(n), "buy", 1, 100), fill(at(n + 0.5), "sell", 1, 101 + result, fee=1))]
    s = trade_statistics(round_trips([*fills, fill(at(9), "buy", 1, 100)], {"X": marks([107.0])}))
    assert (s.closed, s.winning, s.losing, s.open, s.open_pnl) == (6, 3, 2, 1, Decimal(7))
    assert (s.gross_profit, s.gross_loss) == (Decimal(24), Decimal(-10))
    assert (s.win_rate, s.profit_factor, s.expectancy) == (0.5, 2.4, 14 / 6)
    assert (s.average_win, s.average_loss, s.payoff) == (8.0, -5.0, 1.6)
    assert (s.largest_win, s.largest_loss) == (Decimal(10), Decimal(-6))
    assert (s.longest_winning_streak, s.longest_losing_streak) == (2, 1)
    assert s.average_holding_days == 0.5


def test_without_losers_or_trades_quotients_are_unknown() -> None:
    winner = trade_statistics(round_trips([fill(at(0), "buy", 1, 1), fill(at(1), "sell", 1, 2)], {}))
    assert (winner.profit_factor, winner.average_loss, winner.payoff, winner.largest_loss, winner.win_rate) == (None, None, None, None, 1.0)
    none = trade_statistics([])
    assert (none.win_rate, none.expectancy, none.average_holding_days, none.longest_winning_streak) == (None, None, None, 0)


fills = st.lists(
    st.builds(
        fill,
        ts=st.just(0),
        side=st.sampled_from(("buy", "sell")),
        quantity=st.decimals(min_value=Decimal("0.01"), max_value=50, places=2),
        price=st.decimals(min_value=Decimal("0.01"), max_value=500, places=4),
        fee=st.decimals(min_value=-1, max_value=5, places=3),
        symbol=st.sampled_from(("X", "Y")),
        strategy=st.sampled_from(("a", "b", "risk")),
    ),
    max_size=30,
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(fills)
def test_trades_add_up_to_the_ledger_to_the_last_digit(booked: list[FillRecord]) -> None:
    ledger = Ledger()
    for f in booked:
        ledger.apply(OrderFilled(f.order_id, f.strategy, f.symbol, f.side, f.quantity, f.price, f.fee, "USD", "e", "b", f.quantity, Decimal(0), 0))
    trades = round_trips(booked, {})
    assert sum((t.pnl for t in trades), Decimal(0)) == sum((b.realised for b in ledger.books.values()), Decimal(0))
    assert sum((t.fees for t in trades), Decimal(0)) == sum((f.fee for f in booked), Decimal(0))
    assert sum(1 for t in trades if t.exit_ns is None) == sum(1 for b in ledger.books.values() for p in b.positions.values() if p.quantity)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(fills)
def test_closed_trades_net_the_cash_they_moved_and_tables_add_up(booked: list[FillRecord]) -> None:
    """Brute force: flatten every book at the end; then profit is plain cash, whatever matching rule."""
    held: dict[tuple[str, str], Decimal] = {}
    cash = Decimal(0)
    closing = [
        fill(1, "buy" if quantity < 0 else "sell", abs(quantity), 7, strategy=strategy, symbol=symbol)
        for (strategy, symbol), quantity in _holdings(booked, held).items()
        if quantity
    ]
    run = record([100.0], fills=[*booked, *closing])
    for f in run.fills:
        cash -= (f.quantity if f.side is OrderSide.BUY else -f.quantity) * f.price + f.fee
    trades = round_trips(run.fills, {})
    assert all(t.exit_ns is not None for t in trades)
    assert sum((t.net for t in trades), Decimal(0)) == cash
    for rows in (by_strategy(run, trades), by_symbol(run, trades)):
        assert sum((r.net for r in rows), Decimal(0)) == cash
        assert sum(r.fills for r in rows) == len(run.fills)


def _holdings(booked: list[FillRecord], held: dict[tuple[str, str], Decimal]) -> dict[tuple[str, str], Decimal]:
    for f in booked:
        key = (f.strategy, f.symbol)
        held[key] = held.get(key, Decimal(0)) + (f.quantity if f.side is OrderSide.BUY else -f.quantity)
    return held
