"""From the configuration to the gateway's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from services.gateway.settings import FeedSettings, GatewaySettings, RateSettings, WarmupSettings
from shared.config import Config
from shared.config.currencies import fixed_rates
from shared.domain.exact import ZERO
from shared.events import InstrumentDefined

_PACE = ("speed", "idle_ms_max", "retime")


def instruments(config: Config) -> tuple[InstrumentDefined, ...]:
    """The traded symbols, in the order of the file."""
    symbols = config.live.symbols if config.live is not None else config.backtest_symbols
    found = []
    for symbol in symbols:
        i = config.instrument(symbol)
        currency, calendar = i.currency or config.paper.currency, i.calendar or "24x7"
        found.append(
            InstrumentDefined(
                symbol,
                i.asset_class,
                currency,
                i.tick_size,
                i.lot_size,
                i.multiplier,
                calendar,
                i.shortable,
                i.sector,
                i.industry,
                i.easy_to_borrow,
                i.average_daily_volume or ZERO,
            )
        )
    return tuple(found)


def rates(config: Config) -> tuple[RateSettings, ...]:
    """Of every currency that has one, fixed ones first."""
    fixed = [RateSettings(currency=name, rate=rate) for name, rate in fixed_rates(config).items()]
    moving = [RateSettings(currency=name, pair=c.pair, inverse=c.inverse) for name, c in sorted(config.currencies.items()) if c.pair is not None]
    return (*fixed, *moving)


def feed_settings(config: Config) -> FeedSettings:
    """Raises ValueError naming the key."""
    feed = config.gateway.feed.model_dump()
    kind = feed.pop("kind")
    pace = {key: feed.pop(key) for key in _PACE if key in feed}
    tree: dict[str, Any] = {"kind": kind, **pace}
    if kind == "synthetic":
        tree["synthetic"] = {**feed, "start": feed["start"].isoformat()}
        return msgspec.convert(tree, FeedSettings)
    bounds = {"start_ns": _ns(feed.pop("start")), "end_ns": _ns(feed.pop("end"))}
    if kind == "files":
        feed["data_directory"] = str(feed["data_directory"])
        tree["data"] = {key: value for key, value in feed.items() if value is not None} | bounds
    else:
        tree["journal"] = {"path": str(feed["path"]), **bounds}
    return msgspec.convert(tree, FeedSettings)


def gateway_settings(config: Config) -> GatewaySettings:
    """Raises ValueError naming the key."""
    g = config.gateway
    bars = None if g.bars is None else {"from": g.bars.source, "interval": g.bars.interval}
    warmup = {s.id: WarmupSettings(symbols=config.strategy_symbols(s), bars=s.warmup_bars) for s in config.strategies if s.warmup_bars}
    tree: dict[str, Any] = {
        "bar_type": getattr(g.feed, "bar_type", "1m"),
        "quote_age_ms_max": g.quote_age_ms_max,
        "bar_age_ms_max": g.bar_age_ms_max,
        "day_end_delay_ms": g.day_end_delay_ms,
        "bars": bars,
    }
    built = msgspec.convert({**tree, "instruments": []}, GatewaySettings)
    return msgspec.structs.replace(built, instruments=instruments(config), warmup=warmup, rates=rates(config))


def _ns(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000
