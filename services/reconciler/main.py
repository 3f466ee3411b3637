"""`regimeflow service reconciler`: wires the core, its own broker session and the bus; decides nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from shared.brokers import registry
from shared.bus.port import Bus, Role
from shared.bus.zmq_client import ZmqBus
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.killpath import SOCKET as KILLPATH
from shared.runtime.logs import logger
from shared.runtime.places import Places
from shared.runtime.process import EXIT_BUS, ActorProcess
from shared.runtime.service import Setting, account_budget, broker_settings
from shared.runtime.sessions import ThreadedHost
from shared.runtime.signals import Stop

from .core import ReconcilerCore
from .killpath import KillPath, KillPathSettings
from .outbox import Outbox
from .session import ReconcilerSession
from .settings import SOURCE, TOPICS, ReconcilerSettings
from .sweep import BrokerLine

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
BUS_RETRY_S: Final = 1.0


def reconciler_settings(setting: Setting) -> ReconcilerSettings:
    live = setting.live
    return ReconcilerSettings(
        interval_ns=min(live.order_reconcile_interval_ms, live.position_reconcile_interval_ms) * MS,
        grace_ns=live.risk.reconcile_grace_ms * MS,
        unknown_age_ns=int(live.risk.unknown_age_s_max * 1e9),
        cash_exact=live.broker == "paper",
        lock_on_external=live.risk.external_policy == "lock",
        router_away_ns=0 if setting.feed_clock or not live.deadman.broker_session else live.deadman.after_s * SECOND,
        reconnect=None if setting.feed_clock else setting.reconnect,
    )


def drivers(setting: Setting, bus: Bus, killpath: KillPath | None = None) -> Sequence[ActorDriver]:
    broker, options = registry.broker(setting.live.broker), broker_settings(setting)
    settings = reconciler_settings(setting)
    able = broker.capabilities(options)
    reports = f"venue.{able.broker}" if able.numbered_reports else ""
    share = 0 if setting.feed_clock else account_budget(setting, able, options).reconciler
    session = ReconcilerSession(lambda: broker.account(options), reports, per_second=share, killpath=killpath)
    return [
        ActorDriver(
            bus,
            setting.registration(SOURCE, Role.RECONCILER, TOPICS, repr(settings)),
            ReconcilerCore(settings),
            ThreadedHost(session, listen=killpath is not None),
            snapshot_every=setting.snapshot_every,
            observe=killpath.observed if killpath is not None else None,
            prepare=killpath.connected if killpath is not None else None,
        )
    ]


def open_killpath(setting: Setting, log: Any, *, bus_apart: bool = True) -> KillPath | None:
    """Started; None where it is configured away. bus_apart: the bus is another process, which can be away while this one lives. Raises ValueError
    for an outbox that cannot be read."""
    if not setting.live.deadman.broker_session:
        return None
    broker, options = registry.broker(setting.live.broker), broker_settings(setting)
    settings = KillPathSettings(
        setting.places.endpoint(KILLPATH),
        bus_after_s=setting.live.deadman.after_s if bus_apart and not setting.feed_clock else 0,
        spare_protective=not setting.live.deadman.cancel_protective,
    )
    line = BrokerLine(lambda: broker.execution(options), lambda: broker.account(options))
    killpath = KillPath(settings, line, Outbox(setting.places.killpath_outbox), log)
    killpath.start()
    return killpath


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`. A bus that is away does not end the process: the kill path lives in it."""
    places = Places.of(loaded.config)
    places.make()
    stop, log = Stop(), logger(SOURCE)
    setting = Setting(loaded, places, instance)
    killpath = open_killpath(setting, log)
    try:
        while True:
            bus = ZmqBus(places.bus)
            actors, health = drivers(setting, bus, killpath), setting.health(SOURCE)
            process = ActorProcess(SOURCE, bus, actors, health, log, announce=setting.hashes())
            status = process.run(stop)
            if status != EXIT_BUS or killpath is None or stop.asked:
                return status
            time.sleep(BUS_RETRY_S)
    finally:
        if killpath is not None:
            killpath.close()
