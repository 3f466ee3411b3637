"""A scene through the backtest's engine and through the live actors: everything that was journaled.

Both build the whole roster from one configuration, with the real venue behind it. The backtest is lock-step; live is the wall clock of a
session, which a test moves by hand, over the in-memory bus with the real drivers and hosts, and its risk engine is ended and started again
just before the last act.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from services.backtest.engine import Engine
from services.backtest.members import Member
from services.backtest.roster import roster_of
from services.backtest.venue_link import Venue
from services.gateway.feeds.port import Block, End
from services.gateway.pacing import Pacer
from services.gateway.session import ReplaySession
from services.paper_venue.build import venue_settings
from services.risk_engine.build import risk_settings
from services.risk_engine.core import RiskCore
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.roles import role_of
from shared.bus.server import BusSettings
from shared.config import Loaded, load
from shared.config.effective import effective
from shared.events import Bar, Envelope, Event, Quote, RegimeChanged
from shared.events.market import MarketEvent
from shared.metrics.record import DataFile
from shared.runtime.driver import ActorDriver
from shared.runtime.session import Evidence, Performed, Permit
from shared.runtime.sessions import InlineHost
from tests.sim.toys import Quiet

from .scene import BEAT, MS, Act, Ask, Bracket, Broker, Cancel, Replace, Scripted, moments

LOG_ID: Final = "aa" * 8
DOING: Final = (Ask, Bracket, Replace, Cancel)
HOUR_NS: Final = 3_600_000 * MS
SNAPSHOT_EVERY: Final = 40  # events: the engine that is started again has one, and some of the log to fold behind it


def configured(directory: Path, tree: dict[str, Any]) -> Loaded:
    """As it is for live, under the wall clock; under the feed's with the configuration a backtest of it uses."""
    path = directory / "config.yaml"
    path.write_text(yaml.dump(tree, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    loaded = load(path, env={})
    return loaded if loaded.config.bus.clock == "wall" else replace(loaded, config=effective(loaded.config))


class Beat(NamedTuple):
    """What happens at one moment: rows of the feed (T last, so that strategies act behind them), what an operator says, and the broker does."""

    ns: int
    rows: list[Event]
    said: list[Event]
    broker: list[Broker]


Script = list[Beat]


def scripted(acts: Sequence[Act], start: int) -> Script:
    """The beats of a scene. The strategies get their script."""
    Scripted.script = {}
    found = []
    for ns, act in moments(acts, start):
        rows, said, broker = list[Event](), list[Event](), list[Broker]()
        if isinstance(act, DOING):
            Scripted.script[ns] = (act,)
        elif isinstance(act, tuple):
            Scripted.script[ns] = act
        elif isinstance(act, Broker):
            broker.append(act)
        elif isinstance(act, MarketEvent | RegimeChanged):
            rows.append(act)
        else:
            said.append(act)
        found.append(Beat(ns, [*rows, Quote(BEAT, ns, 1.0, 1.01, 1e6, 1e6)], said, broker))
    return found


class Tape:
    """Rows as a source of the gateway."""

    name = "tape"

    def __init__(self, rows: Sequence[tuple[int, Event]]) -> None:
        self._times, self._events = [ns for ns, _ in rows], [event for _, event in rows]

    def blocks(self, skip: int) -> Generator[Block, None, End]:
        if skip < len(self._events):
            yield Block(skip + 1, self._times[skip:], self._events[skip:])
        return End(len(self._events), self._times[-1])

    def history(self, _symbols: Sequence[str], _bars: int, _until: int) -> Sequence[Bar]:
        return ()

    def notes(self) -> str:
        return ""

    def digests(self) -> Sequence[DataFile]:
        return ()


def tape_of(script: Script) -> Tape:
    return Tape([(beat.ns, event) for beat in script for event in beat.rows])


def by_backtest(loaded: Loaded, acts: Sequence[Act], start: int) -> list[Event]:
    """What the engine of backtests journals of it."""
    log: list[Envelope] = []
    venue = Venue(venue_settings(loaded.config))
    script = scripted(acts, start)
    engine = Engine(roster_of(loaded, tape_of(script), venue).members, venue, LOG_ID, sink=log.append)
    engine.start()
    row = 0
    for ns, rows, said, broker in script:
        for act in broker:
            act.happens(venue)
        for event in rows:
            row += 1
            if isinstance(event, MarketEvent):
                engine.rows(row, [ns], [event])
            else:
                engine.fact(row, ns, event)
        for event in said:
            engine.command(event)
    return [e.event for e in log]


class Said:
    """An operator's session: what was said, once."""

    names = (("control.test", 1),)

    def __init__(self) -> None:
        self.said: list[Event] = []
        self._told = 0

    def start(self, known: dict[tuple[str, int], int]) -> None: ...
    def wants(self, _e: Envelope) -> bool:
        return False

    def perform(self, _e: Envelope, _permit: Permit) -> Performed:
        return Performed()

    def poll(self, _timeout_s: float) -> Sequence[Evidence]:
        new = [Evidence(event, "control.test", 1, n) for n, event in enumerate(self.said[self._told :], self._told + 1)]
        self._told = len(self.said)
        return new

    def close(self) -> None: ...


class Live:
    """Every actor of a configuration on one in-memory bus under the wall clock, which stands still but for `at`."""

    def __init__(self, loaded: Loaded, tape: Tape, start: int) -> None:
        self.now = start
        self.venue = Venue(venue_settings(loaded.config))
        self.venue.service._clock = lambda: self.now
        self._loaded = loaded
        roster = roster_of(loaded, tape, self.venue)
        ranks = {member.source: member.rank for member in roster.members}
        self._bus = MemoryBus(BusSettings(ClockMode.WALL, roster=ranks, lease_ttl_ns=24 * HOUR_NS), lambda: (self.now, self.now))
        self.operator = Said()
        self._drivers: dict[str, ActorDriver] = {}
        self._members = {member.source: member for member in roster.members}
        for member in sorted(roster.members, key=lambda m: m.rank):
            session = member.session
            if member.source == "gateway":
                session = ReplaySession(tape, self.venue, Pacer(1.0, 0, False, lambda: self.now))
            self._add(member, member.core, None if session is None else InlineHost(session))
        console = Registration("control.test", Role.CONTROL, "f", ("c.",), 200, "test")
        self._drivers["control.test"] = ActorDriver(self._bus, console, Quiet(), InlineHost(self.operator), mono_ns=lambda: self.now)
        for driver in self._drivers.values():
            driver.start(0.0)
        self.settle()

    def at(self, ns: int) -> None:
        self.now = max(self.now, ns)
        self.settle()

    def settle(self, without: str = "") -> None:
        """Until nobody has anything to do; without: whose sources stand still meanwhile."""
        while sum(driver.pump(0.0) for source, driver in self._drivers.items() if not (without and source.startswith(without))):
            pass

    def restart_risk(self) -> None:
        """The process ends and another one takes its place: the newest snapshot, and what the log holds behind it."""
        self._drivers["risk_engine"].connection.close()
        member = self._members["risk_engine"]
        self._add(member, RiskCore(risk_settings(self._loaded.config)), None)
        self._drivers["risk_engine"].start(0.0)
        self.settle()

    def events(self) -> list[Event]:
        return [e.event for e in self._bus.history(0, 1 << 60)]

    def _add(self, member: Member, core: Any, host: InlineHost | None) -> None:
        role = role_of(member.source)
        assert isinstance(role, Role)
        registration = Registration(member.source, role, member.fingerprint, member.topics, member.rank, "test")
        self._drivers[member.source] = ActorDriver(self._bus, registration, core, host, snapshot_every=SNAPSHOT_EVERY, mono_ns=lambda: self.now)


def by_live(loaded: Loaded, acts: Sequence[Act], start: int, stalled: str = "", stall_ms: int = 0) -> list[Event]:
    """What the live actors journal of it. stalled: who stands still for so long at the last act."""
    script = scripted(acts, start)
    live = Live(loaded, tape_of(script), start)
    for n, (ns, _, said, broker) in enumerate(script):
        for act in broker:
            act.happens(live.venue)
        last = n == len(script) - 1
        if last:
            live.restart_risk()
        live.operator.said += said
        if last and stalled:
            live.now = ns
            live.settle(without=stalled)
            live.now += stall_ms * MS
        live.at(ns)
    live.at(live.now + MS)
    return live.events()
