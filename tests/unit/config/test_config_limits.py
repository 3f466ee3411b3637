"""Limits mean one value, however they are written and spelled; null switches one off; nothing else does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config import ConfigError, config_hashes, load
from shared.config.base import exact
from shared.config.limits import LimitOverrides, Limits

BASE = "live:\n  broker: paper\n  symbols: [ACME]\n"


def limits(tmp_path, text: str, env: dict[str, str] | None = None) -> Limits:
    path = tmp_path / "limits.yaml"
    path.write_text(BASE + text, encoding="utf-8")
    config = load(path, env or {}).config
    assert config.live is not None
    return config.live.risk.limits


@pytest.mark.parametrize("written", ["50000", "50000.0", "5e4", '"50000"', "'50000.00'", "${LIMIT}", '"${LIMIT}"', "${NONE:-50000}"])
def test_an_integer_limit_is_in_force_exactly_as_a_float_is(tmp_path, written):
    value = limits(tmp_path, f"  risk:\n    limits:\n      max_notional: {written}", {"LIMIT": "50000"}).max_notional
    assert value == Decimal(50_000)
    assert str(value) == "50000"


@pytest.mark.parametrize(
    "written",
    [
        "  risk: {limits: {max_notional: 123}}",
        "  risk: {max_notional: 123}",
        "  risk: {order_notional_max: 123}",
        "  risk: {limits: {order_notional_max: 123}}",
        "  risk: {max_order_value: 123.0}",
        "  max_order_value: 123",
        "  max_order_value: 123\n  risk: {order_notional_max: 123}",
    ],
)
def test_one_limit_has_several_spellings(tmp_path, written):
    assert limits(tmp_path, written).max_notional == 123


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        ("  max_orders_per_second: 3", "max_orders_per_second", 3),
        ("  risk: {msgs_per_s_max: 3}", "max_orders_per_second", 3),
        ("  max_orders_per_minute: 30", "max_orders_per_minute", 30),
        ("  daily_loss_limit: 500", "daily_loss_limit", 500),
        ("  risk: {day_loss_max: 500}", "daily_loss_limit", 500),
        ("  daily_loss_limit_pct: 0.01", "daily_loss_limit_pct", Decimal("0.01")),
        ("  risk: {position_max: 7}", "max_position", 7),
        ("  risk: {drawdown_max: 0.3}", "max_drawdown", Decimal("0.3")),
    ],
)
def test_regimeflow_and_our_names_reach_the_same_limit(tmp_path, written, name, value):
    assert getattr(limits(tmp_path, written), name) == value


def test_two_spellings_that_disagree_are_refused_with_both_places(tmp_path):
    with pytest.raises(ConfigError) as caught:
        limits(tmp_path, "  max_order_value: 100\n  risk:\n    limits:\n      max_notional: 50\n")
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (4, "live.max_order_value")
    assert problem.text == "is one setting with live.risk.limits.max_notional (line 7) and says otherwise"


def test_a_mistake_is_named_as_it_was_written(tmp_path):
    with pytest.raises(ConfigError, match=r":4: live\.max_order_value: must be greater than 0, got '-1'"):
        limits(tmp_path, "  max_order_value: -1")


def test_other_risk_spellings_move_too(tmp_path):
    path = tmp_path / "risk.yaml"
    path.write_text(
        BASE + "  duplicate_order_window_ms: 250\n  risk: {deadman_after_s: 30, restart_max_per_min: 2, reconcile_interval_s: 7}\n", encoding="utf-8"
    )
    live = load(path, {}).config.live
    assert live is not None
    assert live.risk.duplicate_order_window_ms == 250
    assert live.deadman.after_s == 30
    assert live.restart_max_per_min == 2
    assert live.order_reconcile_interval_ms == 7_000


EVERY_CONTROL = """\
    arm: manual
    command_age_ms_max: 2000
    duplicate_id_window: forever
    duplicate_order_window_ms: 500
    duplicate_order_count_max: 1
    order_qty_max: 100
    order_adv_fraction_max: 0.05
    order_notional_max: 1000
    collar_bps: 100
    collar_window_ms: 1000
    collar_window_bps: 200
    halt_policy: cancel
    luld_required: false
    sessions_allowed: [open]
    close_buffer_s: 60
    quote_age_ms_max: 1000
    gap_blocks_trading: true
    msgs_per_s_max: 5
    cancel_reserve_per_s: 5
    repeat_executions_max: 10
    repeat_window_s: 60
    orders_open_max: 10
    position_max: 100
    position_notional_max: 1000
    gross_notional_max: 1000
    net_notional_max: 1000
    buying_power_fraction_max: 0.9
    short_allowed: false
    require_easy_to_borrow: true
    self_trade: deny_new
    day_loss_max: 100
    drawdown_max: 0.1
    strategy_day_loss_max: 50
    child_qty_over_parent_max: 0
    reconcile_interval_s: 5
    reconcile_grace_ms: 1000
    arm_requires_reconcile: true
    unknown_age_s_max: 10
    conservation_tolerance: 0
    alert_latency_ms_max: 5000
    halt_cancels_open: true
    halt_scope: global
    deadman_broker_session: true
    deadman_after_s: 15
    deadman_ib: alert
    default_tif: DAY
    heartbeat_ms: 1000
    missed_max: 3
    require_same_build: true
    restart_max_per_min: 3
    queue_append_max: 100
    clock_offset_ms_max: 50
