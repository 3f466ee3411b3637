"""The workers of the simulated world: which strategies run, by what operators made of the file's list, as `services/strategy_runner/worker.py` has it:
a process begins what the log says when it begins, and ends a strategy's run once that has folded its change."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.strategy_runner.core import StrategyActor
from shared.config import Config, load
from shared.config.revised import InForce, fold, in_force
from shared.events import Envelope, StrategyRevised
from shared.runtime.simulated import Life, World
from shared.strategy.settings import StrategySettings

MS: Final = 1_000_000
LOOK_MS: Final = 50
LAG_MS: Final = 400  # until the newest worker has heard of a change, at most
_FILE: Final = """
live:
  broker: paper
  symbols: [ABC, XYZ]
  calendar: 24x7
  strategies:
    - {id: one, path: "tests.sim.gamblers:Gambler", symbols: [ABC, XYZ], budget: 400000}
    - {id: two, path: "tests.sim.gamblers:Saver", symbols: [ABC], budget: 300000}
paper: {initial_cash: 1000000}
"""


@functools.cache
def config() -> Config:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "live.yaml"
        path.write_text(_FILE)
        return load(path, {}).config


class Staff:
    """standing: the newest answer of each strategy a command changed; seen_at: seq of the answer. settings: of what is in force."""

    def __init__(self, world: World, settings: Callable[[InForce], StrategySettings]) -> None:
        self.standing: dict[str, StrategyRevised] = {}
        self._seen_at: dict[str, int] = {}
        self._world = world
        self._settings = settings
        world.at(LOOK_MS * MS, self._look)

    def take(self, e: Envelope) -> None:
        """An answer is durable."""
        if isinstance(e.event, StrategyRevised) and fold(self.standing, e.event):
            self._seen_at[e.event.strategy] = e.seq

    def wanted(self, strategy: str) -> StrategySettings | None:
        found = next((w for w in in_force(config(), self.standing) if w.entry.id == strategy), None)
        return None if found is None else self._settings(found)

    def settled(self) -> bool:
        """Whether who runs is who should, each as it should."""
        lives = [life for life in self._world.lives if life.part.source.startswith("strategy.")]
        return all(self._built(life) == self.wanted(life.part.source.removeprefix("strategy.")) for life in lives)

    def _look(self) -> None:
        world = self._world
        for life in list(world.lives) if self.standing else ():
            built, strategy = self._built(life), life.part.source.removeprefix("strategy.")
            if built is not None and life.driver is not None and life.wake <= world.now and built != self.wanted(strategy):
                seq = self._seen_at.get(strategy, 0)
                if life.driver.progress.cursor >= seq and not life.driver.connection.unacked():
                    world.fired["strategy's run ended"] += 1
                    world.guard(life, life.driver.stop)
                    world.crash(life)
        world.at(world.now + world.rng.randint(LOOK_MS, LAG_MS) * MS if self.standing else world.now + LOOK_MS * MS, self._look)

    def _built(self, life: Life) -> StrategySettings | None:
        """What its process was built for; None where none runs."""
        core = life.driver.core if life.driver is not None else None
        return core.settings if isinstance(core, StrategyActor) else None
