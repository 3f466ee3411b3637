"""The sequencer process: journal, server, sockets, reader child, signals. Decides nothing about events."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared.bus.journal import Journal
from shared.bus.server import BusServer, BusSettings
from shared.bus.zmq_server import Endpoints, ZmqBusServer
from shared.runtime.signals import Stop

IDLE_NS = 1_000_000_000
BIND_RETRY_S = 0.1
BIND_TRIES = 100


@dataclass(frozen=True, slots=True)
class BusProcess:
    """Where one bus lives. journal and snapshots: files; endpoints: sockets to bind."""

    settings: BusSettings
    journal: Path
    snapshots: Path
    endpoints: Endpoints

    def run(self, observe: Callable[[BusServer], None] | None = None) -> int:
        """Until SIGTERM or SIGINT: exit status 0. Raises JournalLocked, JournalDamaged before anything is bound, JournalFailed later."""
        stop = Stop()
        journal = Journal.open(self.journal, self.settings.durability)
        try:
            server = BusServer(self.settings, journal, time.time_ns(), time.monotonic_ns())
            server.flush()
            reader = self._start_reader()
            sockets = ZmqBusServer(server, self.endpoints)
            try:
                self._loop(stop, server, sockets, journal, observe)
            finally:
                sockets.close()
                reader.terminate()
                reader.wait(5)
        finally:
            journal.close()
        return 0

    def _loop(self, stop: Stop, server: BusServer, sockets: ZmqBusServer, journal: Journal, observe: Callable[[BusServer], None] | None) -> None:
        quiet_since = time.monotonic_ns()
        while not stop.asked:
            now = time.monotonic_ns()
            if sockets.run_once():
                quiet_since = now
            elif now - quiet_since > IDLE_NS:
                quiet_since = now
                journal.idle()
            if observe is not None:
                observe(server)

    def _start_reader(self) -> subprocess.Popen[bytes]:
        arguments = [str(self.journal), str(self.snapshots), self.endpoints.append, self.endpoints.events, self.endpoints.catchup]
        return subprocess.Popen([sys.executable, "-m", "services.bus.reader", *arguments])  # noqa: S603 - our own module
