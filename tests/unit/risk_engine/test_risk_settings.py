"""Limits as they are written, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from services.risk_engine.build import risk_settings
from services.risk_engine.settings import RENAMED, Arm, RiskSettings
from shared.config import load


@pytest.mark.parametrize("value", [50000, 50000.0, "50000", Decimal(50000)])
@pytest.mark.parametrize("key", ["max_notional", "max_order_value", "order_notional_max"])
def test_one_limit_however_it_is_named_and_written(key: str, value: object) -> None:
    assert RiskSettings.of({key: value}) == RiskSettings(order_notional_max=Decimal(50000))


def test_regimeflows_names_all_mean_a_limit_of_ours() -> None:
    assert set(RENAMED.values()) <= set(RiskSettings.__struct_fields__)


def test_tenths_are_tenths() -> None:
    assert RiskSettings.of({"drawdown_max": 0.1}).drawdown_max == Decimal("0.1")


def test_null_switches_a_limit_off_and_leaving_it_out_does_not() -> None:
    assert RiskSettings.of({"order_qty_max": None}).order_qty_max is None
    assert RiskSettings.of({}).order_qty_max is not None


@pytest.mark.parametrize(
    "tree",
    [
        {"order_qty_max": -1},
        {"order_qty_max": "NaN"},
        {"order_qty_max": float("inf")},
        {"order_qty_max": True},
        {"order_qty_max": "many"},
        {"oder_qty_max": 1},
        {"max_notional": 1, "max_order_value": 2},
        {"msgs_per_s_max": 0},
        {"deadline_ms": -5},
        {"drawdown_state": "active"},
        {"strategies": [{"id": "a"}, {"id": "a"}]},
        {"strategies": [{"id": "a", "symbol": "X"}]},
        {"arm": "sometimes"},
    ],
    ids=str,
)
def test_what_is_no_limit_is_refused(tree: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        RiskSettings.of(tree)


def test_words_become_members() -> None:
    made = RiskSettings.of({"arm": "manual", "strategies": [{"id": "a", "symbols": ["X"], "budget": "10.5"}]})
    assert made.arm is Arm.MANUAL
    assert made.budgets() == {"a": Decimal("10.5")}


@pytest.mark.parametrize("written", ["deny_new", "cancel_old"])
def test_self_trade_is_as_the_file_says(tmp_path: Path, written: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"live: {{broker: paper, symbols: [X], risk: {{self_trade: {written}}}}}\n")

    made = risk_settings(load(path, env={}, offline=True).config)

    assert (made.self_trade, made.self_trade_allowed) == (written, False)


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("bars", "risk", "oldest"),
    [
        ("1s", "{}", 180_000),
        ("1h", "{}", 3 * DAY_MS // 24),
        ("1d", "{}", 5 * DAY_MS),
        ("1d", "{rate_age_ms_max: 5000}", 5_000),
        ("1d", "{rate_age_ms_max: null}", None),
    ],
)
def test_a_rate_may_be_some_bars_old_unless_the_file_says_otherwise(tmp_path: Path, bars: str, risk: str, oldest: int | None) -> None:
    path = tmp_path / "config.yaml"
    feed = f"{{kind: files, data_directory: ., file_pattern: '{{symbol}}.csv', bar_type: {bars}}}"
    path.write_text(f"live: {{broker: paper, symbols: [X], risk: {risk}}}\ngateway: {{feed: {feed}}}\n")

    assert risk_settings(load(path, env={}, offline=True).config).rate_age_ms_max == oldest
