"""Config parity: a pair that differs in one thing is caught by that thing's name; equal pairs pass; every key has a rule."""

import copy
import typing
import warnings

import pytest
import yaml
from pydantic import BaseModel

from shared.config import load
from shared.config.base import Section
from shared.config.parity import SECTIONS, compare
from shared.config.parity_rules import RULES, Treatment, Verdict, rule_of
from shared.config.root import Config

BASE = {
    "live": {
        "broker": "paper",
        "symbols": ["SPY", "IBM"],
        "calendar": "XNYS",
        "strategies": [
            {"id": "cross", "name": "moving_average_cross", "params": {"fast_period": 10, "slow_period": 30}, "symbols": ["SPY"], "budget": 40000},
            {"id": "hold", "name": "buy_and_hold", "params": {"symbol": "IBM", "quantity": 5}},
        ],
    },
    "bus": {"clock": "feed", "durability": "process"},
    "gateway": {"feed": {"kind": "files", "data_directory": "data", "quotes_pattern": "{symbol}.q.csv", "bar_type": "1m", "hours": "regular"}},
    "instruments": {"SPY": {"tick_size": 0.01}},
    "paper": {"initial_cash": 100000, "commission_model": "ib_tiered"},
}


@pytest.fixture
def read(tmp_path):
    def make(tree):
        path = tmp_path / "c.yaml"
        path.write_text(yaml.safe_dump(tree))
        return load(path, env={}, offline=True)

    return make


def changed(path, value, tree=BASE):
    tree = copy.deepcopy(tree)
    *above, last = path.split(".")
    place = tree
    for name in above:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    place[int(last) if isinstance(place, list) else last] = value
    return tree


def differing(parity):
    return {(row.live_key, row.verdict) for row in parity.rows if row.verdict is not Verdict.PASS}


def test_one_file_used_for_both_passes(read):
    config = read(BASE).config
    found = compare(config, config)
    assert found.verdict is Verdict.PASS
    assert not differing(found)
    assert found.count(Verdict.PASS) > 100


FAIL, WARN = Verdict.FAIL, Verdict.WARN


@pytest.mark.parametrize(
    ("path", "value", "row", "verdict"),
    [
        ("live.strategies.0.params.fast_period", 11, "live.strategies.cross.params.fast_period", FAIL),
        ("live.strategies.0.params", {"slow_period": 30}, "live.strategies.cross.params.fast_period", FAIL),
        ("live.strategies.0", {"id": "cross", "name": "buy_and_hold"}, "live.strategies.cross.name", FAIL),
        ("live.broker_asset_class", "crypto", "live.broker_asset_class", FAIL),
        ("live.strategies.0.warmup_bars", 5, "live.strategies.cross.warmup_bars", FAIL),
        ("live.strategies.0.history_bars_max", 50, "live.strategies.cross.history_bars_max", FAIL),
        ("live.strategies.0.callback_ms_max", 50, "live.strategies.cross.callback_ms_max", WARN),
        ("live.strategies.0.limits", {"max_position": 5}, "live.strategies.cross.limits.max_position", FAIL),
        ("live.strategies.0.symbols", ["IBM"], "live.strategies.cross.symbols", FAIL),
        ("live.strategies.1.id", "other", "live.strategies.other", FAIL),
        ("live.symbols", ["IBM", "SPY"], "live.symbols", WARN),
        ("live.symbols", ["SPY", "IBM", "GE"], "live.symbols", FAIL),
        ("instruments.SPY.tick_size", 0.05, "instruments.SPY.tick_size", FAIL),
        ("instruments.IBM", {"lot_size": 100}, "instruments.IBM.lot_size", FAIL),
        ("instruments.IBM", {"calendar": "24x7"}, "instruments.IBM.calendar", FAIL),
        ("instruments.IBM", {"sector": "tech"}, "instruments.IBM.sector", WARN),
        ("live.calendar", "24x7", "instruments.SPY.calendar", FAIL),
        ("live.dry_run", True, "live.dry_run", FAIL),
        ("live.execution", {"routing": {"enabled": True}}, "live.routing.enabled", FAIL),
        ("account.margin", {"initial_margin_ratio": 0.5}, "account.margin.initial_margin_ratio", FAIL),
        ("live.account", {"margin": {"initial_margin_ratio": 0.5}}, "account.margin.initial_margin_ratio", FAIL),
        ("paper.initial_cash", 90000, "paper.initial_cash", FAIL),
        ("live.risk", {"limits": {"max_drawdown": None}}, "live.risk.limits.max_drawdown", FAIL),
        ("live.risk", {"default_tif": "gtc"}, "live.risk.default_tif", FAIL),
        ("execution.session", {"enabled": True}, "execution.session.enabled", FAIL),
        ("gateway.feed.bar_type", "5m", "data.bar_type", FAIL),
        ("gateway.feed.bar_timestamp", "end", "data.bar_timestamp", FAIL),
        ("gateway.feed.hours", "all", "data.hours", FAIL),
        ("gateway.feed.quotes_pattern", None, "data.quotes", WARN),
        ("gateway.feed.trades_pattern", "{symbol}.t.csv", "data.trades", WARN),
        ("gateway.feed.bands_pattern", "{symbol}.b.csv", "data.bands", FAIL),
        ("gateway.feed.data_directory", "other", "data.market", WARN),
        ("gateway.feed.on_error", "skip", "data.on_error", WARN),
        ("gateway.feed", {"kind": "synthetic"}, "gateway.feed.kind", WARN),
        ("gateway.bars", {"source": "trades"}, "data.bars_from", FAIL),
        ("bus.clock", "wall", "bus.clock", WARN),
    ],
)
def test_a_pair_that_differs_in_one_thing_is_caught(read, path, value, row, verdict):
    assert (row, verdict) in differing(compare(read(BASE).config, read(changed(path, value)).config))


