"""The paper venue's service in the simulated world: reached over lines that lose, delay and cut; it may end at any of its kill points and comes back
from its ledger. Its books are the ground truth of a run."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from services.gateway.standing import Standing
from services.paper_venue.books import MemoryBooks, Write
from services.paper_venue.outcome import Outcome
from services.paper_venue.service import VenueService
from shared.bus.link import LinkDown, LinkRefused, LinkTimeout
from shared.events import CurrencyRate, Event, OrderRow, encode_body
from shared.runtime.simulated import Killed, World
from shared.runtime.simulated_host import SimulatedHost
from shared.venue import MatchingCore, Newest, VenueSettings, load
from shared.venue import protocol as p
from shared.venue.faults import FaultSpec, Mode

MS = 1_000_000
TICK_NS = 20 * MS
RENEW_NS = 1_000 * MS
DIRECT = -1  # whose requests are not the router's: the epoch of the reconciler's kill path
CHANGES = ("submit", "cancel", "replace")
_ENDED = frozenset({"filled", "cancelled", "rejected", "expired", "replaced"})


class Books(MemoryBooks):
    """A ledger in memory that survives its process. torn: the next commit does not happen, and the process ends."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps_state = True  # type: ignore[misc]  # as the ledger in a file
        self.state: bytes | None = None
        self.orders: dict[str, OrderRow] = {}
        self.newest: dict[tuple[str, type[Event]], Newest] = {}
        self.point: Callable[[str], None] = lambda _: None

    def commit(self, write: Write) -> None:
        if write.reports or write.answer is not None:
            self.point("venue_acted")
        super().commit(write)
        if write.state is not None:
            self.state = write.state
        if write.newest is not None:
            self._newest(write.newest)
        for event in write.restated:
            self._newest(event)
        for report in write.reports:
            if report.order is not None:
                self.orders[report.order.client_order_id] = report.order

    def _newest(self, event: Newest) -> None:
        self.newest[(event.currency if isinstance(event, CurrencyRate) else event.symbol, type(event))] = event


