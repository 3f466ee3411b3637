"""The simulated driver: real cores, real drivers, the real bus over real frames, in one thread under virtual time; one seed decides all.

What happens is a queue of events by virtual time: a frame arrives, the bus takes a turn, an actor runs, a request is answered. Frames are
delayed, lost and repeated; the bus and any actor end at any step or kill point and come back; pauses make slow consumers, and holders that wake
to find a successor in their place. What is real elsewhere and not here: sockets, processes, disks. `make sim` runs seeds of it; a failing seed is
a failing test for ever.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.bus.frame_reader import FrameReader
from shared.bus.frame_server import FrameServer
from shared.bus.memory_store import MemorySnapshots, MemoryStore
from shared.bus.port import BusUnavailable, Fenced, LeaseHeld, Registration
from shared.bus.server import BusServer, BusSettings
from shared.events import Envelope, Event

from . import killpoints
from .actor import Core, FoldingCore
from .driver import ActorDriver
from .sessions import SessionHost
from .simulated_net import Killed, Network, SimulatedBus, Transport

MS: Final = 1_000_000
WALL_START_NS: Final = 1_700_000_000_000_000_000
IDLE_NS: Final = 150 * MS  # an actor looks after its connection at least this often
__all__ = ["Faults", "Killed", "Life", "Made", "Part", "World"]

HELD_NS: Final = 300 * MS  # between two tries to get a name
BUS_IDLE_NS: Final = 100 * MS
# how much likelier a world kills at its favourite point: where hardly anybody passes, few, and many do
SELDOM: Final = 1_000
RARE: Final = 200
OFTEN: Final = 20
AFTER_SNAPSHOT: Final = 60  # how much likelier an actor ends right after it stored its state
_LIKELIER: Final = {
    **dict.fromkeys(killpoints.STEPS, OFTEN),
    **dict.fromkeys(("answered", "seen", "noted", "durable", "venue_received", "venue_acted", "venue_committed"), RARE),
    **dict.fromkeys(("saving", "permitted"), SELDOM),
}
TURN_NS: Final = 2 * MS  # how long what arrives may wait for its reader, at most


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates a frame or a step. delay_ms: uniform up to; down_ms: how long the crashed stay away; pause_ms: how long a slow actor sleeps; succeeded:
    how often another process takes the name of one that sleeps. kill: a kill point passed. lines: a request to the outside world that is lost,
    late or unanswered, for sessions that look at it."""

    lose: float = 0.0
    repeat: float = 0.0
    delay_ms: int = 2
    crash_actor: float = 0.0
    crash_bus: float = 0.0
    pause: float = 0.0
    down_ms: int = 500
    pause_ms: int = 400
    snapshot: float = 0.0
    succeeded: float = 0.0
    kill: float = 0.0
    lines: float = 0.0

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        """Some runs go without a class of faults, so that none hides another (swarm testing)."""

        def rate(most: float) -> float:
            return rng.choice((0.0, most / 4, most))

        return cls(
            lose=rate(0.05),
            repeat=rate(0.1),
            delay_ms=rng.choice((1, 5, 50)),
            crash_actor=rate(0.005),
            crash_bus=rate(0.008),
            pause=rate(0.005),
            down_ms=rng.choice((1, 500, 3_000)),
            pause_ms=rng.choice((400, 2_000, 5_000)),
            snapshot=rate(0.02),
            succeeded=rate(0.5),
            kill=rate(0.0005),
            lines=rate(0.2),
        )


@dataclass(frozen=True, slots=True)
class Made:
    """What one process life of an actor is made of."""

    registration: Registration
    core: Core | FoldingCore
    session: SessionHost | None = None
    observe: Callable[[Envelope], None] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """An actor and how to make it anew, perhaps with other settings: then it begins another run. None: it is not to be now."""

    source: str
    make: Callable[[], Made | None]


class Life:
    """One slot of an actor: its process of the moment, or when the next one comes. succeeded: another slot has taken its name over."""

    def __init__(self, part: Part, slot: int) -> None:
        self.part = part
        self.slot = slot
        self.driver: ActorDriver | None = None
        self.transport: Transport | None = None
        self.host: SessionHost | None = None
        self.wake = 0  # asleep or away until then
        self.due = -1  # when it runs next, as planned
        self.lives = 0
        self.succeeded = False
        self.gone = False

    @property
    def epoch(self) -> int:
        """Lease epoch of the process, 0 while there is none."""
        return self.driver.connection.welcome.epoch if self.driver is not None else 0


