"""Recovery: from the start of a process to `ready` with a snapshot 50,000 events old, against the size of the log behind it.

The log is written by the real bus core and folded by the real risk engine, in this process; what is measured are real processes over it. The
floor is the same service on an empty log: interpreter, imports, configuration, lease.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Final

from services.risk_engine.build import risk_settings
from services.risk_engine.core import RiskCore
from services.risk_engine.main import SOURCE, TOPICS
from shared.bus.journal import Journal
from shared.bus.port import ClockMode, Durability, Role
from shared.bus.record import digest_of
from shared.bus.sequencer import Item
from shared.bus.server import BusServer, BusSettings
from shared.bus.snapshots import SnapshotStore, state_digest
from shared.config import load
from shared.events import Envelope, InstrumentDefined, Quote
from shared.runtime.places import Places
from shared.runtime.service import Setting
from tests.support.stack import ROOT

from .order_path import settings
from .probes import TICK
from .table import AT_MOST, Row, Size, Target, interleaved

BATCH: Final = 500
AGE: Final = 50_000
WAIT_S: Final = 120.0
LEASE_NS: Final = 3_600_000_000_000  # writing the log takes longer than a lease, and nobody else is there
TARGET: Final = Target(AT_MOST, 2.0, "< 2 s to READY, snapshot 50,000 events old, log of 1,000,000")


class LogBuilder:
    """Writes a log of quotes and the risk engine's answers, and one snapshot of the engine on the way."""

    def __init__(self, directory: Path) -> None:
        loaded = load(settings(directory))
        places = Places.of(loaded.config)
        places.make()
        self._places = places
        self._journal = Journal.open(places.journal, Durability.PROCESS)
        self._server = BusServer(BusSettings(ClockMode.WALL, lease_ttl_ns=LEASE_NS), self._journal, time.time_ns(), time.monotonic_ns())
        setting = Setting(loaded, places, "bench")
        self._core = RiskCore(risk_settings(loaded.config))
        registration = setting.registration(SOURCE, Role.RISK, TOPICS, repr(risk_settings(loaded.config)))
        gateway = setting.registration("gateway", Role.GATEWAY, ("c.",), "")
        self._feed_epoch = self._server.hello(gateway, time.monotonic_ns()).epoch
        welcome = self._server.hello(registration, time.monotonic_ns())
        self._epoch, self._run, self._n = welcome.epoch, welcome.run, 0
        self._rows = 0
        tick = Decimal("0.01")
        self._server.append(
            "gateway", self._feed_epoch, 1, 0, 1, [Item(InstrumentDefined(TICK, "equity", "USD", tick, Decimal(1), Decimal(1), "24x7"))]
        )
        self._settle()

    def extend(self, upto: int) -> None:
        """Until the log has that many events."""
        while self._server.head < upto:
            for _ in range(min(BATCH, upto - self._server.head)):
                self._rows += 1
                cents = 10_000 + self._rows % 200
                quote = Quote(TICK, time.time_ns(), cents / 100, (cents + 1) / 100, 300.0, 300.0)
                self._server.outside("gateway", self._feed_epoch, "gateway.feed", 1, self._rows, Item(quote), 0)
            self._settle()

    def snapshot(self) -> None:
        store = SnapshotStore(self._places.snapshots)
        last = self._journal.row_from(self._server.head)
        assert last is not None
        state = self._core.snapshot()
        store.save(self._journal.log_id, SOURCE, self._run, self._n, last.seq, digest_of(last), state, state_digest(state))
        store.close()

    def close(self) -> None:
        self._server.release(SOURCE, self._epoch)
        self._server.release("gateway", self._feed_epoch)
        self._server.flush()
        self._journal.close()

    def _settle(self) -> None:
        while True:
            self._server.tick(time.time_ns(), time.monotonic_ns())
            flushed = self._server.flush()
            if not flushed.deliver:
                return
            for stamped in flushed.deliver:
                if stamped.envelope.source != SOURCE:
                    self._fold(stamped.envelope)

    def _fold(self, e: Envelope) -> None:
        outputs = self._core.decide(e)
        self._core.apply(e)
        if outputs:
            first = self._n + 1
            for event in outputs:
                self._n += 1
                self._core.apply(Envelope(0, e.ts_ns, event.topic, SOURCE, self._run, self._n, e.seq, self._epoch, event))
            self._server.append(SOURCE, self._epoch, self._run, e.seq, first, [Item(event) for event in outputs])


class Started:
    """A service process and the seconds it took to say each of these words in its log."""

    def __init__(self, name: str, config: Path, directory: Path, *words: str) -> None:
        log = directory / f"{name}.out"
        log.write_bytes(b"")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "REGIMEFLOW_INSTANCE": name}
        command = [sys.executable, "-m", "services.control.main", "service", name, "--config", str(config)]
        begun = time.perf_counter()
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
        self.took: list[float] = []
        for word in words:
            while f"event={word}" not in log.read_text():
                if self._process.poll() is not None or time.perf_counter() - begun > WAIT_S:
                    raise RuntimeError(f"{name} did not say {word}:\n{log.read_text()}")
                time.sleep(0.002)
            self.took.append(time.perf_counter() - begun)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Site:
    """A directory with a log of so many events (0: none); measures a start of the risk engine over it."""

    def __init__(self, directory: Path, events: int, age: int) -> None:
        self.directory, self.events = directory, events
        self.config = settings(directory)
        self.bus_s: list[float] = []
        self.replay_s: list[float] = []
        if events:
            log = LogBuilder(directory)
            log.extend(events - age)
            log.snapshot()
            log.extend(events)
            log.close()

    def start(self) -> float:
        """Seconds to ready of a risk engine, the bus running."""
        socket = Places.of(load(self.config).config).sockets / "catchup"  # the reader's, bound last
        socket.unlink(missing_ok=True)
        begun = time.perf_counter()
        bus = Started("bus", self.config, self.directory, "starting")
        try:
            while not socket.exists():
                time.sleep(0.002)
            self.bus_s.append(time.perf_counter() - begun)
            risk = Started(SOURCE, self.config, self.directory, "recovering", "ready")
            risk.stop()
            claimed, ready = risk.took
            self.replay_s.append(ready - claimed)
            return ready
        finally:
            bus.stop()


def run(size: Size) -> list[Row]:
    age, sizes, rounds = size.of(AGE, 200), (size.of(100_000, 500), size.of(1_000_000, 1_000)), size.of(3, 1)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        floor = Site(Path(empty), 0, 0)
        sites = [Site(Path(small), sizes[0], age), Site(Path(large), sizes[1], age)]
        started = interleaved(rounds, floor.start, *(site.start for site in sites))
        rows = []
        for site, took in zip(sites, started[1:], strict=True):
            target = TARGET if site is sites[-1] else None
            what = f"recovery to ready, snapshot {age:,} old, log of {site.events:,}"
            rows.append(Row(what, f"{took:.2f} s", f"empty log {started[0]:.2f} s", took / started[0], target, took))
        rows.append(Row("    time to ready by size of the log", f"{sizes[1]:,} events", f"{sizes[0]:,} events", started[2] / started[1]))
        bus, bare = min(sites[1].bus_s), min(floor.bus_s)
        rows.append(Row(f"bus to bound sockets, log of {sizes[1]:,}", f"{bus:.2f} s", f"new log {bare:.2f} s", bus / bare))
        replay = statistics.median(sites[1].replay_s)
        idle = statistics.median(floor.replay_s)
        rows.append(Row("    from lease to ready", f"{replay:.2f} s ({age / replay:,.0f} events/s)", f"empty log {idle:.2f} s", replay / idle))
    return rows