class SimulatedVenue:
    """wire: told of every request that changes something as it is written: (method, message, epoch of the writer). Also a `VenuePort` of the
    gateway's session."""

    def __init__(self, world: World, settings: VenueSettings) -> None:
        self.world = world
        self.books = Books()
        self.wire: Callable[[str, Any, int], None] = lambda *_: None
        self.frozen = False
        self._settings = settings
        self._lines: list[Line] = []
        self._standing = Standing()
        self._back = 0
        self._up = True
        self.core = MatchingCore(settings)
        self._begin()
        world.at(TICK_NS, self._tick)

    def _begin(self) -> None:
        self.books.point = self.point
        self.service = VenueService(self.core, self.books, self.world.wall_ns)
        self._up = True

    @property
    def up(self) -> bool:
        return self._up

    def point(self, step: str) -> None:
        self.world.point(step, step)

    def _tick(self) -> None:
        world = self.world
        if not self._up and world.now >= self._back and not self.frozen:
            books = self.books
            ended = [row for row in books.orders.values() if row.status in _ENDED]
            seen = list(books.newest.values())
            if books.state is not None:
                self.core = load(self._settings, books.state, ended, seen)
            else:
                self.core = MatchingCore(self._settings)
                for event in seen:
                    self.core.market.remember(event)
            self._begin()
        if self._up:
            try:
                self._tell(self.service.tick())
            except Killed:
                self.crash()
        world.at(world.now + TICK_NS, self._tick)

    def crash(self) -> None:
        """What it had told and not committed is nothing; listeners must ask again."""
        self._up = False
        self._back = self.world.now + self.world.rng.randrange(self.world.faults.down_ms + 1) * MS
        for line in self._lines:
            line.renewed = -RENEW_NS * 10

    def misbehave(self, rng: random.Random) -> str:
        """Put a fault of a broker in force for a few requests; which."""
        mode = rng.choice(list(Mode))
        requests = tuple(rng.sample(CHANGES, rng.randint(1, 3)))
        self.service.faults.set(FaultSpec(mode, rng.randint(1, 3), requests, rng.choice((50, 500, 1_500)), acts=rng.random() < 0.5))
        return str(mode)

    def handle(self, method: str, payload: bytes) -> Outcome | None:
        """Act on a request that arrived; None: the process ended at it."""
        if not self._up:
            return None
        try:
            self.point("venue_received")
            outcome = self.service.handle(method, payload)
            self.point("venue_committed")
        except Killed:
            self.crash()
            return None
        self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        if outcome.drop_stream:
            for line in self._lines:
                line.renewed = -RENEW_NS * 10
        if outcome.push:
            payload = p.encode(p.ReportsAnswer(tuple(outcome.push), outcome.push[-1].n))
            for line in self._lines:
                line.push(payload)

    def line(self, host: SimulatedHost, *, subscribe: bool = False) -> Line:
        line = Line(self, host, subscribe=subscribe)
        self._lines.append(line)
        return line

    def left(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)

    # -- the gateway's port

    def advance(self, row: int, event: Event) -> int:
        """Told without waiting; one that is away misses it, and hears later what it cannot trade without."""
        for each in self._standing.told(event, self.world.now / 1e9):
            self.handle("advance", p.encode(p.Advance(0, 0, each.TAG, encode_body(each))))
        return 0

    def head(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held open."""


class Line:
    """A `shared.brokers.paper.client.Link`: one process's connection to the venue."""

    def __init__(self, venue: SimulatedVenue, host: SimulatedHost, *, subscribe: bool) -> None:
        self._venue = venue
        self._world = venue.world
        self._host = host
        self._subscribe = subscribe
        self._pushes: list[bytes] = []
        self._arrives = 0
        self.renewed = -RENEW_NS * 10
        self._open = True

    def request(self, method: str, payload: bytes, timeout_s: float, permit: Callable[[], str] | None = None) -> bytes:
        world, venue = self._world, self._venue
        faults, rng = world.faults, world.rng
        if not venue.up:
            raise LinkDown("no connection")
        self._renew()
        reason = permit() if permit is not None else ""
        if reason:
            raise LinkDown(reason)
        change = method in CHANGES
        if change:
            venue.wire(method, p.decode({"submit": p.Submit, "cancel": p.Cancel, "replace": p.Replace}[method], payload), self._host.epoch)
        timeout_ns = int(timeout_s * 1e9)
        if world.happens(faults.lines / 4, "line: request lost"):
            return self._unanswered(method, timeout_s)
        if change and world.happens(faults.lines / 4, "line: request late"):
            late = int(rng.random() * timeout_ns)
            world.at(world.now + late, lambda: venue.handle(method, payload))
            return self._unanswered(method, timeout_s)
        outcome = venue.handle(method, payload)
        if outcome is None or (outcome.said is None and not outcome.code) or outcome.delay_ms * MS > timeout_ns:
            return self._unanswered(method, timeout_s)
        if world.happens(faults.lines / 4, "line: answer lost"):
            return self._unanswered(method, timeout_s)
        slow = world.happens(faults.lines / 4, "line: answer slow")
        self._host.spend(outcome.delay_ms * MS + int(rng.random() * (timeout_ns if slow else 2 * MS)))
        if outcome.code:
            raise LinkRefused(outcome.code, outcome.text)
        answer = outcome.answer
        assert answer is not None
        return answer

    def _unanswered(self, method: str, timeout_s: float) -> bytes:
        self._host.spend(int(timeout_s * 1e9))
        raise LinkTimeout(f"no answer to {method} in {timeout_s} s")

    def tell(self, method: str, payload: bytes) -> bool:
        return self._venue.handle(method, payload) is not None

    def pushes(self, timeout_s: float) -> list[bytes]:
        self._renew()
        out, self._pushes = self._pushes, []
        return out

    def push(self, payload: bytes) -> None:
        """A report on its way to this listener; in order, or lost, or told twice."""
        world = self._world
        if not self._subscribe or world.now - self.renewed > 5 * RENEW_NS:
            return
        if world.happens(world.faults.lose, "push lost"):
            return
        for _ in range(2 if world.happens(world.faults.repeat, "push repeated") else 1):
            self._arrives = max(self._arrives, world.now + int(world.rng.random() * world.faults.delay_ms * MS))
            world.at(self._arrives, lambda: self._take(payload))

    def _take(self, payload: bytes) -> None:
        if self._open:
            self._pushes.append(payload)
            self._host.wake()

    def _renew(self) -> None:
        if self._subscribe and self._venue.up and self._world.now - self.renewed >= RENEW_NS:
            self.renewed = self._world.now

    def close(self) -> None:
        self._open = False
        self._venue.left(self)
