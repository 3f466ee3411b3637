"""RegimeFlow's live files load: its keys in its spelling are in force, ignored by name, or named as not yet in force."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.config import ConfigError, load

ALPACA = """\
live:
  broker: alpaca
  paper: true
  broker_asset_class: equity
  symbols: ["AAPL", "MSFT"]
  broker_config:
    enable_streaming: true
    stream_subscribe_template: '{"action":"subscribe","bars":{symbols}}'
    stream_unsubscribe_template: '{"action":"unsubscribe","bars":{symbols}}'
  reconnect: {enabled: true, initial_ms: 500, max_ms: 10000}
  heartbeat: {enabled: true, interval_ms: 10000}
  risk:
    limits:
      max_notional: 50000
      max_position_pct: 0.2
  account:
    margin: {initial_margin_ratio: 0.5, maintenance_margin_ratio: 0.25, stop_out_margin_level: 0.4}

strategy:
  name: buy_and_hold
  params:
    warmup_bars: 1

metrics:
  live:
    enable: true
    baseline_report: out/report.json
    output_dir: logs
    sinks: [file]
"""

IB = """\
live:
  broker: ib
  symbols: ["AAPL", "EURUSD", "FGBL", "BMW_C72_DEC25"]
  broker_config:
    host: 127.0.0.1
    port: 7497
    client_id: 7
    defaults: {security_type: STK, exchange: SMART, currency: USD, primary_exchange: ARCA}
    contracts:
      EURUSD: {security_type: CASH, exchange: IDEALPRO}
      FGBL: {security_type: FUT, exchange: EUREX, currency: EUR, local_symbol: FGBL MAR 27, include_expired: true}
      BMW_C72_DEC25:
        security_type: OPT
        symbol_override: BMW
        last_trade_date_or_contract_month: 20251219
        strike: 72
        right: C
        multiplier: "100"
strategy: {name: buy_and_hold, params: {warmup_bars: 1}}
"""

BINANCE = """\
live:
  broker: binance
  broker_asset_class: crypto
  symbols: ["BTCUSDT"]
  broker_config: {enable_streaming: true, recv_window_ms: 5000}
strategy: {name: buy_and_hold}
"""

EVERYTHING = """\
engine: {initial_capital: 100000, currency: USD, audit_log_path: logs/audit}
plugins:
  search_paths: [examples/plugins/custom_regime/build]
  load: [libcustom_regime_detector.so]
regime: {detector: hmm, hmm: {states: 4, window: 20}}
data: {type: csv, data_directory: data, file_pattern: "{symbol}.csv", datetime_format: "%Y-%m-%d", validation: {check_gap: true}}
symbols: [AAPL]
start_date: 2019-01-01
end_date: "2020-12-31"
bar_type: 1d
strategy:
  type: moving_average_cross
  params: {short_window: 20, long_window: 80, fast_period: 10}
execution:
  model: basic
  slippage: {type: fixed_bps, bps: 1.0}
  commission: {type: zero}
  latency: {ms: 5}
  market_impact: {type: order_book, max_bps: 50}
  routing: {enabled: true, venues: [{name: lit, weight: 1}]}
risk:
  limits: {max_notional: 100000, sector_limits: {tech: 0.4}, sector_map: {AAPL: tech}}
  limits_by_regime: {crisis: {limits: {max_notional: 25000}}}
  stop_loss: {enable: true, pct: 0.05}
  time_stop: {enable: false}
live:
  broker: alpaca
  symbols: [AAPL]
  dry_run: true
  duplicate_order_window_ms: 250
  reconciliation: {disable_trading_on_error: true}
  audit: {format: jsonl}
  replay_journal_path: out/replay.jsonl
  routing: {enabled: true, split: {enabled: true, mode: parallel, min_child_qty: 1}}
  risk:
    limits: {max_notional: 100000, correlation: {window: 60, max_corr: 0.8, max_pair_exposure_pct: 0.3}}
    regime_overlays: {crisis: {allow_new_exposure: false, max_order_notional: 1000}}
metrics:
  prometheus: {enabled: true, host: 0.0.0.0, port: 9464, path: /metrics}
  live: {enable: true, sinks: [file, postgres], postgres: {connection_string: "postgres://u:p@h/d", table: t, pool_size: 2}}