def altered(section, path, value):
    """A copy of a configuration with one value another, whatever its kind."""
    name, *rest = path
    inner = getattr(section, name)
    if rest:
        value = altered(inner, rest, value) if isinstance(inner, BaseModel) else {**inner, rest[0]: value}
    return section.model_copy(update={name: value})


def compared_keys(model=Config, above=()):
    """Every key of the schema that both sides have in one place."""
    for name, field in model.model_fields.items():
        inner = [m for m in sections_in(field.annotation) if issubclass(m, Section)]
        key = (*above, name)
        rule = rule_of(key)
        if inner and (len(key) == 1 or rule is None or isinstance(rule.verdict, Verdict) or any(r.key[: len(key)] == key for r in RULES)):
            yield from (k for m in inner for k in compared_keys(m, key))
        elif not inner and rule is not None and isinstance(rule.verdict, Verdict) and key[0] in SECTIONS:
            yield key


def sections_in(annotation):
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    if typing.get_origin(annotation) is dict or typing.get_origin(annotation) is tuple:
        return []
    return [m for argument in typing.get_args(annotation) for m in sections_in(argument)]


SHOWN_ABOVE = {
    ("live", "broker_asset_class"),
    ("paper", "initial_cash"),
    *((*r, "correlation", k) for r in [("live", "risk", "limits")] for k in ("window", "max_corr", "max_pair_exposure_pct")),
}
"""Two are read by other rows, the others stand in a section that is None in BASE."""


def test_every_key_both_sides_have_is_compared(read):
    config = read(BASE).config
    keys = [key for key in dict.fromkeys(compared_keys()) if key not in SHOWN_ABOVE]
    assert len(keys) > 100
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a value of another kind is as good as any to differ in
        for key in keys:
            found = differing(compare(config, altered(config, key, "another")))
            assert [name for name, _ in found if name == ".".join(key)], f"{'.'.join(key)} differs and nobody says so"


def all_keys(model, above=()):
    """Every key of the schema down to single values, as far as rules go."""
    for name, field in model.model_fields.items():
        key = (*above, name)
        rule = rule_of(key)
        inner = sections_in(field.annotation)
        if inner and (rule is None or any(len(r.key) > len(key) and r.key[: len(key)] == key for r in RULES)):
            for m in inner:
                yield from all_keys(m, key)
        else:
            yield key


def test_every_key_has_a_rule():
    missing = [".".join(key) for key in all_keys(Config) if rule_of(key) is None]
    assert not missing, "say in shared/config/parity_rules.py what these keys mean for live against backtest"


