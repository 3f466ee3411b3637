"""From the configuration to the data of a backtest, by RegimeFlow's flat keys."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from services.gateway.build import feed_settings, gateway_settings, instruments
from services.gateway.feeds import open_source
from services.gateway.settings import FeedKind, FeedSettings, RateSettings
from shared.config import Config, load
from shared.config.effective import effective

FLAT = "symbols: [SPY]\nbar_type: 1m\ninstruments: {SPY: {calendar: XNYS}}\n"
HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    monkeypatch.chdir(tmp_path)

    def make(text: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return load(path).config

    return make


def of_backtest(config: Config) -> FeedSettings:
    return feed_settings(effective(config))


def test_flat_keys_are_files_in_the_exchanges_dates(config: Callable, ns: Callable) -> None:
    keys = "data_source: csv\nstart_date: 2013-11-29\nend_date: 2013-11-29\n"
    data = "data: {data_directory: d, quotes_pattern: '{symbol}.q', bar_timestamp: end, hours: regular, on_error: skip, has_header: false}\n"
    feed = of_backtest(config(FLAT + keys + data))
    assert feed.kind is FeedKind.FILES
    found = feed.data
    assert (found.data_directory, found.file_pattern, found.quotes_pattern, found.bar_type) == ("d", "{symbol}.csv", "{symbol}.q", "1m")
    assert (found.bar_timestamp, found.hours, found.on_error, found.has_header) == ("end", "regular", "skip", False)
    assert ns("2013-11-28T01:00") <= found.start_ns <= ns("2013-11-29T14:30")
    assert ns("2013-11-29T18:00") <= found.end_ns <= ns("2013-11-30T01:00")  # early close, then post-market


def test_parquet_has_a_pattern_of_its_own(config: Callable) -> None:
    assert of_backtest(config(FLAT + "data_source: parquet\ndata: {data_directory: d}\n")).data.file_pattern == "{symbol}.parquet"
    given = of_backtest(config(FLAT + "data_source: parquet\ndata: {data_directory: d, file_pattern: '{symbol}.pq'}\n"))
    assert given.data.file_pattern == "{symbol}.pq"


def test_several_symbols_of_daily_bars_are_merged_in_time(config: Callable, tmp_path: Path, ns: Callable) -> None:
    for symbol in ("AAA", "BBB"):
        (tmp_path / f"{symbol}.csv").write_text("DATE,Open,High,Low,Close,Volume\n2013-11-27,1,2,1,2,5\n2013-11-29,1,2,1,2,5\n2013-12-02,1,2,1,2,5\n")
    one = config("symbols: [BBB, AAA]\nbar_type: 1d\ndata: {data_directory: .}\nend_date: 2013-11-29\n")
    source = open_source(of_backtest(one), instruments(one))
    rows = [(event.symbol, event.end) for block in source.blocks(0) for event in block.events]
    ends = [ns("2013-11-27T21:00"), ns("2013-11-29T18:00")]
    assert rows == [(symbol, end) for end in ends for symbol in ("BBB", "AAA")]


SYNTHETIC = "data_source: synthetic\ndata: {data_directory: .}\n"


def test_a_synthetic_backtest_has_the_days_it_was_given(config: Callable) -> None:
    one = config(FLAT + SYNTHETIC + "start_date: 2024-01-02\nend_date: 2024-01-03\ngateway: {feed: {kind: synthetic, seed: 3, calendar: XNYS}}\n")
    feed = of_backtest(one)
    assert (feed.kind, feed.synthetic.seed, feed.synthetic.minutes) == (FeedKind.SYNTHETIC, 3, 780)


def test_a_journal_is_that_of_the_session_or_the_one_named(config: Callable, tmp_path: Path, ns: Callable) -> None:
    for name in ("own.db", "other.db"):
        (tmp_path / name).write_bytes(b"journal")
    flat = FLAT + "data_source: journal\ndata: {data_directory: .}\nstart_date: 2024-01-02\n"
    own = of_backtest(config(flat + "journal: {path: own.db}\n"))
    assert (own.kind, own.journal.path) == (FeedKind.JOURNAL, "own.db")
    assert ns("2024-01-01T23:00") < own.journal.start_ns <= ns("2024-01-02T14:30")
    feed = "gateway: {feed: {kind: journal, path: other.db, end: 2024-01-05T00:00:00Z}}\n"
    named = of_backtest(config(flat + feed))
    assert (named.journal.path, named.journal.end_ns) == ("other.db", ns("2024-01-05T00:00:00"))


def test_a_recorded_session_can_feed_a_live_one(config: Callable, ns: Callable) -> None:
    live = "live: {broker: paper, symbols: [SPY], strategies: [{id: s1, name: buy_and_hold}]}\n"
    feed: FeedSettings = feed_settings(config(live + "gateway: {feed: {kind: journal, path: old.db, speed: 60, start: 2024-01-02T14:30:00Z}}\n"))
    assert (feed.kind, feed.speed, feed.journal.path, feed.journal.start_ns) == (FeedKind.JOURNAL, 60.0, "old.db", ns("2024-01-02T14:30:00"))


def test_a_multiplier_is_money_of_its_currency_and_rates_stand_apart(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "live: {broker: paper, symbols: [SAP, ES, ACME, USDJPY]}\n"
        "instruments:\n  SAP: {currency: EUR, fx_rate: 1.0845, multiplier: 5}\n  ES: {asset_class: future, multiplier: 50}\n"
        "currencies:\n  JPY: {pair: USDJPY, inverse: true}\n"
    )
    settings = gateway_settings(load(file).config)
    sap, es, acme, _ = settings.instruments
    assert (sap.currency, sap.multiplier, sap.fx_rate) == ("EUR", 5, 0)
    assert (es.currency, es.multiplier, acme.currency, acme.multiplier) == ("USD", 50, "USD", 1)
    assert settings.rates == (RateSettings(currency="EUR", rate=Decimal("1.0845")), RateSettings(currency="JPY", pair="USDJPY", inverse=True))
