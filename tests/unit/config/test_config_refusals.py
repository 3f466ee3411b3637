"""A refused file: one line a problem, with file, line, full path, and what would be right; all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config import ConfigError, load

MINIMAL = """\
live:
  broker: paper
  symbols: [ACME, GLOBEX]
  strategies:
    - id: hold
      name: buy_and_hold
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "session.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str, env: dict[str, str] | None = None) -> list[str]:
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path, env or {})
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_the_smallest_live_file_loads(tmp_path):
    config = load(write(tmp_path, MINIMAL), {}).config
    assert config.live is not None
    assert config.live.paper is True
    assert config.gateway.feed.kind == "synthetic"
    assert config.strategies[0].id == "hold"
    assert config.journal_path == Path("var/live/journal.db")


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("  risk:\n    limits:\n      max_notionl: 5", "9: live.risk.limits.max_notionl: unknown key; nearest: max_notional"),
        ("  max_notional: 5", "7: live.max_notional: unknown key; nearest: live.risk.limits.max_notional"),
        ("  risk:\n    qoute_age_ms_max: 5", "8: live.risk.qoute_age_ms_max: unknown key; nearest: quote_age_ms_max"),
        ("  max_ordr_value: 5", "7: live.max_ordr_value: unknown key; nearest: max_order_value"),
        ("  heartbeat:\n    interval_ms: soon", "8: live.heartbeat.interval_ms: must be a whole number, got 'soon'"),
        ('  heartbeat:\n    interval_ms: "10"', "8: live.heartbeat.interval_ms: must be a whole number, got '10'"),
        ("  heartbeat:\n    interval_ms: 1.5", "8: live.heartbeat.interval_ms: must be a whole number, got '1.5'"),
        ("  heartbeat:\n    interval_ms: -1", "8: live.heartbeat.interval_ms: must be at least 1, got '-1'"),
        ("  heartbeat:\n    enabled: 1", "8: live.heartbeat.enabled: must be true or false, got '1'"),
        ("  heartbeat: 10", "7: live.heartbeat: must be a section (keys and values), got '10'"),
        ("  reconnect: []", "7: live.reconnect: must be a section (keys and values), got a list"),
        ("  log_dir: 5", "7: live.log_dir: must be a path, got '5'"),
        ("  risk:\n    limits:\n      max_notional: many", "9: live.risk.limits.max_notional: must be a number, got 'many'"),
        ("  risk:\n    limits:\n      max_notional: true", "9: live.risk.limits.max_notional: must be a number, got 'true'"),
        ("  risk:\n    limits:\n      max_notional: 0", "9: live.risk.limits.max_notional: must be greater than 0, got '0'"),
        ("  risk:\n    limits:\n      max_position_pct: 20", "9: live.risk.limits.max_position_pct: must be at most 4, got '20'"),
        ("  risk:\n    limits:\n      max_notional: .inf", "9: live.risk.limits.max_notional: must be finite, got .inf"),
        ("  topology: proceses", "7: live.topology: must be 'processes' or 'single', got 'proceses'; nearest: processes"),
        ("  risk:\n    require_same_build: false", "8: live.risk.require_same_build: must be True, got 'false'"),
        ("  calendar: XNYZ", "7: live.calendar: "),
        ("  broker: paper", "7: live.broker: duplicate key; first on line 2"),
        ("  paper: false", "7: live.paper: must be true with `broker: paper`"),
        ("  reconnect: {initial_ms: 900, max_ms: 100}", "7: live.reconnect.max_ms: must be at least initial_ms (900)"),
        (
            "  deadman: {after_s: 5}",
            "7: live.deadman.after_s: must be longer than the heartbeat time-out, live.risk.heartbeat_ms x missed_max = 5000 ms",
        ),
        ("bus:\n  transport: tcp\n  keys_directory: keys", "7: bus.endpoint: required key is missing with `transport: tcp`"),
        ("instruments:\n  ACNE: {tick_size: 0.01}", "8: instruments.ACNE: ACNE is not in live.symbols; nearest: ACME"),
        ("paper:\n  slippage_model: fixed_bps", "7: paper.slippage_params.bps: required key is missing with `slippage_model: fixed_bps`"),
        ("paper:\n  balances: {USD: 5}", "8: paper.balances.USD: is the account's own currency; its money is paper.initial_cash"),
        ("paper:\n  balances: {GBP: 5}", "8: paper.balances.GBP: nobody says what it is worth; give `currencies.GBP`"),
        ("paper:\n  balances: {EUR: -5}", "8: paper.balances.EUR: must be at least 0, got '-5'"),
        ("gateway:\n  feed: {kind: syntetic}", "8: gateway.feed.kind: must be one of 'synthetic', 'files', 'journal', 'broker', got 'syntetic'"),
        ("gateway:\n  feed: {kind: files}", "8: gateway.feed.data_directory: required key is missing"),
        ("gateway:\n  feed: {seed: 1, sed: 2}", "8: gateway.feed.sed: unknown key; nearest: seed"),
        ("gateway:\n  feed: {kind: broker}", "8: gateway.feed.kind: the paper broker has no market data; must be synthetic, files or journal"),
        ("strategy: {name: buy_and_hold}", "7: strategy: is the short form of live.strategies; give one of them"),
        ("frobnicate: true", "7: frobnicate: unknown key; nearest: "),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_path(tmp_path, added, expected):
    (line,) = refusal(tmp_path, MINIMAL + added + "\n")
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{id: Cross, name: buy_and_hold}", "live.strategies[0].id: must match ^[a-z][a-z0-9_]{0,15}$, got 'Cross'"),
        ("{id: risk, name: buy_and_hold}", "live.strategies[0].id: risk is the engine's own"),
        ("{name: buy_and_hold}", "live.strategies[0].id: required key is missing"),
        ("{id: a}", "live.strategies[0].name: required key is missing (or `path`)"),
        ("{id: a, name: buy_and_hold, path: 'm:C'}", "live.strategies[0].name: give `name` or `path`, not both"),
        ("{id: a, name: buy_and_hodl}", "live.strategies[0].name: no strategy 'buy_and_hodl' is built in; nearest: buy_and_hold"),
        ("{id: a, path: nowhere}", "live.strategies[0].path: must match"),
        ("{id: a, name: moving_average_cross, params: {fast: 3}}", "live.strategies[0].params.fast: unknown key; nearest: fast_period"),
        ("{id: a, name: moving_average_cross, params: {fast_period: x}}", "live.strategies[0].params.fast_period: must be a whole number, got 'x'"),
        ("{id: a, name: buy_and_hold, symbols: [ACNE]}", "live.strategies[0].symbols[0]: ACNE is not in live.symbols; nearest: ACME"),
        ("{id: a, name: buy_and_hold, warmup_bars: 2000}", "live.strategies[0].warmup_bars: must be at most history_bars_max (1000)"),
        ("{id: a, name: buy_and_hold, budget: 1000000}", "paper.initial_cash: is less than the budgets of the strategies, 1000000"),
    ],
)
def test_a_strategy_entry_is_checked_to_its_parameters(tmp_path, entry, expected):
    lines = refusal(tmp_path, f"live:\n  broker: paper\n  symbols: [ACME]\n  strategies:\n    - {entry}\n")
    assert any(line.split(": ", 1)[1].startswith(expected) for line in lines), lines


