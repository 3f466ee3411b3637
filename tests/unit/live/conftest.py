"""Fleets of stand-ins, and waiting for what they do."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.live.child import Command
from services.live.fleet import Change, Fleet, SlotState
from services.live.leftovers import Roll
from services.live.plan import Plan, Stage

STAND_IN = Path(__file__).with_name("stand_in.py")
PATIENCE_S = 20.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for it; a test that waits in vain fails."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def stand_in(name: str, health: Path, mode: str) -> Command:
    return Command((sys.executable, str(STAND_IN), name, str(health), mode), {})


@dataclass
class Crew:
    """A fleet whose services do what `modes` says; every change is kept."""

    directory: Path
    modes: dict[str, str]
    restart_max_per_min: int = 5
    changes: list[Change] = field(default_factory=list)
    fleet: Fleet = field(init=False)

    def __post_init__(self) -> None:
        health, logs = self.directory / "health", self.directory / "logs"
        health.mkdir(exist_ok=True)
        logs.mkdir(exist_ok=True)
        self.fleet = Fleet(
            Plan((Stage(tuple(self.modes)),)),
            lambda s: stand_in(s, health, self.modes[s]),
            health,
            logs,
            self.restart_max_per_min,
            Roll(self.directory),
        )

    def watch(self) -> Crew:
        self.changes += self.fleet.watch(time.monotonic())
        return self

    def until(self, condition: Callable[[], bool]) -> None:
        until(lambda: bool(self.watch()) and condition())

    def start(self, *services: str) -> None:
        for service in services:
            self.fleet.start(service)

    def ready(self, *services: str) -> None:
        self.start(*services)
        self.until(lambda: all(self.fleet.ready(s) for s in services))

    def state(self, service: str) -> SlotState:
        return self.fleet.slots[service].state

    def pid(self, service: str) -> int:
        child = self.fleet.slots[service].child
        assert child is not None
        return child.pid

    def texts(self, service: str) -> list[str]:
        return [change.text for change in self.changes if change.service == service]


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Callable[..., Crew]]:
    made: list[Crew] = []

    def make(modes: dict[str, str], restart_max_per_min: int = 5) -> Crew:
        made.append(Crew(tmp_path, modes, restart_max_per_min))
        return made[-1]

    yield make
    for one in made:
        one.fleet.ask_to_stop([])
        one.fleet.kill(list(one.modes))
        one.until(lambda one=one: not one.fleet.running())


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose socket paths fit."""
    with tempfile.TemporaryDirectory(prefix="rf") as directory:
        yield Path(directory)
