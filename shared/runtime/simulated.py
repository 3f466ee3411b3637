"""The simulated driver: real cores, real drivers, the real bus over real frames, in one thread under virtual time; one seed decides all.

Frames are delayed, lost and repeated; the bus and any actor crash at any step and come back; pauses make slow consumers. What is real
elsewhere and not here: sockets, processes, disks. `make sim` runs seeds of it; a failing seed is a failing test for ever.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.bus.client import FrameConnection
from shared.bus.frame_reader import FrameReader
from shared.bus.frame_server import FrameServer
from shared.bus.memory_store import MemorySnapshots, MemoryStore
from shared.bus.port import Fenced, Registration
from shared.bus.server import BusServer, BusSettings

from .actor import Core, FoldingCore
from .driver import ActorDriver
from .sessions import SessionHost

MS: Final = 1_000_000
WALL_START_NS: Final = 1_700_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates a frame or a step. delay_ms: uniform up to; down_ms: how long the crashed stay away; pause_ms: how long a slow actor sleeps."""

    lose: float = 0.0
    repeat: float = 0.0
    delay_ms: int = 2
    crash_actor: float = 0.0
    crash_bus: float = 0.0
    pause: float = 0.0
    down_ms: int = 500
    pause_ms: int = 400
    snapshot: float = 0.0

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        """Some runs go without a class of faults, so that none hides another (swarm testing)."""

        def rate(most: float) -> float:
            return rng.choice((0.0, most / 4, most))

        return cls(rate(0.2), rate(0.2), rng.choice((1, 5, 50)), rate(0.01), rate(0.004), rate(0.01), rng.choice((1, 500, 3_000)), 400, rate(0.05))


@dataclass(frozen=True, slots=True)
class Part:
    """How to make an actor anew: registration, core and session of one process life."""

    registration: Registration
    core: Callable[[], Core | FoldingCore]
    session: Callable[[], SessionHost | None] = lambda: None


@dataclass(slots=True)
class _Life:
    part: Part
    driver: ActorDriver | None = None
    transport: _Transport | None = None
    wake: int = 0
    lives: int = 0


