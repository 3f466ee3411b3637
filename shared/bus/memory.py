"""The in-memory bus: the same `BusServer`, joined to its actors by lists. For `--topology single`, backtests, simulation and tests.

With a store the log is durable all the same (`single` journals); without one it lives as long as the object. Events are handed over as
they are, never encoded, unless a store needs their bytes. One thread.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from shared.events import Envelope, Event

from .frame_reader import History, Shelf
from .memory_store import MemorySnapshots
from .port import (
    NEVER,
    Acked,
    ClockMode,
    Cursor,
    Delivered,
    FeedTurn,
    Fenced,
    Names,
    Notice,
    Refused,
    Registration,
    Snapshot,
    Welcome,
)
from .record import digest_of, envelope_of, record_of
from .sequencer import Item, Stamped
from .server import BusServer, BusSettings, Flushed, Store
from .snapshots import state_digest

Clock = Callable[[], tuple[int, int]]
HISTORY_ROWS: Final = 1_000
BEAT_NS: Final = 300_000_000


class Outer(Protocol):
    """Sockets beside the in-memory bus, over the same server."""

    def receive(self) -> int: ...
    def after(self, flushed: Flushed) -> None: ...
    def wait(self, timeout_s: float) -> None: ...
    def watch(self, fd: int) -> None: ...
    def unwatch(self, fd: int) -> None: ...


class MemoryBus:
    """clock: (wall ns, monotonic ns). store, history, shelf: the journal, how to read it back, and where snapshots go. keep: without a store,
    hold the log in memory for those who join later."""

    def __init__(
        self,
        settings: BusSettings,
        clock: Clock,
        store: Store | None = None,
        keep: bool = True,
        history: History | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        if (store is None) != (history is None):
            raise ValueError("a store needs the history that reads it back, and the other way round")
        self._settings = settings
        self._clock = clock
        self._store = store
        self._keep = keep and store is None
        self._log: list[Envelope] = []
        self._outer: Outer | None = None
        self._connections: list[MemoryConnection] = []
        self._history = history
        self._shelf: Shelf = shelf or MemorySnapshots()
        self.server = BusServer(settings, store, *clock(), sink=self._hold if self._keep else None)

    def connect(self, registration: Registration, timeout_s: float = 0.0) -> MemoryConnection:  # noqa: ARG002 - it never waits
        """Raises LeaseHeld, Refused(role)."""
        welcome = self.server.hello(registration, self._clock()[1])
        connection = MemoryConnection(self, registration, welcome)
        self._connections.append(connection)
        return connection

    def open_outer(self, outer: Outer) -> None:
        """Let other processes in too: commands, and whoever follows the log from outside."""
        self._outer = outer

    def wait(self, timeout_s: float) -> None:
        """Until something is there for one of the connections. Without an outer side there is nothing to wait for."""
        if self.pump() or any(c.waiting for c in self._connections) or self._outer is None:
            return
        self._outer.wait(timeout_s)
        self._outer.receive()

    def watch(self, fd: int) -> None:
        if self._outer is not None:
            self._outer.watch(fd)

    def unwatch(self, fd: int) -> None:
        if self._outer is not None:
            self._outer.unwatch(fd)

    def close(self) -> None: ...

    def pump(self) -> int:
        """Read the clock, commit, hand out. Events delivered."""
        self.server.tick(*self._clock())
        flushed = self.server.flush()
        for stamped in flushed.deliver:
            for connection in self._connections:
                connection.offer(stamped.envelope)
        for connection in self._connections:
            connection.settle(flushed.turn)
        if self._outer is not None:
            self._outer.after(flushed)
        return len(flushed.deliver)

    def _hold(self, stamped: Sequence[Stamped]) -> None:
        self._log.extend(s.envelope for s in stamped)

    def committed(self, after: int) -> Iterator[Envelope]:
        """Events after a seq, those included that lock-step has not delivered yet."""
        return self.history(after, NEVER)

    def history(self, after: int, upto: int) -> Iterator[Envelope]:
        if self._history is None:
            yield from self._log[after:upto]
            return
        while after < upto:
            rows, after_next = self._history.page(after, ("",), HISTORY_ROWS, upto)
            yield from (envelope_of(r) for r in rows)
            if after_next <= after:
                return
            after = after_next

    def mono_ns(self) -> int:
        return self._clock()[1]

    def save_snapshot(self, source: str, s: Snapshot) -> None:
        self._shelf.save(self.server.log_id, source, s.run, s.n, s.cursor.seq, s.cursor.digest, s.state, state_digest(s.state))

    def snapshots_of(self, source: str) -> list[Snapshot]:
        found = self._shelf.newest(self.server.log_id, source)
        return [Snapshot(Cursor(s.cursor_seq, s.cursor_digest), s.run, s.n, s.state) for s in found]

    def drop(self, connection: MemoryConnection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)


class MemoryConnection:
    """See `port.Connection`."""

    def __init__(self, bus: MemoryBus, registration: Registration, welcome: Welcome) -> None:
        self._bus = bus
        self._reg = registration
        self._topics = tuple(sorted(set(registration.topics)))
        self._welcome = welcome
        self._notices: deque[Notice] = deque()
        self._cursor = 0
        self._given = 0
        self._following = False
        self._pending: dict[tuple[str, int], int] = {}
        self._turns = 0
        self._fds: list[int] = []
        self._next_beat = 0

    @property
    def welcome(self) -> Welcome:
        return self._welcome

    @property
    def full(self) -> bool:
        return False

    def follow(self, cursor: Cursor) -> None:
        head = self._bus.server.head
        if cursor.seq > head:
            raise Refused("cursor", f"seq {cursor.seq} is after this log's end {head}")
        if cursor.seq:
            at = next(iter(self._bus.history(cursor.seq - 1, cursor.seq)), None)
            if at is not None and cursor.digest and digest_of(record_of(at)) != cursor.digest:
                raise Refused("cursor", f"the event at seq {cursor.seq} is not the one this cursor names")
        self._notices.clear()
        self._cursor = self._given = cursor.seq
        self._following = True
        w = self._welcome
        if w.clock is ClockMode.FEED and cursor.seq > w.done:  # what a snapshot holds was done, with every output acknowledged
            self._bus.server.append(self._reg.source, w.epoch, w.run, cursor.seq, 1, ())
        for e in self._bus.history(cursor.seq, head):
            self.offer(e)

    def offer(self, e: Envelope) -> None:
        """The bus hands over the next event."""
        if self._following and e.seq > self._given:
            self._given = e.seq
            if e.topic.startswith(self._topics):
                self._notices.append(Delivered(e))

    def settle(self, turn: int) -> None:
        """The bus has committed; turn: number of the feed's turn that came."""
        for (source, run), n in list(self._pending.items()) if self._pending else ():
            newest = self._bus.server.last_n(source, run)
            if newest >= n:
                del self._pending[(source, run)]
                if source == self._reg.source:
                    self._notices.append(Acked(newest))
        if turn and turn == self._turns and self._reg.feed:
            self._notices.append(FeedTurn(self._bus.server.head))

    def poll(self, timeout_s: float) -> Sequence[Notice]:  # noqa: ARG002 - it never waits
        if not self._notices:
            self._beat()
            self._bus.pump()
        notices = list(self._notices)
        self._notices.clear()
        for notice in notices:
            if isinstance(notice, Delivered):
                self._cursor = notice.envelope.seq
        return notices

    def append(self, cause: Envelope, events: Sequence[Event], first_n: int, next_timer: int = 0, requires: Names = ()) -> None:
        w = self._welcome
        items = [Item(e) for e in events]
        self._bus.server.append(self._reg.source, w.epoch, w.run, cause.seq, first_n, items, next_timer, requires)
        if events:
            self._pending[(self._reg.source, w.run)] = first_n + len(events) - 1

    def append_outside(self, source: str, run: int, n: int, event: Event, ts_ns: int = 0, requires: Names = ()) -> None:
        self._bus.server.outside(self._reg.source, self._welcome.epoch, source, run, n, Item(event), ts_ns, requires)
        self._pending[(source, run)] = n

    def feed_next(self, ts_ns: int, requires: Names = ()) -> None:
        self._turns += 1
        self._bus.server.feed_next(self._reg.source, self._welcome.epoch, self._turns, ts_ns, requires, self._bus.mono_ns())

    def _beat(self) -> None:
        now = self._bus.mono_ns()
        if now >= self._next_beat:
            self._next_beat = now + BEAT_NS
            self._bus.server.beat(self._reg.source, self._welcome.epoch, self._topics, now)

    def last_outside(self, source: str, run: int) -> int:
        return self._bus.server.last_n(source, run)

    def cursor(self) -> Cursor:
        """As of the newest event `poll` returned."""
        at = next(iter(self._bus.history(self._cursor - 1, self._cursor)), None) if self._cursor else None
        return Cursor(self._cursor, digest_of(record_of(at)) if at is not None else b"")

    @property
    def behind(self) -> int:
        return 0  # what is known of is in hand

    def watch(self, fd: int) -> None:
        self._fds.append(fd)
        self._bus.watch(fd)

    @property
    def waiting(self) -> bool:
        """Whether `poll` has something to give."""
        return bool(self._notices)

    def lease_left_ns(self) -> int:
        return self._welcome.lease_ns

    def unacked(self) -> int:
        return len(self._pending)

    def outputs_since(self, cause_after: int) -> Iterator[Envelope]:
        for e in self._bus.committed(cause_after):
            if e.source == self._reg.source and e.cause > cause_after:
                yield e

    def facts_of(self, source: str) -> Iterator[Envelope]:
        return (e for e in self._bus.committed(0) if e.source == source)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        self._bus.save_snapshot(self._reg.source, snapshot)

    def snapshots(self) -> Iterator[Snapshot]:
        return iter(self._bus.snapshots_of(self._reg.source))

    def close(self, release: bool = True) -> None:
        self._bus.drop(self)
        for fd in self._fds:
            self._bus.unwatch(fd)
        if release:
            with contextlib.suppress(Fenced):  # another holder has it already
                self._bus.server.release(self._reg.source, self._welcome.epoch)
