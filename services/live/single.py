"""`--topology single`: every actor of a configuration in one process, on the in-memory bus with the journal. For lowest latency.

The rules are those of the other topology: commit before delivery, effects after durability, the same names. The paper venue stays a process
of its own, because a broker's truth must survive us; commands and queries come in over the same sockets.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from services.auditor.main import Desk
from services.bus.main import bus_settings
from services.bus.process import start_reader
from services.gateway.main import drivers as gateway_drivers
from services.order_router.main import drivers as router_drivers
from services.reconciler.killpath import KillPath
from services.reconciler.main import drivers as reconciler_drivers
from services.reconciler.main import open_killpath
from services.risk_engine.main import drivers as risk_drivers
from services.strategy_runner.worker import Worker
from shared.bus.journal import Journal
from shared.bus.journal_reader import JournalReader
from shared.bus.memory import MemoryBus
from shared.bus.snapshots import SnapshotStore
from shared.bus.zmq_server import ZmqBusServer
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.logs import logger
from shared.runtime.places import Places
from shared.runtime.process import ActorProcess
from shared.runtime.service import Setting
from shared.runtime.signals import Stop

SERVICE: Final = "single"


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`. Raises JournalError before anything is bound."""
    places = Places.of(loaded.config)
    places.make()
    stop, log = Stop(), logger(SERVICE)
    settings = bus_settings(loaded.config)
    journal = Journal.open(places.journal, settings.durability)
    for note in journal.notes:
        log.warning("journal", note=note)
    history, shelf = JournalReader(places.journal), SnapshotStore(places.snapshots)
    bus = MemoryBus(settings, lambda: (time.time_ns(), time.monotonic_ns()), journal, history=history, shelf=shelf)
    sockets = ZmqBusServer(bus.server, places.bus)
    bus.open_outer(sockets)
    bus.pump()
    reader = start_reader(places.journal, places.snapshots, places.bus)
    desk: Desk | None = None
    killpath: KillPath | None = None
    try:
        setting = Setting(loaded, places, instance)
        desk = Desk(setting, bus)
        killpath = open_killpath(setting, log, bus_apart=False)
        drivers = _drivers(setting, bus, desk, killpath)
        return ActorProcess(SERVICE, bus, drivers, setting.health(SERVICE), log, extra=desk.step, crew=Worker(setting, bus)).run(stop)
    finally:
        bus.pump()
        if killpath is not None:
            killpath.close()
        if desk is not None:
            desk.close()
        sockets.close()
        reader.terminate()
        reader.wait(5)
        shelf.close()
        history.close()
        journal.close()


def _drivers(setting: Setting, bus: MemoryBus, desk: Desk, killpath: KillPath | None) -> Sequence[ActorDriver]:
    """In rank order, the auditor last: it sees what the others made. The strategies are the worker's."""
    found: list[ActorDriver] = [*gateway_drivers(setting, bus)]
    found += [*risk_drivers(setting, bus), *router_drivers(setting, bus), *reconciler_drivers(setting, bus, killpath)]
    return [*found, desk.driver]
