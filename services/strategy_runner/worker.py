"""The strategies of one process and their watchdog: which there are, by the configuration and what operators made of it since.

A strategy that is changed ends its run first: its driver goes on until it has folded the change and what it said is durable; then its lease is free
for the run that follows, here or at another worker. Under the feed clock nothing changes, and the file's strategies are all there are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final

from shared.bus.port import Bus, Connection, Role
from shared.bus.zmq_client import append_aside
from shared.config.revised import InForce, in_force
from shared.events import StrategyBlocked, TimeInForce
from shared.runtime.driver import ActorDriver
from shared.runtime.logs import logger
from shared.runtime.service import Setting

from .failure import failure_text
from .host import StrategyHost  # before any strategy: it redirects the generators that strategies import
from .roll import Roll
from .user_code import CONTAINED
from .watchdog import Watchdog

from shared.strategy.loading import load_strategy  # isort: skip
from shared.strategy.settings import StrategySettings  # isort: skip

SERVICE: Final = "strategy_runner"
EXIT_BLOCKED: Final = 7
REPORT_S: Final = 5.0
LOOK_NS: Final = 50_000_000


def strategy_settings(setting: Setting, wanted: InForce) -> StrategySettings:
    s = wanted.entry
    return StrategySettings(
        s.id,
        s.path or s.name or "",
        setting.config.strategy_symbols(s),
        s.params,
        wanted.budget,
        s.warmup_bars,
        max(s.history_bars_max, s.warmup_bars),
        TimeInForce(setting.live.risk.default_tif),
        wanted.since,
    )


class Worker:
    """A `shared.runtime.process.Crew`. aside: where the changes of strategies are followed, so that they do not wake the drivers' bus."""

    def __init__(self, setting: Setting, bus: Bus, aside: Bus | None = None) -> None:
        self._setting = setting
        self._bus = bus
        self._log = logger(SERVICE)
        self._watchdog = Watchdog(self._blocked)
        self._roll = None if setting.feed_clock else Roll(aside or bus, setting.instance)
        self._wanted: dict[str, InForce] = {}
        self._running: dict[str, InForce] = {}  # what each driver was built from
        self._unloadable: dict[str, InForce] = {}
        self._drivers: dict[str, ActorDriver] = {}
        self._ending: dict[str, int] = {}  # strategy -> the seq its driver must have folded
        self._begun = False
        self._next_look = 0
        self._watchdog.start()

    def turn(self, started: Sequence[ActorDriver]) -> tuple[Sequence[ActorDriver], Sequence[ActorDriver]]:
        now = time.monotonic_ns()
        if not self._begun:
            self._begun = True
            if self._roll is not None:
                self._roll.read()
            self._want()
        elif self._roll is None or now < self._next_look:
            return (), ()
        elif self._roll.look():
            self._want()
        self._next_look = now + LOOK_NS
        return self._over(started), self._new()

    def close(self) -> None:
        if self._roll is not None:
            self._roll.close()

    def _want(self) -> None:
        """What the list is now, and who must end for it."""
        standing = self._roll.standing if self._roll is not None else {}
        self._wanted = {w.entry.id: w for w in in_force(self._setting.config, standing)}
        seen = self._roll.seen_at if self._roll is not None else {}
        for strategy in self._drivers:
            if self._wanted.get(strategy) != self._running[strategy]:
                self._ending[strategy] = seen.get(strategy, 0)

    def _over(self, started: Sequence[ActorDriver]) -> list[ActorDriver]:
        over = []
        for strategy, seq in list(self._ending.items()):
            driver = self._drivers[strategy]
            if driver in started and (driver.progress.cursor < seq or driver.connection.unacked()):
                continue
            del self._ending[strategy], self._drivers[strategy], self._running[strategy]
            assert isinstance(driver.core, StrategyHost)
            driver.core.close()
            over.append(driver)
            self._log.info("a strategy's run is over", strategy=strategy, seq=seq)
        return over

    def _new(self) -> list[ActorDriver]:
        new = []
        for strategy, wanted in self._wanted.items():
            if strategy in self._drivers or self._unloadable.get(strategy) == wanted:
                continue
            driver = self._loaded(wanted)
            if driver is not None:
                self._drivers[strategy], self._running[strategy] = driver, wanted
                new.append(driver)
        return new

    def _loaded(self, wanted: InForce) -> ActorDriver | None:
        """None, and people are told, where an operator's change cannot be loaded here: the others must go on. What the file names must load."""
        if not wanted.since or self._roll is None:
            return self._driver(wanted)
        try:
            return self._driver(wanted)
        except CONTAINED as error:
            strategy, text = wanted.entry.id, f"strategy {wanted.entry.id} cannot be loaded: {failure_text(error)}"
            self._unloadable[strategy] = wanted
            self._log.error("a strategy cannot be loaded", strategy=strategy, error=str(error))
            self._roll.complain(strategy, text)
            return None

    def _driver(self, wanted: InForce) -> ActorDriver:
        settings = strategy_settings(self._setting, wanted)
        loaded = load_strategy(settings.name, base=self._setting.loaded.files[0].parent)
        host = StrategyHost(settings, loaded, self._watchdog, wanted.entry.callback_ms_max)
        registration = self._setting.registration(settings.source, Role.STRATEGY, host.topics(), loaded.fingerprint(settings))

        def prepare(connection: Connection) -> None:
            run = connection.welcome.run
            facts = connection.facts_of(f"{settings.source}.watchdog")
            host.skip(f.event.seq for f in facts if isinstance(f.event, StrategyBlocked) and f.event.strategy_run == run)

        return ActorDriver(self._bus, registration, host, snapshot_every=self._setting.snapshot_every, prepare=prepare)

    def _blocked(self, blocked: StrategyBlocked) -> None:
        """On the watchdog's thread: journal it, then end this worker with every lease it holds."""
        source, driver = f"strategy.{blocked.strategy}", self._drivers[blocked.strategy]
        epoch = driver.connection.welcome.epoch
        told = append_aside(self._setting.places.bus, source, epoch, (f"{source}.watchdog", epoch, 1), blocked, REPORT_S)
        self._log.error("a callback blocks, the worker ends", strategy=blocked.strategy, callback=blocked.callback, journaled=told)
        os._exit(EXIT_BLOCKED)
