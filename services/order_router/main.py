"""`regimeflow service order_router`: wires the core, its broker session and the bus; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.brokers import registry
from shared.brokers.contract import Capabilities
from shared.bus.port import Bus, Role
from shared.config import Loaded
from shared.config.execution import RoutingConfig
from shared.config.live import routing_of
from shared.domain.exact import ZERO
from shared.runtime.driver import ActorDriver
from shared.runtime.service import Setting, account_budget, broker_settings, run_service
from shared.runtime.sessions import ThreadedHost

from .core import RouterCore
from .routing import Routing, Venue
from .session import RouterSession
from .settings import SOURCE, TOPICS, RouterSettings

REPEAT_S = 60.0  # in lock-step nothing else moves while the venue is away


def router_settings(setting: Setting, able: Capabilities, options: Mapping[str, Any]) -> RouterSettings:
    shares = account_budget(setting, able, options)
    return RouterSettings(
        dry_run=setting.live.dry_run,
        idempotent_submit=able.idempotent_submit and setting.feed_clock,
        request_timeout_ns=int(float(options["timeout_seconds"]) * 1e9),
        orders_per_s=shares.orders,
        messages_per_s=shares.router,
        cancels_per_s=shares.cancels,
        routing=routing(routing_of(setting.config)),
        native_oco=able.supports_oco_orders,
        replaces=able.supports_replace,
    )


def routing(config: RoutingConfig) -> Routing | None:
    """How orders are worked; None: as they are approved."""
    if not config.active:
        return None
    split = config.split
    return Routing(
        max_spread_bps=config.max_spread_bps,
        passive_offset_bps=config.passive_offset_bps or ZERO,
        aggressive_offset_bps=config.aggressive_offset_bps or ZERO,
        default_venue=config.default_venue or "",
        venues=tuple(Venue(venue.name, venue.weight) for venue in config.venues),
        max_children=split.max_children if config.splits else 1,
        min_child_qty=split.min_child_qty or ZERO,
        sequential=split.mode == "sequential",
    )


def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
    broker, options = registry.broker(setting.live.broker), broker_settings(setting)
    able = broker.capabilities(options)
    settings = router_settings(setting, able, options)
    repeat_s, per_second = (REPEAT_S, 0) if setting.feed_clock else (0.0, settings.messages_per_s)  # data time is nobody's wall clock
    session = RouterSession(
        able, lambda: broker.execution(options), lambda: broker.execution(options), repeat_s, per_second=per_second, reconnect=setting.reconnect
    )
    registration = setting.registration(SOURCE, Role.ROUTER, TOPICS, repr(settings))
    host = ThreadedHost(session)
    return [ActorDriver(bus, registration, RouterCore(settings), host, snapshot_every=setting.snapshot_every, observe=session.observed)]


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`."""
    return run_service(SOURCE, loaded, instance, drivers)
