"""The first backtest a user checks by hand: all cash into SPY at the first regular minute of a real week, held to its end."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.backtest.main import run_backtest
from shared.config import load
from shared.metrics.record import RunRecord

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "minute"
CASH, RATE, MINIMUM, MARGIN = Decimal(100_000), Decimal("0.005"), Decimal(1), Decimal(200)
OPENS, SHUTS = "2013-10-07T13:30:00Z", "2013-10-11T20:00:00Z"

pytestmark = pytest.mark.skipif(not (DATA / "SPY.bars.csv.gz").exists(), reason="needs ../shared/data beside the repository (real SPY minutes)")


def table(kind: str) -> list[dict[str, str]]:
    """Rows of the week's regular hours, as text."""
    with gzip.open(DATA / f"SPY.{kind}.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if OPENS <= row["timestamp"] <= SHUTS]
    last = "20:00:00Z" if kind == "quotes" else "19:59:00Z"
    return [row for row in rows if "13:30:00Z" <= row["timestamp"][11:] <= last]


def held(tmp_path: Path, **data: Any) -> RunRecord:
    path = tmp_path / "week.yaml"
    lines = [
        f"data: {{data_directory: {DATA}, file_pattern: '{{symbol}}.bars.csv.gz', hours: regular{''.join(f', {k}: {v!r}' for k, v in data.items())}}}",
        "symbols: [SPY]",
        "bar_type: 1m",
        "start_date: 2013-10-07",
        "end_date: 2013-10-11",
        f"initial_capital: {CASH}",
        "commission_model: per_share",
        f"commission_params: {{rate: {RATE}, minimum: {MINIMUM}}}",
        "risk: {quote_age_ms_max: 120000, limits: {max_notional: 200000, max_position_pct: 2, max_leverage: 2, buying_power_fraction_max: 1}}",
        f"strategy: {{path: 'tests.support.simple_strategies:AllIn', params: {{margin: {MARGIN}}}}}",
    ]
    path.write_text("\n".join(lines))
    return run_backtest(load(path, env={}))


def check(record: RunRecord, price: Decimal, mark: Decimal) -> None:
    """Fill, fee, cash and equity against arithmetic on the file's own text."""
    units = Decimal(int((CASH - MARGIN) / Decimal(table("bars")[0]["close"])))
    fee = max(units * RATE, MINIMUM)
    (fill,) = record.fills
    assert (fill.quantity, fill.price, fill.fee) == (units, price, fee)
    assert record.final_cash == CASH - units * price - fee
    assert record.final_equity == record.final_cash + units * mark
    assert record.fees == fee
    assert record.curve.equity[-1] == pytest.approx(float(record.final_equity), rel=1e-12)
    assert record.curve.cash[-1] == pytest.approx(float(record.final_cash), rel=1e-12)


def test_with_bars_it_buys_at_the_next_minutes_open(tmp_path: Path) -> None:
    bars = table("bars")
    check(held(tmp_path), Decimal(bars[1]["open"]), Decimal(bars[-1]["close"]))


def test_with_quotes_it_pays_the_ask_of_that_moment_and_is_worth_the_bid_at_the_end(tmp_path: Path) -> None:
    """The first bar ends at 13:31; the quote of 13:31:00 stands when the order arrives."""
    quotes = table("quotes")
    asked = next(row for row in quotes if row["timestamp"] == "2013-10-07T13:31:00Z")
    check(held(tmp_path, quotes_pattern="{symbol}.quotes.csv.gz"), Decimal(asked["ask"]), Decimal(quotes[-1]["bid"]))
