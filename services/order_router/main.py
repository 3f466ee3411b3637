"""`regimeflow service order_router`: wires the core, its broker session and the bus; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from shared.brokers import registry
from shared.bus.port import Bus, Role
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.service import Setting, broker_settings, run_service
from shared.runtime.sessions import ThreadedHost

from .core import RouterCore
from .session import RouterSession
from .settings import SOURCE, TOPICS, RouterSettings

REPEAT_S = 60.0  # in lock-step nothing else moves while the venue is away


def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
    live = setting.live
    broker, options = registry.broker(live.broker), broker_settings(setting)
    able = broker.capabilities(options)
    settings = RouterSettings(
        dry_run=live.dry_run,
        idempotent_submit=able.idempotent_submit and setting.feed_clock,
        request_timeout_ns=int(float(options["timeout_seconds"]) * 1e9),
    )
    session = RouterSession(able, lambda: broker.execution(options), lambda: broker.execution(options), REPEAT_S if setting.feed_clock else 0.0)
    registration = setting.registration(SOURCE, Role.ROUTER, TOPICS, repr(settings))
    return [ActorDriver(bus, registration, RouterCore(settings), ThreadedHost(session), snapshot_every=setting.snapshot_every)]


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`."""
    return run_service(SOURCE, loaded, instance, drivers)
