"""A worker whose strategies change under it: it begins what is added, ends what is removed, and goes on where one cannot be loaded."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.strategy_runner.worker import Worker
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Registration, Role
from shared.bus.server import BusSettings
from shared.config import load
from shared.events import Alert, BusStarted, ClockTicked, Event, RunStarted, StrategyRevised, StrategyStarted, StrategyStopped
from shared.runtime.driver import ActorDriver
from shared.runtime.places import Places
from shared.runtime.service import Setting
from tests.sim.toys import Quiet

CONFIG = """
live:
  broker: paper
  symbols: [ACME, GLOBEX]
  calendar: 24x7
  state_dir: {directory}/s
  strategies: [{{id: hold, name: buy_and_hold, params: {{quantity: 1}}, symbols: [GLOBEX], budget: 1000}}]
"""
ENTRY: dict[str, Any] = {"id": "swing", "name": "buy_and_hold", "symbols": ["ACME"], "budget": "500"}


class Floor:
    """A worker's process without its sockets: a bus, who answers commands there, and the worker's drivers."""

    def __init__(self, directory: Path) -> None:
        path = directory / "live.yaml"
        path.write_text(CONFIG.format(directory=directory))
        loaded = load(path, offline=True)
        self.setting = Setting(loaded, Places.of(loaded.config), "w1")
        self.bus = MemoryBus(BusSettings(ClockMode.WALL), lambda: (time.time_ns(), time.monotonic_ns()))
        self.risk = ActorDriver(self.bus, Registration("risk_engine", Role.RISK, "f", ("c.",), 0, "r"), Quiet())
        self.risk.start(0)
        self.said = 0
        self.begin()

    def begin(self) -> None:
        """A worker's process, the one before it dead."""
        self.worker = Worker(self.setting, self.bus)
        self.started: list[ActorDriver] = []
        self.settle()

    def answer(self, outcome: str, strategy: str, definition: Any = None) -> None:
        """Risk's answer to a command, and all that follows from it."""
        cause = next(e for e in self.bus.history(0, 1 << 60) if isinstance(e.event, BusStarted | ClockTicked))
        self.said += 1
        text = json.dumps(definition) if definition is not None else ""
        event = StrategyRevised(f"c{self.said}", outcome, strategy, self.said * 1000, text, Decimal(500), "ann: why")
        self.risk.connection.append(cause, [event], self.said)
        self.settle()

    def settle(self) -> None:
        for _ in range(6):
            self.worker._next_look = 0
            over, new = self.worker.turn(self.started)
            for driver in over:
                self.started.remove(driver)
                driver.stop()
            for driver in new:
                driver.start(0)
                self.started.append(driver)
            for driver in (self.risk, *self.started):
                driver.pump(0.0)
            self.bus.pump()

    def life(self) -> list[tuple[str, Any]]:
        """Runs, starts and stops of strategies in the log."""
        events: list[Event] = [e.event for e in self.bus.history(0, 1 << 60)]
        found: list[tuple[str, Any]] = []
        for e in events:
            if isinstance(e, RunStarted) and e.name.startswith("strategy."):
                found.append((f"run {e.name_run}", e.name))
            elif isinstance(e, StrategyStarted | StrategyStopped):
                found.append((type(e).__name__[8:].lower(), e.strategy))
        return found

    @property
    def running(self) -> list[str]:
        return sorted(driver.source for driver in self.started)


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    made = Floor(tmp_path)
    yield made
    made.worker._watchdog.stop()


def test_what_is_added_begins_and_what_is_removed_says_its_last_word_first(floor: Floor) -> None:
    assert floor.running == ["strategy.hold"]
    floor.answer("added", "swing", ENTRY)
    assert floor.running == ["strategy.hold", "strategy.swing"]
    floor.answer("removed", "hold")
    assert floor.running == ["strategy.swing"]
    assert floor.life() == [
        ("run 1", "strategy.hold"),
        ("started", "hold"),
        ("run 1", "strategy.swing"),
        ("started", "swing"),
        ("stopped", "hold"),
    ]


def test_another_worker_begins_what_the_log_says_and_not_what_the_file_does(floor: Floor) -> None:
    floor.answer("added", "swing", ENTRY)
    floor.answer("set", "swing", {**ENTRY, "params": {"quantity": 3}})
    floor.answer("removed", "hold")
    for driver in floor.started:
        driver.stop()
    floor.worker.close()
    runs = [row for row in floor.life() if row[0].startswith("run")]

    floor.begin()

    assert floor.running == ["strategy.swing"]
    assert [row for row in floor.life() if row[0].startswith("run")] == runs, "the same run goes on"


def test_set_is_another_run_also_to_the_values_it_had(floor: Floor) -> None:
    floor.answer("set", "hold", {"params": {"quantity": 2}})
    floor.answer("set", "hold", {"params": {"quantity": 2}})
    runs = [row for row in floor.life() if row[0].startswith("run")]
    assert runs == [(f"run {n}", "strategy.hold") for n in (1, 2, 3)]
    assert floor.started[0].core.settings.params == {"quantity": 2}  # type: ignore[union-attr]  # a StrategyHost
    assert floor.started[0].core.settings.budget == 1000  # type: ignore[union-attr]


def test_one_that_cannot_be_loaded_here_is_told_and_stops_no_other(floor: Floor) -> None:
    floor.answer("added", "swing", {**ENTRY, "name": None, "path": "gone.py:Mine"})
    assert floor.running == ["strategy.hold"]
    alerts = [e.event for e in floor.bus.history(0, 1 << 60) if isinstance(e.event, Alert)]
    assert [a.key for a in alerts] == ["strategy:swing"], "once"
    assert "swing cannot be loaded: StrategyNotFound" in alerts[0].text
    floor.answer("removed", "swing")
    floor.answer("added", "swing", ENTRY)
    assert floor.running == ["strategy.hold", "strategy.swing"]