"""


def test_every_control_has_its_key_under_live_risk(tmp_path):
    assert limits(tmp_path, "  risk:\n" + EVERY_CONTROL).max_position == 100


def test_top_level_risk_is_in_force_live_too(tmp_path):
    assert limits(tmp_path, "risk_params: {max_notional: 77}\n").max_notional == 77
    assert limits(tmp_path, "  risk: {max_notional: 5}\nrisk: {limits: {max_notional: 77}}\n").max_notional == 5


def test_defaults_are_on_and_null_switches_one_off(tmp_path):
    untouched = limits(tmp_path, "")
    assert untouched.max_notional is not None
    assert untouched.given() == {}
    off = limits(tmp_path, "  risk: {limits: {max_notional: null, max_drawdown: 0.5}}")
    assert off.max_notional is None
    assert off.given() == {"max_drawdown": Decimal("0.5"), "max_notional": None}


def test_an_empty_variable_does_not_switch_a_limit_off(tmp_path):
    with pytest.raises(ConfigError, match=r"max_notional: must be a number"):
        limits(tmp_path, "  risk:\n    limits:\n      max_notional: ${EMPTY}", {"EMPTY": ""})


def test_limits_of_a_strategy_hold_only_what_is_written():
    own = LimitOverrides.model_validate({"max_position": 5})
    assert own.max_position == 5
    assert own.max_notional is None
    assert own.sector_limits == {}
    assert own.given() == {"max_position": Decimal(5)}


@settings(derandomize=True, max_examples=200)
@given(st.decimals(min_value="0.000001", max_value="1000000000", places=6))
def test_every_way_of_writing_a_number_is_the_same_number(number):
    assert exact(str(number)) == exact(number) == number
    assert exact(float(number)) == Decimal(repr(float(number)))
    whole = int(number) + 1
    assert str(exact(whole)) == str(exact(float(whole))) == str(exact(str(whole))) == str(whole)


@pytest.mark.parametrize("written", ["123456789012.123456789012345678", "0.123456789012345678901234567891", "0.00000001"])
def test_all_the_digits_that_are_taken_are_kept(written):
    assert format(exact(written), "f") == written


@pytest.mark.parametrize("value", [True, None, [], "many", "nan", "1e99", float("inf"), float("nan"), "1" * 40])
def test_what_is_no_amount_is_refused(value):
    with pytest.raises(ValueError):
        exact(value)


def test_digests_follow_broker_and_bus_but_neither_limits_nor_secrets(tmp_path):
    def hashes(text: str) -> tuple[str, str]:
        path = tmp_path / "digest.yaml"
        path.write_text(text, encoding="utf-8")
        return config_hashes(load(path, {}).config)

    alpaca = BASE.replace("paper", "alpaca") + "  broker_config: {api_key: %s, secret_key: b, timeout_seconds: %d}\n"
    assert hashes(alpaca % ("a", 5)) == hashes(alpaca % ("other", 5)) == hashes(alpaca % ("a", 5) + "  risk: {limits: {max_notional: 1}}\n")
    assert hashes(alpaca % ("a", 5))[0] != hashes(alpaca % ("a", 6))[0]
    assert hashes(BASE)[1] == hashes(BASE + "bus: {directory: elsewhere}\n")[1]
    assert hashes(BASE)[1] != hashes(BASE + "bus: {durability: disk}\n")[1]
