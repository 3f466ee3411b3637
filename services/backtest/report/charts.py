"""The charts of a run, from its record: equity against a benchmark, under water, exposure, and each symbol's price with its fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from shared.events import OrderSide
from shared.metrics.record import FillRecord, RunRecord

from . import formats, thinning
from .chart import Chart, Marker, Series
from .series import Columns, Floats, Timeline, benchmark

RUN_POINTS_MAX: Final = 4_000
PRICE_POINTS_MAX: Final = 2_000
SYMBOLS_MAX: Final = 12
MARKERS_MAX: Final = 1_000


def run_charts(record: RunRecord, run: Columns, time: Timeline, against: str) -> tuple[list[Chart], int]:
    """Equity, drawdown and exposure on the same moments, and how many of the run's moments are drawn. against: the benchmark's symbol, empty
    for none."""
    held = benchmark(record, against, run.times)
    drawn = thinning.keep([run.equity, run.gross, run.net, held, run.drawdown], RUN_POINTS_MAX)
    at = time.moments(run.times[drawn])
    equity = Series("equity", "equity", run.equity[drawn])
    lines = [equity]
    if against and np.isfinite(held).any():
        lines.insert(0, Series(f"{against} bought and held", "benchmark", held[drawn]))
    cash = record.currency
    return [
        Chart("equity", "Equity", _about_equity(record, run, time), at, lines, "money", cash),
        Chart(
            "drawdown",
            "Drawdown (under water)",
            _about_drawdown(run, time),
            at,
            [Series("drawdown", "drawdown", run.drawdown[drawn], area=True)],
            "percent",
            zero=True,
        ),
        Chart(
            "exposure",
            "Exposure",
            _about_exposure(run, cash),
            at,
            [Series("gross", "gross", run.gross[drawn], area=True), Series("net", "net", run.net[drawn])],
            "money",
            cash,
            zero=True,
        ),
    ], len(drawn)


def price_charts(record: RunRecord, time: Timeline) -> list[Chart]:
    """One a symbol that has prices, those with the most fills first, SYMBOLS_MAX at most."""
    fills: dict[str, list[FillRecord]] = {}
    for fill in record.fills:
        fills.setdefault(fill.symbol, []).append(fill)
    names = sorted((s for s in record.prices if len(record.prices[s].times)), key=lambda s: (-len(fills.get(s, ())), s))
    return [_price_chart(record, symbol, fills.get(symbol, []), time, index) for index, symbol in enumerate(names[:SYMBOLS_MAX])]


def _price_chart(record: RunRecord, symbol: str, fills: Sequence[FillRecord], time: Timeline, index: int) -> Chart:
    times, closes = np.asarray(record.prices[symbol].times), np.asarray(record.prices[symbol].closes)
    drawn = thinning.keep([closes], PRICE_POINTS_MAX)
    marked = [fills[i] for i in np.unique(np.linspace(0, len(fills) - 1, min(len(fills), MARKERS_MAX)).astype(int)).tolist()]
    ranks = time.ranks(np.array([f.ts_ns for f in marked], dtype=np.int64)).tolist()
    markers = [
        Marker(
            rank,
            float(f.price),
            f.side.value,
            f"{f.side.value} {formats.exact(f.quantity)} at {formats.price(f.price)}, {time.clock.moment(f.ts_ns)}, {f.strategy}",
        )
        for f, rank in zip(marked, ranks, strict=True)
    ]
    buys = sum(f.side is OrderSide.BUY for f in fills)
    some = f"; {len(marked):,} of them are marked" if len(marked) < len(fills) else ""
    about = f"Price of {symbol} from {formats.price(float(closes[0]))} to {formats.price(float(closes[-1]))} with {buys:,} buys and {len(fills) - buys:,} sells{some}."
    series = [Series(symbol, "price", closes[drawn])]
    return Chart(f"price-{index}", f"{symbol}: price and fills", about, time.moments(times[drawn]), series, "price", markers=markers)


def daily_chart(identity: str, title: str, about: str, time: Timeline, times: Sequence[int], series: Series, unit: str) -> Chart:
    """A curve with its own moments (days), laid on the run's axis."""
    return Chart(identity, title, about, time.moments(np.array(times, dtype=np.int64)), [series], unit)


def _about_equity(record: RunRecord, run: Columns, time: Timeline) -> str:
    if not len(run):
        return "No equity was marked."
    return (
        f"Equity from {formats.money(record.initial_capital, record.currency)} to {formats.money(record.final_equity, record.currency)}, "
        f"lowest {_extreme(run.equity, run, time, record.currency, lowest=True)}, highest {_extreme(run.equity, run, time, record.currency, lowest=False)}."
    )


def _extreme(values: Floats, run: Columns, time: Timeline, currency: str, *, lowest: bool) -> str:
    index = int(values.argmin() if lowest else values.argmax())
    return f"{formats.money(float(values[index]), currency)} on {time.clock.date(int(run.times[index]))}"


def _about_drawdown(run: Columns, time: Timeline) -> str:
    if not np.isfinite(run.drawdown).any():
        return "No drawdown: equity was never above zero."
    index = int(np.nanargmin(run.drawdown))
    return (
        f"Fall of equity from its highest so far; deepest {formats.percent(float(run.drawdown[index]))} on {time.clock.date(int(run.times[index]))}."
    )


def _about_exposure(run: Columns, currency: str) -> str:
    if not len(run):
        return "No exposure was marked."
    return f"Market value of holdings: highest gross {formats.money(float(run.gross.max()), currency)}, net between {formats.money(float(run.net.min()), currency)} and {formats.money(float(run.net.max()), currency)}."
