"""Tick to order at the broker session with every actor in one process, on the in-memory bus with its journal and without.

The same cores and drivers as everywhere; no sockets, no threads. The reconciler's part is said by the benchmark (one account, clean), so that
no venue has to answer.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Final

from services.auditor.core import AuditorCore
from services.auditor.settings import AuditorSettings
from services.order_router.core import RouterCore
from services.order_router.settings import TOPICS as ROUTER_TOPICS
from services.risk_engine.build import risk_settings
from services.risk_engine.core import RiskCore
from services.risk_engine.main import TOPICS as RISK_TOPICS
from services.strategy_runner.host import StrategyHost
from services.strategy_runner.worker import strategy_settings
from shared.bus.journal import Journal
from shared.bus.journal_reader import JournalReader
from shared.bus.memory import MemoryBus
from shared.bus.port import ClockMode, Cursor, Delivered, Durability, Role
from shared.bus.server import BusSettings
from shared.config import load
from shared.config.revised import InForce
from shared.events import AccountOpened, ReconcileCompleted
from shared.runtime.driver import ActorDriver
from shared.runtime.places import Places
from shared.runtime.service import Setting
from shared.runtime.sessions import InlineHost
from shared.runtime.single import SingleDriver
from shared.strategy.loading import load_strategy

from .order_path import settings
from .probes import Notes, RefusingBroker, TickFeed, gateway
from .table import AT_MOST, Row, Size, Target, percentile

CASH: Final = Decimal(100_000)
TARGET: Final = Target(AT_MOST, 100.0, "p50 <= 100 us")
WARM: Final = 50
LEASE_NS: Final = 3_600_000_000_000  # the two take turns: each is silent while the other runs


class OneProcess:
    """All actors of the benchmark's configuration. with_journal: what a live session has."""

    def __init__(self, directory: Path, with_journal: bool) -> None:
        loaded = load(settings(directory))
        setting = Setting(loaded, Places.of(loaded.config), "single")
        self._undo = ExitStack()
        store = history = None
        if with_journal:
            store = Journal.open(directory / "single.db", Durability.PROCESS)
            self._undo.callback(store.close)
            history = JournalReader(directory / "single.db")
            self._undo.callback(history.close)
        settings_ = BusSettings(ClockMode.WALL, lease_ttl_ns=LEASE_NS)
        self._log = MemoryBus(settings_, lambda: (time.time_ns(), time.monotonic_ns()), store, history=history)
        self._begun, self._sent = Notes(), Notes()
        self.feed = TickFeed(self._begun)
        self._single = SingleDriver(self._log, self._drivers(setting))
        self._single.start()
        self._say_clean(setting)
        for _ in range(WARM):
            self._tick()

    def _drivers(self, setting: Setting) -> list[ActorDriver]:
        config, log = setting.config, self._log
        strategy = config.strategies[0]
        ours = strategy_settings(setting, InForce(strategy, CASH, 0))
        host = StrategyHost(ours, load_strategy(ours.name))
        risk = risk_settings(config)
        return [
            gateway(setting, log, self.feed),
            ActorDriver(log, setting.registration(ours.source, Role.STRATEGY, host.topics(), ""), host),
            ActorDriver(log, setting.registration("risk_engine", Role.RISK, RISK_TOPICS, ""), RiskCore(risk)),
            ActorDriver(
                log,
                setting.registration("order_router", Role.ROUTER, ROUTER_TOPICS, ""),
                RouterCore(),
                InlineHost(RefusingBroker(self._sent, None)),
            ),
            ActorDriver(log, setting.registration("auditor", Role.AUDITOR, ("m.", "t.", "c."), ""), AuditorCore(AuditorSettings(budgets={}))),
        ]

    def _say_clean(self, setting: Setting) -> None:
        connection = self._log.connect(setting.registration("reconciler", Role.RECONCILER, ("c.",), ""))
        connection.follow(Cursor())
        self._single.settle()
        cause = next(notice.envelope for notice in connection.poll(0.0) if isinstance(notice, Delivered))
        opened = AccountOpened("bench", "USD", CASH, CASH, (), (), ())
        connection.append(cause, [opened, ReconcileCompleted(1, clean=True, breaks=(), pending=0, report=0)], 1)
        self._single.settle()
        self._single.step()

    def _tick(self) -> None:
        self.feed.ask(1, 0, 0)
        self._single.settle()

    def latencies(self, ticks: int) -> list[float]:
        """us from the quote to the session."""
        self._begun.taken.clear()
        self._sent.taken.clear()
        for _ in range(ticks):
            self._tick()
        assert len(self._begun.taken) == len(self._sent.taken) == ticks, f"{len(self._sent.taken)} orders of {ticks} ticks"
        return [(sent - begun) / 1e3 for (_, begun), (_, sent) in zip(self._begun.taken, self._sent.taken, strict=True)]

    def close(self) -> None:
        self._undo.close()


def run(size: Size) -> list[Row]:
    rounds, ticks = size.of(10, 1), size.of(200, 10)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second, ExitStack() as stack:
        journaled, plain = OneProcess(Path(first), True), OneProcess(Path(second), False)
        stack.callback(journaled.close)
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for values, measured in zip(taken, (journaled, plain), strict=True):
                values.extend(measured.latencies(ticks))
    rows = []
    for name, share, target in (("p50", 0.5, TARGET), ("p99", 0.99, None)):
        durable, bare = (percentile(values, share) for values in taken)
        rows.append(Row(f"tick -> order, single, {name}", f"{durable:,.0f} us", f"without a journal {bare:,.0f} us", durable / bare, target, durable))
    return rows