class World:
    """fired: how often each fault came; a run in which none did proves nothing. wall_offset: how far the wall clock has jumped, ns."""

    def __init__(self, seed: int, settings: BusSettings, parts: Sequence[Part], faults: Faults, store: MemoryStore | None = None) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self.faults = faults
        self.now = 0
        self.wall_offset = 0
        self.fired: Counter[str] = Counter()
        self.store = store if store is not None else MemoryStore(f"{seed:016x}")
        self.snapshots = MemorySnapshots()
        self.lives: list[Life] = []
        self.net = Network(self)
        self._settings = settings
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._starting = 0
        self._server: FrameServer | None = None
        self._reader = FrameReader(self.store, self.snapshots)
        self._bus_back = self._bus_due = 0
        self._missing: set[str] = set()
        self._slots = 0
        self._favourite = self.rng.choice(sorted(killpoints.STEPS))
        self.at(0, self._bus_turn)
        for part in parts:
            self.add(part)

    # -- running

    def add(self, part: Part) -> Life:
        """One more actor; it starts at once."""
        life = Life(part, self._slots)
        self._slots += 1
        self.lives.append(life)
        self.plan(life, self.now)
        return life

    def at(self, ns: int, act: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self._order += 1
        heapq.heappush(self._events, (max(ns, self.now), self._order, act))

    def step(self) -> None:
        """The next thing happens."""
        at, _, act = heapq.heappop(self._events)
        self.now = max(self.now, at)
        act()

    def run_for(self, ns: int) -> None:
        """Let so much time pass."""
        end = self.now + ns
        while self._events[0][0] <= end:
            self.step()
        self.now = max(self.now, end)

    def run_until(self, condition: Callable[[], bool], ns_max: int, look_ns: int = 200 * MS) -> bool:
        """Whether the condition, looked at now and then, came within so much time."""
        end = self.now + ns_max
        while self.now < end:
            if condition():
                return True
            self.run_for(look_ns)
        return condition()

    def wait(self, ready: Callable[[], bool], ns: int) -> None:
        """Somebody blocks: the world goes on without it until it is ready, for so long at most."""
        end = self.now + ns
        self._starting += 1
        try:
            while not ready() and self._events[0][0] <= end:
                self.step()
        finally:
            self._starting -= 1
        if not ready():
            self.now = max(self.now, end)

    def calm(self) -> None:
        """No more faults: from here everything must converge."""
        self.faults = Faults(delay_ms=1, down_ms=1)
        self._bus_back = min(self._bus_back, self.now)
        self.at(self.now, self._bus_turn)
        for life in list(self.lives):
            if life.succeeded:  # two of a name are no state to converge from: one of them is ended
                self.crash(life)
                continue
            life.wake = min(life.wake, self.now)
            self.plan(life, self.now)

    def forget(self, source: str) -> None:
        """This actor never comes back once it is away, and it goes now; `bus` is one too."""
        self._missing.add(source)
        if source == "bus":
            self._crash_bus()
        for life in list(self.lives):
            if life.part.source == source:
                self.crash(life)

    def drivers(self) -> list[ActorDriver]:
        """Of every actor that runs, but those whose name another has taken."""
        return [life.driver for life in self.lives if life.driver is not None and not life.succeeded]

    def happens(self, rate: float, what: str) -> bool:
        """Whether a fault of this rate comes now; counted."""
        if rate <= 0.0 or self.rng.random() >= rate:
            return False
        self.fired[what] += 1
        return True

    def wall_ns(self) -> int:
        return WALL_START_NS + self.now + self.wall_offset

    # -- actors

    def plan(self, life: Life, ns: int) -> None:
        """Let an actor run at a moment, unless it will before."""
        ns = max(ns, life.wake, self.now)
        if self.now <= life.due <= ns:
            return
        life.due = ns
        self.at(ns, lambda: self._run_due(life, ns))

    def _run_due(self, life: Life, ns: int) -> None:
        if life.due != ns or life.gone:
            return  # another plan replaced this one
        life.due = -1
        if life.wake > self.now:
            self.plan(life, life.wake)
        elif life.driver is None:
            self._begin(life)
        else:
            self._step_of(life, life.driver)
        if not life.gone and life.due < 0:
            self.plan(life, self.now + IDLE_NS)

    def _step_of(self, life: Life, driver: ActorDriver) -> None:
        if self.happens(self.faults.crash_actor, "crash actor"):
            self.crash(life)
        elif self.happens(self.faults.pause, "pause"):
            self._pause(life)
        else:
            self.guard(life, lambda: self._pump(driver))

    def guard(self, life: Life, act: Callable[[], None]) -> None:
        """As the process driver: who is killed or fenced ends, and comes back."""
        try:
            act()
        except Fenced:
            self.fired["fenced"] += 1
            self.crash(life)
        except Killed:
            self.crash(life)

    def _pump(self, driver: ActorDriver) -> None:
        driver.pump(0.0)
        if self.rng.random() < self.faults.snapshot and driver.progress.recovered and driver.snapshot():
            self.fired["snapshot"] += 1
            if self.happens(self.faults.crash_actor * AFTER_SNAPSHOT, "crash after snapshot"):  # what it stands on must be somewhere else
                raise Killed("snapshot")

    def _pause(self, life: Life) -> None:
        life.wake = self.now + self.faults.pause_ms * MS
        if not life.succeeded and self.happens(self.faults.succeeded, "successor"):
            life.succeeded = True
            self.add(life.part)

    def _begin(self, life: Life) -> None:
        source = life.part.source
        if self._starting or source in self._missing:
            life.wake = self.now + 20 * MS
            return
        made = life.part.make()
        if made is None:
            life.wake = self.now + 20 * MS
            return
        life.lives += 1
        registration = replace(made.registration, holder=f"{made.registration.holder}.{life.slot}")
        transport = Transport(self.net, life, f"{source}#{life.slot}.{life.lives}".encode())
        driver = ActorDriver(
            SimulatedBus(transport), registration, made.core, made.session, observe=made.observe, mono_ns=lambda: self.now, passed=self.point
        )
        attach: Callable[[Life], None] | None = getattr(made.session, "attach", None)
        if attach is not None:
            attach(life)
        life.transport, life.host = transport, made.session
        try:
            driver.start(timeout_s=600.0)
        except (Fenced, LeaseHeld, BusUnavailable) as error:
            self.fired[type(error).__name__.lower()] += 1
            self.crash(life)
            life.wake = max(life.wake, self.now + HELD_NS)
        except Killed:
            self.crash(life)
        else:
            life.driver = driver

    def crash(self, life: Life) -> None:
        """Its process ends as by SIGKILL: what it had in hand is gone."""
        if life.gone:
            return
        if life.transport is not None:
            life.transport.close()
        if life.host is not None:
            life.host.close()
        life.driver = life.transport = life.host = None
        if life.succeeded:
            life.gone = True
            self.lives.remove(life)
            return
        life.wake = self.now + self.rng.randrange(self.faults.down_ms + 1) * MS
        life.due = -1
        self.plan(life, life.wake)

    def point(self, step: str, subject: object) -> None:  # noqa: ARG002 - every subject may be the last
        rate = self.faults.kill
        if rate and self.rng.random() < rate * (1 if step != self._favourite else _LIKELIER[step]):
            self.fired[f"kill {step}"] += 1
            raise Killed(step)

    # -- the bus

    def _bus_turn(self) -> None:
        now = self.now
        if now < self._bus_due:
            return  # it has turned since this was planned
        try:
            self._turn_now()
        except Killed:
            self._crash_bus()
        self._bus_due = now + BUS_IDLE_NS
        self.at(self._bus_due, self._bus_turn)

    def _turn_now(self) -> None:
        wall = self.wall_ns()
        if self._server is None:
            if self.now < self._bus_back or "bus" in self._missing:
                return
            self._server = FrameServer(BusServer(self._settings, self.store, wall, self.now), self.net, self._bus_point)
        elif self.happens(self.faults.crash_bus, "crash bus"):
            self._crash_bus()
            return
        self._server.turn(wall, self.now)

    def _bus_point(self, step: str, event: Event) -> None:
        self.point(step, event)

    def _crash_bus(self) -> None:
        """What was received and not committed is gone with it."""
        self._server = None
        self._bus_back = self.now + self.rng.randrange(self.faults.down_ms + 1) * MS

    def to_server(self, peer: bytes, frame: bytes) -> None:
        """A frame reaches the bus, which takes its turn soon."""
        if self._server is None:
            return
        try:
            self._server.receive(peer, frame, self.now)
        except Killed:
            self._crash_bus()
            return
        soon = self.now + self.rng.randrange(TURN_NS)
        if soon < self._bus_due:
            self._bus_due = soon
            self.at(soon, self._bus_turn)

    def read(self, frame: bytes) -> bytes:
        """The answer of the bus's reader process."""
        return self._reader.answer(frame)
