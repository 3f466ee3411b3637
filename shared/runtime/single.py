"""The single-process driver: every actor in one process on the in-memory bus, with or without a journal. One thread, no hops.

For notebooks, lowest latency, backtests and tests. The rules are those of the other drivers: an event is folded after it is committed,
outputs are numbered by the same bus, effects follow durability.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from shared.bus.memory import MemoryBus

from .driver import ActorDriver

IDLE_S: Final = 0.0005


class SingleDriver:
    """drivers in rank order, each on a connection of `bus`."""

    def __init__(self, bus: MemoryBus, drivers: Sequence[ActorDriver]) -> None:
        self._bus = bus
        self._drivers = list(drivers)

    def start(self) -> None:
        """Raises LeaseHeld, Refused."""
        for driver in self._drivers:
            driver.start(0.0)

    def step(self) -> int:
        """Let every actor handle what is there once. Events handled."""
        return sum(driver.pump(0.0) for driver in self._drivers)

    def settle(self) -> int:
        """Until nobody has anything to do. Events handled."""
        total = 0
        while handled := self.step():
            total += handled
        return total

    def run(self, until: Callable[[], bool], idle: Callable[[], None] = lambda: time.sleep(IDLE_S)) -> None:
        """idle: called when nothing is to be done."""
        while not until():
            if not self.step():
                idle()

    def stop(self) -> None:
        for driver in reversed(self._drivers):
            driver.stop()
        self._bus.pump()
