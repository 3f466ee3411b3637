"""Every implementation of the bus port; a third one adds a fixture parameter, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.bus.memory import MemoryBus
from shared.bus.port import (
    ClockMode,
    Connection,
)
from shared.bus.server import BusSettings
from shared.bus.zmq_client import ZmqBus
from tests.support.bus import RunningBus

from .buses import TTL_MS, World, registration


@pytest.fixture(params=["memory", "zmq"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., World]]:
    closers: list[Callable[[], Any]] = []

    def make(clock: ClockMode = ClockMode.WALL, roster: tuple[str, ...] = (), ttl_ms: int = TTL_MS) -> World:
        opened: list[Connection] = []
        if request.param == "memory":
            skew = [0]
            settings = BusSettings(clock, roster={name: rank for rank, name in enumerate(roster)}, lease_ttl_ns=ttl_ms * 1_000_000)
            bus: Any = MemoryBus(settings, lambda: (time.time_ns() + skew[0], time.monotonic_ns() + skew[0]))

            def lapse(living: list[Connection]) -> None:
                for _ in range(4):  # in steps, so that the living are heard in between
                    skew[0] += ttl_ms * 1_000_000 // 2
                    for c in living:
                        c.poll(0)
        else:
            running = RunningBus(tmp_path, clock, roster, ttl_ms).start()
            bus = ZmqBus(running.endpoints)
            closers.extend([bus.close, running.__exit__])

            def lapse(living: list[Connection]) -> None:
                end = time.monotonic() + 1.2 * ttl_ms / 1000
                while time.monotonic() < end:
                    for c in living:
                        c.poll(0.01)

        def connect(*args: Any, **kwargs: Any) -> Connection:
            c: Connection = bus.connect(registration(*args, **kwargs))
            opened.append(c)
            return c

        return World(connect, lapse)

    yield make
    for close in closers:
        close()
