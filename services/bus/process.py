"""The sequencer process: journal, server, sockets, reader child, signals. Decides nothing about events."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared.bus.journal import Journal
from shared.bus.retention import Pruner
from shared.bus.server import BusServer, BusSettings
from shared.bus.snapshots import SnapshotStore
from shared.bus.zmq_server import Endpoints, ZmqBusServer
from shared.events import MarketPruned
from shared.runtime import killpoints
from shared.runtime.signals import Stop

HOUSEKEEPING_NS = 500_000_000
ANNOUNCE_EVERY_NS = 60_000_000_000


class ReaderEnded(Exception):
    """The catch-up process ended by itself: it met something it could not read. The bus stops and verifies the journal at its next start."""


@dataclass(frozen=True, slots=True)
class BusProcess:
    """Where one bus lives. journal and snapshots: files; endpoints: sockets to bind. retention_ns: how long market data stays (0: for ever);
    sources: actors whose snapshots pruning waits for."""

    settings: BusSettings
    journal: Path
    snapshots: Path
    endpoints: Endpoints
    retention_ns: int = 0
    sources: tuple[str, ...] = ()

    def run(self, observe: Callable[[BusServer], None] | None = None, note: Callable[[str], None] = print) -> int:
        """Until SIGTERM or SIGINT: exit status 0. Raises JournalLocked, JournalDamaged before anything is bound, JournalFailed later."""
        stop = Stop()
        journal = Journal.open(self.journal, self.settings.durability)
        try:
            for text in journal.notes:
                note(text)
            server = BusServer(self.settings, journal, time.time_ns(), time.monotonic_ns())
            server.flush()
            reader = start_reader(self.journal, self.snapshots, self.endpoints)
            sockets = ZmqBusServer(server, self.endpoints, killpoints.passed)
            housekeeping = Housekeeping(journal, self.snapshots, self.retention_ns, self.sources, reader)
            try:
                self._loop(stop, server, sockets, housekeeping, observe)
            finally:
                sockets.close()
                reader.terminate()
                reader.wait(5)
        finally:
            journal.close()
        return 0

    def _loop(
        self,
        stop: Stop,
        server: BusServer,
        sockets: ZmqBusServer,
        housekeeping: Housekeeping,
        observe: Callable[[BusServer], None] | None,
    ) -> None:
        kept_house = time.monotonic_ns()
        while not stop.asked:
            handled = sockets.run_once()
            now = time.monotonic_ns()
            if not handled and now - kept_house > HOUSEKEEPING_NS:
                kept_house = now
                housekeeping.idle(server)
            if observe is not None:
                observe(server)


def start_reader(journal: Path, snapshots: Path, endpoints: Endpoints) -> subprocess.Popen[bytes]:
    """The catch-up process beside whoever holds the journal; it ends with its parent."""
    arguments = [str(os.getpid()), str(journal), str(snapshots), endpoints.append, endpoints.events, endpoints.catchup]
    return subprocess.Popen([sys.executable, "-m", "services.bus.reader", *arguments])  # noqa: S603 - our own module


class Housekeeping:
    """What the bus does when nothing arrives: checkpoints, pruning in small steps, a look at the reader."""

    def __init__(self, journal: Journal, snapshots: Path, retention_ns: int, sources: tuple[str, ...], reader: subprocess.Popen[bytes]) -> None:
        self._journal = journal
        self._snapshots = snapshots
        self._retention_ns = retention_ns
        self._sources = sources
        self._reader = reader
        self._pruner = Pruner(journal)
        self._next_announcement = 0
        self._announcing = 0

    def idle(self, server: BusServer) -> None:
        """Raises JournalFailed, ReaderEnded."""
        if self._reader.poll() is not None:
            raise ReaderEnded(f"the catch-up process ended with status {self._reader.returncode}")
        self._journal.idle()
        if self._announcing:
            self._pruner.announced(self._announcing)
            self._announcing = 0
        self._pruner.step()
        now = time.monotonic_ns()
        if self._retention_ns and now >= self._next_announcement:
            self._next_announcement = now + ANNOUNCE_EVERY_NS
            upto = self._pruner.announceable(self._journal.last_ts_ns - self._retention_ns, self._oldest_cursor())
            if upto:
                server.announce(MarketPruned(upto))  # in the journal after the next turn
                self._announcing = upto

    def _oldest_cursor(self) -> int:
        """Pruning stays before the second newest snapshot of whoever is farthest back; an actor without one keeps everything."""
        store = SnapshotStore(self._snapshots)
        cursors = store.second_newest_cursors(self._journal.log_id)
        store.close()
        return min((cursors.get(source, 0) for source in self._sources), default=0)
