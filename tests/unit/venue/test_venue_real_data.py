"""Real minutes of SPY: every fill is a price the market showed, at a time it could have been had."""

from __future__ import annotations

import csv
import gzip
import itertools
from datetime import datetime
from pathlib import Path

import pytest

from shared.events import Bar, Quote
from tests.unit.venue.world import S, World, terms

DATA = Path(__file__).parents[4] / "shared" / "data" / "minute"
MINUTE = 60 * S
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="market data of ../shared/data is absent")


def rows(name, limit):
    with gzip.open(DATA / name, "rt") as file:
        yield from itertools.islice(csv.DictReader(file), limit)


def ns(text):
    return round(datetime.fromisoformat(text).timestamp()) * S


def spy(limit=1500):
    """Bars and the quotes of their ends, in order of when they are known; quotes first."""
    events = []
    for r in rows("SPY.bars.csv.gz", limit):
        start = ns(r["timestamp"])
        prices = (float(r[k]) for k in ("open", "high", "low", "close", "volume"))
        events.append((start + MINUTE, 1, Bar("X", start, start + MINUTE, *prices)))
    for r in rows("SPY.quotes.csv.gz", limit):
        stamp = ns(r["timestamp"])
        events.append((stamp, 0, Quote("X", stamp, *(float(r[k]) for k in ("bid", "ask", "bid_size", "ask_size")))))
    return [(t, event) for t, _, event in sorted(events, key=lambda e: e[:2])]


def test_fills_on_bars_lie_inside_their_bar():
    world = World(initial_cash=10**9)
    fills = 0
    for i, (now, event) in enumerate(e for e in spy() if isinstance(e[1], Bar)):
        for report in world.core.on_bar(event):
            if report.execution:
                fills += 1
                assert event.low - 0.005 <= float(report.execution.price) <= event.high + 0.005
                assert event.timestamp <= report.ns < event.end
        close = round(event.close, 2)
        order = (
            terms("buy", "market", 1),
            terms("sell", "limit", 1, limit=round(close + 0.05, 2)),
            terms("sell", "stop", 1, stop=round(close - 0.05, 2)),
            terms("buy", "trailing_stop", 1, trail="0.10"),
        )[i % 4]
        verdict = world.core.submit(f"o{i}", order, now)
        assert verdict.code == ""
    assert fills > 500


def test_takers_on_quotes_pay_the_side_that_stood_and_no_more_than_was_shown():
    world = World(initial_cash=10**9, displayed_size=True)
    standing, used = None, {"buy": 0, "sell": 0}
    for i, (now, event) in enumerate(spy()):
        reports = list(world.core.on_market(event, now))
        if isinstance(event, Quote):
            standing, used = event, {"buy": 0, "sell": 0}
        verdict = world.core.submit(f"o{i}", terms("buy" if i % 3 else "sell", "market", 700, tif="ioc"), now)
        for e in (r.execution for r in (*reports, *verdict.reports) if r.execution):
            assert float(e.price) == pytest.approx(standing.ask if e.side == "buy" else standing.bid, abs=0.005)
            used[e.side] += e.quantity
            assert used[e.side] <= (standing.ask_size if e.side == "buy" else standing.bid_size)