class World:
    """fired: how often each fault came; a run in which none did proves nothing."""

    def __init__(self, seed: int, settings: BusSettings, parts: Sequence[Part], faults: Faults) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.faults = faults
        self.now = 0
        self.fired: Counter[str] = Counter()
        self.store = MemoryStore(f"{seed:016x}")
        self.snapshots = MemorySnapshots()
        self._settings = settings
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._arrivals: dict[tuple[bytes, str], int] = {}
        self._server: FrameServer | None = None
        self._reader = FrameReader(self.store, self.snapshots)
        self._bus_back = 0
        self._lives = [_Life(part) for part in parts]
        self._lanes: dict[str, list[_Transport]] = {}

    # -- running

    def run(self, until: Callable[[], bool], steps_max: int) -> bool:
        """Whether the condition came within so many steps."""
        for _ in range(steps_max):
            if until():
                return True
            self.step()
        return until()

    def step(self) -> None:
        """One thing happens: the bus takes a turn, a frame arrives or an actor runs."""
        self.advance(self.rng.randrange(1, 5) * MS // 2)
        self._maybe_crash_bus()
        life = self.rng.choice(self._lives)
        if life.wake > self.now:
            return
        if life.driver is None:
            self._begin(life)
        elif self.rng.random() < self.faults.crash_actor:
            self.fired["crash actor"] += 1
            self._crash(life)
        elif self.rng.random() < self.faults.pause:
            self.fired["pause"] += 1
            life.wake = self.now + self.faults.pause_ms * MS
        else:
            self._pump(life, life.driver)

    def _pump(self, life: _Life, driver: ActorDriver) -> None:
        """As the process driver: who is fenced ends, and comes back."""
        try:
            driver.pump(0.0)
        except Fenced:
            self.fired["fenced"] += 1
            self._crash(life)
            return
        if self.rng.random() < self.faults.snapshot and driver.progress.recovered and driver.snapshot():
            self.fired["snapshot"] += 1

    def calm(self) -> None:
        """No more faults: from here everything must converge."""
        self.faults = Faults(delay_ms=1, down_ms=1)
        for life in self._lives:
            life.wake = min(life.wake, self.now)
        self._bus_back = min(self._bus_back, self.now)

    def drivers(self) -> list[ActorDriver]:
        return [life.driver for life in self._lives if life.driver is not None]

    def advance(self, by_ns: int) -> None:
        """Time passes; frames that are due arrive; the bus works. No actor runs."""
        end = self.now + by_ns
        while self._events and self._events[0][0] <= end:
            at, _, act = heapq.heappop(self._events)
            self.now = max(self.now, at)
            act()
        self.now = end
        self._bus_turn()

    # -- the bus

    def _bus_turn(self) -> None:
        if self._server is None:
            if self.now < self._bus_back:
                return
            server = BusServer(self._settings, self.store, WALL_START_NS + self.now, self.now)
            self._server = FrameServer(server, _Out(self))
        self._server.turn(WALL_START_NS + self.now, self.now)

    def _maybe_crash_bus(self) -> None:
        if self._server is not None and self.rng.random() < self.faults.crash_bus:
            self.fired["crash bus"] += 1
            self._server = None  # what was received and not committed is gone with it
            self._bus_back = self.now + self.rng.randrange(self.faults.down_ms + 1) * MS

    def to_server(self, peer: bytes, frame: bytes) -> None:
        if self._server is not None:
            self._server.receive(peer, frame, self.now)

    # -- actors

    def _begin(self, life: _Life) -> None:
        life.lives += 1
        reg = life.part.registration
        transport = _Transport(self, f"{reg.source}#{life.lives}".encode())
        driver = ActorDriver(_Bus(transport), reg, life.part.core(), life.part.session(), mono_ns=lambda: self.now)
        life.transport, life.driver = transport, driver
        try:
            driver.start(timeout_s=600.0)
        except Fenced:
            self.fired["fenced"] += 1
            self._crash(life)

    def _crash(self, life: _Life) -> None:
        if life.transport is not None:
            life.transport.close()
        life.driver = life.transport = None
        life.wake = self.now + self.rng.randrange(self.faults.down_ms + 1) * MS

    # -- the network

    def send(self, channel: tuple[bytes, str], deliver: Callable[[], None]) -> None:
        """A frame on its way; a channel keeps its order, as TCP does, but may lose and repeat, as a cut line with a retry does."""
        if self.rng.random() < self.faults.lose:
            self.fired["lose"] += 1
            return
        times = 1
        if self.rng.random() < self.faults.repeat:
            self.fired["repeat"] += 1
            times = 2
        for _ in range(times):
            self._order += 1
            at = max(self.now + self.rng.randrange(self.faults.delay_ms * MS), self._arrivals.get(channel, 0))
            self._arrivals[channel] = at
            heapq.heappush(self._events, (at, self._order, deliver))

    def publish(self, lane: str, frame: bytes) -> None:
        for transport in self._lanes.get(lane, ()):
            self.send((transport.peer, "page"), lambda t=transport: t.pages.append(frame))  # type: ignore[misc]

    def join(self, lane: str, transport: _Transport) -> None:
        self._lanes.setdefault(lane, []).append(transport)

    def part_from(self, transport: _Transport) -> None:
        for members in self._lanes.values():
            if transport in members:
                members.remove(transport)

    def answer_read(self, transport: _Transport, frame: bytes) -> None:
        answer = self._reader.answer(frame)
        self.send((transport.peer, "reading"), lambda: transport.readings.append(answer))

    def reply(self, peer: bytes, frame: bytes) -> None:
        for life in self._lives:
            transport = life.transport
            if transport is not None and transport.peer == peer:
                self.send((peer, "answer"), lambda t=transport: t.answers.append(frame))  # type: ignore[misc]


@dataclass(frozen=True, slots=True)
class _Out:
    world: World

    def reply(self, peer: bytes, frame: bytes) -> None:
        self.world.reply(peer, frame)

    def publish(self, lane: str, frame: bytes) -> None:
        self.world.publish(lane, frame)


@dataclass(eq=False)
class _Transport:
    """`client.Transport` over the simulated network."""

    world: World
    peer: bytes
    answers: list[bytes] = field(default_factory=list)
    readings: list[bytes] = field(default_factory=list)
    pages: list[bytes] = field(default_factory=list)

    def send_append(self, frame: bytes) -> bool:
        self.world.send((self.peer, "append"), lambda: self.world.to_server(self.peer, frame))
        return True

    def send_read(self, frame: bytes) -> bool:
        self.world.send((self.peer, "read"), lambda: self.world.answer_read(self, frame))
        return True

    def receive(self, timeout_s: float) -> tuple[list[bytes], list[bytes], list[bytes]]:
        if timeout_s > 0 and not (self.answers or self.readings or self.pages):
            self.world.advance(int(timeout_s * 1e9))
        got = (self.answers, self.readings, self.pages)
        self.answers, self.readings, self.pages = [], [], []
        return got

    def subscribe(self, lane: str) -> None:
        self.world.join(lane, self)

    def watch(self, fd: int) -> None:
        """Nothing is waited for here."""

    def mono_ns(self) -> int:
        return self.world.now

    def close(self) -> None:
        self.world.part_from(self)


@dataclass(frozen=True, slots=True)
class _Bus:
    transport: _Transport

    def connect(self, registration: Registration, timeout_s: float = 600.0) -> FrameConnection:
        return FrameConnection(self.transport, registration, timeout_s)

    def wait(self, timeout_s: float) -> None:
        self.transport.world.advance(int(timeout_s * 1e9))

    def close(self) -> None:
        self.transport.close()
