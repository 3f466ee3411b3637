"""A backtest's flat keys in the words of the live sections."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import yaml

from shared.config import load
from shared.config.effective import effective, trading, written_as

FLAT = {
    "data_source": "csv",
    "data": {"data_directory": "data", "quotes_pattern": "{symbol}.q.csv", "hours": "regular"},
    "symbols": ["SPY", "IBM"],
    "start_date": "2013-10-07",
    "end_date": "2013-10-11",
    "bar_type": "5m",
    "initial_capital": 250000,
    "currency": "EUR",
    "slippage_model": "fixed_bps",
    "slippage_params": {"bps": 2},
    "commission_model": "per_share",
    "commission_params": {"rate": 0.01},
    "execution": {"simulation": {"bar_mode": "close_only"}, "latency": {"ms": 7}},
    "risk_params": {"max_notional": 5000},
    "strategy": {"name": "buy_and_hold", "params": {"quantity": 3}},
}
LIVE = {
    "live": {
        "broker": "alpaca",
        "broker_config": {"api_key": "PKX", "secret_key": "s"},
        "symbols": ["SPY"],
        "dry_run": True,
        "risk": {"limits": {"max_notional": 900}},
    },
    "gateway": {"feed": {"kind": "broker"}},
    "paper": {"initial_cash": 7000, "slippage_model": "fixed_bps", "slippage_params": {"bps": 9}},
}


@pytest.fixture
def config(tmp_path):
    def make(tree):
        path = tmp_path / "c.yaml"
        path.write_text(yaml.safe_dump(tree))
        return load(path, env={}, offline=True).config

    return make


def test_flat_keys_alone(config):
    e = effective(config(FLAT))
    assert (e.live.broker, e.live.symbols, e.bus.clock) == ("paper", ("SPY", "IBM"), "feed")
    assert (e.paper.initial_cash, e.paper.currency) == (Decimal(250000), "EUR")
    assert (e.paper.slippage_model, e.paper.slippage_params.bps) == ("fixed_bps", Decimal(2))
    assert (e.paper.commission_model, e.paper.commission_params.rate) == ("per_share", Decimal("0.01"))
    assert (e.paper.bar_mode, e.paper.latency_ms) == ("close_only", 7)
    assert e.live.risk.limits.max_notional == 5000
    assert (e.gateway.feed.kind, e.gateway.feed.bar_type, e.gateway.feed.hours) == ("files", "5m", "regular")
    assert e.gateway.feed.start == datetime(2013, 10, 7, 8, tzinfo=UTC), "pre-market of the first day"
    assert e.gateway.feed.end == datetime(2013, 10, 12, tzinfo=UTC), "end of post-market of the last"
    assert e.strategies[0].name == "buy_and_hold"


def test_defaults_without_a_live_session_are_the_flat_ones(config):
    e = effective(config({"data": FLAT["data"], "symbols": ["SPY"]}))
    assert (e.paper.initial_cash, e.gateway.feed.bar_type) == (Decimal(1_000_000), "1d")


def test_a_live_file_stands_where_no_flat_key_is_written(config):
    e = effective(config({**LIVE, "data": FLAT["data"], "commission_model": "alpaca"}))
    assert (e.live.broker, e.live.paper, e.live.dry_run) == ("paper", True, False)
    assert (e.paper.initial_cash, e.paper.slippage_params.bps, e.paper.commission_model) == (Decimal(7000), Decimal(9), "alpaca")
    assert e.live.risk.limits.max_notional == 900


def test_a_model_brings_its_parameters(config):
    """`slippage_model: none` in the flat keys must not keep the live section's basis points."""
    e = effective(config({**LIVE, "data": FLAT["data"], "slippage_model": "none"}))
    assert (e.paper.slippage_model, e.paper.slippage_params.bps) == ("none", None)


def test_the_synthetic_market_gets_its_days(config):
    tree = {**FLAT, "data_source": "synthetic", "gateway": {"feed": {"kind": "synthetic", "calendar": "XNYS", "seed": 3}}}
    feed = effective(config(tree)).gateway.feed
    assert (feed.seed, feed.minutes, feed.start) == (3, 5 * 390, datetime(2013, 10, 7, 13, 30, tzinfo=UTC))


@pytest.mark.parametrize("tree", [FLAT, {**LIVE, "data": FLAT["data"]}, {**LIVE, "data_source": "synthetic", "end_date": "2024-01-03"}])
def test_the_answer_of_an_answer_is_itself(config, tree):
    once = effective(config(tree))
    assert effective(once) == once


def test_data_that_is_nowhere_is_named(config):
    with pytest.raises(ValueError, match=r"^data: required key is missing"):
        effective(config(LIVE))


def test_a_recorded_session_is_a_feed_of_its_own(config):
    feed = effective(config({**LIVE, "data_source": "journal", "journal": {"path": "j.db"}, "start_date": "2013-10-07"})).gateway.feed
    assert (feed.kind, str(feed.path), feed.start) == ("journal", "j.db", datetime(2013, 10, 7, 8, tzinfo=UTC))


def test_a_date_no_calendar_knows_is_named(config):
    with pytest.raises(ValueError, match=r"^start_date, end_date: "):
        effective(config({**FLAT, "start_date": "1850-01-01"}))


def test_a_strategy_of_the_command_line_takes_the_files_parameters(config):
    c = config({**LIVE, "data": FLAT["data"], "strategy_params": {"quantity": 5, "warmup_bars": 4}})
    mine, own = trading(c, "buy_and_hold"), trading(c, "my.py:Mine", {"x": 1})
    assert [(s.name, s.params["quantity"], s.warmup_bars) for s in mine.strategies] == [("buy_and_hold", 5, 4)]
    assert [(s.path, s.params) for s in own.strategies] == [("my.py:Mine", {"x": 1})]


@pytest.mark.parametrize(
    ("key", "flat"),
    [
        ("paper.initial_cash", "initial_capital"),
        ("paper.slippage_params.bps", "slippage_params.bps"),
        ("paper.bar_mode", "execution.simulation.bar_mode"),
        ("paper.latency_ms", "execution.latency.ms"),
        ("live.symbols", "symbols"),
        ("live.risk.limits.max_notional", "risk.limits.max_notional"),
        ("paper.partial_fills", "paper.partial_fills"),
    ],
)
def test_where_a_value_was_written(config, key, flat):
    assert written_as(config(FLAT), tuple(key.split("."))) == flat
    assert written_as(config(LIVE), tuple(key.split("."))) == key
