"""The kill path in the simulated world: the real acts, switch and outbox, with the thread and the socket replaced by events of the world. It lives
as long as its process, also while that waits for a bus; its file outlives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from services.reconciler.deadman import BusWatch
from services.reconciler.directly import DirectActs
from services.reconciler.outbox import SOURCE as OUTBOX
from services.reconciler.outbox import Outbox
from services.reconciler.sweep import BrokerLine, Steps
from shared.brokers.paper.sessions import PaperAccount, PaperExecution
from shared.bus.port import Connection
from shared.events import Envelope, HaltRequested
from shared.runtime.killpath import HaltOrder
from shared.runtime.session import Evidence
from shared.runtime.simulated_host import SimulatedHost

from .venue import DIRECT, SimulatedVenue

NS: Final = 1_000_000_000
TICK_NS: Final = NS // 20
AWAY_S: Final = 1.5
_LOG: Final[Any] = structlog.wrap_logger(None, processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])


class _Caller:
    """What its lines need of a host: whose requests they are, and what they cost."""

    epoch = DIRECT

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, ns: int) -> None:
        self.spent += ns

    def wake(self) -> None: ...


class SimulatedKillPath:
    """What `ReconcilerSession` takes for a `KillPath`; hosted with it."""

    def __init__(self, venue: SimulatedVenue, outbox: Path, timeout_s: float, *, deadman: bool) -> None:
        self._venue, self._world = venue, venue.world
        self._caller = caller = _Caller()
        line = BrokerLine(
            lambda: PaperExecution("", timeout_s, venue.line(caller), self._clock_s),  # type: ignore[arg-type]
            lambda: PaperAccount("", timeout_s, venue.line(caller), self._world.wall_ns),  # type: ignore[arg-type]
        )
        self._line = line
        self._outbox = Outbox(outbox)
        self._after_s = AWAY_S if deadman else 0.0
        self._watch = BusWatch(self._after_s)
        self._connection: Connection | None = None
        self._demands: list[Callable[[], Steps[Any]]] = []
        self._busy = self.closed = False
        self._acts = DirectActs(
            line,
            self._outbox,
            _LOG,
            spare_protective=True,
            clock=self._clock_s,
            wall_ns=self._world.wall_ns,
            token=lambda: f"{self._world.now:x}",
        )
        self.host: Host | None = None
        self._world.at(self._world.now + TICK_NS, self._tick)

    # as the driver and the session use it

    def connected(self, connection: Connection) -> None:
        self._outbox.opened(connection)
        self._connection = connection

    def observed(self, e: Envelope) -> None:
        if e.source == OUTBOX:
            self._outbox.delivered(e.n)

    def news(self, _timeout_s: float) -> tuple[Evidence, ...]:
        return self._outbox.take()

    def take(self) -> tuple[Evidence, ...]:
        return self._outbox.take()

    def demand(self, halt: HaltRequested) -> None:
        self._demands.append(lambda: self._acts.router_lost(halt))

    # as an operator uses it

    def halt(self, order: HaltOrder) -> None:
        self._demands.append(lambda: self._acts.operator(order))

    @property
    def pending(self) -> int:
        return self._outbox.pending

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._line.close()
            self._outbox.close()

    # the thread

    def _clock_s(self) -> float:
        return (self._world.now + self._caller.spent) / NS

    def _tick(self) -> None:
        if self.closed:
            return
        asleep = self._asleep()
        if asleep:
            self._world.at(asleep, self._tick)
            return
        if not self._busy:
            if self._watch.step(self._clock_s(), self._silent_s()):
                self._world.fired["dead man: bus"] += 1
                self._begin(self._acts.bus_lost(self._after_s))
            elif self._demands:
                self._begin(self._demands.pop(0)())
        self._world.at(self._world.now + TICK_NS, self._tick)

    def _begin(self, steps: Steps[Any]) -> None:
        self._busy = True
        self._go_on(steps)

    def _go_on(self, steps: Steps[Any]) -> None:
        if self.closed:
            return
        asleep = self._asleep()
        if asleep:
            self._world.at(asleep, lambda: self._go_on(steps))
            return
        self._caller.spent = 0
        try:
            pause = next(steps)
        except StopIteration:
            self._busy = False
        else:
            self._world.at(self._world.now + self._caller.spent + int(pause * NS), lambda: self._go_on(steps))

    def _asleep(self) -> int:
        """Until when its process sleeps; 0: it does not."""
        life = self.host.life if self.host is not None else None
        return life.wake if life is not None and life.driver is not None and life.wake > self._world.now else 0

    def _silent_s(self) -> float:
        connection = self._connection
        return float("inf") if connection is None else (connection.welcome.lease_ns - connection.lease_left_ns()) / NS


class Host(SimulatedHost):
    """The reconciler's host, with its kill path."""

    def __init__(self, killpath: SimulatedKillPath, venue: SimulatedVenue) -> None:
        super().__init__(venue.world)
        self.killpath = killpath
        killpath.host = self

    def start(self, connection: Connection) -> None:
        self.killpath.connected(connection)
        super().start(connection)

    def close(self) -> None:
        self.killpath.close()
        super().close()