def test_every_rule_has_a_key():
    names = {name for key in all_keys(Config) for name in [".".join(key[:n]) for n in range(1, len(key) + 1)]}
    assert not [".".join(rule.key) for rule in RULES if ".".join(rule.key) not in names]


def test_what_is_apart_is_not_reported(read):
    apart = [("live.log_dir", "elsewhere"), ("gateway.feed.speed", 5.0), ("journal.snapshot_events", 5), ("paper.account", "p2")]
    for path, value in apart:
        assert rule_of(tuple(path.split("."))).verdict is Treatment.APART
        assert not differing(compare(read(BASE).config, read(changed(path, value)).config)), path


# flat keys against live keys


FLAT = {
    "data_source": "csv",
    "data": {"data_directory": "data", "quotes_pattern": "{symbol}.q.csv", "hours": "regular"},
    "bar_type": "1m",
    "symbols": ["SPY"],
    "initial_capital": 100000,
    "commission_model": "ib_tiered",
    "strategy": {"name": "moving_average_cross", "params": {"fast_period": 10, "slow_period": 30}},
}
ONE = changed("live.symbols", ["SPY"], changed("live.strategies", [{"id": "main", **FLAT["strategy"]}]))


def test_a_flat_backtest_file_and_a_live_file_that_say_the_same_pass(read):
    assert not differing(compare(read(FLAT).config, read({**ONE, "instruments": {}}).config))


@pytest.mark.parametrize(
    ("key", "value", "row"),
    [
        ("initial_capital", 5000, ("initial_capital", "paper.initial_cash")),
        ("commission_model", "none", ("commission_model", "paper.commission_model")),
        ("execution", {"simulation": {"bar_mode": "open_only"}}, ("execution.simulation.bar_mode", "paper.bar_mode")),
        ("execution_params", {"latency": {"ms": 3}}, ("execution.latency.ms", "paper.latency_ms")),
        ("risk_params", {"max_notional": 5}, ("risk.limits.max_notional", "live.risk.limits.max_notional")),
        ("currency", "EUR", ("currency", "paper.currency")),
        (
            "strategy",
            {"name": "moving_average_cross", "params": {"fast_period": 9}},
            ("strategy.params.fast_period", "live.strategies.main.params.fast_period"),
        ),
    ],
)
def test_a_row_names_the_key_of_each_side(read, key, value, row):
    found = compare(read({**FLAT, key: value}).config, read({**ONE, "instruments": {}}).config)
    assert row in {(r.backtest_key, r.live_key) for r in found.rows if r.verdict is Verdict.FAIL}


def test_a_real_broker_turns_the_model_of_fills_into_warnings(read):
    live = changed("live.broker", "alpaca", changed("gateway.feed", {"kind": "broker"}, changed("bus", {"clock": "wall"})))
    backtest = {**BASE, "initial_capital": 5}
    rows = {row.live_key: row for row in compare(read(backtest).config, read(live).config).rows}
    assert (rows["paper.commission_model"].verdict, rows["paper.commission_model"].live) == (WARN, "the broker's own")
    assert rows["live.broker"].verdict is WARN
    assert rows["live.strategies.hold.budget"].live == "a share of the account's cash"


def test_keys_not_in_force_are_named_with_their_side(read):
    pending = read(changed("live.risk", {"regime_overlays": {"calm": {"allow_market_orders": False}}}))
    found = compare(pending.config, read(BASE).config, pending.not_in_force, ())
    row = next(row for row in found.rows if row.topic == "not in force")
    assert (row.backtest_key, row.verdict, row.backtest, row.live) == ("live.risk.regime_overlays", WARN, "set, not in force", None)


def test_secrets_among_parameters_are_veiled(read):
    own = [{"id": "own", "path": "my.py:Mine", "params": {"api_key": "hunter2"}}]
    a, b = read(changed("live.strategies", own)), read(changed("live.strategies", [{**own[0], "params": {"api_key": "other"}}]))
    assert "hunter2" not in str(compare(a.config, b.config))


def test_a_file_without_a_live_session_is_no_live_side(read):
    with pytest.raises(ValueError, match=r"^live: required key"):
        compare(read(BASE).config, read(FLAT).config)
