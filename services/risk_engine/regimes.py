"""Regime profiles: tighter limits and narrower permissions while a journaled `RegimeChanged` names their regime.

In force from that event's sequence number, over restarts, until the next one. A regime only tightens: of its limit and the account's, with
what operators changed, the stricter holds. A regime without a profile, and the time before the first event, have the account's limits. What
is sure to shrink the account's holding passes a regime's permissions: nobody is kept in a position by the weather.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from shared.events import OrderType, Reason, TimeInForce

from .admission import shrinks
from .correlation import CorrelationLimit
from .proposal import Denial, Proposal

if TYPE_CHECKING:
    from .desk import Desk
    from .settings import RiskSettings

_TABLES: Final = ("sector_limits", "industry_limits")
_MAPS: Final = ("sector_map", "industry_map")
_WHOLE: Final = ("orders_open_max", "msgs_per_s_max", "msgs_per_min_max")  # counts; all other limits are exact numbers
_MARKET: Final = (OrderType.MARKET, OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE)
_AGGRESSIVE: Final = (TimeInForce.IOC, TimeInForce.FOK)


class Regime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """limits: by the name of a limit of `RiskSettings` that is a number. The rest as there."""

    limits: dict[str, Decimal] = msgspec.field(default_factory=dict)
    sector_limits: dict[str, Decimal] = msgspec.field(default_factory=dict)
    sector_map: dict[str, str] = msgspec.field(default_factory=dict)
    industry_limits: dict[str, Decimal] = msgspec.field(default_factory=dict)
    industry_map: dict[str, str] = msgspec.field(default_factory=dict)
    correlation: CorrelationLimit | None = None
    allow_new_exposure: bool = True
    allow_market_orders: bool = True
    allow_aggressive_tif: bool = True


def in_regime(settings: RiskSettings, name: str) -> RiskSettings:
    """The settings as a regime tightens them."""
    regime = settings.regimes.get(name)
    if regime is None:
        return settings
    changed: dict[str, Any] = {}
    for key, limit in regime.limits.items():
        old = getattr(settings, key)
        number = int(limit) if key.endswith(_WHOLE) else limit
        changed[key] = number if old is None else min(old, number)
    for key in _TABLES:
        own, table = getattr(regime, key), getattr(settings, key)
        changed[key] = {**table, **{group: min(limit, table.get(group, limit)) for group, limit in own.items()}}
    for key in _MAPS:
        changed[key] = {**getattr(settings, key), **getattr(regime, key)}
    if regime.correlation is not None:
        changed["correlation"] = _tighter(regime.correlation, settings.correlation)
    return msgspec.structs.replace(settings, **changed)


def permitted(p: Proposal, desk: Desk) -> Denial | None:
    """New exposure, market orders and impatient ones, where the regime has them."""
    regime = desk.settings.regimes.get(desk.regime)
    if regime is None or shrinks(p, desk.reservations.account):
        return None
    asked = (
        ("allow_new_exposure", regime.allow_new_exposure, bool(p.added), "new exposure"),
        ("allow_market_orders", regime.allow_market_orders, p.terms.type in _MARKET, p.terms.type.value),
        ("allow_aggressive_tif", regime.allow_aggressive_tif, p.terms.tif in _AGGRESSIVE, p.terms.tif.value),
    )
    for key, allowed, applies, value in asked:
        if applies and not allowed:
            return Denial(Reason.REGIME, f"regime_overlays.{desk.regime}.{key}", "false", value)
    return None


def check_names(regimes: dict[str, Regime], known: set[str]) -> None:
    """Raises ValueError for what is no limit. known: settings that are limits."""
    for name, regime in regimes.items():
        for key, limit in regime.limits.items():
            if key not in known:
                raise ValueError(f"regimes.{name}.{key}: no limit is called so")
            if not (limit.is_finite() and limit > 0):
                raise ValueError(f"regimes.{name}.{key}: {limit} is no limit")


def _tighter(one: CorrelationLimit, other: CorrelationLimit | None) -> CorrelationLimit:
    if other is None:
        return one
    return CorrelationLimit(one.window, min(one.max_corr, other.max_corr), min(one.max_pair_exposure_pct, other.max_pair_exposure_pct))
