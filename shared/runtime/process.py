"""The process driver: a plain poll loop over the actors of one service process. Crash-only: what it cannot handle ends the process, and
the next one recovers.

Exit status: 0 asked to stop, 3 fenced (another process holds the name), 4 invariant broken (our bug), 5 the bus refused or did not answer.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from shared.bus.port import Bus, BusUnavailable, ClockMode, Fenced, LeaseHeld, Refused
from shared.events import HealthReported, HealthState, ServiceAnnounced

from .actor import InvariantError
from .driver import ActorDriver
from .health import HealthFile, Sample
from .signals import Stop

WAIT_S: Final = 0.1  # beats, retries and health are due less often; sockets and sessions wake the loop
EXTRA_WAIT_S: Final = 0.02  # a service that answers beside the log is asked on a socket that does not
LEASE_RETRY_NS: Final = 250_000_000
EXIT_FENCED: Final = 3
EXIT_INVARIANT: Final = 4
EXIT_BUS: Final = 5


class Crew(Protocol):
    """Whose actors come and go while the process runs."""

    def turn(self, started: Sequence[ActorDriver]) -> tuple[Sequence[ActorDriver], Sequence[ActorDriver]]:
        """Called once a step: (actors that are over, actors to start). started: those that hold their lease. Raises as a driver's `start`."""

    def close(self) -> None: ...


class ActorProcess:
    """drivers: the actors of this process, started in order. connect_timeout_s: how long to wait for a bus that is not there yet.
    extra: called once a step, for what a service answers beside the log. announce: hashes of code, broker and bus settings, said by every actor
    as its first word under the wall clock. crew: actors beside `drivers` that are not known from the start."""

    def __init__(
        self,
        service: str,
        bus: Bus,
        drivers: Sequence[ActorDriver],
        health: HealthFile,
        log: Any,
        connect_timeout_s: float = 60.0,
        extra: Callable[[], None] | None = None,
        announce: tuple[str, str, str] | None = None,
        crew: Crew | None = None,
    ) -> None:
        self.service = service
        self._bus = bus
        self._pending = list(drivers)
        self._next_claim = 0
        self._said_held = False
        self._extra = extra
        self._health = health
        self._log = log
        self._timeout_s = connect_timeout_s
        self._loop_ms = 0.0
        self._announce = announce
        self._crew = crew
        self._said: Counter[tuple[str, int]] = Counter()  # by actor and epoch

    def run(self, stop: Stop) -> int:
        """Until asked to stop."""
        status = 0
        started: list[ActorDriver] = []
        try:
            self._write_health(started)
            self._health.state = HealthState.RECOVERING
            while not stop.asked:
                self._change(started)
                self._claim(started)
                self._step(started)
        except Fenced as error:
            status = self._end("fenced", error, EXIT_FENCED)
        except InvariantError as error:
            status = self._end("invariant broken", error, EXIT_INVARIANT)
        except (BusUnavailable, Refused) as error:
            status = self._end("the bus refused or is away", error, EXIT_BUS)
        finally:
            self._health.state = HealthState.STOPPING
            for driver in reversed(started):
                driver.stop(release=status == 0)
            if self._crew is not None:
                self._crew.close()
            self._bus.close()
            self._health.gone()
        return status

    def _change(self, started: list[ActorDriver]) -> None:
        """Actors that come and go."""
        if self._crew is None:
            return
        over, new = self._crew.turn(started)
        for driver in over:
            if driver in started:
                started.remove(driver)
                driver.stop()
            else:
                self._pending.remove(driver)
        self._pending.extend(new)
        if new:
            self._next_claim = 0

    def _claim(self, started: list[ActorDriver]) -> None:
        """Take the leases that are free; another holder may be leaving, or be the one that works."""
        now = time.monotonic_ns()
        if not self._pending or now < self._next_claim:
            return
        self._next_claim = now + LEASE_RETRY_NS
        for driver in list(self._pending):
            try:
                driver.start(self._timeout_s)
            except LeaseHeld as held:
                if not self._said_held:
                    self._said_held = True
                    self._log.warning("waiting for the lease", held=str(held))
                continue
            self._pending.remove(driver)
            started.append(driver)
            w = driver.connection.welcome
            if self._announce is not None:
                self._tell(driver, ServiceAnnounced(driver.source, *self._announce))
            self._log.info("recovering", source=driver.source, epoch=w.epoch, run=w.run, head=w.head)
            for other in started:
                other.pump(0.0)  # the next one's start may take long; those before it keep their leases

    def _step(self, drivers: Sequence[ActorDriver]) -> None:
        if not any(driver.lag for driver in drivers):
            self._bus.wait(EXTRA_WAIT_S if self._extra is not None else WAIT_S)
        begun = time.monotonic_ns()
        for driver in drivers:
            driver.pump(0.0)
        if self._extra is not None:
            self._extra()
        now = time.monotonic_ns()
        self._loop_ms = max(self._loop_ms, (now - begun) / 1e6)
        if self._health.state is HealthState.RECOVERING and all(d.progress.recovered for d in drivers):
            self._health.state = HealthState.READY
            gc.collect()
            gc.freeze()  # what recovery built stays; a full collection over it would stop the order path for nothing
            self._log.info("ready", seq=max((d.progress.cursor for d in drivers), default=0))
        if self._health.due(now):
            self._write_health(drivers)

    def _write_health(self, drivers: Sequence[ActorDriver]) -> None:
        sample = Sample(
            cursor=min((d.progress.cursor for d in drivers), default=0),
            lag=max((d.lag for d in drivers), default=0),
            queue=sum(d.connection.unacked() for d in drivers),
            loop_ms=self._loop_ms,
            epoch=max((d.connection.welcome.epoch for d in drivers), default=0),
        )
        report = self._health.write(sample, time.monotonic_ns())
        self._loop_ms = 0.0
        if drivers:
            self._tell(drivers[0], report)

    def _tell(self, driver: ActorDriver, event: HealthReported | ServiceAnnounced) -> None:
        """What a process says of itself, under the wall clock only: in lock-step it would be the one thing that differs from run to run."""
        w = driver.connection.welcome
        if w.clock is ClockMode.WALL:
            self._said[driver.source, w.epoch] += 1  # an actor of a crew may come again in this process, under another epoch
            driver.connection.append_outside(f"{driver.source}.health", w.epoch, self._said[driver.source, w.epoch], event)

    def _end(self, why: str, error: Exception, status: int) -> int:
        self._log.error(why, error=str(error), exit=status)
        return status
