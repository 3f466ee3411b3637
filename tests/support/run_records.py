"""Run records for tests of statistics and reports: seeded random walks on real sessions, traded by a fixed rule, with books that add up."""

from __future__ import annotations

import datetime as dt
import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from shared.domain.calendar import Calendar
from shared.events import OrderSide, OrderStatus, OrderType, TimeInForce
from shared.metrics.record import Curve, DataFile, FillRecord, OrderRecord, Prices, RunRecord
from shared.metrics.trades import round_trips

DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
CAPITAL = Decimal(100_000)
CENT = Decimal("0.01")


def daily_times(days: int, start: str = "2018-01-02") -> list[int]:
    """Closes of New York sessions."""
    calendar, day, found = Calendar.named("XNYS"), dt.date.fromisoformat(start), []
    while len(found) < days:
        if session := calendar.session(day.isoformat()):
            found.append(session.close_ns)
        day += dt.timedelta(days=1)
    return found


def minute_times(days: int, start: str = "2024-03-04") -> list[int]:
    """Ends of the regular minutes of New York sessions; the week of daylight saving is inside."""
    calendar, day, found = Calendar.named("XNYS"), dt.date.fromisoformat(start), []
    sessions = 0
    while sessions < days:
        if session := calendar.session(day.isoformat()):
            sessions += 1
            found += range(session.open_ns + MINUTE_NS, session.close_ns + 1, MINUTE_NS)
        day += dt.timedelta(days=1)
    return found


def walk(times: Sequence[int], seed: int, price: float = 100.0, drift: float = 0.0004, spread: float = 0.012) -> Prices:
    """Closes of a random walk, to the cent."""
    source, closes = random.Random(seed), array("d")
    for _ in times:
        price = max(price * (1 + source.gauss(drift, spread)), 0.01)
        closes.append(round(price, 2))
    return Prices(array("q", times), closes)


