"""From the configuration to the risk engine's settings: every key of `live.risk` that the engine knows, one to one."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from shared.config import Config
from shared.config.limits import LimitOverrides
from shared.config.live import routing_of
from shared.config.risk import RegimeLimits, RegimeOverlay, RiskConfig

from .regimes import Regime
from .settings import OF_ONE, RENAMED, Bounds, RiskSettings

_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_OURS: Final = {
    "gross_pct_max": "max_gross_exposure",
    "net_pct_max": "max_net_exposure",
    **{ours: theirs for theirs, ours in reversed(RENAMED.items())},
}


def risk_settings(config: Config) -> RiskSettings:
    """Raises ValueError naming the key. A limit written as null is None here: switched off."""
    if config.live is None:
        raise ValueError("live: the section is missing")
    risk = config.live.risk
    tree: dict[str, Any] = {}
    for name in RiskSettings.__struct_fields__:
        for holder, key in ((risk, name), (risk.limits, name), (risk.limits, _OURS.get(name, name)), (risk, _OURS.get(name, name))):
            if key in type(holder).model_fields:
                value = getattr(holder, key)
                tree[name] = value.model_dump() if isinstance(value, BaseModel) else value
                break
    tree["strategies"] = _strategies(config)
    tree["stops"] = _stops(risk)
    tree["missed_ms_max"] = risk.heartbeat_ms * risk.missed_max
    heartbeat = config.live.heartbeat
    tree["break_reduces"] = config.live.reconciliation.disable_trading_on_error
    tree["stale_denies"] = heartbeat.enabled and heartbeat.disable_trading_on_timeout
    tree["stale_cancel_ms"] = heartbeat.interval_ms if heartbeat.enabled and heartbeat.cancel_orders_on_timeout else None
    tree["regimes"] = {name: _regime(risk, name) for name in sorted({*risk.limits_by_regime, *risk.regime_overlays})}
    tree["self_trade_allowed"] = False
    if "rate_age_ms_max" not in risk.model_fields_set:
        tree["rate_age_ms_max"] = max(risk.rate_age_ms_max or 0, _few_bars_ms(config))
    tree["routed"] = routing_of(config).active
    if config.live.broker == "paper":  # the one broker whose rule is known here
        for name in ("account_kind", "margin_multiplier", "settlement_days"):
            tree[name] = getattr(config.paper, name)
    for name in ("msgs_per_s_max", "msgs_per_min_max"):
        tree[name] = tree.get(name) or None  # RegimeFlow's 0: no bound of ours
    tree["duplicate_order_window_ms"] = tree.get("duplicate_order_window_ms") or None
    return RiskSettings.of(tree)


def _few_bars_ms(config: Config) -> int:
    """Three bars of the feed; of daily ones five: over a long weekend there are none."""
    gateway = config.gateway
    length = gateway.bars.interval if gateway.bars is not None else getattr(gateway.feed, "bar_type", "1m")
    return int(length[:-1]) * _MS[length[-1]] * (5 if length.endswith("d") else 3)


def _stops(risk: RiskConfig) -> dict[str, Any]:
    fixed, trailing, atr, time = risk.stop_loss, risk.trailing_stop, risk.atr_stop, risk.time_stop
    return {
        "stop_loss_pct": fixed.pct if fixed.enable else None,
        "trailing_stop_pct": trailing.pct if trailing.enable else None,
        "atr_window": atr.window if atr.enable else None,
        "atr_multiplier": atr.multiplier,
        "max_holding_seconds": time.max_holding_seconds if time.enable else None,
        "loss": risk.loss_flattens,
    }


def _regime(risk: RiskConfig, name: str) -> dict[str, Any]:
    """A regime's limits by our names, and what it allows; of a limit given twice the stricter holds."""
    found: dict[str, Any] = {"limits": {}}
    overlay = risk.regime_overlays.get(name, RegimeOverlay())
    limits = risk.limits_by_regime.get(name, RegimeLimits()).limits
    given = [(key, getattr(limits, key)) for key in sorted(limits.model_fields_set)]
    given += [("max_notional", overlay.max_order_notional), ("max_position_pct", overlay.max_position_pct)]
    for key, value in given:
        ours = RENAMED.get(key, key)
        if key in Regime.__struct_fields__:
            found[key] = value.model_dump() if isinstance(value, BaseModel) else value
        elif value:  # null: no tighter; RegimeFlow's 0 messages: no bound
            found["limits"][ours] = min(value, found["limits"].get(ours, value))
    return found | {key: getattr(overlay, key) for key in ("allow_new_exposure", "allow_market_orders", "allow_aggressive_tif")}


def _strategies(config: Config) -> list[dict[str, Any]]:
    budgets = config.budgets(config.paper.initial_cash)
    return [
        {
            "id": s.id,
            "symbols": config.strategy_symbols(s),
            "budget": budgets[s.id],
            "limits": bounds_of(s.limits),
        }
        for s in config.strategies
    ]


def bounds_of(limits: LimitOverrides) -> dict[str, Any]:
    """A strategy's own limits by our names. A limit given under the name of every strategy's (`strategy_...`) is its own too; of two the
    stricter holds."""
    found: dict[str, Any] = {}
    for key in sorted(limits.model_fields_set):
        value, name = getattr(limits, key), RENAMED.get(key, key)
        name = OF_ONE.get(name, name)
        if name not in Bounds.__struct_fields__ or not value:  # RegimeFlow's 0 messages: no bound
            continue
        if isinstance(value, BaseModel | dict):
            found[name] = value.model_dump() if isinstance(value, BaseModel) else value
        else:
            found[name] = min(value, found.get(name, value))
    return found
