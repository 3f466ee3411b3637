"""`regimeflow service reconciler`: wires the core, its own broker session and the bus; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from shared.brokers import registry
from shared.bus.port import Bus, Role
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.service import Setting, broker_settings, run_service
from shared.runtime.sessions import ThreadedHost

from .core import ReconcilerCore
from .session import ReconcilerSession
from .settings import SOURCE, TOPICS, ReconcilerSettings

MS = 1_000_000


def reconciler_settings(setting: Setting) -> ReconcilerSettings:
    live = setting.live
    return ReconcilerSettings(
        interval_ns=min(live.order_reconcile_interval_ms, live.position_reconcile_interval_ms) * MS,
        grace_ns=live.risk.reconcile_grace_ms * MS,
        unknown_age_ns=int(live.risk.unknown_age_s_max * 1e9),
        cash_exact=live.broker == "paper",
        lock_on_external=live.risk.external_policy == "lock",
    )


def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
    broker, options = registry.broker(setting.live.broker), broker_settings(setting)
    settings = reconciler_settings(setting)
    able = broker.capabilities(options)
    reports = f"venue.{able.broker}" if able.numbered_reports else ""
    session = ReconcilerSession(lambda: broker.account(options), reports)
    registration = setting.registration(SOURCE, Role.RECONCILER, TOPICS, repr(settings))
    return [ActorDriver(bus, registration, ReconcilerCore(settings), ThreadedHost(session, listen=False), snapshot_every=setting.snapshot_every)]


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`."""
    return run_service(SOURCE, loaded, instance, drivers)