def test_every_problem_has_its_line_at_once(tmp_path):
    lines = refusal(tmp_path, "live:\n  broker: papr\n  symbols: []\n  paper: maybe\nbus:\n  clock: sundial\n")
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in lines] == ["3 live.symbols", "4 live.paper", "6 bus.clock"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("live: [\n", "not YAML"),
        ("live:\n  symbols: [A]\n", "live.broker: required key is missing"),
        ("live:\n  broker: paper\n", "live.symbols: required key is missing"),
        ("", "live: required key is missing"),
        ("- a\n", "must be a section"),
        ("live: !!python/object:os.system x\n", "is not used here"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_clear_line(tmp_path, text, expected):
    assert expected in refusal(tmp_path, text)[0]


def test_an_absent_file_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "absent.yaml", {})


def test_an_unknown_broker_names_the_nearest(tmp_path):
    text = MINIMAL.replace("broker: paper", "broker: papr")
    text += "gateway: {feed: {kind: synthetic}}\n"
    assert any("live.broker: no broker adapter of this name is installed; nearest: paper" in line for line in refusal(tmp_path, text))


REAL = """\
live:
  broker: alpaca
  paper: {paper}
  symbols: [SPY]
  broker_config: {{api_key: {key}, secret_key: abcdefgh, base_url: {url}}}
"""


@pytest.mark.parametrize(
    ("paper", "key", "url", "added", "expected"),
    [
        ("false", "AK1", "https://paper-api.alpaca.markets", "", "base_url: paper-api.alpaca.markets does not go with `live.paper: false`"),
        ("true", "PK1", "https://api.alpaca.markets", "", "base_url: api.alpaca.markets does not go with `live.paper: true`"),
        ("false", "PK1", "https://api.alpaca.markets", "", "api_key: is a paper key, and live.paper is false"),
        (
            "true",
            "PK1",
            "https://paper-api.alpaca.markets",
            "bus: {durability: process}",
            "bus.durability: must be orders or disk with a real broker",
        ),
        ("true", "PK1", "https://paper-api.alpaca.markets", "bus: {clock: feed}", "bus.clock: must be wall with a real broker"),
        (
            "true",
            "PK1",
            "https://paper-api.alpaca.markets",
            "  topology: single",
            "live.topology: single with a real broker needs `live.allow_single: true`",
        ),
        (
            "true",
            "PK1",
            "https://paper-api.alpaca.markets",
            "gateway: {feed: {seed: 1, kind: synthetic}}",
            "a real broker trades its own market data only",
        ),
        ("true", "PK1", "paper-api.alpaca.markets", "", "base_url: must match"),
    ],
)
def test_settings_that_would_lose_money_are_refused(tmp_path, paper, key, url, added, expected):
    (line,) = refusal(tmp_path, REAL.format(paper=paper, key=key, url=url) + added + "\n")
    assert expected in line
