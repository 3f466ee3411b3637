"""One small configuration through both: the bus with its drivers, and the engine of backtests. Every event of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from services.backtest.engine import Engine
from services.backtest.play import play
from services.backtest.roster import Roster, roster_of
from services.backtest.venue_link import Venue
from services.gateway.build import feed_settings, instruments
from services.gateway.feeds import open_source
from services.gateway.feeds.port import Source
from services.paper_venue.build import venue_settings
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.roles import role_of
from shared.bus.server import BusSettings
from shared.config import Loaded, load
from shared.config.effective import effective
from shared.events import Envelope, FeedStateChanged, FeedStatus
from shared.runtime.driver import ActorDriver
from shared.runtime.sessions import InlineFeedHost, InlineHost, SessionHost
from shared.runtime.single import SingleDriver

Made = tuple[Roster, Source, Venue]


def config_at(directory: Path, tree: dict[str, Any]) -> Loaded:
    """Loaded, with the configuration a backtest of it uses."""
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    loaded = load(path)
    return replace(loaded, config=effective(loaded.config))


def made(loaded: Loaded) -> Made:
    venue = Venue(venue_settings(loaded.config))
    source = open_source(feed_settings(loaded.config), instruments(loaded.config))
    return roster_of(loaded, source, venue), source, venue


def by_engine(loaded: Loaded, log_id: str) -> list[Envelope]:
    log: list[Envelope] = []
    roster, source, venue = made(loaded)
    engine = Engine(roster.members, venue, log_id, sink=log.append)
    engine.start()
    play(source, engine, lambda _: None)
    return log


def by_bus(loaded: Loaded) -> list[Envelope]:
    """The same actors, each on its connection of the in-memory bus, with the real drivers and hosts."""
    roster, _, _ = made(loaded)
    ranks = {member.source: member.rank for member in roster.members}
    bus = MemoryBus(BusSettings(ClockMode.FEED, roster=ranks), lambda: (0, 0))
    drivers = []
    for member in sorted(roster.members, key=lambda m: m.rank):
        feed = member.source == "gateway"
        role = role_of(member.source)
        assert isinstance(role, Role)
        registration = Registration(member.source, role, member.fingerprint, member.topics, member.rank, "backtest", feed=feed)
        host: SessionHost | None = None
        if member.session is not None:
            host = InlineFeedHost(member.session) if feed else InlineHost(member.session)  # type: ignore[arg-type]  # it is a FeedSession
        drivers.append(ActorDriver(bus, registration, member.core, host, snapshot_every=1 << 60))
    single = SingleDriver(bus, drivers)
    single.start()
    single.settle()
    log = list(bus.history(0, 1 << 60))
    assert isinstance(log[-1].event, FeedStateChanged) or any(
        isinstance(e.event, FeedStateChanged) and e.event.status is FeedStatus.ENDED for e in log
    )
    return log
