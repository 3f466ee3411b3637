"""`regimeflow service bus`: the sequencer of one configuration. Wires, decides nothing."""

from __future__ import annotations

import time

from shared.bus.journal_errors import JournalError
from shared.bus.port import ClockMode, Durability
from shared.bus.server import BusServer, BusSettings
from shared.config import Config, Loaded
from shared.events import HealthState
from shared.runtime.health import HealthFile, Sample
from shared.runtime.logs import logger
from shared.runtime.places import Places
from shared.runtime.service import heartbeat_ns, roster

from .process import BusProcess, ReaderEnded

MS = 1_000_000
EXIT_CONFIG = 2
EXIT_JOURNAL = 6


def run(loaded: Loaded, instance: str) -> int:
    """Exit status: 0 asked to stop, 6 the journal is locked, damaged or cannot be written."""
    config, log = loaded.config, logger("bus").bind(instance=instance)
    places = Places.of(config)
    places.make()
    settings = bus_settings(config)
    health = HealthFile(places.health, "bus", heartbeat_ns(config))
    health.state = HealthState.READY
    said: list[str] = []

    def observe(server: BusServer) -> None:
        now = time.monotonic_ns()
        if health.due(now):
            health.write(Sample(cursor=server.head, epoch=server.instance), now)
            waiting = server.waiting_for()
            if waiting != said and waiting:
                log.debug("lock-step waits", waiting=",".join(waiting))
            said[:] = waiting

    log.info("starting", journal=str(places.journal), clock=config.bus.clock, durability=config.bus.durability)
    try:
        retention = retention_ns(config.journal.market_retention)
        process = BusProcess(settings, places.journal, places.snapshots, places.bus, retention, tuple(roster(config)))
        status = process.run(observe, lambda note: log.warning("journal", note=note))
    except (JournalError, ReaderEnded) as error:
        log.critical("the journal cannot be used", error=str(error))
        return EXIT_JOURNAL
    finally:
        health.gone()
    log.info("stopped")
    return status


def bus_settings(config: Config) -> BusSettings:
    return BusSettings(
        ClockMode(config.bus.clock),
        Durability(config.bus.durability),
        roster(config) if config.bus.clock == "feed" else {},
        tick_ns=config.bus.tick_ms * MS,
        lease_ttl_ns=config.bus.lease_ms * MS,
    )


def retention_ns(text: str) -> int:
    """`forever` (0), or hours or days as ns."""
    if text == "forever":
        return 0
    return int(text[:-1]) * (3_600 if text.endswith("h") else 86_400) * 1_000_000_000
