"""`regimeflow service gateway`: wires the core, its feed, the paper venue and the bus; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.bus.port import Bus, Role
from shared.config import Loaded
from shared.runtime.driver import ActorDriver
from shared.runtime.logs import logger
from shared.runtime.service import Setting, run_service
from shared.runtime.sessions import ThreadedHost

from .build import feed_settings, gateway_settings
from .core import SOURCE, TOPICS, GatewayCore
from .feeds import open_source
from .feeds.port import FeedError
from .pacing import Pacer, wall_clock
from .session import ReplaySession
from .venue import LockStepVenue, WallVenue

MS: Final = 1_000_000
EXIT_CONFIG: Final = 2


def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
    settings, feed = gateway_settings(setting.config), feed_settings(setting.config)
    lockstep = setting.feed_clock
    venue = None
    if setting.live.broker == "paper":
        endpoint = setting.places.endpoint("venue")
        venue = LockStepVenue(endpoint) if lockstep else WallVenue(endpoint)
    pacer = None if lockstep else Pacer(feed.speed, feed.idle_ms_max * MS, feed.retime, wall_clock())
    session = ReplaySession(open_source(feed, settings.instruments), venue, pacer)
    registration = setting.registration(SOURCE, Role.GATEWAY, TOPICS, repr(settings), feed=lockstep)
    host = ThreadedHost(session, listen=not lockstep, serial=True)
    return [ActorDriver(bus, registration, GatewayCore(settings), host, snapshot_every=setting.snapshot_every)]


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`, or 2: the feed cannot be opened."""
    try:
        return run_service(SOURCE, loaded, instance, drivers)
    except FeedError as error:
        logger(SOURCE).critical("the feed cannot be opened", error=str(error), exit=EXIT_CONFIG)
        return EXIT_CONFIG
