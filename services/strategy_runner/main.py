"""`regimeflow service strategy_runner`: a worker that claims strategies by lease and runs them; decides nothing.

Several workers may run: each claims what is free, and takes over what another left. A strategy whose callback blocks is reported by the
watchdog on a socket of its own, and the worker ends before its leases move; the successor goes on without that callback.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from shared.bus.port import Bus, Connection, Role
from shared.bus.zmq_client import append_aside
from shared.config import Loaded
from shared.config.strategies import StrategyConfig
from shared.events import StrategyBlocked, TimeInForce
from shared.runtime.driver import ActorDriver
from shared.runtime.logs import logger
from shared.runtime.service import Setting, run_service

from .host import StrategyHost  # before any strategy: it redirects the generators that strategies import
from .watchdog import Watchdog

from shared.strategy.loading import LoadedStrategy, load_strategy  # isort: skip
from shared.strategy.settings import StrategySettings  # isort: skip

SERVICE: Final = "strategy_runner"
EXIT_BLOCKED: Final = 7
REPORT_S: Final = 5.0


def strategy_settings(setting: Setting, s: StrategyConfig, budget: Decimal) -> StrategySettings:
    return StrategySettings(
        s.id,
        s.path or s.name or "",
        setting.config.strategy_symbols(s),
        s.params,
        budget,
        s.warmup_bars,
        max(s.history_bars_max, s.warmup_bars),
        TimeInForce(setting.live.risk.default_tif),
    )


class Worker:
    """The strategies of one process and their watchdog."""

    def __init__(self, setting: Setting, bus: Bus) -> None:
        self._setting = setting
        self._log = logger(SERVICE)
        self._watchdog = Watchdog(self._blocked)
        budgets = setting.config.budgets(setting.config.paper.initial_cash)
        self._drivers = {s.id: self._driver(bus, s, budgets[s.id]) for s in setting.config.strategies}
        self._watchdog.start()

    @property
    def drivers(self) -> Sequence[ActorDriver]:
        return list(self._drivers.values())

    def _driver(self, bus: Bus, s: StrategyConfig, budget: Decimal) -> ActorDriver:
        settings = strategy_settings(self._setting, s, budget)
        loaded: LoadedStrategy = load_strategy(settings.name, base=self._setting.loaded.files[0].parent)
        host = StrategyHost(settings, loaded, self._watchdog, s.callback_ms_max)
        registration = self._setting.registration(settings.source, Role.STRATEGY, host.topics(), loaded.fingerprint(settings))

        def prepare(connection: Connection) -> None:
            run = connection.welcome.run
            facts = connection.facts_of(f"{settings.source}.watchdog")
            host.skip(f.event.seq for f in facts if isinstance(f.event, StrategyBlocked) and f.event.strategy_run == run)

        return ActorDriver(bus, registration, host, snapshot_every=self._setting.snapshot_every, prepare=prepare)

    def _blocked(self, blocked: StrategyBlocked) -> None:
        """On the watchdog's thread: journal it, then end this worker with every lease it holds."""
        source, driver = f"strategy.{blocked.strategy}", self._drivers[blocked.strategy]
        epoch = driver.connection.welcome.epoch
        told = append_aside(self._setting.places.bus, source, epoch, (f"{source}.watchdog", epoch, 1), blocked, REPORT_S)
        self._log.error("a callback blocks, the worker ends", strategy=blocked.strategy, callback=blocked.callback, journaled=told)
        os._exit(EXIT_BLOCKED)


def run(loaded: Loaded, instance: str) -> int:
    """Exit status as `ActorProcess`, or 7: a callback blocked."""
    return run_service(SERVICE, loaded, instance, lambda setting, bus: Worker(setting, bus).drivers)