def traded(
    prices: Mapping[str, Prices],
    *,
    name: str = "random walk",
    every: int = 37,
    quantity: int = 200,
    fee: str = "1.00",
    interval_ns: int = DAY_NS,
    capital: Decimal = CAPITAL,
    strategies: Mapping[str, Mapping[str, object]] | None = None,
) -> RunRecord:
    """A run in which each symbol's strategy (`s0`, `s1`...) turns between long, flat and short every so many bars at that bar's close."""
    symbols = list(prices)
    ids = [f"s{i}" for i in range(len(symbols))]
    times = list(next(iter(prices.values())).times)
    fills: list[FillRecord] = []
    curve, own = Curve(), {i: Curve() for i in ids}
    cash = {i: capital / len(ids) for i in ids}
    held = dict.fromkeys(ids, Decimal(0))
    for index, ts in enumerate(times):
        total = [0.0, 0.0, 0.0, 0.0]
        for number, (strategy, symbol) in enumerate(zip(ids, symbols, strict=True)):
            close = Decimal(repr(prices[symbol].closes[index]))
            if index and index % (every + 5 * number) == 0:
                aim = Decimal((quantity, 0, -quantity)[(index // (every + 5 * number)) % 3])
                if change := aim - held[strategy]:
                    side = OrderSide.BUY if change > 0 else OrderSide.SELL
                    n = len(fills) + 1
                    fills.append(
                        FillRecord(ts, f"x{n}", f"{strategy}:1:{n}", strategy, symbol, side, abs(change), close, Decimal(fee), slippage=0.01)
                    )
                    cash[strategy] -= change * close + Decimal(fee)
                    held[strategy] = aim
            value = float(held[strategy] * close)
            row = (float(cash[strategy]) + value, float(cash[strategy]), abs(value), value)
            _mark(own[strategy], ts, row)
            total = [a + b for a, b in zip(total, row, strict=True)]
        _mark(curve, ts, total)
    marks = {symbol: Decimal(repr(p.closes[-1])) if p.closes else Decimal(0) for symbol, p in prices.items()}
    final_cash = sum(cash.values(), Decimal(0))
    worth = sum((held[i] * marks[s] for i, s in zip(ids, symbols, strict=True)), Decimal(0))
    fees = sum((f.fee for f in fills), Decimal(0))
    orders = [_order(f) for f in fills]
    if fills:
        orders.append(
            replace(orders[0], order_id="s0:1:9999", status=OrderStatus.REJECTED, filled=Decimal(0), average_price=None, reason="ORDER_NOTIONAL")
        )
    return RunRecord(
        name=name,
        currency="USD",
        initial_capital=capital,
        final_cash=final_cash,
        final_equity=final_cash + worth,
        realised=sum((t.pnl for t in round_trips(fills, prices)), Decimal(0)),
        fees=fees,
        interval_ns=interval_ns,
        started_ns=times[0] if times else 0,
        ended_ns=times[-1] if times else 0,
        symbols=symbols,
        calendars=dict.fromkeys(symbols, "XNYS"),
        curve=curve,
        by_strategy=own,
        prices=prices,
        fills=fills,
        orders=orders,
        cash_flows=(),
        counts={"events": 3 * len(times), "bars": len(times), "intents": len(orders), "approved": len(fills), "denied": 4, "filled": len(fills)},
        denials={"ORDER_NOTIONAL": 3, "THROTTLED": 1} if fills else {},
        strategies=strategies
        or {i: {"name": "turns", "params": {"every": every, "quantity": quantity}, "symbols": [s]} for i, s in zip(ids, symbols, strict=True)},
        config_hash="c0ffee" * 8,
        data_hash="da7a" * 12,
        data=[DataFile(f"{s}.csv", f"{n:02d}ab" * 12, len(times), n) for n, s in enumerate(symbols)],
        wall_s=1.25,
    )


def _mark(curve: Curve, ts: int, row: Sequence[float]) -> None:
    curve.times.append(ts)
    for column, value in zip((curve.equity, curve.cash, curve.gross, curve.net), row, strict=True):
        column.append(value)


def _order(fill: FillRecord) -> OrderRecord:
    return OrderRecord(
        order_id=fill.order_id,
        strategy=fill.strategy,
        symbol=fill.symbol,
        side=fill.side,
        type=OrderType.MARKET,
        tif=TimeInForce.DAY,
        quantity=fill.quantity,
        limit_price=None,
        stop_price=None,
        submitted_ns=fill.ts_ns - 1_000,
        ended_ns=fill.ts_ns,
        status=OrderStatus.FILLED,
        filled=fill.quantity,
        average_price=fill.price,
    )


def usual() -> RunRecord:
    """Three symbols and three and a half years of days."""
    times = daily_times(880)
    return traded({"AAPL": walk(times, 7), "MSFT": walk(times, 8, 250.0), "XOM": walk(times, 9, 60.0, -0.0002)}, quantity=150)


def intraday() -> RunRecord:
    """Two weeks of minutes, one symbol."""
    times = minute_times(10)
    return traded({"SPY": walk(times, 3, 510.0, 0.0, 0.0004)}, every=61, quantity=100, interval_ns=MINUTE_NS, name="two weeks of minutes")


def empty() -> RunRecord:
    """Nothing came, nothing was marked."""
    return replace(traded({"AAPL": walk([], 1)}, name="empty"), started_ns=0, ended_ns=0)


def flat() -> RunRecord:
    """A strategy that never trades."""
    return traded({"AAPL": walk(daily_times(300), 2)}, every=10_000, name="flat")


def one_fill() -> RunRecord:
    """One purchase, held to the end: an open trade, none closed."""
    return traded({"AAPL": walk(daily_times(60), 4)}, every=25, name="one fill")


def ruined() -> RunRecord:
    """A loss to below zero: short of what only rises, on little capital."""
    times = daily_times(200)
    return traded({"GME": walk(times, 5, 20.0, 0.03, 0.02)}, every=80, quantity=1_000, capital=Decimal(10_000), name="ruined")