"""

KEYS = {"ALPACA_API_KEY": "PK1234", "ALPACA_API_SECRET": "s3cr3tvalue"}


def loaded(tmp_path, text: str, env: dict[str, str] | None = None):
    path = tmp_path / "regimeflow.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, KEYS if env is None else env)


def test_an_alpaca_file(tmp_path):
    result = loaded(tmp_path, ALPACA)
    live = result.config.live
    assert live is not None
    assert live.risk.limits.max_notional == Decimal(50_000)
    assert live.risk.limits.max_position_pct == Decimal("0.2")
    assert live.heartbeat.interval_ms == 10_000
    assert result.config.gateway.feed.kind == "broker"
    assert result.config.margin.initial_margin_ratio == Decimal("0.5")
    (strategy,) = result.config.strategies
    assert (strategy.id, strategy.name, strategy.warmup_bars) == ("main", "buy_and_hold", 1)
    assert [note.path for note in result.ignored] == [
        "live.broker_config.stream_subscribe_template",
        "live.broker_config.stream_unsubscribe_template",
    ]
    assert [note.path for note in result.not_in_force] == ["live.broker", "live.account.margin", "metrics.live"]
    assert str(result.not_in_force[0]) == "line 2: live.broker: accepted, not yet in force: the Alpaca adapter"


def test_an_interactive_brokers_file(tmp_path):
    live = loaded(tmp_path, IB, {}).config.live
    assert live is not None
    contract = live.broker_config.contracts["BMW_C72_DEC25"]
    assert contract.last_trade_date_or_contract_month == "20251219"
    assert (contract.strike, contract.multiplier, contract.right) == (Decimal(72), "100", "C")
    assert live.broker_config.contracts["FGBL"].include_expired


def test_a_file_for_a_broker_that_is_missing_here_loads_and_says_so(tmp_path):
    result = loaded(tmp_path, BINANCE, {})
    assert [str(note) for note in result.not_in_force] == ["line 2: live.broker: accepted, not yet in force: an adapter for Binance"]
    assert result.config.live.broker_config.recv_window_ms == 5_000
    assert result.config.instrument("BTCUSDT").calendar == "24x7"


def test_a_file_with_everything(tmp_path):
    result = loaded(tmp_path, EVERYTHING)
    config = result.config
    assert config.live is not None
    assert config.initial_capital == 100_000
    assert (config.slippage_model, config.slippage_params.bps, config.commission_model) == ("fixed_bps", 1, "none")
    assert config.execution.latency.ms == 5
    assert config.backtest_risk.limits_by_regime["crisis"].limits.max_notional == 25_000
    assert config.live.risk.duplicate_order_window_ms == 250
    assert config.strategies[0].name == "moving_average_cross"
    assert [note.path for note in result.ignored] == [
        "engine.audit_log_path",
        "plugins",
        "data.datetime_format",
        "data.validation",
        "strategy.params.short_window",
        "strategy.params.long_window",
    ]
    features = {note.text.removeprefix("accepted, not yet in force: ") for note in result.not_in_force}
    assert features >= {
        "the Alpaca adapter", "drift metrics", "postgres sinks", "the Prometheus endpoint",
        "a regime detector other than `constant`", "market impact", "the replay journal",
    }  # fmt: skip
    assert not any(note.path.endswith("time_stop") for note in result.not_in_force)  # it is off


def test_the_flat_python_form_of_a_backtest(tmp_path):
    text = """\
data_source: csv
data: {data_directory: data, has_header: true}
symbols: [AAPL, MSFT]
initial_capital: 100000.0
slippage_model: fixed_bps
slippage_params: {bps: 1.0}
commission_model: fixed
commission_params: {amount: 0.005}
risk_params: {max_notional: 100000, max_position_pct: 0.2}
execution_params: {simulation: {bar_mode: close_only}, session: {enabled: true}}
strategy_params: {fast_period: 10}
plugins_search_paths: [build]
plugins_load: [lib.so]
"""
    result = loaded(tmp_path, text, {})
    assert result.config.backtest_risk.limits.max_notional == 100_000
    assert result.config.execution.simulation.bar_mode == "close_only"
    assert result.config.backtest_symbols == ("AAPL", "MSFT")
    assert [note.path for note in result.ignored] == ["plugins_search_paths", "plugins_load"]


@pytest.mark.parametrize("key", ["delimiter: ';'", "utc_offset_seconds: 3600"])
def test_what_would_change_results_is_refused_not_ignored(tmp_path, key):
    with pytest.raises(ConfigError, match="unknown key"):
        loaded(tmp_path, f"symbols: [A]\ndata: {{data_directory: d, {key}}}\n", {})
