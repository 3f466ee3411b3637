"""Where a tick begins and where its order ends: a feed that notes when it gave a quote to its driver, a broker session that notes when it was
asked to submit. Between them runs what runs in production.

`python -m tests.bench.probes gateway CONFIG NOTES` and `... order_router CONFIG NOTES` are those two services with the probes in the place
of the outside world. NOTES: a file of lines `key nanoseconds` (monotonic, one clock for all processes of a machine).
"""

from __future__ import annotations

import select
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.gateway.build import gateway_settings
from services.gateway.core import GatewayCore
from services.gateway.main import TOPICS as GATEWAY_TOPICS
from services.order_router.core import RouterCore
from services.order_router.session import RouterSession
from services.order_router.settings import SOURCE, TOPICS, RouterSettings
from shared.brokers import registry
from shared.bus.port import Bus, Role
from shared.bus.zmq_client import ZmqBus
from shared.config import load
from shared.events import (
    BrokerConnectionChanged,
    BrokerRequestRefused,
    Envelope,
    ErrorClass,
    OrderSending,
    Quote,
)
from shared.runtime.driver import ActorDriver
from shared.runtime.places import Places
from shared.runtime.service import Setting, broker_settings, run_service
from shared.runtime.session import Evidence, Performed, Permit, Session
from shared.runtime.sessions import InlineHost, ThreadedHost
from shared.runtime.signals import Stop

TICK: Final = "TICK"
NOISE: Final = "NOISE"
MORE, LAST = 300.0, 301.0  # bid size of a tick, and of the last that was asked for
PULSE_NS: Final = 50_000_000
FEED: Final = ("gateway.feed", 1)


class Notes:
    """Moments by key, kept until they are fetched or written. One thread takes, another may write."""

    def __init__(self) -> None:
        self.taken: deque[tuple[str, int]] = deque()

    def take(self, key: str) -> None:
        self.taken.append((key, time.monotonic_ns()))

    def append_to(self, path: Path) -> None:
        if self.taken:
            with path.open("a") as file:
                while self.taken:
                    key, ns = self.taken.popleft()
                    file.write(f"{key} {ns}\n")


class TickFeed:
    """Quotes on demand (`ticks`), others beside them at a rate (`noise_hz`), and one a PULSE_NS before the first demand, so that data is
    fresh. The key of a note is the row of the quote."""

    names: Final = (FEED,)

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._row = 0
        self.due: list[int] = []
        self.noise_hz = 0
        self._noise_at = 0
        self._pulse_at = 0

    def start(self, known: dict[tuple[str, int], int]) -> None:
        self._row = known.get(FEED, 0)

    def ask(self, ticks: int, interval_ns: int, noise_hz: int) -> None:
        """So many ticks from now on, and noise meanwhile."""
        now = time.monotonic_ns()
        self.due = [now + interval_ns * (k + 1) for k in range(ticks)]
        self.noise_hz, self._noise_at = noise_hz, now

    def wants(self, _e: Envelope) -> bool:
        return False

    def perform(self, _e: Envelope, permit: Permit) -> Performed:
        raise AssertionError(permit())

    def poll(self, _timeout_s: float) -> Sequence[Evidence]:
        now = time.monotonic_ns()
        rows = []
        if self.due:
            while self.noise_hz and self._noise_at <= now:
                self._noise_at += 1_000_000_000 // self.noise_hz
                rows.append(self._quote(NOISE))
            while self.due and self.due[0] <= now:
                self.due.pop(0)
                rows.append(self._quote(TICK, MORE if self.due else LAST))
                self._notes.take(str(self._row))
        elif now >= self._pulse_at:
            self._pulse_at = now + PULSE_NS
            rows.append(self._quote(NOISE))
        return rows

    def _quote(self, symbol: str, bid_size: float = MORE) -> Evidence:
        self._row += 1
        cents = 10_000 + self._row % 200
        return Evidence(Quote(symbol, time.time_ns(), cents / 100, (cents + 1) / 100, bid_size, 300.0), *FEED, self._row)

    def close(self) -> None: ...


class RefusingBroker:
    """Notes the moment it is asked to submit and refuses. inner: the session that would have done it; it opens the account and the stream of
    reports. None: there is no broker at all."""

    def __init__(self, notes: Notes, inner: Session | None) -> None:
        self._notes = notes
        self._inner = inner
        self._said = False
        self.names = getattr(inner, "names", ())

    def start(self, known: dict[tuple[str, int], int]) -> None:
        if self._inner is not None:
            self._inner.start(known)

    def wants(self, e: Envelope) -> bool:
        return type(e.event) is OrderSending

    def perform(self, e: Envelope, permit: Permit) -> Performed:
        event = e.event
        assert isinstance(event, OrderSending)
        self._notes.take(str(e.cause))
        reason = permit()
        if reason:
            print(f"{event.order_id} would not be sent: {reason}", file=sys.stderr, flush=True)
        return Performed(
            (Evidence(BrokerRequestRefused("bench", "router", "submit", event.client_order_id, ErrorClass.REJECTION, "bench", "not sent")),)
        )

    def poll(self, timeout_s: float) -> Sequence[Evidence]:
        if self._inner is not None:
            return self._inner.poll(timeout_s)
        if self._said:
            return ()
        self._said = True
        return (Evidence(BrokerConnectionChanged("bench", "router", connected=True, text="bench")),)

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()


def gateway(setting: Setting, bus: Bus, feed: TickFeed) -> ActorDriver:
    settings = gateway_settings(setting.config)
    registration = setting.registration("gateway", Role.GATEWAY, GATEWAY_TOPICS, repr(settings))
    return ActorDriver(bus, registration, GatewayCore(settings), InlineHost(feed), snapshot_every=setting.snapshot_every)


def run_gateway(config: Path, notes_path: Path) -> int:
    """Obeys lines `ticks interval_ns noise_hz` on its standard input; writes its notes when they are done."""
    setting = Setting(load(config), Places.of(load(config).config), "gateway")
    bus, notes = ZmqBus(setting.places.bus), Notes()
    feed = TickFeed(notes)
    driver = gateway(setting, bus, feed)
    driver.start(60.0)
    stop = Stop()
    while not stop.asked:
        driver.pump(0.002)
        if not feed.due:
            notes.append_to(notes_path)
            if select.select([sys.stdin], [], [], 0)[0]:
                feed.ask(*(int(word) for word in sys.stdin.readline().split()))
    driver.stop()
    bus.close()
    return 0


def run_router(config: Path, notes_path: Path) -> int:
    """The order router with its real core, host and stream of reports; the key of a note is the seq of the approval."""
    notes = Notes()

    def drivers(setting: Setting, bus: Bus) -> Sequence[ActorDriver]:
        broker, options = registry.broker(setting.live.broker), broker_settings(setting)
        inner = RouterSession(broker.capabilities(options), lambda: broker.execution(options), lambda: broker.execution(options))
        host = ThreadedHost(RefusingBroker(notes, inner))
        registration = setting.registration(SOURCE, Role.ROUTER, TOPICS, repr(RouterSettings()))
        return [ActorDriver(bus, registration, RouterCore(RouterSettings()), host, snapshot_every=setting.snapshot_every)]

    written = [time.monotonic()]

    def write() -> None:
        now = time.monotonic()
        if now - written[0] > 0.5:
            written[0] = now
            notes.append_to(notes_path)

    return run_service("order_router", load(config), "order_router", drivers, extra=write)


if __name__ == "__main__":
    _, name, config_path, notes_file = sys.argv
    sys.exit((run_gateway if name == "gateway" else run_router)(Path(config_path), Path(notes_file)))
