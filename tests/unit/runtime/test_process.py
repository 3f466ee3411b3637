"""A service process over its actors: what it says of each on the log, also of one that comes again under another epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.server import BusSettings
from shared.events import ServiceAnnounced
from shared.runtime.driver import ActorDriver
from shared.runtime.health import HealthFile
from shared.runtime.logs import logger
from shared.runtime.process import ActorProcess
from shared.runtime.signals import Stop
from tests.sim.toys import Quiet

SECOND = 1_000_000_000
LIVES = 3


class OneAfterTheOther:
    """A crew of one name: each life ends as soon as all it said is acknowledged; after the last the process is asked to stop."""

    def __init__(self, bus: MemoryBus, stop: Stop) -> None:
        self.bus, self.stop, self.lives = bus, stop, 0

    def turn(self, started: Sequence[ActorDriver]) -> tuple[Sequence[ActorDriver], Sequence[ActorDriver]]:
        over = [driver for driver in started if not driver.connection.unacked()]
        if started and not over:
            return (), ()
        self.stop.asked = self.lives == LIVES
        if self.stop.asked:
            return over, ()
        self.lives += 1
        return over, [ActorDriver(self.bus, Registration("strategy.one", Role.STRATEGY, str(self.lives), ("c.",), 0, "w"), Quiet())]

    def close(self) -> None: ...


def test_an_actor_that_comes_again_in_one_process_is_told_of_under_each_epoch(tmp_path: Path) -> None:
    bus = MemoryBus(BusSettings(ClockMode.WALL), lambda: (SECOND, SECOND))
    stop = Stop.__new__(Stop)  # asked for here, not by signals
    stop.asked = False
    process = ActorProcess(
        "strategy_runner",
        bus,
        (),
        HealthFile(tmp_path, "strategy_runner"),
        logger("strategy_runner"),
        announce=("a", "b", "c"),
        crew=OneAfterTheOther(bus, stop),
    )

    assert process.run(stop) == 0

    said = [(e.source, e.run, e.n) for e in bus.history(0, 1 << 60) if isinstance(e.event, ServiceAnnounced)]
    assert said == [("strategy.one.health", epoch, 1) for epoch in range(1, LIVES + 1)]
