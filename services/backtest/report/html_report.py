"""The report as one page that opens anywhere: no other file, no network, no script needed to read it.

Promises: what comes from data or users is inert text; the page's policy forbids every request and every script but its own, by digest; the
script only reads values out and zooms. Curves are drawn from their extremes, never from samples, and the page says how many points that is.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import orjson

from shared.metrics.record import RunRecord
from shared.metrics.summary import Summary

from . import breakdowns, formats, key_figures, provenance
from .chart import Chart, page_data
from .charts import SYMBOLS_MAX, price_charts, run_charts
from .histogram import histogram
from .markup import Markup, empty, join, tag
from .moments import Clock
from .months import heat_map
from .output import replacing
from .rolling import rolling_sharpe
from .series import benchmark_symbol, columns, timeline
from .tables import pairs, tiles

_DAY_NS = 86_400_000_000_000


def write_html(path: Path, record: RunRecord, summary: Summary, benchmark: str = "") -> None:
    """benchmark: the symbol equity is drawn against; default the run's first (`benchmark_symbol`). Raises OSError."""
    text = page(record, summary, benchmark)
    with replacing(path) as out:
        out.write(text.encode())


def page(record: RunRecord, summary: Summary, benchmark: str = "") -> str:
    """The document."""
    clock = Clock.of(record.calendars.values())
    time = timeline(record, clock)
    run = columns(record)
    overview, drawn = run_charts(record, run, time, benchmark_symbol(record, benchmark))
    rolling = rolling_sharpe(summary, time)
    prices = price_charts(record, time)
    charts = [*overview, *([rolling] if rolling is not None else []), *prices]
    equity, drawdown, exposure = overview
    net = float(key_figures.net_result(record))
    body = (
        _head(record, clock),
        tiles(key_figures.headline(record, summary)),
        equity.markup(),
        tag("div", drawdown.markup(), class_="low"),
        _drawn(drawn, len(run)),
        tag("h2", "Returns"),
        heat_map({(m.year, m.month): m.value for m in summary.monthly}, {y.year: y.value for y in summary.yearly}),
        tag("div", *([tag("div", rolling.markup(), class_="low")] if rolling is not None else []), _results(summary, record.currency), class_="pair"),
        tag("h2", "Exposure"),
        tag("div", exposure.markup(), class_="low"),
        tag("h2", "Trades on price"),
        *_prices(record, prices),
        tag("h2", "Key figures"),
        tag("div", *(pairs(g.title, g.lines) for g in key_figures.groups(record, summary)), class_="groups"),
        tag("h2", "Where it came from"),
        breakdowns.breakdown("By strategy", "Strategy", summary.strategies, record.currency),
        breakdowns.breakdown("By symbol", "Symbol", summary.symbols, record.currency),
        tag("div", breakdowns.cost_table(summary.costs, net, record.currency), provenance.denial_table(record), class_="pair"),
        breakdowns.drawdown_table(summary.drawdowns, clock, record.interval_ns),
        breakdowns.trade_table(summary.round_trips, clock, record.interval_ns),
        tag("h2", "What was run"),
        provenance.run_table(record, clock),
        provenance.strategy_table(record),
        provenance.data_table(record),
        provenance.count_table(record),
        tag("footer", f"Money in {record.currency}. Times of {clock.zone.key}. A dash is a figure that does not exist; point at it for the reason."),
    )
    return _document(record, tag("main", *body), charts)


def _document(record: RunRecord, body: Markup, charts: Sequence[Chart]) -> str:
    """The page around its body."""
    style, script = _asset("report.css"), _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    data = page_data(charts) | {"daily": record.interval_ns >= _DAY_NS}
    numbers = orjson.dumps(data).decode().replace("<", "\\u003c")  # no tag can end or begin in it
    head = tag(
        "head",
        empty("meta", charset="utf-8"),
        empty("meta", http_equiv="Content-Security-Policy", content=policy),
        empty("meta", name="viewport", content="width=device-width, initial-scale=1"),
        empty("meta", name="color-scheme", content="light dark"),
        empty("link", rel="icon", href="data:,"),
        tag("title", f"{record.name} - backtest report"),
        tag("style", Markup(style)),
    )
    tail = join((tag("script", Markup(numbers), type="application/json", id="data"), tag("script", Markup(script))))
    return "<!doctype html>\n" + tag("html", head, tag("body", _shapes(), body, tail), lang="en") + "\n"


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _shapes() -> Markup:
    """Markers: a buy points up from below its price, a sell down from above."""
    buy = tag("symbol", empty("path", d="M0 1L5 10H-5Z"), id="buy", overflow="visible")
    sell = tag("symbol", empty("path", d="M0 -1L5 -10H-5Z"), id="sell", overflow="visible")
    return tag("svg", buy, sell, width="0", height="0", style="position:absolute", aria_hidden="true")


def _head(record: RunRecord, clock: Clock) -> Markup:
    dates = f"{clock.date(record.started_ns)} to {clock.date(record.ended_ns)}" if record.started_ns else "nothing came from the data"
    bars = f"bars of {formats.span(record.interval_ns)}" if record.interval_ns else "no bars"
    said = (f"Backtest, {dates}", bars, ", ".join(record.symbols), ", ".join(record.strategies))
    return tag("header", tag("h1", record.name), tag("p", " \N{MIDDLE DOT} ".join(part for part in said if part), class_="soft"))


def _drawn(drawn: int, marks: int) -> Markup:
    if not marks:
        return Markup()
    if drawn == marks:
        return tag("p", f"Every one of {marks:,} marks is drawn. Drag across a chart to zoom, double-click for the whole run.", class_="note")
    return tag(
        "p",
        f"Drawn are {drawn:,} of {marks:,} marks: the lowest and the highest of each stretch, so no spike is missing; the equity CSV "
        "(--output-equity) has all. Drag across a chart to zoom, double-click for the whole run.",
        class_="note",
    )


def _results(summary: Summary, currency: str) -> Markup:
    results = [float(t.net) for t in summary.round_trips if t.exit_ns is not None]
    won = summary.trades.winning
    about = f"{len(results):,} closed trades, {won:,} of them won, from {formats.gain(min(results, default=None), currency)} to {formats.gain(max(results, default=None), currency)}."
    return histogram("Results of trades", results, currency, about)


def _prices(record: RunRecord, charts: Sequence[Chart]) -> list[Markup]:
    if not charts:
        return [tag("div", tag("p", "No prices in this run.", class_="none"), class_="card")]
    priced = sum(bool(len(p.times)) for p in record.prices.values())
    left_out = tag("p", f"{len(charts)} of {priced} symbols, those with the most fills (limit {SYMBOLS_MAX}).", class_="note")
    return [*(chart.markup() for chart in charts), *([left_out] if priced > len(charts) else [])]
